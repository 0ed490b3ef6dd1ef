"""A stand-in for the module pynq: the fabric is one of our devices, the system registers are made up.

Unlike tests/runtime/pynq_board.py it needs no pynq, so what the driver does before and
while it loads a bit file is tested everywhere; how pynq itself behaves is not.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from bnn_hw.runtime import registers as regs
from bnn_hw.runtime.clock import FCLK0_CONTROL, IDCODE, SLCR_BASE
from bnn_hw.runtime.memory_port import PORT_BASE, READ_CONTROL, WRITE_CONTROL
from bnn_hw.soc.hwh import VLNV

IO_PLL = SLCR_BASE + 0x108
Z7010, Z7020 = 0x1372_2093, 0x2372_7093


class FakeBuffer(np.ndarray):
    """What pynq.allocate returns; slices flush and invalidate as a whole."""

    def __array_finalize__(self, parent):
        self.owner = getattr(parent, "owner", None)

    @property
    def device_address(self):
        return self.owner.address

    def flush(self):
        self.owner.flush(len(self))

    def invalidate(self):
        self.owner.invalidate(len(self))

    def freebuffer(self):
        self.owner.free()


class FakePynq:
    """device: the fabric, once something is loaded; loaded: names of the bit files.

    crystal_hz: of the board; idcode: of its part; port: what the boot loader left in the
    control registers of the memory port, whose bit 0 stays where stuck is true.
    """

    def __init__(self, device, crystal_hz=50e6, idcode=Z7020, port=0, stuck=False):
        self.device, self.crystal_hz, self.stuck = device, crystal_hz, stuck
        self.loaded: list[str] = []
        # The boot loader sets the I/O PLL to 1 GHz with either crystal; 50 MHz at the fabric.
        self.words = {
            IO_PLL: round(1e9 / crystal_hz) << 12,
            SLCR_BASE + FCLK0_CONTROL: 20 << 8 | 1 << 20,
            SLCR_BASE + IDCODE: idcode,
            PORT_BASE + READ_CONTROL: port,
            PORT_BASE + WRITE_CONTROL: port,
        }
        self.cycles, self.since = 0.0, time.monotonic()

    # The module's names

    def Overlay(self, path):  # noqa: N802
        self.loaded.append(Path(path).name)
        record = {"type": VLNV, "phys_addr": regs.BASE_ADDRESS, "addr_range": regs.RANGE_BYTES}
        return SimpleNamespace(ip_dict={"accelerator": record})

    def MMIO(self, base, size):  # noqa: N802
        read = lambda offset: self.read(base + offset)  # noqa: E731
        write = lambda offset, value: self.write(base + offset, value)  # noqa: E731
        return SimpleNamespace(read=read, write=write)

    def allocate(self, shape, dtype):
        memory = self.device.allocate(int(np.prod(shape)) * np.dtype(dtype).itemsize)
        buffer = memory.array.view(FakeBuffer)
        buffer.owner = memory
        return buffer

    # The board

    def clock_hz(self):
        control = self.words[SLCR_BASE + FCLK0_CONTROL]
        pll = self.crystal_hz * (self.words[IO_PLL] >> 12)
        return pll / (control >> 8 & 0x3F) / (control >> 20 & 0x3F)

    def count(self):
        now = time.monotonic()
        self.cycles += (now - self.since) * self.clock_hz()
        self.since = now

    def of_fabric(self, address):
        """The accelerator's offset, or None; the bus would hang with nothing loaded."""
        offset = address - regs.BASE_ADDRESS
        inside = 0 <= offset < regs.RANGE_BYTES
        if inside or PORT_BASE <= address < PORT_BASE + 0x1000:
            assert self.loaded, f"0x{address:08X} was accessed before a bit file was loaded"
        return offset if inside else None

    def read(self, address):
        offset = self.of_fabric(address)
        if offset is None:
            return self.words.get(address, 0)
        if offset in (regs.CYCLES_LOW_OFFSET, regs.CYCLES_HIGH_OFFSET):
            return int(self.cycles) >> (0 if offset == regs.CYCLES_LOW_OFFSET else 32) & 0xFFFF_FFFF
        return self.device.read_register(offset)

    def write(self, address, value):
        self.count()
        offset = self.of_fabric(address)
        if offset is not None:
            self.device.write_register(offset, value)
        elif address >= PORT_BASE and self.stuck:
            self.words[address] = value | 1
        else:
            self.words[address] = value
