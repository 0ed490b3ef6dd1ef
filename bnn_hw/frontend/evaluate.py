"""Float32 values of integers under the network's own steps, rounded as IEEE 754 rounds."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import numpy as np

from bnn_hw.frontend.lower.signal import Pool, Signal, spread

# Of float64's 52 fraction bits float32 keeps 23; a value half way between two float32
# has exactly the pattern _HALF in the 29 bits below.
_BELOW = np.int64((1 << 29) - 1)
_HALF = np.int64(1 << 28)


def round_quotient(numerators: np.ndarray, denominator: int) -> np.ndarray:
    """Return float32 of numerators (integers) / denominator, correctly rounded to nearest even.

    Numerator, denominator and quotient each round once in float64, together by at
    most two units in the last place. Rounding that to float32 can only be wrong
    beside the middle of two float32 values; those few are decided by integers.
    """
    quotients = numerators.astype(np.float64) / float(denominator)
    with np.errstate(over="ignore"):
        result = quotients.astype(np.float32)
    beside_middle = np.abs((quotients.view(np.int64) & _BELOW) - _HALF) <= 4
    subnormal = (np.abs(quotients) < 2.0**-126) & (quotients != 0)  # float32 keeps fewer bits there
    for where in zip(*np.nonzero(beside_middle | subnormal), strict=True):
        result[where] = _nearest(Fraction(int(numerators[where]), denominator))
    return result


def _nearest(value: Fraction) -> np.float32:
    """Return the float32 nearest to an exact value, even on a tie; infinity beyond the range."""
    with np.errstate(over="ignore"):
        guess = (
            np.float32(float(value))
            if abs(value) < 1 << 1000
            else np.float32(np.inf if value > 0 else -np.inf)
        )
    if not np.isfinite(guess):
        return guess
    near = [np.nextafter(guess, np.float32(-np.inf)), guess, np.nextafter(guess, np.float32(np.inf))]
    finite = [item for item in near if np.isfinite(item)]
    return min(finite, key=lambda item: (abs(Fraction(float(item)) - value), int(item.view(np.int32)) & 1))


def start_values(signal: Signal, integers: np.ndarray, rows: slice) -> np.ndarray:
    """Return float32 of slope * integer + offset for integers (channels of ``rows``, n)."""
    if signal.slope == (1,) and signal.offset == (0,):
        return integers.astype(np.float32)
    slopes = spread(signal.slope, signal.channels)[rows]
    offsets = spread(signal.offset, signal.channels)[rows]
    result = np.empty(integers.shape, np.float32)
    for row, (slope, offset) in enumerate(zip(slopes, offsets, strict=True)):
        scale = lcm(slope.denominator, offset.denominator)
        up, shift = int(slope * scale), int(offset * scale)
        largest = int(np.abs(integers[row]).max(initial=0)) * abs(up) + abs(shift)
        exact = integers[row] if largest < 1 << 62 else integers[row].astype(object)
        result[row] = round_quotient(exact * up + shift, scale)
    return result


def evaluate(signal: Signal, integers: np.ndarray, rows: slice) -> tuple[list[np.ndarray], np.ndarray]:
    """Run the chain on integers (channels of ``rows``, n): values before each pool, and at the end.

    Pools are passed over: every integer is followed on its own.
    """
    values = start_values(signal, integers, rows)
    before = []
    with np.errstate(over="ignore", invalid="ignore"):
        for item in signal.chain:
            if isinstance(item, Pool):
                before.append(values)
            else:
                values = item(values, rows)
    return before, values
