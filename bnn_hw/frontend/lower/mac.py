"""Rules for Conv, MatMul and Gemm: integer weights on integers, with the real meaning kept exactly."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from bnn_hw.frontend.check_parameters import matrix_weights, split_weights
from bnn_hw.frontend.lower.builder import Builder
from bnn_hw.frontend.lower.elementwise import step
from bnn_hw.frontend.lower.signal import Pad, Rationals, Signal, collapse, map_index, spread
from bnn_hw.frontend.net import NetNode, UnsupportedError
from bnn_hw.ir import ops
from bnn_hw.ir.types import DataType

Padding = tuple[int, int, int, int]


def _weights(builder: Builder, node: NetNode) -> tuple[np.ndarray, np.ndarray]:
    constant = builder.constant(node, 1)
    if constant is None:
        raise UnsupportedError(
            "its weights (second input) are no constant of the file", "multiply a tensor by trained weights"
        )
    split = split_weights(matrix_weights(node, constant))
    assert split is not None, "check_parameters has refused other weights"
    return split


def _integers(signal: Signal) -> tuple[Fraction, Rationals]:
    """Return the one slope and the offsets of a tensor that a layer can read as integers."""
    if not signal.quantised:
        raise UnsupportedError(
            f"reads the sums of {signal.layer} without a quantiser in between",
            "put batch norm and a 1-bit activation (QuantIdentity) between the two layers",
        )
    slope, offset = signal.affine()
    if len(slope) != 1 or slope[0] == 0:
        raise UnsupportedError(
            "its input channels have different scales, which integers cannot add up",
            "use one scale for all channels: normalise the picture with one standard deviation, "
            "and per-tensor scales in activations",
        )
    return slope[0], offset


def _pad_value(slope: Fraction, offset: Rationals, real: Fraction, dtype: DataType) -> int:
    """Return the integer that stands for the real padding value; UnsupportedError if there is none."""
    values = {(real - shift) / slope for shift in offset}
    value = values.pop()
    if not values and value.denominator == 1 and dtype.contains(np.array([int(value)])):
        return int(value)
    if dtype.is_bipolar:
        raise UnsupportedError(
            f"pads with {float(real):g}, but its input has only the values -1 and +1",
            "use padding=0, or pad explicitly with F.pad(x, ..., value=-1) before the convolution",
        )
    raise UnsupportedError(
        f"pads with {float(real):g}, which would be the integer {float(value):g}, no value of {dtype}",
        "use padding=0, or a normalisation in which 0 is a whole pixel value (for instance x / 128 - 1)",
    )


def _padding(node: NetNode, size: tuple[int, int], kernel: tuple[int, int]) -> Padding:
    stride = node.attributes.get("strides", [1, 1])
    mode = node.attributes.get("auto_pad", "NOTSET")
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        pads = node.attributes.get("pads", [0, 0, 0, 0]) if mode == "NOTSET" else [0, 0, 0, 0]
        top, left, bottom, right = (int(pad) for pad in pads)
        return top, left, bottom, right
    before, after = [], []
    for length, reach, by in zip(size, kernel, stride, strict=True):
        total = max(0, (-(-length // by) - 1) * by + reach - length)
        small, large = total // 2, total - total // 2
        before.append(small if mode == "SAME_UPPER" else large)
        after.append(large if mode == "SAME_UPPER" else small)
    return before[0], before[1], after[0], after[1]


def _accumulator(
    name: str, builder: Builder, op: ops.Conv | ops.Dense, signal: Signal, scale: np.ndarray, node: NetNode
) -> Signal:
    """Emit the layer; its sums mean slope * scale * sum + (sum of weights times the input's offset)."""
    slope, offset = _integers(signal)
    layer = builder.net.names[id(node)]
    dtype = builder.types[signal.source].dtype
    kind = builder.emit(name, op, signal.source)
    shift: list[Fraction] = [Fraction(0)] * kind.channels
    if any(offset):
        # Offsets belong to input channels; the layer sees channels // groups of them at a time.
        groups = op.groups if isinstance(op, ops.Conv) else 1
        per_group = signal.channels // groups
        sums = op.weights.reshape(kind.channels, -1, per_group).astype(np.int64).sum(axis=1)
        spreaded = spread(offset, signal.channels)
        for channel in range(kind.channels):
            first = channel // (kind.channels // groups) * per_group
            terms = zip(sums[channel].tolist(), spreaded[first : first + per_group], strict=True)
            shift[channel] = sum((count * value for count, value in terms), Fraction(0))
    factors = [Fraction(float(value)) for value in (scale if (scale != scale[0]).any() else scale[:1])]
    low, high = ops.accumulator_bounds(op.weights, dtype)
    result = Signal(name, kind, map_index(kind.channels, kind.height, kind.width), low, high, layer, False)
    scaled = [a * b for a, b in zip(shift, spread(factors, kind.channels), strict=True)]
    return replace(result, slope=collapse([slope * factor for factor in factors]), offset=collapse(scaled))


def _biased(builder: Builder, node: NetNode, signal: Signal, shape: tuple[int, ...]) -> Signal:
    bias = builder.constant(node, 2)
    if bias is None:
        return signal
    factor = np.float32(node.attributes.get("beta", 1.0))
    return step(signal, "add", (np.asarray(bias, np.float32) * factor).reshape(shape))


def conv(builder: Builder, node: NetNode) -> None:
    """Conv in two dimensions, channels first or, in QONNX's channels-last domain, last."""
    signal, (weights, scale) = builder.signal(node), _weights(builder, node)
    axis = 3 if node.channels_last else 1
    if not signal.is_map(axis):
        raise UnsupportedError(
            f"reads a tensor of shape {signal.index.shape} whose order is not that of a picture",
            "keep (batch, channels, height, width) from layer to layer; do not reorder channels",
        )
    if any(int(value) != 1 for value in node.attributes.get("dilations", [1, 1])):
        raise UnsupportedError(f"its dilation is {node.attributes['dilations']}", "use dilation=1")
    stride = tuple(int(value) for value in node.attributes.get("strides", [1, 1]))
    height, width = signal.type.height, signal.type.width
    padding = _padding(node, (height, width), (weights.shape[2], weights.shape[3]))
    slope, offset = _integers(signal)
    dtype = builder.types[signal.source].dtype
    value = _pad_value(slope, offset, Fraction(0), dtype) if any(padding) else 0
    if signal.pad is not None:
        if any(padding) and value != signal.pad.value:
            raise UnsupportedError("pads a tensor that is padded with another value", "pad once")
        value = signal.pad.value
        sums = [own + more for own, more in zip(padding, signal.pad.amounts, strict=True)]
        padding = (sums[0], sums[1], sums[2], sums[3])
    op = ops.Conv(
        np.ascontiguousarray(weights.transpose(0, 2, 3, 1)),
        (stride[0], stride[1]),
        padding,
        value,
        int(node.attributes.get("group", 1)),
    )
    name = f"{builder.net.names[id(node)]}.acc"
    result = _accumulator(name, builder, op, replace(signal, pad=None), scale, node)
    kind = result.type
    result = replace(result, index=map_index(kind.channels, kind.height, kind.width, axis))
    shape = (1, -1, 1, 1) if axis == 1 else (1, 1, 1, -1)
    builder.values[node.outputs[0]] = _biased(builder, node, result, shape)


def pad(builder: Builder, node: NetNode) -> None:
    """Pad with a constant before a convolution."""
    signal = builder.signal(node)
    amounts = node.attributes.get("pads")
    amounts = builder.constant(node, 1) if amounts is None else np.array(amounts)
    given = builder.constant(node, 2)
    real = Fraction(float(given.item() if given is not None else node.attributes.get("value", 0.0)))
    if node.attributes.get("mode", "constant") != "constant" or amounts is None or len(node.inputs) > 3:
        raise UnsupportedError(
            "pads otherwise than by constant amounts and value", "use F.pad with a constant"
        )
    sides = [int(amount) for amount in amounts.reshape(-1)]
    if not any(sides):
        builder.values[node.outputs[0]] = signal
        return
    last = signal.is_map(3) and not signal.is_map(1)
    rows, columns = (1, 2) if last else (2, 3)
    if len(sides) != 8 or not (last or signal.is_map(1)) or min(sides) < 0:
        raise UnsupportedError(
            f"pads a tensor of shape {signal.index.shape} by {sides}", "pad height and width"
        )
    found = (sides[rows], sides[columns], sides[rows + 4], sides[columns + 4])
    if sum(found) != sum(sides):
        raise UnsupportedError(f"pads channels or batch ({sides})", "pad height and width only")
    slope, offset = _integers(signal)
    value = _pad_value(slope, offset, real, builder.types[signal.source].dtype)
    builder.values[node.outputs[0]] = replace(signal, pad=Pad(found, value))


def dense(builder: Builder, node: NetNode) -> None:
    """MatMul and Gemm of a flattened tensor with a weight matrix; on a map, MatMul is a 1x1 convolution."""
    if builder.constant(node, 0) is not None:
        raise UnsupportedError(
            "its weights are the first factor", "multiply the tensor by the weights: x @ W"
        )
    signal, (weights, scale) = builder.signal(node), _weights(builder, node)
    shape = signal.index.shape
    if node.op == "Gemm" and (node.attributes.get("transA", 0) or node.attributes.get("alpha", 1.0) <= 0):
        raise UnsupportedError("has transA, or an alpha that is not positive", "use a plain Linear layer")
    if shape[-1] != weights.shape[1]:
        raise UnsupportedError(
            f"has weights for {weights.shape[1]} features, but reads {shape[-1]}", "export again"
        )
    name = f"{builder.net.names[id(node)]}.acc"
    if signal.index.size == weights.shape[1]:
        ordered = np.empty_like(weights)
        ordered[:, signal.index.reshape(-1)] = weights
        op: ops.Conv | ops.Dense = ops.Dense(ordered)
    elif signal.is_map(3):
        op = ops.Conv(weights[:, None, None, :].copy())
    else:
        raise UnsupportedError(
            f"reads {shape[-1]} features of a tensor of {signal.index.size}",
            "flatten the tensor before Linear",
        )
    factor = np.float32(node.attributes.get("alpha", 1.0)) if node.op == "Gemm" else np.float32(1)
    result = _accumulator(name, builder, op, signal, scale * factor, node)
    result = replace(result, index=np.arange(result.type.size).reshape(*shape[:-1], len(weights)))
    builder.values[node.outputs[0]] = _biased(builder, node, result, (-1,))
