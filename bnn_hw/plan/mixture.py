"""Mixtures of paths and staircases: a bound of the latency that is a sum over the layers.

A folding's latency is that of its longest staircase (:mod:`bnn_hw.plan.staircase`). With weights on
staircases that add up to one, a folding's weighted sum is at most its latency, and is a sum over its
layers: its least over all foldings is a shortest path. The best weights, and prices of the resources
that are short, are the dual of a linear programme: of the mixture of known paths whose longest
staircase is shortest, within the limits on average. It is solved by HiGHS.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import highspy
import numpy as np

from bnn_hw.plan.cuts import Cut
from bnn_hw.plan.relax import PRICES
from bnn_hw.plan.search import Search
from bnn_hw.plan.staircase import LayerSteps, Paces, Staircase, Stop, longest, picture_beats

TRACE = 1e-6
"""Of a price beside a latency: all of a part's LUTs count less than half a cycle."""

# Cycles that a unit of a resource is worth at most.
_DEAREST = np.array([50.0, 5000.0, 5000.0])


@dataclass(frozen=True)
class Column:
    """A path as the linear programme sees it.

    options: of each layer the option and whether its buffer lies in block RAM; rows: these in the
    cuts; use: LUT, RAMB18, DSP; stops, paces: of the layers, and the numbers of their paces. lengths:
    what the staircases take on it, as far as they were asked for.
    """

    options: tuple[tuple[int, bool], ...]
    rows: tuple[int, ...]
    arrivals: tuple[int, ...]
    use: np.ndarray
    stops: tuple[Stop, ...]
    paces: tuple[int, ...]
    lengths: list[np.ndarray] = field(default_factory=lambda: [np.zeros(0)], compare=False)


@dataclass(frozen=True)
class Optimum:
    """A linear programme's solution. latency: of the mixture; shares: of the columns in it.

    weights: of the staircases; prices: of a LUT, a RAMB18 and a DSP slice in cycles.
    """

    latency: float
    shares: np.ndarray
    weights: np.ndarray
    prices: np.ndarray


class Staircases:
    """The staircases known so far, and what each takes of every option."""

    def __init__(self, search: Search) -> None:
        tables = search.tables
        self._heads = search.heads()
        self._beats = [
            picture_beats(search.chain, pixels) + tables.heads[lanes, pixels, skip][2]
            for lanes, pixels, skip in tables.layers[0].arrivals
        ]
        self._layers, self._kinds, self._kind_of, self._leads, self._rests = [], [], [], [], []
        self._paces: list[Paces] = []
        for index, (table, (_, *pools)) in enumerate(zip(tables.layers, tables.groups, strict=True)):
            layer = LayerSteps(table.layer, pools, first=index == 0)
            paces = [layer.pace(option) for option in table.options]
            number = {pace: place for place, pace in enumerate(dict.fromkeys(paces))}
            self._layers.append(layer)
            self._kinds.append(list(number))
            self._paces.append(Paces(layer, self._kinds[-1]))
            self._kind_of.append(np.array([number[pace] for pace in paces]))
            self._leads.append(np.array([layer.lead(option) for option in table.options]))
            rests = [[layer.rest(arrival, entry) for entry in table.entries] for arrival in table.arrivals]
            self._rests.append(np.array(rests))
        self._known: set[Staircase] = set()
        # By staircase: cycles before it by arrival, in each layer by pace, and which layers it leaves early.
        self._starts = np.zeros((0, len(self._beats)))
        self._spans = [np.zeros((0, len(kinds))) for kinds in self._kinds]
        self._early = np.zeros((0, len(self._layers)))

    def column(self, cuts: list[Cut], rows: tuple[int, ...], arrivals: tuple[int, ...]) -> Column:
        options, paces, stops = [], [], []
        use = self._heads[arrivals[0]].copy()
        for index, (cut, row, arrival) in enumerate(zip(cuts, rows, arrivals, strict=True)):
            option, entry = int(cut.option[row]), cut.entry[row]
            options.append((option, bool(cut.block[row])))
            paces.append(int(self._kind_of[index][option]))
            delay = float(cut.tail[row] + cut.way_tail[arrival, entry])
            lead, rest = int(self._leads[index][option]), int(self._rests[index][arrival, entry])
            stops.append(Stop(self._kinds[index][paces[-1]], delay, lead, rest))
            use += cut.use[row]
            use[0] += cut.way[arrival, entry]
        return Column(tuple(options), rows, arrivals, use, tuple(stops), tuple(paces))

    def moved(self, cuts: list[Cut], column: Column) -> Column | None:
        """The column of another node's path in these cuts, None if they do not contain it."""
        rows = []
        for cut, (option, block) in zip(cuts, column.options, strict=True):
            found = np.flatnonzero((cut.option == option) & (cut.block == block))
            if not len(found):
                return None
            rows.append(int(found[0]))
        return self.column(cuts, tuple(rows), column.arrivals)

    def latency(self, column: Column) -> float:
        """Latency of a path's folding in cycles, buffers never full; its staircases become known."""
        latency, stairs = longest(self._layers, column.stops, self._beats[column.arrivals[0]])
        for stair in stairs:
            if stair in self._known:
                continue
            self._known.add(stair)
            self._starts = np.vstack([self._starts, [beats[stair[0].pixel] for beats in self._beats]])
            self._early = np.vstack([self._early, [leg.early for leg in stair]])
            for index, (paces, leg) in enumerate(zip(self._paces, stair, strict=True)):
                self._spans[index] = np.vstack([self._spans[index], paces.spans(leg)])
        return latency

    def mixed(self, cuts: list[Cut], weights: np.ndarray) -> list[Cut]:
        """Options with what they take of the weighted staircases as their latency."""
        known = len(weights)
        early = weights @ self._early[:known]
        mixed = []
        for index, cut in enumerate(cuts):
            by_pace = weights @ self._spans[index][:known]
            tail = cut.tail + by_pace[self._kind_of[index][cut.option]]
            tail -= early[index] * self._leads[index][cut.option]
            if index:
                way_tail = cut.way_tail + early[index - 1] * self._rests[index]
            else:
                way_tail = cut.way_tail + (weights @ self._starts[:known])[:, None]
            mixed.append(cut.lasting(tail, way_tail))
        return mixed

    def optimum(self, columns: list[Column], limits: np.ndarray, weights: np.ndarray) -> Optimum:
        """The best mixture of the columns.

        weights: of the mixture before; staircases without one are left out until they are longer.
        """
        lengths = np.array([self._lengths(column) for column in columns]).T
        use = np.array([column.use for column in columns]).T
        active = np.append(weights > 0, np.ones(len(lengths) - len(weights), dtype=bool))
        while True:
            solved = _solved(lengths[active], use, limits)
            shares, latency = solved.x[: len(columns)], solved.x[len(columns)]
            missing = (lengths @ shares > latency + 1e-6) & ~active
            if not missing.any():
                break
            active |= missing
        dual = solved.dual
        found = np.zeros(len(lengths))
        count = int(active.sum())
        found[active] = dual[:count] / dual[:count].sum()
        return Optimum(solved.value, shares, found, dual[count:])

    def _lengths(self, column: Column) -> np.ndarray:
        """What each staircase takes on a path; those known from before are kept."""
        before = column.lengths[0]
        if len(before) < len(self._starts):
            new = slice(len(before), None)
            stops = column.stops
            gained = np.append([stop.rest for stop in stops[1:]], 0) - [stop.lead for stop in stops]
            lengths = sum(stop.delay for stop in stops) + self._starts[new, column.arrivals[0]]
            lengths = lengths + self._early[new] @ gained
            for spans, pace in zip(self._spans, column.paces, strict=True):
                lengths = lengths + spans[new, pace]
            before = column.lengths[0] = np.append(before, lengths)
        return before


@dataclass(frozen=True)
class _Solved:
    """value: of the objective; x: of the variables; dual: of the rows, at least 0."""

    value: float
    x: np.ndarray
    dual: np.ndarray


@cache
def _solver() -> highspy.Highs:
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    # The programmes are too small for it.
    solver.setOptionValue("presolve", "off")
    solver.setOptionValue("threads", 1)
    return solver


def _solved(lengths: np.ndarray, use: np.ndarray, limits: np.ndarray) -> _Solved:
    """Shares of columns, the longest staircase of their mixture, and what it exceeds the limits by."""
    stairs, count = lengths.shape
    rows = np.zeros((stairs + 4, count + 4))
    rows[:stairs, :count], rows[:stairs, count] = lengths, -1
    rows[stairs:-1, :count], rows[stairs:-1, count + 1 :] = use, -np.eye(3)
    rows[-1, :count] = 1
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = rows.shape
    model.col_cost_ = np.concatenate([TRACE * PRICES @ use, [1.0], _DEAREST])
    model.col_lower_ = np.zeros(count + 4)
    model.col_upper_ = np.full(count + 4, highspy.kHighsInf)
    model.row_lower_ = np.append(np.full(stairs + 3, -highspy.kHighsInf), 1.0)
    model.row_upper_ = np.concatenate([np.zeros(stairs), limits, [1.0]])
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.arange(stairs + 5) * (count + 4)
    model.a_matrix_.index_ = np.tile(np.arange(count + 4), stairs + 4)
    model.a_matrix_.value_ = rows.ravel()
    solver = _solver()
    solver.clearModel()
    solver.passModel(model)
    solver.run()
    found = solver.getSolution()
    dual = np.maximum(-np.asarray(found.row_dual)[:-1], 0.0)
    return _Solved(solver.getInfo().objective_function_value, np.asarray(found.col_value), dual)
