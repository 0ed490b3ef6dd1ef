"""The benchmark's judgement, tables and reasons; the builds themselves are the flow's."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bnn_hw.errors import InputError
from bnn_hw.progress import Reporter

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "bench_hw.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_hw", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def point(bench):
    bar, aim = bench.Limits(1024, 7500, 6, 20), bench.Limits(1024, 5800, 0)
    return bench.Point("one", "ncnv", "pynq-z1", "fps=97656", bar, aim)


FIGURES = {"interval_cycles": 1024, "fps": 97656.2, "lut": 7400, "ff": 5000, "bram36": 5.5, "dsp": 0}


def test_bar_and_aim_are_judged_one_by_one(bench, point):
    assert bench.exceeded(point.bar, FIGURES) == {}
    assert bench.exceeded(point.aim, FIGURES) == {"lut": 1600, "bram36": 5.5}
    assert bench.exceeded(point.bar, {**FIGURES, "interval_cycles": 1025, "dsp": 21}) == {
        "interval_cycles": 1,
        "dsp": 1,
    }


def test_tables_tell_figures_and_what_is_missed(bench, point, tmp_path):
    done = bench.Outcome(point, FIGURES, {"verify": 10.2, "synth": 90.3}, (), {"scores": {"lut": 25}}, 20)
    absent = bench.Outcome(point, skipped="model.onnx is not there")
    assert bench.row(done) == [
        "one", "1,024", "97,656.2", "7,400", "5,000", "5.5", "0", "100", "met", "+1,600 LUT, +5.5 BRAM36",
    ]  # fmt: skip
    bench.write([done, absent], tmp_path / "bench")
    table = (tmp_path / "bench" / "table.md").read_text().splitlines()
    assert table[2] == "| " + " | ".join(bench.row(done)) + " |"
    assert "skipped: model.onnx is not there" in table[3]
    assert "+1,600 LUT" in (tmp_path / "bench" / "table.txt").read_text()
    record = json.loads((tmp_path / "bench" / "bench_hw.json").read_text())
    assert [item["over_aim"] for item in record["points"]] == [{"lut": 1600, "bram36": 5.5}, None]
    assert record["points"][0]["stages"] == {"scores": {"lut": 25}}


def test_points_by_name(bench):
    assert [point.name for point in bench.choose(["ucnv-1024", "ncnv-table1"])] == [
        "ucnv-1024",
        "ncnv-table1",
    ]
    assert len(bench.choose([])) == len({point.name for point in bench.POINTS}) == len(bench.POINTS)
    with pytest.raises(InputError, match="did you mean ncnv-1024"):
        bench.choose(["ncnv-1023"])


def test_unknown_point_ends_with_its_status(bench, capsys):
    assert bench.main(["nothing"]) == InputError.exit_status
    assert "point nothing: is unknown" in capsys.readouterr().err


def test_design_without_a_model_is_skipped_with_the_reason(bench, point, monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "load_design", lambda name: SimpleNamespace(model=tmp_path / "model.onnx"))
    outcome = bench.measure(point, tmp_path, 2, False, Reporter(quiet=True))
    assert outcome.skipped == "model.onnx of design ncnv is not there: train it first"
    assert outcome.figures == {}


def test_point_that_does_not_fit_fails_with_the_reason_and_the_others_go_on(bench, point, tmp_path):
    impossible = bench.dataclasses.replace(point, board="zybo-z7-10", goal="fps=90000000")
    outcome = bench.measure(impossible, tmp_path, 2, False, Reporter(quiet=True))
    assert outcome.figures == {}
    assert outcome.failed
    assert bench.row(outcome)[-2].startswith("failed: ")
