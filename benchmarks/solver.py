"""What the planner proves, and how long it searches: designs, parts and goals in one table.

    python benchmarks/solver.py [--design cnv] [--board zybo-z7-10] [--goal fps=1000]

Each row is a plan by the goal alone: its objective, the bound that no folding beats, the gap, and
the seconds of processor time of the search, tables included, and of all planning. A goal out of
reach is shown with its reason.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bnn_hw.board import load_board
from bnn_hw.errors import FitError
from bnn_hw.ir.graph import Graph
from bnn_hw.plan import make_plan
from bnn_hw.source import Source

DESIGNS = ("cnv", "ncnv", "ucnv")
BOARDS = ("pynq-z1", "zybo-z7-10")
GOALS = ("high-throughput", "fps=1000", "fps=6400", "fps=20000", "fps=97656", "low-power=1000", "low-latency")
HEADINGS = (
    "design",
    "board",
    "goal",
    "interval",
    "LUT",
    "BRAM36",
    "DSP",
    "objective",
    "bound",
    "gap",
    "s search",
    "s all",
)


def row(design: str, graph: Graph, board: str, goal: str, limit: str | None) -> list[str]:
    """One plan's cells under HEADINGS."""
    begin = time.process_time()
    try:
        plan = make_plan(graph, load_board(board), goal, limit=limit)
    except FitError as error:
        seconds = f"{time.process_time() - begin:.1f}"
        return [design, board, goal, *[""] * 4, str(error.faults[0].remedy), *[""] * 3, seconds]
    proof, need = plan.proof, plan.resources
    assert proof, "a goal's plan has a proof"
    return [
        design,
        board,
        goal,
        f"{plan.interval_cycles:,}",
        f"{need.lut:,.0f}",
        f"{need.bram36:g}",
        f"{need.dsp:g}",
        f"{proof.value:,.10g} {proof.objective}",
        f"{proof.bound:,.10g}",
        f"{proof.gap:.2%}",
        f"{proof.seconds:.1f}",
        f"{time.process_time() - begin:.1f}",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--design", action="append", help=f"{', '.join(DESIGNS)} if left out")
    parser.add_argument("--board", action="append", help=f"{', '.join(BOARDS)} if left out")
    parser.add_argument("--goal", action="append", help=f"{', '.join(GOALS)} if left out")
    parser.add_argument("--limit", help="such as port=off")
    given = parser.parse_args(arguments)
    table = Table(title="cycles exact, resources predicted", title_justify="left")
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if number in (0, 1, 2, 7) else "right")
    for design in given.design or DESIGNS:
        graph = Source(design).graph()
        for board in given.board or BOARDS:
            for goal in given.goal or GOALS:
                table.add_row(*row(design, graph, board, goal, given.limit))
    Console(width=190).print(table)


if __name__ == "__main__":
    main()
