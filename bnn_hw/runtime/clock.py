"""The fabric clock of a Zynq-7000: set and read back by the board's own crystal (Python 3.8).

PYNQ's clock code takes every crystal for one of 50 MHz. Registers: Xilinx UG585,
system level control registers (SLCR).
"""

from abc import ABC, abstractmethod
from typing import NamedTuple, Optional, Tuple

from bnn_hw.runtime.errors import ClockError

SLCR_BASE, SLCR_BYTES = 0xF800_0000, 0x1000
UNLOCK, UNLOCK_KEY = 0x008, 0xDF0D
PLL_CONTROL = {0: 0x108, 1: 0x108, 2: 0x100, 3: 0x104}  # by source: I/O PLL twice, ARM PLL, DDR PLL
FCLK0_CONTROL = 0x170
IDCODE = 0x530
MAX_DIVISOR = 63
# Bits 16 to 12 of the identification code.
PARTS = {
    0x02: "xc7z010",
    0x03: "xc7z007s",
    0x07: "xc7z020",
    0x08: "xc7z014s",
    0x0C: "xc7z030",
    0x11: "xc7z045",
    0x12: "xc7z035",
    0x16: "xc7z100",
    0x1B: "xc7z015",
    0x1C: "xc7z012s",
}


class Words(ABC):
    """Something with 32-bit words at byte offsets."""

    @abstractmethod
    def read(self, offset: int) -> int:
        """Read a word."""

    @abstractmethod
    def write(self, offset: int, value: int) -> None:
        """Write a word."""


class Divisors(NamedTuple):
    """The two dividers in a row, each 1 to 63."""

    first: int
    second: int


def best_divisors(pll_hz: float, clock_hz: float) -> Divisors:
    """Return the divisors for the highest clock that is not above ``clock_hz`` (by more than 10 ppm).

    ClockError where even the greatest divisors leave it above.
    """
    found: Optional[Tuple[int, Divisors]] = None
    for second in range(1, MAX_DIVISOR + 1):
        first = max(1, -int(-pll_hz // (clock_hz * 1.00001 * second)))
        if first <= MAX_DIVISOR and (found is None or first * second < found[0]):
            found = (first * second, Divisors(first, second))
    if found is None:
        cause = "{:.6g} MHz cannot be divided down from {:.6g} MHz".format(clock_hz / 1e6, pll_hz / 1e6)
        raise ClockError("fabric clock", cause, "build for a higher clock")
    return found[1]


class FabricClock:
    """FCLK0 of a processing system with the given crystal."""

    def __init__(self, slcr: Words, crystal_hz: int) -> None:
        self.slcr, self.crystal_hz = slcr, crystal_hz

    def _pll_hz(self, control: int) -> float:
        multiplier = self.slcr.read(PLL_CONTROL[control >> 4 & 3]) >> 12 & 0x7F
        return float(self.crystal_hz * multiplier)

    def read_hz(self) -> float:
        """The clock as the registers and the crystal make it, in Hz."""
        control = self.slcr.read(FCLK0_CONTROL)
        return self._pll_hz(control) / max(1, control >> 8 & 0x3F) / max(1, control >> 20 & 0x3F)

    def set_hz(self, clock_hz: int) -> float:
        """Set the highest clock not above ``clock_hz`` and return it in Hz."""
        control = self.slcr.read(FCLK0_CONTROL)
        divisors = best_divisors(self._pll_hz(control), clock_hz)
        value = control & ~(0x3F << 8 | 0x3F << 20) | divisors.first << 8 | divisors.second << 20
        self.slcr.write(UNLOCK, UNLOCK_KEY)
        self.slcr.write(FCLK0_CONTROL, value)
        found = self.slcr.read(FCLK0_CONTROL)
        if found != value:
            cause = "register 0x{:08X} keeps 0x{:08X} where 0x{:08X} was written".format(
                SLCR_BASE + FCLK0_CONTROL, found, value
            )
            raise ClockError("fabric clock", cause, "run as root; restart the board")
        return self.read_hz()


def part_of(slcr: Words) -> Optional[str]:
    """Name of the part by its identification code, None where the code is unknown."""
    return PARTS.get(slcr.read(IDCODE) >> 12 & 0x1F)
