"""The folding of least latency within limits: branch and bound, in passes.

A pass looks for foldings sooner than a cap. The first cap is little above a bound of all foldings; where
nothing is sooner, the cap is the new bound, and the next one lies between it and the best folding known.
So options that no folding below the cap can contain are left out from the start, and few are left.

A node is a part of all foldings: options of each layer. Its bound comes from a mixture of staircases
(:mod:`bnn_hw.plan.mixture`) that grows by the shortest path for its weights and prices, and by that
path's longest staircase, until nothing is gained; where few options are left, block RAM and DSP slices
are counted instead of priced (:mod:`bnn_hw.plan.packed`). What remains is split in two where the mixture
is most mixed. Buffers are counted as deep as the slowest option left needs them, or less.
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
from bnn_hw.plan.packed import Packed
from bnn_hw.plan.relax import PRICES, Relaxed
from bnn_hw.plan.search import Search, limits_of
from bnn_hw.plan.sized import Solution, realised
from bnn_hw.plan.timing import latency_cycles

# Shortest paths looked for in a node, and in all; nodes that are left then make the bound.
_PATHS_IN_NODE = 40
_PATHS = 5000

# A folding above the cap is worth a look up to so many times the cap, if it is so much sooner than the best.
_WORTH = 1.1
_MUCH_SOONER = 0.9

# No folding is worth one that is so many times its node's bound: to time it takes long.
_NEAR = 4

# Of a pass's cap above the bound: share of the bound, and of the way to the best folding, at most. After
# a pass of so many paths a third of that share: what is above the best folding is looked at in vain.
_STEP = 0.08
_DEAR_PASS = 150
_SHARE = 0.4

# Of the way from a mixture's weights and prices to those of the best bound.
_BACK = 0.3

# Buffers are counted anew where the slowest option is so much faster; with few options left, always.
_MUCH_FASTER = 0.7
_FEW_OPTIONS = 1500

# Options in all up to which block RAM is counted piece by piece; how often in a node.
_PACKED_OPTIONS = 5000
_PACKED_IN_NODE = 6

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
        self.latency, self.bound, self._cap = float("inf"), 0.0, float("inf")
        self._limits = np.minimum(limits_of(limit), 1e9)
        self._heads = search.heads()
        self._staircases = Staircases(search)
        self._paths = 0
        self._looked: set[tuple] = set()

    def run(self, cycles: int) -> None:
        """Search all foldings within ``cycles`` a frame."""
        cuts = self.search.within(cycles)
        assert cuts is not None
        root = self._priced(_Node(0.0, 0, cuts, 1 << 62, np.zeros(0), np.zeros(3), []))
        if root:
            self._look_dearer(root.node)
            self.bound = root.node.bound
        step = _STEP
        while root and self.bound < self.latency and self._paths < _PATHS:
            between = self.bound + _SHARE * (self.latency - self.bound)
            self._cap = min(self.latency, float(np.ceil(min((1 + step) * self.bound, between))))
            before = self._paths
            self.bound = max(self.bound, self._pass(root.node))
            if self._paths - before > _DEAR_PASS:
                step = _STEP / 3
        self.bound = min(self.bound, self.latency) if root else self.latency

    def _pass(self, root: _Node) -> float:
        """Search all foldings sooner than the cap; what no other folding is below."""
        numbers = itertools.count()
        heap = [root]
        while heap and heap[0].bound < self._cap:
            if self._paths >= _PATHS:
                return heap[0].bound
            # Straight down first: the sooner a folding is found, the lower is the cap.
            down: _Node | None = heapq.heappop(heap)
            while down and down.bound < self._cap:
                parts = list(self._expanded(down))
                for part in parts[1:]:
                    heapq.heappush(heap, replace(part, number=next(numbers)))
                down = parts[0] if parts else None
        return self._cap

    def _expanded(self, node: _Node) -> Iterator[_Node]:
        """What is left of a node, in parts; nothing where no folding in it is below the cap."""
        while bounded := self._bounded(node):
            node = bounded.node
            if any(not len(cut.option) for cut in node.cuts):
                return
            slowest = max(int(cut.table.cycles[cut.option].max()) for cut in node.cuts)
            few = sum(len(cut.option) for cut in node.cuts) <= _FEW_OPTIONS
            if slowest >= node.counted * (1 if few else _MUCH_FASTER):
                parts = list(self._parts(bounded))
                if not parts:
                    self._settle(node.cuts, (0,) * len(node.cuts))
                yield from parts
                return
            node = replace(node, cuts=self.search.buffered(node.cuts, slowest), counted=slowest)

    def _bounded(self, node: _Node) -> _Bounded | None:
        """The node with the best bound that is found and what is left; None where that is nothing."""
        if len(node.weights) and sum(len(cut.option) for cut in node.cuts) <= _PACKED_OPTIONS:
            return self._packed(node)
        bounded = self._priced(node)
        if bounded is None or bounded.node.bound >= self._cap:
            return None
        kept = bounded.relaxed.pruned(self._cap - 0.5)
        return replace(bounded, node=replace(bounded.node, cuts=_only(bounded.node.cuts, kept)))

    def _priced(self, node: _Node) -> _Bounded | None:
        """The node with a bound of prices alone; None where it holds nothing below the cap."""
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
                if least >= self._cap:
                    return None
            column = self._staircases.column(node.cuts, path.rows, path.arrivals)
            columns.append(column)
            self._look(node, node.cuts, column)
            optimum = self._staircases.optimum(columns, self._limits, optimum.weights)
            if best and np.ceil(optimum.latency - 0.5) <= node.bound:
                break
            if best:
                optimum = _nearer(optimum, node)
        assert best is not None, "the second path has weights"
        node = replace(best.node, columns=columns)
        return replace(best, node=node, columns=columns, shares=optimum.shares)

    def _packed(self, node: _Node) -> _Bounded | None:
        """The node with a bound that counts block RAM, and what is left; None where that is nothing."""
        cuts = node.cuts
        columns = [c for c in self._moved(cuts, node.columns) if (c.use[1:] <= self._limits[1:]).all()]
        optimum, reached = Optimum(0.0, np.zeros(0), node.weights, node.prices), -np.inf
        best = optimum
        for _ in range(_PACKED_IN_NODE):
            mixed = self._staircases.mixed(cuts, optimum.weights)
            packed = Packed(self._heads, mixed, self._limits, optimum.prices)
            self._paths += 1
            if packed.bound > reached:
                reached, best = packed.bound, optimum
                node = replace(node, bound=max(node.bound, float(np.ceil(reached - 0.5))))
            if node.bound >= self._cap:
                return None
            column = self._staircases.column(cuts, *packed.path())
            self._look(node, cuts, column)
            kept = packed.pruned(self._cap - 0.5)
            cuts = [cut.kept(mask) for cut, mask in zip(cuts, kept, strict=True)]
            if any(not len(cut.option) for cut in cuts):
                return None
            columns = _kept([*columns, column], kept)
            shares = np.ones(len(columns))
            if not columns:
                break
            limits = np.where(packed.counted, 1e9, self._limits)
            found = self._staircases.optimum(columns, limits, optimum.weights)
            shares = found.shares
            if np.ceil(found.latency - 0.5) <= node.bound:
                break
            # Half of the way from the best price: the last path's alone would swing.
            optimum = replace(found, prices=(best.prices + found.prices) / 2)
        relaxed = self._relaxed(cuts, best)
        if not columns:
            _, path = relaxed.shortest(relaxed.objective + best.prices)
            if path is None:
                return None
            columns, shares = [self._staircases.column(cuts, path.rows, path.arrivals)], np.ones(1)
        node = replace(node, cuts=cuts, columns=columns, weights=best.weights, prices=best.prices)
        return _Bounded(node, relaxed, columns, shares)

    def _moved(self, cuts: list[Cut], columns: list[Column]) -> list[Column]:
        """The columns that lie in the cuts."""
        moved = (self._staircases.moved(cuts, column) for column in columns)
        return [column for column in moved if column]

    def _relaxed(self, cuts: list[Cut], optimum: Optimum) -> Relaxed:
        mixed = self._staircases.mixed(cuts, optimum.weights)
        relaxed = Relaxed(self._heads, mixed, self._limits, TRACE * PRICES, 1.0)
        relaxed.prices = optimum.prices
        return relaxed

    # Foldings

    def _look(self, node: _Node, cuts: list[Cut], column: Column) -> None:
        """Build the folding of a path in a node's cuts if it keeps to the limits and may be the soonest."""
        latency = self._staircases.latency(column)
        within = (column.use <= self._limits + 1e-9).all()
        worth = max(self._cap, min(_MUCH_SOONER * self.latency, _WORTH * self._cap))
        worth = min(worth, _NEAR * node.bound)
        if latency < min(self.latency, worth) and within and column.options not in self._looked:
            self._looked.add(column.options)
            self._settle(cuts, column.rows)

    def _settle(self, cuts: list[Cut], rows: tuple[int, ...]) -> None:
        """Build the folding of these rows with the buffers it needs, in either memory; keep the soonest."""
        found = self.search.settled(cuts, rows, self.limit)
        if found is None:
            return
        solution = realised(self.search.chain, found)
        need = solution.resources
        if need.lut > self.limit.lut or need.bram36 > self.limit.bram36 or need.dsp > self.limit.dsp:
            return
        exact = latency_cycles(solution.stages)
        if exact < self.latency:
            self.latency, self.solution = exact, solution
            self._cap = min(self._cap, exact)

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
            self._look(node, node.cuts, self._staircases.column(node.cuts, path.rows, path.arrivals))
            if (path.use <= self._limits).all():
                most = factor
            else:
                least = factor

    # Parts

    def _parts(self, bounded: _Bounded) -> Iterator[_Node]:
        """Two parts that together are the node's cuts; none if these hold one folding."""
        cuts = bounded.node.cuts
        found = _most_mixed(bounded, cuts) or _apart(bounded, cuts)
        if not found:
            return
        layer, more = found
        for mask in (more, ~more):
            part = [cut.kept(mask) if index == layer else cut for index, cut in enumerate(cuts)]
            yield replace(bounded.node, cuts=part)


def _nearer(optimum: Optimum, best: _Node) -> Optimum:
    """The optimum with weights and prices nearer to the best bound's: those of few columns swing.

    P. Wentges, "Weighted Dantzig-Wolfe decomposition for linear mixed-integer programming", 1997.
    """
    known = np.append(best.weights, np.zeros(len(optimum.weights) - len(best.weights)))
    return replace(
        optimum,
        weights=_BACK * known + (1 - _BACK) * optimum.weights,
        prices=_BACK * best.prices + (1 - _BACK) * optimum.prices,
    )


def _kept(columns: list[Column], kept: list[np.ndarray]) -> list[Column]:
    """The columns whose options are kept, their rows counted among these."""
    number = [np.cumsum(mask) - 1 for mask in kept]
    return [
        replace(column, rows=tuple(int(n[row]) for n, row in zip(number, column.rows, strict=True)))
        for column in columns
        if all(mask[row] for mask, row in zip(kept, column.rows, strict=True))
    ]


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
    """The layer whose options' costs differ most in the mixture, and those on one side of the mean.

    On the side that has the larger share of the mixture.
    """
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
                below = float(parts @ (chosen <= parts @ chosen))
                best = spread, layer, low if below >= 0.5 else ~low
                break
    return best[1:] if best else None


def _apart(bounded: _Bounded, cuts: list[Cut]) -> tuple[int, np.ndarray] | None:
    """The layer of most options, and the last path's option in it; None if no layer has others."""
    layer = int(np.argmax([len(np.unique(cut.option)) for cut in cuts]))
    option = cuts[layer].option
    last = bounded.columns[-1].options[layer][0]
    # The last path's may be left out by now; then any other one does.
    low = option == (last if last in option else option[0])
    return (layer, low) if not low.all() else None
