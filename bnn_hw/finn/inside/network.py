"""From QONNX to FINN's hardware layers, before any folding."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from finn.builder import build_dataflow_steps as finn_steps
from finn.builder.build_dataflow_config import DataflowBuildConfig
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.insert_topk import InsertTopK

from bnn_hw.finn.inside.sequence import Step
from bnn_hw.finn.job import Job


def import_steps(job: Job, config: DataflowBuildConfig) -> list[Step]:
    """FINN's front end; the pixels' meaning goes in front, the winning class behind."""

    def finn(name: str) -> Step:
        step = getattr(finn_steps, name)
        return name.removeprefix("step_"), lambda model: step(model, config)

    return [
        finn("step_qonnx_to_finn"),
        ("explicit_attributes", complete_convolutions),
        ("input_meaning", lambda model: declare_input(model, job)),
        finn("step_tidy_up"),
        ("insert_top_k", lambda model: model.transform(InsertTopK(k=1))),
        ("tidy_up_again", finn("step_tidy_up")[1]),
        finn("step_streamline"),
        finn("step_convert_to_hw"),
        finn("step_minimize_bit_width_initial"),
        finn("step_create_dataflow_partition"),
        finn("step_specialize_layers"),
    ]


def complete_convolutions(model: ModelWrapper) -> ModelWrapper:
    """Write down the attributes that ONNX lets a convolution leave out and FINN reads."""
    for node in model.get_nodes_by_op_type("Conv"):
        kernel = model.get_tensor_shape(node.input[1])[2:]
        ones, given = [1] * len(kernel), {attribute.name for attribute in node.attribute}
        defaults = {
            "group": 1,
            "kernel_shape": kernel,
            "dilations": ones,
            "strides": ones,
            "pads": [0] * 2 * len(kernel),
        }
        for name in defaults.keys() - given:
            node.attribute.append(helper.make_attribute(name, defaults[name]))
    return model


def declare_input(model: ModelWrapper, job: Job) -> ModelWrapper:
    """Make the network read ``scale * pixel + offset``, pixels of the job's type."""
    scale, offset = Fraction(job.scale), Fraction(job.offset)
    for op, name, value, neutral in (("Add", "offset", offset, 0), ("Mul", "scale", scale, 1)):
        if value != neutral:
            _put_in_front(model, op, f"pixel_{name}", float(value))
    model.set_tensor_datatype(model.get_first_global_in(), DataType[job.dtype])
    return model


def _put_in_front(model: ModelWrapper, op: str, name: str, value: float) -> None:
    """Put one operation with a constant between the input and all that reads it."""
    source = model.get_first_global_in()
    shape = model.get_tensor_shape(source)
    result = f"{source}_{name}"
    for node in model.graph.node:
        for index, tensor in enumerate(node.input):
            if tensor == source:
                node.input[index] = result
    model.graph.value_info.append(helper.make_tensor_value_info(result, TensorProto.FLOAT, shape))
    model.set_initializer(name, np.array(value, dtype=np.float32))
    model.graph.node.insert(0, helper.make_node(op, [source, name], [result], name=name))
