"""A shipped design through the real FINN; skipped where its environment is not installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

import bnn_hw
from bnn_hw import finn_flow
from bnn_hw.flow import Flow, Options

DESIGN = Path(bnn_hw.__file__).parent.parent / "designs" / "ncnv"


def with_input_quantiser(folder: Path) -> Path:
    """The design's network with a signed 8-bit quantiser in the place of its normalisation.

    Training code for FINN has one in front; quantised at 1/128 it is the same function of the pixels.
    """
    model = onnx.load(DESIGN / "model.onnx")
    nodes = model.graph.node
    assert [node.op_type for node in nodes[:2]] == ["Mul", "Sub"]
    result = nodes[1].output[0]
    del nodes[:2]
    constants = {"input_scale": 1 / 128, "input_zero": 0.0, "input_bits": 8.0}
    for name, value in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    quantiser = helper.make_node(
        "Quant",
        [model.graph.input[0].name, *constants],
        [result],
        name="/input/Quant",
        domain="qonnx.custom_op.general",
        signed=1,
        narrow=0,
        rounding_mode="ROUND",
    )
    nodes.insert(0, quantiser)
    path = folder / "quantised.onnx"
    onnx.save(model, path)
    return path


def test_an_input_quantiser_becomes_finns_threshold_block_and_changes_no_answer(environment, tmp_path):
    """FINN's estimate for n-CNV at Table I with such a quantiser is 16,466 LUT, 128 of them for its block."""
    model = with_input_quantiser(tmp_path)
    flow = Flow(Options(str(model), "pynq-z1", f"folding={DESIGN / 'table1.json'}", tmp_path / "out"))
    flow.until(finn_flow.OURS)
    record = finn_flow.load(flow, finn_flow.OURS)
    assert record["execution"]["pictures"] == 20
    assert record["parameters"]["weights"] == 96_944
    assert (record["estimate"]["interval_cycles"], record["estimate"]["lut"]) == (8_167, 16_466)
    first = record["nodes"][0]
    assert (first["node"], first["LUT"], first["cycles"]) == ("Thresholding_rtl_0", 128, 3_072)
