"""Value types of the integer graph: a data type with a (height, width, channels) shape."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class DataType:
    """Bipolar (one bit, 1 stands for +1 and 0 for -1), UInt(n) or Int(n)."""

    kind: str
    bits: int

    def __post_init__(self) -> None:
        if self.kind not in ("bipolar", "uint", "int"):
            raise ValueError(f"data type kind must be bipolar, uint or int, not {self.kind!r}")
        if self.bits < 1 or (self.kind == "bipolar" and self.bits != 1):
            raise ValueError(f"{self.kind} cannot have {self.bits} bits")

    @property
    def min(self) -> int:
        return {"bipolar": -1, "uint": 0, "int": -(1 << (self.bits - 1))}[self.kind]

    @property
    def max(self) -> int:
        return {"bipolar": 1, "uint": (1 << self.bits) - 1, "int": (1 << (self.bits - 1)) - 1}[self.kind]

    @property
    def is_bipolar(self) -> bool:
        return self.kind == "bipolar"

    @property
    def is_signed(self) -> bool:
        return self.kind == "int"

    def contains(self, values: np.ndarray) -> bool:
        """Tell whether every value is one of this type."""
        if self.is_bipolar:
            return bool(np.isin(values, (-1, 1)).all())
        return bool(values.size == 0 or (values.min() >= self.min and values.max() <= self.max))

    def __str__(self) -> str:
        return "BIPOLAR" if self.is_bipolar else f"{self.kind.upper()}{self.bits}"

    @classmethod
    def parse(cls, text: str) -> DataType:
        """Read BIPOLAR, UINT8, INT13 and the like; ValueError for anything else."""
        if text.upper() == "BIPOLAR":
            return BIPOLAR
        match = re.fullmatch(r"(U?)INT([1-9][0-9]*)", text.upper())
        if not match:
            raise ValueError(f"{text!r} is no data type: use BIPOLAR, UINT<n> or INT<n>")
        return cls("uint" if match[1] else "int", int(match[2]))


BIPOLAR = DataType("bipolar", 1)


def uint(bits: int) -> DataType:
    return DataType("uint", bits)


def sint(bits: int) -> DataType:
    return DataType("int", bits)


def smallest_int(low: int, high: int) -> DataType:
    """Return the smallest Int that holds low..high (two's complement)."""
    return sint(max(max(int(high), 0).bit_length(), max(int(-low - 1), 0).bit_length()) + 1)


@dataclass(frozen=True)
class ValueType:
    """Data type and (height, width, channels) shape of one value."""

    dtype: DataType
    shape: Shape

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"a shape is (height, width, channels), each at least 1, not {self.shape}")

    @property
    def height(self) -> int:
        return self.shape[0]

    @property
    def width(self) -> int:
        return self.shape[1]

    @property
    def channels(self) -> int:
        return self.shape[2]

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.height * self.width * self.channels

    def __str__(self) -> str:
        return f"{self.dtype}[{self.height}x{self.width}x{self.channels}]"
