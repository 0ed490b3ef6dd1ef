"""Why a plan is as it is: what each layer's folding is held by, and what other speeds would cost."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table

from bnn_hw.ir.graph import Graph
from bnn_hw.pipeline.chain import with_runtime_weights
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import LayerPlan, Plan, Resources
from bnn_hw.plan.cycles import bottleneck, interval
from bnn_hw.plan.memory import LUT_PER_BRAM36
from bnn_hw.plan.search import LayerTable, Option, Search
from bnn_hw.plan.solve import Solution, sized

_UNLIMITED = 1e12
_MOST_BRAM36 = 2000


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

    lut, bram36: more (or fewer) than the plan; changed: layers with another folding;
    exceeds: names of the limits it exceeds.
    """

    interval_cycles: int
    fps: float
    lut: float
    bram36: float
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
    search = Search(chain)
    tables = {table.layer.name: table for table in search.tables}
    reasons = tuple(_reason(layer, tables[layer.name], plan) for layer in plan.layers)
    every = search.intervals()
    faster = [cycles for cycles in every if cycles < plan.interval_cycles]
    slower = (_alternative(search, cycles, plan) for cycles in every if cycles > plan.interval_cycles)
    return Explanation(
        reasons,
        _alternative(search, faster[-1], plan) if faster else None,
        next((item for item in slower if item and _saves(item, plan)), None),
    )


def _saves(other: Alternative, plan: Plan) -> bool:
    cheaper = other.lut + LUT_PER_BRAM36 * other.bram36 < 0
    return cheaper and other.interval_cycles > plan.interval_cycles


def _price(option: Option) -> float:
    return option.lut + LUT_PER_BRAM36 / 2 * option.halves


def _reason(layer: LayerPlan, table: LayerTable, plan: Plan) -> LayerReason:
    sizes = (layer.pe, layer.simd, layer.pixels)
    own = [o for o in table.options if (o.choice.pe, o.choice.simd, o.choice.pixels) == sizes]
    price = min(map(_price, own), default=float("inf"))
    smaller = [o for o in table.options if o.cycles > plan.interval_cycles and _price(o) < price]
    within = sum(o.cycles <= plan.interval_cycles for o in table.options)
    if smaller:
        next_one = min(smaller, key=lambda o: (o.cycles, _price(o)))
        several = next_one.choice.pixels
        pixels = f" and {several} pixels" if several > 1 else ""
        reason = (
            f"the nearest smaller one, PE {next_one.choice.pe} SIMD {next_one.choice.simd}{pixels}, takes "
            f"{next_one.cycles:,} cycles and {price - _price(next_one):,.0f} LUT less"
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
    limit = plan.limit or Resources(_UNLIMITED, _UNLIMITED, _MOST_BRAM36, _UNLIMITED)
    folding = search.cheapest(cycles, limit.lut, limit.bram36)
    folding = folding or search.cheapest(cycles, _UNLIMITED, _MOST_BRAM36)
    if folding is None:
        return None
    solution: Solution = sized(search.chain, folding)
    own = {layer.name: (layer.pe, layer.simd, layer.pixels, layer.weight_memory) for layer in plan.layers}
    changed = tuple(
        name
        for name, choice in folding.items()
        if own[name][:3] != (choice.pe, choice.simd, choice.pixels)
        or choice.weight_memory not in (None, own[name][3])
    )
    need = solution.resources
    names = ("lut", "ff", "bram36", "dsp")
    return Alternative(
        interval(solution.stages),
        plan.clock_hz / interval(solution.stages),
        need.lut - plan.resources.lut,
        need.bram36 - plan.resources.bram36,
        bottleneck(solution.stages),
        changed,
        tuple(name for name in names if getattr(need, name) > getattr(limit, name)),
    )


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
        "bottleneck",
        "layers changed",
        "limits",
    ):
        speeds.add_column(name, overflow="fold")
    fps = f"{plan.fps:,.0f}"
    lut, bram = f"{plan.resources.lut:,.0f}", f"{plan.resources.bram36:g}"
    speeds.add_row("this plan", f"{plan.interval_cycles:,}", fps, lut, bram, plan.bottleneck, "", plan.budget)
    for name, other in (("next faster", found.faster), ("next slower", found.slower)):
        if other is None:
            speeds.add_row(name, "none", *[""] * 6)
            continue
        over = ", ".join(other.exceeds)
        speeds.add_row(
            name,
            f"{other.interval_cycles:,}",
            f"{other.fps:,.0f}",
            f"{other.lut:+,.0f}",
            f"{other.bram36:+g}",
            other.bottleneck,
            ", ".join(other.changed),
            f"exceeds {over}" if over else "kept",
        )
    return [reasons, speeds]
