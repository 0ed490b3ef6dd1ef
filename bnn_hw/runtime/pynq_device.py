"""The board's fabric through PYNQ 2.7, 3.0 and 3.1 (Python 3.8). pynq is imported here and nowhere else.

Order of a start: the .bit file is whole, of this build and for this part, then it is
loaded, then the clock is set by the board's crystal, then the memory port's width.
Registers of fabric that is not configured must not be read: the bus would hang.
"""

import os
import platform
import select
import struct
import time
from pathlib import Path
from typing import Any, Optional

import numpy as np

from bnn_hw.manifest import Manifest
from bnn_hw.runtime import finn_shell
from bnn_hw.runtime.bitheader import read_bit_header
from bnn_hw.runtime.clock import SLCR_BASE, SLCR_BYTES, FabricClock, Words, part_of
from bnn_hw.runtime.device import Buffer, Device
from bnn_hw.runtime.errors import DeviceError, PackageError, WrongHardwareError
from bnn_hw.runtime.memory_port import PORT_BASE, PORT_BYTES, set_64_bits
from bnn_hw.runtime.opening import check_file

LOCK_NAME = "fabric"
UIO_NAME = "fabric"  # PYNQ's device tree gives the fabric's first interrupt this name
MACHINE = "armv7l"


class PynqBuffer(Buffer):
    """A buffer of pynq.allocate."""

    def __init__(self, buffer: Any) -> None:
        self._buffer: Optional[Any] = buffer
        self.array = buffer.view(np.ndarray)
        self.address = int(buffer.device_address)

    def flush(self, size_bytes: int) -> None:
        if self._buffer is not None:
            self._buffer[:size_bytes].flush()

    def invalidate(self, size_bytes: int) -> None:
        if self._buffer is not None:
            self._buffer[:size_bytes].invalidate()

    def free(self) -> None:
        if self._buffer is not None:
            buffer, self._buffer = self._buffer, None
            self.array = np.zeros(0, np.uint8)
            buffer.freebuffer()


class PynqDevice(Device):
    """The accelerator in the fabric; an interrupt is used where Linux offers it, else it is polled."""

    name = "pynq"
    time_source = "monotonic clock of the board"
    lock_name = LOCK_NAME

    def __init__(self, folder: Path, manifest: Manifest, pynq: Any = None) -> None:
        self._pynq = pynq if pynq is not None else _import_pynq()
        self._overlay: Any = None
        self._uio: Optional[int] = None
        bit = manifest.named(".bit")
        hwh = manifest.named(".hwh")
        if bit is None or hwh is None:
            cause = "holds no {} file".format("bit" if bit is None else "hwh")
            remedy = "make the package with a bit file: bnn-hw package --bit FILE"
            raise PackageError(str(folder), cause, remedy)
        check_file(folder, manifest, bit.path, hwh.path)
        self._slcr = self._system_registers(SLCR_BASE, SLCR_BYTES)
        self._check_bit(folder / bit.path, manifest)
        self._overlay = self._pynq.Overlay(str(folder / bit.path))
        self._clock = FabricClock(self._slcr, manifest.board.ps_crystal_hz) if self._slcr else None
        self._registers = self._bind(manifest)
        self._uio = _open_uio()
        self.has_interrupt = self._uio is not None
        # FINN's shell makes its clock of this one itself.
        reference_hz = manifest.backend.settings.get("reference_hz", manifest.clock_hz)
        found_hz = self.set_clock(reference_hz)
        self.clock_hz = found_hz and found_hz / reference_hz * manifest.clock_hz
        port = self._system_registers(PORT_BASE, PORT_BYTES)
        if port is not None:
            set_64_bits(port)

    def _system_registers(self, base: int, size_bytes: int) -> Optional[Words]:
        on_zynq = platform.machine() == MACHINE
        words: Optional[Words] = self._pynq.MMIO(base, size_bytes) if on_zynq else None
        return words

    def _check_bit(self, bit: Path, manifest: Manifest) -> None:
        header = read_bit_header(bit)
        if not header.is_of(manifest.digest):
            cause = "is of the build {}, the manifest of {}".format(header.build(), manifest.digest)
            raise WrongHardwareError(str(bit), cause, "copy the whole package again")
        device = manifest.board.device
        part = "xc" + header.part
        if not device.startswith(part):
            cause = "is for {}, the manifest for {}".format(part, device)
            raise PackageError(str(bit), cause, "copy the whole package again")
        found = self.part()
        if found is not None and not device.startswith(found):
            cause = "has a {}, the package is made for {} ({})".format(found, manifest.board.title, device)
            remedy = "build for this board: bnn-hw package NETWORK --board ..."
            raise WrongHardwareError("this board", cause, remedy)

    def _bind(self, manifest: Manifest) -> Words:
        settings = manifest.backend.settings
        if "windows" in settings:
            return finn_shell.bind(self._pynq.MMIO, self._overlay.ip_dict, settings["windows"])
        vlnv = settings.get("vlnv")
        for record in self._overlay.ip_dict.values():
            if record.get("type") == vlnv:
                words: Words = self._pynq.MMIO(record["phys_addr"], record["addr_range"])
                return words
        found = ", ".join(str(item.get("type")) for item in self._overlay.ip_dict.values()) or "none"
        raise WrongHardwareError(
            "overlay", "has no {}; it has {}".format(vlnv, found), "copy the whole package again"
        )

    def read_register(self, offset: int) -> int:
        return int(self._registers.read(offset))

    def write_register(self, offset: int, value: int) -> None:
        self._registers.write(offset, value)

    def allocate(self, size_bytes: int) -> Buffer:
        return PynqBuffer(self._pynq.allocate(shape=(size_bytes,), dtype=np.uint8))

    def wait(self, seconds: float) -> bool:
        if self._uio is None:
            if seconds > 0:
                time.sleep(seconds)
            return False
        os.write(self._uio, struct.pack("I", 1))  # let the next interrupt through
        ready, _, _ = select.select([self._uio], [], [], max(seconds, 0.0))
        if ready:
            os.read(self._uio, 4)
        return bool(ready)

    def seconds(self) -> float:
        return time.monotonic()

    def part(self) -> Optional[str]:
        return part_of(self._slcr) if self._slcr else None

    def set_clock(self, clock_hz: int) -> Optional[float]:
        return self._clock.set_hz(clock_hz) if self._clock else None

    def close(self) -> None:
        if self._uio is not None:
            handle, self._uio = self._uio, None
            os.close(handle)


def _import_pynq() -> Any:
    try:
        import pynq
    except ImportError as error:
        cause = "pynq cannot be imported: {}".format(error)
        remedy = 'run this on a board with a PYNQ image; elsewhere load with device="software"'
        raise DeviceError("device pynq", cause, remedy) from error
    return pynq


def _open_uio(root: Path = Path("/sys/class/uio"), devices: Path = Path("/dev")) -> Optional[int]:
    """Open the fabric's interrupt, None where Linux offers none or somebody else has it."""
    for folder in sorted(root.glob("uio*")):
        try:
            if (folder / "name").read_text().strip() == UIO_NAME:
                return os.open(str(devices / folder.name), os.O_RDWR | os.O_NONBLOCK)
        except OSError:
            continue
    return None
