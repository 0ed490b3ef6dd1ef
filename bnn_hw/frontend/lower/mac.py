"""What convolutions and linear layers share: integer weights on integers, with the real meaning kept."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from bnn_hw.frontend.check_parameters import matrix_weights, split_weights
from bnn_hw.frontend.lower.builder import Builder
from bnn_hw.frontend.lower.elementwise import step
from bnn_hw.frontend.lower.signal import Rationals, Signal, collapse, map_index, spread
from bnn_hw.frontend.net import NetNode, UnsupportedError
from bnn_hw.ir import ops


def layer_weights(builder: Builder, node: NetNode) -> tuple[np.ndarray, np.ndarray]:
    constant = builder.constant(node, 1)
    if constant is None:
        raise UnsupportedError(
            "its weights (second input) are no constant of the file", "multiply a tensor by trained weights"
        )
    split = split_weights(matrix_weights(node, constant))
    assert split is not None, "check_parameters has refused other weights"
    return split


def integers(signal: Signal) -> tuple[Fraction, Rationals]:
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


def _shift(op: ops.Conv | ops.Dense, offset: Rationals, channels: int) -> list[Fraction]:
    """Return each output channel's sum of weights times the offsets of their input channels."""
    outputs = len(op.weights)
    if not any(offset):
        return [Fraction(0)] * outputs
    groups = op.groups if isinstance(op, ops.Conv) else 1
    per_group = channels // groups
    sums = op.weights.reshape(outputs, -1, per_group).astype(np.int64).sum(axis=1)
    offsets = spread(offset, channels)
    result = []
    for output in range(outputs):
        first = output // (outputs // groups) * per_group
        terms = zip(sums[output].tolist(), offsets[first : first + per_group], strict=True)
        result.append(sum((count * value for count, value in terms), Fraction(0)))
    return result


def accumulator(
    name: str, builder: Builder, op: ops.Conv | ops.Dense, signal: Signal, scale: np.ndarray, node: NetNode
) -> Signal:
    """Emit the layer; its sums mean scale * (slope * sum + sum of weights times the input's offset).

    With a negative slope all weights are negated, so that sums rise with their meaning.
    """
    slope, offset = integers(signal)
    layer = builder.net.names[id(node)]
    dtype = builder.types[signal.source].dtype
    upright = op if slope > 0 else replace(op, weights=-op.weights)
    kind = builder.emit(name, upright, signal.source)
    shift = _shift(op, offset, signal.channels)
    slope = abs(slope)
    factors = [Fraction(float(value)) for value in (scale if (scale != scale[0]).any() else scale[:1])]
    low, high = ops.accumulator_bounds(upright.weights, dtype)
    result = Signal(name, kind, map_index(kind.channels, kind.height, kind.width), low, high, layer, False)
    scaled = [a * b for a, b in zip(shift, spread(factors, kind.channels), strict=True)]
    return replace(result, slope=collapse([slope * factor for factor in factors]), offset=collapse(scaled))


def biased(builder: Builder, node: NetNode, signal: Signal, shape: tuple[int, ...]) -> Signal:
    bias = builder.constant(node, 2)
    if bias is None:
        return signal
    factor = np.float32(node.attributes.get("beta", 1.0))
    return step(signal, "add", (np.asarray(bias, np.float32) * factor).reshape(shape))
