"""Read an ONNX file and check what the rest relies on: one picture input, fixed shapes, ordered nodes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from bnn_hw.errors import ModelError
from bnn_hw.frontend.net import Net, NetInput, NetNode, torch_layer

_EXPORT_AGAIN = "export the network again with brevitas.export.export_qonnx"
_OLDEST_OPSET = 8


def _load(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise ModelError.at(path, what, "give the path of a QONNX file")
    try:
        model = onnx.load(str(path))
    except DecodeError as err:
        raise ModelError.at(path, f"is no ONNX file, or truncated ({err})", _EXPORT_AGAIN) from err
    except (OSError, ValueError, onnx.checker.ValidationError) as err:
        raise ModelError.at(path, f"cannot be read: {err}", _EXPORT_AGAIN) from err
    if not model.ir_version or not model.graph.node or not model.graph.output:
        raise ModelError.at(path, "is no ONNX file, or truncated (it has no graph)", _EXPORT_AGAIN)
    versions = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    if not versions or max(versions) < _OLDEST_OPSET:
        found = f"opset {max(versions)}" if versions else "no opset"
        raise ModelError.at(
            path, f"states {found}; {_OLDEST_OPSET} or newer is needed", "export with opset_version=13"
        )
    return model


def _attribute(value: onnx.AttributeProto) -> Any:
    found = helper.get_attribute_value(value)
    if isinstance(found, TensorProto):
        return numpy_helper.to_array(found)
    return found.decode(errors="replace") if isinstance(found, bytes) else found


def _nodes(protos: Iterable[onnx.NodeProto]) -> list[NetNode]:
    return [
        NetNode(
            node.name,
            node.op_type,
            node.domain,
            list(node.input),
            list(node.output),
            {item.name: _attribute(item) for item in node.attribute},
            torch_layer(node.name, list(node.input)),
        )
        for node in protos
    ]


def _input(path: Path, graph: onnx.GraphProto, constants: dict[str, np.ndarray]) -> NetInput:
    inputs = [item for item in graph.input if item.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(item.name for item in inputs) or "none"
        raise ModelError.at(
            path,
            f"has {len(inputs)} inputs without a value ({names}); exactly one, the picture, is needed",
            "export the network with one picture as its only argument, and its parameters as initialisers",
        )
    kind = inputs[0].type.tensor_type
    shape: list[int | str] = [dim.dim_value or dim.dim_param or "?" for dim in kind.shape.dim]
    text = "x".join(map(str, shape)) or "unknown"
    place = f"{path.name}: input {inputs[0].name}"
    if shape and isinstance(shape[0], str):
        shape[0] = 1  # a dynamic batch: frames do not depend on each other
    if not 2 <= len(shape) <= 4:
        raise ModelError.at(
            place,
            f"has the shape {text}, which is no picture",
            "export with an input of (1, channels, height, width)",
        )
    if any(isinstance(size, str) for size in shape):
        raise ModelError.at(
            place,
            f"has the dynamic shape {text}; hardware is built for one picture size",
            "export with a fixed height and width (no dynamic_axes beyond the batch)",
        )
    if shape[0] != 1:
        raise ModelError.at(
            place, f"has a batch of {shape[0]} (shape {text})", "export with one picture, batch 1"
        )
    annotation = None
    for note in graph.quantization_annotation:
        if note.tensor_name == inputs[0].name:
            notes = {item.key: item.value for item in note.quant_parameter_tensor_names}
            annotation = notes.get("finn_datatype")
    sizes = tuple(int(size) for size in shape)
    return NetInput(inputs[0].name, sizes, TensorProto.DataType.Name(kind.elem_type), annotation)


def _check_schema(net: Net, model: onnx.ModelProto) -> None:
    """Report nodes that break ONNX's own definition of their operator: attributes, number of inputs."""
    context = onnx.checker.C.CheckerContext()
    context.ir_version = model.ir_version
    context.opset_imports = {item.domain: item.version for item in model.opset_import}
    for node, proto in zip(net.nodes, model.graph.node, strict=True):
        if node.domain not in ("", "ai.onnx") or not onnx.defs.has(node.op):
            continue  # operators nobody knows are the business of a later pass
        try:
            onnx.checker.check_node(proto, context)
        except onnx.checker.ValidationError as err:
            net.fault(node, f"is no valid ONNX: {str(err).splitlines()[0]}", _EXPORT_AGAIN)


def _check_order(net: Net) -> None:
    known = {net.input.name, "", *net.constants}
    for node in net.nodes:
        for name in node.inputs:
            if name not in known:
                net.fault(node, f"reads {name!r}, which nothing before it makes", _EXPORT_AGAIN)
        for name in node.outputs:
            if name and name in known:
                net.fault(node, f"makes {name!r}, which exists already", _EXPORT_AGAIN)
        known.update(node.outputs)


def read(path: Path, name: str | None = None) -> Net:
    """Read ``path``; ``name`` defaults to the file's stem.

    Raises ModelError for a file that is missing, truncated or no ONNX, for several
    or dynamic inputs, and for nodes that are not in the order of their use.
    """
    path = Path(path)
    model = _load(path)
    try:
        constants = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
        nodes = _nodes(model.graph.node)
    except (ValueError, TypeError, OSError) as err:
        raise ModelError.at(path, f"has a damaged tensor: {err}", _EXPORT_AGAIN) from err
    source = _input(path, model.graph, constants)
    outputs = [item.name for item in model.graph.output]
    net = Net(path, name or path.stem, nodes, constants, source, outputs)
    _check_schema(net, model)
    _check_order(net)
    net.faults.raise_if_any(ModelError)
    return net
