"""Thresholds found by evaluation: the quantiser's output for every integer a channel can take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bnn_hw.frontend.evaluate import evaluate
from bnn_hw.frontend.lower.signal import Signal
from bnn_hw.frontend.net import UnsupportedError
from bnn_hw.frontend.quantiser import Quantiser

_VALUES_AT_ONCE = 1 << 22


@dataclass(frozen=True, eq=False)
class Switches:
    """Where each channel's quantiser switches, as ir.Threshold takes it.

    thresholds: (channels, levels); sign: (channels,). inverted: a pool of the chain
    falls when its quantised value rises, so pooling quantised values would be wrong.
    falling_pool: a pool of the chain sees values that fall with the integer.
    """

    thresholds: np.ndarray
    sign: np.ndarray
    inverted: bool
    falling_pool: bool


def _blocks(signal: Signal) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Yield rows of channels with their integers (rows, n) and how many of the n are distinct."""
    longest = int((signal.high - signal.low).max()) + 1
    rows = max(1, _VALUES_AT_ONCE // longest)
    for start in range(0, signal.channels, rows):
        part = slice(start, min(start + rows, signal.channels))
        low, high = signal.low[part, None], signal.high[part, None]
        counts = (high - low + 1)[:, 0]
        yield part, np.minimum(low + np.arange(counts.max()), high), counts


def _parameters(quantiser: Quantiser, rows: slice) -> Quantiser:
    def cut(values: np.ndarray) -> np.ndarray:
        return values[rows, None] if values.size > 1 else values.reshape(1, 1)

    levels_at = quantiser.levels_at
    if levels_at is not None and len(levels_at) > 1:
        levels_at = levels_at[rows]
    return Quantiser(
        quantiser.dtype,
        quantiser.base,
        quantiser.step,
        quantiser.levels,
        cut(quantiser.scale),
        cut(quantiser.zero),
        quantiser.rounding,
        levels_at,
    )


def follow(signal: Signal, quantiser: Quantiser) -> Iterator[tuple]:
    """Yield (rows, integers, counts, values before each pool, quantised) for all integers, in blocks.

    Raises UnsupportedError when a value is not a number, naming the channel.
    """
    for rows, integers, counts in _blocks(signal):
        before, values = evaluate(signal, integers, rows)
        if np.isnan(values).any():
            channel = rows.start + int(np.flatnonzero(np.isnan(values).any(axis=1))[0])
            raise UnsupportedError(
                f"channel {channel} becomes NaN (infinity minus infinity, or 0 times infinity)",
                "check the training: a scale before the activation exceeds float32",
            )
        yield rows, integers, counts, before, _parameters(quantiser, rows).integers(values)


def _falls(values: np.ndarray) -> np.ndarray:
    """Tell which rows fall somewhere."""
    return np.any(values[:, 1:] < values[:, :-1], axis=1)


def find_switches(signal: Signal, quantiser: Quantiser) -> Switches:
    """Find the thresholds of every channel and prove them on the channel's whole range.

    A level counts from the least integer whose quantised value reaches it, or, in a
    falling channel (negative batch-norm scale), down from the greatest. Raises
    UnsupportedError when a channel neither rises nor falls throughout.
    """
    thresholds = np.zeros((signal.channels, quantiser.levels), np.int64)
    sign = np.ones(signal.channels, np.int64)
    inverted = falling_pool = False
    for rows, integers, counts, before, found in follow(signal, quantiser):
        down = _falls(found)
        both = down & _falls(found[:, ::-1])
        if both.any():
            channel = rows.start + int(np.flatnonzero(both)[0])
            raise UnsupportedError(
                f"channel {channel} switches back and forth as its sum grows",
                "use monotone steps (batch norm, scales, biases) between the layer and its activation",
            )
        sign[rows] = np.where(down, -1, 1)
        low = integers[:, 0]
        for level in range(quantiser.levels):
            reaches = found >= quantiser.base + quantiser.step * (level + 1)
            # Integers past a channel's own range repeat its last one, hence the minimum.
            rising = low + np.minimum((~reaches).sum(axis=1), counts)
            falling = 1 - low - np.minimum(reaches.sum(axis=1), counts)
            thresholds[rows, level] = np.where(down, falling, rising)
        for values in before:
            drops = _falls(values)
            falling_pool |= bool(drops.any())
            along = np.where(drops[:, None], found[:, ::-1], found)
            inverted |= bool(_falls(along).any())
    return Switches(thresholds, sign, inverted, falling_pool)
