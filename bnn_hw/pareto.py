"""The command pareto: the front of a network on a board as table, picture and folding files."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from bnn_hw.board import load_board
from bnn_hw.errors import InputError
from bnn_hw.folders import writing
from bnn_hw.pareto_marks import design_marks, marks
from bnn_hw.pareto_picture import draw
from bnn_hw.pipeline.record import plain
from bnn_hw.plan.budget import UTILISATION, budget_of, parse_limits
from bnn_hw.plan.folding import write_folding
from bnn_hw.plan.pareto import front
from bnn_hw.progress import Reporter
from bnn_hw.run import Result
from bnn_hw.show import render
from bnn_hw.source import Source
from bnn_hw.steps import Pipeline, Step, digest_file

FORMAT = "bnn_hw.pareto/2"
RECORD = "pareto.json"
PICTURE = "pareto.png"


@dataclass(frozen=True)
class Request:
    """What front is asked for; limit and utilisation as in bnn_hw.plan.make_plan, points: speeds at most."""

    source: Source
    board: str
    out: Path
    clock_hz: int | None = None
    limit: str | None = None
    utilisation: float | None = None
    points: int = 24


def pareto(
    request: Request,
    number: int | None = None,
    to: Path | None = None,
    reporter: Reporter | None = None,
) -> Result:
    """Find the front, or take it from before; write pareto.json, pareto.png and a folding file a point.

    The files lie in ``<out>/<design>/<board>/pareto``. number: tell of this point only,
    with the command that builds it; to: copy its folding there. Raises ConfigError for a
    wrong limit, FitError where nothing fits, InputError for a point that is not there,
    OutputError where nothing can be written.
    """
    reporter = reporter or Reporter(quiet=True)
    source, board = request.source, load_board(request.board)
    clock_hz = request.clock_hz or board.default_clock_hz
    share = UTILISATION if request.utilisation is None else request.utilisation
    budget = budget_of(board.part, share, limits=parse_limits(request.limit, board.part))
    slowest = min((mark.fps for mark in design_marks(source.design, clock_hz)), default=None)

    def inputs() -> dict[str, Any]:
        return {
            "model": digest_file(source.design.model),
            "input": str(source.spec),
            "board": asdict(board),
            "clock_hz": clock_hz,
            "budget": asdict(budget),
            "points": request.points,
            "slowest_fps": slowest,
        }

    def run(folder: Path) -> None:
        graph = source.graph()
        with reporter.bar("planning", total=1) as advance:
            found = front(graph, budget, clock_hz, request.points, slowest, lambda done: advance(done))
        for number, point in enumerate(found, 1):
            write_folding(folder / folding_name(number), point.folding)
        record = {
            "format": FORMAT,
            "network": graph.name,
            "board": board.name,
            "part": board.part.name,
            "clock_hz": clock_hz,
            "budget": budget.text,
            "points": [{"number": number, **plain(point)} for number, point in enumerate(found, 1)],
        }
        (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n")

    sources = ("plan", "pipeline", "ir", "bits.py", "pareto.py")
    folder = folder_of(request)
    Pipeline(folder.parent, [Step(folder.name, inputs, sources, (), run)]).run(folder.name)
    record = json.loads((folder / RECORD).read_text())
    if number is not None or to is not None:
        return _one(record, folder, _call(request), number, to)
    others = marks(source.design, board, clock_hz, request.out)
    record["others"] = [asdict(mark) for mark in others]
    with writing(folder):
        (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n")
        draw(record["points"], others, board, record["network"], clock_hz, folder / PICTURE)
    text = render(table(record), marks_table(record))
    how = f"build one: {_call(request)} --goal folding={folder}/{folding_name(1)}"
    return Result(f"{text}\npicture {folder / PICTURE}\n{how}", record)


def folder_of(request: Request) -> Path:
    """Where a front's files lie."""
    return request.out / request.source.design.name / load_board(request.board).name / "pareto"


def folding_file(request: Request, number: int) -> Path:
    """The folding file of point ``number``."""
    return folder_of(request) / folding_name(number)


def folding_name(number: int) -> str:
    """Name of the folding file of point ``number``."""
    return f"point_{number}.json"


def _call(request: Request) -> str:
    """The command that builds a point, less its folding."""
    clock = f" --clock-mhz {request.clock_hz / 1e6:g}" if request.clock_hz else ""
    source = request.source
    scale = f" --input-scale {source.input_scale}" if source.input_scale else ""
    offset = f" --input-offset {source.input_offset}" if source.input_offset else ""
    return f"bnn-hw build {source.network} --board {request.board}{clock}{scale}{offset}"


def _one(record: dict[str, Any], folder: Path, call: str, number: int | None, to: Path | None) -> Result:
    """Tell of one point, and copy its folding."""
    count = len(record["points"])
    if number is None or not 1 <= number <= count:
        found = "is not given" if number is None else f"is {number}"
        raise InputError.at("--point", found, f"give a number from 1 to {count}, as the table shows them")
    point = record["points"][number - 1]
    folding = folder / folding_name(number)
    if to is not None:
        with writing(to):
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folding, to)
        folding = to
    chosen = Table(title=f"point {number}", title_justify="left")
    for name in ("layer", "PE", "SIMD", "pixels", "weights in"):
        chosen.add_column(name, justify="left" if name in ("layer", "weights in") else "right")
    for layer, choice in point["folding"].items():
        memory = "BRAM" if choice["weight_memory"] == "block" else "LUT"
        chosen.add_row(layer, f"{choice['pe']}", f"{choice['simd']}", f"{choice['pixels']}", memory)
    text = render(table({**record, "points": [point]}), chosen)
    command = f"{call} --goal folding={folding}"
    return Result(
        f"{text}\nfolding {folding}\nbuild it: {command}",
        {**point, "folding_file": str(folding), "build": command},
    )


_COLUMNS = ("frames/s", "LUT", "BRAM36", "DSP")


def table(record: dict[str, Any]) -> Table:
    """One row a point, fastest first."""
    title = f"{record['network']} on {record['board']} at {record['clock_hz'] / 1e6:g} MHz: "
    title += "cycles exact, resources of the core predicted, energy an estimate"
    result = Table(title=title, title_justify="left")
    result.add_column("#", justify="right")
    for name in ("bottleneck", "kind"):
        result.add_column(name)
    for name in ("cycles a frame", *_COLUMNS, "uJ a frame (core)"):
        result.add_column(name, justify="right")
    for point in record["points"]:
        need = point["resources"]
        result.add_row(
            str(point["number"]),
            point["bottleneck"],
            point["kind"],
            f"{point['interval_cycles']:,}",
            *_figures(point["fps"], need),
            f"{point['core_uj']:,.3g}",
        )
    return result


def marks_table(record: dict[str, Any]) -> Table:
    """The other accelerators in the picture, fastest first; below it where their figures come from."""
    marks = sorted(record["others"], key=lambda mark: -mark["fps"])
    result = Table(title="to compare with", title_justify="left", caption_justify="left")
    for name in ("tool", "accelerator"):
        result.add_column(name)
    for name in _COLUMNS:
        result.add_column(name, justify="right")
    for mark in marks:
        result.add_row(mark["group"], mark["name"], *_figures(mark["fps"], mark))
    origins = dict.fromkeys(f"{mark['group']}: {mark['origin']}" for mark in marks)
    result.caption = "\n".join(origins)
    return result


def _figures(fps: float, need: dict[str, Any]) -> list[str]:
    return [f"{fps:,.0f}", f"{need['lut']:,.0f}", f"{need['bram36']:g}", f"{need['dsp']:g}"]
