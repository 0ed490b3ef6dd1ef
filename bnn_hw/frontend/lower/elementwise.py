"""Rules for Mul, Div, Add, Sub, Neg with a constant and for batch norm: float32 steps to be done later."""

from __future__ import annotations

import numpy as np

from bnn_hw.frontend.lower.builder import Builder
from bnn_hw.frontend.lower.signal import Signal, Step, collapse, spread
from bnn_hw.frontend.net import NetNode, UnsupportedError
from bnn_hw.ir import ops

_MINUS_ONE = np.array([-1], np.float32)


def step(signal: Signal, function: str, operand: np.ndarray) -> Signal:
    """Append one float32 step; UnsupportedError for operands that are not finite, or a division by zero."""
    values = signal.per_channel(operand).astype(np.float32)
    if not np.isfinite(values).all():
        raise UnsupportedError("its operand is NaN or infinite", "check the training: it diverged")
    if function == "div" and (values == 0).any():
        raise UnsupportedError("it divides by zero", "check the training: a scale collapsed")
    return signal.then(Step(function, values))


def elementwise(builder: Builder, node: NetNode) -> None:
    """Mul, Div, Add, Sub of a tensor and a constant; Add of two tensors; Neg."""
    function = node.op.lower()
    constants = [builder.constant(node, position) for position in range(len(node.inputs))]
    if node.op == "Neg":
        result = step(builder.signal(node), "mul", _MINUS_ONE)
    elif constants[0] is None and constants[1] is None:
        result = add_tensors(builder, node)
    elif constants[1] is not None:
        result = step(builder.signal(node), function, constants[1])
    else:
        signal, constant = builder.signal(node, 1), constants[0]
        assert constant is not None
        if function == "div":
            raise UnsupportedError(
                "divides a constant by a tensor", "multiply or divide tensors by constants"
            )
        if function == "sub":  # c - x = -x + c, and both round alike
            signal, function = step(signal, "mul", _MINUS_ONE), "add"
        result = step(signal, function, constant)
    builder.values[node.outputs[0]] = result


def add_tensors(builder: Builder, node: NetNode) -> Signal:
    """Add two quantised tensors that have the same slope, as a residual connection does."""
    left, right = builder.signal(node), builder.signal(node, 1)
    if node.op != "Add":
        raise UnsupportedError(
            f"{node.op} of two tensors has no integer form", "add tensors; scale by constants"
        )
    if not (left.quantised and right.quantised):
        raise UnsupportedError(
            "adds values that were not quantised", "put a quantiser (QuantIdentity) before the addition"
        )
    if left.pools or right.pools or not np.array_equal(left.index, right.index):
        raise UnsupportedError("adds tensors of different layout or size", "add tensors of one shape")
    (slope, offset), (other_slope, other_offset) = left.affine(), right.affine()
    if slope != other_slope:
        raise UnsupportedError(
            "adds tensors of different scale", "share one quantiser (one scale) between both branches"
        )
    name = builder.free_name(builder.net.names.get(id(node), "add"))
    kind = builder.emit(name, ops.Add(), left.source, right.source)
    total = [
        a + b for a, b in zip(spread(offset, kind.channels), spread(other_offset, kind.channels), strict=True)
    ]
    low, high = left.low + right.low, left.high + right.high
    index = left.index
    return Signal(name, kind, index, low, high, name, False, slope, collapse(total))


def batch_norm(builder: Builder, node: NetNode) -> None:
    """BatchNormalization as its executors compute it in float32: y = x * s + (bias - mean * s)."""
    signal = builder.signal(node)
    scale, bias, mean, variance = (
        np.asarray(builder.net.constants[name], np.float32) for name in node.inputs[1:5]
    )
    epsilon = np.float32(node.attributes.get("epsilon", 1e-5))
    factor = scale / np.sqrt(variance + epsilon)
    shift = bias - mean * factor
    if not (np.isfinite(factor).all() and np.isfinite(shift).all()):
        channel = int(np.flatnonzero(~(np.isfinite(factor) & np.isfinite(shift)))[0])
        raise UnsupportedError(
            f"its factor of channel {channel} exceeds float32 (scale {scale[channel]}, "
            f"variance {variance[channel]})",
            "check the training: a channel has diverged or is dead",
        )
    axis = signal.index.ndim - 1 if node.channels_last else 1
    shape = [-1 if position == axis else 1 for position in range(signal.index.ndim)]
    if signal.index.ndim < 2 or signal.index.shape[axis] != factor.size:
        raise UnsupportedError(
            f"has {factor.size} channels for a tensor of shape {signal.index.shape}",
            "export the network again",
        )
    result = step(signal, "mul", factor.reshape(shape))
    builder.values[node.outputs[0]] = step(result, "add", shift.reshape(shape))
