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


def rom_lut(width_bits: int, depth: int) -> float:
    """LUT sites of a ROM in logic.

    A single word is a constant. Up to 32 words two bits share a LUT6 (its O5 and
    O6 outputs), up to 64 words a bit takes one LUT6, beyond that one for every 64
    words; the multiplexers F7 and F8 behind them are free up to 256 words.
    """
    if depth <= 1:
        return 0.0
    if depth <= 32:
        return width_bits / 2
    lut = float(width_bits * -(-depth // 64))
    if depth > 256:
        lut += width_bits * -(-depth // 256) / 4
    return lut


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


def rom_style(width_bits: int, depth: int) -> str:
    """Logic or block for a ROM, whichever is the cheaper at LUT_PER_BRAM36."""
    return _style(rom_lut(width_bits, depth), bram36(width_bits, depth))


def ram_style(width_bits: int, depth: int) -> str:
    """Logic or block for a RAM, whichever is the cheaper at LUT_PER_BRAM36."""
    return _style(ram_lut(width_bits, depth), bram36(width_bits, depth))


def _style(lut: float, blocks: float) -> str:
    return LOGIC if lut <= LUT_PER_BRAM36 * blocks else BLOCK
