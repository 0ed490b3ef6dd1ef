"""The simulated RTL as one of the executions that `bnn-hw evaluate` compares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bnn_hw.errors import MismatchError
from bnn_hw.evaluate_rtl import rtl_predictor, simulated_scores
from bnn_hw.flow import Options
from bnn_hw.ir import Graph, Node
from bnn_hw.ir.ops import Scale
from bnn_hw.predict import predict
from bnn_hw.progress import Reporter
from bnn_hw.source import Source
from tests.sim.toy import toy_graph, toy_plan, write_toy

IMAGES = np.arange(0, 240, 20).reshape(-1, 1, 1, 1)
SCORES = np.stack([IMAGES.reshape(-1), -IMAGES.reshape(-1)], axis=1)
QUIET = Reporter(quiet=True)

pytestmark = pytest.mark.usefixtures("cache")  # skips without a simulator


def test_scores_are_scaled_as_the_graph_says(tmp_path: Path) -> None:
    folder, graph = write_toy(tmp_path / "rtl").folder, toy_graph()
    np.testing.assert_array_equal(simulated_scores(folder, toy_plan(), graph, IMAGES, QUIET), SCORES)
    steps = (("mul", np.float32(0.25)), ("add", np.array([1, -1], np.float32)))
    nodes = [graph.nodes[0], Node("scaled", Scale(steps), ("fc.acc",)), *graph.nodes[1:]]
    scaled = Graph("toy", graph.input, nodes, ["scaled", "class"])
    got = simulated_scores(folder, toy_plan(), scaled, IMAGES, QUIET)
    np.testing.assert_array_equal(got, predict(scaled, IMAGES)[0])
    assert got[3].tolist() == [16, -16]


def test_a_core_that_stops_is_an_error(tmp_path: Path) -> None:
    folder = write_toy(tmp_path / "rtl", jam=5).folder
    with pytest.raises(MismatchError, match=r"stopped after 15 words: input .* is blocked"):
        simulated_scores(folder, toy_plan(), toy_graph(), IMAGES, QUIET)


def test_a_class_that_is_not_the_greatest_score_is_an_error(tmp_path: Path) -> None:
    folder = write_toy(tmp_path / "rtl").folder
    source = folder / "bnn_core.sv"
    source.write_text(source.read_text().replace("second > first", "second < first"))
    with pytest.raises(MismatchError, match=r"picture 1: class 1 is put out for the scores \[20, -20\]"):
        simulated_scores(folder, toy_plan(), toy_graph(), IMAGES, QUIET)


def test_the_core_of_a_goal(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    run = rtl_predictor(Options("ucnv", "pynq-z1", "folding=table1", tmp_path), QUIET)
    np.testing.assert_array_equal(run(images), predict(Source("ucnv").graph(), images)[0])
