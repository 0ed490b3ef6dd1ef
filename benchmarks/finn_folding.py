"""Our solver against FINN's SetFolding, both on FINN's own estimates of cycles, LUT and BRAM18.

    python -m benchmarks.finn_folding [--design ncnv] [--target 6400]

The estimates are those of bnn_hw.plan.finn_cost, SetFolding is written anew from its published rules
(finn-plus 1.6.1, mvau_wwidth_max = 36, two passes). Our side is the planner's own
dynamic programme (bnn_hw.plan.search) on tables of these estimates: the fewest LUTs at
SetFolding's speed with no more BRAM18 than it takes, and, where it misses the target, the fewest
LUTs that reach the target. Width converters count on both sides.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import Resources
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
from bnn_hw.plan.search import Search
from bnn_hw.plan.tables import LayerTable, Option
from bnn_hw.source import Source

CLOCK_HZ = 100_000_000
TARGETS_FPS = (1_000, 2_000, 3_000, 4_000, 6_400, 8_000, 10_000, 12_000, 15_000, 20_000, 25_000, 30_000)
WEIGHT_WIDTH_MAX = 36
UNLIMITED_BRAM18, UNLIMITED_LUT = 10_000, 1e9


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


class FinnTables:
    """FINN's nodes in the place of layers, and its converters between them."""

    def __init__(self, nodes: list[Node]) -> None:
        # What arrives at the first node is free.
        arrivals = [(0, 1, 0)]
        self.heads = {arrivals[0]: (0.0, 0)}
        self.paces = {node.name: None for node in nodes}
        self.layers = []
        for node in nodes:
            options = [_option(node, folding) for folding in node.foldings()]
            entries = sorted({option.entry for option in options})
            gives = sorted({option.gives for option in options})
            lut = [[float(converter_lut(a[0], e[0])) if a[0] else 0.0 for e in entries] for a in arrivals]
            nothing = np.zeros((len(arrivals), len(entries)))
            table = LayerTable(node, options, arrivals, entries, gives, np.array(lut), nothing)  # type: ignore[arg-type]
            self.layers.append(table)
            arrivals = gives


class FinnSearch(Search):
    """The planner's search on FINN's nodes."""

    def __init__(self, nodes: list[Node]) -> None:
        self.tables = FinnTables(nodes)  # type: ignore[assignment]
        self._cuts, self._costs = {}, {}

    def fewest_lut(self, cycles: int, bram18: int = UNLIMITED_BRAM18) -> FinnChoice | None:
        """The fewest LUTs within the limits, of equal ones the least BRAM18; None if there is no folding."""
        limit = Resources(UNLIMITED_LUT, UNLIMITED_LUT, bram18 / 2, 0)
        found = self._least(cycles, limit, np.array([1.0, 1e-4, 0.0]))
        return found.folding if found else None  # type: ignore[return-value]


def _option(node: Node, folding: FinnFolding) -> Option:
    bits_in, bits_out = node.widths(folding)
    figures = node.cycles(folding), node.lut(folding), node.bram18(folding)
    return Option(folding, *figures, 0, (bits_in, 1, 0), (bits_out, 1, 0), buffer=None, tail=0)


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
