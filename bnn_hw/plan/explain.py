"""Why a plan is as it is: what each layer's folding is held by, and what other speeds would cost."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table

from bnn_hw.ir.graph import Graph
from bnn_hw.pipeline.chain import with_clock, with_runtime_weights
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import LayerPlan, Plan, Resources
from bnn_hw.pipeline.stages import Mvtu
from bnn_hw.plan.budget import Budget
from bnn_hw.plan.cycles import bottleneck, interval
from bnn_hw.plan.folding import LayerFolding
from bnn_hw.plan.search import UNLIMITED, Search
from bnn_hw.plan.sized import price, realised
from bnn_hw.plan.solve import cheapest_within
from bnn_hw.plan.tables import LayerTable, Option


@dataclass(frozen=True)
class LayerReason:
    """Why a layer has its folding: one sentence, and the share of the interval it works."""

    layer: str
    pe: int
    simd: int
    cycles: int
    busy: float
    reason: str


@dataclass(frozen=True)
class Alternative:
    """The cheapest folding of another interval against the plan's, within its limits if any is.

    lut, bram36, dsp: more (or fewer) than the plan; changed: layers with another folding;
    exceeds: names of the limits it exceeds.
    """

    interval_cycles: int
    fps: float
    lut: float
    bram36: float
    dsp: float
    bottleneck: str
    changed: tuple[str, ...]
    exceeds: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """Reasons by layer; the next faster interval, and the next slower one that saves something.

    None where there is none.
    """

    layers: tuple[LayerReason, ...]
    faster: Alternative | None
    slower: Alternative | None


def explain(graph: Graph, plan: Plan) -> Explanation:
    """Explain a plan of ``graph``. Cycles are exact, resources by the cost law."""
    chain = as_chain(graph)
    if all(layer.runtime for layer in plan.layers):
        chain = with_runtime_weights(chain)
    limit = plan.limit or UNLIMITED
    search = Search(with_clock(chain, plan.clock_hz), dsp=limit.dsp >= 1)
    tables = {table.layer.name: table for table in search.tables.layers}
    reasons = tuple(_reason(layer, tables[layer.name], plan) for layer in plan.layers)
    every = search.intervals()
    faster = [cycles for cycles in every if cycles < plan.interval_cycles]
    fewer = (cycles for cycles in every if cycles > plan.interval_cycles and _may_save(search, cycles, plan))
    slower = (_alternative(search, cycles, plan) for cycles in fewer)
    return Explanation(
        reasons,
        _alternative(search, faster[-1], plan) if faster else None,
        next((item for item in slower if item and _saves(item, plan)), None),
    )


def _may_save(search: Search, cycles: int, plan: Plan) -> bool:
    found = search.cheapest(cycles, plan.limit or UNLIMITED)
    return found is not None and found.value < price(plan.resources)


def _saves(other: Alternative, plan: Plan) -> bool:
    return (
        price(Resources(other.lut, 0, other.bram36, other.dsp)) < 0
        and other.interval_cycles > plan.interval_cycles
    )


def _price(option: Option) -> float:
    return price(Resources(option.lut, 0, option.halves / 2, option.dsp))


def _reason(layer: LayerPlan, table: LayerTable, plan: Plan) -> LayerReason:
    sizes = (layer.pe, layer.simd, layer.pixels)
    own = [o for o in table.options if (o.choice.pe, o.choice.simd, o.choice.pixels) == sizes]
    cost = min(map(_price, own), default=float("inf"))
    smaller = [o for o in table.options if o.cycles > plan.interval_cycles and _price(o) < cost]
    within = sum(o.cycles <= plan.interval_cycles for o in table.options)
    if smaller:
        next_one = min(smaller, key=lambda o: (o.cycles, _price(o)))
        several = next_one.choice.pixels
        pixels = f" and {several} pixels" if several > 1 else ""
        reason = (
            f"the nearest smaller one, PE {next_one.choice.pe} SIMD {next_one.choice.simd}{pixels}, takes "
            f"{next_one.cycles:,} cycles and {cost - _price(next_one):,.0f} LUT less"
        )
    else:
        reason = "no folding of this layer is smaller"
    if layer.cycles == plan.interval_cycles:
        reason = f"sets the pace; {reason}"
    reason += f"; {within} of {len(table.options)} foldings keep the pace"
    return LayerReason(
        layer.name, layer.pe, layer.simd, layer.cycles, layer.cycles / plan.interval_cycles, reason
    )


def _alternative(search: Search, cycles: int, plan: Plan) -> Alternative | None:
    limit = plan.limit or UNLIMITED
    solution = cheapest_within(search, Budget(limit, plan.budget), cycles)
    if solution is None:
        found = search.cheapest(cycles, UNLIMITED)
        if found is None:
            return None
        solution = realised(search.chain, found)
    units = {stage.layer: stage for stage in plan.stages if isinstance(stage, Mvtu)}
    changed = tuple(name for name, choice in solution.folding.items() if _differs(units[name], choice))
    need = solution.resources
    names = ("lut", "ff", "bram36", "dsp")
    return Alternative(
        interval(solution.stages),
        plan.clock_hz / interval(solution.stages),
        need.lut - plan.resources.lut,
        need.bram36 - plan.resources.bram36,
        need.dsp - plan.resources.dsp,
        bottleneck(solution.stages),
        changed,
        tuple(name for name in names if getattr(need, name) > getattr(limit, name)),
    )


def _differs(unit: Mvtu, choice: LayerFolding) -> bool:
    sizes = unit.pe, unit.simd, unit.input.pixels, unit.accumulate, unit.match
    alone = unit.neuron_fold * unit.synapse_fold == 1
    same = alone or choice.weight_memory in (None, unit.weight_memory)
    return sizes != (choice.pe, choice.simd, choice.pixels, choice.accumulate, choice.match) or not same


def explanation_tables(plan: Plan, found: Explanation) -> list[Table]:
    """The reasons by layer, and what the neighbouring speeds would take."""
    reasons = Table(title=f"{plan.network} on {plan.board}, goal {plan.goal}", title_justify="left")
    for name in ("layer", "PE", "SIMD", "cycles", "busy", "why"):
        reasons.add_column(name, justify="left" if name in ("layer", "why") else "right", overflow="fold")
    for item in found.layers:
        reasons.add_row(
            item.layer, f"{item.pe}", f"{item.simd}", f"{item.cycles:,}", f"{item.busy:.0%}", item.reason
        )
    speeds = Table(title="other speeds (resources predicted)", title_justify="left")
    for name in (
        "",
        "interval",
        "frames a second",
        "LUT",
        "BRAM36",
        "DSP",
        "bottleneck",
        "layers changed",
        "limits",
    ):
        speeds.add_column(name, overflow="fold")
    fps = f"{plan.fps:,.0f}"
    lut, bram = f"{plan.resources.lut:,.0f}", f"{plan.resources.bram36:g}"
    own = (f"{plan.interval_cycles:,}", fps, lut, bram, f"{plan.resources.dsp:g}")
    speeds.add_row("this plan", *own, plan.bottleneck, "", plan.budget)
    if plan.port_cycles:
        most = f"{plan.clock_hz / plan.port_cycles:,.0f}"
        speeds.add_row("memory port", f"{plan.port_cycles:,}", most, *[""] * 6)
    for name, other in (("next faster", found.faster), ("next slower", found.slower)):
        if other is None:
            speeds.add_row(name, "none", *[""] * 7)
            continue
        over = ", ".join(other.exceeds)
        speeds.add_row(
            name,
            f"{other.interval_cycles:,}",
            f"{other.fps:,.0f}",
            f"{other.lut:+,.0f}",
            f"{other.bram36:+g}",
            f"{other.dsp:+g}",
            other.bottleneck,
            ", ".join(other.changed),
            f"exceeds {over}" if over else "kept",
        )
    return [reasons, speeds]
