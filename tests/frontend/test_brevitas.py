"""Brevitas against the integer graph: the paper's networks by layer, and networks as users write them."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs Brevitas: pip install 'bnn-hw[train]'")
pytest.importorskip("brevitas", reason="needs Brevitas: pip install 'bnn-hw[train]'")

from brevitas.export import export_qonnx  # noqa: E402
from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear  # noqa: E402
from brevitas.quant.binary import (  # noqa: E402
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
)
from torch import nn  # noqa: E402

from bnn_hw.frontend import InputSpec, import_onnx  # noqa: E402
from bnn_hw.ir.execute import execute  # noqa: E402
from bnn_hw.train.export import export_onnx, layer_outputs  # noqa: E402
from bnn_hw.train.networks import SPECS, network  # noqa: E402


def smooth_pictures(count: int, seed: int) -> np.ndarray:
    """Random pictures with structure, (count, 32, 32, 3) uint8, and black, white and both mixed."""
    noise = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    large = nn.functional.interpolate(noise, size=32, mode="bicubic").clamp(0, 1) * 255
    images = large.round().permute(0, 2, 3, 1).numpy().astype(np.uint8)
    images[0], images[1] = 0, 255
    images[2] = np.random.default_rng(seed).integers(0, 2, images[2].shape) * 255
    return images


def randomise(net: nn.Module, images: np.ndarray) -> None:
    """Give every batch norm its own statistics, factors of both signs and one of zero."""
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2)).float()
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.momentum = None
        net.train()(pixels)
        for module in net.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.weight.normal_()
                module.weight[1] = 0
                module.bias.normal_(std=0.5)
    net.eval()


@pytest.mark.parametrize("name", SPECS)
def test_every_layer_of_100_pictures(name, tmp_path):
    torch.manual_seed(11)
    net, images = network(name), smooth_pictures(100, 7)
    randomise(net, images[:32])
    export_onnx(net, tmp_path / "model.onnx")
    graph = import_onnx(tmp_path / "model.onnx", InputSpec())
    theirs = layer_outputs(net, images)
    ours = execute(graph, images, keep=set())
    assert len(theirs) == len(SPECS[name].layer_names) + 1
    for layer, expected in theirs.items():
        value = layer if layer in ours else f"{layer}.acc"
        np.testing.assert_array_equal(ours[value].reshape(expected.shape), expected, layer)
    np.testing.assert_array_equal(ours["class"].reshape(-1), theirs["scores"].argmax(axis=1))


def sequential(order: str) -> nn.Sequential:
    """A network without names, in the usual orders, with Brevitas' own scale of 0.1 everywhere."""

    def norm_and_sign(channels):
        return [nn.BatchNorm2d(channels), QuantIdentity(act_quant=SignedBinaryActPerTensorConst)]

    binary = {"weight_quant": SignedBinaryWeightPerTensorConst, "bias": False}
    pool = nn.MaxPool2d(2)
    first, second = norm_and_sign(8), norm_and_sign(6)
    blocks = {
        "pool first": [pool, *first],
        "norm first": [first[0], pool, first[1]],
        "sign first": [*first, pool],
    }
    return nn.Sequential(
        QuantConv2d(3, 8, 3, **binary),
        *blocks[order],
        QuantConv2d(8, 6, 4, stride=2, **binary),
        *second,
        nn.Flatten(),
        QuantLinear(6 * 6 * 6, 5, **(binary | {"bias": True})),
    )


@pytest.mark.parametrize("order", ["pool first", "norm first", "sign first"])
def test_networks_as_users_write_them(order, tmp_path):
    """Scales of 0.1 are no float32 numbers, so sums differ in the last bit; decisions and classes do not."""
    torch.manual_seed(5)
    net, images = sequential(order), smooth_pictures(40, 9)
    randomise(net, images)
    if order == "norm first":  # a negative factor before a pool and none behind it
        net[1].weight.data[2] = -0.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export_qonnx(
            net, torch.zeros(1, 3, 32, 32), str(tmp_path / "net.onnx"), opset_version=13, dynamo=False
        )
    graph = import_onnx(tmp_path / "net.onnx", InputSpec(Fraction(1, 255)))
    assert {node.op.kind for node in graph} == {"Conv", "Threshold", "MaxPool", "Dense", "Scale", "ArgMax"}
    assert all((node.op.sign == 1).all() for node in graph if node.op.kind == "Threshold")
    assert graph.types[graph.node("class").inputs[0]].channels == 5
    out = execute(graph, images)
    with torch.no_grad():
        theirs = net(torch.from_numpy(images.transpose(0, 3, 1, 2)).float() / 255).numpy()
    np.testing.assert_allclose(out["scores"].reshape(theirs.shape), theirs, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(out["class"].reshape(-1), theirs.argmax(axis=1))
