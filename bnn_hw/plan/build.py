"""From a folding to the chain of hardware stages.

The rules, in the order of the chain:

* A threshold on the pixels themselves is a unit of its own at the input.
* A layer is a window unit, which replays each window once for every neuron
  fold, and a matrix-vector-threshold unit. Dense layers read their input as one
  pixel of height * width * channels features.
* A converter stands before a window unit whose word is not what arrives.
* A window unit that takes a whole window in one beat has no ring buffer to wait
  in, so a FIFO of whole pixels stands before it: pixels that complete no window
  must follow each other in single cycles.
* A FIFO stands before a converter to fewer lanes where beats come faster for a
  while than it splits them, but only where the steady pace needs it.
* Where the first layer's windows overlap so that rows of overlapping beats take
  fewer of them, an align unit makes these.
* Where a layer takes fewer pixels a beat than arrive, whole pixels are split before
  it, and one by one before a pool whose kernels would lie in several beats.
* Pools work on beats as they come; the scores unit ends the chain.
"""

from __future__ import annotations

import re
from dataclasses import replace

from bnn_hw.ir.graph import Graph
from bnn_hw.ir.ops import accumulator_bounds
from bnn_hw.ir.types import BIPOLAR, DataType, ValueType, sint, smallest_int, uint
from bnn_hw.pipeline.chain import Chain, InputThreshold, MacLayer, PoolStep
from bnn_hw.pipeline.latency import dot_cuts
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.stages import (
    Align,
    Converter,
    Fifo,
    Mvtu,
    Pool,
    Scores,
    Split,
    Stage,
    Stream,
    ThresholdUnit,
    Window,
)
from bnn_hw.plan.depths import cheapest_depth, least_ring_words, power_of_two, ring_depth_words, with_depth
from bnn_hw.plan.folding import Folding, LayerFolding, check_folding, is_full
from bnn_hw.plan.memory import weight_style
from bnn_hw.plan.pixels import (
    after_layer,
    after_pool,
    after_split,
    beat_pixels,
    divisors,
    input_pixels,
    is_aligned,
    keeps_places,
)

SCORE_BITS = 32


def build_stages(graph: Graph, folding: Folding) -> tuple[Stage, ...]:
    """Return the stages of the graph at this folding.

    Raises ModelError for what the hardware cannot build and FoldingError for an
    illegal folding.
    """
    chain = as_chain(graph)
    check_folding(chain, folding)
    return build_chain(chain, folding)


def build_chain(
    chain: Chain,
    folding: Folding,
    depths: dict[str, int] | None = None,
    memories: dict[str, str] | None = None,
) -> tuple[Stage, ...]:
    """Return the stages of a checked chain at a checked folding.

    depths: words of ring buffers and beats of FIFOs by stage name, 0 for no FIFO,
    and beats of a FIFO before a converter or split by its name; what it does not name
    has its nominal depth, a converter or split no FIFO. memories: logic or block for
    buffers, by the same names; what it does not name lies where it is cheaper.
    """
    first = chain.layers[0]
    pixels = input_pixels(first, folding[first.name].pixels)
    builder = StageBuilder(chain.input, depths=depths, pixels=pixels, memories=memories)
    buffered = False
    for step in chain.steps:
        if isinstance(step, InputThreshold):
            builder.threshold(step)
        elif isinstance(step, PoolStep):
            builder.pool(step)
        else:
            builder.entry(step, folding[step.name], buffered)
            builder.unit(step, folding[step.name])
            buffered = True
    builder.scores(chain)
    return tuple(builder.stages)


def with_cuts(unit: Mvtu, clock_hz: int) -> Mvtu:
    """The unit with as many registers in its dot product as the clock asks for."""
    if not unit.input.dtype.is_bipolar or unit.is_constant or unit.is_fixed:
        return replace(unit, cuts=(0, 0))
    return replace(unit, cuts=dot_cuts(unit.simd, clock_hz))


def accumulator_type(layer: MacLayer, runtime: bool = False) -> DataType:
    """Accumulator of a layer: holds every sum and a threshold one above the greatest.

    A bipolar layer accumulates the popcount of matches, 0 to mw. runtime: whatever the weights.
    """
    if layer.input.dtype.is_bipolar:
        return uint((layer.mw + 1).bit_length())
    low, high = sum_bounds(layer, runtime)
    return smallest_int(low, high + 1)


def sum_bounds(layer: MacLayer, runtime: bool) -> tuple[int, int]:
    """Least and greatest sum of a layer, of any weights with ``runtime``."""
    if runtime:
        dtype = layer.input.dtype
        low, high = min(dtype.min, -dtype.max), max(dtype.max, -dtype.min)
        return layer.mw * low, layer.mw * high
    least, greatest = accumulator_bounds(layer.weights, layer.input.dtype)
    return int(least.min()), int(greatest.max())


class StageBuilder:
    """Adds stages one after the other; ``stream`` is what the last one gives.

    source, lanes, pixels, skip: what arrives, all channels of one pixel a beat by default.
    least: without depths buffers are as small as any can be, instead of nominal.
    """

    def __init__(
        self,
        source: ValueType,
        lanes: int | None = None,
        depths: dict[str, int] | None = None,
        least: bool = False,
        pixels: int = 1,
        skip: int = 0,
        memories: dict[str, str] | None = None,
    ) -> None:
        self.least = least
        self.stages: list[Stage] = []
        self.depths = depths or {}
        self.memories = memories or {}
        self.taken: set[str] = set()
        self.value: str | None = None
        self.stream = Stream(
            source.dtype,
            source.height,
            source.width,
            source.channels,
            lanes or source.channels,
            pixels,
            skip,
        )

    def add(self, stage: Stage) -> None:
        self.stages.append(stage)
        self.stream = stage.output

    def name(self, layer: str, role: str) -> str:
        """A unique identifier ``<layer>_<role>``, or the layer's own name for an empty role."""
        base = re.sub(r"\W", "_", layer, flags=re.ASCII)
        base = base if base[:1].isalpha() else f"n{base}"
        base = f"{base}_{role}" if role else base
        name, count = base, 2
        while name in self.taken:
            name, count = f"{base}_{count}", count + 1
        self.taken.add(name)
        return name

    def threshold(self, step: InputThreshold) -> None:
        self.value = step.node.name
        name = self.name(step.name, "threshold")
        output = replace(self.stream, dtype=BIPOLAR)
        self.add(ThresholdUnit(name, step.name, self.value, self.stream, output, step.node.name))

    def pool(self, step: PoolStep) -> None:
        if not keeps_places(step, self.stream.pixels, self.stream.skip):
            self.split(step, 1)
        pixels, skip = after_pool(step, self.stream.pixels, self.stream.skip)
        self.value = step.node.name
        # The suffix keeps any other name from being a keyword of SystemVerilog.
        name = self.name(step.name, "" if step.name.startswith("pool") else "pool")
        output = replace(
            self.stream, height=step.output.height, width=step.output.width, pixels=pixels, skip=skip
        )
        self.add(Pool(name, step.name, self.value, self.stream, output, step.kernel))

    def entry(self, layer: MacLayer, choice: LayerFolding, buffered: bool) -> None:
        """What stands before the window unit: split, converters, and a FIFO before a full window.

        buffered: whether layers stand before this one, whose pace differs. The input
        itself waits without harm.
        """
        full = is_full(layer, choice.simd)
        if not buffered and is_aligned(layer, choice.pixels):
            self.split(layer, beat_pixels(layer, choice.pixels))
            self.align(layer, choice.pixels)
            return
        self.split(layer, choice.pixels)
        self.regroup(layer, layer.channels if full else choice.simd)
        if full and buffered:
            self.fifo(layer)

    def align(self, layer: MacLayer, pixels: int) -> None:
        name, columns = self.name(layer.name, "align"), layer.kernel[1]
        values = columns * layer.channels
        output = replace(
            self.stream,
            width=layer.output.width,
            channels=values,
            lanes=values,
            pixels=pixels,
            shared=(pixels - 1) * (columns - 1) * layer.channels,
        )
        self.add(Align(name, layer.name, None, self.stream, output, columns))

    def unit(self, layer: MacLayer, choice: LayerFolding) -> None:
        """Window unit and matrix-vector-threshold unit."""
        self.flatten(layer)
        # What is aligned has a window's columns side by side.
        aligned = self.stream.channels != layer.channels
        skip = 0 if aligned else after_layer(layer, self.stream.pixels, self.stream.skip)
        neuron_fold = -(-layer.mh // choice.pe)
        full = is_full(layer, choice.simd)
        pixels = self.stream.pixels
        output = Stream(
            layer.input.dtype,
            layer.output.height,
            layer.output.width,
            layer.mw,
            choice.simd,
            pixels,
            skip,
            shared=(pixels - 1) * layer.kernel[0] * (layer.kernel[1] - 1) * layer.channels,
        )
        window = Window(
            self.name(layer.name, "window"),
            layer.name,
            None,
            self.stream,
            output,
            kernel=(layer.kernel[0], 1) if aligned else layer.kernel,
            stride=layer.stride,
            padding=layer.padding,
            pad_value=layer.pad_value,
            simd=choice.simd,
            replay=neuron_fold,
            full=full,
            depth_words=0,
        )
        if full:
            self.add(window)
        else:
            depth = self.depths.get(window.name)
            if not depth and self.least:
                depth = cheapest_depth(window, least_ring_words(window))
            depth = depth or power_of_two(ring_depth_words(window))
            self.add(with_depth(window, depth, self.memories.get(window.name)))
        self.mvtu(layer, choice, neuron_fold)

    def flatten(self, layer: MacLayer) -> None:
        """Read the stream of a dense layer's input as one pixel of all features."""
        if layer.is_dense:
            self.stream = replace(self.stream, height=1, width=1, channels=layer.input.size)

    def mvtu(self, layer: MacLayer, choice: LayerFolding, neuron_fold: int) -> None:
        depth = neuron_fold * (layer.mw // choice.simd)
        runtime = choice.runtime or layer.runtime
        memory = choice.weight_memory or weight_style(choice.pe, choice.simd, depth, runtime)
        scores = smallest_int(*sum_bounds(layer, runtime)) if runtime else layer.output.dtype
        dtype = BIPOLAR if layer.threshold else scores
        self.value = layer.threshold.name if layer.threshold else layer.mac.name
        output = replace(self.stream, dtype=dtype, channels=layer.mh, lanes=choice.pe, shared=0)
        unit = Mvtu(
            self.name(layer.name, "mvtu"),
            layer.name,
            self.value,
            self.stream,
            output,
            mac=layer.mac.name,
            threshold=layer.threshold.name if layer.threshold else None,
            mw=layer.mw,
            mh=layer.mh,
            pe=choice.pe,
            simd=choice.simd,
            accumulator=accumulator_type(layer, runtime),
            weight_memory=memory,
            runtime=runtime,
            accumulate=choice.accumulate,
            match=choice.match,
            chains=choice.chains,
            rows=layer.kernel[0],
            step=layer.channels,
        )
        self.add(with_cuts(unit, layer.clock_hz))

    def fifo(self, layer: MacLayer) -> None:
        name = self.name(layer.name, "fifo")
        depth = self.depths.get(name, 0 if self.least else max(2, self.stream.groups_per_row))
        if depth:
            self.buffer(name, layer, depth)

    def buffer(self, name: str, layer: MacLayer | PoolStep, depth: int) -> None:
        fifo = Fifo(name, layer.name, self.value, self.stream, self.stream, depth)
        self.add(with_depth(fifo, depth, self.memories.get(name)))

    def regroup(self, layer: MacLayer, lanes: int) -> None:
        """Bring the stream to ``lanes`` values a beat; a dense layer's input becomes one pixel."""
        source = layer.input
        if layer.is_dense and source.shape[:2] != (1, 1):
            if source.channels % lanes == 0:
                self.convert(layer, lanes)
            elif source.channels % self.stream.lanes:
                # A padded beat would leave holes among the features.
                self.convert(layer, next(d for d in divisors(source.channels) if d >= self.stream.lanes))
            self.flatten(layer)
        self.convert(layer, lanes)

    def split(self, layer: MacLayer | PoolStep, pixels: int) -> None:
        """Bring the stream to ``pixels`` pixels a beat, all channels of each."""
        if self.stream.pixels != pixels:
            self.convert(layer, self.stream.channels)
            name = self.name(layer.name, "split")
            self.inlet(name, layer)
            skip = after_split(self.stream.pixels, self.stream.skip, pixels)
            output = replace(self.stream, pixels=pixels, skip=skip)
            self.add(Split(name, layer.name, self.value, self.stream, output))

    def inlet(self, name: str, layer: MacLayer | PoolStep) -> None:
        depth = self.depths.get(name, 0)
        if depth:
            self.buffer(self.name(layer.name, "inlet"), layer, depth)

    def convert(self, layer: MacLayer | PoolStep, lanes: int) -> None:
        if self.stream.lanes != lanes:
            name = self.name(layer.name, "converter")
            self.inlet(name, layer)
            output = replace(self.stream, lanes=lanes)
            self.add(Converter(name, layer.name, self.value, self.stream, output))

    def scores(self, chain: Chain) -> None:
        output = Stream(sint(SCORE_BITS), 1, 1, chain.classes + 1, 1)
        name = self.name("scores", "")
        self.add(Scores(name, chain.layers[-1].name, None, self.stream, output, chain.classes))
