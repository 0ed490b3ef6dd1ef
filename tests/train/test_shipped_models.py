"""The models in designs/: what they were trained to, and golden vectors against QONNX's own execution."""

import json
from pathlib import Path

import numpy as np
import pytest

DESIGNS = Path(__file__).parents[2] / "designs"
NAMES = ("cnv", "cnv5", "ncnv", "ncnv5", "ucnv")


@pytest.mark.parametrize("name", NAMES)
def test_golden_scores_equal_qonnx(name: str) -> None:
    pytest.importorskip("qonnx", reason="the comparison needs qonnx: pip install bnn-hw[dev]")
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    model = ModelWrapper(str(DESIGNS / name / "model.onnx")).transform(InferShapes())
    golden = np.load(DESIGNS / name / "golden.npz")
    for image, scores in zip(golden["images"], golden["scores"], strict=True):
        pixels = image.transpose(2, 0, 1)[None].astype(np.float32)
        assert np.array_equal(execute_onnx(model, {"pixels": pixels})["scores"][0], scores)


@pytest.mark.parametrize("name", NAMES)
def test_golden_layers_equal_qonnx(name: str) -> None:
    pytest.importorskip("qonnx", reason="the comparison needs qonnx: pip install bnn-hw[dev]")
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    model = ModelWrapper(str(DESIGNS / name / "model.onnx")).transform(InferShapes())
    golden = np.load(DESIGNS / name / "golden.npz")
    pixels = golden["images"][4].transpose(2, 0, 1)[None].astype(np.float32)
    context = execute_onnx(model, {"pixels": pixels}, return_full_exec_context=True)
    # A layer's output is the last value whose node has the layer's name, with its sign, as first scope.
    produced = {
        node.output[0].split("/")[1]: node.output[0] for node in model.graph.node if "/" in node.output[0]
    }
    layers = [key for key in golden if key[:4] == "conv" or key[:2] == "fc" or key[:4] == "pool"]
    assert len(layers) >= 9
    for layer in layers:
        value = context[produced.get(f"{layer}_act", produced[layer])][0]
        value = value.transpose(1, 2, 0) if value.ndim == 3 else value
        assert np.array_equal(value, golden[layer][4]), layer


@pytest.mark.parametrize(("name", "least"), [("cnv", 0.99), ("ncnv", 0.99), ("ucnv", 0.99)])
def test_recorded_accuracy_and_its_basis(name: str, least: float) -> None:
    metrics = json.loads((DESIGNS / name / "metrics.json").read_text())
    test = metrics["test"]
    assert metrics["network"]["name"] == name
    assert test["accuracy"] > least
    assert test["pictures"] == sum(map(sum, test["confusion"]))
    assert test["accuracy"] == pytest.approx(np.trace(test["confusion"]) / test["pictures"])
    assert test["persons"] == metrics["data"]["persons"]["test"]


@pytest.mark.parametrize("name", ["cnv5", "ncnv5"])
def test_recorded_accuracy_of_the_five_classes(name: str) -> None:
    metrics = json.loads((DESIGNS / name / "metrics.json").read_text())
    groups = metrics["test_groups"]
    assert metrics["network"]["name"] == name[:-1]
    assert groups["maskedface"]["mask_or_not"]["mask_accuracy"] > 0.985
    assert groups["photographs"]["mask_or_not"]["balanced_accuracy"] > 0.90
    assert sum(group["pictures"] for group in groups.values()) == metrics["test"]["pictures"]


@pytest.mark.parametrize("name", NAMES)
def test_golden_portraits_are_mostly_recognised(name: str) -> None:
    golden = np.load(DESIGNS / name / "golden.npz")
    faces = golden["labels"] >= 0
    assert (golden["classes"][faces] == golden["labels"][faces]).sum() >= 6
