"""The front of speed against size: for intervals from the fastest on, the cheapest foldings of each."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from bnn_hw.ir.graph import Graph
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import Resources
from bnn_hw.plan.budget import Budget
from bnn_hw.plan.cycles import bottleneck, interval
from bnn_hw.plan.folding import Folding
from bnn_hw.plan.power import core_power
from bnn_hw.plan.search import Search
from bnn_hw.plan.sized import Solution, price
from bnn_hw.plan.solve import cheapest_within, high_throughput

# Unless told otherwise the front ends where a frame takes that many times the cycles of the fastest folding.
SLOWEST = 128

CHEAPEST = "cheapest"
WITHOUT_BRAM = "no block RAM"


@dataclass(frozen=True)
class Point:
    """A folding on the front. Cycles exact, resources by the cost law, core_uj (of a frame) an estimate.

    kind: CHEAPEST, of all foldings as fast; WITHOUT_BRAM, of those without block RAM.
    """

    kind: str
    interval_cycles: int
    fps: float
    resources: Resources
    core_uj: float
    bottleneck: str
    folding: Folding

    def beats(self, other: Point) -> bool:
        """No worse in speed and every resource, and better in one of them."""
        mine, theirs = self._figures(), other._figures()
        return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))

    def _figures(self) -> tuple[float, ...]:
        need = self.resources
        return self.interval_cycles, need.lut, need.bram36, need.dsp


def front(
    graph: Graph,
    budget: Budget,
    clock_hz: int,
    points: int,
    slowest_fps: float | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Point]:
    """Foldings of up to ``points`` speeds within the budget, fastest first, none beaten by another.

    slowest_fps: the front goes on to the first folding at most as fast. Raises FitError
    if not even the smallest folding fits.
    """
    chain = as_chain(graph)
    search = Search(chain, dsp=budget.limit.dsp >= 1, limit=budget.limit)
    fastest = high_throughput(chain, budget)
    first = interval(fastest.stages)
    found = [_point(CHEAPEST, fastest, clock_hz)]
    chosen = _spread(_cycles(search, first, clock_hz, slowest_fps), points - 1)
    for number, cycles in enumerate([first, *chosen]):
        found += [_point(kind, one, clock_hz) for kind, one in _solutions(search, budget, cycles)]
        progress((number + 1) / (len(chosen) + 1))
    return sorted(_unbeaten(found), key=lambda point: (point.interval_cycles, point.kind))


def _cycles(search: Search, first: int, clock_hz: int, slowest_fps: float | None) -> list[int]:
    """Intervals that foldings slower than the fastest can have, up to the end of the front."""
    last = SLOWEST * first if slowest_fps is None else clock_hz / slowest_fps
    later = [cycles for cycles in search.intervals() if cycles > first]
    return later[: bisect.bisect_left(later, last) + 1]


def _solutions(search: Search, budget: Budget, cycles: int) -> Iterator[tuple[str, Solution]]:
    """The cheapest folding of at most ``cycles`` a frame, and the cheapest one without block RAM."""
    solution = cheapest_within(search, budget, cycles)
    if solution:
        yield CHEAPEST, solution
    if solution is None or solution.resources.bram36:
        none = replace(budget, limit=replace(budget.limit, bram36=0))
        solution = cheapest_within(search, none, cycles)
        if solution:
            yield WITHOUT_BRAM, solution


def _unbeaten(points: list[Point]) -> list[Point]:
    """Points that no other beats, each once; the cheapest ones also by what cheapest means."""
    result: list[Point] = []
    cheapest = [point for point in points if point.kind == CHEAPEST]
    for point in points:
        same = any(point._figures() == other._figures() for other in result)
        others = cheapest if point.kind == CHEAPEST else []
        dearer = any(
            other.interval_cycles < point.interval_cycles and price(other.resources) <= price(point.resources)
            for other in others
        )
        if not same and not dearer and not any(other.beats(point) for other in points):
            result.append(point)
    return result


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


def _point(kind: str, solution: Solution, clock_hz: int) -> Point:
    cycles = interval(solution.stages)
    watts = core_power(solution.resources, clock_hz).total_w
    return Point(
        kind,
        cycles,
        clock_hz / cycles,
        solution.resources,
        watts * cycles / clock_hz * 1e6,
        bottleneck(solution.stages),
        solution.folding,
    )
