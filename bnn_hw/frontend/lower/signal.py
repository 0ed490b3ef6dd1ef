"""What is known of a tensor while lowering: integers of the graph, and the float steps still to be done.

A tensor of the network is an integer value of the graph (``source``), an exact
affine meaning (real = slope * integer + offset), and a chain of float32 steps and
pools that no node of the graph does yet. ``index`` has the tensor's ONNX shape and
holds, for every element, its position in the graph's (height, width, channels) order:
transposes, reshapes and flattening act on it and cost nothing in the graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from bnn_hw.frontend.net import UnsupportedError
from bnn_hw.ir import ValueType

Rationals = tuple[Fraction, ...]

STEP_FUNCTIONS = {"mul": np.multiply, "div": np.divide, "add": np.add, "sub": np.subtract}


@dataclass(frozen=True, eq=False)
class Step:
    """One float32 operation of the network; operand has one value, or one a channel."""

    function: str
    operand: np.ndarray

    def __call__(self, x: np.ndarray, rows: slice = slice(None)) -> np.ndarray:
        """Apply to x of shape (channels, ...); ``rows`` are the channels that x has."""
        operand = self.operand[rows] if self.operand.size > 1 else self.operand
        return STEP_FUNCTIONS[self.function](x, operand.reshape(-1, *[1] * (x.ndim - 1)))


@dataclass(frozen=True)
class Pool:
    """A max-pool that waits for the quantiser behind it."""

    name: str
    kernel: tuple[int, int]
    stride: tuple[int, int]


@dataclass(frozen=True)
class Pad:
    """Explicit padding that waits for its convolution: (top, left, bottom, right) of an integer."""

    amounts: tuple[int, int, int, int]
    value: int


@dataclass(frozen=True, eq=False)
class Signal:
    """One tensor of the network.

    type: of the source after the pools of the chain. low, high: least and greatest
    integer of each channel, (channels,) int64. quantised: the source is the picture
    or a threshold's output, not an accumulator. slope, offset: one, or one a channel.
    """

    source: str
    type: ValueType
    index: np.ndarray
    low: np.ndarray
    high: np.ndarray
    layer: str
    quantised: bool
    slope: Rationals = (Fraction(1),)
    offset: Rationals = (Fraction(0),)
    chain: tuple[Step | Pool, ...] = ()
    pad: Pad | None = field(default=None)

    @property
    def channels(self) -> int:
        return self.type.channels

    @property
    def pools(self) -> list[Pool]:
        return [item for item in self.chain if isinstance(item, Pool)]

    @property
    def steps(self) -> list[Step]:
        return [item for item in self.chain if isinstance(item, Step)]

    def then(self, item: Step | Pool) -> Signal:
        return replace(self, chain=(*self.chain, item))

    def per_channel(self, constant: np.ndarray) -> np.ndarray:
        """Return a constant that broadcasts against the tensor as one value, or one a channel.

        Raises UnsupportedError when the shapes do not broadcast or the value varies within a channel.
        """
        constant = np.asarray(constant)
        if constant.size == 1:
            return constant.reshape(1)
        try:
            full = np.broadcast_to(constant, np.broadcast_shapes(constant.shape, self.index.shape))
        except ValueError:
            full = constant
        if full.size != self.index.size:
            raise UnsupportedError(
                f"its operand of shape {constant.shape} does not fit the tensor of shape {self.index.shape}",
                "use one value, or one value a channel",
            )
        ordered = np.empty(full.size, constant.dtype)
        ordered[self.index.reshape(-1)] = full.reshape(-1)
        rows = ordered.reshape(-1, self.channels)
        if (rows != rows[0]).any():
            raise UnsupportedError(
                "its operand varies from pixel to pixel of one channel",
                "use one value a channel, as BatchNorm2d does before flattening",
            )
        return rows[0][:1] if (rows[0] == rows[0][0]).all() else rows[0].copy()

    def is_map(self, channels_axis: int) -> bool:
        """Tell whether the tensor is a (1, C, H, W) map, or (1, H, W, C) for axis 3, in the graph's order."""
        if self.index.ndim != 4:
            return False
        order = self.index if channels_axis == 3 else self.index.transpose(0, 2, 3, 1)
        return order.shape[1:] == self.type.shape and bool((order.reshape(-1) == np.arange(order.size)).all())

    def affine(self) -> tuple[Rationals, Rationals]:
        """Return slope and offset with all steps folded in, exactly; the chain must have no pools."""
        slope, offset = list(self.slope), list(self.offset)
        for step in self.steps:
            operand = [Fraction(float(value)) for value in step.operand]
            if step.function in ("add", "sub"):
                sign = 1 if step.function == "add" else -1
                offset = [a + sign * b for a, b in _pairs(offset, operand)]
            else:
                factor = [1 / value for value in operand] if step.function == "div" else operand
                slope = [a * b for a, b in _pairs(slope, factor)]
                offset = [a * b for a, b in _pairs(offset, factor)]
        return collapse(slope), collapse(offset)


def _pairs(left: list[Fraction], right: list[Fraction]) -> list[tuple[Fraction, Fraction]]:
    size = max(len(left), len(right))
    return list(zip(spread(left, size), spread(right, size), strict=True))


def spread(values: Rationals | list[Fraction], size: int) -> list[Fraction]:
    """Return ``size`` values from one or from ``size`` of them."""
    return list(values) * size if len(values) == 1 else list(values)


def collapse(values: Rationals | list[Fraction]) -> Rationals:
    """Return one value when all are equal."""
    return (values[0],) if all(value == values[0] for value in values) else tuple(values)


def map_index(channels: int, height: int, width: int, channels_axis: int = 1) -> np.ndarray:
    """Return the index array of a whole map: (1, C, H, W), or (1, H, W, C) for axis 3."""
    index = np.arange(height * width * channels).reshape(1, height, width, channels)
    return index if channels_axis == 3 else index.transpose(0, 3, 1, 2)
