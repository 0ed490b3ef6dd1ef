"""FINN's own estimates of cycles, LUT and block RAM, as an alternative cost table for the solver.

Written anew from the formulas that FINN publishes, for binary networks on 7-series parts:
matrix-vector units by M. Blott et al., "FINN-R" (ACM TRETS 2018), equations of LUT and
BRAM18; sliding windows, in distributed RAM, and width converters as finn-plus 1.6.1 estimates
its RTL ones. FIFOs and pools themselves it does not count, and neither do these.

A node of FINN's graph is folded by itself: PE divides the neurons, SIMD the synapses; a
window unit takes a divisor of the channels, or puts out a whole window (``parallel``).
Its estimate depends on that node only; where a node's output is not as wide as the
next one's input, FINN puts a converter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

from bnn_hw.pipeline.chain import Chain, MacLayer, PoolStep
from bnn_hw.plan.finn import MVAU, POOL, WINDOW
from bnn_hw.plan.folding import Folding, LayerFolding
from bnn_hw.plan.memory import LOGIC
from bnn_hw.plan.pixels import divisors

# LUT of a unit's control, and what all others are multiplied with.
CONTROL_LUT = 300
LUT_FACTOR = 1.1
# Words that a LUT holds of a weight memory, and of a window's buffer.
WEIGHTS_A_LUT, WORDS_A_LUT = 64, 38

# Words and width of a RAMB18, up to which width in bits it is taken.
_RAMB18_WORDS = ((1, 16384, 1), (2, 8192, 2), (4, 4096, 4), (9, 2048, 9))


@dataclass(frozen=True)
class FinnFolding(LayerFolding):
    """Folding of a node; parallel: a window unit's whole window in one cycle.

    Weights lie in block RAM unless ``weight_memory`` is logic: distributed RAM.
    """

    parallel: bool = False


@dataclass(frozen=True)
class Node:
    """A node of FINN's graph; name: after specialisation, as in its folding configuration."""

    kind: ClassVar[str]
    name: str

    def foldings(self) -> Iterator[FinnFolding]:
        """Every legal folding."""
        raise NotImplementedError

    def cycles(self, folding: FinnFolding) -> int:
        """Cycles a frame."""
        raise NotImplementedError

    def lut(self, folding: FinnFolding) -> int:
        raise NotImplementedError

    def bram18(self, folding: FinnFolding) -> int:
        return 0

    def widths(self, folding: FinnFolding) -> tuple[int, int]:
        """Bits of a beat of the input and of the output."""
        raise NotImplementedError


@dataclass(frozen=True)
class MatrixUnit(Node):
    """MVAU of a layer."""

    kind: ClassVar[str] = MVAU
    layer: MacLayer

    def foldings(self) -> Iterator[FinnFolding]:
        for pe in divisors(self.layer.mh):
            for simd in divisors(self.layer.mw):
                yield FinnFolding(pe, simd)
                yield FinnFolding(pe, simd, LOGIC)

    def words(self, folding: FinnFolding) -> int:
        """Words of the weight memory."""
        return (self.layer.mh // folding.pe) * (self.layer.mw // folding.simd)

    def cycles(self, folding: FinnFolding) -> int:
        return self.layer.windows * self.words(folding)

    @property
    def weight_bits(self) -> int:
        """Bipolar weights are one bit, but INT2 against integers."""
        return 1 if self.layer.input.dtype.is_bipolar else 2

    @cached_property
    def accumulator_bits(self) -> int:
        """Signed bits for inputs of 0 and 1 (or pixels) times these weights of -1 and +1.

        So FINN sizes the accumulator of a binary layer too, which counts matches; it is too narrow then.
        """
        greatest = 1 if self.layer.input.dtype.is_bipolar else self.layer.input.dtype.max
        positive = int((self.layer.weights > 0).sum(axis=1).max())
        negative = int((self.layer.weights < 0).sum(axis=1).max())
        return math.ceil(math.log2(max(negative * greatest, positive * greatest + 1))) + 1

    def widths(self, folding: FinnFolding) -> tuple[int, int]:
        bits = 1 if self.layer.threshold else self.accumulator_bits
        return folding.simd * self.layer.input.dtype.bits, folding.pe * bits

    def lut(self, folding: FinnFolding) -> int:
        bits = self.weight_bits + self.layer.input.dtype.bits
        products = folding.simd * (2 * math.ceil(bits / 6) - 1) * bits
        adders = bits * (2 * folding.simd - 1)
        memory = 0
        if folding.weight_memory == LOGIC:
            columns = folding.pe * folding.simd * self.weight_bits
            memory = columns * math.ceil(self.words(folding) / WEIGHTS_A_LUT)
        own = folding.pe * (products + adders + self.accumulator_bits)
        return int(CONTROL_LUT + LUT_FACTOR * own + memory)

    def bram18(self, folding: FinnFolding) -> int:
        if folding.weight_memory == LOGIC:
            return 0
        words = self.words(folding)
        width = folding.pe * folding.simd * self.weight_bits
        for most, depth, bits in _RAMB18_WORDS:
            if width <= most:
                return math.ceil(words / depth) * math.ceil(width / bits)
        depth, bits = (1024, 18) if width <= 18 or words > 512 else (512, 36)
        return math.ceil(words / depth) * math.ceil(width / bits)


@dataclass(frozen=True)
class WindowUnit(Node):
    """ConvolutionInputGenerator of a convolution, or of a pool (``depthwise``); all numbers in pixels."""

    kind: ClassVar[str] = WINDOW
    height: int
    width: int
    channels: int
    bits: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    depthwise: bool = False

    def foldings(self) -> Iterator[FinnFolding]:
        for simd in divisors(self.channels):
            yield FinnFolding(1, simd)
        if not self.depthwise:
            yield FinnFolding(1, self.channels, parallel=True)

    def _out(self) -> tuple[int, int]:
        rows = (self.height - self.kernel[0]) // self.stride[0] + 1
        return rows, (self.width - self.kernel[1]) // self.stride[1] + 1

    def cycles(self, folding: FinnFolding) -> int:
        if folding.parallel:
            return self.height * self.width + 2
        rows, columns = self._out()
        words = self.channels // folding.simd
        written = columns * self.kernel[0] * self.kernel[1] * words
        row = max(written, self.stride[1] * self.width * words)
        if self.depthwise:
            row += columns * (self.stride[1] - 1) * (words - 1)
        first = self._span() * words
        last = (self.stride[0] - 1) * self.width * words if self.depthwise else 0
        return first + rows * row + last

    def widths(self, folding: FinnFolding) -> tuple[int, int]:
        bits = folding.simd * self.bits
        return bits, bits * (self.kernel[0] * self.kernel[1] if folding.parallel else 1)

    def _span(self) -> int:
        """Pixels from the first to the last of a window."""
        return (self.kernel[0] - 1) * self.width + self.kernel[1]

    def lut(self, folding: FinnFolding) -> int:
        words = self.channels // folding.simd
        if folding.parallel:
            depth = self._span() + 1
        else:
            places = self.kernel[0] * self.kernel[1]
            ahead = max(0, self.stride[1] - 1 - places)
            ahead += max(0, (self.stride[0] - 1) * self.width - places)
            depth = (self._span() + ahead) * words
        return CONTROL_LUT + folding.simd * self.bits * math.ceil(depth / WORDS_A_LUT)


@dataclass(frozen=True)
class PoolUnit(Node):
    """Pool; FINN gives it and its window unit the same parallelism, and estimates no LUT for it."""

    kind: ClassVar[str] = POOL
    step: PoolStep
    window: WindowUnit

    def foldings(self) -> Iterator[FinnFolding]:
        for pe in divisors(self.step.input.channels):
            yield FinnFolding(pe, 1)

    def own_cycles(self, folding: FinnFolding) -> int:
        """Cycles of the pool itself."""
        out = self.step.output
        kernel = self.step.kernel[0] * self.step.kernel[1]
        return self.step.input.channels // folding.pe * kernel * out.height * out.width

    def cycles(self, folding: FinnFolding) -> int:
        return max(self.own_cycles(folding), self.window.cycles(FinnFolding(1, folding.pe)))

    def widths(self, folding: FinnFolding) -> tuple[int, int]:
        return folding.pe * self.window.bits, folding.pe * self.window.bits

    def lut(self, folding: FinnFolding) -> int:
        return self.window.lut(FinnFolding(1, folding.pe))


def finn_nodes(chain: Chain) -> list[Node]:
    """The nodes that FINN makes of a chain, without the one that picks the winning class."""
    nodes: list[Node] = []
    windows = 0
    layers = pools = 0
    for step in chain.steps:
        if isinstance(step, MacLayer):
            if not step.is_dense:
                nodes.append(_window(f"{WINDOW}_{windows}", step))
                windows += 1
            nodes.append(MatrixUnit(f"{MVAU}_{layers}", step))
            layers += 1
        elif isinstance(step, PoolStep):
            source = step.input
            window = WindowUnit(
                f"{WINDOW}_{windows}",
                source.height,
                source.width,
                source.channels,
                source.dtype.bits,
                step.kernel,
                step.kernel,
                depthwise=True,
            )
            nodes.append(PoolUnit(f"{POOL}_{pools}", step, window))
            windows, pools = windows + 1, pools + 1
    return nodes


def _window(name: str, layer: MacLayer) -> WindowUnit:
    source, (top, left, bottom, right) = layer.window_input, layer.padding
    return WindowUnit(
        name,
        source.height + top + bottom,
        source.width + left + right,
        source.channels,
        source.dtype.bits,
        layer.kernel,
        layer.stride,
    )


FinnChoice = dict[str, FinnFolding]
"""Foldings by node name."""


@dataclass(frozen=True)
class Estimate:
    """What FINN estimates for a network: cycles of the slowest node, the nodes' sum, and its converters.

    lut: without converters, as in FINN's report of a graph that has none yet.
    """

    cycles: int
    lut: int
    bram18: int
    converters: int
    converter_lut: int

    @property
    def total_lut(self) -> int:
        return self.lut + self.converter_lut


def converter_lut(bits_in: int, bits_out: int) -> int:
    """LUT of a width converter: shift registers up to the least common multiple, and counters."""
    group = math.lcm(bits_in, bits_out)
    total = 0
    if bits_in != group:
        total += math.floor(math.log2(group / bits_in)) + group
    if bits_out != group:
        total += math.ceil(math.log2(group / bits_out)) + bits_out
    return total


def estimate(nodes: Sequence[Node], choice: FinnChoice) -> Estimate:
    widths = [node.widths(choice[node.name]) for node in nodes]
    joints = [(before[1], after[0]) for before, after in pairwise(widths) if before[1] != after[0]]
    return Estimate(
        max(node.cycles(choice[node.name]) for node in nodes),
        sum(node.lut(choice[node.name]) for node in nodes),
        sum(node.bram18(choice[node.name]) for node in nodes),
        len(joints),
        sum(converter_lut(*joint) for joint in joints),
    )


def from_folding(nodes: Sequence[Node], folding: Folding) -> FinnChoice:
    """FINN's nodes at a folding of this package: windows as wide as their layer, pools not folded.

    As bnn_hw.plan.finn exports it. Weights in block RAM unless the folding says logic.
    """
    choice: FinnChoice = {}
    window: Node | None = None
    for node in nodes:
        if isinstance(node, PoolUnit):
            choice[node.name] = FinnFolding(node.step.input.channels, 1)
        elif isinstance(node, MatrixUnit):
            own = folding[node.layer.name]
            choice[node.name] = FinnFolding(own.pe, own.simd, own.weight_memory)
            if window:
                whole = own.simd == node.layer.mw
                simd = node.layer.channels if whole else own.simd
                choice[window.name] = FinnFolding(1, simd, parallel=whole)
            window = None
        else:
            window = node
    return choice
