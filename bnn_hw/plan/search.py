"""The cheapest folding that keeps every layer within a number of cycles: an exact dynamic programme.

A layer's cycles depend on its own PE and SIMD only. Its cost depends on them,
on the kind of its weight memory, and on the lanes that arrive, because of the
converter between unlike neighbours; the lanes that arrive are the PE of the layer
before. So the chain is solved from front to back: for each PE of the layer
reached so far and each number of block RAMs spent, the fewest LUTs.

The search space: every legal SIMD; PE the least for each number of neuron folds
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

_FAR = np.inf


@dataclass(frozen=True)
class Option:
    """One way to build a layer with the pools behind it; ``halves``: RAMB18."""

    choice: LayerFolding
    cycles: int
    lut: float
    halves: int


@dataclass
class LayerTable:
    """All options of a layer, and what stands before it by arriving lanes and SIMD: (LUT, RAMB18)."""

    layer: MacLayer
    options: list[Option]
    entry: dict[tuple[int, int], tuple[float, int]]


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
        self.first_lanes = chain.input.channels
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
    def head(self) -> Resources:
        """What stands before the first layer: a threshold on the pixels."""
        builder = StageBuilder(self.chain.input)
        for step in self.chain.steps:
            if isinstance(step, InputThreshold):
                builder.threshold(step)
        return total_of(builder.stages)

    def pe_values(self, index: int) -> tuple[int, ...]:
        """PE worth considering for a layer."""
        layer = self.groups[index][0]
        values = set(useful_pe(layer))
        if index + 1 < len(self.groups):
            values |= {simd for simd in legal_simd(self.groups[index + 1][0]) if simd <= layer.mh}
        return tuple(sorted(values))

    @cached_property
    def tables(self) -> list[LayerTable]:
        lanes: tuple[int, ...] = (self.first_lanes,)
        tables = []
        for index, (layer, *pools) in enumerate(self.groups):
            options = [
                option
                for pe in self.pe_values(index)
                for simd in legal_simd(layer)
                for option in self._options(layer, pools, pe, simd)
            ]
            entry = {
                (n, simd): self._entry(index, layer, n, simd) for n in lanes for simd in legal_simd(layer)
            }
            tables.append(LayerTable(layer, options, entry))
            lanes = self.pe_values(index)
        return tables

    def _entry(self, index: int, layer: MacLayer, lanes: int, simd: int) -> tuple[float, int]:
        builder = StageBuilder(layer.input, lanes=lanes, least=self.least)
        builder.entry(layer, simd, buffered=index > 0)
        total = total_of(builder.stages)
        return total.lut, _halves(total)

    def _options(self, layer: MacLayer, pools: list, pe: int, simd: int) -> Iterable[Option]:
        for memory in (LOGIC, BLOCK):
            choice = LayerFolding(pe, simd, memory)
            lanes = layer.channels if is_full(layer, simd) else simd
            builder = StageBuilder(layer.input, lanes=lanes, least=self.least)
            builder.unit(layer, choice)
            for step in pools:
                builder.pool(step)
            if layer is self.chain.layers[-1]:
                builder.scores(self.chain)
            total = total_of(builder.stages)
            cycles = max(stage_cycles(stage) for stage in builder.stages)
            yield Option(choice, cycles, total.lut, _halves(total))
            if -(-layer.mh // pe) * (layer.mw // simd) == 1:
                break  # constants need no memory

    def intervals(self) -> list[int]:
        """Every number of cycles that can be a folding's slowest layer's, ascending."""
        pixels = self.chain.input.height * self.chain.input.width
        least = [min(option.cycles for option in table.options) for table in self.tables]
        floor = max(pixels, *least)
        return sorted(
            {floor} | {o.cycles for table in self.tables for o in table.options if o.cycles > floor}
        )

    def cheapest(self, cycles: int, lut: float, bram36: float) -> Folding | None:
        """The cheapest folding within ``cycles`` a frame that keeps to the limits, None if there is none.

        Cheapest: least LUT + LUT_PER_BRAM36 * BRAM36, of equal ones the one with
        fewer LUTs.
        """
        sweep = self._swept(cycles, bram36)
        return sweep.best(lut - self.head.lut)[1] if sweep else None

    def least_price(self, cycles: int, lut: float, bram36: float) -> float:
        """LUT + LUT_PER_BRAM36 * BRAM36 of the cheapest folding, infinite if there is none."""
        sweep = self._swept(cycles, bram36)
        own = sweep.best(lut - self.head.lut)[0] if sweep else _FAR
        return float(own + self.head.lut + LUT_PER_BRAM36 * self.head.bram36)

    def _swept(self, cycles: int, bram36: float) -> _Sweep | None:
        halves = int(2 * bram36) - _halves(self.head)
        if halves < 0:
            return None
        sweep = _Sweep(halves + 1, self.first_lanes)
        for table in self.tables:
            sweep.add(table, cycles)
        return sweep


@dataclass
class _Trace:
    """For each PE and number of RAMB18: the option taken, and the lanes it was entered with."""

    layer: str
    options: list[Option]
    taken: dict[int, np.ndarray]
    entered: dict[int, np.ndarray]
    entry_halves: dict[int, int]


class _Sweep:
    """The dynamic programme: fewest LUTs by PE of the last layer and RAMB18 spent."""

    def __init__(self, size: int, lanes: int) -> None:
        start = np.full(size, _FAR)
        start[0] = 0
        self.size = size
        self.fewest = {lanes: start}
        self.traces: list[_Trace] = []

    def add(self, table: LayerTable, cycles: int) -> None:
        options = [option for option in table.options if option.cycles <= cycles]
        trace = _Trace(table.layer.name, options, {}, {}, {})
        lanes = np.array(list(self.fewest))
        before = np.array(list(self.fewest.values()))
        arrivals = {}
        for simd in {option.choice.simd for option in options}:
            extra = [table.entry[int(n), simd] for n in lanes]
            halves = extra[0][1]
            total = before + np.array([lut for lut, _ in extra])[:, None]
            best = total.argmin(axis=0) if len(lanes) else np.zeros(self.size, int)
            arrivals[simd] = self._moved(total.min(axis=0), halves)
            trace.entered[simd] = lanes[best]
            trace.entry_halves[simd] = halves
        fewest: dict[int, np.ndarray] = {}
        for index, option in enumerate(options):
            cost = self._moved(arrivals[option.choice.simd], option.halves) + option.lut
            pe = option.choice.pe
            if pe not in fewest:
                fewest[pe] = np.full(self.size, _FAR)
                trace.taken[pe] = np.full(self.size, -1)
            better = cost < fewest[pe]
            fewest[pe][better] = cost[better]
            trace.taken[pe][better] = index
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
        found: tuple[float, float, int, int] | None = None
        for pe, values in self.fewest.items():
            within = np.where(values <= lut, values, _FAR)
            spent = int((within + price).argmin())
            if within[spent] < _FAR:
                key = (within[spent] + price[spent], within[spent], pe, spent)
                found = min(found, key) if found else key
        return (found[0], self._folding(found[2], found[3])) if found else (_FAR, None)

    def _folding(self, pe: int, spent: int) -> Folding:
        folding: Folding = {}
        for trace in reversed(self.traces):
            option = trace.options[trace.taken[pe][spent]]
            folding[trace.layer] = option.choice
            simd = option.choice.simd
            spent -= option.halves + trace.entry_halves[simd]
            pe = int(trace.entered[simd][spent])
        return dict(reversed(folding.items()))
