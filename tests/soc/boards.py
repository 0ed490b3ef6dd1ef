"""A plain driver for tests: everything by register, nothing hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnn_hw.runtime import registers as regs
from bnn_hw.sim.board import SimulatedBoard

SOURCE, TARGET = 0x20_0000, 0x100_0000
ERRORS = {error.name: code for code, error in regs.ERROR_CODES.items()}
JOB_DONE, ERROR, RESET_DONE = 1, 2, 4
SOFT_RESET, CLEAR, SNAPSHOT = 1, 2, 4


@dataclass
class Driver:
    """Reads and writes registers by name on a simulated board."""

    board: SimulatedBoard

    def read(self, name: str) -> int:
        return self.board.read_register(regs.REGISTERS[name].offset)

    def write(self, name: str, value: int) -> None:
        self.board.write_register(regs.REGISTERS[name].offset, value)

    def status(self, field: str) -> int:
        return regs.REGISTERS["STATUS"].fields[field].get(self.read("STATUS"))

    def load(self, images: np.ndarray, address: int = SOURCE) -> None:
        """Put pictures into memory, each at its stride."""
        stride = self.board.shell.frame_stride
        rows = np.full((len(images), stride), 0xA5, np.uint8)
        rows[:, : self.board.shell.frame_bytes] = images.reshape(len(images), -1)
        self.board.write_memory(address, rows.tobytes())

    def results(self, frames: int, address: int = TARGET) -> np.ndarray:
        """Return (frames, words) signed results."""
        shell = self.board.shell
        data = self.board.read_memory(address, frames * shell.result_stride)
        rows = np.frombuffer(data, np.int32).reshape(frames, -1)
        assert (rows[:, shell.result_words :] == 0).all()
        return rows[:, : shell.result_words]

    def push(self, frames: int, source: int = SOURCE, target: int = TARGET) -> None:
        self.write("JOB_SOURCE", source)
        self.write("JOB_TARGET", target)
        self.write("JOB_FRAMES", frames)

    def run(self, images: np.ndarray, limit: int = 1_000_000) -> np.ndarray:
        """Load, run as one job, wait for the interrupt, and return the results."""
        self.load(images)
        self.write("IRQ_STATUS", 7)
        self.write("IRQ_ENABLE", JOB_DONE | ERROR)
        self.push(len(images))
        assert self.board.wait_interrupt(limit), f"no interrupt, STATUS {self.read('STATUS'):08x}"
        assert self.read("IRQ_STATUS") == JOB_DONE, f"ERROR {self.read('ERROR')}"
        self.write("IRQ_STATUS", JOB_DONE)
        return self.results(len(images))

    def soft_reset(self, limit: int = 10_000) -> None:
        self.write("CONTROL", SOFT_RESET)
        for _ in range(limit // 100):
            if not self.status("RESETTING"):
                return
        raise AssertionError("the soft reset does not end")

    def counters(self) -> dict[str, int]:
        self.write("CONTROL", SNAPSHOT)
        names = [name for name, item in regs.REGISTERS.items() if 0xC0 <= item.offset < 0x100]
        values = {name: self.read(name) for name in names}
        values["CYCLES"] = values.pop("CYCLES_HIGH") << 32 | values.pop("CYCLES_LOW")
        return values
