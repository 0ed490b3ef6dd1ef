"""Bit packing: lane 0 in the least significant bits, two's complement, little-endian."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnn_hw.bits import (
    bipolar_to_bits,
    bits_to_bipolar,
    hex_lines,
    pack_words,
    unpack_words,
    words_to_bytes,
)


def test_bipolar_is_one_for_plus_one():
    assert bipolar_to_bits(np.array([[-1, 1], [1, -1]])).tolist() == [[0, 1], [1, 0]]
    assert bits_to_bipolar(np.array([0, 1])).tolist() == [-1, 1]
    assert bits_to_bipolar(np.array([0, 1], np.uint8)).dtype == np.int8


@pytest.mark.parametrize("value", [0, 2, -2])
def test_other_values_are_not_bipolar(value):
    with pytest.raises(ValueError, match="must be -1 or \\+1"):
        bipolar_to_bits(np.array([1, value]))


def test_lane_0_is_least_significant():
    assert pack_words(np.array([[1, 0, 0], [0, 1, 1]]), 1) == [0b001, 0b110]
    assert pack_words(np.array([[0x12, 0x34, 0x56]]), 8) == [0x563412]
    assert pack_words(np.array([[-1, 1, -3]]), 3) == [0b101_001_111]


def test_pixel_order_of_a_row():
    """Three pixels of two channels, a beat a pixel."""
    pixels = np.array([[[10, 20], [30, 40], [50, 60]]], np.uint8)
    words = pack_words(pixels.reshape(3, 2), 8)
    assert words == [10 | 20 << 8, 30 | 40 << 8, 50 | 60 << 8]
    assert words_to_bytes(words, 16) == bytes([10, 20, 30, 40, 50, 60])


def test_words_fill_whole_bytes():
    assert words_to_bytes([0x1FF, 1], 9) == b"\xff\x01\x01\x00"


def test_hex_lines_have_all_digits():
    assert hex_lines([0x5, 0x1F], 9) == "005\n01f\n"
    assert hex_lines([1], 4) == "1\n"


@pytest.mark.parametrize("values", [[[2]], [[-2]]])
def test_values_that_do_not_fit(values):
    with pytest.raises(ValueError, match="do not fit in 1 bits"):
        pack_words(np.array(values), 1)


def test_wrong_shape():
    with pytest.raises(ValueError, match=r"\(words, lanes\), not \(2,\)"):
        pack_words(np.array([1, 2]), 4)


@st.composite
def words(draw):
    bits, signed = draw(st.integers(1, 40)), draw(st.booleans())
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    lanes = draw(st.integers(1, 9))
    row = st.lists(st.integers(low, high), min_size=lanes, max_size=lanes)
    return draw(st.lists(row, min_size=1, max_size=5)), bits, signed


@given(words())
def test_against_python_integers(drawn):
    rows, bits, signed = drawn
    packed = pack_words(np.array(rows, np.int64), bits)
    for row, word in zip(rows, packed, strict=True):
        assert word == sum((value % (1 << bits)) << (bits * lane) for lane, value in enumerate(row))
        size = (bits * len(row) + 7) // 8
        assert int.from_bytes(words_to_bytes([word], bits * len(row)), "little") == word
        assert len(words_to_bytes([word], bits * len(row))) == size
    assert unpack_words(packed, len(rows[0]), bits, signed).tolist() == rows
