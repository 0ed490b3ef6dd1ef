"""Rules for operators that only move or rename values: they permute the index, never the data."""

from __future__ import annotations

from dataclasses import replace

from bnn_hw.frontend.fold_constants import reshape
from bnn_hw.frontend.lower.builder import Builder, Winner
from bnn_hw.frontend.net import NetNode, UnsupportedError

_FLOAT = 1


def layout(builder: Builder, node: NetNode) -> None:
    """Transpose, Reshape, Flatten, Squeeze, Unsqueeze of a tensor."""
    value = builder.values.get(node.inputs[0])
    if isinstance(value, Winner):
        builder.values[node.outputs[0]] = value
        return
    signal = builder.signal(node)
    operands = [builder.constant(node, position) for position in range(1, len(node.inputs))]
    if any(operand is None for operand in operands):
        raise UnsupportedError(
            "its target shape is computed from the data (a dynamic shape)",
            "reshape to fixed sizes, for instance with torch.flatten(x, 1)",
        )
    try:
        index = reshape(node, signal.index, [signal.index, *(item for item in operands if item is not None)])
    except (ValueError, IndexError) as err:
        raise UnsupportedError(
            f"does not fit its input: {err}", "export the network again with batch 1"
        ) from err
    builder.values[node.outputs[0]] = replace(signal, index=index)


def same(builder: Builder, node: NetNode) -> None:
    """Identity, Dropout (in inference) and Cast between the float types of pixels and values."""
    value = builder.values.get(node.inputs[0]) or builder.signal(node)
    to = node.attributes.get("to", _FLOAT)
    if node.op == "Cast" and to != _FLOAT and not isinstance(value, Winner):
        raise UnsupportedError(
            "casts values to another type than float32", "remove the cast from the network"
        )
    training = builder.constant(node, 2) if node.op == "Dropout" else None
    if training is not None and training.any():
        raise UnsupportedError("it is in training mode", "call model.eval() before the export")
    builder.values[node.outputs[0]] = value
