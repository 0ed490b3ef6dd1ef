"""The simulated board as a device of the driver: the same driver and bench, cycle by cycle."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from bnn_hw.errors import ConfigError
from bnn_hw.manifest import Manifest
from bnn_hw.pipeline.shell import RECORD
from bnn_hw.pipeline.shell import load as load_shell
from bnn_hw.runtime.device import Buffer, Device
from bnn_hw.sim.board import MemoryModel, SimulatedBoard, build_board

ALIGNMENT = 64


class SimulatedBuffer(Buffer):
    """The processor's copy of a stretch of the simulated memory."""

    def __init__(self, device: SimulatedDevice, address: int, size_bytes: int) -> None:
        self._device, self.address = device, address
        self.array = np.zeros(size_bytes, np.uint8)

    def flush(self, size_bytes: int) -> None:
        self._device.board.write_memory(self.address, self.array[:size_bytes].tobytes())

    def invalidate(self, size_bytes: int) -> None:
        data = self._device.board.read_memory(self.address, size_bytes)
        self.array[:size_bytes] = np.frombuffer(data, np.uint8)

    def free(self) -> None:
        self._device.buffers.pop(self.address, None)


class SimulatedDevice(Device):
    """Time is simulated cycles by the build's clock: only accesses and waiting take any."""

    name = "sim"
    kind = "simulation"
    time_source = "simulated cycles by the clock it is built for; the processor's own work takes none"
    has_interrupt = True
    timeout_s = 0.02

    def __init__(self, board: SimulatedBoard) -> None:
        self.board = board
        self.buffers: dict[int, SimulatedBuffer] = {}

    def read_register(self, offset: int) -> int:
        return self.board.read_register(offset)

    def write_register(self, offset: int, value: int) -> None:
        self.board.write_register(offset, value)

    def allocate(self, size_bytes: int) -> Buffer:
        model = self.board.model
        ends = [start + len(item.array) for start, item in self.buffers.items()]
        address = -(-max([model.memory_base, *ends]) // ALIGNMENT) * ALIGNMENT
        if address + size_bytes > model.memory_base + model.memory_bytes:
            raise MemoryError(f"the simulated memory has {model.memory_bytes} bytes")
        self.buffers[address] = SimulatedBuffer(self, address, size_bytes)
        return self.buffers[address]

    def wait(self, seconds: float) -> bool:
        return self.board.wait_interrupt(max(1, round(seconds * self.board.shell.clock_hz)))

    def seconds(self) -> float:
        return self.board.cycle / self.board.shell.clock_hz

    def close(self) -> None:
        self.buffers.clear()
        self.board.close()


def shell_folder(package: Path, manifest: Manifest) -> Path:
    """Return the folder with the hardware that a package was made of; ConfigError if it is not beside it."""
    if manifest.backend.kind != "bnn_hw":
        cause = f"is {manifest.backend.kind}; only our own hardware is simulated"
        raise ConfigError.at("manifest.json, backend", cause, "use --device software")
    folder = package.resolve().parent.parent / "soc" / "soc"
    if not (folder / RECORD).is_file():
        raise ConfigError.at(
            folder / RECORD,
            "is not there; the simulated board needs the hardware that the package was made of",
            "give the package where bnn-hw package wrote it, or use --device software",
        )
    digest = load_shell(folder).digest
    if digest != manifest.digest:
        raise ConfigError.at(
            folder,
            f"holds the build {digest}, the package is of {manifest.digest}",
            "make the package again with bnn-hw package",
        )
    return folder


def open_simulated(package: Path, manifest: Manifest) -> Device:
    """Compile, or find compiled, the simulation of a package's hardware and start it.

    Raises ConfigError without the hardware, ToolError without a simulator.
    """
    shell = load_shell(shell_folder(package, manifest))
    print("starting the simulated board; compiling it takes up to minutes the first time", file=sys.stderr)
    return SimulatedDevice(SimulatedBoard(build_board(shell), MemoryModel()))
