"""Predictions against measured cores, as they are stored; and that measuring them can be interrupted."""

import json

import pytest
from rich.console import Console

from benchmarks import predicted
from benchmarks.random_points import KINDS, draws, point_plan
from bnn_hw.board import load_board
from bnn_hw.errors import ToolError

POINTS = [predicted.compared(name, record) for name, record in predicted.stored().items()]


def test_points_are_those_drawn():
    names = [draw.name for draw in draws()]
    assert len(set(names)) == len(names)
    assert set(predicted.stored()) <= set(names)
    # the first six and the second six show all kinds
    assert {draw.kind for draw in draws()[:6]} == {draw.kind for draw in draws()[6:12]} == set(KINDS)


def test_a_draw_is_the_same_again():
    draw = draws()[5]
    graph, board = predicted.graph_of(draw.design), load_board("pynq-z1")
    first, second = (point_plan(draw, graph, board) for _ in range(2))
    assert first == second
    assert any(layer.pixels > 1 for layer in first.layers)
    other = point_plan(draws()[17], graph, board)
    assert other.layers != first.layers


def test_predictions_against_synthesis():
    assert len(POINTS) >= 30
    found = predicted.summary(POINTS)
    assert found["lut"]["median"] <= 0.10
    assert found["lut"]["worst"] <= 0.20
    assert found["ff"]["worst"] <= 0.20
    assert found["bram36_exact"] == found["dsp_exact"] == len(POINTS)
    others = [point for point in POINTS if not predicted.is_fitted(point.name)]
    assert len(others) >= 15
    assert predicted.summary(others)["lut"]["worst"] <= 0.20


def test_cycles_are_those_simulated():
    assert predicted.summary(POINTS)["simulated"] >= 17
    for point in POINTS:
        assert point.interval_simulated in (None, point.interval_planned), point.name


def test_tables_name_every_point_and_kind():
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(predicted.point_table(POINTS), predicted.kind_table(POINTS))
    text = console.export_text()
    assert all(point.name in text for point in POINTS)
    assert "full window" in text


@pytest.fixture
def empty(monkeypatch, tmp_path):
    monkeypatch.setattr(predicted, "DATA", tmp_path / "predicted.json")


def test_what_is_stored_is_read_again(empty):
    record = {"design": "ncnv", "folding": {}, "depths": {}, "stages": {"scores": {"lut": 23.0}}}
    predicted.store("01-b", record)
    predicted.store("00-a", {**record, "interval_cycles": 1024})
    assert list(predicted.stored()) == ["00-a", "01-b"]
    assert predicted.stored()["01-b"] == record
    assert not predicted.is_fitted("01-b")
    assert predicted.is_fitted("00-a")


def test_a_failure_and_an_interrupt_lose_only_their_step(empty, monkeypatch, tmp_path):
    done = []

    def synthesised(plan, folder):
        if plan.goal.endswith(draws()[1].name) and not done:
            done.append("failed")
            raise ToolError.at("yosys", "ran out of memory", "try again")
        return {stage.name: {"lut": 1.0} for stage in plan.stages}

    def simulated(plan, folder):
        if done == ["failed"]:
            done.append("interrupted")
            raise KeyboardInterrupt
        return {"interval_cycles": plan.interval_cycles}

    monkeypatch.setattr(predicted, "_synthesised", synthesised)
    monkeypatch.setattr(predicted, "_simulated", simulated)
    console = Console(record=True, width=200)
    with pytest.raises(KeyboardInterrupt):
        predicted.measure(draws()[:3], tmp_path, 1e9, console)
    assert "ran out of memory" in console.export_text()
    assert list(predicted.stored()) == [draws()[0].name, draws()[2].name]
    assert predicted.measure(draws()[:3], tmp_path, -1, console) == 0  # no time for any step
    assert len(predicted.stored()) == 2
    assert predicted.measure(draws()[:3], tmp_path, 1e9, console) == 0
    assert all(record["interval_cycles"] > 0 for record in predicted.stored().values())
    assert len(predicted.stored()) == 3
    record = predicted.stored()[draws()[0].name]
    stages = predicted.stages_of(json.loads(json.dumps(record)))
    assert {stage.name for stage in stages} == set(record["stages"])
