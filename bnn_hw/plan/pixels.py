"""Several neighbouring pixels a beat: which layers can take them, and where they then lie.

Pixels keep their places in the beats while they go through convolutions and pools, so
rows begin with ``skip`` places without meaning (see bnn_hw.pipeline.stages). The
number of pixels only falls from layer to layer: pools divide it, and a layer may
take any divisor of what arrives.
"""

from __future__ import annotations

from collections.abc import Sequence

from bnn_hw.pipeline.chain import Chain, MacLayer, PoolStep


def takes_pixels(layer: MacLayer) -> bool:
    """Tell whether a layer can do several windows of a row at once: stride 1 and no padding."""
    return not layer.is_dense and layer.stride == (1, 1) and not any(layer.padding)


def after_layer(layer: MacLayer, pixels: int, skip: int) -> int:
    """Places without meaning before a row of a layer's windows."""
    return (skip + layer.kernel[1] - 1) % pixels


def keeps_places(pool: PoolStep, pixels: int, skip: int) -> bool:
    """Tell whether every pool lies within one beat; otherwise it takes pixel by pixel."""
    return pixels % pool.kernel[1] == 0 and skip % pool.kernel[1] == 0


def after_pool(pool: PoolStep, pixels: int, skip: int) -> tuple[int, int]:
    """Pixels a beat behind a pool, and places without meaning before a row."""
    if keeps_places(pool, pixels, skip):
        return pixels // pool.kernel[1], skip // pool.kernel[1]
    return 1, 0


def divisors(number: int) -> tuple[int, ...]:
    """All divisors in ascending order."""
    return tuple(d for d in range(1, number + 1) if number % d == 0)


def behind(layer: MacLayer, pools: Sequence[PoolStep], pixels: int, skip: int) -> tuple[int, int]:
    """Pixels a beat and skipped places behind a layer and its pools; ``skip``: at the layer's window."""
    skip = after_layer(layer, pixels, skip)
    for pool in pools:
        pixels, skip = after_pool(pool, pixels, skip)
    return pixels, skip


def first_pixels(chain: Chain) -> tuple[int, ...]:
    """Pixels a beat worth considering at the input, ascending.

    Of the numbers that need equally many beats a row, the least, and the least one that
    the first pool can keep.
    """
    pools = [step for step in chain.steps if isinstance(step, PoolStep)]
    steps = chain.steps
    early = pools and steps.index(pools[0]) < steps.index(chain.layers[0])
    if early or not takes_pixels(chain.layers[0]):
        return (1,)
    width = chain.input.width
    kernel = pools[0].kernel[1] if pools else 1
    found: dict[tuple[int, bool], int] = {}
    for pixels in range(1, width + 1):
        found.setdefault((-(-width // pixels), pixels % kernel == 0), pixels)
    return tuple(sorted(found.values()))
