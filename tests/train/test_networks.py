import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install bnn-hw[train]")

from bnn_hw.errors import ConfigError  # noqa: E402
from bnn_hw.train.networks import SPECS, network  # noqa: E402

LAYERS = {
    "cnv": "conv1_1 conv1_2 pool1 conv2_1 conv2_2 pool2 conv3_1 conv3_2 fc1 fc2 fc3",
    "ncnv": "conv1_1 conv1_2 pool1 conv2_1 conv2_2 pool2 conv3_1 conv3_2 fc1 fc2 fc3",
    "ucnv": "conv1_1 conv1_2 pool1 conv2_1 conv2_2 pool2 conv3_1 fc1 fc2",
}
# (inputs of one output, outputs of one position, positions), written out from Table I of the paper.
SHAPES = {
    "cnv": [
        (27, 64, 900),
        (576, 64, 784),
        (576, 128, 144),
        (1152, 128, 100),
        (1152, 256, 9),
        (2304, 256, 1),
        (256, 512, 1),
        (512, 512, 1),
        (512, 4, 1),
    ],
    "ncnv": [
        (27, 16, 900),
        (144, 16, 784),
        (144, 32, 144),
        (288, 32, 100),
        (288, 64, 9),
        (576, 64, 1),
        (64, 128, 1),
        (128, 128, 1),
        (128, 4, 1),
    ],
    "ucnv": [
        (27, 16, 900),
        (144, 16, 784),
        (144, 32, 144),
        (288, 32, 100),
        (288, 64, 9),
        (576, 128, 1),
        (128, 4, 1),
    ],
}


@pytest.mark.parametrize("name", SPECS)
def test_weights_and_macs_are_those_of_the_paper(name: str) -> None:
    net = network(name)
    assert net.weight_count() == sum(inputs * outputs for inputs, outputs, _ in SHAPES[name])
    assert net.mac_count() == sum(inputs * outputs * positions for inputs, outputs, positions in SHAPES[name])


def test_cnv_has_the_published_size() -> None:
    net = network("cnv")
    assert round(net.weight_count() / 1e6, 2) == 1.54
    assert round(net.mac_count() / 1e6, 1) == 59.5


@pytest.mark.parametrize("name", SPECS)
def test_layers_are_direct_attributes_in_order(name: str) -> None:
    net = network(name)
    assert " ".join(net.spec.layer_names) == LAYERS[name]
    children = [child for child, _ in net.named_children() if child in net.spec.layer_names]
    assert children == list(net.spec.layer_names)
    assert not any("bias" in key and "_bn" not in key for key in net.state_dict())


def test_weights_and_activations_are_plus_and_minus_one() -> None:
    net = network("ncnv").eval()
    assert set(net.conv2_1.quant_weight().value.unique().tolist()) == {-1.0, 1.0}
    assert set(net.conv2_1_act(torch.tensor([-3.0, -1e-9, 0.0, 0.5])).tolist()) == {-1.0, 1.0}
    assert net.conv2_1_act(torch.tensor([0.0])).item() == 1.0


def test_pixels_are_normalised_exactly() -> None:
    pixels = torch.arange(256.0)
    assert [value * 128 for value in network("ucnv").normalise(pixels).tolist()] == list(range(-128, 128))


def test_binarising_the_weights_changes_no_score() -> None:
    torch.manual_seed(0)
    net = network("ucnv").eval()
    pixels = torch.randint(0, 256, (4, 3, 32, 32)).float()
    before = net(pixels)
    net.binarise_weights()
    assert set(net.fc1.weight.unique().tolist()) == {-1.0, 1.0}
    assert torch.equal(net(pixels), before)


def test_unknown_network_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"(?s)network ncvn: there is no such network.*did you mean ncnv\?"):
        network("ncvn")


def test_sign_has_brevitas_values_and_gradients() -> None:
    from brevitas.nn import QuantIdentity
    from brevitas.quant.binary import SignedBinaryActPerTensorConst

    class Original(SignedBinaryActPerTensorConst):
        scaling_const = 1.0

    beside = torch.nextafter(torch.tensor([1.0, 1.0]), torch.tensor([0.0, 2.0]))
    values = torch.cat([torch.tensor([-2.0, -1.0, -0.3, -0.0, 0.0, 0.7, 1.0]), beside, -beside])
    results = []
    for act in (
        network("ucnv").conv1_1_act,
        network("ucnv").eval().conv1_1_act,
        QuantIdentity(act_quant=Original),
    ):
        x = values.clone().requires_grad_()
        y = act(x)
        (y * torch.arange(1.0, 12.0)).sum().backward()
        results.append((y.tolist(), x.grad.tolist()))
    assert results[0] == results[1] == results[2]
    assert results[0][1].count(0.0) == 3
