"""The folding of least latency within limits: branch and bound.

A node is a part of all foldings: options of each layer. Its bound comes from a mixture
(:mod:`bnn_hw.plan.mixture`) that grows by the shortest path for its weights and prices, and by that
path's longest staircase, until nothing is gained. Options that no folding sooner than the best one
known can contain are left out, and what remains is split in two where the mixture is most mixed.
Buffers are counted as deep as the slowest option left needs them, or less.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from bnn_hw.pipeline.record import Resources
from bnn_hw.plan.cuts import Cut
from bnn_hw.plan.mixture import TRACE, Column, Optimum, Staircases
from bnn_hw.plan.relax import PRICES, Relaxed
from bnn_hw.plan.search import Search, limits_of
from bnn_hw.plan.sized import Solution, realised
from bnn_hw.plan.timing import latency_cycles

# Shortest paths looked for in a node, and in all; nodes that are left then make the bound.
_PATHS_IN_NODE = 40
_PATHS = 1500

# Buffers are counted anew where the slowest option is so much faster; with few options left, always.
_MUCH_FASTER = 0.7
_FEW_OPTIONS = 1500

# Where a good folding is looked for: shares of a bound by which options may exceed it, options in all,
# parts looked at, and slowest options' cycles that make no difference.
_LIKELY = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
_DIVE_OPTIONS = 2000
_DIVE_PARTS = 25
_ALIKE = 0.1

# Times the prices that keep to the limits, at most, and steps in which they are looked for.
_DEARER = 1.5
_DEARER_STEPS = 6

_COMPARED = ("cycles", "tail", "price", "option")


@dataclass(order=True)
class _Node:
    """A part of all foldings.

    bound: of their latency; counted: cycles a frame that buffers are counted for; weights, prices,
    columns: of the node that it is a part of.
    """

    bound: float
    number: int
    cuts: list[Cut] = field(compare=False)
    counted: int = field(compare=False)
    weights: np.ndarray = field(compare=False)
    prices: np.ndarray = field(compare=False)
    columns: list[Column] = field(compare=False)


@dataclass(frozen=True)
class _Bounded:
    """A node with its bound. relaxed: its options with the costs that give it; columns, shares: mixture."""

    node: _Node
    relaxed: Relaxed
    columns: list[Column]
    shares: np.ndarray


class Soonest:
    """One search. latency: of the soonest folding so far; bound: no folding is below it, both in cycles."""

    def __init__(self, search: Search, limit: Resources) -> None:
        self.search, self.limit = search, limit
        self.solution: Solution | None = None
        self.latency, self.bound = float("inf"), 0.0
        self._limits = np.minimum(limits_of(limit), 1e9)
        self._heads = search.heads()
        self._staircases = Staircases(search)
        self._paths = 0
        self._looked: set[tuple] = set()
        self._dived: list[int] = []

    def run(self, cycles: int) -> None:
        """Search all foldings within ``cycles`` a frame."""
        cuts = self.search.within(cycles)
        assert cuts is not None
        numbers = itertools.count()
        heap = [_Node(0.0, next(numbers), cuts, 1 << 62, np.zeros(0), np.zeros(3), [])]
        while heap and heap[0].bound < self.latency:
            if self._paths >= _PATHS:
                self.bound = heap[0].bound
                return
            for part in self._expanded(heapq.heappop(heap)):
                heapq.heappush(heap, replace(part, number=next(numbers)))
        self.bound = self.latency

    def _expanded(self, node: _Node) -> Iterator[_Node]:
        """What is left of a node, in parts; nothing where no folding in it is sooner than the best."""
        while bounded := self._bounded(node):
            self._dive(bounded)
            node = bounded.node
            cuts = self._left(bounded)
            if node.bound >= self.latency or any(not len(cut.option) for cut in cuts):
                return
            slowest = max(int(cut.table.cycles[cut.option].max()) for cut in cuts)
            few = sum(len(cut.option) for cut in cuts) <= _FEW_OPTIONS
            if slowest >= node.counted * (1 if few else _MUCH_FASTER):
                yield from self._parts(bounded, cuts)
                return
            node = replace(node, cuts=self.search.buffered(cuts, slowest), counted=slowest)

    def _left(self, bounded: _Bounded) -> list[Cut]:
        """The node's options that a folding sooner than the best may contain."""
        if self.solution is None:
            return bounded.node.cuts
        return _only(bounded.node.cuts, bounded.relaxed.pruned(self.latency - 0.5))

    def _bounded(self, node: _Node) -> _Bounded | None:
        """The node with the best bound that is found; None where it holds nothing sooner than the best."""
        columns = [moved for column in node.columns if (moved := self._staircases.moved(node.cuts, column))]
        best: _Bounded | None = None
        optimum = Optimum(0.0, np.zeros(0), node.weights, node.prices)
        reached = -np.inf
        for _ in range(_PATHS_IN_NODE):
            relaxed = self._relaxed(node.cuts, optimum)
            self._paths += 1
            length, path = relaxed.shortest(relaxed.objective + optimum.prices)
            if path is None:
                return None
            bound = length - float(optimum.prices @ self._limits)
            if len(optimum.weights) and bound > reached:
                reached = bound
                least = max(node.bound, float(np.ceil(bound - 0.5)))
                node = replace(node, bound=least, weights=optimum.weights, prices=optimum.prices)
                best = _Bounded(node, relaxed, columns, optimum.shares)
                if least >= self.latency:
                    return None
            column = self._staircases.column(node.cuts, path.rows, path.arrivals)
            columns.append(column)
            self._look(node.cuts, column)
            optimum = self._staircases.optimum(columns, self._limits, optimum.weights)
            if best and np.ceil(optimum.latency - 0.5) <= node.bound:
                break
        assert best is not None, "the second path has weights"
        node = replace(best.node, columns=columns)
        self._look_dearer(node)
        return replace(best, node=node, columns=columns, shares=optimum.shares)

    def _relaxed(self, cuts: list[Cut], optimum: Optimum) -> Relaxed:
        mixed = self._staircases.mixed(cuts, optimum.weights)
        relaxed = Relaxed(self._heads, mixed, self._limits, TRACE * PRICES, 1.0)
        relaxed.prices = optimum.prices
        return relaxed

    # Foldings

    def _look(self, cuts: list[Cut], column: Column) -> None:
        """Build a path's folding with the buffers it needs if it may be the soonest; keep it if it is."""
        latency = self._staircases.latency(column)
        within = (column.use <= self._limits + 1e-9).all()
        if latency >= self.latency or not within or column.options in self._looked:
            return
        self._looked.add(column.options)
        found = self.search.settled(cuts, column.rows, self.limit)
        if found is None:
            return
        solution = realised(self.search.chain, found)
        need = solution.resources
        if need.lut > self.limit.lut or need.bram36 > self.limit.bram36 or need.dsp > self.limit.dsp:
            return
        exact = latency_cycles(solution.stages)
        if exact < self.latency:
            self.latency, self.solution = exact, solution

    def _look_dearer(self, node: _Node) -> None:
        """Look at a path that keeps to the limits because what is short is dearer than it need be."""
        relaxed = self._relaxed(node.cuts, Optimum(0.0, np.zeros(0), node.weights, node.prices))
        least, most = 1.0, _DEARER
        for _ in range(_DEARER_STEPS):
            factor = (least + most) / 2
            self._paths += 1
            _, path = relaxed.shortest(relaxed.objective + factor * node.prices)
            if path is None:
                return
            self._look(node.cuts, self._staircases.column(node.cuts, path.rows, path.arrivals))
            if (path.use <= self._limits).all():
                most = factor
            else:
                least = factor

    def _dive(self, bounded: _Bounded) -> None:
        """Look for a folding among the options likeliest by their costs, depth first, its buffers counted."""
        node = bounded.node
        main = bounded.columns[int(bounded.shares.argmax())]
        chosen = zip(node.cuts, main.options, strict=True)
        cycles = max(int(cut.table.cycles[option]) for cut, (option, _) in chosen)
        if any(abs(cycles - other) < _ALIKE * other for other in self._dived):
            return
        self._dived.append(cycles)
        likely: list[Cut] = []
        for more in _LIKELY:
            wider = bounded.relaxed.pruned((1 + more) * node.bound)
            wider = [cut.kept(cut.table.cycles[cut.option] <= cycles) for cut in wider]
            if likely and sum(len(cut.option) for cut in wider) > _DIVE_OPTIONS:
                break
            likely = wider
        if any(not len(cut.option) for cut in likely):
            return
        cuts = self.search.buffered(_only(node.cuts, likely), cycles)
        stack = [replace(node, bound=0.0, cuts=cuts, counted=cycles)]
        for _ in range(_DIVE_PARTS):
            if not stack:
                return
            part = self._bounded(stack.pop())
            if part:
                # The likeliest part comes last, and is looked at first.
                stack += sorted(self._parts(part, self._left(part)), key=lambda p: self._share(p, part))

    def _share(self, part: _Node, whole: _Bounded) -> float:
        """Of the mixture's columns that lie in a part."""
        columns = zip(whole.columns, whole.shares, strict=False)
        return sum(float(share) for column, share in columns if self._staircases.moved(part.cuts, column))

    # Parts

    def _parts(self, bounded: _Bounded, cuts: list[Cut]) -> Iterator[_Node]:
        """Two parts that together are the node's cuts; none if these hold one folding."""
        found = _most_mixed(bounded, cuts) or _apart(bounded, cuts)
        if not found:
            return
        layer, low = found
        for mask in (low, ~low):
            part = [cut.kept(mask) if index == layer else cut for index, cut in enumerate(cuts)]
            yield replace(bounded.node, cuts=part)


def _only(cuts: list[Cut], kept: list[Cut]) -> list[Cut]:
    """The cuts with the options that the other ones have left."""
    return [old.kept(np.isin(old.option, new.option)) for old, new in zip(cuts, kept, strict=True)]


def _values(cut: Cut, name: str) -> np.ndarray:
    """What options are told apart by."""
    if name == "cycles":
        return cut.table.cycles[cut.option].astype(float)
    values: np.ndarray = cut.use @ PRICES if name == "price" else getattr(cut, name)
    return values.astype(float)


def _most_mixed(bounded: _Bounded, cuts: list[Cut]) -> tuple[int, np.ndarray] | None:
    """The layer whose options' costs differ most in the mixture, and its options below the mean."""
    used = np.flatnonzero(bounded.shares > 1e-6)
    parts = bounded.shares[used] / bounded.shares[used].sum()
    best: tuple[float, int, np.ndarray] | None = None
    for layer, (old, cut) in enumerate(zip(bounded.relaxed.cuts, cuts, strict=True)):
        rows = [bounded.columns[place].rows[layer] for place in used]
        cost = old.tail[rows]
        spread = float(parts @ np.abs(cost - parts @ cost))
        if best and spread <= best[0]:
            continue
        for name in _COMPARED:
            chosen = _values(old, name)[rows]
            low = _values(cut, name) <= parts @ chosen
            if np.ptp(chosen) > 0 and low.any() and not low.all():
                best = spread, layer, low
                break
    return best[1:] if best else None


def _apart(bounded: _Bounded, cuts: list[Cut]) -> tuple[int, np.ndarray] | None:
    """The layer of most options, and the last path's option in it; None if no layer has others."""
    layer = int(np.argmax([len(np.unique(cut.option)) for cut in cuts]))
    low = cuts[layer].option == bounded.columns[-1].options[layer][0]
    return (layer, low) if low.any() and not low.all() else None
