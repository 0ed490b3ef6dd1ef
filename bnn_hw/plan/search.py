"""The cheapest folding that keeps every layer within a number of cycles, exactly.

The options of :mod:`bnn_hw.plan.tables` make a layered graph whose paths are the foldings:
its nodes are what may arrive at a layer, its edges the layer's options. For a frame every
so many cycles the buffers' depths, and with them all costs, are known, so that the cheapest
folding is a shortest path. Limits on LUTs, block RAM and DSP slices make it a shortest path
with limited resources, which is found in three steps:

* prices on the resources that are short (Lagrangian relaxation) give a bound that no
  folding within the limits can beat, and mostly the optimum itself;
* options that no path within the bound can contain are left out;
* what remains is enumerated by an exact dynamic programme: for each arrival, number of RAMB18
  and number of DSP slices spent the fewest LUTs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bnn_hw.pipeline import latency
from bnn_hw.pipeline.chain import Chain
from bnn_hw.pipeline.record import Resources
from bnn_hw.pipeline.stages import Fifo
from bnn_hw.plan.cost import stage_resources
from bnn_hw.plan.cuts import Cut, Path, with_slow
from bnn_hw.plan.depths import best_depth, depths_of
from bnn_hw.plan.folding import Folding
from bnn_hw.plan.memory import BLOCK, LOGIC
from bnn_hw.plan.pace import Pace
from bnn_hw.plan.pixels import after_split
from bnn_hw.plan.programme import Programme, optimum
from bnn_hw.plan.relax import PRICES, Relaxed
from bnn_hw.plan.tables import UNLIMITED, Entry, LayerTable, Tables

# A search for less than ``enough`` goes on up to so many times that: what it finds bounds other searches.
_FAR = 1.1


@dataclass(frozen=True)
class Found:
    """A folding with its buffers, and what it takes by the search's count.

    depths, blocks: depth of each layer's buffer, and whether it lies in block RAM; inlets: depth of
    the FIFO before a layer's split. value: of the objective.
    """

    folding: Folding
    depths: dict[str, int]
    blocks: dict[str, bool]
    inlets: dict[str, int]
    lut: float
    halves: int
    dsp: int
    value: float

    @property
    def resources(self) -> Resources:
        return Resources(self.lut, 0, self.halves / 2, self.dsp)


def limits_of(limit: Resources) -> np.ndarray:
    return np.array([limit.lut, int(2 * limit.bram36), int(limit.dsp)], dtype=float)


class Search:
    """Searches on the tables of a chain."""

    def __init__(
        self,
        chain: Chain,
        dsp: bool = False,
        most: int | None = None,
        most_pixels: int | None = None,
        limit: Resources = UNLIMITED,
    ) -> None:
        """dsp: DSP slices may take part; most: cycles a frame that are never exceeded.

        most_pixels: of the network's input in a beat; limit: that all searches keep to, at least.
        """
        self.chain = chain
        self.tables = Tables(chain, dsp, most, most_pixels, limit)
        self._needs: dict[tuple[str, int, int], int] = {}
        self._costs: dict[tuple, tuple[tuple[float, int, int, int], ...]] = {}

    def intervals(self) -> list[int]:
        """Every number of cycles that can be a folding's slowest layer's, ascending."""
        layers = self.tables.layers
        floor = max(int(table.cycles.min()) if len(table.cycles) else 1 << 62 for table in layers)
        values = np.unique(np.concatenate([table.cycles for table in layers]))
        return [int(value) for value in values[values >= floor]]

    def cheapest(
        self, cycles: int, limit: Resources, above: int = 0, prices: np.ndarray = PRICES
    ) -> Found | None:
        """The cheapest folding within ``cycles`` a frame that keeps to the limits, None if there is none.

        prices: of a LUT, a RAMB18 and a DSP slice; the usual ones make LUT + LUT_PER_BRAM36 * BRAM36 +
        LUT_PER_DSP * DSP least. above: a layer at least takes more cycles.
        """
        return self._least(cycles, limit, prices, above=above)

    def again(self, found: Found, cycles: int, limit: Resources) -> Found | None:
        """The same folding with buffers for a frame every ``cycles``; None if it exceeds the limits."""
        cuts = self._cuts_of(cycles)
        assert cuts is not None
        own = []
        for cut in cuts:
            choice = found.folding[cut.table.layer.name]
            own.append(cut.kept(np.array([cut.table.options[i].choice == choice for i in cut.option])))
        return self._least(cycles, limit, PRICES, cuts=own)

    def fewest_luts(self, cycles: int, limit: Resources) -> Found | None:
        """The folding of fewest LUTs within ``cycles`` a frame and the limits, None if there is none."""
        return self._least(cycles, limit, np.array([1.0, 0.0, 0.0]))

    def fits(self, cycles: int, limit: Resources) -> bool:
        """Tell whether any folding within ``cycles`` a frame keeps to the limits."""
        return self._least(cycles, limit, np.array([1.0, 0.0, 0.0]), any_will_do=True) is not None

    def cheapest_below(
        self, cycles: int, limit: Resources, prices: np.ndarray, enough: float
    ) -> tuple[float, Found | None]:
        """A bound of the price within ``cycles`` a frame and the limits; the cheapest if below ``enough``."""
        return self._searched(cycles, limit, prices, enough=enough)

    def within(self, cycles: int) -> list[Cut] | None:
        """Every option within the cycles, with buffers as small as they can be; None if a layer has none."""
        return self._cuts_of(cycles)

    def buffered(self, cuts: list[Cut], cycles: int) -> list[Cut]:
        """The options with the buffers that a frame every ``cycles`` needs."""
        return self._exact(cuts, cycles)

    def settled(self, cuts: list[Cut], rows: tuple[int, ...], limit: Resources) -> Found | None:
        """A path's folding with the buffers that its own pace needs; None if it exceeds the limits then."""
        own = [cut.kept(np.array([row])) for cut, row in zip(cuts, rows, strict=True)]
        cycles = max(int(cut.table.cycles[cut.option].max()) for cut in own)
        cuts = self._exact(own, cycles)
        best = optimum(self.heads(), cuts, limits_of(limit), PRICES)
        return self.found(*best) if best else None

    def _least(self, cycles: int, limit: Resources, objective: np.ndarray, **more: Any) -> Found | None:
        return self._searched(cycles, limit, objective, **more)[1]

    def _searched(
        self,
        cycles: int,
        limit: Resources,
        objective: np.ndarray,
        any_will_do: bool = False,
        above: int = 0,
        cuts: list[Cut] | None = None,
        enough: float = np.inf,
    ) -> tuple[float, Found | None]:
        """A bound of the objective, and the best folding; None if there is none, or none below ``enough``."""
        limits = limits_of(limit)
        cuts = cuts or self._cuts_of(cycles)
        if (limits < 0).any() or cuts is None:
            return np.inf, None
        relaxed = Relaxed(self.heads(), with_slow(cuts, above), limits, objective)
        relaxed.ascend()
        if relaxed.impossible:
            return np.inf, None
        if relaxed.bound >= enough:
            return relaxed.bound, None
        # What keeps to the limits costs no more.
        worst = float(np.minimum(limits, 1e9) @ objective)
        far = _FAR * enough if _FAR * enough < worst else np.inf
        # With buffers as deep as they are: first on the best path, then on all options that a better one,
        # or any within the limits, may contain.
        first = self._tried(relaxed, cycles, limits, objective, above)
        known = first.value if first else np.inf
        if first and any_will_do:
            return known, first
        left = relaxed.pruned(min(known, worst, far))
        if any(not len(cut.option) for cut in left):
            return min(known, far), first
        cuts = with_slow(self._exact(left, cycles), above)
        relaxed = Relaxed(self.heads(), cuts, limits, objective)
        relaxed.ascend(any_will_do)
        best = relaxed.best
        if relaxed.impossible:
            return min(known, far), first
        # Of what was left out nothing costs less than ``far``, but something may cost as little as that.
        if min(relaxed.bound, known, far) >= enough:
            return min(relaxed.bound, known, far), None
        if best is not None and best.value <= far and (any_will_do or relaxed.bound > best.value - 1e-6):
            return best.value, self.found(cuts, best)
        cap = min(best.value - 1e-6 if best else min(known, worst), far)
        left = relaxed.pruned(cap)
        better = Programme(self.heads(), left, limits, objective).best()
        if better and better.value <= far and (best is None or better.value < best.value - 1e-6):
            return better.value, self.found(left, better)
        return (best.value, self.found(cuts, best)) if best and best.value < far else (far, None)

    def _tried(
        self,
        relaxed: Relaxed,
        cycles: int,
        limits: np.ndarray,
        objective: np.ndarray,
        above: int,
    ) -> Found | None:
        """The best path with buffers as deep as they are, None if it exceeds the limits then."""
        path = relaxed.best or relaxed.last
        if path is None:
            return None
        own = [cut.kept(np.array([row])) for cut, row in zip(relaxed.cuts, path.rows, strict=True)]
        cuts = with_slow(self._exact(own, cycles), above)
        relaxed = Relaxed(self.heads(), cuts, limits, objective)
        relaxed.ascend()
        return self.found(cuts, relaxed.best) if relaxed.best else None

    @cached_property
    def _every(self) -> list[Cut]:
        """Every option, with buffers as small as they can be."""
        every = []
        for table in self.tables.layers:
            words = {place: buffer.least_words for place, buffer in enumerate(table.buffers)}
            every.append(self._expanded(table, np.arange(len(table.options)), words, None))
        return every

    def _cuts_of(self, cycles: int) -> list[Cut] | None:
        """Every option within the cycles, with buffers as small as they can be; None if a layer has none."""
        cuts = [cut.kept(cut.table.cycles[cut.option] <= cycles) for cut in self._every]
        return cuts if all(len(cut.option) for cut in cuts) else None

    def _exact(self, cuts: list[Cut], cycles: int) -> list[Cut]:
        """The options with the depths that their buffers need."""
        found = []
        for cut in cuts:
            table = cut.table
            option = np.unique(cut.option)
            places = np.unique(table.buffer[option])
            words = {place: self._words(table, place, cycles) for place in places if place >= 0}
            found.append(self._expanded(table, option, words, cycles))
        return found

    def _words(self, table: LayerTable, place: int, cycles: int) -> int:
        """Words that a buffer needs for a frame every ``cycles``."""
        key = table.layer.name, place, cycles
        if key not in self._needs:
            self._needs[key] = self.tables.paces[table.layer.name].words(table.buffers[place], cycles)
        return self._needs[key]

    def _expanded(
        self, table: LayerTable, option: np.ndarray, words: dict[int, int], cycles: int | None
    ) -> Cut:
        """Each option with its buffer in LUTs, and once more in block RAM where that saves LUTs."""
        # By buffer: LUT, RAMB18, depth and latency; in the last row those of options without one.
        logic = np.zeros((len(table.buffers) + 1, 4))
        block = np.zeros(logic.shape)
        block[:, 0] = np.inf
        for place, need in words.items():
            if need:
                logic[place], block[place] = self._buffer_costs(table, place, need)
        buffer = table.buffer[option]
        saves = block[buffer, 0] < logic[buffer, 0]
        chosen = np.concatenate([logic[buffer], block[buffer[saves]]])
        in_block = np.arange(len(chosen)) >= len(option)
        option = np.concatenate([option, option[saves]])
        use = table.use[option].copy()
        use[:, :2] += chosen[:, :2]
        way, way_tail, depth = self._ways(table, cycles, np.unique(table.entry[option]))
        return Cut(
            table,
            option,
            use,
            table.tail[option] + chosen[:, 3],
            chosen[:, 2].astype(int),
            in_block,
            table.entry[option],
            table.give[option],
            len(table.gives),
            way,
            way_tail,
            depth,
        )

    def _ways(
        self, table: LayerTable, cycles: int | None, entries: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """LUTs and latency of what stands before the layer, FIFOs before splits counted, and their depth.

        entries: that options use; what stands before others does not matter.
        """
        way, tail = table.entry_lut.copy(), table.entry_tail.copy()
        depth = np.zeros(way.shape, dtype=int)
        if cycles is None:
            return way, tail, depth
        pace = self.tables.paces[table.layer.name]
        for (arriving, skip, pixels), mask in table.splits.items():
            if not mask[:, entries].any():
                continue
            waiting = self._waiting_to_split(pace, (arriving, skip, pixels), cycles)
            if waiting:
                fifo = pace.inlet(arriving, skip, waiting)
                way[mask] += stage_resources(fifo).lut
                tail[mask] += latency.fifo_cycles(fifo.depth)
                depth[mask] = fifo.depth
        return way, tail, depth

    def _waiting_to_split(self, pace: Pace, way: Entry, cycles: int) -> int:
        """Beats that wait for a split; none where its own registers and the skid buffer before it do."""
        arriving, skip, pixels = way
        if arriving % pixels:
            row = after_split(arriving, skip, pixels) + pace.layer.input.width
            waiting = pace.split_rows(skip, arriving, -(-row // pixels), cycles)
            return waiting if waiting > 0 else 0
        waiting = pace.split(skip, arriving, arriving // pixels, cycles)
        return waiting if waiting > 1 else 0

    def _buffer_costs(
        self, table: LayerTable, place: int, words: int
    ) -> tuple[tuple[float, int, int, int], ...]:
        """LUTs, RAMB18, depth and latency of a buffer in LUTs, and in block RAM."""
        buffer = table.buffers[place]
        # Of the unit's folding a FIFO's cost tells nothing, and of the words only the depths they allow.
        fold = 0 if buffer.stage.full else buffer.neuron_fold
        key = table.layer.name, buffer.simd, buffer.pixels, fold, depths_of(words)
        if key not in self._costs:
            kind, found = buffer.kind, []
            for memory in (LOGIC, BLOCK):
                need, depth = best_depth(kind, words, memory)
                cycles = latency.fifo_cycles(depth) if isinstance(kind, Fifo) else 0
                found.append((need.lut, round(2 * need.bram36), depth, cycles))
            self._costs[key] = tuple(found)
        return self._costs[key]

    def heads(self) -> np.ndarray:
        """LUTs, RAMB18 and DSP before the first layer, by arrival."""
        first = self.tables.layers[0]
        return np.array([(*self.tables.heads[arrival][:2], 0) for arrival in first.arrivals], dtype=float)

    def found(self, cuts: list[Cut], path: Path) -> Found:
        folding, depths, blocks, inlets = {}, {}, {}, {}
        for cut, row, arrival in zip(cuts, path.rows, path.arrivals, strict=True):
            name = cut.table.layer.name
            folding[name] = cut.table.options[cut.option[row]].choice
            depths[name], blocks[name] = int(cut.depth[row]), bool(cut.block[row])
            inlets[name] = int(cut.way_depth[arrival, cut.entry[row]])
        lut, halves, dsp = path.use
        return Found(folding, depths, blocks, inlets, float(lut), round(halves), round(dsp), path.value)
