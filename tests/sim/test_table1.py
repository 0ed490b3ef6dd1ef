"""The three networks of the BinaryCoP paper at its Table I foldings, with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bnn_hw.rtl.emit import emit
from bnn_hw.sim.verify import random_images, verify
from tests.networks import NETWORKS, random_graph
from tests.plans import make_plan

DESIGNS = Path(__file__).parents[2] / "designs"
# windows * NF * SF of the slowest layer, worked out by hand: conv1_1 of n-CNV has
# 900 windows of 27 / 3 words; that of u-CNV four times as many folds; fc1 of CNV
# has 512 folds of 256 / 4 words.
INTERVALS = {"ncnv": 900 * 9, "ucnv": 900 * 9 * 4, "cnv": 512 * 64}


@pytest.mark.parametrize("name", INTERVALS)
def test_bit_exact_at_the_bound_over_20_frames(name: str, cache: Path, tmp_path: Path) -> None:
    layers = json.loads((DESIGNS / name / "table1.json").read_text())["layers"]
    graph = random_graph(NETWORKS[name], name=name)
    plan = make_plan(graph, {layer: (entry["PE"], entry["SIMD"]) for layer, entry in layers.items()})
    emit(plan, graph, tmp_path / "rtl")
    report = verify(tmp_path / "rtl", plan, graph, random_images(graph, 20), cache=cache)
    assert report.interval_cycles == INTERVALS[name]
    assert report.latency_cycles == plan.latency_cycles
    assert report.frame_intervals[-10:] == (INTERVALS[name],) * 10
    assert [run.frames for run in report.runs] == [20, 20, 3]
