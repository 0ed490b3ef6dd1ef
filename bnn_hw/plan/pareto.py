"""The front of speed against size: for intervals from the fastest on, the cheapest folding of each."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from dataclasses import dataclass

from bnn_hw.ir.graph import Graph
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import Resources
from bnn_hw.plan.budget import Budget
from bnn_hw.plan.cycles import bottleneck, interval
from bnn_hw.plan.folding import Folding
from bnn_hw.plan.power import dynamic_w
from bnn_hw.plan.search import Search
from bnn_hw.plan.sized import Solution, price
from bnn_hw.plan.solve import cheapest_within, high_throughput

# The front ends where a frame takes that many times the cycles of the fastest folding.
SLOWEST = 128


@dataclass(frozen=True)
class Point:
    """A folding on the front. Cycles exact, resources by the cost law, core_uj (of a frame) an estimate."""

    interval_cycles: int
    fps: float
    resources: Resources
    core_uj: float
    bottleneck: str
    folding: Folding


def front(
    graph: Graph,
    budget: Budget,
    clock_hz: int,
    points: int,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Point]:
    """Up to ``points`` foldings within the budget, fastest first, none beaten in both speed and price.

    Raises FitError if not even the smallest folding fits.
    """
    chain = as_chain(graph)
    search = Search(chain, dsp=budget.limit.dsp >= 1)
    fastest = high_throughput(chain, budget)
    found = [_point(fastest, clock_hz)]
    first = interval(fastest.stages)
    later = [cycles for cycles in search.intervals() if first < cycles <= SLOWEST * first]
    chosen = _spread(later, points - 1)
    for number, cycles in enumerate(chosen):
        solution = cheapest_within(search, budget, cycles)
        if solution:
            slower = interval(solution.stages) > found[-1].interval_cycles
            if slower and price(solution.resources) < price(found[-1].resources):
                found.append(_point(solution, clock_hz))
        progress((number + 1) / len(chosen))
    return found


def _spread(values: list[int], count: int) -> list[int]:
    """At most ``count`` of the ascending values, at even ratios; the last one among them."""
    if len(values) <= count:
        return values
    ratio = math.log(values[-1] / values[0]) / (count - 1)
    chosen = set()
    for step in range(count):
        goal = values[0] * math.exp(ratio * step)
        place = min(bisect.bisect_left(values, goal), len(values) - 1)
        chosen.add(values[place])
    return sorted(chosen)


def _point(solution: Solution, clock_hz: int) -> Point:
    cycles = interval(solution.stages)
    watts = dynamic_w(solution.resources.lut, clock_hz)
    return Point(
        cycles,
        clock_hz / cycles,
        solution.resources,
        watts * cycles / clock_hz * 1e6,
        bottleneck(solution.stages),
        solution.folding,
    )
