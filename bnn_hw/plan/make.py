"""One call from graph, board and goal to the plan."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from bnn_hw.board import Board
from bnn_hw.design import Design
from bnn_hw.errors import ConfigError
from bnn_hw.ir import store
from bnn_hw.ir.graph import Graph
from bnn_hw.pipeline.arithmetic import STRUCTURAL
from bnn_hw.pipeline.chain import Chain, with_clock, with_runtime_weights
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import LayerPlan, Plan, Resources
from bnn_hw.pipeline.stages import Mvtu
from bnn_hw.plan.budget import UTILISATION, Budget, budget_of, lifts_port, parse_limits
from bnn_hw.plan.cost import CONFIG_PORT, core_resources, stage_resources
from bnn_hw.plan.cycles import bottleneck, frame_cycles, interval, layer_cycles
from bnn_hw.plan.folding import Folding, check_folding
from bnn_hw.plan.goal import (
    FOLDING,
    FPS,
    HIGH_THROUGHPUT,
    LOW_LATENCY,
    LOW_POWER,
    Goal,
    manual_folding,
    parse_goal,
)
from bnn_hw.plan.port import port_cycles
from bnn_hw.plan.sized import Solution, sized
from bnn_hw.plan.solve import check_fit, high_throughput, low_latency, low_power, reach_fps
from bnn_hw.plan.timing import latency_cycles

# What the processing system of a Zynq-7000 can give the fabric (AMD's configuration of FCLK_CLK).
LEAST_CLOCK_HZ, MOST_CLOCK_HZ = 100_000, 250_000_000


def make_plan(
    graph: Graph,
    board: Board,
    goal: str | None,
    design: Design | None = None,
    clock_hz: int | None = None,
    arithmetic: str = STRUCTURAL,
    limit: str | None = None,
    utilisation: float | None = None,
    runtime_weights: bool = False,
) -> Plan:
    """Fold ``graph`` onto ``board`` for ``goal``.

    goal: ``high-throughput``, ``fps=N``, ``low-power=N`` (least energy at N frames a
    second, at a clock as low as that allows), ``low-latency`` (a single frame soonest), or
    ``folding=`` with a folding of the design or a file. clock_hz: the board's default if
    None; for low power the highest allowed. arithmetic: one of
    bnn_hw.pipeline.arithmetic.ARITHMETIC. The core keeps to ``utilisation`` of the part less
    the shell, for the resources that ``limit`` names to these limits (see
    bnn_hw.plan.budget.parse_limits), and to what one memory port feeds, unless ``limit``
    has ``port=off``. Without a utilisation
    the planner keeps to bnn_hw.plan.budget.UTILISATION; a folding that the user gives
    may take all of the part that the shell leaves. runtime_weights: weights and
    thresholds of every layer can be loaded; otherwise those of the layers that a folding
    file says.

    Raises ModelError (the hardware cannot build the network), ConfigError (no or
    an unknown goal, a wrong limit or utilisation), FoldingError (an illegal folding),
    FitError (too large for the part, or the goal is out of reach).
    """
    wanted = parse_goal(goal)
    chain = with_runtime_weights(as_chain(graph)) if runtime_weights else as_chain(graph)
    clock_hz = _checked_clock(clock_hz or board.default_clock_hz)
    chain = with_clock(chain, clock_hz)
    share = utilisation if utilisation is not None else 1.0 if wanted.kind == FOLDING else UTILISATION
    budget = budget_of(board.part, share, limits=parse_limits(limit, board.part))
    if not lifts_port(limit):
        budget = replace(budget, port_cycles=port_cycles(chain, board, clock_hz))
    # A search counts stages alone; what checks a given folding counts the port itself.
    searched = budget.less(CONFIG_PORT) if runtime_weights and wanted.kind != FOLDING else budget
    with _no_collections():
        solution = _solve(chain, searched, wanted, design, clock_hz)
    if wanted.kind == LOW_POWER:
        clock_hz = max(math.ceil(wanted.fps * interval(solution.stages)), LEAST_CLOCK_HZ)
    plan = _record(graph, chain, board, wanted, clock_hz, solution)
    return replace(
        plan,
        arithmetic=arithmetic,
        budget=budget.text,
        limit=budget.limit,
        proof=solution.proof,
        port_cycles=budget.port_cycles,
    )


def _checked_clock(clock_hz: int) -> int:
    if not LEAST_CLOCK_HZ <= clock_hz <= MOST_CLOCK_HZ:
        raise ConfigError.at(
            f"clock {clock_hz / 1e6:g} MHz",
            "is out of reach of the processing system's fabric clocks",
            f"give {LEAST_CLOCK_HZ / 1e6:g} to {MOST_CLOCK_HZ / 1e6:g} MHz",
        )
    return clock_hz


def plan_folding(
    graph: Graph, board: Board, folding: Folding, name: str = "manual", clock_hz: int | None = None
) -> Plan:
    """The plan of a given folding, whether it fits the board or not; FoldingError if it is illegal."""
    clock_hz = clock_hz or board.default_clock_hz
    chain = with_clock(as_chain(graph), clock_hz)
    check_folding(chain, folding)
    goal = Goal(f"{FOLDING}={name}", FOLDING, folding=name)
    return _record(graph, chain, board, goal, clock_hz, sized(chain, folding))


@contextmanager
def _no_collections() -> Iterator[None]:
    """A search makes next to no cyclic garbage; to look for it takes up to a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _solve(chain: Chain, budget: Budget, goal: Goal, design: Design | None, clock_hz: int) -> Solution:
    if goal.kind == HIGH_THROUGHPUT:
        return high_throughput(chain, budget)
    if goal.kind == FPS:
        return reach_fps(chain, budget, goal.fps, clock_hz)
    if goal.kind == LOW_POWER:
        return low_power(chain, budget, goal.fps, clock_hz)
    if goal.kind == LOW_LATENCY:
        return low_latency(chain, budget)
    solution = sized(chain, manual_folding(goal, chain, design))
    check_fit(replace(solution, resources=core_resources(solution.stages)), budget)
    return solution


def _record(graph: Graph, chain: Chain, board: Board, goal: Goal, clock_hz: int, solution: Solution) -> Plan:
    stages = solution.stages
    by_stage = {stage.name: stage_resources(stage) for stage in stages}
    units = {stage.layer: stage for stage in stages if isinstance(stage, Mvtu)}
    layers = tuple(
        LayerPlan(
            name=layer.name,
            pe=units[layer.name].pe,
            simd=units[layer.name].simd,
            neurons=layer.mh,
            synapses=layer.mw,
            weight_memory=units[layer.name].weight_memory,
            cycles=layer_cycles(stages, layer.name),
            resources=sum((by_stage[s.name] for s in stages if s.layer == layer.name), Resources()),
            runtime=units[layer.name].runtime,
            pixels=units[layer.name].input.pixels,
        )
        for layer in chain.layers
    )
    return Plan(
        network=graph.name,
        graph_digest=store.digest(graph),
        board=board.name,
        part=board.part.name,
        goal=goal.text,
        clock_hz=clock_hz,
        layers=layers,
        stages=stages,
        stage_cycles=frame_cycles(stages),
        interval_cycles=interval(stages),
        latency_cycles=latency_cycles(stages),
        bottleneck=bottleneck(stages),
        resources=core_resources(stages),
        stage_resources=by_stage,
    )
