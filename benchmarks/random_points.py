"""Foldings drawn at random: the points on which predictions are held against synthesis and simulation.

A point is drawn with a random generator of its own, seeded by its number, so that
any of them can be made again by itself. A folding is drawn evenly among those whose layers
keep to a frame interval and idle at most SLACK times as long, the interval evenly on a
logarithmic scale; so layers are about as unlike as in foldings that one would build,
and no cheaper or dearer than others of their speed. Points that are predicted to take more than
MAX_LUT are drawn again, for the time that it takes to synthesise them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from bnn_hw.board import Board
from bnn_hw.errors import FoldingError
from bnn_hw.ir import Graph
from bnn_hw.pipeline.arithmetic import DSP, MAX_DSP_SYNAPSES
from bnn_hw.pipeline.chain import Chain, MacLayer
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import Plan
from bnn_hw.plan import plan_folding
from bnn_hw.plan.folding import Folding, LayerFolding, legal_simd, useful_pe
from bnn_hw.plan.memory import BLOCK, LOGIC
from bnn_hw.plan.pixels import takes_pixels

SEED = 2026
MAX_LUT = 5_000
SLACK = 6
# Cycles a frame; u-CNV's and n-CNV's at the paper's folding are 32,400 and 8,100.
FEWEST_CYCLES, MOST_CYCLES = 1_000, 34_000
MEMORY_SHARE = RUNTIME_SHARE = DSP_SHARE = 0.4

KINDS = PLAIN, RUNTIME, SLICES, PIXELS = "plain", "runtime", "dsp", "pixels"


@dataclass(frozen=True)
class Draw:
    """A point to draw: its number, a design, and what its foldings show beside PE and SIMD."""

    number: int
    design: str
    kind: str

    @property
    def name(self) -> str:
        return f"{self.number:02}-{self.design}-{self.kind}"


def draws() -> list[Draw]:
    """36 points; every six have all kinds, so that an interrupted run has seen all, too."""
    six = (
        ("ucnv", PLAIN),
        ("ncnv", PLAIN),
        ("ucnv", RUNTIME),
        ("ucnv", PLAIN),
        ("ncnv", SLICES),
        ("ucnv", PIXELS),
    )
    other = {"ucnv": "ncnv", "ncnv": "ucnv"}
    found = []
    for number in range(36):
        design, kind = six[number % 6]
        # In every second six the two designs change places.
        found.append(Draw(number, other[design] if number // 6 % 2 else design, kind))
    return found


def point_plan(draw: Draw, graph: Graph, board: Board) -> Plan:
    """The plan of a point: the same folding whenever it is drawn again by the same cost law."""
    rng = np.random.default_rng([SEED, draw.number])
    chain = as_chain(graph)
    while True:
        folding = random_folding(chain, draw.kind, rng)
        try:
            plan = plan_folding(graph, board, folding, draw.name)
        except FoldingError:
            continue  # more pixels than the layer before gives
        if plan.resources.lut <= MAX_LUT and plan.interval_cycles <= MOST_CYCLES:
            return plan


def random_folding(chain: Chain, kind: str, rng: np.random.Generator) -> Folding:
    """A folding of about one pace; it may still be illegal where it has several pixels."""
    low, high = np.log2(FEWEST_CYCLES), np.log2(MOST_CYCLES)
    cycles = float(2 ** rng.uniform(low, high))
    folding = {}
    pixels = int(rng.choice((2, 4))) if kind == PIXELS else 1
    for layer in chain.layers:
        if pixels > 1 and takes_pixels(layer):
            # Windows at once: as many neurons a cycle as keep the pace, and few of them.
            fold = max(1, min(layer.mh, int(cycles * pixels / layer.windows)))
            folding[layer.name] = LayerFolding(-(-layer.mh // fold), layer.mw, pixels=pixels)
            pixels = int(rng.choice((1, pixels))) if layer is chain.layers[0] else 1
        else:
            folding[layer.name] = _any_of(_paced(layer, cycles), rng)
            pixels = 1
    return {layer.name: _with_kind(layer, folding[layer.name], kind, rng) for layer in chain.layers}


def _paced(layer: MacLayer, cycles: float) -> list[LayerFolding]:
    """Foldings that take at most ``cycles``, and not under a share of it; the nearest if there is none."""
    every = [LayerFolding(pe, simd) for pe in useful_pe(layer) for simd in legal_simd(layer)]
    took = {choice: layer.windows * -(-layer.mh // choice.pe) * (layer.mw // choice.simd) for choice in every}
    fitting = [choice for choice in every if cycles / SLACK <= took[choice] <= cycles]
    return fitting or [min(every, key=lambda choice: abs(np.log(took[choice] / cycles)))]


def _any_of(choices: list[LayerFolding], rng: np.random.Generator) -> LayerFolding:
    return choices[int(rng.integers(len(choices)))]


def _with_kind(layer: MacLayer, choice: LayerFolding, kind: str, rng: np.random.Generator) -> LayerFolding:
    """The folding with a memory of its own, weights that can be loaded, or DSP slices, by chance."""
    depth = -(-layer.mh // choice.pe) * (layer.mw // choice.simd)
    if kind == RUNTIME and rng.random() < RUNTIME_SHARE:
        return replace(choice, runtime=True)
    if kind == SLICES and depth > 1 and layer.input.dtype.is_bipolar and rng.random() < DSP_SHARE:
        # Matches fill slices of 48 lanes by many PEs only.
        match = DSP if choice.pe * choice.simd <= 48 * 16 and rng.random() < DSP_SHARE else choice.match
        accumulate = DSP if layer.mw <= MAX_DSP_SYNAPSES else choice.accumulate
        return replace(choice, accumulate=accumulate, match=match)
    if kind == PLAIN and depth > 1 and rng.random() < MEMORY_SHARE:
        return replace(choice, weight_memory=_memory(depth, rng))
    return choice


def _memory(depth: int, rng: np.random.Generator) -> str:
    """Either kind where one could prefer either."""
    kinds: Iterable[str] = (LOGIC,) if depth < 16 else (BLOCK,) if depth > 512 else (LOGIC, BLOCK)
    return str(rng.choice(list(kinds)))
