"""Layers that are refused, and the words they are refused with: place, cause and remedy."""

from pathlib import Path

import numpy as np
import pytest

from tests.frontend.nets import Maker, fault, faults, small_net

NAN = float("nan")


@pytest.mark.parametrize("op", ["Relu", "Sigmoid", "Tanh", "HardSigmoid", "Clip", "Sign"])
def test_unsupported_activation(tmp_path, op):
    found = fault(small_net().node(op, name=f"/features/2/{op}").sign(), tmp_path)
    assert found.place == f"net.onnx: layer features.2, {op} node /features/2/{op}"
    assert found.cause == f"the activation {op} is not supported"
    assert "QuantIdentity(act_quant=SignedBinaryActPerTensorConst)" in found.remedy


def test_unsupported_operator(tmp_path):
    found = fault(small_net().sign().node("Softmax", name="/softmax/Softmax"), tmp_path)
    assert found.remedy == "remove it from the exported network: the greatest score wins with and without it"
    found = fault(small_net().sign().node("DepthToSpace", blocksize=1), tmp_path)
    assert found.cause == "the operator DepthToSpace is not supported"
    assert "MaxPool" in found.remedy


def test_float_convolution(tmp_path):
    maker = Maker().normalise()
    maker.conv(maker.constant(np.linspace(-1, 1, 54).reshape(3, 2, 3, 3)), name="/stem/conv/Conv").sign()
    found = fault(maker, tmp_path)
    assert found.place == "net.onnx: layer stem.conv, Conv node /stem/conv/Conv"
    assert found.cause.startswith("its weights are floating point (54 values: -1, -0.9623, ")
    assert "SignedBinaryWeightPerTensorConst" in found.remedy


@pytest.mark.parametrize(("bits", "count"), [(2, 3), (4, 15)])
def test_weights_of_several_bits(tmp_path, bits, count):
    maker = Maker().normalise()
    maker.quant(bits, 2.0 ** (2 - bits), narrow=1, name="/conv1/weight_quant/export_handler/Quant")
    quantiser = maker.nodes.pop()
    quantiser.input[0] = maker.constant(np.linspace(-2, 2, 54).reshape(3, 2, 3, 3))
    maker.nodes.insert(0, quantiser)
    maker.at = maker.nodes[-1].output[0]
    maker.conv(quantiser.output[0], name="/conv1/Conv").sign()
    found = fault(maker, tmp_path)
    assert found.cause.startswith(
        f"its weights are not -1 and +1: {bits}-bit Quant node /conv1/weight_quant/export_handler/Quant "
        f"makes {count} values: "
    )


def test_nan_in_weights(tmp_path):
    maker = Maker().normalise()
    weights, at = maker.constant([[[[NAN]], [[1.0]]]]), maker.at
    name = "/conv1/weight_quant/export_handler/BipolarQuant"
    maker.node(
        "BipolarQuant", maker.constant(1.0), source=weights, domain="qonnx.custom_op.general", name=name
    )
    made, maker.at = maker.at, at
    found = fault(maker.conv(made, name="/conv1/Conv").sign(), tmp_path)
    assert found.place == f"net.onnx: layer conv1, BipolarQuant node {name}"
    assert found.cause == "the 2 weights it quantises contain NaN"


@pytest.mark.parametrize(
    ("which", "label"), [("gamma", "scale"), ("beta", "bias"), ("mean", "mean"), ("var", "variance")]
)
@pytest.mark.parametrize("value", [NAN, np.inf])
def test_batch_norm_that_is_not_finite(tmp_path, which, label, value):
    maker = Maker().normalise()
    maker.conv(maker.weights(3, 2, 3, 3), name="/conv1/Conv")
    maker.batch_norm(3, name="/bn1/BatchNormalization", **{which: [1.0, value, value]})
    found = fault(maker.sign(), tmp_path)
    assert found.place == "net.onnx: layer bn1, BatchNormalization node /bn1/BatchNormalization"
    assert found.cause == f"its {label} of channel 1 is {value} (and 1 more)"
    assert found.remedy.startswith("check the training: it diverged")


def test_batch_norm_with_negative_variance(tmp_path):
    maker = Maker().normalise()
    maker.conv(maker.weights(3, 2, 3, 3)).batch_norm(3, var=[1.0, -1.0, 1.0])
    assert "variance plus epsilon is -0.9999" in fault(maker.sign(), tmp_path).cause


def test_batch_norm_of_unknown_factors(tmp_path):
    maker = Maker().normalise()
    maker.conv(maker.weights(3, 2, 3, 3)).batch_norm(3)
    maker.nodes[-1].input[4] = maker.nodes[-1].input[0]  # a variance computed from the data
    assert "is missing or not constant" in fault(maker.sign(), tmp_path).cause


def test_zero_padding_of_a_bipolar_map(tmp_path):
    maker = small_net().sign()
    found = fault(maker.conv(maker.weights(2, 3, 3, 3), pads=1, name="/conv2/Conv").sign(), tmp_path)
    assert found.place == "net.onnx: layer conv2, Conv node /conv2/Conv"
    assert found.cause == "pads with 0, but its input has only the values -1 and +1"
    assert found.remedy == (
        "use padding=0, or pad explicitly with F.pad(x, ..., value=-1) before the convolution"
    )


def test_zero_padding_that_is_no_pixel(tmp_path):
    maker = Maker()
    maker.node("Sub", maker.constant(127.5)).conv(maker.weights(3, 2, 3, 3), pads=1).sign()
    found = fault(maker, tmp_path)
    assert found.cause == "pads with 0, which would be the integer 127.5, no value of UINT8"


def test_two_layers_without_a_quantiser(tmp_path):
    maker = small_net()
    found = fault(maker.conv(maker.weights(2, 3, 3, 3), name="/conv2/Conv").sign(), tmp_path)
    assert found.cause == "reads the sums of conv1 without a quantiser in between"


def test_different_scales_of_input_channels(tmp_path):
    maker = Maker()
    maker.node("Mul", maker.constant(np.array([1.0, 0.5]).reshape(1, 2, 1, 1)))
    found = fault(maker.conv(maker.weights(3, 2, 3, 3)).sign(), tmp_path)
    assert found.cause.startswith("its input channels have different scales")


def test_scale_that_varies_within_a_channel(tmp_path):
    maker = small_net()
    maker.node("Mul", maker.constant(np.arange(1.0, 13).reshape(1, 1, 4, 3)), name="/mask/Mul")
    assert fault(maker.sign(), tmp_path).cause == "its operand varies from pixel to pixel of one channel"


def test_map_as_output(tmp_path):
    found = fault(small_net().sign(), tmp_path)
    assert found.cause == "is a map of 4x3 with 3 channels"


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"pads": [1, 1, 1, 1]}, "pads its input"),
        ({"ceil_mode": 1}, "pads its input"),
        ({"dilations": [2, 2]}, "is dilated"),
        ({"kernel_shape": [5, 5]}, "its kernel [5, 5] on a map of 4x3"),
    ],
)
def test_pools_without_hardware(tmp_path, attributes, words):
    attributes = {"kernel_shape": [2, 2], "strides": [2, 2], **attributes}
    found = fault(small_net().sign().node("MaxPool", name="/pool1/MaxPool", **attributes), tmp_path)
    assert found.place == "net.onnx: layer pool1, MaxPool node /pool1/MaxPool"
    assert words in found.cause


def test_dilated_convolution(tmp_path):
    maker = Maker().normalise()
    maker.conv(maker.weights(3, 2, 2, 2), dilations=[2, 2]).sign()
    assert fault(maker, tmp_path).cause == "its dilation is [2, 2]"


def test_dense_layer_of_another_size(tmp_path):
    found = fault(small_net().sign().node("Flatten").dense(35, 2), tmp_path)
    assert found.cause == "has weights for 35 features, but reads 36"


def test_quantiser_of_too_many_bits(tmp_path):
    found = fault(small_net().quant(9, 0.1), tmp_path)
    assert found.cause == "quantises to 9 bits"


@pytest.mark.parametrize("scale", [0.0, NAN])
def test_quantiser_without_a_usable_scale(tmp_path, scale):
    found = fault(small_net().sign(scale), tmp_path)
    assert found.cause == ("its scale is 0" if scale == 0 else "its scale is not finite")


def test_pool_between_two_negative_batch_norms(tmp_path):
    maker = Maker().normalise()
    maker.conv(maker.weights(2, 2, 3, 3))
    rest = {"beta": np.zeros(2), "mean": np.zeros(2), "var": np.ones(2)}
    maker.batch_norm(2, gamma=[-1.0, 1.0], **rest).pool(2).batch_norm(2, gamma=[1.0, -1.0], **rest).sign()
    assert "negative scales stands before the max-pool" in fault(maker, tmp_path).cause


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pads": [0, 0, 0]}, "its attributes, shapes and constants do not fit together"),
        ({"strides": [0, 1]}, "its attributes, shapes and constants do not fit together"),
        ({"group": 3}, "in 3 groups do not fit 2 input channels"),
    ],
)
def test_nodes_that_contradict_themselves(tmp_path, change, words):
    maker = Maker().normalise()
    maker.conv(maker.weights(3, 2, 3, 3), name="/conv1/Conv", **change)
    found = fault(maker.sign(), tmp_path)
    assert found.place == "net.onnx: layer conv1, Conv node /conv1/Conv"
    assert words in found.cause


def test_batch_norm_of_another_size(tmp_path):
    maker = Maker().normalise()
    maker.conv(maker.weights(3, 2, 3, 3)).batch_norm(4)
    assert fault(maker.sign(), tmp_path).cause == "has 4 channels for a tensor of shape (1, 3, 4, 3)"


def test_operator_of_an_unknown_domain(tmp_path):
    found = fault(small_net().sign().node("MaxPool", domain="acme", kernel_shape=[2, 2]), tmp_path)
    assert found.cause == "the operator belongs to the unknown domain acme"


def test_all_faults_are_reported_together(tmp_path):
    maker = Maker().normalise()
    maker.conv(maker.constant(np.linspace(-1, 1, 54).reshape(3, 2, 3, 3)), name="/conv1/Conv")
    maker.batch_norm(3, gamma=[1.0, NAN, 1.0], name="/bn1/BatchNormalization").node("Relu", name="/act1/Relu")
    maker.conv(maker.weights(4, 3, 2, 2), name="/conv2/Conv").node("Tanh", name="/act2/Tanh")
    found = faults(maker.save(tmp_path))
    assert [item.place.split(" node ")[1] for item in found] == [
        "/act1/Relu",
        "/act2/Tanh",
        "/conv1/Conv",
        "/bn1/BatchNormalization",
    ]


def test_faults_of_independent_branches_are_reported_together(tmp_path):
    maker = small_net().sign()
    fork = maker.at
    maker.conv(maker.weights(3, 3, 3, 3), pads=1, name="/left/Conv").sign()
    left, maker.at = maker.at, fork
    maker.conv(maker.weights(3, 3, 3, 3), dilations=[2, 2], name="/right/Conv").sign().node("Add", left)
    assert len(faults(maker.save(tmp_path))) == 2


def test_errors_hold_the_name_of_the_file_only(tmp_path):
    """The place stays short: the folder is the user's own."""
    found = fault(small_net().node("Relu").sign(), tmp_path)
    assert str(Path(tmp_path)) not in str(found)
