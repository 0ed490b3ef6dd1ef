"""The dynamic programme: fewest LUTs for each arrival, number of RAMB18 and number of DSP slices spent."""

from __future__ import annotations

import numpy as np

from bnn_hw.plan.cuts import Cut, Path
from bnn_hw.plan.relax import Relaxed


class Programme:
    """A search by enumeration: exact, and quick where few options are left."""

    def __init__(self, heads: np.ndarray, cuts: list[Cut], limits: np.ndarray, objective: np.ndarray) -> None:
        """heads: LUT, RAMB18, DSP before the first layer."""
        self.heads, self.cuts, self.limits, self.objective = heads, cuts, limits, objective

    def best(self) -> Path | None:
        """The best folding within the limits."""
        if any(not len(cut.option) for cut in self.cuts):
            return None
        # Counted is what options take more than their layer takes in any case.
        least = [np.min(use[:, 1:], axis=0) for use in (self.heads, *(cut.use for cut in self.cuts))]
        self._always = sum(least)
        heads, *self._spent = (
            (use[:, 1:] - low).astype(int)
            for use, low in zip((self.heads, *(cut.use for cut in self.cuts)), least, strict=True)
        )
        most = heads.max(axis=0) + sum(spent.max(axis=0) for spent in self._spent)
        self.size = tuple(
            int(v) + 1 for v in np.minimum(most, np.minimum(self.limits[1:], 1e9) - self._always)
        )
        if min(self.size) < 1:
            return None
        states: list[dict[int, np.ndarray]] = [{}]
        for arrival, (halves, dsp) in enumerate(heads):
            state = np.full(self.size, np.inf)
            if halves < self.size[0] and dsp < self.size[1]:
                state[halves, dsp] = self.heads[arrival, 0]
            states[0][arrival] = state
        for index in range(len(self.cuts)):
            states.append(self._step(index, states[-1]))
        return self._read(states)

    def _entered(self, cut: Cut, state: dict[int, np.ndarray], entry: int) -> np.ndarray | None:
        ways = [v + cut.way[a, entry] for a, v in state.items() if cut.way[a, entry] < np.inf]
        return np.minimum.reduce(ways) if ways else None

    def _step(self, index: int, state: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
        cut, spent = self.cuts[index], self._spent[index]
        after: dict[int, np.ndarray] = {}
        for entry in np.unique(cut.entry):
            entered = self._entered(cut, state, entry)
            if entered is None:
                continue
            for row in np.flatnonzero(cut.entry == entry):
                lut, (h, d) = cut.use[row, 0], spent[row]
                if h >= self.size[0] or d >= self.size[1]:
                    continue
                give = int(cut.give[row])
                if give not in after:
                    after[give] = np.full(self.size, np.inf)
                target = after[give][h:, d:]
                source = entered[: self.size[0] - h, : self.size[1] - d]
                np.minimum(target, source + lut, out=target)
        for value in after.values():
            value[value > self.limits[0]] = np.inf
        return after

    def _read(self, states: list[dict[int, np.ndarray]]) -> Path | None:
        halves, dsp = np.ogrid[: self.size[0], : self.size[1]]
        halves, dsp = halves + self._always[0], dsp + self._always[1]
        best: tuple[float, int, tuple[int, int]] | None = None
        for give, lut in states[-1].items():
            value = np.where(
                lut <= self.limits[0] + 1e-9,
                np.where(np.isfinite(lut), lut, 0) * self.objective[0]
                + halves * self.objective[1]
                + dsp * self.objective[2],
                np.inf,
            )
            place = int(value.argmin())
            if value.flat[place] < np.inf and (best is None or value.flat[place] < best[0]):
                best = float(value.flat[place]), give, divmod(place, self.size[1])
        if best is None:
            return None
        worth, give, (h, d) = best
        use = np.array([states[-1][give][h, d], self._always[0] + h, self._always[1] + d], dtype=float)
        rows: list[int] = []
        ways: list[int] = []
        for index in range(len(self.cuts) - 1, -1, -1):
            row, give, h, d = self._back(index, states[index], states[index + 1][give][h, d], give, h, d)
            rows.append(row)
            ways.append(give)
        return Path(tuple(reversed(rows)), tuple(reversed(ways)), use, worth)

    def _back(
        self, index: int, before: dict[int, np.ndarray], value: float, give: int, h: int, d: int
    ) -> tuple[int, int, int, int]:
        cut, spent = self.cuts[index], self._spent[index]
        for row in np.flatnonzero(cut.give == give):
            lut = cut.use[row, 0]
            h0, d0 = h - int(spent[row, 0]), d - int(spent[row, 1])
            if h0 < 0 or d0 < 0:
                continue
            for arrival, state in before.items():
                way = cut.way[arrival, cut.entry[row]]
                if abs(state[h0, d0] + way + lut - value) < 1e-6:
                    return int(row), arrival, h0, d0
        raise AssertionError("a state without a way to it")


def optimum(
    heads: np.ndarray, cuts: list[Cut], limits: np.ndarray, objective: np.ndarray
) -> tuple[list[Cut], Path] | None:
    """The best path within the limits, with the cuts that its rows count in; None if there is none."""
    relaxed = Relaxed(heads, cuts, limits, objective)
    relaxed.ascend()
    if relaxed.impossible:
        return None
    best = relaxed.best
    if best and relaxed.bound > best.value - 1e-6:
        return cuts, best
    left = relaxed.pruned(best.value if best else float("inf"))
    path = Programme(heads, left, limits, objective).best()
    return (left, path) if path else None
