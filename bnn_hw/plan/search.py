"""The cheapest folding that keeps every layer within a number of cycles: an exact dynamic programme.

A layer's cycles depend on its own PE, SIMD and pixels only. Its cost depends on them,
on the kind of its weight memory, and on what arrives in a beat (an *arrival*: lanes and
pixels), because of the converter or split between unlike neighbours. The lanes that
arrive are the PE of the layer before, the pixels those that it makes. So the chain is
solved from front to back: for each arrival reached so far and each number of block
RAMs spent, the fewest LUTs.

The search space: at the input the pixels that pixels.first_pixels names, at other layers
every divisor of those that arrive; every legal SIMD; PE the least for each number of neuron folds
(any other is as slow and larger), and those equal to a SIMD of the next layer,
which save a converter; weights in logic or block RAM. Within it and by the cost
law the result is optimal; buffers count with their nominal depth here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bnn_hw.pipeline.chain import Chain, InputThreshold, MacLayer
from bnn_hw.pipeline.record import Resources
from bnn_hw.pipeline.stages import Stage
from bnn_hw.plan.build import StageBuilder
from bnn_hw.plan.cost import stage_resources
from bnn_hw.plan.cycles import stage_cycles
from bnn_hw.plan.folding import Folding, LayerFolding, is_full, legal_simd, useful_pe
from bnn_hw.plan.memory import BLOCK, LOGIC, LUT_PER_BRAM36
from bnn_hw.plan.pixels import after_split, first_pixels, input_pixels, is_aligned, later_pixels

_FAR = np.inf

Arrival = tuple[int, int, int]
"""Lanes and pixels of a beat, and places without meaning before a row."""

Entry = tuple[int, int, int]
"""SIMD and pixels of a layer, and places without meaning before a row."""


@dataclass(frozen=True)
class Option:
    """One way to build a layer with the pools behind it.

    halves: RAMB18; entry, gives: what goes in and comes out.
    """

    choice: LayerFolding
    cycles: int
    lut: float
    halves: int
    entry: Entry
    gives: Arrival


@dataclass
class LayerTable:
    """All options of a layer, and what stands before it: (LUT, RAMB18)."""

    layer: MacLayer
    options: list[Option]
    entry: dict[tuple[Arrival, Entry], tuple[float, int]]


def total_of(stages: Iterable[Stage]) -> Resources:
    """Sum of the stages' predicted resources."""
    return sum((stage_resources(stage) for stage in stages), Resources())


def _halves(resources: Resources) -> int:
    return round(2 * resources.bram36)


class Search:
    """Tables of one chain, made once, and searches on them."""

    def __init__(self, chain: Chain, least_buffers: bool = False) -> None:
        """least_buffers: count buffers as small as any can be, which bounds every real cost from below."""
        self.chain = chain
        self.least = least_buffers
        self.first_pixels = first_pixels(chain)
        self.groups = self._groups()

    def _groups(self) -> list[list]:
        """Each layer with the pools behind it."""
        groups: list[list] = []
        for step in self.chain.steps:
            if isinstance(step, MacLayer):
                groups.append([step])
            elif groups:
                groups[-1].append(step)
        return groups

    @cached_property
    def heads(self) -> dict[Arrival, tuple[float, int]]:
        """What stands before the first layer, a threshold on the pixels, by pixels a beat."""
        heads = {}
        for pixels in {input_pixels(self.chain.layers[0], n) for n in self.first_pixels}:
            builder = StageBuilder(self.chain.input, pixels=pixels)
            for step in self.chain.steps:
                if isinstance(step, InputThreshold):
                    builder.threshold(step)
            total = total_of(builder.stages)
            heads[self.chain.input.channels, pixels, 0] = total.lut, _halves(total)
        return heads

    def pe_values(self, index: int) -> tuple[int, ...]:
        """PE worth considering for a layer."""
        layer = self.groups[index][0]
        values = set(useful_pe(layer))
        if index + 1 < len(self.groups):
            values |= {simd for simd in legal_simd(self.groups[index + 1][0]) if simd <= layer.mh}
        return tuple(sorted(values))

    @cached_property
    def tables(self) -> list[LayerTable]:
        arrivals = set(self.heads)
        tables = []
        for index, (layer, *pools) in enumerate(self.groups):
            taken = {way for arrival in arrivals for way in self._takes(index, layer, arrival)}
            options = [
                option
                for pe in self.pe_values(index)
                for simd in legal_simd(layer)
                for pixels, skip in sorted(taken)
                if pixels == 1 or is_full(layer, simd)
                for option in self._options(index, layer, pools, pe, (simd, pixels, skip))
            ]
            entries = {option.entry for option in options}
            entry = {
                (arrival, e): self._entry(index, layer, arrival, e)
                for arrival in arrivals
                for e in entries
                if e[1:] in self._takes(index, layer, arrival)
            }
            tables.append(LayerTable(layer, options, entry))
            arrivals = {option.gives for option in options}
        return tables

    def _takes(self, index: int, layer: MacLayer, arrival: Arrival) -> set[tuple[int, int]]:
        """Pixels a beat that a layer may take of what arrives, with the places they skip."""
        _, arriving, skip = arrival
        if index == 0:
            return {(n, 0) for n in self.first_pixels if input_pixels(layer, n) == arriving}
        return {(n, after_split(arriving, skip, n)) for n in later_pixels(layer, arriving)}

    def _entry(self, index: int, layer: MacLayer, arrival: Arrival, entry: Entry) -> tuple[float, int]:
        builder = StageBuilder(
            layer.input, lanes=arrival[0], least=self.least, pixels=arrival[1], skip=arrival[2]
        )
        builder.entry(layer, LayerFolding(1, entry[0], pixels=entry[1]), buffered=index > 0)
        total = total_of(builder.stages)
        return total.lut, _halves(total)

    def _options(self, index: int, layer: MacLayer, pools: list, pe: int, entry: Entry) -> Iterable[Option]:
        simd, pixels, skip = entry
        for memory in (LOGIC, BLOCK):
            choice = LayerFolding(pe, simd, memory, pixels=pixels)
            lanes = layer.channels if is_full(layer, simd) else simd
            builder = StageBuilder(layer.input, lanes=lanes, least=self.least, pixels=pixels, skip=skip)
            if index == 0 and is_aligned(layer, pixels):
                builder.align(layer, pixels)
                builder.stages.clear()  # it counts as what stands before
            builder.unit(layer, choice)
            for step in pools:
                builder.pool(step)
            gives = builder.stream.lanes, builder.stream.pixels, builder.stream.skip
            if layer is self.chain.layers[-1]:
                builder.scores(self.chain)
            total = total_of(builder.stages)
            cycles = max(stage_cycles(stage) for stage in builder.stages)
            yield Option(choice, cycles, total.lut, _halves(total), entry, gives)
            if -(-layer.mh // pe) * (layer.mw // simd) == 1:
                break  # constants need no memory

    def intervals(self) -> list[int]:
        """Every number of cycles that can be a folding's slowest layer's, ascending."""
        floor = max(min(option.cycles for option in table.options) for table in self.tables)
        return sorted(
            {floor} | {o.cycles for table in self.tables for o in table.options if o.cycles > floor}
        )

    def cheapest(self, cycles: int, lut: float, bram36: float) -> Folding | None:
        """The cheapest folding within ``cycles`` a frame that keeps to the limits, None if there is none.

        Cheapest: least LUT + LUT_PER_BRAM36 * BRAM36, of equal ones the one with
        fewer LUTs.
        """
        sweep = self._swept(cycles, bram36)
        return sweep.best(lut)[1] if sweep else None

    def least_price(self, cycles: int, lut: float, bram36: float) -> float:
        """LUT + LUT_PER_BRAM36 * BRAM36 of the cheapest folding, infinite if there is none."""
        sweep = self._swept(cycles, bram36)
        return float(sweep.best(lut)[0]) if sweep else float(_FAR)

    def _swept(self, cycles: int, bram36: float) -> _Sweep | None:
        halves = int(2 * bram36)
        if halves < 0:
            return None
        sweep = _Sweep(halves + 1, self.heads)
        for table in self.tables:
            sweep.add(table, cycles)
        return sweep


@dataclass
class _Trace:
    """For each arrival behind a layer and number of RAMB18 the option taken, and what it was entered with.

    entered: by entry and number of RAMB18, the place in ``arrivals``.
    """

    layer: str
    options: list[Option]
    arrivals: list[Arrival]
    taken: dict[Arrival, np.ndarray]
    entered: dict[Entry, np.ndarray]
    entry_halves: dict[Entry, int]


class _Sweep:
    """The dynamic programme: fewest LUTs by arrival behind the last layer and RAMB18 spent."""

    def __init__(self, size: int, heads: dict[Arrival, tuple[float, int]]) -> None:
        self.size = size
        self.fewest: dict[Arrival, np.ndarray] = {}
        for arrival, (lut, halves) in heads.items():
            self.fewest[arrival] = np.full(size, _FAR)
            self.fewest[arrival][halves : halves + 1] = lut
        self.traces: list[_Trace] = []

    def add(self, table: LayerTable, cycles: int) -> None:
        options = [option for option in table.options if option.cycles <= cycles]
        trace = _Trace(table.layer.name, options, list(self.fewest), {}, {}, {})
        entered: dict[Entry, np.ndarray] = {}
        for entry in {option.entry for option in options}:
            ways = [i for i, arrival in enumerate(trace.arrivals) if (arrival, entry) in table.entry]
            if not ways:
                continue
            extra = [table.entry[trace.arrivals[i], entry] for i in ways]
            halves = extra[0][1]
            before = np.array([self.fewest[trace.arrivals[i]] for i in ways])
            total = before + np.array([lut for lut, _ in extra])[:, None]
            entered[entry] = self._moved(total.min(axis=0), halves)
            trace.entered[entry] = np.array(ways)[total.argmin(axis=0)]
            trace.entry_halves[entry] = halves
        fewest: dict[Arrival, np.ndarray] = {}
        for index, option in enumerate(options):
            if option.entry not in entered:
                continue
            cost = self._moved(entered[option.entry], option.halves) + option.lut
            gives = option.gives
            if gives not in fewest:
                fewest[gives] = np.full(self.size, _FAR)
                trace.taken[gives] = np.full(self.size, -1)
            better = cost < fewest[gives]
            fewest[gives][better] = cost[better]
            trace.taken[gives][better] = index
        self.fewest = fewest
        self.traces.append(trace)

    def _moved(self, values: np.ndarray, halves: int) -> np.ndarray:
        if not halves:
            return values
        moved = np.full(self.size, _FAR)
        if halves < self.size:
            moved[halves:] = values[: self.size - halves]
        return moved

    def best(self, lut: float) -> tuple[float, Folding | None]:
        """The least price within ``lut`` LUTs, and the folding; infinite and None if there is none."""
        price = np.arange(self.size) * (LUT_PER_BRAM36 / 2)
        found: tuple[float, float, Arrival, int] | None = None
        for gives, values in self.fewest.items():
            within = np.where(values <= lut, values, _FAR)
            spent = int((within + price).argmin())
            if within[spent] < _FAR:
                key = (within[spent] + price[spent], within[spent], gives, spent)
                found = min(found, key) if found else key
        return (found[0], self._folding(found[2], found[3])) if found else (_FAR, None)

    def _folding(self, gives: Arrival, spent: int) -> Folding:
        folding: Folding = {}
        for trace in reversed(self.traces):
            option = trace.options[trace.taken[gives][spent]]
            folding[trace.layer] = option.choice
            spent -= option.halves + trace.entry_halves[option.entry]
            gives = trace.arrivals[int(trace.entered[option.entry][spent])]
        return dict(reversed(folding.items()))
