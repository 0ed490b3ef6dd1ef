"""A frame's latency as the longest way through layers and pixels.

Each beat waits for what it is made of and for the beat before it. So a frame's last result
comes at the end of a chain of waits: the picture's beats up to a pixel, then windows of the first
layer from there to another one, then windows of the second from where that pixel is needed, and
so on to the last layer. Such a way is a *staircase*. A folding's latency is that of its
longest staircase; what a single staircase takes is a sum over the layers' own choices, and
no folding is faster than that. Buffers are taken as never full, which is as fast as can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bnn_hw.pipeline import latency
from bnn_hw.pipeline.chain import Chain, MacLayer, PoolStep
from bnn_hw.plan.folding import is_full
from bnn_hw.plan.pixels import after_layer, is_aligned
from bnn_hw.plan.tables import Arrival, Entry, Option

Pace = tuple[bool, int, int, int, int]
"""Of a layer: window at once, pixels a beat, places without meaning, cycles a window, words a pixel."""


@dataclass(frozen=True)
class Leg:
    """A staircase's part in a layer, as raster places.

    pixel: of the input, at which it enters; waited: that the first of its windows waits for;
    window: at which it leaves; early: by the window's first beat, not its last.
    """

    pixel: int
    waited: int
    window: int
    early: bool = False


Staircase = tuple[Leg, ...]

NO_WAY = -1e6
"""Of a staircase that a folding does not wait for: less than any latency."""


@dataclass(frozen=True)
class Steps:
    """What a layer does in order, one step after the other.

    place: of each input pixel the first step that waits for it, ascending; begin: cycle of each step if
    nothing is waited for; windows: of each output the step that makes it; last: of each output the pixel that
    completes it; words: cycles in which a pixel comes in, 0 where a pixel is a step.
    """

    place: np.ndarray
    begin: np.ndarray
    windows: np.ndarray
    last: np.ndarray
    words: int = 0

    def _entered(self, arrivals: np.ndarray) -> np.ndarray:
        """When each pixel is in."""
        arrivals = arrivals[: len(self.place)]
        if not self.words:
            return arrivals
        least = np.arange(len(arrivals)) * self.words
        entered: np.ndarray = np.maximum.accumulate(arrivals - least) + least
        return entered

    def times(self, arrivals: np.ndarray) -> np.ndarray:
        """Cycle of each output's step when pixels arrive at these cycles."""
        ready = np.full(len(self.begin), -np.inf)
        np.maximum.at(ready, self.place, self._entered(arrivals))
        result: np.ndarray = (np.maximum.accumulate(ready - self.begin) + self.begin)[self.windows]
        return result

    def leg(self, arrivals: np.ndarray, window: int, early: bool, common: bool) -> Leg:
        """The longest way to an output. common: by pixels that it waits for at any pace."""
        before = int(np.searchsorted(self.place, self.windows[window], side="right"))
        if common:
            before = min(before, int(self.last[window]) + 1)
        late = self._entered(arrivals[:before]) - self.begin[self.place[:before]]
        waited = int(late.argmax())
        pixel = waited
        if self.words:
            pixel = int((arrivals[: waited + 1] - np.arange(waited + 1) * self.words).argmax())
        return Leg(pixel, waited, window, early)

    def span(self, leg: Leg) -> float:
        """Cycles that a leg takes at least, NO_WAY where the window does not wait for its pixel."""
        window = self.windows[leg.window]
        if leg.waited >= len(self.place) or self.place[leg.waited] > window:
            return NO_WAY
        start = self.place[leg.waited if self.words else leg.pixel]
        return self.words * (leg.waited - leg.pixel) + float(self.begin[window] - self.begin[start])


class LayerSteps:
    """The steps of a layer at any pace, and what the pools behind it let through."""

    def __init__(self, layer: MacLayer, pools: Sequence[PoolStep], first: bool) -> None:
        """first: the layer takes the picture's pixels, whose rows may be aligned."""
        self.layer, self.first = layer, first
        output = (1, 1) if layer.is_dense else (layer.output.height, layer.output.width)
        kept = np.arange(output[0] * output[1]).reshape(output)
        for pool in pools:
            kept = _pooled(kept, pool)
        # Of each pixel of the next layer's input the window that completes it.
        self.completing = kept.reshape(-1)
        self._known: dict[Pace, Steps] = {}

    def pace(self, option: Option) -> Pace:
        simd, pixels, skip = option.entry
        if is_full(self.layer, simd):
            return True, pixels, skip, self.neuron_fold(option), 0
        return False, 1, 0, self.neuron_fold(option) * (self.layer.mw // simd), self._words(simd)

    def _words(self, simd: int) -> int:
        """Cycles in which a pixel comes in; 0 where a word of a flattened map holds more than one."""
        channels = self.layer.input.channels
        return channels // simd if channels % simd == 0 else 0

    def neuron_fold(self, option: Option) -> int:
        return -(-self.layer.mh // option.choice.pe)

    def lead(self, option: Option) -> int:
        """Cycles from a window's first output beat to its last."""
        return (self.neuron_fold(option) - 1) * (self.layer.mw // option.entry[0])

    def rest(self, arrival: Arrival, entry: Entry) -> int:
        """Cycles from the first words that a pixel's first beat gives to the pixel's last word."""
        words = self._words(entry[0])
        if is_full(self.layer, entry[0]) or not words or arrival[1] != entry[1]:
            return 0  # all channels of a pixel come at once, as they do behind a split
        lanes, simd = arrival[0], entry[0]
        group = simd if lanes == simd else latency.converter_group(self.layer.input.channels, lanes, simd)
        return words - -(-group // simd)

    def steps(self, pace: Pace) -> Steps:
        if pace not in self._known:
            full, pixels, skip, cycles, words = pace
            if not full or self.layer.is_dense:
                self._known[pace] = self._windows(cycles, words)
            elif pixels == 1:
                self._known[pace] = self._pixels(cycles)
            elif self.first and is_aligned(self.layer, pixels):
                self._known[pace] = self._aligned(pixels, cycles)
            else:
                self._known[pace] = self._groups(pixels, skip, cycles)
        return self._known[pace]

    def _windows(self, cycles: int, words: int) -> Steps:
        """A ring buffer: windows are steps, each waits for its last pixel."""
        last = self._last
        latest = np.maximum.accumulate(last)
        place = np.searchsorted(latest, np.arange(latest[-1] + 1), side="left")
        return Steps(place, np.arange(len(last)) * float(cycles), np.arange(len(last)), last, words)

    @cached_property
    def _last(self) -> np.ndarray:
        """Of each window its last pixel."""
        layer = self.layer
        height, width = layer.input.height, layer.input.width
        if layer.is_dense:
            return np.array([height * width - 1])
        ends = []
        for axis, size in enumerate((height, width)):
            count = (layer.output.height, layer.output.width)[axis]
            first = np.arange(count) * layer.stride[axis] - layer.padding[axis]
            ends.append(np.clip(first + layer.kernel[axis] - 1, 0, size - 1))
        last: np.ndarray = (ends[0][:, None] * width + ends[1][None, :]).reshape(-1)
        return last

    def _pixels(self, cycles: int) -> Steps:
        """A full window: pixels and padding are steps; those that complete a window take its cycles."""
        layer = self.layer
        top, left, bottom, right = layer.padding
        height, width = layer.input.height, layer.input.width
        cost = np.ones((height + top + bottom, width + left + right))
        number = np.arange(cost.size).reshape(cost.shape)
        ys = np.arange(layer.output.height) * layer.stride[0] + layer.kernel[0] - 1
        xs = np.arange(layer.output.width) * layer.stride[1] + layer.kernel[1] - 1
        cost[np.ix_(ys, xs)] = cycles
        place = number[top : top + height, left : left + width].reshape(-1)
        windows = number[np.ix_(ys, xs)].reshape(-1)
        return Steps(place, np.cumsum(cost) - cost.reshape(-1), windows, self._last)

    def _aligned(self, pixels: int, cycles: int) -> Steps:
        """A full window of several pixels a beat whose beats overlap: each completes its windows."""
        layer = self.layer
        height, width = layer.input.height, layer.input.width
        lead, groups = layer.kernel[1] - 1, -(-layer.output.width // pixels)
        cost = np.ones((height, groups))
        cost[height - layer.output.height :] = cycles
        number = np.arange(cost.size).reshape(cost.shape)
        first = np.maximum(0, -((pixels + lead - 1 - np.arange(width)) // pixels))
        windows = number[height - layer.output.height :, np.arange(layer.output.width) // pixels]
        begin = np.cumsum(cost) - cost.reshape(-1)
        return Steps(number[:, first].reshape(-1), begin, windows.reshape(-1), self._last)

    def _groups(self, pixels: int, skip: int, cycles: int) -> Steps:
        """A full window of several pixels a beat: beats are steps."""
        layer = self.layer
        height, width = layer.input.height, layer.input.width
        groups = -(-(skip + width) // pixels)
        after = after_layer(layer, pixels, skip)
        kept = -(-(after + layer.output.width) // pixels)
        cost = np.ones((height, groups))
        cost[height - layer.output.height :, groups - kept :] = cycles
        number = np.arange(cost.size).reshape(cost.shape)
        place = number[:, (skip + np.arange(width)) // pixels].reshape(-1)
        made = groups - kept + (after + np.arange(layer.output.width)) // pixels
        windows = number[height - layer.output.height :, made].reshape(-1)
        return Steps(place, np.cumsum(cost) - cost.reshape(-1), windows, self._last)


class Paces:
    """Paces of a layer. What a leg takes is linear in the cycles of a window and in the words of a pixel."""

    def __init__(self, layer: LayerSteps, paces: Sequence[Pace]) -> None:
        self._count = len(paces)
        kinds: dict[Pace, list[int]] = {}
        for place, (full, pixels, skip, _, words) in enumerate(paces):
            kinds.setdefault((full, pixels, skip, 1, min(words, 1)), []).append(place)
        numbers = np.array([pace[3:] for pace in paces], dtype=float)
        # Of each kind the places, cycles and words, and the steps for one and for two cycles a window.
        self._kinds = [
            (places, *numbers[places].T, layer.steps(kind), layer.steps((*kind[:3], 2, kind[4])))
            for kind, places in kinds.items()
        ]

    def spans(self, leg: Leg) -> np.ndarray:
        """Of each pace the cycles that a leg takes at least, NO_WAY where no window waits for its pixel."""
        spans = np.full(self._count, NO_WAY)
        for places, cycles, words, one, two in self._kinds:
            least = one.span(leg)
            if least > NO_WAY:
                more = (cycles - 1.0) * (two.span(leg) - least)
                spans[places] = least + more + np.maximum(words - 1.0, 0.0) * (leg.waited - leg.pixel)
        return spans


def picture_beats(chain: Chain, pixels: int) -> np.ndarray:
    """The beat in which each pixel of the first layer's input is complete, the first 0, ``pixels`` a beat."""
    y, x = np.mgrid[: chain.input.height, : chain.input.width]
    beats = y * -(-chain.input.width // pixels) + x // pixels
    for step in chain.steps:
        if isinstance(step, MacLayer):
            break
        if isinstance(step, PoolStep):
            beats = _pooled(beats, step)
    return beats.reshape(-1).astype(float)


def _pooled(raster: np.ndarray, pool: PoolStep) -> np.ndarray:
    """What a pool lets through."""
    kh, kw = pool.kernel
    return raster[: pool.output.height * kh, : pool.output.width * kw][kh - 1 :: kh, kw - 1 :: kw]


@dataclass(frozen=True)
class Stop:
    """A layer as a folding builds it.

    delay: cycles from a window's last input beat to its last output, what stands before the layer
    counted; lead: from a window's first output beat to its last; rest: from what a pixel's
    first beat gives to its last word.
    """

    pace: Pace
    delay: float
    lead: int
    rest: int


def longest(
    layers: Sequence[LayerSteps], stops: Sequence[Stop], beats: np.ndarray
) -> tuple[float, list[Staircase]]:
    """A folding's latency in cycles, its longest staircase, and the longest that any folding has.

    beats: when the first layer's pixels come.
    """
    arrivals, made = beats, beats
    history, early = [], []
    lead = 0
    for index, (layer, stop) in enumerate(zip(layers, stops, strict=True)):
        # The last word of a pixel waits for its last beat, and for all words from its first beat on.
        early.append(index > 0 and stop.rest > lead)
        arrivals = arrivals + (stop.rest - lead if early[-1] else 0)
        history.append(arrivals)
        made = layer.steps(stop.pace).times(arrivals) + stop.delay
        arrivals, lead = made[layer.completing], stop.lead
    stairs = []
    for common in (False, True):
        window, legs, leaves_early = int(made.argmax()), [], False
        for index in range(len(layers) - 1, -1, -1):
            steps = layers[index].steps(stops[index].pace)
            legs.append(steps.leg(history[index], window, leaves_early, common))
            window = int(layers[index - 1].completing[legs[-1].pixel]) if index else 0
            leaves_early = early[index]
        stairs.append(tuple(reversed(legs)))
    return float(made.max()), stairs
