"""Memories of an xc7 part: what a ROM or RAM of a given width and depth takes, and which kind to prefer.

Sources: AMD UG473 (7 series memory resources: RAMB18/RAMB36 aspect ratios) and
UG474 (7 series CLB: LUT as 64 x 1 ROM, F7/F8 multiplexers, RAM64M and RAM32M).
"""

from __future__ import annotations

LOGIC = "logic"
BLOCK = "block"
STYLES = (LOGIC, BLOCK)

# Depth and width of one RAMB18; a RAMB36 is two of them in every aspect ratio.
_RAMB18_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))

# One RAMB36 is worth as many LUTs as it saves in a ROM of 128 words of 72 bits,
# the depth from which block RAM is worth having on these parts (a xc7z020 has
# 380 LUTs a RAMB36, so block RAM is not scarce at this price).
LUT_PER_BRAM36 = 140


def bram36(width_bits: int, depth: int) -> float:
    """RAMB36 of a memory of ``depth`` words of ``width_bits``; a single RAMB18 counts 0.5."""
    halves = min(-(-depth // words) * -(-width_bits // bits) for words, bits in _RAMB18_SHAPES)
    return halves / 2


def distinct_columns(width_bits: int, depth: int) -> int:
    """Bits of a ROM that differ in content: equal ones share logic and register, constants need none."""
    return min(width_bits, (1 << min(depth, 30)) - 2)


def rom_lut(width_bits: int, depth: int) -> float:
    """LUT sites of a ROM in logic at its best.

    Up to 32 words two columns share a LUT6 (its O5 and O6 outputs), up to 64 words
    a column takes one, up to 256 words one for every 64 with the multiplexers F7
    and F8 behind them; beyond that Yosys builds multiplexers of LUTs.
    """
    if depth <= 1:
        return 0.0
    columns = distinct_columns(width_bits, depth)
    if depth <= 32:
        return columns / 2
    if depth <= 256:
        return float(columns * -(-(1 << (depth - 1).bit_length()) // 64))
    return columns * (1 + 0.0195 * depth)


def weight_rom_lut(width_bits: int, depth: int, simd: int) -> float:
    """LUT sites of a weight ROM inside an MVTU, as Yosys maps it.

    Behind it lies the deeper product sum, so the mapper trades the ROM's depth
    for an area it then does not save: it grows with the number of words instead of
    the number of 64-word tables. Fitted to units of 9 to 512 words.
    """
    if depth <= 8:
        return rom_lut(width_bits, depth)
    shallow = 0.6 if simd < 4 else 1.0
    return width_bits * shallow * 0.033 * depth**1.09


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


def weight_style(pe: int, simd: int, depth: int) -> str:
    """Logic or block for a weight ROM, whichever is the cheaper at LUT_PER_BRAM36."""
    return _style(weight_rom_lut(pe * simd, depth, simd), bram36(pe * simd, depth))


def ram_style(width_bits: int, depth: int) -> str:
    """Logic or block for a RAM, whichever is the cheaper at LUT_PER_BRAM36."""
    return _style(ram_lut(width_bits, depth), bram36(width_bits, depth))


def _style(lut: float, blocks: float) -> str:
    return LOGIC if lut <= LUT_PER_BRAM36 * blocks else BLOCK
