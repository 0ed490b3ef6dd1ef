"""Compare the planner's cost law with synthesis, stage by stage, on random foldings.

    python benchmarks/cost_law.py --design ncnv --design ucnv --points 4 --seed 1 --out build/cost_law

Each point is a random legal folding of a design, generated and synthesised with
Yosys. Written to the folder: points.json (every stage: parameters, predicted,
measured), and on the screen the error by kind of stage and by whole design.
A point that is there already is not synthesised again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections import defaultdict
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table

from bnn_hw.board import Board, load_board
from bnn_hw.ir import Graph
from bnn_hw.pipeline.chain import Chain
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import Plan, Resources
from bnn_hw.plan import plan_folding
from bnn_hw.plan.cost import stage_resources
from bnn_hw.plan.folding import Folding, LayerFolding, legal_simd, useful_pe
from bnn_hw.rtl.emit import emit
from bnn_hw.source import Source
from bnn_hw.synth.utilisation import Reference
from bnn_hw.synth.yosys import synthesise

# Random points stay below this size: a larger one takes too long to synthesise.
MAX_LUT = 25_000


def random_folding(chain: Chain, rng: np.random.Generator) -> Folding:
    """A legal folding with PE and SIMD drawn evenly among the useful ones."""
    return {
        layer.name: LayerFolding(int(rng.choice(useful_pe(layer))), int(rng.choice(legal_simd(layer))))
        for layer in chain.layers
    }


def random_plans(graph: Graph, board: Board, points: int, seed: int) -> list[Plan]:
    rng, chain = np.random.default_rng(seed), as_chain(graph)
    plans: list[Plan] = []
    while len(plans) < points:
        plan = plan_folding(graph, board, random_folding(chain, rng), f"random{len(plans)}")
        if plan.resources.lut <= MAX_LUT:
            plans.append(plan)
    return plans


def measure(plan: Plan, graph: Graph, folder: Path, part: Reference) -> dict[str, Resources]:
    """Synthesised resources by stage name."""
    result = folder / "measured.json"
    if not result.exists():
        core = emit(plan, graph, folder / "rtl")
        names = {stage.instance: stage.name for stage in core.stages}
        report = synthesise(folder / "rtl", core.top, folder / "synth", part, stage_names=names)
        found = {name: dataclasses.asdict(item.resources) for name, item in report.stages.items()}
        result.write_text(json.dumps(found, indent=1) + "\n")
    return {name: Resources(**item) for name, item in json.loads(result.read_text()).items()}


def compare(plan: Plan, measured: dict[str, Resources], design: str) -> list[dict]:
    rows = []
    for stage in plan.stages:
        row = {
            "design": design,
            "goal": plan.goal,
            "stage": stage.name,
            "kind": "full window" if getattr(stage, "full", False) else stage.kind,
            "predicted": dataclasses.asdict(stage_resources(stage)),
            "measured": dataclasses.asdict(measured[stage.name]),
        }
        rows.append(row)
    return rows


def errors(rows: list[dict], key: str) -> Table:
    """Error of LUT by groups of rows; BRAM and flip-flops that differ."""
    table = Table(title=f"predicted against synthesised, by {key}", title_justify="left")
    table.add_column(key)
    for name in (
        "stages",
        "LUT measured",
        "LUT predicted",
        "median error",
        "worst error",
        "BRAM36 off",
        "FF",
    ):
        table.add_column(name, justify="right")
    groups = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    for name, group in groups.items():
        found = [row["measured"]["lut"] for row in group]
        said = [row["predicted"]["lut"] for row in group]
        relative = [(p - m) / max(m, 20) for p, m in zip(said, found, strict=True)]
        bram = sum(row["predicted"]["bram36"] - row["measured"]["bram36"] for row in group)
        ff = sum(r["predicted"]["ff"] for r in group) / max(sum(r["measured"]["ff"] for r in group), 1)
        table.add_row(
            name,
            f"{len(group)}",
            f"{sum(found):,.0f}",
            f"{sum(said):,.0f} ({sum(said) / max(sum(found), 1) - 1:+.1%})",
            f"{median(map(abs, relative)):.1%}",
            f"{max(relative, key=abs):+.1%}",
            f"{bram:+g}",
            f"{ff - 1:+.1%}",
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--design", action="append", required=True)
    parser.add_argument("--points", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("build/cost_law"))
    options = parser.parse_args()
    board = load_board("pynq-z1")
    have = board.part
    part = Reference(have.name, Resources(have.lut, have.ff, have.bram36, have.dsp))
    rows: list[dict] = []
    for name in options.design:
        graph = Source(name).graph()
        for index, plan in enumerate(random_plans(graph, board, options.points, options.seed)):
            folder = options.out / f"{name}-seed{options.seed}-{index}"
            folder.mkdir(parents=True, exist_ok=True)
            measured = measure(plan, graph, folder, part)
            rows += compare(plan, measured, f"{name} {index}")
            (options.out / "points.json").write_text(json.dumps(rows, indent=1) + "\n")
    console = Console(width=140)
    console.print(errors(rows, "kind"))
    console.print(errors(rows, "design"))


if __name__ == "__main__":
    main()
