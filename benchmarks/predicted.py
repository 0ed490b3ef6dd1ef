"""Hold the planner's predictions against synthesised and simulated cores, on random foldings.

    python -m benchmarks.predicted --measure [--only 3 --only 4]     measure points that have no figures
    python -m benchmarks.predicted                                   the tables from the stored figures

All points of benchmarks/random_points.py are generated and synthesised with Yosys, then
simulated: all values against the integer graph, and the interval between frames. Measured
figures go to benchmarks/predicted.json, point by point, with the folding and the depths
of buffers that they belong to; what is predicted for these is computed anew, so that the
tables always show the cost laws as they are. A step that is done is not done again; one
that fails is told, and the others go on. --seconds ends the run before a step that would
begin later.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.random_points import Draw, draws, point_plan
from bnn_hw.board import load_board
from bnn_hw.errors import BnnHwError
from bnn_hw.ir import Graph
from bnn_hw.pipeline.chain import with_clock
from bnn_hw.pipeline.core import load as load_core
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import Plan, Resources, from_json, to_json
from bnn_hw.pipeline.stages import Fifo, Stage, Window
from bnn_hw.plan.build import build_chain
from bnn_hw.plan.cost import core_resources, stage_resources
from bnn_hw.plan.cycles import interval
from bnn_hw.plan.folding import Folding, LayerFolding, folding_text, parse_folding
from bnn_hw.plan.sized import buffer_depths
from bnn_hw.rtl.emit import emit
from bnn_hw.sim.build import build
from bnn_hw.sim.compare import check_run, expected_values, recorded_stages
from bnn_hw.sim.run import simulate
from bnn_hw.sim.verify import check_interval, measure_intervals, random_images, watchdog_cycles
from bnn_hw.source import Source
from bnn_hw.synth.utilisation import Reference, Utilisation
from bnn_hw.synth.yosys import synthesise

DATA = Path(__file__).with_name("predicted.json")
BOARD = "pynq-z1"
FRAMES = 5
FIGURES = ("lut", "ff", "carry4", "bram36", "dsp")
# Figures of so small a stage count as this many, and an error of some LUTs there does no harm.
SMALL = 30


@dataclass(frozen=True)
class Point:
    """A measured core beside what is predicted for it. interval_*: cycles of a frame, None if not simulated.

    found, said: resources by stage, measured and predicted; core: predicted for all of it.
    """

    name: str
    interval_simulated: int | None
    interval_planned: int
    kinds: dict[str, str]
    found: dict[str, dict[str, float]]
    said: dict[str, Resources]
    core: Resources

    def total(self, figure: str) -> tuple[float, float]:
        """Measured and predicted for the whole core; the glue in its top module is measured, too."""
        return sum(item[figure] for item in self.found.values()), getattr(self.core, figure)

    def error(self, figure: str) -> float:
        """Predicted above measured, as a share of measured."""
        found, said = self.total(figure)
        return (said - found) / max(found, 1)


@cache
def graph_of(design: str) -> Graph:
    return Source(design).graph()


def synthesise_point(draw: Draw, folder: Path) -> None:
    """Draw, generate and synthesise a point, each once, and store its figures."""
    plan = _plan(draw, folder)
    stages = json.loads(_once(folder / "stages.json", lambda: json.dumps(_synthesised(plan, folder))))
    record = {
        "design": draw.design,
        "folding": json.loads(folding_text(_folding_of(plan)))["layers"],
        "depths": _depths_of(plan),
    }
    store(draw.name, {**record, "stages": stages})


def simulate_point(draw: Draw, folder: Path) -> None:
    """Simulate a point once and store its interval."""
    plan = _plan(draw, folder)
    run = json.loads(_once(folder / "simulated.json", lambda: json.dumps(_simulated(plan, folder))))
    store(draw.name, {**stored()[draw.name], **run})


def _plan(draw: Draw, folder: Path) -> Plan:
    def drawn() -> str:
        return to_json(point_plan(draw, graph_of(draw.design), load_board(BOARD)))

    return from_json(_once(folder / "plan.json", drawn))


def _once(path: Path, make: Any) -> str:
    """The text of a file, made and written in whole if it is not there."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        text = make()
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(text)
        unfinished.replace(path)
    return path.read_text()


def _folding_of(plan: Plan) -> Folding:
    folding: Folding = {}
    for stage in plan.stages:
        if stage.kind == "mvtu":
            own = {name: getattr(stage, name) for name in ("pe", "simd", "weight_memory", "runtime")}
            arithmetic = {name: getattr(stage, name) for name in ("accumulate", "match")}
            folding[stage.layer] = LayerFolding(**own, **arithmetic, pixels=stage.input.pixels)
    return folding


def _depths_of(plan: Plan) -> dict[str, int]:
    """What build_chain needs beside the folding."""
    chain = with_clock(as_chain(graph_of(plan.network)), plan.clock_hz)
    nominal = build_chain(chain, _folding_of(plan))
    depths = buffer_depths(nominal, interval(nominal))
    made = {stage.name: _depth(stage) for stage in plan.stages if isinstance(stage, (Fifo, Window))}
    return {name: made.get(name, depth) for name, depth in depths.items()}


def _depth(stage: Stage) -> int:
    return stage.depth if isinstance(stage, Fifo) else getattr(stage, "depth_words", 0)


def _synthesised(plan: Plan, folder: Path) -> dict[str, dict[str, float]]:
    have = load_board(BOARD).part
    core = emit(plan, graph_of(plan.network), folder / "rtl")
    names = {stage.instance: stage.name for stage in core.stages}
    part = Reference(have.name, Resources(have.lut, have.ff, have.bram36, have.dsp))
    report = synthesise(folder / "rtl", core.top, folder / "synth", part, stage_names=names)
    shutil.rmtree(folder / "synth")
    return {name: _figures(item) for name, item in report.stages.items()}


def _figures(item: Utilisation) -> dict[str, float]:
    own = item.resources
    return {"lut": own.lut, "ff": own.ff, "carry4": item.carry4, "bram36": own.bram36, "dsp": own.dsp}


def _simulated(plan: Plan, folder: Path) -> dict[str, int]:
    """Frames back to back at full speed: all layers' values equal to the graph's, and the interval."""
    graph = graph_of(plan.network)
    if not (folder / "rtl" / "core.json").is_file():
        emit(plan, graph, folder / "rtl")
    core = load_core(folder / "rtl")
    # A core is simulated once and briefly: to optimise it takes longer than it saves.
    simulator = build(core, folder / "simulator", optimise="-O0")
    images = random_images(graph, FRAMES)
    recorded = [stage.name for stage in recorded_stages(core)]
    run = simulate(simulator, images, record=recorded, watchdog_cycles=watchdog_cycles(plan, 0))
    compared = check_run(core, run, expected_values(plan, graph, core, images), "full speed")
    cycles = check_interval(measure_intervals(run), plan)
    shutil.rmtree(folder / "simulator")
    return {"interval_cycles": cycles, "frames": FRAMES, "values_compared": compared}


def stored() -> dict[str, Any]:
    """Measured points by name; none if there is no file."""
    return json.loads(DATA.read_text()) if DATA.exists() else {}


def store(name: str, record: dict[str, Any]) -> None:
    """Add a point: one line for its head, one for each stage."""
    records = dict(sorted({**stored(), name: record}.items()))
    lines = []
    for own, item in records.items():
        head = json.dumps({key: value for key, value in item.items() if key != "stages"})
        stages = ",\n   ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in item["stages"].items())
        lines.append(f' {json.dumps(own)}: {head[:-1]},\n  "stages": {{\n   {stages}}}}}')
    unfinished = DATA.with_suffix(".unfinished")
    unfinished.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    unfinished.replace(DATA)


def is_fitted(name: str) -> bool:
    """Whether cost laws are fitted to this core, too; those of odd number show what a prediction is worth."""
    return int(name.partition("-")[0]) % 2 == 0


def stages_of(record: dict[str, Any]) -> tuple[Stage, ...]:
    """The stages that a stored point was measured with."""
    folding = parse_folding(json.dumps({"layers": record["folding"]}), "predicted.json")
    chain = with_clock(as_chain(graph_of(record["design"])), load_board(BOARD).default_clock_hz)
    return build_chain(chain, folding, record["depths"])


def compared(name: str, record: dict[str, Any]) -> Point:
    """A stored point beside what the cost laws say now."""
    stages = stages_of(record)
    return Point(
        name,
        record.get("interval_cycles"),
        interval(stages),
        {stage.name: "full window" if getattr(stage, "full", False) else stage.kind for stage in stages},
        record["stages"],
        {stage.name: stage_resources(stage) for stage in stages},
        core_resources(stages),
    )


def point_table(points: Sequence[Point]) -> Table:
    table = Table(title="whole cores: measured / predicted", title_justify="left")
    for name in ("point", "cycles a frame", "LUT", "", "FF", "", "CARRY4", "", "BRAM36", "DSP"):
        table.add_column(name, justify="left" if name == "point" else "right")
    for point in points:
        cycles = f"{point.interval_simulated:,}" if point.interval_simulated else "-"
        cells = [point.name, f"{cycles} / {point.interval_planned:,}"]
        for figure in FIGURES[:3]:
            found, said = point.total(figure)
            cells += [f"{found:,.0f} / {said:,.0f}", f"{point.error(figure):+.1%}"]
        cells += ["{:g} / {:g}".format(*point.total(figure)) for figure in FIGURES[3:]]
        table.add_row(*cells)
    return table


def summary(points: Sequence[Point]) -> dict[str, Any]:
    """Points, those whose cycles, BRAM and DSP are predicted exactly, and the error of the others."""
    result: dict[str, Any] = {"points": len(points)}
    result["simulated"] = sum(point.interval_simulated is not None for point in points)
    result["interval_exact"] = sum(point.interval_simulated == point.interval_planned for point in points)
    for figure in ("bram36", "dsp"):
        totals = [point.total(figure) for point in points]
        result[f"{figure}_exact"] = sum(found == said for found, said in totals)
    for figure in FIGURES[:3]:
        errors = [abs(point.error(figure)) for point in points]
        result[figure] = {"median": round(median(errors), 4), "worst": round(max(errors), 4)}
    return result


def kind_table(points: Sequence[Point]) -> Table:
    """Errors of stages by their kind."""
    table = Table(title="stages by kind", title_justify="left")
    for name in ("kind", "stages", "LUT", "predicted", "median", "worst", "FF", "CARRY4", "BRAM36", "DSP"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    groups: dict[str, list[tuple[dict[str, float], Resources]]] = defaultdict(list)
    for point in points:
        for name, kind in point.kinds.items():
            groups[kind].append((point.found[name], point.said[name]))
    for kind, pairs in groups.items():
        sums = {f: (sum(p[0][f] for p in pairs), sum(getattr(p[1], f) for p in pairs)) for f in FIGURES}
        errors = [(said.lut - found["lut"]) / max(found["lut"], SMALL) for found, said in pairs]
        cells = [kind, f"{len(pairs)}", f"{sums['lut'][0]:,.0f}", f"{sums['lut'][1]:,.0f}"]
        cells += [f"{median(map(abs, errors)):.1%}", f"{max(errors, key=abs):+.1%}"]
        cells += [f"{said / max(found, 1) - 1:+.1%}" for found, said in (sums[f] for f in FIGURES[1:3])]
        cells += [f"{sums[f][1] - sums[f][0]:+g}" for f in FIGURES[3:]]
        table.add_row(*cells)
    return table


def measure(wanted: Sequence[Draw], out: Path, seconds: float, console: Console) -> int:
    """Do the steps that are missing, until so many seconds are over; return how many failed."""
    started, failed = time.monotonic(), 0
    synthesised = [draw for draw in wanted if draw.name not in stored()]
    simulated = [draw for draw in wanted if "interval_cycles" not in stored().get(draw.name, {})]
    steps = [(synthesise_point, draw) for draw in synthesised] + [(simulate_point, d) for d in simulated]
    for number, (step, draw) in enumerate(steps, 1):
        begun = time.monotonic()
        if begun - started > seconds:
            console.print(f"{len(steps) - number + 1} steps are left")
            break
        if step is simulate_point and draw.name not in stored():
            continue  # it could not be synthesised
        try:
            step(draw, out / draw.name)
            result = "done"
        except BnnHwError as error:
            failed += 1
            result = "failed: " + "; ".join(f"{fault.place}: {fault.cause}" for fault in error.faults)
        took = f"{time.monotonic() - begun:.0f} s"
        console.print(f"step {number} of {len(steps)}: {step.__name__} {draw.name}: {result}, {took}")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="measure what has no stored figures")
    parser.add_argument("--only", type=int, action="append", help="number of a point; all if left out")
    parser.add_argument(
        "--out", type=Path, default=Path("build/predicted"), help="folder of unfinished points"
    )
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no step later than this")
    options = parser.parse_args()
    console, failed = Console(width=150), 0
    if options.measure:
        numbers = {draw.number: draw for draw in draws()}
        wanted = [numbers[number] for number in options.only or numbers]
        failed = measure(wanted, options.out, options.seconds, console)
    points = [compared(name, record) for name, record in stored().items()]
    if points and not options.only:
        console.print(point_table(points), kind_table(points), json.dumps(summary(points)))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
