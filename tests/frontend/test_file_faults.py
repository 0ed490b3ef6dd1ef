"""Files and inputs that are refused: place, cause and remedy."""

from fractions import Fraction

import onnx
import pytest
from onnx import TensorProto, helper

from bnn_hw.errors import InputError
from bnn_hw.frontend import InputSpec
from tests.frontend.nets import Maker, fault, faults, small_net

# The file


def test_missing_file(tmp_path):
    (found,) = faults(tmp_path / "no.onnx")
    assert found.place == str(tmp_path / "no.onnx")
    assert (found.cause, found.remedy) == ("does not exist", "give the path of a QONNX file")
    assert faults(tmp_path)[0].cause == "is a folder"


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.999])
def test_truncated_file(tmp_path, keep):
    path = small_net().sign().node("Flatten").dense(36, 2).save(tmp_path)
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
    maker = small_net().sign().node("Flatten").dense(36, 2)
    path = maker.save(tmp_path)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="w.bin", size_threshold=8)
    (tmp_path / "w.bin").unlink()
    (found,) = faults(path)
    assert "w.bin" in found.cause


def test_damaged_tensor(tmp_path):
    path = small_net().sign().node("Flatten").dense(36, 2).save(tmp_path)
    model = onnx.load(path)
    model.graph.initializer[0].raw_data = b"12"
    onnx.save(model, path)
    assert faults(path)[0].cause.startswith("has a damaged tensor")


def test_old_opset(tmp_path):
    path = small_net().sign().save(tmp_path)
    model = onnx.load(path)
    model.opset_import[0].version = 6
    onnx.save(model, path)
    (found,) = faults(path)
    assert (found.cause, found.remedy) == (
        "states opset 6; 8 or newer is needed",
        "export with opset_version=13",
    )


def test_invalid_node_and_unknown_tensor(tmp_path):
    maker = small_net().node("MaxPool", name="/pool/MaxPool", strides=[2, 2])
    maker.node("Mul", "nowhere", name="/scale/Mul")
    found = faults(maker.save(tmp_path))
    assert [item.place for item in found] == [
        "net.onnx: layer pool, MaxPool node /pool/MaxPool",
        "net.onnx: layer scale, Mul node /scale/Mul",
    ]
    assert "kernel_shape" in found[0].cause
    assert found[1].cause == "reads 'nowhere', which nothing before it makes"


def test_two_inputs(tmp_path):
    path = small_net().sign().save(tmp_path)
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, (1, 2)))
    onnx.save(model, path)
    (found,) = faults(path)
    assert "has 2 inputs without a value (pixels, mask)" in found.cause


def test_several_outputs(tmp_path):
    maker = small_net().sign()
    first = maker.at
    maker.node("Flatten").dense(36, 2)
    found = fault(maker, tmp_path, outputs=[maker.at, first])
    assert found.cause == "2 outputs"


# The input


@pytest.mark.parametrize("shape", [(1, 2, "height", 5), (1, 2, 6, None), ("n", "c", 6, 5)])
def test_dynamic_shape(tmp_path, shape):
    found = fault(small_net(shape=shape).sign(), tmp_path)
    assert found.place == "net.onnx: input pixels"
    assert "dynamic shape" in found.cause
    assert found.remedy == "export with a fixed height and width (no dynamic_axes beyond the batch)"


def test_dynamic_batch_is_legal(tmp_path):
    graph = small_net(shape=("batch", 2, 6, 5)).sign().node("Flatten").dense(36, 2).graph(tmp_path)
    assert graph.input.type.shape == (6, 5, 2)


def test_fixed_batch(tmp_path):
    found = fault(small_net(shape=(8, 2, 6, 5)).sign(), tmp_path)
    assert found.cause == "has a batch of 8 (shape 8x2x6x5)"


def test_five_dimensions(tmp_path):
    assert "no picture" in fault(small_net(shape=(1, 2, 3, 6, 5)).sign(), tmp_path).cause


def test_reshape_to_a_size_computed_from_data(tmp_path):
    maker = small_net().sign()
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
    maker = small_net().sign()
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
    found = fault(small_net().sign().node("Flatten").dense(36, 2), tmp_path, None)
    assert found.cause == "is float32 and nothing says what it means in pixels 0..255"
    assert "--input-scale 1/255" in found.remedy


def test_declaration_against_the_file(tmp_path):
    maker = Maker(element=TensorProto.UINT8).node("Cast", to=TensorProto.FLOAT)
    maker.conv(maker.weights(3, 2, 6, 5)).node("Flatten")
    found = fault(maker, tmp_path, InputSpec(Fraction(1, 255)))
    assert "holds pixels (UINT8) by its own account, but 1/255 * pixel + 0 is declared" in found.cause


def test_declaration_of_another_type(tmp_path):
    assert (
        fault(small_net().sign(), tmp_path, InputSpec(dtype="INT16")).cause
        == "is declared as INT16 with scale 1"
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
