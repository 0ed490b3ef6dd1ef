"""Depths of ring buffers and FIFOs, and the memory that they lie in."""

from __future__ import annotations

from bnn_hw.pipeline.record import Resources
from bnn_hw.pipeline.stages import Fifo, Window
from bnn_hw.plan.cost import stage_resources
from bnn_hw.plan.memory import LUT_PER_BRAM36, ram_style


def ring_depth_words(stage: Window) -> int:
    """Words that a window unit's ring buffer must hold to emit windows without a gap.

    While the last window of a frame is read, it must stay in the ring and the
    first window of the next frame must already be there: two spans from the
    first to the last word of a window. While the last window of a row is read,
    the first one of the next row must be there, which lies ``stride`` rows lower.
    """
    rows, width = stage.kernel[0], stage.input.width
    words = stage.input.beats_per_pixel
    span = (rows - 1) * width + stage.kernel[1]
    row_change = (rows + stage.stride[0] - 2) * width + 2 * stage.kernel[1]
    return max(2 * span, row_change) * words


def least_ring_words(stage: Window) -> int:
    """Words without which a ring buffer cannot hold a window and take in the next pixel."""
    words = stage.input.beats_per_pixel
    return ((stage.kernel[0] - 1) * stage.input.width + stage.kernel[1] + 1) * words


def power_of_two(words: int) -> int:
    """The least power of two that is not below ``words``: an address of that depth wraps by itself."""
    return 1 << (words - 1).bit_length()


def with_depth(stage: Window | Fifo, depth: int, memory: str | None = None) -> Window | Fifo:
    """The stage with a buffer of ``depth`` words, by default in the kind of memory that is cheaper."""
    memory = memory or ram_style(stage.input.width_bits, depth)
    if isinstance(stage, Fifo):
        return stage.varied(depth=depth, memory=memory)
    return stage.varied(depth_words=depth, memory=memory)


def depths_of(words: int) -> frozenset[int]:
    """The depths worth looking at for ``words`` at least.

    Full banks of 32 and 64 words (RAM32M, RAM64M), and powers of two, whose addresses wrap by themselves.
    """
    return frozenset((-(-words // 32) * 32, -(-words // 64) * 64, power_of_two(max(words, 2))))


def cheapest_depth(stage: Window | Fifo, words: int) -> int:
    """The depth of at least ``words`` that costs least, of equal ones the greatest."""

    def cost(depth: int) -> tuple[float, int]:
        need = stage_resources(with_depth(stage, depth))
        return need.lut + LUT_PER_BRAM36 * need.bram36, -depth

    return min(depths_of(words), key=cost)


def best_depth(stage: Window | Fifo, words: int, memory: str) -> tuple[Resources, int]:
    """What a buffer of at least ``words`` in this kind of memory takes least, and its depth then.

    Of equal ones the greatest.
    """
    needs = [(stage_resources(with_depth(stage, depth, memory)), depth) for depth in depths_of(words)]
    return min(needs, key=lambda need: (need[0].lut + LUT_PER_BRAM36 * need[0].bram36, -need[1]))
