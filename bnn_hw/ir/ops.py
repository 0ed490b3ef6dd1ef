"""Operations of the integer graph: shape and type rule, and bit-exact numpy execution, once each.

Values are numpy integer arrays of shape (frames, height, width, channels);
bipolar values are -1 and +1. ``infer`` raises ValueError with the cause when
its inputs do not fit; the graph adds the place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnn_hw.ir.types import BIPOLAR, DataType, Shape, ValueType, smallest_int, uint

# Integers up to 2**24 are exact in float32 and up to 2**53 in float64, whatever the
# order of summation, so matrix products of integers may use the fast float kernels.
_EXACT_FLOAT32 = 1 << 24
_EXACT_FLOAT64 = 1 << 53


def exact_matmul(left: np.ndarray, right: np.ndarray, bound: int) -> np.ndarray:
    """Multiply integer matrices exactly; ``bound`` is the largest possible absolute sum."""
    if bound < _EXACT_FLOAT32:
        return (left.astype(np.float32) @ right.astype(np.float32)).astype(np.int32)
    if bound < _EXACT_FLOAT64:
        return (left.astype(np.float64) @ right.astype(np.float64)).astype(np.int64)
    return left.astype(np.int64) @ right.astype(np.int64)


def accumulator_bounds(weights: np.ndarray, dtype: DataType) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and greatest sum of each output channel, over all inputs of ``dtype``.

    weights: (channels, ...) integers. A positive weight is at its least with the
    least input, a negative one with the greatest.
    """
    flat = weights.reshape(len(weights), -1).astype(np.int64)
    positive = np.maximum(flat, 0).sum(axis=1)
    negative = np.minimum(flat, 0).sum(axis=1)
    low = positive * dtype.min + negative * dtype.max
    high = positive * dtype.max + negative * dtype.min
    return low, high


def _largest(values: np.ndarray) -> int:
    """Return the largest magnitude; abs() would wrap around for the least int8."""
    return max(int(values.max(initial=0)), -int(values.min(initial=0)))


def _largest_sum(weights: np.ndarray) -> int:
    return int(np.abs(weights.reshape(len(weights), -1).astype(np.int64)).sum(axis=1).max())


def _sum_type(weights: np.ndarray, dtype: DataType) -> DataType:
    low, high = accumulator_bounds(weights, dtype)
    return smallest_int(int(low.min()), int(high.max()))


def windows(values: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int]) -> np.ndarray:
    """Return a view (frames, out_h, out_w, kernel_h, kernel_w, channels) of all windows."""
    view = np.lib.stride_tricks.sliding_window_view(values, kernel, axis=(1, 2))
    return view[:, :: stride[0], :: stride[1]].transpose(0, 1, 2, 4, 5, 3)


def _window_shape(shape: Shape, kernel: tuple[int, int], stride: tuple[int, int], channels: int) -> Shape:
    if kernel[0] > shape[0] or kernel[1] > shape[1]:
        raise ValueError(f"kernel {kernel[0]}x{kernel[1]} exceeds the input of {shape[0]}x{shape[1]}")
    return ((shape[0] - kernel[0]) // stride[0] + 1, (shape[1] - kernel[1]) // stride[1] + 1, channels)


class Op(ABC):
    """Base of all operations."""

    kind: ClassVar[str]
    arity: ClassVar[int] = 1

    @abstractmethod
    def infer(self, *inputs: ValueType) -> ValueType:
        """Return the type of the output; ValueError names what does not fit."""

    @abstractmethod
    def execute(self, *inputs: np.ndarray) -> np.ndarray:
        """Compute the output of the given inputs, bit-exactly."""


@dataclass(frozen=True, eq=False)
class Conv(Op):
    """Two-dimensional cross-correlation without bias.

    weights: (out_channels, kernel_h, kernel_w, in_channels / groups), integers;
    padding: (top, left, bottom, right) pixels filled with ``pad_value``, which
    must be a value of the input's type.
    """

    kind: ClassVar[str] = "Conv"
    weights: np.ndarray
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    pad_value: int = 0
    groups: int = 1

    @property
    def kernel(self) -> tuple[int, int]:
        return self.weights.shape[1], self.weights.shape[2]

    def infer(self, *inputs: ValueType) -> ValueType:
        (x,) = inputs
        if x.channels != self.weights.shape[3] * self.groups or len(self.weights) % self.groups:
            raise ValueError(
                f"weights {self.weights.shape} in {self.groups} groups do not fit {x.channels} input channels"
            )
        if any(self.padding) and not x.dtype.contains(np.array([self.pad_value])):
            raise ValueError(f"padding with {self.pad_value}, which is no value of {x.dtype}")
        top, left, bottom, right = self.padding
        padded = (x.height + top + bottom, x.width + left + right, x.channels)
        shape = _window_shape(padded, self.kernel, self.stride, len(self.weights))
        return ValueType(_sum_type(self.weights, x.dtype), shape)

    def execute(self, *inputs: np.ndarray) -> np.ndarray:
        (x,) = inputs
        top, left, bottom, right = self.padding
        if any(self.padding):
            x = np.pad(
                x,
                ((0, 0), (top, bottom), (left, right), (0, 0)),
                constant_values=np.array(self.pad_value, x.dtype),
            )
        view = windows(x, self.kernel, self.stride)
        frames, height, width = view.shape[:3]
        per_group = self.weights.shape[3]
        largest = _largest(x)
        results = []
        for group, weights in enumerate(np.split(self.weights, self.groups)):
            columns = view[..., group * per_group : (group + 1) * per_group]
            columns = columns.reshape(frames * height * width, weights[0].size)
            bound = _largest_sum(weights) * largest
            results.append(exact_matmul(columns, weights.reshape(len(weights), -1).T, bound))
        return np.concatenate(results, axis=1).reshape(frames, height, width, len(self.weights))


@dataclass(frozen=True, eq=False)
class Dense(Op):
    """Matrix-vector product over the whole input, flattened height, width, channels (fastest).

    weights: (out_features, in_features), integers.
    """

    kind: ClassVar[str] = "Dense"
    weights: np.ndarray

    def infer(self, *inputs: ValueType) -> ValueType:
        (x,) = inputs
        if x.size != self.weights.shape[1]:
            raise ValueError(f"weights for {self.weights.shape[1]} features do not fit an input of {x.size}")
        return ValueType(_sum_type(self.weights, x.dtype), (1, 1, len(self.weights)))

    def execute(self, *inputs: np.ndarray) -> np.ndarray:
        (x,) = inputs
        flat = x.reshape(len(x), self.weights.shape[1])
        bound = _largest_sum(self.weights) * _largest(x)
        return exact_matmul(flat, self.weights.T, bound).reshape(len(x), 1, 1, len(self.weights))


@dataclass(frozen=True, eq=False)
class Threshold(Op):
    """Per channel, ``base + step * (number of thresholds that sign * x reaches)``.

    thresholds: (channels, levels), int64, ascending along the levels: the level
    counts when ``sign[channel] * x >= threshold``. sign: (channels,) of -1 or +1;
    -1 comes from a negative batch-norm scale, where y >= 0 means x <= t.
    A threshold at or below the least input always counts, one above the
    greatest never: so a batch norm with scale zero is exact too.
    """

    kind: ClassVar[str] = "Threshold"
    thresholds: np.ndarray
    sign: np.ndarray
    dtype: DataType = BIPOLAR
    base: int = -1
    step: int = 2

    @property
    def levels(self) -> int:
        return self.thresholds.shape[1]

    def infer(self, *inputs: ValueType) -> ValueType:
        (x,) = inputs
        if self.thresholds.shape[0] != x.channels or self.sign.shape != (x.channels,):
            raise ValueError(f"thresholds for {len(self.thresholds)} channels do not fit {x.channels}")
        if (np.diff(self.thresholds, axis=1) < 0).any():
            raise ValueError("thresholds are not ascending")
        if not np.isin(self.sign, (-1, 1)).all():
            raise ValueError("signs are not all -1 or +1")
        values = self.base + self.step * np.arange(self.levels + 1)
        if not self.dtype.contains(values):
            raise ValueError(f"{self.levels} levels from {self.base} by {self.step} leave {self.dtype}")
        return ValueType(self.dtype, x.shape)

    def execute(self, *inputs: np.ndarray) -> np.ndarray:
        (x,) = inputs
        signed = x.astype(np.int64) * self.sign
        count = np.zeros(x.shape, np.int32)
        for level in range(self.levels):
            count += signed >= self.thresholds[:, level]
        small = np.int8 if self.dtype.min >= -128 and self.dtype.max <= 127 else np.int32
        return (self.base + self.step * count).astype(small)


@dataclass(frozen=True, eq=False)
class MaxPool(Op):
    """Greatest value of each window and channel; on bipolar values a boolean OR."""

    kind: ClassVar[str] = "MaxPool"
    kernel: tuple[int, int] = (2, 2)
    stride: tuple[int, int] = (2, 2)

    def infer(self, *inputs: ValueType) -> ValueType:
        (x,) = inputs
        return ValueType(x.dtype, _window_shape(x.shape, self.kernel, self.stride, x.channels))

    def execute(self, *inputs: np.ndarray) -> np.ndarray:
        return windows(inputs[0], self.kernel, self.stride).max(axis=(3, 4))


@dataclass(frozen=True, eq=False)
class AvgPool(Op):
    """Sum (not mean) of each window and channel; the division belongs to a later threshold or scale."""

    kind: ClassVar[str] = "AvgPool"
    kernel: tuple[int, int] = (2, 2)
    stride: tuple[int, int] = (2, 2)

    def infer(self, *inputs: ValueType) -> ValueType:
        (x,) = inputs
        count = self.kernel[0] * self.kernel[1]
        dtype = smallest_int(x.dtype.min * count, x.dtype.max * count)
        if x.dtype.min == 0:
            dtype = uint(max(1, (x.dtype.max * count).bit_length()))
        return ValueType(dtype, _window_shape(x.shape, self.kernel, self.stride, x.channels))

    def execute(self, *inputs: np.ndarray) -> np.ndarray:
        return windows(inputs[0].astype(np.int64), self.kernel, self.stride).sum(axis=(3, 4))


@dataclass(frozen=True, eq=False)
class Add(Op):
    """Element by element sum of two values of the same shape."""

    kind: ClassVar[str] = "Add"
    arity: ClassVar[int] = 2

    def infer(self, *inputs: ValueType) -> ValueType:
        x, y = inputs
        if x.shape != y.shape:
            raise ValueError(f"shapes {x.shape} and {y.shape} differ")
        return ValueType(smallest_int(x.dtype.min + y.dtype.min, x.dtype.max + y.dtype.max), x.shape)

    def execute(self, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0].astype(np.int64) + inputs[1]


@dataclass(frozen=True, eq=False)
class Concat(Op):
    """The channels of two values of one data type and size, one after the other."""

    kind: ClassVar[str] = "Concat"
    arity: ClassVar[int] = 2

    def infer(self, *inputs: ValueType) -> ValueType:
        x, y = inputs
        if x.shape[:2] != y.shape[:2] or x.dtype != y.dtype:
            raise ValueError(f"{x} and {y} differ in size or type")
        return ValueType(x.dtype, (x.height, x.width, x.channels + y.channels))

    def execute(self, *inputs: np.ndarray) -> np.ndarray:
        return np.concatenate(inputs, axis=3)


@dataclass(frozen=True, eq=False)
class Scale(Op):
    """Real-valued scores of integer accumulators: float32 steps in the order of the trained network.

    steps: (operator, operand) pairs; operator is mul, div, add or sub; operand a
    float32 scalar array or one value a channel. Done by whoever reads the scores,
    never by hardware; repeating the network's own steps makes them bit-exact.
    """

    kind: ClassVar[str] = "Scale"
    steps: tuple[tuple[str, np.ndarray], ...]
    _functions: ClassVar[dict] = {"mul": np.multiply, "div": np.divide, "add": np.add, "sub": np.subtract}

    def infer(self, *inputs: ValueType) -> ValueType:
        (x,) = inputs
        for name, operand in self.steps:
            if name not in self._functions or operand.size not in (1, x.channels):
                raise ValueError(f"step {name} of {operand.size} operands does not fit {x.channels} channels")
        return x

    def execute(self, *inputs: np.ndarray) -> np.ndarray:
        result = inputs[0].astype(np.float32)
        for name, operand in self.steps:
            result = self._functions[name](result, operand.astype(np.float32).reshape(-1))
        return result


@dataclass(frozen=True, eq=False)
class ArgMax(Op):
    """Index of the greatest channel; the lowest index wins a tie. Output shape (1, 1, 1)."""

    kind: ClassVar[str] = "ArgMax"

    def infer(self, *inputs: ValueType) -> ValueType:
        (x,) = inputs
        if x.shape[:2] != (1, 1):
            raise ValueError(f"input is {x.height}x{x.width}, not 1x1")
        return ValueType(uint(max(1, (x.channels - 1).bit_length())), (1, 1, 1))

    def execute(self, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0].argmax(axis=3)[..., None].astype(np.int32)


OPS: dict[str, type[Op]] = {
    op.kind: op for op in (Conv, Dense, Threshold, MaxPool, AvgPool, Add, Concat, Scale, ArgMax)
}
