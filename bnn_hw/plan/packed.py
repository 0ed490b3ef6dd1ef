"""The least of a sum over the layers where block RAM and DSP slices are counted piece by piece.

Prices instead of limits (:mod:`bnn_hw.plan.relax`) allow half of one folding and half of another: of
one that has too much block RAM and one that has too many LUTs. Here LUTs have a price, but RAMB18, and
DSP slices where few options are left, are spent by a dynamic programme, so the bound is that of foldings
that keep to their limits.
"""

from __future__ import annotations

import numpy as np

from bnn_hw.plan.cuts import Cut

Sums = np.ndarray
"""(nodes, numbers): the least sum to or from each node for at most so many RAMB18 and DSP slices.

inf for no way; the numbers of both are counted in one.
"""

_AT_ONCE = 300_000
"""Sums for which one large step is faster than many small ones."""

_MOST = 1_000_000
"""Sums of all options up to which DSP slices are counted, too."""


class _Sorted:
    """Options by the node that they join. order: of them; place: of each in it."""

    def __init__(self, node: np.ndarray) -> None:
        self.order = np.argsort(node, kind="stable")
        self.place = np.empty_like(self.order)
        self.place[self.order] = np.arange(len(node))
        self._there, self._starts = np.unique(node[self.order], return_index=True)

    def least(self, sums: Sums, nodes: int) -> Sums:
        """The least of the options' sums, which are in this order, at each of the nodes."""
        least = np.full((nodes, sums.shape[1]), np.inf)
        if len(self._there):
            least[self._there] = np.minimum.reduceat(sums, self._starts, axis=0)
        return least


class Packed:
    """Paths of the least latency, what is not counted at prices, within the limits of what is.

    counted: whether LUTs, RAMB18 and DSP slices are; bound: what no path within all limits is below,
    in cycles.
    """

    def __init__(self, heads: np.ndarray, cuts: list[Cut], limits: np.ndarray, prices: np.ndarray) -> None:
        """heads: LUT, RAMB18, DSP before the first layer; limits, prices (in cycles): of the same."""
        self.cuts = cuts
        # Counted is what options take more than a layer takes in any case.
        least = [cut.use.min(axis=0) for cut in cuts]
        free = (np.minimum(limits, 1e9) - heads.min(axis=0) - sum(least)).astype(int)
        most = (sum(cut.use.max(axis=0) for cut in cuts) - sum(least)).astype(int) + np.ptp(
            heads, axis=0
        ).astype(int)
        free = np.minimum(free, most)
        few = sum(len(cut.option) for cut in cuts) * (free[1] + 1) * (free[2] + 1) <= _MOST
        self.counted = np.array([False, True, few])
        self._size = (int(free[1]) + 1, int(free[2]) + 1 if few else 1)
        if min(self._size) < 1:
            self.bound = np.inf
            return
        prices = np.where(self.counted, 0.0, prices)
        self._paid = float(prices @ np.minimum(limits, 1e9))
        self._own = [(cut.tail + cut.use @ prices) for cut in cuts]
        self._ways = [_priced(cut, float(prices[0])) for cut in cuts]
        self._spent = [self._counts(cut.use - low) for cut, low in zip(cuts, least, strict=True)]
        first = np.full((len(heads), *self._size), np.inf)
        for arrival, (halves, dsp) in enumerate(self._counts(heads - heads.min(axis=0))):
            first[arrival, halves:, dsp:] = heads[arrival] @ prices
        self._reached, self._entered = [first.reshape(len(heads), -1)], []
        for index, cut in enumerate(cuts):
            self._entered.append(_least_by(self._reached[-1], self._ways[index]))
            behind = _Sorted(cut.give)
            sums = self._after(index, self._entered[-1], cut.entry, behind.order)
            self._reached.append(behind.least(sums, cut.gives))
        self.bound = float(self._reached[-1][:, -1].min()) - self._paid

    def _counts(self, use: np.ndarray) -> np.ndarray:
        """RAMB18 and DSP slices, of these none where they are not counted."""
        return use[:, 1:].astype(int) * self.counted[1:]

    def _after(self, index: int, sums: Sums, node: np.ndarray, order: np.ndarray) -> Sums:
        """Options' sums, in this order: of the ``node`` of each, with what it takes itself."""
        # Where an option spends more than there is, infinities before the sums are taken.
        halves, dsp = np.minimum(self._spent[index][order], self._size).T
        before = halves.max(initial=0), dsp.max(initial=0)
        wide = np.full((len(sums), self._size[0] + before[0], self._size[1] + before[1]), np.inf)
        wide[:, before[0] :, before[1] :] = sums.reshape(-1, *self._size)
        place = np.arange(self._size[0]) + (before[0] - halves + node[order] * wide.shape[1])[:, None]
        if wide.shape[2] > 1:
            column = np.arange(self._size[1]) + (before[1] - dsp)[:, None]
            place = (place[:, :, None] * wide.shape[2] + column[:, None, :]).reshape(len(order), -1)
        taken: Sums = wide.reshape(-1)[place]
        taken += self._own[index][order, None]
        return taken

    def pruned(self, cap: float) -> list[np.ndarray]:
        """By layer which options a path within the limits and of at most ``cap`` cycles may contain."""
        behind = np.zeros((self.cuts[-1].gives, self._size[0] * self._size[1]))
        kept = []
        for index in range(len(self.cuts) - 1, -1, -1):
            cut = self.cuts[index]
            before = _Sorted(cut.entry)
            rest = self._after(index, behind, cut.give, before.order)
            through = self._entered[index][cut.entry[before.order]] + rest[:, ::-1]
            kept.append((through.min(axis=1, initial=np.inf) <= cap + self._paid + 1e-6)[before.place])
            behind = _least_by(before.least(rest, cut.way.shape[1]), self._ways[index].T)
        return list(reversed(kept))

    def path(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The rows of the least path, and what arrives at each layer."""
        rows, arrivals = [], []
        give = int(self._reached[-1][:, -1].argmin())
        left = np.array(self._size) - 1
        for index in range(len(self.cuts) - 1, -1, -1):
            cut, spent = self.cuts[index], self._spent[index]
            may = np.flatnonzero((cut.give == give) & (spent <= left).all(axis=1))
            place = (left - spent[may]) @ (self._size[1], 1)
            row = int(may[(self._entered[index][cut.entry[may], place] + self._own[index][may]).argmin()])
            left = left - spent[row]
            way = self._ways[index][:, cut.entry[row]]
            give = int((self._reached[index][:, left @ (self._size[1], 1)] + way).argmin())
            rows.append(row)
            arrivals.append(give)
        return tuple(reversed(rows)), tuple(reversed(arrivals))


def _priced(cut: Cut, lut_price: float) -> np.ndarray:
    """Cycles and priced LUTs of what stands before the options, by arrival and entry."""
    there = np.isfinite(cut.way)
    way: np.ndarray = np.where(there, np.where(there, cut.way, 0.0) * lut_price + cut.way_tail, np.inf)
    return way


def _least_by(sums: Sums, way: np.ndarray) -> Sums:
    """The least by ``way`` (nodes, nodes behind) to each of the nodes behind."""
    joined = np.full((way.shape[1], sums.shape[1]), np.inf)
    there = np.isfinite(sums[:, -1]).nonzero()[0]
    way = way[there]
    behind = np.isfinite(way).any(axis=0).nonzero()[0]
    way = way[:, behind]
    if way.size * sums.shape[1] <= _AT_ONCE:
        if way.size:
            joined[behind] = (sums[there][:, None, :] + way[:, :, None]).min(axis=0)
        return joined
    for before, ways in zip(there, way, strict=True):
        near = np.isfinite(ways).nonzero()[0]
        places = behind[near]
        joined[places] = np.minimum(joined[places], sums[before] + ways[near, None])
    return joined
