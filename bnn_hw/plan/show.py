"""A plan as tables for a person. Cycles are exact; resources are predicted and say so."""

from __future__ import annotations

from rich.table import Table

from bnn_hw.board import Board
from bnn_hw.pipeline.arithmetic import DSP
from bnn_hw.pipeline.record import Plan, Resources
from bnn_hw.pipeline.stages import Mvtu
from bnn_hw.plan.laws import expected_error
from bnn_hw.plan.power import core_power

_FIELDS = (("LUT sites", "lut"), ("flip-flops", "ff"), ("BRAM36", "bram36"), ("DSP", "dsp"))


def plan_tables(plan: Plan, board: Board) -> list[Table]:
    """Return the folding by layer, the speed, and the resources against the part."""
    return [folding_table(plan), speed_table(plan), resource_table(plan, board)]


def folding_table(plan: Plan) -> Table:
    """One row a layer: PE, SIMD, weights, cycles and their share of the bottleneck, predicted resources."""
    title = f"{plan.network} on {plan.board}, goal {plan.goal}, {plan.arithmetic} arithmetic"
    table = Table(title=title, title_justify="left")
    table.add_column("layer")
    several = any(layer.pixels > 1 for layer in plan.layers)
    for name in ("neurons", "synapses", "PE", "SIMD", *(["pixels"] if several else [])):
        table.add_column(name, justify="right")
    table.add_column("weights in")
    dsp = any(_dsp_work(stage) for stage in plan.stages if isinstance(stage, Mvtu))
    if dsp:
        table.add_column("in DSP")
    for name in ("cycles", "of bottleneck", "LUT predicted", "BRAM36 predicted"):
        table.add_column(name, justify="right")
    kinds = {stage.layer: stage for stage in plan.stages if isinstance(stage, Mvtu)}
    for layer in plan.layers:
        unit = kinds[layer.name]
        constant = unit.neuron_fold * unit.synapse_fold == 1 and not unit.runtime
        memory = "constants" if constant else "BRAM" if layer.weight_memory == "block" else "LUT"
        table.add_row(
            layer.name,
            f"{layer.neurons:,}",
            f"{layer.synapses:,}",
            f"{layer.pe}",
            f"{layer.simd}",
            *([f"{layer.pixels}"] if several else []),
            f"{memory}, loadable" if unit.runtime else memory,
            *([_dsp_work(unit)] if dsp else []),
            f"{layer.cycles:,}",
            f"{layer.cycles / plan.interval_cycles:.0%}",
            f"{layer.resources.lut:,.0f}",
            f"{layer.resources.bram36:g}",
        )
    return table


def _dsp_work(unit: Mvtu) -> str:
    """What DSP slices do in a layer."""
    named = (("sums", unit.accumulate), ("matches", unit.match))
    return ", ".join(name for name, place in named if place == DSP)


def speed_table(plan: Plan) -> Table:
    """Interval, frame rate and latency at the plan's clock."""
    table = Table(title="speed (cycles exact)", title_justify="left", show_header=False)
    watts = core_power(plan.resources, plan.clock_hz).total_w
    latency_ms = plan.latency_cycles / plan.clock_hz * 1e3
    for name, value in (
        ("bottleneck", f"{plan.bottleneck}: {plan.interval_cycles:,} cycles a frame"),
        ("frames a second", f"{plan.fps:,.0f} at {plan.clock_hz / 1e6:g} MHz"),
        *_port_rows(plan),
        *_proof_rows(plan),
        ("latency of one frame", f"{plan.latency_cycles:,} cycles, {latency_ms:.3g} ms"),
        ("power of the core (estimate)", f"{watts * 1e3:,.3g} mW, {watts / plan.fps * 1e6:,.3g} uJ a frame"),
    ):
        table.add_row(name, value)
    return table


def _port_rows(plan: Plan) -> list[tuple[str, str]]:
    """What memory can feed; nothing where the core counts alone."""
    if not plan.port_cycles:
        return []
    fps = plan.clock_hz / plan.port_cycles
    binds = "limits the frames a second" if plan.port_cycles >= plan.interval_cycles else "feeds more"
    return [("memory port", f"{plan.port_cycles:,} cycles a frame, {fps:,.0f} a second: {binds}")]


def _proof_rows(plan: Plan) -> list[tuple[str, str]]:
    """How good the folding is proven to be by the cost law; nothing for one that was given."""
    if plan.proof is None:
        return []
    proof = plan.proof
    words = "proven optimum" if proof.gap <= 0 else f"gap {proof.gap:.2%}"
    return [
        (
            "objective",
            f"{proof.value:,.10g} {proof.objective}, bound {proof.bound:,.10g}: {words}, "
            f"{proof.seconds:.1f} s of search",
        )
    ]


def resource_table(plan: Plan, board: Board) -> Table:
    """Predicted resources of the core against the part."""
    table = Table(title="core (predicted by the cost law)", title_justify="left")
    table.add_column("resource")
    for name in ("predicted", board.part.name, "share", "limit"):
        table.add_column(name, justify="right")
    part = Resources(board.part.lut, board.part.ff, board.part.bram36, board.part.dsp)
    for title, field in _FIELDS:
        need, have = getattr(plan.resources, field), getattr(part, field)
        limit = f"{getattr(plan.limit, field):,.10g}" if plan.limit else ""
        table.add_row(title, f"{need:,.10g}", f"{have:,}", f"{need / have:.1%}", limit)
    captions = [f"limit: {plan.budget}"] if plan.budget else []
    error = expected_error()
    if error:
        captions.append(
            f"LUT sites off by {error['median']:.1%} at the median and {error['worst']:.1%} at most on "
            f"{error['cores']} synthesised cores that the law was not fitted to"
        )
    table.caption = "\n".join(captions)
    return table
