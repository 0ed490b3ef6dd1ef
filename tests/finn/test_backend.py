"""The back end with a stand-in for FINN: what is compared, recorded, refused and left behind."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bnn_hw.errors import MismatchError, ToolError
from bnn_hw.finn import backend, show
from bnn_hw.finn.job import LayerFold
from bnn_hw.ir.execute import execute
from bnn_hw.pipeline.legal import as_chain
from tests.finn.folded import save_folded
from tests.networks import ConvSpec, DenseSpec, random_graph

ESTIMATE = {
    "interval_cycles": 500,
    "bottleneck": "MVAU_hls_0",
    "bottleneck_layer": "conv1",
    "latency_cycles": 900,
    "lut": 1234.0,
    "bram18": 3.0,
    "dsp": 0.0,
    "uram": 0,
    "seconds": {},
    "nodes": [{"name": "MVAU_hls_0", "operator": "MVAU_hls"}],
    "layers": [
        {
            "node": "MVAU_hls_0",
            "layer": "conv1",
            "cycles": 500,
            "PE": 2,
            "SIMD": 3,
            "accDataType": "INT13",
            "LUT": 700,
            "BRAM_18K": 1,
        }
    ],
}
MAKES = f"""
(out / "result.json").write_text({json.dumps(json.dumps(ESTIMATE))})
(out / "folded.onnx").write_bytes((work.parent / "ready.onnx").read_bytes())
(out / "finn_folding.json").write_text("{{}}")
(out / "code" / "MVAU_hls_0").mkdir(parents=True)
(out / "code" / "MVAU_hls_0" / "top.cpp").write_text("x")
(out / "executed.npz").write_bytes((work.parent / "ready.npz").read_bytes())
"""


@pytest.fixture
def graph():
    return random_graph((ConvSpec("conv1", 4), DenseSpec("fc1", 3)), (6, 6, 3))


@pytest.fixture
def pictures():
    return np.random.default_rng(2).integers(0, 256, (20, 6, 6, 3)).astype(np.uint8)


def request_of(graph):
    layers = (LayerFold("conv1", 2, 3, 27, 4), LayerFold("fc1", 1, 1, 64, 3))
    return backend.Request("net", "pynq-z1", "xc7z020clg400-1", 100_000_000, as_chain(graph), layers)


def place_of(tmp_path):
    (tmp_path / "out").mkdir()
    return backend.Place(tmp_path / "out", tmp_path / "work", tmp_path / "finn.log")


def answers(graph, pictures, path):
    """What FINN must answer, from the graph's own execution."""
    values = execute(graph, pictures, {"fc1.acc", "class"})
    sums = values["fc1.acc"].reshape(len(pictures), -1)
    labels = values["class"].ravel()
    np.savez(path, accumulators=sums, labels=labels)
    return sums, labels


def test_an_equal_execution_is_recorded_and_files_get_digests(fake, graph, pictures, tmp_path):
    answers(graph, pictures, tmp_path / "ready.npz")
    save_folded(as_chain(graph), tmp_path / "ready.onnx")
    fake(MAKES)
    place = place_of(tmp_path)
    record = backend.build(request_of(graph), tmp_path, graph, pictures, place, lambda *_: None)
    assert record["execution"]["pictures"] == 20
    assert record["parameters"] == {
        "weights": 4 * 27 + 3 * 64,
        "thresholds": 4,
        "equal": True,
        "not_compared": [],
    }
    assert record["estimate"]["fps"] == 200_000
    assert record["estimate"]["bram36"] == 1.5
    assert json.loads((place.out / "finn.json").read_text()) == record
    assert {item["file"] for item in record["files"]} == {
        "code/MVAU_hls_0/top.cpp",
        "executed.npz",
        "finn_folding.json",
        "folded.onnx",
    }
    assert not place.work.exists()
    text = show.text(record, place.out)
    assert "estimate   500 cycles (conv1): 200,000 frames/s at 100 MHz" in text
    assert "proof      FINN's execution equals the integer graph on 20 of 20 pictures" in text
    assert "a bit file needs Vivado" in text


def test_an_accumulator_that_differs_is_named_with_picture_and_class(graph, pictures, tmp_path):
    sums, labels = answers(graph, pictures, tmp_path / "right.npz")
    wrong = sums.copy()
    wrong[7, 1] += 2
    np.savez(tmp_path / "wrong.npz", accumulators=wrong, labels=labels)
    with pytest.raises(MismatchError) as caught:
        backend.compare(graph, as_chain(graph), pictures, tmp_path / "wrong.npz")
    assert caught.value.faults[0].place == "FINN's execution, layer fc1, picture 7, class 1"
    assert f"expected the accumulator {sums[7, 1]}, got {sums[7, 1] + 2} (1 of 60" in str(caught.value)
    np.savez(tmp_path / "label.npz", accumulators=sums, labels=(labels + (np.arange(20) == 3)) % 3)
    with pytest.raises(MismatchError, match="picture 3: expected the class"):
        backend.compare(graph, as_chain(graph), pictures, tmp_path / "label.npz")


def test_a_build_that_leaves_no_code_fails_and_keeps_its_work_folder(fake, graph, tmp_path):
    save_folded(as_chain(graph), tmp_path / "ready.onnx")
    fake(MAKES.replace('"top.cpp"', '"../../elsewhere"').replace('(out / "executed.npz")', "#"))
    place = place_of(tmp_path)
    with pytest.raises(ToolError, match="ended with status 0 but left no code/MVAU_hls_0"):
        backend.build(request_of(graph), tmp_path, graph, None, place, lambda *_: None)
    assert place.work.exists()
    assert not list(place.out.iterdir())


def test_implementation_comes_from_vivados_reports(tmp_path):
    reports = tmp_path / "report"
    reports.mkdir()
    (reports / "post_synth_resources.json").write_text(
        json.dumps({"(top)": {"LUT": "100", "FF": "200", "BRAM_36K": "2", "BRAM_18K": "1", "DSP": "4"}})
    )
    (reports / "post_route_timing.rpt").write_text(
        "    WNS(ns)  TNS(ns)\n    -------  ----\n    -0.120 0.0\n"
    )
    (reports / "post_route_power.rpt").write_text("| Total On-Chip Power (W)  | 1.5 |")
    found = backend.implementation(tmp_path)
    assert (found["lut"], found["bram36"], found["worst_slack_ns"]) == (100, 2.5, -0.12)
    assert found["power_w"] == 1.5
