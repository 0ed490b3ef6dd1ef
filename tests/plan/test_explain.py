"""Explanations against the planner itself."""

import pytest

from bnn_hw.board import load_board
from bnn_hw.plan import make_plan
from bnn_hw.plan.explain import explain, explanation_tables
from bnn_hw.show import render
from tests.networks import NETWORKS, ConvSpec, DenseSpec, random_graph

BOARD = load_board("pynq-z1")


@pytest.fixture(scope="module")
def case():
    graph = random_graph(NETWORKS["ucnv"])
    plan = make_plan(graph, BOARD, "high-throughput", limit="lut=4000,bram36=2")
    return graph, plan, explain(graph, plan)


def test_nothing_faster_fits_and_the_slower_one_does(case):
    graph, plan, found = case
    assert plan.proof.gap >= 0
    assert found.faster.interval_cycles < plan.interval_cycles < found.slower.interval_cycles
    assert found.faster.exceeds
    assert found.slower.exceeds == ()
    assert found.slower.lut + 200 * (found.slower.bram36 + found.slower.dsp) < 0
    slower = make_plan(
        graph, BOARD, f"fps={1e8 / (found.slower.interval_cycles + 0.5):.6f}", limit="lut=4000,bram36=2"
    )
    assert slower.resources.lut - plan.resources.lut == found.slower.lut


def test_the_smaller_neighbour_of_each_layer_is_too_slow(case):
    _, plan, found = case
    assert [item.layer for item in found.layers] == [layer.name for layer in plan.layers]
    paces = [item for item in found.layers if item.reason.startswith("sets the pace")]
    assert {item.cycles for item in paces} == {plan.interval_cycles}
    assert all("foldings keep the pace" in item.reason for item in found.layers)
    assert max(item.busy for item in found.layers) == 1


def test_the_fastest_has_none_faster():
    # With padding a pixel a cycle is all there is: four of them here.
    graph = random_graph((ConvSpec("a", 2, padding=(1, 1, 1, 1)), DenseSpec("b", 2)), (2, 2, 1))
    plan = make_plan(graph, BOARD, "high-throughput")
    found = explain(graph, plan)
    assert found.faster is None
    text = render(*explanation_tables(plan, found))
    assert "next faster" in text
    assert "none" in text
