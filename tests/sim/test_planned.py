"""Cores of the planner's own choice: bit-exact, and at the interval and latency it promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from bnn_hw.board import load_board
from bnn_hw.pipeline.arithmetic import DSP
from bnn_hw.pipeline.stages import Mvtu
from bnn_hw.plan import make_plan
from bnn_hw.rtl.emit import emit
from bnn_hw.sim.verify import random_images, verify
from tests.networks import ConvSpec, DenseSpec, PoolSpec, random_graph

NETWORK = (
    ConvSpec("conv1", 8),
    ConvSpec("conv2", 8),
    PoolSpec("pool1"),
    ConvSpec("conv3", 12),
    DenseSpec("fc1", 9),
    DenseSpec("fc2", 3),
)
GRAPH = random_graph(NETWORK, (14, 16, 3))
GOALS = {
    "dsp": ("high-throughput", "lut=1300,bram36=2,dsp=20"),
    "several pixels": ("high-throughput", "lut=4000,port=off"),
    "slow": ("fps=20000", None),
    "soonest": ("low-latency", "lut=2500"),
}


@pytest.mark.parametrize("name", GOALS)
def test_planned_core_keeps_its_promise(name: str, tmp_path: Path) -> None:
    goal, limit = GOALS[name]
    plan = make_plan(GRAPH, load_board("zybo-z7-10"), goal, limit=limit)
    assert plan.proof
    if name == "dsp":
        assert any(DSP in (s.accumulate, s.match) for s in plan.stages if isinstance(s, Mvtu))
    core = emit(plan, GRAPH, tmp_path / "core")
    report = verify(core.folder, plan, GRAPH, random_images(GRAPH, 8), seeds=(1,), cache=tmp_path / "cache")
    assert report.interval_cycles == plan.interval_cycles
    assert report.latency_cycles == plan.latency_cycles
