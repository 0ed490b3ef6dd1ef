"""From a goal to a folding with sized buffers.

``high-throughput``: the fewest cycles a frame for which a folding fits the
budget, and for these cycles the cheapest folding. Feasibility only grows with
the cycles allowed, so bisection over the finite set of possible intervals is
exact. ``fps=N``: the cheapest folding within the cycles that N frames a second
leave.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass, replace

from bnn_hw.errors import BnnHwError, FitError
from bnn_hw.pipeline.chain import Chain
from bnn_hw.pipeline.record import Proof, Resources
from bnn_hw.pipeline.stages import Converter, Fifo, Mvtu, Split, Stage, Window
from bnn_hw.plan.budget import NAMES, Budget, format_amount
from bnn_hw.plan.build import build_chain, cheapest_depth, least_ring_words
from bnn_hw.plan.cost import stage_resources
from bnn_hw.plan.cycles import interval
from bnn_hw.plan.folding import Folding
from bnn_hw.plan.memory import BLOCK, LOGIC, LUT_PER_BRAM36
from bnn_hw.plan.search import Search, total_of
from bnn_hw.plan.timing import required_depths

CYCLES = "cycles a frame"
PRICE = f"LUT + {LUT_PER_BRAM36} BRAM36"

_UNLIMITED = 1 << 40
# A folding is found with nominal buffers; if the sized ones exceed the budget, that much is set aside,
# and from attempt to attempt more.
_ATTEMPTS = 16
_BRAM36_ASIDE = (0.0, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Solution:
    """A folding, its stages with sized buffers, what they take, and how good it is proven to be."""

    folding: Folding
    stages: tuple[Stage, ...]
    resources: Resources
    proof: Proof | None = None


def price(resources: Resources) -> float:
    """What the cheapest folding has least of."""
    return resources.lut + LUT_PER_BRAM36 * resources.bram36


def sized(chain: Chain, folding: Folding) -> Solution:
    """Stages of a folding with buffers as deep as the bound needs."""
    nominal = build_chain(chain, folding)
    depths = buffer_depths(nominal, interval(nominal))
    stages = build_chain(chain, folding, depths)
    return Solution(folding, stages, total_of(stages))


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


def high_throughput(chain: Chain, budget: Budget) -> Solution:
    """The fastest folding within the budget; FitError if not even the smallest one fits.

    The bound is the fastest folding whose buffers are as small as they can be.
    """
    search = Search(chain)
    candidates = search.intervals()
    solution = _within(budget, lambda limit: _fastest(search, candidates, limit), chain)
    if solution is None:
        raise _no_fit(search, budget)
    least = Search(chain, least_buffers=True)
    bound = _fastest(least, candidates, budget.limit)
    assert bound is not None
    fewest = interval(build_chain(chain, bound))
    solution = _faster((search, least), candidates, budget, fewest, solution)
    return replace(solution, proof=Proof(CYCLES, interval(solution.stages), fewest))


def _faster(
    searches: tuple[Search, ...], candidates: list[int], budget: Budget, bound: int, found: Solution
) -> Solution:
    """A solution faster than ``found`` where sized buffers leave room for it, by bisection to the bound."""
    lower = bisect.bisect_left(candidates, bound)
    upper = bisect.bisect_left(candidates, interval(found.stages))
    while lower < upper:
        middle = (lower + upper) // 2
        solution = _fitting(searches, candidates[middle], budget)
        if solution:
            found = solution
            upper = min(middle, bisect.bisect_left(candidates, interval(solution.stages)))
        else:
            lower = middle + 1
    return found


def _fitting(searches: tuple[Search, ...], cycles: int, budget: Budget) -> Solution | None:
    """A folding of at most ``cycles`` whose sized buffers keep to the budget, None if none is met.

    Looked at: the cheapest ones with nominal and with least buffers, for some amounts
    of block RAM set aside.
    """
    seen: list[Folding] = []
    for aside in _BRAM36_ASIDE:
        for search in searches:
            folding = search.cheapest(cycles, budget.limit.lut, budget.limit.bram36 - aside)
            if folding and folding not in seen:
                seen.append(folding)
                solution = _spared(sized(search.chain, folding), budget)
                if not budget.exceeded(solution.resources):
                    return solution
    return None


def cheapest_within(search: Search, budget: Budget, cycles: int) -> Solution | None:
    """The cheapest folding of at most ``cycles`` a frame whose sized buffers keep to the budget."""
    return _within(budget, lambda limit: search.cheapest(cycles, limit.lut, limit.bram36), search.chain)


def _within(budget: Budget, find: Callable[[Resources], Folding | None], chain: Chain) -> Solution | None:
    """Find a folding whose sized buffers keep to the budget; None if there is none."""
    limit = budget.limit
    for attempt in range(_ATTEMPTS):
        folding = find(limit)
        if folding is None:
            return None
        solution = _spared(sized(chain, folding), budget)
        over = {name: getattr(solution.resources, name) - getattr(budget.limit, name) for name in NAMES}
        if max(over.values()) <= 0:
            return solution
        aside = {name: max(0.0, excess) * (1 + attempt / 4) for name, excess in over.items()}
        limit = Resources(**{name: getattr(limit, name) - aside[name] for name in NAMES})
    return None


def _spared(solution: Solution, budget: Budget) -> Solution:
    """The solution with buffers in LUTs, the cheapest first, as far as block RAM is short."""
    short = solution.resources.bram36 - budget.limit.bram36
    if short <= 0:
        return solution
    swaps = []
    for place, stage in enumerate(solution.stages):
        if isinstance(stage, (Window, Fifo)) and stage.memory == BLOCK:
            other = replace(stage, memory=LOGIC)
            have, need = stage_resources(stage), stage_resources(other)
            swaps.append(((need.lut - have.lut) / have.bram36, place, other, have.bram36))
    stages = list(solution.stages)
    for _, place, other, saved in sorted(swaps, key=lambda swap: swap[:2]):
        if short > 0:
            stages[place] = other
            short -= saved
    return replace(solution, stages=tuple(stages), resources=total_of(stages))


def _fastest(search: Search, candidates: list[int], limit: Resources) -> Folding | None:
    lower, upper = 0, len(candidates)
    best = None
    while lower < upper:
        middle = (lower + upper) // 2
        folding = search.cheapest(candidates[middle], limit.lut, limit.bram36)
        if folding:
            best, upper = folding, middle
        else:
            lower = middle + 1
    return best


def reach_fps(chain: Chain, budget: Budget, fps: float, clock_hz: int) -> Solution:
    """The cheapest folding that gives ``fps``.

    Raises FitError that names what stands in the way (the input stream, a layer, a
    resource) and the best that can be reached.
    """
    search = Search(chain)
    cycles = int(clock_hz / fps)
    _check_reachable(search, cycles, fps, clock_hz)
    found = cheapest_within(search, budget, cycles)
    if found:
        least = Search(chain, least_buffers=True)
        bound = least.least_price(cycles, budget.limit.lut, budget.limit.bram36)
        return replace(found, proof=Proof(PRICE, price(found.resources), bound))
    best = high_throughput(chain, budget)
    smallest = search.cheapest(cycles, _UNLIMITED, 2000)
    assert smallest is not None
    fault = _excess(sized(chain, smallest), budget)
    reachable = clock_hz / interval(best.stages)
    raise FitError.at(
        fault[0],
        f"{fps:g} frames a second need {fault[1]}",
        f"ask for at most {reachable:,.0f} frames a second, a larger part, or a higher clock",
    )


def low_power(chain: Chain, budget: Budget, fps: float, clock_hz: int) -> Solution:
    """The folding of least energy a frame at ``fps``, with the clock as low as it then may be.

    The clock follows from the folding: fps * cycles a frame, at most ``clock_hz``. What
    switches goes with size times clock (:mod:`bnn_hw.plan.power`), so size times cycles
    a frame is least. Raises FitError like :func:`reach_fps`.
    """
    search = Search(chain)
    most = int(clock_hz / fps)
    _check_reachable(search, most, fps, clock_hz)
    candidates = [cycles for cycles in search.intervals() if cycles < most] + [most]
    found = _within(budget, lambda limit: _least_product(search, candidates, limit)[1], chain)
    if found is None:
        return reach_fps(chain, budget, fps, clock_hz)
    bound = _least_product(Search(chain, least_buffers=True), candidates, budget.limit)[0]
    value = price(found.resources) * interval(found.stages)
    return replace(found, proof=Proof(f"({PRICE}) * cycles", value, bound))


def _least_product(search: Search, candidates: list[int], limit: Resources) -> tuple[float, Folding | None]:
    """The least price times cycles among the candidate intervals, and its folding.

    The price never rises with the cycles allowed, so between two intervals no product is
    below the first one's cycles times the last one's price: most need no look.
    """
    prices: dict[int, float] = {}

    def product(index: int) -> float:
        if index not in prices:
            prices[index] = search.least_price(candidates[index], limit.lut, limit.bram36)
        return prices[index] * candidates[index]

    best = min((0, len(candidates) - 1), key=product)
    spans = [(0, len(candidates) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2 or candidates[first + 1] * prices[last] >= product(best):
            continue
        middle = (first + last) // 2
        best = min(best, middle, key=product)
        spans += [(first, middle), (middle, last)]
    return product(best), search.cheapest(candidates[best], limit.lut, limit.bram36)


def _check_reachable(search: Search, cycles: int, fps: float, clock_hz: int) -> None:
    """Raise FitError if no folding is fast enough, however large."""
    place, least = "", 0
    for table in search.tables:
        fewest = min(option.cycles for option in table.options)
        if fewest > least:
            place, least = f"layer {table.layer.name}", fewest
    if least > cycles:
        raise FitError.at(
            place,
            f"{fps:g} frames a second at {clock_hz / 1e6:g} MHz leave {cycles:,} cycles a frame, "
            f"but it takes at least {least:,}",
            f"ask for at most {clock_hz / least:,.0f} frames a second or a higher clock",
        )


def check_fit(solution: Solution, budget: Budget) -> None:
    """Raise FitError if the solution exceeds the budget, naming resource and layer."""
    if budget.exceeded(solution.resources):
        place, cause = _excess(solution, budget)
        raise FitError.at(
            place, f"the design needs {cause}", "use smaller PE and SIMD there, or a larger part"
        )


def _no_fit(search: Search, budget: Budget) -> BnnHwError:
    smallest = search.cheapest(_UNLIMITED, _UNLIMITED, budget.limit.bram36)
    smallest = smallest or search.cheapest(_UNLIMITED, _UNLIMITED, 2000)
    assert smallest is not None
    place, cause = _excess(sized(search.chain, smallest), budget)
    remedy = "use a larger part or a smaller network"
    return FitError.at(place, f"even the smallest folding needs {cause}", remedy)


def _excess(solution: Solution, budget: Budget) -> tuple[str, str]:
    """The layer that takes most of the resource that is short, and a sentence on it."""
    over = budget.exceeded(solution.resources)
    name = over[0] if over else "lut"
    by_layer: dict[str, float] = {}
    for stage in solution.stages:
        by_layer[stage.layer] = by_layer.get(stage.layer, 0) + getattr(stage_resources(stage), name)
    layer = max(by_layer, key=lambda key: by_layer[key])
    need = format_amount(name, getattr(solution.resources, name))
    have = format_amount(name, getattr(budget.limit, name)).removesuffix(f" {NAMES[name]}")
    return (
        f"layer {layer}",
        f"{need} ({format_amount(name, by_layer[layer])} of them here); there are {have} ({budget.text})",
    )
