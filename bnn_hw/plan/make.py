"""One call from graph, board and goal to the plan."""

from __future__ import annotations

from dataclasses import replace

from bnn_hw.board import Board
from bnn_hw.design import Design
from bnn_hw.ir import store
from bnn_hw.ir.graph import Graph
from bnn_hw.pipeline.arithmetic import STRUCTURAL
from bnn_hw.pipeline.chain import Chain, with_clock, with_runtime_weights
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import LayerPlan, Plan, Resources
from bnn_hw.pipeline.stages import Mvtu
from bnn_hw.plan.budget import budget_of
from bnn_hw.plan.cost import stage_resources
from bnn_hw.plan.cycles import bottleneck, frame_cycles, interval, layer_cycles
from bnn_hw.plan.folding import Folding, check_folding
from bnn_hw.plan.goal import FOLDING, FPS, HIGH_THROUGHPUT, Goal, manual_folding, parse_goal
from bnn_hw.plan.solve import Solution, check_fit, high_throughput, reach_fps, sized
from bnn_hw.plan.timing import latency_cycles


def make_plan(
    graph: Graph,
    board: Board,
    goal: str | None,
    design: Design | None = None,
    clock_hz: int | None = None,
    arithmetic: str = STRUCTURAL,
    runtime_weights: bool = False,
) -> Plan:
    """Fold ``graph`` onto ``board`` for ``goal``.

    goal: ``high-throughput``, ``fps=N``, or ``folding=`` with a folding of the
    design or a file. clock_hz: the board's default if None; a faster one has
    more registers in the dot products. A folding that the
    planner chooses keeps to a share of the part less the shell; one that the user
    gives may take all of the part that the shell leaves. arithmetic: one of
    bnn_hw.pipeline.arithmetic.ARITHMETIC. runtime_weights: weights and thresholds of
    every layer can be loaded; otherwise those of the layers that a folding file says.

    Raises ModelError (the hardware cannot build the network), ConfigError (no or
    an unknown goal), FoldingError (an illegal folding), FitError (too large for
    the part, or the goal is out of reach).
    """
    wanted = parse_goal(goal)
    chain = with_runtime_weights(as_chain(graph)) if runtime_weights else as_chain(graph)
    clock_hz = clock_hz or board.default_clock_hz
    chain = with_clock(chain, clock_hz)
    solution = _solve(chain, board, wanted, design, clock_hz)
    return replace(_record(graph, chain, board, wanted, clock_hz, solution), arithmetic=arithmetic)


def plan_folding(
    graph: Graph, board: Board, folding: Folding, name: str = "manual", clock_hz: int | None = None
) -> Plan:
    """The plan of a given folding, whether it fits the board or not; FoldingError if it is illegal."""
    clock_hz = clock_hz or board.default_clock_hz
    chain = with_clock(as_chain(graph), clock_hz)
    check_folding(chain, folding)
    goal = Goal(f"{FOLDING}={name}", FOLDING, folding=name)
    return _record(graph, chain, board, goal, clock_hz, sized(chain, folding))


def _solve(chain: Chain, board: Board, goal: Goal, design: Design | None, clock_hz: int) -> Solution:
    if goal.kind == HIGH_THROUGHPUT:
        return high_throughput(chain, budget_of(board.part))
    if goal.kind == FPS:
        return reach_fps(chain, budget_of(board.part), goal.fps, clock_hz)
    solution = sized(chain, manual_folding(goal, chain, design))
    check_fit(solution, budget_of(board.part, utilisation=1.0))
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
        resources=solution.resources,
        stage_resources=by_stage,
    )
