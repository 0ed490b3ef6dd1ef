"""Models made by others, and untrained exports: logits and layers reproduced exactly."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bnn_hw.errors import ModelError
from bnn_hw.frontend import InputSpec, import_onnx
from bnn_hw.ir.execute import execute

DATA = Path(os.environ.get("BNN_HW_DATA", Path(__file__).parents[2] / "../shared/data"))
DESIGNS = Path(__file__).parents[2] / "designs"
needs_data = pytest.mark.skipif(
    not (DATA / "models").is_dir(), reason="no data folder: set BNN_HW_DATA to the folder that has models/"
)


@needs_data
@pytest.mark.parametrize(("model", "layers"), [("TFC_1W1A", "BIPOLAR"), ("TFC_1W2A", "INT2")])
def test_logits_of_the_qonnx_model_zoo(model, layers):
    """All 100 reference logits, computed by qonnx from pixel / 255."""
    folder = DATA / "models/qonnx_zoo"
    graph = import_onnx(folder / f"{model}.onnx", InputSpec(Fraction(1, 255)))
    assert str(graph.types["fc0"].dtype) == layers
    images = np.load(DATA / "images/mnist_t10k_first2000.npz")["x"][:100, :, :, None]
    logits = np.load(folder / f"{model}_mnist_t10k_first100_logits.npy").reshape(100, 10)
    out = execute(graph, images)
    np.testing.assert_array_equal(out["scores"].reshape(100, 10), logits)
    np.testing.assert_array_equal(out["class"].reshape(100), logits.argmax(axis=1))


@needs_data
def test_classes_of_a_network_in_the_dialect_of_finn():
    """MultiThreshold, plain +-1 weights, TopK at the end, Unsqueeze and Squeeze around batch norm."""
    folder = DATA / "models/finn_repo"
    graph = import_onnx(folder / "build_dataflow_model.onnx", InputSpec())
    images = np.load(folder / "build_dataflow_input.npy").astype(np.uint8).reshape(-1, 28, 28, 1)
    expected = np.load(folder / "build_dataflow_expected_output.npy").reshape(-1)
    np.testing.assert_array_equal(execute(graph, images)["class"].reshape(-1), expected)


@needs_data
def test_float_network_is_refused_with_every_layer_named():
    with pytest.raises(ModelError) as caught:
        import_onnx(DATA / "models/qonnx_repo/mnist-conv.onnx", InputSpec())
    nodes = [fault.place.rsplit(" ", 1)[1] for fault in caught.value.faults]
    assert nodes == ["ReLU32", "ReLU114", "Convolution28", "Convolution110", "Times212"]


@pytest.mark.parametrize("design", ["cnv", "ncnv", "ucnv"])
def test_shipped_designs_reproduce_their_golden_vectors(design):
    """Every layer's output, as the network computed it in Brevitas when it was trained."""
    folder = DESIGNS / design
    if not (folder / "model.onnx").is_file():
        pytest.skip(f"no trained model in {folder}: make one with bnn-hw train {design}")
    graph = import_onnx(folder / "model.onnx", InputSpec(), design)
    with np.load(folder / "golden.npz") as golden:
        out = execute(graph, golden["images"], keep=set())
        layers = set(golden.files) - {"images", "labels", "classes"}
        assert len(layers) > 8
        for layer in layers:
            value = layer if layer in out else f"{layer}.acc"
            np.testing.assert_array_equal(out[value].reshape(golden[layer].shape), golden[layer], layer)
        np.testing.assert_array_equal(out["class"].reshape(-1), golden["classes"])
