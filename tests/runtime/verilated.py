"""The Verilated board for a Python that has pynq; it speaks as bnn_hw/sim/board.py does (Python 3.8).

Nothing of bnn_hw is imported; only what pynq_board.py asks of a device is here.
"""

import subprocess

import numpy as np

ALIGNMENT = 64


class Memory:
    """The processor's copy of a stretch of the simulated memory."""

    def __init__(self, board, address, size_bytes):
        self.board, self.address = board, address
        self.array = np.zeros(size_bytes, np.uint8)

    def flush(self, size_bytes):
        self.board.command(f"load {self.address:x} {size_bytes:x}", self.array[:size_bytes].tobytes())

    def invalidate(self, size_bytes):
        self.board.command(f"dump {self.address:x} {size_bytes:x}")
        self.array[:size_bytes] = np.frombuffer(self.board.process.stdout.read(size_bytes), np.uint8)


class Verilated:
    """program: the compiled simulation; folder: the accelerator's; model: fields of a MemoryModel."""

    def __init__(self, program, folder, model):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen([program], cwd=folder, **pipes)
        self.answer()
        for name, value in model.items():
            self.command(f"set {name} {value}")
        self.next = model["memory_base"]

    def command(self, text, data=b""):
        self.process.stdin.write(text.encode() + b"\n" + data)
        self.process.stdin.flush()
        return self.answer()

    def answer(self):
        first, *values = self.process.stdout.readline().decode().split()
        assert first == "ok", values
        self.cycle = int(values[-1])
        return values[:-1]

    def read_register(self, offset):
        return int(self.command(f"read {offset:x}")[0])

    def write_register(self, offset, value):
        self.command(f"write {offset:x} {value:x}")

    def allocate(self, size_bytes):
        address = -(-self.next // ALIGNMENT) * ALIGNMENT
        self.next = address + size_bytes
        return Memory(self, address, size_bytes)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()
