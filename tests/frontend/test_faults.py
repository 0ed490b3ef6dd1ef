"""What is refused, and the words it is refused with: place, cause and remedy."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from bnn_hw.errors import InputError, ModelError
from bnn_hw.frontend import InputSpec, import_onnx
from tests.frontend.nets import PIXELS, Maker

NAN = float("nan")


def faults(path, spec=PIXELS):
    with pytest.raises(ModelError) as caught:
        import_onnx(path, spec)
    assert caught.value.exit_status == 3
    return caught.value.faults


def fault(maker, tmp_path, spec=PIXELS, **options):
    found = faults(maker.save(tmp_path, **options), spec)
    assert len(found) == 1, [str(item) for item in found]
    return found[0]


def net(**options):
    """A convolution with batch norm and sign on a 6x5 picture; the next node is the fault."""
    maker = Maker(**options).normalise()
    return maker.conv(maker.weights(3, 2, 3, 3), name="/conv1/Conv").batch_norm(
        3, name="/bn1/BatchNormalization"
    )


# The file


def test_missing_file(tmp_path):
    (found,) = faults(tmp_path / "no.onnx")
    assert found.place == str(tmp_path / "no.onnx")
    assert (found.cause, found.remedy) == ("does not exist", "give the path of a QONNX file")
    assert faults(tmp_path)[0].cause == "is a folder"


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.999])
def test_truncated_file(tmp_path, keep):
    path = net().sign().node("Flatten").dense(36, 2).save(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    (found,) = faults(path)
    assert "truncated" in found.cause
    assert "brevitas.export.export_qonnx" in found.remedy


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" + bytes(200), b"hello", bytes(64)])
def test_not_onnx(tmp_path, content):
    path = tmp_path / "picture.onnx"
    path.write_bytes(content)
    (found,) = faults(path)
    assert found.cause.startswith("is no ONNX file, or truncated")


def test_missing_external_data(tmp_path):
    maker = net().sign().node("Flatten").dense(36, 2)
    path = maker.save(tmp_path)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="w.bin", size_threshold=8)
    (tmp_path / "w.bin").unlink()
    (found,) = faults(path)
    assert "w.bin" in found.cause


def test_damaged_tensor(tmp_path):
    path = net().sign().node("Flatten").dense(36, 2).save(tmp_path)
    model = onnx.load(path)
    model.graph.initializer[0].raw_data = b"12"
    onnx.save(model, path)
    assert faults(path)[0].cause.startswith("has a damaged tensor")


def test_old_opset(tmp_path):
    path = net().sign().save(tmp_path)
    model = onnx.load(path)
    model.opset_import[0].version = 6
    onnx.save(model, path)
    (found,) = faults(path)
    assert (found.cause, found.remedy) == (
        "states opset 6; 8 or newer is needed",
        "export with opset_version=13",
    )


def test_invalid_node_and_unknown_tensor(tmp_path):
    maker = net().node("MaxPool", name="/pool/MaxPool", strides=[2, 2])
    maker.node("Mul", "nowhere", name="/scale/Mul")
    found = faults(maker.save(tmp_path))
    assert [item.place for item in found] == [
        "net.onnx: layer pool, MaxPool node /pool/MaxPool",
        "net.onnx: layer scale, Mul node /scale/Mul",
    ]
    assert "kernel_shape" in found[0].cause
    assert found[1].cause == "reads 'nowhere', which nothing before it makes"


def test_two_inputs(tmp_path):
    path = net().sign().save(tmp_path)
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, (1, 2)))
    onnx.save(model, path)
    (found,) = faults(path)
    assert "has 2 inputs without a value (pixels, mask)" in found.cause


def test_several_outputs(tmp_path):
    maker = net().sign()
    first = maker.at
    maker.node("Flatten").dense(36, 2)
    found = fault(maker, tmp_path, outputs=[maker.at, first])
    assert found.cause == "2 outputs"


# The input


@pytest.mark.parametrize("shape", [(1, 2, "height", 5), (1, 2, 6, None), ("n", "c", 6, 5)])
def test_dynamic_shape(tmp_path, shape):
    found = fault(net(shape=shape).sign(), tmp_path)
    assert found.place == "net.onnx: input pixels"
    assert "dynamic shape" in found.cause
    assert found.remedy == "export with a fixed height and width (no dynamic_axes beyond the batch)"


def test_dynamic_batch_is_legal(tmp_path):
    graph = net(shape=("batch", 2, 6, 5)).sign().node("Flatten").dense(36, 2).graph(tmp_path)
    assert graph.input.type.shape == (6, 5, 2)


def test_fixed_batch(tmp_path):
    found = fault(net(shape=(8, 2, 6, 5)).sign(), tmp_path)
    assert found.cause == "has a batch of 8 (shape 8x2x6x5)"


def test_five_dimensions(tmp_path):
    assert "no picture" in fault(net(shape=(1, 2, 3, 6, 5)).sign(), tmp_path).cause


def test_reshape_to_a_size_computed_from_data(tmp_path):
    maker = net().sign()
    data = maker.at
    maker.node("Cast", to=TensorProto.INT64)
    size, maker.at = maker.at, data
    found = faults(maker.node("Reshape", size, name="/view/Reshape").save(tmp_path))
    assert any("casts values" in item.cause for item in found)


@pytest.mark.parametrize(
    ("element", "word"),
    [(TensorProto.INT16, "INT16"), (TensorProto.INT8, "INT8"), (TensorProto.DOUBLE, "DOUBLE")],
)
def test_input_tensor_that_is_not_8_bit(tmp_path, element, word):
    maker = Maker(element=element).node("Cast", to=TensorProto.FLOAT)
    found = fault(maker.conv(maker.weights(3, 2, 6, 5)).node("Flatten"), tmp_path)
    assert found.place == "net.onnx: input pixels"
    assert found.cause == f"is a tensor of {word}; pictures have 8-bit pixels (uint8)"


@pytest.mark.parametrize("datatype", ["UINT4", "INT8", "INT16", "BIPOLAR"])
def test_annotation_that_is_not_8_bit(tmp_path, datatype):
    maker = net().sign()
    entry = onnx.StringStringEntryProto(key="finn_datatype", value=datatype)
    maker.annotations.append(
        onnx.TensorAnnotation(tensor_name="pixels", quant_parameter_tensor_names=[entry])
    )
    assert fault(maker, tmp_path).cause == f"is annotated as {datatype}; pictures have 8-bit pixels (UINT8)"


@pytest.mark.parametrize("bits", [4, 16])
def test_input_quantiser_that_is_not_8_bit(tmp_path, bits):
    maker = Maker().quant(bits, 1.0, signed=0, name="/quant_in/Quant")
    found = fault(maker.conv(maker.weights(3, 2, 6, 5)).node("Flatten"), tmp_path, None)
    assert found.place == "net.onnx: layer quant_in, Quant node /quant_in/Quant"
    assert found.cause == f"the input is quantised to {bits} bits ({1 << bits} values), not to 8"


def test_float_input_without_a_meaning(tmp_path):
    found = fault(net().sign().node("Flatten").dense(36, 2), tmp_path, None)
    assert found.cause == "is float32 and nothing says what it means in pixels 0..255"
    assert "--input-scale 1/255" in found.remedy


def test_declaration_against_the_file(tmp_path):
    maker = Maker(element=TensorProto.UINT8).node("Cast", to=TensorProto.FLOAT)
    maker.conv(maker.weights(3, 2, 6, 5)).node("Flatten")
    found = fault(maker, tmp_path, InputSpec(Fraction(1, 255)))
    assert "holds pixels (UINT8) by its own account, but 1/255 * pixel + 0 is declared" in found.cause


def test_declaration_of_another_type(tmp_path):
    assert (
        fault(net().sign(), tmp_path, InputSpec(dtype="INT16")).cause == "is declared as INT16 with scale 1"
    )


@pytest.mark.parametrize(("scale", "offset"), [("1/0", "0"), ("eight", "0"), ("1", "-"), ("0", "0")])
def test_options_that_are_no_numbers(scale, offset):
    with pytest.raises(InputError) as caught:
        InputSpec.parse(scale, offset)
    (found,) = caught.value.faults
    assert found.place == ("--input-offset" if offset == "-" else "--input-scale")
    assert "1/255" in found.remedy


def test_options_that_are_numbers():
    assert InputSpec.parse("1/255", "-0.5") == InputSpec(Fraction(1, 255), Fraction(-1, 2))


# Layers


@pytest.mark.parametrize("op", ["Relu", "Sigmoid", "Tanh", "HardSigmoid", "Clip", "Sign"])
def test_unsupported_activation(tmp_path, op):
    found = fault(net().node(op, name=f"/features/2/{op}").sign(), tmp_path)
    assert found.place == f"net.onnx: layer features.2, {op} node /features/2/{op}"
    assert found.cause == f"the activation {op} is not supported"
    assert "QuantIdentity(act_quant=SignedBinaryActPerTensorConst)" in found.remedy


def test_unsupported_operator(tmp_path):
    found = fault(net().sign().node("Softmax", name="/softmax/Softmax"), tmp_path)
    assert found.remedy == "remove it from the exported network: the greatest score wins with and without it"
    found = fault(net().sign().node("DepthToSpace", blocksize=1), tmp_path)
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
    maker = net().sign()
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
    maker = net()
    found = fault(maker.conv(maker.weights(2, 3, 3, 3), name="/conv2/Conv").sign(), tmp_path)
    assert found.cause == "reads the sums of conv1 without a quantiser in between"


def test_different_scales_of_input_channels(tmp_path):
    maker = Maker()
    maker.node("Mul", maker.constant(np.array([1.0, 0.5]).reshape(1, 2, 1, 1)))
    found = fault(maker.conv(maker.weights(3, 2, 3, 3)).sign(), tmp_path)
    assert found.cause.startswith("its input channels have different scales")


def test_scale_that_varies_within_a_channel(tmp_path):
    maker = net()
    maker.node("Mul", maker.constant(np.arange(1.0, 13).reshape(1, 1, 4, 3)), name="/mask/Mul")
    assert fault(maker.sign(), tmp_path).cause == "its operand varies from pixel to pixel of one channel"


def test_map_as_output(tmp_path):
    found = fault(net().sign(), tmp_path)
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
    found = fault(net().sign().node("MaxPool", name="/pool1/MaxPool", **attributes), tmp_path)
    assert found.place == "net.onnx: layer pool1, MaxPool node /pool1/MaxPool"
    assert words in found.cause


def test_dilated_convolution(tmp_path):
    maker = Maker().normalise()
    maker.conv(maker.weights(3, 2, 2, 2), dilations=[2, 2]).sign()
    assert fault(maker, tmp_path).cause == "its dilation is [2, 2]"


def test_dense_layer_of_another_size(tmp_path):
    found = fault(net().sign().node("Flatten").dense(35, 2), tmp_path)
    assert found.cause == "has weights for 35 features, but reads 36"


def test_quantiser_of_too_many_bits(tmp_path):
    found = fault(net().quant(9, 0.1), tmp_path)
    assert found.cause == "quantises to 9 bits"


@pytest.mark.parametrize("scale", [0.0, NAN])
def test_quantiser_without_a_usable_scale(tmp_path, scale):
    found = fault(net().sign(scale), tmp_path)
    assert found.cause == ("its scale is 0" if scale == 0 else "its scale is not finite")


def test_pool_between_two_negative_batch_norms(tmp_path):
    maker = Maker().normalise()
    maker.conv(maker.weights(2, 2, 3, 3))
    rest = {"beta": np.zeros(2), "mean": np.zeros(2), "var": np.ones(2)}
    maker.batch_norm(2, gamma=[-1.0, 1.0], **rest).pool(2).batch_norm(2, gamma=[1.0, -1.0], **rest).sign()
    assert "negative scales stands before the max-pool" in fault(maker, tmp_path).cause


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
    maker = net().sign()
    fork = maker.at
    maker.conv(maker.weights(3, 3, 3, 3), pads=1, name="/left/Conv").sign()
    left, maker.at = maker.at, fork
    maker.conv(maker.weights(3, 3, 3, 3), dilations=[2, 2], name="/right/Conv").sign().node("Add", left)
    assert len(faults(maker.save(tmp_path))) == 2


def test_errors_hold_the_name_of_the_file_only(tmp_path):
    """The place stays short: the folder is the user's own."""
    found = fault(net().node("Relu").sign(), tmp_path)
    assert str(Path(tmp_path)) not in str(found)
