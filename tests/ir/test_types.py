"""Data types: their ranges, their texts and the smallest one for a range."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnn_hw.ir import BIPOLAR, DataType, ValueType, sint, uint
from bnn_hw.ir.types import smallest_int


@pytest.mark.parametrize(
    ("dtype", "text", "low", "high"),
    [
        (BIPOLAR, "BIPOLAR", -1, 1),
        (uint(1), "UINT1", 0, 1),
        (uint(8), "UINT8", 0, 255),
        (sint(8), "INT8", -128, 127),
    ],
)
def test_range_and_text(dtype, text, low, high):
    assert (str(dtype), dtype.min, dtype.max) == (text, low, high)
    assert DataType.parse(text.lower()) == dtype


@pytest.mark.parametrize("text", ["", "FLOAT32", "UINT0", "INT", "BIPOLAR2", "UINT8 "])
def test_texts_that_are_no_type(text):
    with pytest.raises(ValueError, match="is no data type: use BIPOLAR, UINT<n> or INT<n>"):
        DataType.parse(text)


@pytest.mark.parametrize(("kind", "bits"), [("bipolar", 2), ("uint", 0), ("float", 32)])
def test_types_that_do_not_exist(kind, bits):
    with pytest.raises(ValueError, match=r"bits|must be"):
        DataType(kind, bits)


def test_contains():
    assert BIPOLAR.contains(np.array([1, -1]))
    assert not BIPOLAR.contains(np.array([1, 0]))
    assert uint(2).contains(np.array([0, 3]))
    assert not uint(2).contains(np.array([-1]))
    assert not sint(2).contains(np.array([2]))
    assert uint(2).contains(np.array([], int))


@given(st.integers(-(1 << 40), 1 << 40), st.integers(0, 1 << 40))
def test_smallest_int_is_enough_and_not_more(low, span):
    high = low + span
    dtype = smallest_int(low, high)
    assert dtype.min <= low
    assert high <= dtype.max
    if dtype.bits > 1:
        less = sint(dtype.bits - 1)
        assert low < less.min or high > less.max


def test_value_type():
    kind = ValueType(uint(8), (4, 5, 3))
    assert (kind.height, kind.width, kind.channels, kind.size) == (4, 5, 3, 60)
    assert str(kind) == "UINT8[4x5x3]"


@pytest.mark.parametrize("shape", [(1, 2), (0, 1, 1), (1, 2, 3, 4)])
def test_shapes_that_are_none(shape):
    with pytest.raises(ValueError, match="a shape is \\(height, width, channels\\)"):
        ValueType(BIPOLAR, shape)
