"""Small QONNX networks built node by node for tests, and their execution by the qonnx package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bnn_hw.errors import ModelError
from bnn_hw.frontend import InputSpec, import_onnx
from bnn_hw.ir import Graph

QONNX = "qonnx.custom_op.general"
PIXELS = InputSpec()
CHANNELS_LAST = "qonnx.custom_op.channels_last"


class Maker:
    """Appends nodes to a chain; ``at`` is the name of the last tensor, ``shape`` its shape."""

    def __init__(self, shape=(1, 2, 6, 5), seed=0, element=TensorProto.FLOAT):
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.annotations: list[onnx.TensorAnnotation] = []
        self.input = helper.make_tensor_value_info("pixels", element, shape)
        self.at = "pixels"
        self.count = 0

    def constant(self, value, dtype=np.float32, name=None):
        name = name or f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, op, *more, name="", domain="", source=None, outputs=1, **attributes):
        """Append ``op`` reading the last tensor (or ``source``) and the tensors ``more``."""
        self.count += 1
        made = [f"t{self.count}_{i}" for i in range(outputs)]
        source = [self.at if source is None else source]
        self.nodes.append(
            helper.make_node(op, source + list(more), made, name=name, domain=domain, **attributes)
        )
        self.at = made[-1]
        return self

    def normalise(self, factor=1 / 128, shift=1.0):
        return self.node("Mul", self.constant(factor)).node("Sub", self.constant(shift))

    def sign(self, scale=1.0, name=""):
        return self.node("BipolarQuant", self.constant(scale), name=name, domain=QONNX)

    def quant(self, bits, scale=1.0, zero=0.0, signed=1, narrow=0, rounding="ROUND", name=""):
        parameters = [self.constant(value) for value in (scale, zero, bits)]
        return self.node(
            "Quant",
            *parameters,
            name=name,
            domain=QONNX,
            signed=signed,
            narrow=narrow,
            rounding_mode=rounding,
        )

    def weights(self, *shape, scale=1.0):
        """Return the name of a tensor of quantised weights."""
        latent, at = self.rng.standard_normal(shape), self.at
        self.node("BipolarQuant", self.constant(scale), source=self.constant(latent), domain=QONNX)
        made, self.at = self.at, at
        return made

    def conv(self, weights, stride=1, pads=0, name="", bias=None, **attributes):
        more = [weights] if bias is None else [weights, self.constant(bias)]
        pads = pads if isinstance(pads, list) else [pads] * 4
        attributes = {"pads": pads, "strides": [stride] * 2, **attributes}
        return self.node("Conv", *more, name=name, **attributes)

    def batch_norm(self, channels, name="", domain="", span=20.0, **fixed):
        """Batch norm with random factors, a third of them negative, one zero; ``fixed`` replaces some."""
        gamma = self.rng.normal(1, 1, channels)
        gamma[channels // 2] = 0
        values = {
            "gamma": gamma,
            "beta": self.rng.normal(0, 1, channels),
            # Whole means and a beta of 0 make y exactly 0 at some sums: the case that rounding decides.
            "mean": np.round(self.rng.normal(0, span / 4, channels)),
            "var": self.rng.uniform(0.5, span, channels),
        }
        values["beta"][:: max(1, channels // 2)] = 0
        values.update(fixed)
        parameters = [self.constant(values[key]) for key in ("gamma", "beta", "mean", "var")]
        return self.node("BatchNormalization", *parameters, name=name, domain=domain, epsilon=1e-5)

    def pool(self, size=2, name="", domain=""):
        return self.node("MaxPool", name=name, domain=domain, kernel_shape=[size] * 2, strides=[size] * 2)

    def dense(self, features, classes, name=""):
        weights = self.weights(classes, features)
        at = self.at
        self.node("Transpose", source=weights, perm=[1, 0])
        transposed, self.at = self.at, at
        return self.node("MatMul", transposed, name=name)

    def model(self, output_type=TensorProto.FLOAT, outputs=None) -> onnx.ModelProto:
        made = outputs or [self.at]
        info = [helper.make_tensor_value_info(name, output_type, None) for name in made]
        graph = helper.make_graph(self.nodes, "net", [self.input], info, self.constants)
        graph.quantization_annotation.extend(self.annotations)
        opsets = [
            helper.make_opsetid("", 13),
            helper.make_opsetid(QONNX, 1),
            helper.make_opsetid(CHANNELS_LAST, 1),
        ]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def save(self, folder: Path, **options) -> Path:
        path = folder / "net.onnx"
        onnx.save(self.model(**options), path)
        return path

    def graph(self, folder: Path, spec: InputSpec | None = PIXELS, **options) -> Graph:
        return import_onnx(self.save(folder, **options), spec)


def qonnx_run(model: onnx.ModelProto, image: np.ndarray) -> dict[str, np.ndarray]:
    """Run one input by the qonnx package and return every tensor by name."""
    pytest.importorskip("qonnx", reason="compares with qonnx: pip install 'bnn-hw[dev]'")
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    wrapper = ModelWrapper(onnx.ModelProto.FromString(model.SerializeToString())).transform(InferShapes())
    source = wrapper.graph.input[0].name
    return execute_onnx(wrapper, {source: image.astype(np.float32)}, return_full_exec_context=True)


def pictures(shape, count=3, seed=0):
    """Random uint8 pictures and the two extremes, (count, *shape)."""
    rng = np.random.default_rng(seed)
    made = rng.integers(0, 256, (count, *shape))
    made[0], made[1 % count] = 0, 255
    return made.astype(np.uint8)


def faults(path, spec=PIXELS):
    with pytest.raises(ModelError) as caught:
        import_onnx(path, spec)
    assert caught.value.exit_status == 3
    return caught.value.faults


def fault(maker, tmp_path, spec=PIXELS, **options):
    found = faults(maker.save(tmp_path, **options), spec)
    assert len(found) == 1, [str(item) for item in found]
    return found[0]


def small_net(**options):
    """A convolution with batch norm and sign on a 6x5 picture; the next node is the fault."""
    maker = Maker(**options).normalise()
    return maker.conv(maker.weights(3, 2, 3, 3), name="/conv1/Conv").batch_norm(
        3, name="/bn1/BatchNormalization"
    )
