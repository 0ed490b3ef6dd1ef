"""Depth of a layer's buffers by the layer's own folding, for a frame every so many cycles.

A buffer is to hold what waits when its layer works as early as it can, and pixels arrive
in either of two ways:

* evenly: the windows of the layer before are made at an even pace over the frame;
* as in the picture: pixels come as the picture's own do, which are read at an even
  pace, so that rows follow each other faster and the frame ends in a pause.

The first is what a layer does that has as much to do as the slowest, the second what one
does that never falls behind. So the depth depends on nothing but the layer's own choice
and the interval, and a search can count it. That the depths are enough is for
:mod:`bnn_hw.plan.timing` to tell, which knows all layers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from bnn_hw.pipeline.chain import Chain, MacLayer, PoolStep
from bnn_hw.pipeline.stages import Fifo, Stream, Window
from bnn_hw.plan.depths import best_depth, least_ring_words
from bnn_hw.plan.memory import LOGIC

_FRAMES = 3

Times = np.ndarray


# Beats on their way through a FIFO and its skid buffer, and one to spare.
_FIFO_BEATS = 3


@dataclass(frozen=True)
class Buffer:
    """The ring buffer of a window unit, or the FIFO before a full one; stage: the window unit."""

    simd: int
    pixels: int
    skip: int
    neuron_fold: int
    stage: Window = field(compare=False, repr=False)

    @property
    def kind(self) -> Window | Fifo:
        """The buffer as a stage."""
        stage = self.stage
        return Fifo("", stage.layer, None, stage.input, stage.input, 0) if stage.full else stage

    @property
    def least_words(self) -> int:
        """Words without which the unit cannot work."""
        return 0 if self.stage.full else least_ring_words(self.stage)


def buffer_of(window: Window) -> Buffer:
    return Buffer(window.simd, window.input.pixels, window.input.skip, window.replay, window)


@dataclass(frozen=True)
class Raster:
    """Times of pixels in frames: pixel (y, x) comes at ``at[y, x]``, those of a row ``pitch`` apart."""

    at: np.ndarray
    pitch: float

    def behind(self, pool: PoolStep) -> Raster:
        """What the pool lets through."""
        kh, kw = pool.kernel
        rows, columns = pool.output.height, pool.output.width
        return Raster(self.at[: rows * kh, : columns * kw][kh - 1 :: kh, kw - 1 :: kw], self.pitch * kw)

    def behind_layer(self, layer: MacLayer) -> Raster:
        """When a layer's windows are complete; padding behind a row or the frame takes no time."""
        height, width = self.at.shape
        if layer.is_dense:
            return Raster(self.at[-1:, -1:], self.pitch)
        y, x = (
            np.minimum(np.arange(n) * layer.stride[i] + layer.kernel[i] - 1 - layer.padding[i], size - 1)
            for i, (n, size) in enumerate(((layer.output.height, height), (layer.output.width, width)))
        )
        return Raster(self.at[np.ix_(np.maximum(y, 0), np.maximum(x, 0))], self.pitch * layer.stride[1])


def even(height: int, width: int) -> Raster:
    """Pixels at an even pace over a frame."""
    count = height * width
    return Raster((np.arange(count).reshape(height, width) + 1) / count, 1 / count)


def arrivals(chain: Chain) -> dict[str, tuple[Raster, ...]]:
    """The ways in which pixels may arrive at each layer."""
    found: dict[str, tuple[Raster, ...]] = {}
    ways = [even(chain.input.height, chain.input.width)]
    for step in chain.steps:
        if isinstance(step, PoolStep):
            ways = [way.behind(step) for way in ways]
        elif isinstance(step, MacLayer):
            found[step.name] = tuple(ways)
            ways = [even(step.output.height, step.output.width), ways[-1].behind_layer(step)]
    return found


class Pace:
    """What waits at a layer."""

    def __init__(self, layer: MacLayer, ways: tuple[Raster, ...]) -> None:
        self.layer = layer
        self.ways = ways

    def words(self, buffer: Buffer, cycles: int) -> int:
        """Depth of a buffer for a frame every ``cycles``, 0 for a FIFO that is not needed."""
        if buffer.stage.full:
            waiting = self.waiting(buffer.neuron_fold, cycles, buffer.skip, buffer.pixels)
            return waiting + _FIFO_BEATS if waiting > 1 else 0
        per_window = buffer.neuron_fold * buffer.stage.words_per_window
        return max(buffer.least_words, self.ring_words(buffer.simd, per_window, cycles))

    def ring_words(self, simd: int, window_cycles: int, cycles: int) -> int:
        """Most words in a ring buffer from the start of a window on."""
        if self.layer.is_dense:
            return 0
        return max(self._ring_words(way, simd, window_cycles, cycles) for way in self.ways)

    def _ring_words(self, way: Raster, simd: int, window_cycles: int, cycles: int) -> int:
        layer, words = self.layer, self.layer.channels // simd
        pixel = way.at * cycles
        height, width = pixel.shape
        spread = way.pitch * cycles / words
        word = _repeated((pixel[:, :, None] - spread * np.arange(words - 1, -1, -1)).reshape(-1), cycles)
        needed, start = self._places
        offsets = height * width * words * np.arange(_FRAMES)[:, None]
        needed = ((needed + 1) * words - 1 + offsets).reshape(-1)
        start = (start * words + offsets).reshape(-1)
        index = np.arange(len(needed)) * window_cycles
        one_pass = layer.kernel[0] * layer.kernel[1] * words
        begin = np.maximum.accumulate(word[needed] - one_pass + 1 - index) + index
        arrived = np.searchsorted(word, begin + window_cycles, side="left")
        return int((arrived - start).max())

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each window the pixel that it waits for, and its first one (places before the map count)."""
        layer = self.layer
        height, width = self.ways[0].at.shape
        top, left = layer.padding[:2]
        y = np.arange(layer.output.height)[:, None] * layer.stride[0] - top
        x = np.arange(layer.output.width)[None, :] * layer.stride[1] - left
        kh, kw = layer.kernel
        last = np.minimum(y + kh - 1, height - 1) * width + np.minimum(x + kw - 1, width - 1)
        return last.reshape(-1), (y * width + x).reshape(-1)

    def waiting(self, neuron_fold: int, cycles: int, skip: int = 0, pixels: int = 1) -> int:
        """Most pixels, or groups of pixels, that wait before a full window."""
        return max(self._waiting(way, neuron_fold, cycles, skip, pixels) for way in self.ways)

    def _waiting(self, way: Raster, neuron_fold: int, cycles: int, skip: int, pixels: int) -> int:
        layer = self.layer
        times = grouped(way, skip, pixels) * cycles
        height, groups = times.shape
        top, left, bottom, right = layer.padding
        cost = np.ones((height + top + bottom, groups + left + right))
        place = np.full(cost.shape, -np.inf)
        place[top : top + height, left : left + groups] = times
        if pixels == 1:
            ys = np.arange(layer.output.height) * layer.stride[0] + layer.kernel[0] - 1
            xs = np.arange(layer.output.width) * layer.stride[1] + layer.kernel[1] - 1
            cost[np.ix_(ys, xs)] = neuron_fold
        else:
            after = (skip + layer.kernel[1] - 1) % pixels
            kept = -(-(after + layer.output.width) // pixels)
            cost[height - layer.output.height :, groups - kept :] = neuron_fold
        frames = _repeated(place.reshape(-1), cycles)
        return backlog(frames, np.tile(cost.reshape(-1), _FRAMES))

    def split(self, skip: int, pixels: int, into: int, cycles: int) -> int:
        """Most groups of ``pixels`` that wait for a split, of which each gives ``into`` beats."""
        return max(
            backlog(_repeated((grouped(way, skip, pixels) * cycles).reshape(-1), cycles), into)
            for way in self.ways
        )

    def split_rows(self, skip: int, pixels: int, into: int, cycles: int) -> int:
        """Most groups of ``pixels`` that wait for a split of rows, beside the row that it gathers.

        into: beats that each row gives.
        """
        return max(_waiting_rows(grouped(way, skip, pixels) * cycles, into, cycles) for way in self.ways)

    def inlet(self, pixels: int, skip: int, waiting: int) -> Fifo:
        """The FIFO before a split in which so many groups of ``pixels`` wait."""
        layer = self.layer
        kind = layer.input
        source = Stream(kind.dtype, kind.height, kind.width, kind.channels, kind.channels, pixels, skip)
        fifo = Fifo("", layer.name, None, source, source, 0)
        depth = best_depth(fifo, waiting + _FIFO_BEATS, LOGIC)[1]
        return replace(fifo, depth=depth, memory=LOGIC)


def grouped(way: Raster, skip: int, pixels: int) -> np.ndarray:
    """When each group of ``pixels`` of a row is complete, rows beginning with ``skip`` empty places."""
    columns = way.at.shape[1]
    groups = -(-(skip + columns) // pixels)
    last = np.minimum(np.arange(1, groups + 1) * pixels - skip, columns) - 1
    return way.at[:, last]


def backlog(times: Times, cost: np.ndarray | float) -> int:
    """Most arrivals that wait when each takes its ``cost`` in cycles; minus infinity is no arrival."""
    costs = np.broadcast_to(np.asarray(cost, dtype=float), times.shape)
    begin = np.cumsum(costs) - costs
    taken = np.maximum.accumulate(times - begin) + begin
    real = np.isfinite(times)
    gone = np.searchsorted(taken[real], times[real], side="right")
    return int((np.arange(len(gone)) + 1 - gone).max())


def _waiting_rows(times: Times, beats: int, cycles: int) -> int:
    """Most arrivals that wait beside a row, where each row is taken whole and then takes ``beats``."""
    groups = times.shape[1]
    arrived = _repeated(times.reshape(-1), cycles)
    begin = np.arange(_FRAMES * times.shape[0]) * float(beats)
    taken = np.maximum.accumulate(arrived[groups - 1 :: groups] - begin) + begin
    gone = np.searchsorted(taken, arrived, side="left") * groups
    return int((np.arange(len(arrived)) + 1 - gone).max()) - groups


def _repeated(times: Times, cycles: int) -> Times:
    return (times[None, :] + cycles * np.arange(_FRAMES)[:, None]).reshape(-1)
