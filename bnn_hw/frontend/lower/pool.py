"""Rules for pooling: at once on quantised values, later on sums; averages become sums."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from bnn_hw.frontend.lower.builder import Builder
from bnn_hw.frontend.lower.signal import Pool, Signal, map_index
from bnn_hw.frontend.net import NetNode, UnsupportedError
from bnn_hw.ir import ValueType, ops


def _form(node: NetNode, signal: Signal, axis: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return kernel and stride; padding, dilation and left-overs counted by ceil_mode are refused."""
    if not signal.is_map(axis):
        raise UnsupportedError(
            f"reads a tensor of shape {signal.index.shape} whose order is not that of a picture",
            "pool (batch, channels, height, width) maps before flattening",
        )
    size = (signal.type.height, signal.type.width)
    if node.op == "GlobalAveragePool":
        return size, size
    kernel = tuple(int(value) for value in node.attributes["kernel_shape"])
    stride = tuple(int(value) for value in node.attributes.get("strides", [1] * len(kernel)))
    pads = [int(value) for value in node.attributes.get("pads", [0, 0, 0, 0])]
    mode = node.attributes.get("auto_pad", "NOTSET")
    rest = [(size[i] - kernel[i]) % stride[i] for i in range(2)] if len(kernel) == 2 else [0]
    fits = len(kernel) == 2 and kernel[0] <= size[0] and kernel[1] <= size[1]
    padded = any(pads) or (mode.startswith("SAME") and (any(rest) or kernel != stride))
    if padded or (node.attributes.get("ceil_mode", 0) and any(rest)):
        raise UnsupportedError(
            "pads its input (padding, or ceil_mode with left-over rows)",
            "use padding=0 and ceil_mode=False in the pool",
        )
    if not fits or any(int(value) != 1 for value in node.attributes.get("dilations", [1, 1])):
        raise UnsupportedError(
            f"its kernel {list(kernel)} on a map of {size[0]}x{size[1]} has no hardware, or is dilated",
            "use a two-dimensional kernel no greater than the map, and dilation=1",
        )
    return (kernel[0], kernel[1]), (stride[0], stride[1])


def _rising(signal: Signal) -> bool:
    """Tell whether the real value rises with the integer in all channels, by exact arithmetic."""
    return all(value > 0 for value in signal.affine()[0])


def max_pool(builder: Builder, node: NetNode) -> None:
    """MaxPool: on quantised values a node of the graph; on sums it waits for the quantiser behind it."""
    signal = builder.signal(node)
    axis = 3 if node.channels_last else 1
    kernel, stride = _form(node, signal, axis)
    name = builder.net.names[id(node)]
    kind = ops.MaxPool(kernel, stride).infer(signal.type)
    index = map_index(kind.channels, kind.height, kind.width, axis)
    if not signal.quantised:
        result = replace(signal.then(Pool(name, kernel, stride)), type=kind, index=index)
    elif _rising(signal):
        builder.emit(name, ops.MaxPool(kernel, stride), signal.source)
        result = replace(signal, source=name, type=kind, index=index)
    else:
        raise UnsupportedError(
            "pools values that fall when their integers rise (a negative scale before it)",
            "pool directly behind the 1-bit activation",
        )
    builder.values[node.outputs[0]] = result


def average_pool(builder: Builder, node: NetNode) -> None:
    """AveragePool and GlobalAveragePool as a sum; the division becomes part of the exact meaning."""
    signal = builder.signal(node)
    axis = 3 if node.channels_last else 1
    kernel, stride = _form(node, signal, axis)
    if signal.pools or (signal.steps and not signal.quantised):
        raise UnsupportedError(
            "averages real values (batch norm or a scale before it)",
            "average directly behind the layer or its 1-bit activation",
        )
    slope, offset = signal.affine()
    name = builder.net.names[id(node)]
    kind: ValueType = builder.emit(name, ops.AvgPool(kernel, stride), signal.source)
    count = kernel[0] * kernel[1]
    builder.values[node.outputs[0]] = Signal(
        name,
        kind,
        map_index(kind.channels, kind.height, kind.width, axis),
        np.asarray(signal.low) * count,
        np.asarray(signal.high) * count,
        name,
        signal.quantised,
        tuple(value * Fraction(1, count) for value in slope),
        offset,
    )
