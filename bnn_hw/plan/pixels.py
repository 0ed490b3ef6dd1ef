"""Several neighbouring pixels a beat: which layers can take them, and where they then lie.

Pixels keep their places in the beats while they go through convolutions and pools, so
rows begin with ``skip`` places without meaning (see bnn_hw.pipeline.stages). The
number of pixels only falls from layer to layer: pools divide it, and a layer may
take any smaller number.

The input may be aligned: cut into beats that overlap by what windows overlap, so that
a beat carries as many windows as it has places. A row of 32 pixels has 30 windows of
three columns: three beats of 10 windows, made from beats of 12 pixels.

Beats of the network's input fill a row, so that pictures are read as they lie in
memory; where the first layer's beats do not, its rows are cut anew.
"""

from __future__ import annotations

from bnn_hw.pipeline.chain import Chain, MacLayer, PoolStep


def divisors(number: int) -> tuple[int, ...]:
    """All divisors in ascending order."""
    return tuple(d for d in range(1, number + 1) if number % d == 0)


def takes_pixels(layer: MacLayer) -> bool:
    """Tell whether a layer can do several windows of a row at once: stride 1 and no padding."""
    return not layer.is_dense and layer.stride == (1, 1) and not any(layer.padding)


def is_aligned(layer: MacLayer, pixels: int) -> bool:
    """Tell whether the first layer's rows are cut into overlapping beats: where it saves a beat.

    As many beats of ``pixels`` + lead must hold a row.
    """
    lead, width = layer.kernel[1] - 1, layer.input.width
    beats = -(-(width - lead) // pixels)
    return 1 < beats == -(-width // (pixels + lead)) < -(-width // pixels) and pixels > 1


def beat_pixels(layer: MacLayer, pixels: int) -> int:
    """Pixels that a beat of the first layer holds."""
    return pixels + layer.kernel[1] - 1 if is_aligned(layer, pixels) else pixels


def input_pixels(layer: MacLayer, pixels: int) -> int:
    """Pixels a beat of the network's input, for a first layer of ``pixels``: the least that fill rows."""
    return min(d for d in divisors(layer.input.width) if d >= beat_pixels(layer, pixels))


def after_layer(layer: MacLayer, pixels: int, skip: int) -> int:
    """Places without meaning before a row of a layer's windows, unless it is aligned."""
    return (skip + layer.kernel[1] - 1) % pixels


def after_split(arriving: int, skip: int, pixels: int) -> int:
    """Places without meaning before a row that is split to fewer pixels a beat."""
    return skip % pixels if arriving % pixels == 0 else 0


def keeps_places(pool: PoolStep, pixels: int, skip: int) -> bool:
    """Tell whether every pool lies within one beat; otherwise it takes pixel by pixel."""
    return pixels % pool.kernel[1] == 0 and skip % pool.kernel[1] == 0


def after_pool(pool: PoolStep, pixels: int, skip: int) -> tuple[int, int]:
    """Pixels a beat behind a pool, and places without meaning before a row."""
    if keeps_places(pool, pixels, skip):
        return pixels // pool.kernel[1], skip // pool.kernel[1]
    return 1, 0


def first_pixels(chain: Chain) -> tuple[int, ...]:
    """Pixels a beat worth considering for the first layer, ascending.

    Of the first layer's numbers that need equally many beats a row and the same units
    before it, the least, and the least one that the first pool can keep.
    """
    pools = [step for step in chain.steps if isinstance(step, PoolStep)]
    steps = chain.steps
    early = pools and steps.index(pools[0]) < steps.index(chain.layers[0])
    if early or not takes_pixels(chain.layers[0]):
        return (1,)
    width = chain.input.width
    kernel = pools[0].kernel[1] if pools else 1
    first = chain.layers[0]
    least: dict[tuple[int, bool, bool], int] = {}
    kept: dict[tuple[int, bool, bool], int] = {}
    for pixels in range(1, width + 1):
        held = beat_pixels(first, pixels)
        kind = -(-width // held), is_aligned(first, pixels), width % held == 0
        least.setdefault(kind, pixels)
        if pixels % kernel == 0:
            kept.setdefault(kind, pixels)
    return tuple(sorted({*least.values(), *kept.values()}))


def later_pixels(layer: MacLayer, arriving: int) -> tuple[int, ...]:
    """Pixels a beat worth considering for a layer when ``arriving`` come, ascending.

    Those that arrive, their divisors, and of the numbers that need equally many beats a
    row the least.
    """
    if not takes_pixels(layer):
        return (1,)
    found: dict[int, int] = {}
    for pixels in range(1, min(arriving, layer.input.width + 1)):
        found.setdefault(-(-layer.input.width // pixels), pixels)
    return tuple(sorted({*found.values(), *divisors(arriving)}))
