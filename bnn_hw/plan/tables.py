"""All that a planner may choose, layer by layer, as arrays.

A layer's cycles depend on its own PE, SIMD and pixels only. Its cost depends on them,
on where its weights lie, on what DSP slices do, on its buffer's depth and memory, and on
what arrives in a beat (an *arrival*: lanes and pixels), because of the converter or split between
unlike neighbours. The lanes that arrive are the PE of the layer before, the pixels those
that it makes.

The search space: at the input the pixels that pixels.first_pixels names, at other layers
every divisor of those that arrive; every legal SIMD; PE the least for each number of neuron
folds (any other is as slow and larger), and those equal to a SIMD of the next layer, which
save a converter; weights in logic or block RAM; accumulators and the comparison of inputs
and weights in LUTs or DSP slices; buffers in LUTs or block RAM. Buffers are as deep as
bnn_hw.plan.pace tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bnn_hw.pipeline import latency
from bnn_hw.pipeline.arithmetic import DSP, LUT
from bnn_hw.pipeline.chain import Chain, InputThreshold, MacLayer
from bnn_hw.pipeline.record import Resources
from bnn_hw.pipeline.stages import Converter, Mvtu, Stage, Window
from bnn_hw.plan.build import StageBuilder
from bnn_hw.plan.cost import converter, dsp_slices, raw_resources, stage_resources, weight_memory
from bnn_hw.plan.cycles import stage_cycles
from bnn_hw.plan.folding import LayerFolding, dsp_choices, is_full, legal_simd, useful_pe
from bnn_hw.plan.memory import BLOCK, LOGIC
from bnn_hw.plan.pace import Buffer, Pace, arrivals, buffer_of
from bnn_hw.plan.pixels import after_split, first_pixels, input_pixels, is_aligned, later_pixels

Arrival = tuple[int, int, int]
"""Lanes and pixels of a beat, and places without meaning before a row."""

Entry = tuple[int, int, int]
"""SIMD and pixels of a layer, and places without meaning before a row."""


UNLIMITED = Resources(1e12, 1e12, 1e6, 1e6)


@dataclass(frozen=True)
class Option:
    """One way to build a layer with the pools behind it, its buffer not counted.

    halves: RAMB18; entry, gives: what goes in and comes out; buffer: ring or FIFO before
    a full window, None without one; tail: least cycles from the last input beat to the last output.
    """

    choice: LayerFolding
    cycles: int
    lut: float
    halves: int
    dsp: int
    entry: Entry
    gives: Arrival
    buffer: Buffer | None
    tail: int


@dataclass
class LayerTable:
    """All options of a layer, and what stands before it in LUTs, by arrival and entry."""

    layer: MacLayer
    options: list[Option]
    arrivals: list[Arrival]
    entries: list[Entry]
    gives: list[Arrival]
    entry_lut: np.ndarray
    entry_tail: np.ndarray
    behind_layers: bool = True
    buffers: list[Buffer] = field(default_factory=list)

    def __post_init__(self) -> None:
        entry = {key: i for i, key in enumerate(self.entries)}
        gives = {key: i for i, key in enumerate(self.gives)}
        self.cycles = np.array([o.cycles for o in self.options])
        self.use = np.array([(o.lut, o.halves, o.dsp) for o in self.options], dtype=float).reshape(-1, 3)
        self.entry = np.array([entry[o.entry] for o in self.options])
        self.give = np.array([gives[o.gives] for o in self.options])
        self.tail = np.array([o.tail for o in self.options])
        self.buffers = list(dict.fromkeys(o.buffer for o in self.options if o.buffer))
        self.splits: dict[Entry, np.ndarray] = {}
        for i, (_, arriving, skip) in enumerate(self.arrivals):
            for j, (_, pixels, _) in enumerate(self.entries):
                if arriving != pixels and self.entry_lut[i, j] < np.inf:
                    mask = self.splits.setdefault(
                        (arriving, skip, pixels), np.zeros(self.entry_lut.shape, dtype=bool)
                    )
                    mask[i, j] = True
        if not self.behind_layers:
            self.splits = {}
        place = {buffer: i for i, buffer in enumerate(self.buffers)}
        self.buffer = np.array([place[o.buffer] if o.buffer else -1 for o in self.options])


def total_of(stages: Iterable[Stage]) -> Resources:
    """Sum of the stages' predicted resources."""
    return sum((stage_resources(stage) for stage in stages), Resources())


def last_beat_cycles(stages: Iterable[Stage]) -> int:
    """Cycles from the last input beat to the last output beat of what stands before a layer."""
    cycles = 0
    for stage in stages:
        cycles += latency.stage_cycles(stage)
        if isinstance(stage, Converter):
            lanes = stage.input.lanes, stage.output.lanes
            cycles += -(-latency.converter_group(stage.input.channels, *lanes) // lanes[1]) - 1
    return cycles


class Tables:
    """The tables of a chain. dsp: DSP slices may do a part; most: cycles that no layer may exceed.

    most_pixels: of the network's input in a beat; limit: an option that alone exceeds it is left out.
    """

    def __init__(
        self,
        chain: Chain,
        dsp: bool = False,
        most: int | None = None,
        most_pixels: int | None = None,
        limit: Resources = UNLIMITED,
    ) -> None:
        self.chain = chain
        self.dsp = dsp
        self.most = most or 1 << 62
        self.limit = limit
        self._known: dict[tuple[str, int, int, int], list[tuple[LayerFolding, Resources, int]]] = {}
        widest = most_pixels or chain.input.width
        first = chain.layers[0]
        self.first_pixels = tuple(
            n for n in first_pixels(chain) if n == 1 or input_pixels(first, n) <= widest
        )
        self.groups: list[list] = []
        for step in chain.steps:
            if isinstance(step, MacLayer):
                self.groups.append([step])
            elif self.groups:
                self.groups[-1].append(step)
        self.paces = {
            layer.name: Pace(layer, ways)
            for layer, ways in zip(chain.layers, arrivals(chain).values(), strict=True)
        }

    @cached_property
    def heads(self) -> dict[Arrival, tuple[float, int, int]]:
        """What stands before the first layer, such as a threshold on the pixels, by what it gives.

        LUT, RAMB18 and latency in cycles.
        """
        heads = {}
        for pixels in {input_pixels(self.chain.layers[0], n) for n in self.first_pixels}:
            builder = StageBuilder(self.chain.input, pixels=pixels)
            for step in self.chain.steps:
                if isinstance(step, InputThreshold):
                    builder.threshold(step)
                elif isinstance(step, MacLayer):
                    break
                else:
                    builder.pool(step)
            total = total_of(builder.stages)
            stream = builder.stream
            cycles = sum(map(latency.stage_cycles, builder.stages))
            heads[stream.lanes, stream.pixels, stream.skip] = total.lut, round(2 * total.bram36), cycles
        return heads

    @cached_property
    def layers(self) -> list[LayerTable]:
        arriving = sorted(self.heads)
        tables = []
        for index, (layer, *pools) in enumerate(self.groups):
            taken = {way for arrival in arriving for way in self._takes(index, layer, arrival)}
            options = [
                option
                for simd in legal_simd(layer)
                for pixels, skip in sorted(taken)
                if pixels == 1 or is_full(layer, simd)
                for option in self._options(index, layer, pools, (simd, pixels, skip))
            ]
            entries = sorted({option.entry for option in options})
            gives = sorted({option.gives for option in options})
            lut, tail = self._entries(index, layer, arriving, entries)
            tables.append(LayerTable(layer, options, arriving, entries, gives, lut, tail, index > 0))
            arriving = gives
        return tables

    def pe_values(self, index: int) -> tuple[int, ...]:
        """PE worth considering for a layer."""
        layer = self.groups[index][0]
        values = set(useful_pe(layer))
        if index + 1 < len(self.groups):
            values |= {simd for simd in legal_simd(self.groups[index + 1][0]) if simd <= layer.mh}
        return tuple(sorted(values))

    def _takes(self, index: int, layer: MacLayer, arrival: Arrival) -> set[tuple[int, int]]:
        """Pixels a beat that a layer may take of what arrives, with the places they skip."""
        _, arriving, skip = arrival
        if index == 0:
            return {(n, 0) for n in self.first_pixels if input_pixels(layer, n) == arriving}
        return {(n, after_split(arriving, skip, n)) for n in later_pixels(layer, arriving)}

    def _entries(
        self, index: int, layer: MacLayer, arriving: list[Arrival], entries: list[Entry]
    ) -> tuple[np.ndarray, np.ndarray]:
        """LUTs of what stands before a layer, and its latency; infinite where it cannot be."""
        lut = np.full((len(arriving), len(entries)), np.inf)
        tail = np.zeros(lut.shape)
        known: dict[tuple, tuple[float, int]] = {}
        gathered: dict[Arrival, tuple[float, int]] = {}

        def cost(arrival: Arrival, entry: Entry) -> tuple[float, int]:
            # A full window takes all channels of a pixel at a time.
            lanes = layer.channels if is_full(layer, entry[0]) else entry[0]
            key = (*arrival, lanes, *entry[1:])
            if key not in known:
                if arrival[1] != entry[1] and arrival[0] != layer.input.channels:
                    # So does a split: what comes before it is the same for all that comes behind.
                    if arrival not in gathered:
                        gathered[arrival] = self._gathered(layer, arrival)
                    first = gathered[arrival]
                    rest = cost((layer.input.channels, *arrival[1:]), entry)
                    known[key] = first[0] + rest[0], first[1] + rest[1]
                else:
                    known[key] = self._entry(index, layer, arrival, entry)
            return known[key]

        for i, arrival in enumerate(arriving):
            ways = self._takes(index, layer, arrival)
            for j, entry in enumerate(entries):
                if entry[1:] not in ways:
                    continue
                lut[i, j], tail[i, j] = cost(arrival, entry)
        return lut, tail

    def _gathered(self, layer: MacLayer, arrival: Arrival) -> tuple[float, int]:
        """LUTs and latency of what gathers all channels of the pixels that arrive."""
        lanes, pixels, skip = arrival
        builder = StageBuilder(layer.input, lanes=lanes, pixels=pixels, skip=skip, least=True)
        builder.convert(layer, layer.input.channels)
        return total_of(builder.stages).lut, last_beat_cycles(builder.stages)

    def _entry(self, index: int, layer: MacLayer, arrival: Arrival, entry: Entry) -> tuple[float, int]:
        lanes, pixels, skip = arrival
        flat = not layer.is_dense or layer.input.shape[:2] == (1, 1)
        if index > 0 and pixels == entry[1] and flat:
            wanted = layer.channels if is_full(layer, entry[0]) else entry[0]
            if wanted == lanes:
                return 0.0, 0
            group = latency.converter_group(layer.channels, lanes, wanted)
            cycles = latency.converter_cycles(layer.channels, lanes, wanted) + -(-group // wanted) - 1
            bits = layer.input.dtype.bits * pixels
            return float(round(converter(layer.channels, bits, lanes, wanted).lut)), cycles
        builder = StageBuilder(layer.input, lanes=lanes, pixels=pixels, skip=skip, least=True)
        choice = LayerFolding(1, entry[0], pixels=entry[1])
        builder.entry(layer, choice, buffered=index > 0)
        return total_of(builder.stages).lut, last_beat_cycles(builder.stages)

    def _options(self, index: int, layer: MacLayer, pools: list, entry: Entry) -> Iterator[Option]:
        pixels = entry[1]
        first_window, first_unit = self._unit(index, layer, entry)
        buffered = not first_window.full or index > 0
        for pe in self.pe_values(index):
            fold = -(-layer.mh // pe)
            window = first_window.varied(replay=fold)
            mvtu = first_unit.varied(pe=pe, output=first_unit.output.varied(lanes=pe))
            cycles = max(stage_cycles(window), stage_cycles(mvtu))
            if cycles > self.most:
                continue
            builder = StageBuilder(layer.output)
            builder.stream = mvtu.output
            for step in pools:
                builder.pool(step)
            stream = builder.stream
            gives = stream.lanes, stream.pixels, stream.skip
            if layer is self.chain.layers[-1]:
                builder.scores(self.chain)
            cycles = max([cycles, *(stage_cycles(stage) for stage in builder.stages)])
            if cycles > self.most:
                continue
            rest = total_of([*builder.stages, *([window] if window.full else ())])
            tail = sum(latency.stage_cycles(stage) for stage in (window, *builder.stages))
            tail += (mvtu.neuron_fold - 1) * mvtu.synapse_fold
            buffer = buffer_of(window) if buffered else None
            for choice, need, cycles_through in self._variants(layer, mvtu, pixels):
                lut = rest.lut + max(0, round(need.lut))
                if lut > self.limit.lut:
                    continue
                yield Option(
                    choice,
                    cycles,
                    lut,
                    round(2 * (rest.bram36 + need.bram36)),
                    round(rest.dsp + need.dsp),
                    entry,
                    gives,
                    buffer,
                    tail + cycles_through,
                )

    def _unit(self, index: int, layer: MacLayer, entry: Entry) -> tuple[Window, Mvtu]:
        """Window unit and MVTU of one PE."""
        simd, pixels, skip = entry
        lanes = layer.channels if is_full(layer, simd) else simd
        builder = StageBuilder(layer.input, lanes=lanes, pixels=pixels, skip=skip)
        if index == 0 and is_aligned(layer, pixels):
            builder.align(layer, pixels)
        builder.unit(layer, LayerFolding(1, simd, LOGIC, pixels=pixels))
        window, mvtu = builder.stages[-2:]
        assert isinstance(window, Window)
        assert isinstance(mvtu, Mvtu)
        return window, mvtu

    def _variants(
        self, layer: MacLayer, mvtu: Mvtu, pixels: int
    ) -> list[tuple[LayerFolding, Resources, int]]:
        """The unit with weights in either memory, and with DSP slices where they may take part; its latency.

        It is the same whatever places without meaning stand before a row.
        """
        key = layer.name, mvtu.simd, pixels, mvtu.pe
        if key not in self._known:
            self._known[key] = list(self._varied(layer, mvtu, pixels))
        return self._known[key]

    def _varied(
        self, layer: MacLayer, mvtu: Mvtu, pixels: int
    ) -> Iterator[tuple[LayerFolding, Resources, int]]:
        memories = {LOGIC: Resources()}
        if mvtu.neuron_fold * mvtu.synapse_fold > 1:
            # What the memory adds does not depend on what DSP slices do.
            logic, block = (weight_memory(mvtu, memory) for memory in (LOGIC, BLOCK))
            memories[BLOCK] = Resources(block.lut - logic.lut, 0, block.bram36 - logic.bram36)
        places = [(LUT, LUT, raw_resources(mvtu))]
        for accumulate, match in dsp_choices(layer, mvtu.pe, mvtu.simd) if self.dsp else ():
            changed = mvtu.varied(accumulate=accumulate, match=match)
            if dsp_slices(changed) <= self.limit.dsp:
                places.append((accumulate, match, raw_resources(changed)))
        for accumulate, match, need in places:
            for memory, more in memories.items():
                choice = LayerFolding(
                    mvtu.pe, mvtu.simd, memory, pixels=pixels, accumulate=accumulate, match=match
                )
                yield choice, need + more, _mvtu_latency(layer, mvtu, choice)


def _mvtu_latency(layer: MacLayer, mvtu: Mvtu, choice: LayerFolding) -> int:
    dsp = DSP in (choice.accumulate, choice.match)
    shared = not dsp and (mvtu.is_constant or mvtu.is_fixed)
    bipolar = mvtu.input.dtype.is_bipolar
    cuts = latency.dot_cuts(mvtu.simd, layer.clock_hz) if bipolar and not shared else (0, 0)
    memory = choice.weight_memory or LOGIC
    # The last sums of integers take no cycle more in DSP slices.
    accumulate = choice.accumulate if bipolar else LUT
    return latency.mvtu_cycles(mvtu.simd, bipolar, memory, accumulate, cuts, choice.match)
