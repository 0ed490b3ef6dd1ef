"""Plans made from a graph and (PE, SIMD) or (PE, SIMD, pixels) a layer, without board, part and cost."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from bnn_hw.ir.graph import Graph
from bnn_hw.pipeline.arithmetic import DSP
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import LayerPlan, Plan, Resources
from bnn_hw.pipeline.stages import Mvtu
from bnn_hw.plan.build import build_stages
from bnn_hw.plan.cycles import bottleneck, frame_cycles, interval, layer_cycles
from bnn_hw.plan.folding import LayerFolding
from bnn_hw.plan.sized import sized
from bnn_hw.plan.timing import latency_cycles


def fold(pe: int, simd: int, pixels: int = 1) -> LayerFolding:
    return LayerFolding(pe, simd, pixels=pixels)


def make_plan(
    graph: Graph,
    folding: Mapping[str, tuple[int, ...]],
    runtime: Collection[str] = (),
    buffers: bool = False,
    dsp: Mapping[str, Collection[str]] | None = None,
) -> Plan:
    """runtime: layers that can be loaded; buffers: as deep as the interval needs, not of nominal depth.

    dsp: of some layers what DSP slices do, accumulate or match.
    """
    in_dsp = {name: dict.fromkeys(keys, DSP) for name, keys in (dsp or {}).items()}
    choices = {
        name: replace(fold(*sizes), runtime=name in runtime, **in_dsp.get(name, {}))
        for name, sizes in folding.items()
    }
    stages = build_stages(graph, choices)
    if buffers:
        stages = sized(as_chain(graph), choices).stages
    nothing = Resources()
    layers = tuple(
        LayerPlan(s.layer, s.pe, s.simd, s.mh, s.mw, s.weight_memory, layer_cycles(stages, s.layer), nothing)
        for s in stages
        if isinstance(s, Mvtu)
    )
    return Plan(
        network=graph.name,
        graph_digest="",
        board="none",
        part="any part",
        goal="folding",
        clock_hz=100_000_000,
        layers=layers,
        stages=stages,
        stage_cycles=frame_cycles(stages),
        interval_cycles=interval(stages),
        latency_cycles=latency_cycles(stages),
        bottleneck=bottleneck(stages),
        resources=nothing,
        stage_resources={},
    )
