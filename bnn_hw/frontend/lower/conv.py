"""Rules for Conv and the Pad before it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from bnn_hw.frontend.lower.builder import Builder
from bnn_hw.frontend.lower.mac import accumulator, biased, integers, layer_weights
from bnn_hw.frontend.lower.signal import Pad, Rationals, map_index
from bnn_hw.frontend.net import NetNode, UnsupportedError
from bnn_hw.ir import ops
from bnn_hw.ir.types import DataType

Padding = tuple[int, int, int, int]


def pad_value(slope: Fraction, offset: Rationals, real: Fraction, dtype: DataType) -> int:
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


def conv(builder: Builder, node: NetNode) -> None:
    """Conv in two dimensions, channels first or, in QONNX's channels-last domain, last."""
    signal, (weights, scale) = builder.signal(node), layer_weights(builder, node)
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
    slope, offset = integers(signal)
    dtype = builder.types[signal.source].dtype
    value = pad_value(slope, offset, Fraction(0), dtype) if any(padding) else 0
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
    result = accumulator(name, builder, op, replace(signal, pad=None), scale, node)
    kind = result.type
    result = replace(result, index=map_index(kind.channels, kind.height, kind.width, axis))
    shape = (1, -1, 1, 1) if axis == 1 else (1, 1, 1, -1)
    builder.values[node.outputs[0]] = biased(builder, node, result, shape)


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
    slope, offset = integers(signal)
    value = pad_value(slope, offset, real, builder.types[signal.source].dtype)
    builder.values[node.outputs[0]] = replace(signal, pad=Pad(found, value))
