"""What the driver needs of a device: registers, memory, time and a clock (Python 3.8).

A board, a simulated board and a computer without hardware implement it; the
driver above is the same for all three.
"""

from abc import ABC, abstractmethod
from typing import Optional

import numpy as np


class Buffer(ABC):
    """Memory that processor and accelerator share, not cache-coherent.

    array: the processor's view, (bytes,) uint8; address: where the accelerator sees it.
    """

    array: np.ndarray
    address: int

    @abstractmethod
    def flush(self, size_bytes: int) -> None:
        """Make what the processor wrote into the first bytes visible to the accelerator."""

    @abstractmethod
    def invalidate(self, size_bytes: int) -> None:
        """Make what the accelerator wrote into the first bytes visible to the processor."""

    @abstractmethod
    def free(self) -> None:
        """Give the memory back; a second call does nothing."""


class Device(ABC):
    """One accelerator's registers and memory.

    name: for messages and results; kind: board, simulation or software; time_source:
    what :meth:`seconds` measures;
    counts_cycles: its counters are those of hardware (real or simulated cycle by
    cycle); has_interrupt: :meth:`wait` can return early; lock_name: what no two
    processes may use at once, None where each has its own; timeout_s: how long nothing
    may move before that counts as a fault; clock_hz: what the fabric clock was set to.
    """

    name = "device"
    kind = "board"
    time_source = "monotonic clock of this computer"
    counts_cycles = True
    has_interrupt = False
    lock_name: Optional[str] = None
    timeout_s = 2.0
    clock_hz: Optional[float] = None

    @abstractmethod
    def read_register(self, offset: int) -> int:
        """Read the 32-bit word at a byte offset."""

    @abstractmethod
    def write_register(self, offset: int, value: int) -> None:
        """Write the 32-bit word at a byte offset."""

    @abstractmethod
    def allocate(self, size_bytes: int) -> Buffer:
        """Return contiguous memory, 64-byte aligned; MemoryError where there is not enough."""

    @abstractmethod
    def wait(self, seconds: float) -> bool:
        """Let time pass; return True, before it is over, when an interrupt came."""

    @abstractmethod
    def seconds(self) -> float:
        """Time in seconds that never goes back."""

    def part(self) -> Optional[str]:
        """Name of the part as the hardware tells it, such as xc7z020; None where nobody can tell."""
        return None

    def set_clock(self, clock_hz: int) -> Optional[float]:
        """Set the fabric clock, not above ``clock_hz``, and return it in Hz; None where there is none."""
        return None

    def close(self) -> None:  # noqa: B027
        """Give everything back; a second call does nothing."""
