"""The command pareto: the front of a network on a board as table, picture and folding files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from bnn_hw.board import Board, load_board
from bnn_hw.design import Design
from bnn_hw.folders import writing
from bnn_hw.plan.budget import UTILISATION, budget_of, parse_limits
from bnn_hw.plan.folding import write_folding
from bnn_hw.plan.pareto import Point, front
from bnn_hw.progress import Reporter
from bnn_hw.run import Result
from bnn_hw.show import render
from bnn_hw.source import Source

FORMAT = "bnn_hw.pareto/1"


def pareto(
    source: Source,
    board_name: str,
    out: Path,
    clock_hz: int | None = None,
    limit: str | None = None,
    utilisation: float | None = None,
    points: int = 24,
    reporter: Reporter | None = None,
) -> Result:
    """Find the front and write pareto.json, pareto.png, and a folding file for each point.

    The files lie in ``<out>/<design>/<board>/pareto``. Raises ConfigError for a wrong
    limit, FitError where nothing fits, OutputError where nothing can be written.
    """
    board, graph = load_board(board_name), source.graph()
    clock_hz = clock_hz or board.default_clock_hz
    share = UTILISATION if utilisation is None else utilisation
    budget = budget_of(board.part, share, limits=parse_limits(limit, board.part))
    with (reporter or Reporter(quiet=True)).bar("planning", total=1) as advance:
        found = front(graph, budget, clock_hz, points, lambda done: advance(done))
    folder = out / source.design.name / board.name / "pareto"
    record = {
        "format": FORMAT,
        "network": source.design.name,
        "board": board.name,
        "clock_hz": clock_hz,
        "budget": budget.text,
        "points": [asdict(point) for point in found],
    }
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("folding_*.json"):
            old.unlink()
        for point in found:
            write_folding(folder / f"folding_{point.interval_cycles}.json", point.folding)
        (folder / "pareto.json").write_text(json.dumps(record, indent=1) + "\n")
        picture(found, source.design, board, clock_hz, folder / "pareto.png")
    build = f"bnn-hw build {source.design.name} --board {board.name} --goal folding={folder}/folding_N.json"
    text = f"{render(table(found, source.design, board))}\nwritten to {folder}\nnext: {build}"
    return Result(text, record)


def table(found: list[Point], design: Design, board: Board) -> Table:
    """One row a point, fastest first."""
    result = Table(
        title=f"{design.name} on {board.name}: cycles exact, resources predicted, energy an estimate",
        title_justify="left",
    )
    result.add_column("bottleneck")
    for name in ("cycles a frame", "frames a second", "LUT", "BRAM36", "DSP", "uJ a frame (core)"):
        result.add_column(name, justify="right")
    for point in found:
        need = point.resources
        result.add_row(
            point.bottleneck,
            f"{point.interval_cycles:,}",
            f"{point.fps:,.0f}",
            f"{need.lut:,.0f}",
            f"{need.bram36:g}",
            f"{need.dsp:g}",
            f"{point.core_uj:,.3g}",
        )
    return result


def picture(found: list[Point], design: Design, board: Board, clock_hz: int, path: Path) -> None:
    """Frames a second against LUTs and against block RAM, with the design's published point."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    fps = [point.fps for point in found]
    published = design.published
    for axis, name, title in zip(axes, ("lut", "bram36"), ("LUT sites", "BRAM36"), strict=True):
        sizes = [getattr(point.resources, name) for point in found]
        if name == "lut":
            axis.step(sizes[::-1], fps[::-1], where="post", color="#4477aa", linewidth=1)
        axis.plot(sizes, fps, "o", color="#4477aa", markersize=4, label="bnn-hw, core (predicted)")
        if published and published.fps:
            axis.plot(
                [getattr(published, name)],
                [published.fps],
                "s",
                color="#cc3311",
                label=f"{published.source}, whole system",
            )
        axis.set_xlabel(title)
        axis.set_yscale("log")
        axis.set_xlim(left=0)
        axis.grid(True, which="major", alpha=0.3)
    axes[0].set_ylabel(f"frames a second at {clock_hz / 1e6:g} MHz")
    axes[0].legend(loc="lower right", fontsize=8)
    figure.suptitle(f"{design.name} on {board.name} ({board.part.name})")
    figure.savefig(path, dpi=130)
