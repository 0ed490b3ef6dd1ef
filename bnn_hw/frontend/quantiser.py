"""The quantisers of QONNX: what they compute, in float32 exactly as the reference executor does.

Sources: QONNX operator definitions of BipolarQuant, Quant (IntQuant) and MultiThreshold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bnn_hw.frontend.net import NetNode, UnsupportedError
from bnn_hw.ir import BIPOLAR, DataType, sint, uint
from bnn_hw.ir.types import smallest_int

SIGN = "SIGN"
QUANTISERS = ("BipolarQuant", "Quant", "IntQuant", "MultiThreshold")


def _away(x: np.ndarray) -> np.ndarray:
    return np.sign(x) * np.ceil(np.abs(x))


def _half_up(x: np.ndarray) -> np.ndarray:
    return np.sign(x) * np.floor(np.abs(x) + np.float32(0.5))


def _half_down(x: np.ndarray) -> np.ndarray:
    return np.sign(x) * np.ceil(np.abs(x) - np.float32(0.5))


_ROUNDING: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ROUND": np.round,
    "HALF_EVEN": np.round,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": _away,
    "DOWN": np.trunc,
    "HALF_UP": _half_up,
    "HALF_DOWN": _half_down,
}


@dataclass(frozen=True, eq=False)
class Quantiser:
    """Maps a real x to an integer q of ``base, base + step, ...`` (``levels`` + 1 values).

    The network goes on with ``scale * (q - zero)``. scale, zero: float32 arrays
    that broadcast against x. levels_at: MultiThreshold's own thresholds
    (channels or 1, levels), otherwise None.
    """

    dtype: DataType
    base: int
    step: int
    levels: int
    scale: np.ndarray
    zero: np.ndarray
    rounding: str = "ROUND"
    levels_at: np.ndarray | None = None

    def integers(self, x: np.ndarray) -> np.ndarray:
        """Return q (int64) of float32 x, whose first axis is the channels if parameters vary."""
        if self.levels_at is not None:
            count = np.zeros(x.shape, np.int64)
            for level in range(self.levels):
                column = self.levels_at[:, level].reshape(-1, *[1] * (x.ndim - 1))
                count += x >= column
            return self.base + self.step * count
        # BipolarQuant takes the sign before scaling; a 1-bit Quant after it.
        scaled = x if self.rounding == SIGN else x / self.scale + self.zero
        if self.dtype.is_bipolar:
            return np.where(scaled >= 0, 1, -1).astype(np.int64)
        top = self.base + self.levels
        clipped = np.clip(scaled, np.float32(self.base), np.float32(top))
        return _ROUNDING[self.rounding](clipped).astype(np.int64)

    def reals(self, x: np.ndarray) -> np.ndarray:
        """Return the float32 values the network goes on with."""
        q = self.integers(x).astype(np.float32)
        return ((q - self.zero) * self.scale).astype(np.float32)

    def with_parameters(self, scale: np.ndarray, zero: np.ndarray) -> Quantiser:
        return replace(self, scale=scale, zero=zero)


def _finite(node: NetNode, label: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float32)
    if not np.isfinite(values).all():
        raise UnsupportedError(
            f"its {label} is not finite", "check the training: a quantiser's scale diverged"
        )
    return values


def _bipolar(node: NetNode, scale: np.ndarray) -> Quantiser:
    return Quantiser(BIPOLAR, -1, 2, 1, scale, np.zeros((), np.float32), SIGN)


def _integer(node: NetNode, parameters: list[np.ndarray]) -> Quantiser:
    scale, zero, bits_array = parameters
    if bits_array.size != 1 or bits_array.item() != int(bits_array.item()) or bits_array.item() < 1:
        raise UnsupportedError(
            f"its bit width is {bits_array.tolist()}", "use one whole number of bits for the layer"
        )
    bits = int(bits_array.item())
    signed, narrow = bool(node.attributes.get("signed", 1)), bool(node.attributes.get("narrow", 0))
    rounding = str(node.attributes.get("rounding_mode", "ROUND")).upper()
    if rounding not in _ROUNDING:
        raise UnsupportedError(f"its rounding mode is {rounding!r}", f"use one of {', '.join(_ROUNDING)}")
    if bits > 32:
        raise UnsupportedError(f"its bit width is {bits}", "use at most 32 bits")
    if signed and bits == 1:
        return Quantiser(BIPOLAR, -1, 2, 1, scale, zero)
    low = (-(1 << (bits - 1)) + narrow) if signed else 0
    high = (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1 - narrow
    if high <= low:
        raise UnsupportedError(
            f"{bits} bits with narrow range leave a single value", "use narrow_range=False"
        )
    return Quantiser((sint if signed else uint)(bits), low, 1, high - low, scale, zero, rounding)


def _multi_threshold(node: NetNode, levels_at: np.ndarray) -> Quantiser:
    scale = float(node.attributes.get("out_scale", 1.0))
    bias = float(node.attributes.get("out_bias", 0.0))
    if levels_at.ndim != 2:
        raise UnsupportedError(f"its thresholds have the shape {levels_at.shape}", "give (channels, levels)")
    if scale == 0 or not np.isfinite([scale, bias]).all():
        raise UnsupportedError(
            f"its output scale is {scale}, bias {bias}", "use a finite scale other than zero"
        )
    levels = levels_at.shape[1]
    if levels == 1 and bias == -scale / 2:
        return Quantiser(
            BIPOLAR, -1, 2, 1, np.array(scale / 2, np.float32), np.zeros((), np.float32), "", levels_at
        )
    if bias % scale == 0:
        base = int(bias / scale)
        dtype = uint(max(1, levels.bit_length())) if base == 0 else smallest_int(base, base + levels)
        return Quantiser(
            dtype, base, 1, levels, np.array(scale, np.float32), np.zeros((), np.float32), "", levels_at
        )
    raise UnsupportedError(
        f"its output bias {bias} is no multiple of its scale {scale}", "use an integer output data type"
    )


def quantiser(node: NetNode, constants: dict[str, np.ndarray]) -> Quantiser:
    """Return what a quantiser node computes.

    Raises UnsupportedError when its parameters are not constant, not finite, zero, or of no known form.
    """
    names = node.inputs[1:]
    expected = {"BipolarQuant": 1, "MultiThreshold": 1}.get(node.op, 3)
    if len(names) != expected or any(name not in constants for name in names):
        raise UnsupportedError("its parameters are not constants of the file", "export with constant scales")
    parameters = [
        _finite(node, label, constants[name])
        for name, label in zip(names, ("scale", "zero point", "bit width"), strict=False)
    ]
    if node.op == "MultiThreshold":
        return _multi_threshold(node, parameters[0])
    if (parameters[0] == 0).any():
        raise UnsupportedError("its scale is 0", "check the training: a quantiser's scale collapsed")
    return _bipolar(node, parameters[0]) if node.op == "BipolarQuant" else _integer(node, parameters)
