"""The fabric clock by the board's crystal, on made-up system registers."""

import pytest

from bnn_hw.runtime.clock import (
    FCLK0_CONTROL,
    IDCODE,
    UNLOCK,
    UNLOCK_KEY,
    FabricClock,
    best_divisors,
    part_of,
)
from bnn_hw.runtime.errors import ClockError


class Registers:
    """I/O PLL times 30, ARM PLL times 40, DDR PLL times 32; written only when unlocked."""

    def __init__(self, source=0, stuck=False):
        self.words = {0x108: 30 << 12, 0x100: 40 << 12, 0x104: 32 << 12, IDCODE: 0x1372_7093}
        self.words[FCLK0_CONTROL] = source << 4 | 20 << 8 | 1 << 20
        self.open, self.stuck = False, stuck

    def read(self, offset):
        return self.words[offset]

    def write(self, offset, value):
        if offset == UNLOCK:
            self.open = value == UNLOCK_KEY
        elif self.open and not self.stuck:
            self.words[offset] = value


@pytest.mark.parametrize(
    ("source", "wanted", "got"),
    [
        (0, 100_000_000, 100_000_000),
        (0, 150_000_000, 1_000_000_000 / 7),
        (0, 66_666_667, 1_000_000_000 / 15),
        (2, 100_000_000, 1_333_333_333 / 14),
        (3, 200_000_000, 1_066_666_666 / 6),
    ],
)
def test_the_highest_clock_that_is_not_above(source, wanted, got):
    clock = FabricClock(Registers(source), 33_333_333)
    assert clock.set_hz(wanted) == pytest.approx(got, rel=1e-6)
    assert clock.read_hz() == pytest.approx(got, rel=1e-6)


@pytest.mark.parametrize("wanted", [1_000_000, 37_000_000, 99_999_999, 123_456_789, 250_000_000])
def test_divisors_are_the_best_of_all(wanted):
    pll = 1_000_000_000
    best = max(
        pll / (first * second)
        for first in range(1, 64)
        for second in range(1, 64)
        if pll / (first * second) <= wanted * 1.00001
    )
    first, second = best_divisors(pll, wanted)
    assert pll / (first * second) == pytest.approx(best)


def test_clocks_out_of_reach_are_refused():
    with pytest.raises(ClockError, match=r"0\.2 MHz cannot be divided down from 1000 MHz"):
        best_divisors(1e9, 200_000)


def test_a_register_that_does_not_take_the_value_is_told():
    with pytest.raises(ClockError, match="register 0xF8000170 keeps"):
        FabricClock(Registers(stuck=True), 33_333_333).set_hz(100_000_000)


@pytest.mark.parametrize(("code", "part"), [(0x0372_7093, "xc7z020"), (0x1372_2093, "xc7z010"), (0, None)])
def test_the_part_by_its_identification(code, part):
    registers = Registers()
    registers.words[IDCODE] = code
    assert part_of(registers) == part
