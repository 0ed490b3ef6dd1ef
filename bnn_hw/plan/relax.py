"""Shortest paths with prices on what is short, instead of limits: bounds, and mostly the optimum itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnn_hw.plan.cuts import Cut, Path
from bnn_hw.plan.memory import LUT_PER_BRAM36

LUT_PER_DSP = 200
"""LUTs that count as much as a DSP slice. None saves as many: where LUTs suffice, none is used."""

PRICES = np.array([1.0, LUT_PER_BRAM36 / 2, LUT_PER_DSP])
"""Of a LUT, a RAMB18 and a DSP slice."""

_ASCENT_STEPS = 40


@dataclass(frozen=True)
class _Forward:
    """By layer the least to each arrival, and to each entry; what ways and options take themselves."""

    reached: list[np.ndarray]
    entered: list[np.ndarray]
    ways: list[np.ndarray]
    owns: list[np.ndarray]


class Relaxed:
    """Shortest paths with prices instead of limits."""

    def __init__(
        self,
        heads: np.ndarray,
        cuts: list[Cut],
        limits: np.ndarray,
        objective: np.ndarray,
        extra: float = 0.0,
    ) -> None:
        """heads: LUT, RAMB18, DSP before the first layer; extra: weight of tails in the objective."""
        self.cuts, self.limits, self.objective, self.extra = cuts, limits, objective, extra
        self.heads = heads
        self.bound = -np.inf
        self.prices = np.zeros(3)
        self.best: Path | None = None
        self.last: Path | None = None
        self.impossible = False

    def _forward(self, weights: np.ndarray) -> _Forward:
        reached, entered, ways, owns = [self.heads @ weights], [], [], []
        for cut in self.cuts:
            ways.append(self._way(cut, weights))
            owns.append(self._own(cut, weights))
            entered.append((reached[-1][:, None] + ways[-1]).min(axis=0))
            gives = np.full(cut.gives, np.inf)
            np.minimum.at(gives, cut.give, entered[-1][cut.entry] + owns[-1])
            reached.append(gives)
        return _Forward(reached, entered, ways, owns)

    def _way(self, cut: Cut, weights: np.ndarray) -> np.ndarray:
        if weights[0] == 0:
            return np.where(np.isfinite(cut.way), self.extra * cut.way_tail, np.inf)
        way: np.ndarray = cut.way * weights[0]
        return way + self.extra * cut.way_tail if self.extra else way

    def _own(self, cut: Cut, weights: np.ndarray) -> np.ndarray:
        own: np.ndarray = cut.use @ weights
        return own + self.extra * cut.tail if self.extra else own

    def shortest(self, weights: np.ndarray) -> tuple[float, Path | None]:
        """The shortest path and its length; none where there is no path."""
        forward = self._forward(weights)
        give = int(forward.reached[-1].argmin())
        length = float(forward.reached[-1][give])
        if length == np.inf:
            return length, None
        rows: list[int] = []
        ways: list[int] = []
        use, tail = np.zeros(3), 0.0
        for index in range(len(self.cuts) - 1, -1, -1):
            cut = self.cuts[index]
            there = np.flatnonzero(cut.give == give)
            value = forward.entered[index][cut.entry[there]] + forward.owns[index][there]
            row = int(there[value.argmin()])
            rows.append(row)
            entry = int(cut.entry[row])
            give = int((forward.reached[index] + forward.ways[index][:, entry]).argmin())
            ways.append(give)
            use = use + cut.use[row] + np.array([cut.way[give, entry], 0, 0])
            if self.extra:
                tail += float(cut.tail[row] + cut.way_tail[give, entry])
        use = use + self.heads[give]
        value = float(use @ self.objective + self.extra * tail)
        return length, Path(tuple(reversed(rows)), tuple(reversed(ways)), use, value)

    def ascend(self, any_will_do: bool = False) -> None:
        """Raise the prices where limits are exceeded: the best bound, and the best path within the limits."""
        prices = np.zeros(3)
        finite = np.minimum(self.limits, 1e9)
        unit = np.where(self.objective > 0, self.objective, PRICES)
        step = 1.0
        for count in range(_ASCENT_STEPS):
            length, path = self.shortest(self.objective + prices)
            if path is None:
                self.impossible = True
                return
            self.last = path
            bound = length - float(prices @ finite)
            if bound > self.bound:
                self.bound, self.prices = bound, prices
            over = path.use - self.limits
            if (over <= 1e-9).all():
                if self.best is None or path.value < self.best.value:
                    self.best = path
                if any_will_do or not prices.any():
                    self.bound = max(self.bound, bound)
                    return
            if self.best and self.bound > self.best.value - 1e-6:
                return
            if self.bound > self._most():
                self.impossible = True
                return
            share = over / np.maximum(finite, 1.0)
            worst = float(np.abs(share[(over > 0) | (prices > 0)]).max(initial=1e-9))
            prices = np.maximum(0.0, prices + step * unit * share / worst)
            step = 1.0 / (1 + count / 4)

    def _most(self) -> float:
        return float(np.minimum(self.limits, 1e9) @ self.objective) + 1e-6

    def pruned(self, cap: float) -> list[Cut]:
        """The cuts without options that no path within the limits and of a value up to ``cap`` contains."""
        weights = self.objective + self.prices
        cap += float(self.prices @ np.minimum(self.limits, 1e9)) + 1e-6
        forward = self._forward(weights)
        behind = np.zeros(self.cuts[-1].gives)
        kept: list[Cut] = []
        for index in range(len(self.cuts) - 1, -1, -1):
            cut = self.cuts[index]
            rest = forward.owns[index] + behind[cut.give]
            kept.append(cut.kept(forward.entered[index][cut.entry] + rest <= cap))
            after = np.full(cut.way.shape[1], np.inf)
            np.minimum.at(after, cut.entry, rest)
            behind = (forward.ways[index] + after[None, :]).min(axis=1)
        return list(reversed(kept))
