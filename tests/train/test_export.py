from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install bnn-hw[train]")
onnx = pytest.importorskip("onnx")

from bnn_hw.errors import OutputError  # noqa: E402
from bnn_hw.train.export import export_onnx, layer_outputs, write_golden  # noqa: E402
from bnn_hw.train.networks import SPECS, BinaryNetwork, network  # noqa: E402

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)


def random_network(name: str) -> BinaryNetwork:
    """A network whose batch norms have every kind of scale and fire about half the time."""
    torch.manual_seed(3)
    net = network(name).train()
    with torch.no_grad():
        for module in net.modules():
            if hasattr(module, "running_mean"):
                module.momentum = None
                module.weight.normal_()
                module.weight[1] = 0.0
                module.bias.normal_(std=0.5)
        for _ in range(2):
            net(torch.randint(0, 256, (16, 3, 32, 32)).float())
    return net.eval()


@pytest.mark.parametrize("name", SPECS)
def test_nodes_carry_the_layer_names(name: str, tmp_path: Path) -> None:
    net = random_network(name)
    export_onnx(net, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    assert [(i.name, [d.dim_value for d in i.type.tensor_type.shape.dim]) for i in model.graph.input] == [
        ("pixels", [1, 3, 32, 32])
    ]
    assert [o.name for o in model.graph.output] == ["scores"]
    kinds = {"Conv": "conv", "MatMul": "fc", "MaxPool": "pool"}
    scopes = [node.name.split("/")[1] for node in model.graph.node if node.op_type in kinds]
    assert scopes == list(net.spec.layer_names)
    signed = [n.name.split("/")[1] for n in model.graph.node if n.op_type == "BatchNormalization"]
    assert signed == [f"{layer}_bn" for layer in net.spec.layer_names if not layer.startswith("pool")][:-1]
    assert list(tmp_path.iterdir()) == [tmp_path / "model.onnx"]


def test_file_holds_weights_of_plus_and_minus_one(tmp_path: Path) -> None:
    net = random_network("ucnv")
    latent = net.fc1.weight.detach().clone()
    export_onnx(net, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    assert np.array_equal(stored["fc1.weight"], np.where(latent.numpy() >= 0, 1.0, -1.0))
    assert torch.equal(net.fc1.weight, latent)


@pytest.mark.parametrize("name", ["ncnv", "ucnv"])
def test_exported_file_gives_the_same_scores(name: str, tmp_path: Path) -> None:
    pytest.importorskip("qonnx", reason="the comparison needs qonnx: pip install bnn-hw[dev]")
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    net = random_network(name)
    export_onnx(net, tmp_path / "model.onnx")
    model = ModelWrapper(str(tmp_path / "model.onnx")).transform(InferShapes())
    for image, scores in zip(IMAGES, layer_outputs(net, IMAGES)["scores"], strict=True):
        pixels = image.transpose(2, 0, 1)[None].astype(np.float32)
        assert np.array_equal(execute_onnx(model, {"pixels": pixels})["scores"][0], scores)


def test_layer_outputs_follow_from_each_other() -> None:
    net = random_network("ncnv")
    outputs = layer_outputs(net, IMAGES)
    assert list(outputs) == [*net.spec.layer_names, "scores"]
    assert {outputs[n].dtype.name for n in net.spec.layer_names[:-1]} == {"int8"}
    assert {int(v) for n in net.spec.layer_names[:-1] for v in np.unique(outputs[n])} == {-1, 1}
    conv = outputs["conv1_2"]
    assert conv.shape == (3, 28, 28, 16)
    assert np.array_equal(outputs["pool1"], conv.reshape(3, 14, 2, 14, 2, 16).max(axis=(2, 4)))
    weights = np.where(net.fc3.weight.detach().numpy() >= 0, 1, -1)
    assert np.array_equal(outputs["fc3"], outputs["fc2"].astype(int) @ weights.T)
    assert np.array_equal(outputs["scores"], outputs["fc3"] / 16)


def test_first_layer_is_the_convolution_of_the_pixels() -> None:
    net = random_network("ucnv")
    windows = np.lib.stride_tricks.sliding_window_view(IMAGES / 128 - 1, (3, 3), axis=(1, 2))
    weights = np.where(net.conv1_1.weight.detach().numpy() >= 0, 1, -1)
    sums = np.einsum("nhwcij,ocij->nhwo", windows, weights)
    norm = net.conv1_1_bn
    mean, var, scale, bias = (
        t.detach().double().numpy() for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    normalised = (sums - mean) / np.sqrt(var + norm.eps) * scale + bias
    assert np.array_equal(layer_outputs(net, IMAGES)["conv1_1"], np.where(normalised >= 0, 1, -1))


def test_golden_file_is_complete(tmp_path: Path) -> None:
    net = random_network("ucnv")
    write_golden(net, IMAGES, np.array([0, 3, -1]), tmp_path / "golden.npz")
    golden = np.load(tmp_path / "golden.npz")
    assert set(golden) == {"images", "labels", "classes", "scores", *net.spec.layer_names}
    assert golden["labels"].tolist() == [0, 3, -1]
    assert np.array_equal(golden["classes"], golden["scores"].argmax(axis=1))
    assert np.array_equal(golden["images"], IMAGES)


def test_unwritable_places_are_reported(tmp_path: Path) -> None:
    net = random_network("ucnv")
    with pytest.raises(
        OutputError, match=r"model\.onnx: cannot be written: .*(?s:.*)choose a writable folder"
    ):
        export_onnx(net, tmp_path / "missing" / "model.onnx")
    with pytest.raises(OutputError, match=r"golden\.npz: cannot be written"):
        write_golden(net, IMAGES, np.zeros(3, int), tmp_path / "missing" / "golden.npz")
