"""Names of layers: short, unique, and those of the PyTorch modules where they are known."""

import pytest

from bnn_hw.frontend.net import torch_layer
from tests.frontend.nets import Maker


@pytest.mark.parametrize(
    ("node", "inputs", "layer"),
    [
        ("/conv1_1/Conv", [], "conv1_1"),
        ("/features/0/Conv", [], "features.0"),
        ("/conv1_1/weight_quant/export_handler/BipolarQuant", ["conv1_1.weight"], "conv1_1"),
        ("BatchNormalization_17", ["42", "features.3.weight", "features.3.bias"], "features.3"),
        ("Conv_0", ["12", "34"], ""),
        ("", [], ""),
        ("/Flatten", [], ""),
    ],
)
def test_torch_layer(node, inputs, layer):
    assert torch_layer(node, inputs) == layer


def layers(tmp_path, *names):
    """Names of the values of a chain of 1x1 convolutions and a pool, with these ONNX node names."""
    maker = Maker((1, 2, 2, 2)).normalise()
    for name in names:
        if "MaxPool" in name:
            maker.pool(1, name=name)
        else:
            maker.conv(maker.weights(2, 2, 1, 1), name=name).sign()
    maker.node("Flatten").dense(8, 2)
    names = [node.name.removesuffix(".acc") for node in maker.graph(tmp_path)]
    return list(dict.fromkeys(names))[:-2]


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (["/conv1_1/Conv", "/pool1/MaxPool", "/conv1_2/Conv"], ["conv1_1", "pool1", "conv1_2", "fc0"]),
        (["Conv_0", "MaxPool_3", "Conv_5"], ["conv0", "pool1", "conv1", "fc0"]),
        (["", "", ""], ["conv0", "conv1", "conv2", "fc0"]),
        (["/features/0/Conv", "/features/3/Conv"], ["features_0", "features_3", "fc0"]),
        (["/block1/conv/Conv", "/block2/conv/Conv"], ["block1_conv", "block2_conv", "fc0"]),
        (["/body/conv1/Conv", "/body/conv-2/Conv"], ["conv1", "conv_2", "fc0"]),
        (["/net/Conv", "/net/Conv_1"], ["conv0", "conv1", "fc0"]),
        (["/scores/Conv", "/image/Conv"], ["conv0", "conv1", "fc0"]),
        (["/conv1/Conv", "Conv_7", "Conv_8"], ["conv1", "conv0", "conv2", "fc0"]),
    ],
)
def test_layer_names(tmp_path, nodes, expected):
    assert layers(tmp_path, *nodes) == expected


def test_two_thresholds_of_one_layer(tmp_path):
    maker = Maker((1, 2, 2, 2)).normalise()
    maker.conv(maker.weights(3, 2, 2, 2), name="/conv1/Conv")
    sums = maker.at
    maker.sign()
    left, maker.at = maker.at, sums
    maker.node("Sub", maker.constant(1.0)).sign().node("Add", left).node("Flatten")
    graph = maker.graph(tmp_path)
    assert [node.name for node in graph] == ["conv1.acc", "conv1", "conv1_2", "add", "scores", "class"]
