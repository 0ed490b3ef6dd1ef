"""Our solver against FINN's SetFolding, both on FINN's own estimates of cycles, LUT and BRAM18.

    python -m benchmarks.finn_folding [--design ncnv] [--target 6400]

The estimates are those of bnn_hw.plan.finn_cost, SetFolding is written anew from its published rules
(finn-plus 1.6.1, mvau_wwidth_max = 36, two passes). Our side is the planner's own
search (bnn_hw.plan.programme) on tables of these estimates: the fewest LUTs at
SetFolding's speed with no more BRAM18 than it takes, and, where it misses the target, the fewest
LUTs that reach the target. Width converters count on both sides.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import cast

import numpy as np
from rich.console import Console
from rich.table import Table

from bnn_hw.pipeline.legal import as_chain
from bnn_hw.plan.cuts import Cut
from bnn_hw.plan.finn_cost import (
    Estimate,
    FinnChoice,
    FinnFolding,
    MatrixUnit,
    Node,
    PoolUnit,
    WindowUnit,
    converter_lut,
    estimate,
    finn_nodes,
)
from bnn_hw.plan.pixels import divisors
from bnn_hw.plan.programme import optimum
from bnn_hw.plan.tables import LayerTable
from bnn_hw.source import Source

CLOCK_HZ = 100_000_000
TARGETS_FPS = (1_000, 2_000, 3_000, 4_000, 6_400, 8_000, 10_000, 12_000, 15_000, 20_000, 25_000, 30_000)
WEIGHT_WIDTH_MAX = 36
UNLIMITED_BRAM18 = 10_000


def set_folding(nodes: list[Node], cycles: int, relax: bool = True) -> FinnChoice:
    """What SetFolding chooses for a target; with relax a missed one is replaced by what was reached."""
    choice: FinnChoice = {}
    for node in nodes:
        if isinstance(node, MatrixUnit):
            choice[node.name] = _set_matrix(node, cycles)
        elif isinstance(node, WindowUnit):
            choice[node.name] = _set_window(node, cycles)
        elif isinstance(node, PoolUnit):
            choice[node.name] = _set_pool(node, cycles)
    reached = estimate(nodes, choice).cycles
    return set_folding(nodes, reached, relax=False) if relax and reached > cycles else choice


def _set_matrix(node: MatrixUnit, cycles: int) -> FinnFolding:
    """SIMD until the target is met or a PE's weights are too wide, then PE until it is met."""
    simd = 1
    for value in divisors(node.layer.mw):
        if node.cycles(FinnFolding(1, value)) > cycles and value * node.weight_bits > WEIGHT_WIDTH_MAX:
            break
        simd = value
        if node.cycles(FinnFolding(1, value)) <= cycles:
            break
    return next(
        (f for pe in divisors(node.layer.mh) if node.cycles(f := FinnFolding(pe, simd)) <= cycles),
        FinnFolding(node.layer.mh, simd),
    )


def _set_window(node: WindowUnit, cycles: int) -> FinnFolding:
    """The least SIMD that meets the target, else the whole window at once."""
    return next(
        (f for simd in divisors(node.channels) if node.cycles(f := FinnFolding(1, simd)) <= cycles),
        FinnFolding(1, node.channels, parallel=True),
    )


def _set_pool(node: PoolUnit, cycles: int) -> FinnFolding:
    """The least PE with which pool and window meet the target."""
    channels = node.step.input.channels
    return next(
        (f for pe in divisors(channels) if node.cycles(f := FinnFolding(pe, 1)) <= cycles),
        FinnFolding(channels, 1),
    )


class FinnSearch:
    """The planner's search with FINN's nodes in the place of layers, and its converters between them."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.foldings = [list(node.foldings()) for node in nodes]
        widths = [[node.widths(f) for f in own] for node, own in zip(nodes, self.foldings, strict=True)]
        self.cycles = [
            np.array([node.cycles(f) for f in own]) for node, own in zip(nodes, self.foldings, strict=True)
        ]
        arriving = [0]  # what arrives at the first node is free
        self.cuts = []
        for node, own, bits in zip(nodes, self.foldings, widths, strict=True):
            entries, gives = (sorted({pair[side] for pair in bits}) for side in (0, 1))
            way = np.array([[float(converter_lut(a, e)) if a else 0.0 for e in entries] for a in arriving])
            none = np.zeros(len(own), dtype=int)
            self.cuts.append(
                Cut(
                    cast(LayerTable, None),
                    np.arange(len(own)),
                    np.array([(node.lut(f), node.bram18(f), 0) for f in own], dtype=float),
                    none,
                    none,
                    none,
                    np.array([entries.index(pair[0]) for pair in bits]),
                    np.array([gives.index(pair[1]) for pair in bits]),
                    len(gives),
                    way,
                    np.zeros(way.shape),
                    np.zeros(way.shape, dtype=int),
                )
            )
            arriving = gives

    def fewest_lut(self, cycles: int, bram18: int = UNLIMITED_BRAM18) -> FinnChoice | None:
        """The fewest LUTs within the limits, of equal ones the least BRAM18; None if there is no folding."""
        cuts = [cut.kept(own <= cycles) for cut, own in zip(self.cuts, self.cycles, strict=True)]
        if any(not len(cut.option) for cut in cuts):
            return None
        limits = np.array([1e9, bram18, 0.0])
        # All block RAM together counts less than a LUT.
        found = optimum(np.zeros((1, 3)), cuts, limits, np.array([1.0, 0.5 / UNLIMITED_BRAM18, 0.0]))
        if found is None:
            return None
        left, path = found
        return {
            node.name: own[cut.option[row]]
            for node, own, cut, row in zip(self.nodes, self.foldings, left, path.rows, strict=True)
        }


@dataclass(frozen=True)
class Row:
    """One target. theirs: SetFolding's estimate; ours: at its speed and within its BRAM18.

    at_target: ours where SetFolding misses the target.
    """

    design: str
    target_fps: float
    theirs: Estimate
    ours: Estimate
    at_target: Estimate | None

    @property
    def missed(self) -> bool:
        """Whether SetFolding misses the target."""
        return self.theirs.cycles > int(CLOCK_HZ / self.target_fps)


def compare(design: str, nodes: list[Node], search: FinnSearch, target_fps: float) -> Row:
    """Both sides for a target; ``nodes`` of a network whose nodes can all reach it."""
    cycles = int(CLOCK_HZ / target_fps)
    theirs = estimate(nodes, set_folding(nodes, cycles))
    ours = search.fewest_lut(theirs.cycles, theirs.bram18)
    assert ours, "SetFolding's own choice is among ours"
    beyond = search.fewest_lut(cycles) if theirs.cycles > cycles else None
    at_target = estimate(nodes, beyond) if beyond else None
    return Row(design, target_fps, theirs, estimate(nodes, ours), at_target)


def table(rows: list[Row]) -> Table:
    title = "FINN's estimates at 100 MHz: frames/s, LUT / BRAM18, number of width converters"
    result = Table(title=title, title_justify="left")
    headings = ("network", "target", "SetFolding", "", "", "ours", "", "", "LUT saved", "at target", "", "")
    for name in headings:
        result.add_column(name, justify="left" if name == "network" else "right")
    for row in rows:
        cells = [row.design, f"{row.target_fps:,.0f}"]
        cells += [*_cells(row.theirs, " missed" if row.missed else ""), *_cells(row.ours)]
        cells += [f"{1 - row.ours.total_lut / row.theirs.total_lut:.1%}"]
        result.add_row(*cells, *(_cells(row.at_target) if row.at_target else ("", "", "")))
    return result


def _cells(item: Estimate, remark: str = "") -> list[str]:
    size = f"{item.total_lut:,} / {item.bram18}"
    return [f"{CLOCK_HZ / item.cycles:,.0f}{remark}", size, f"{item.converters}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--design", action="append", help="ncnv and cnv if left out")
    parser.add_argument("--target", type=float, action="append", help="frames a second")
    options = parser.parse_args()
    rows = []
    for design in options.design or ("ncnv", "cnv"):
        nodes = finn_nodes(as_chain(Source(design).graph()))
        search = FinnSearch(nodes)
        rows += [compare(design, nodes, search, target) for target in options.target or TARGETS_FPS]
    Console(width=150).print(table(rows))


if __name__ == "__main__":
    main()
