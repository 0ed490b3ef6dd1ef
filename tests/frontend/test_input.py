"""What a picture means to the network: declared, annotated, or read off an 8-bit quantiser."""

from fractions import Fraction

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from bnn_hw.frontend import InputSpec
from bnn_hw.ir.execute import execute
from tests.frontend.nets import Maker, pictures, qonnx_run


def finished(maker):
    return (
        maker.conv(maker.weights(3, 2, 6, 5), name="/conv1/Conv")
        .batch_norm(3)
        .sign()
        .node("Flatten")
        .dense(3, 4)
    )


def compare(maker, tmp_path, to_real, spec=None):
    """Compare all layers' ends with qonnx, which sees to_real(pixel)."""
    graph, model = maker.graph(tmp_path, spec), maker.model()
    images = pictures((6, 5, 2), 6, seed=4)
    for image, ours in zip(images, execute(graph, images)["scores"], strict=True):
        real = to_real(image.astype(np.float32)).transpose(2, 0, 1)[None]
        theirs = qonnx_run(model, real)[model.graph.output[0].name]
        np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)
    return graph


def test_uint8_tensor(tmp_path):
    maker = Maker(element=TensorProto.UINT8).node("Cast", to=TensorProto.FLOAT).normalise()
    graph = finished(maker).graph(tmp_path, None)
    assert (graph.input.name, graph.input.scale, graph.input.offset) == ("image", "1", "0")
    assert str(graph.input.type) == "UINT8[6x5x2]"


def test_annotated_tensor(tmp_path):
    maker = finished(Maker().normalise())
    entry = onnx.StringStringEntryProto(key="finn_datatype", value="UINT8")
    maker.annotations.append(
        onnx.TensorAnnotation(tensor_name="pixels", quant_parameter_tensor_names=[entry])
    )
    compare(maker, tmp_path, lambda pixels: pixels)


@pytest.mark.parametrize(
    ("signed", "scale", "zero", "first"),
    [(0, 1 / 256, 0.0, "0"), (1, 1 / 128, 0.0, "-1"), (0, 0.5, 100.0, "-50")],
)
def test_quantiser_of_8_bits(tmp_path, signed, scale, zero, first):
    maker = finished(Maker(seed=2).quant(8, scale, zero, signed=signed))
    start = float(Fraction(first))
    graph = compare(maker, tmp_path, lambda pixels: pixels * scale + start)
    assert graph.input.scale == str(Fraction(scale))
    assert graph.input.offset == first
    assert graph.nodes[0].name == "conv1.acc"


def test_quantiser_that_changes_nothing_is_no_threshold(tmp_path):
    """Declared pixels / 256 through an 8-bit quantiser of that scale."""
    maker = finished(Maker(seed=3).quant(8, 1 / 256, signed=0))
    graph = compare(maker, tmp_path, lambda pixels: pixels / 256, InputSpec(Fraction(1, 256)))
    assert [node.op.kind for node in graph][:2] == ["Conv", "Threshold"]


def test_quantiser_of_declared_pixels_is_a_threshold_of_each_pixel(tmp_path):
    """Three bits of pixel / 255: each level's least pixel is found, not computed."""
    maker = finished(Maker(seed=3).quant(3, 1 / 8, signed=0))
    graph = compare(maker, tmp_path, lambda pixels: pixels / np.float32(255), InputSpec(Fraction(1, 255)))
    first = graph.nodes[0]
    assert (first.name, str(first.op.dtype), first.op.thresholds.shape) == (
        "input_threshold",
        "UINT3",
        (2, 7),
    )


def test_sign_of_the_picture_with_a_negative_scale(tmp_path):
    """Dark pixels are +1: the threshold looks downwards, as no weights stand before it."""
    maker = Maker(seed=5)
    maker.node("Mul", maker.constant(-1.0)).node("Add", maker.constant(100.0)).sign()
    graph = compare(finished(maker), tmp_path, lambda pixels: pixels, InputSpec())
    assert (graph.node("input_threshold").op.sign == -1).all()


def test_mean_a_channel(tmp_path):
    """One scale and an offset a channel: the offsets meet the weights' sums exactly."""
    maker = Maker(seed=6)
    maker.node("Sub", maker.constant(np.array([100.0, 20.0]).reshape(1, 2, 1, 1)))
    maker.node("Mul", maker.constant(1 / 64))
    compare(finished(maker), tmp_path, lambda pixels: pixels, InputSpec())


@pytest.mark.parametrize("shape", [(1, 12), (1, 3, 4)])
def test_flat_and_grey_inputs(tmp_path, shape):
    maker = Maker(shape)
    maker.node("Sub", maker.constant(99.5)).sign().node("Flatten").dense(12, 3)
    graph = maker.graph(tmp_path)
    assert graph.input.type.shape == ((1, 12, 1) if len(shape) == 2 else (3, 4, 1))
    images, model = pictures(graph.input.type.shape, 5), maker.model()
    for image, ours in zip(images, execute(graph, images)["scores"], strict=True):
        theirs = qonnx_run(model, image.reshape(shape))[model.graph.output[0].name]
        np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)
