"""Memories of an xc7 part: what a ROM or RAM of a given width and depth takes, and which kind to prefer.

Sources: AMD UG473 (7 series memory resources: RAMB18/RAMB36 aspect ratios) and
UG474 (7 series CLB: LUT as 64 x 1 ROM, F7/F8 multiplexers, RAM64M and RAM32M).
"""

from __future__ import annotations

import math

LOGIC = "logic"
BLOCK = "block"
STYLES = (LOGIC, BLOCK)

# Depth and width of one RAMB18; a RAMB36 is two of them in every aspect ratio.
_RAMB18_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))

# LUTs that are worth spending to save a RAMB36. The parts have more of them for each
# (xc7z010: 293, xc7z020: 380), so at this price LUTs run out later than block RAM. A ROM
# that fills its block RAM takes 144 LUTs for each at 128 words and 216 at 144 words.
LUT_PER_BRAM36 = 200


def bram36(width_bits: int, depth: int) -> float:
    """RAMB36 of a memory of ``depth`` words of ``width_bits``; a single RAMB18 counts 0.5.

    A memory deeper than a block lies in rows of several words, of which a
    multiplexer in LUTs picks one, so that words share the columns of a block. Yosys
    takes the aspect ratio of the least cost: 129 for a RAMB18, one for each LUT of the
    multiplexer.
    """

    return _halves(_shape(width_bits, depth), width_bits, depth) / 2


def block_lut(width_bits: int, depth: int) -> float:
    """LUT sites behind the block RAM of a memory: the multiplexer that picks a word of a row.

    A LUT6 chooses one of four; MUXF7 and MUXF8 join two and four of these.
    """
    words = -(-depth // _shape(width_bits, depth)[0])
    return width_bits * choice_lut(words)


def choice_lut(inputs: int) -> float:
    """LUT sites of a multiplexer of one bit; two 2:1 ones share a site."""
    if inputs <= 2:
        return 0.5 * (inputs - 1)
    if inputs <= 16:
        return 1.5 if inputs == 5 else -(-inputs // 4)
    return inputs // 16 * 4 + choice_lut(inputs % 16 or 1) + 1


def _shape(width_bits: int, depth: int) -> tuple[int, int]:
    """Depth and width of the RAMB18 that Yosys takes for a memory."""

    def cost(shape: tuple[int, int]) -> float:
        return 129 * _halves(shape, width_bits, depth) + width_bits * (-(-depth // shape[0]) - 1) / 2

    return min(_RAMB18_SHAPES, key=cost)


def _halves(shape: tuple[int, int], width_bits: int, depth: int) -> int:
    return -(-(-(-depth // shape[0]) * width_bits) // shape[1])


def ram_bram36(width_bits: int, depth: int) -> float:
    """RAMB36 of a memory that is written to; a single RAMB18 counts 0.5.

    Words share a row only in groups of 9 bits, as these have a write enable of their own.
    """

    def halves(shape: tuple[int, int]) -> int:
        rows = -(-depth // shape[0])
        if rows == 1 or shape[1] < 9:
            return rows * -(-width_bits // shape[1])
        return -(-rows * 9 * -(-width_bits // 9) // shape[1])

    return min(map(halves, _RAMB18_SHAPES)) / 2


def distinct_columns(width_bits: int, depth: int) -> float:
    """Columns of a ROM that differ in content: equal ones share logic and register, constants need none.

    The expected number for random contents: of the 2^depth contents each is missing in
    all columns with the probability (1 - 2^-depth)^width.
    """
    if depth > 40:
        return width_bits
    kinds = 2.0**depth
    return (kinds - 2) * -math.expm1(width_bits * math.log1p(-1 / kinds))


def column_lut(depth: int) -> float:
    """LUT sites of one column of a ROM in logic, a bit of ``depth`` words.

    Up to 32 words two columns share a LUT6 (its outputs O5 and O6), up to 64 words a
    column takes one; MUXF7 and MUXF8 join two and four LUTs. Short remainders, and
    pieces of more than 256 words, are chosen by multiplexers in LUTs: 2:1 ones share a
    site by twos, a LUT6 is a 4:1 one, MUXF7 and MUXF8 join two and four of these.
    """
    if depth <= 1:
        return 0.0
    if depth <= 32:
        return 0.5
    if depth <= 64:
        return 1.0
    if depth <= 128:
        return 2.0
    if depth <= 192:
        return 2.5 + column_lut(depth - 128)
    if depth <= 256:
        return 4.0
    pieces = -(-depth // 256)
    multiplexer = 0.5 if pieces == 2 else -(-pieces // 4)
    remainder = depth - 256 * (depth // 256)
    last = 0.5 if remainder == 1 else column_lut(remainder)
    return 4.0 * (depth // 256) + last + multiplexer


def rom_lut(width_bits: int, depth: int) -> float:
    """LUT sites of a ROM in logic; equal columns share theirs."""
    return distinct_columns(width_bits, depth) * column_lut(depth)


def ram_lut(width_bits: int, depth: int) -> float:
    """LUT sites of a simple dual-port RAM in LUTs.

    RAM32M holds 6 bits of 32 words in four LUTs, RAM64M 3 bits of 64 words; the
    kind that takes fewer counts, of equal ones the deeper. Where it takes several
    banks, the read multiplexer is one LUT6 a bit for every three banks beyond the first.
    """
    kinds = ((64, 3), (32, 6))
    banks = {words: -(-depth // words) for words, _ in kinds}
    words, bits = min(kinds, key=lambda kind: -(-width_bits // kind[1]) * banks[kind[0]])
    multiplexer = width_bits * -(-(banks[words] - 1) // 3)
    return 4.0 * -(-width_bits // bits) * banks[words] + multiplexer


def weight_style(pe: int, simd: int, depth: int, runtime: bool = False) -> str:
    """Logic or block for a layer's weights, whichever is the cheaper at LUT_PER_BRAM36.

    runtime: they can be loaded.
    """
    if runtime:
        return _style(config_ram_lut(pe * simd, depth), config_ram_bram36(pe * simd, depth))
    return _style(rom_lut(pe * simd, depth), bram36(pe * simd, depth))


def _config_words(width_bits: int) -> list[int]:
    """Widths of the words of 32 bits that a row is written in."""
    return [min(32, width_bits - first) for first in range(0, width_bits, 32)]


def config_ram_lut(width_bits: int, depth: int) -> float:
    """LUT sites of a memory in LUTs that can be loaded word by word, without reading back; one row: none."""
    return sum(ram_lut(bits, depth) for bits in _config_words(width_bits)) if depth > 1 else 0.0


def config_ram_bram36(width_bits: int, depth: int) -> float:
    """RAMB36 of a memory in block RAM that can be loaded word by word."""
    return sum(ram_bram36(bits, depth) for bits in _config_words(width_bits))


def ram_style(width_bits: int, depth: int) -> str:
    """Logic or block for a RAM, whichever is the cheaper at LUT_PER_BRAM36."""
    return _style(ram_lut(width_bits, depth), ram_bram36(width_bits, depth))


def _style(lut: float, blocks: float) -> str:
    return LOGIC if lut <= LUT_PER_BRAM36 * blocks else BLOCK
