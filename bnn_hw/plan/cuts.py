"""Options of the layers that a search still looks at, and paths through them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bnn_hw.plan.tables import LayerTable


@dataclass
class Cut:
    """Options of a layer that are still looked at. use: (options, 3) LUT, RAMB18, DSP, buffers counted.

    option: place in the table; depth, block: of the buffer, and whether it lies in block RAM;
    tail: latency from the last input beat to the last output; entry, give: nodes that an option
    joins; gives: number of nodes behind; way, way_tail, way_depth: LUTs of what stands before an
    option, by arrival and entry, its latency, and the depth of a FIFO before a split.
    """

    table: LayerTable
    option: np.ndarray
    use: np.ndarray
    tail: np.ndarray
    depth: np.ndarray
    block: np.ndarray
    entry: np.ndarray
    give: np.ndarray
    gives: int
    way: np.ndarray
    way_tail: np.ndarray
    way_depth: np.ndarray

    def kept(self, mask: np.ndarray) -> Cut:
        # Not by dataclasses.replace: a search makes tens of thousands of them.
        return Cut(
            self.table,
            self.option[mask],
            self.use[mask],
            self.tail[mask],
            self.depth[mask],
            self.block[mask],
            self.entry[mask],
            self.give[mask],
            self.gives,
            self.way,
            self.way_tail,
            self.way_depth,
        )

    def lasting(self, tail: np.ndarray, way_tail: np.ndarray) -> Cut:
        """The same options with other latencies."""
        return Cut(
            self.table,
            self.option,
            self.use,
            tail,
            self.depth,
            self.block,
            self.entry,
            self.give,
            self.gives,
            self.way,
            way_tail,
            self.way_depth,
        )

    def doubled(self, slow: np.ndarray, first: bool, last: bool) -> Cut:
        """Each node twice, without and with a slow option on the way to it; at the end only the latter."""
        entries, arrivals = self.way.shape[1], self.way.shape[0]
        rows = np.concatenate([np.arange(len(self.option))] * (1 if first else 2))
        marked = np.arange(len(rows)) >= len(self.option)
        both = replace(
            self.kept(rows),
            entry=self.entry[rows] + entries * marked,
            give=self.give[rows] + self.gives * (marked | slow[rows]),
            gives=2 * self.gives,
        )
        if not first:
            way = np.full((2 * arrivals, 2 * entries), np.inf)
            way[:arrivals, :entries] = way[arrivals:, entries:] = self.way
            both.way = way
            both.way_tail = np.tile(self.way_tail, (2, 2))
            both.way_depth = np.tile(self.way_depth, (2, 2))
        return both.kept(both.give >= self.gives) if last else both


def with_slow(cuts: list[Cut], above: int) -> list[Cut]:
    """Cuts whose paths contain an option of more than ``above`` cycles; all paths for 0."""
    if not above:
        return cuts
    last = len(cuts) - 1
    return [
        cut.doubled(cut.table.cycles[cut.option] > above, index == 0, index == last)
        for index, cut in enumerate(cuts)
    ]


@dataclass(frozen=True)
class Path:
    """rows: by layer the row of its cut; arrivals: by layer what arrives; use: LUT, RAMB18, DSP."""

    rows: tuple[int, ...]
    arrivals: tuple[int, ...]
    use: np.ndarray
    value: float
