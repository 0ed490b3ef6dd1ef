"""Foldings with their buffers: as the search counted them, or as a schedule of the whole chain needs them."""

from __future__ import annotations

from dataclasses import dataclass

from bnn_hw.pipeline.chain import Chain
from bnn_hw.pipeline.record import Proof, Resources
from bnn_hw.pipeline.stages import Converter, Fifo, Mvtu, Split, Stage, Window
from bnn_hw.plan.build import build_chain
from bnn_hw.plan.cycles import interval
from bnn_hw.plan.depths import cheapest_depth, least_ring_words
from bnn_hw.plan.folding import Folding
from bnn_hw.plan.memory import BLOCK, LOGIC, LUT_PER_BRAM36
from bnn_hw.plan.relax import LUT_PER_DSP
from bnn_hw.plan.search import Found
from bnn_hw.plan.tables import total_of
from bnn_hw.plan.timing import required_depths, simulate

# Frames after which the pace of a pipeline has settled.
_FRAMES = 6


@dataclass(frozen=True)
class Solution:
    """A folding, its stages with sized buffers, what they take, and how good it is proven to be."""

    folding: Folding
    stages: tuple[Stage, ...]
    resources: Resources
    proof: Proof | None = None


def price(resources: Resources) -> float:
    """What the cheapest folding has least of."""
    return resources.lut + LUT_PER_BRAM36 * resources.bram36 + LUT_PER_DSP * resources.dsp


def sized(chain: Chain, folding: Folding) -> Solution:
    """Stages of a folding with buffers as deep as the bound needs."""
    nominal = build_chain(chain, folding)
    depths = buffer_depths(nominal, interval(nominal))
    stages = build_chain(chain, folding, depths)
    return Solution(folding, stages, total_of(stages))


def realised(chain: Chain, found: Found) -> Solution:
    """Stages of what a search found; deeper buffers where its own do not keep the pace."""
    nominal = build_chain(chain, found.folding)
    depths, memories = {}, {}
    for stage in nominal:
        if isinstance(stage, Fifo) or (isinstance(stage, Window) and not stage.full):
            depths[stage.name] = found.depths[stage.layer]
            memories[stage.name] = BLOCK if found.blocks[stage.layer] else LOGIC
        elif isinstance(stage, Split) and found.inlets.get(stage.layer):
            depths[stage.name], memories[f"{stage.layer}_inlet"] = found.inlets[stage.layer], LOGIC
    stages = build_chain(chain, found.folding, depths, memories)
    if not keeps_pace(stages):
        needed = buffer_depths(nominal, interval(nominal))
        depths = {name: max(depths.get(name, 0), needed.get(name, 0)) for name in {*depths, *needed}}
        stages = build_chain(chain, found.folding, depths, memories)
    return Solution(found.folding, stages, total_of(stages))


def keeps_pace(stages: tuple[Stage, ...]) -> bool:
    """Tell whether frames follow each other at the interval of the slowest stage."""
    cycles = interval(stages)
    have = {
        s.name: s.depth_words if isinstance(s, Window) else s.depth
        for s in stages
        if isinstance(s, (Window, Fifo))
    }
    needed = required_depths(stages, cycles)
    if all(need <= have.get(name, 2) for name, need in needed.items()):
        return True
    ends = simulate(stages, _FRAMES).ends()
    return bool(ends[-1] - ends[-2] <= cycles)


def buffer_depths(stages: tuple[Stage, ...], cycles: int) -> dict[str, int]:
    """Depths for :func:`build_chain` with a frame every ``cycles``, rounded up to what RAMs come in.

    A FIFO of up to two beats is left out: the skid buffer that is there does as well. A
    converter that gathers has none at its output, and could not go on while a beat waits.
    """
    needed = required_depths(stages, cycles)
    depths = {}
    gathered = False
    fed = False  # by a layer; the input itself waits without harm
    for stage in stages:
        need = needed.get(stage.name, 0)
        if isinstance(stage, Window) and not stage.full:
            depths[stage.name] = cheapest_depth(stage, max(need, least_ring_words(stage)))
        elif isinstance(stage, Fifo):
            depths[stage.name] = cheapest_depth(stage, need) if need > 2 else 0
        elif isinstance(stage, (Converter, Split)) and fed and need > 2:
            inlet = Fifo("", stage.layer, None, stage.input, stage.input, need)
            depths[stage.name] = cheapest_depth(inlet, need)
        elif isinstance(stage, Split) and gathered and need:
            depths[stage.name] = 2
        gathered = isinstance(stage, Converter) and stage.output.lanes > stage.input.lanes
        fed = fed or isinstance(stage, Mvtu)
    return depths
