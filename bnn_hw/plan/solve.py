"""From a goal to a folding with sized buffers.

``high-throughput``: the fewest cycles a frame for which a folding fits the
budget, and for these cycles the cheapest folding. Feasibility only grows with
the cycles allowed, so bisection over the finite set of possible intervals is
exact. ``fps=N``: the cheapest folding within the cycles that N frames a second
leave. ``low-power=N``: the least energy a frame, as bnn_hw.plan.power estimates it. What memory can feed
bounds all of them.

Buffers are as deep as bnn_hw.plan.pace says, which the search counts; that the pace is kept
with them is confirmed by the timing of the whole chain, and where it is not they get the
depths of a schedule that keeps it.
"""

from __future__ import annotations

import bisect
import heapq
import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bnn_hw.errors import BnnHwError, FitError
from bnn_hw.pipeline.chain import Chain
from bnn_hw.pipeline.record import Proof, Resources
from bnn_hw.plan.budget import NAMES, Budget, format_amount
from bnn_hw.plan.build import build_chain
from bnn_hw.plan.cost import stage_resources
from bnn_hw.plan.cycles import interval
from bnn_hw.plan.memory import LUT_PER_BRAM36
from bnn_hw.plan.port import port_pixels
from bnn_hw.plan.power import cycle_energy
from bnn_hw.plan.relax import LUT_PER_DSP
from bnn_hw.plan.search import UNLIMITED, Found, Search
from bnn_hw.plan.sized import Solution, price, realised
from bnn_hw.plan.soonest import Soonest
from bnn_hw.plan.timing import latency_cycles

CYCLES = "cycles a frame"
LATENCY = "cycles of latency"
PRICE = f"LUT + {LUT_PER_BRAM36} BRAM36 + {LUT_PER_DSP} DSP"
ENERGY = "nJ a frame in the core, estimated"


class Timer:
    """Seconds of processor time that the searches take."""

    def __init__(self) -> None:
        self.begin = time.process_time()

    def seconds(self) -> float:
        return time.process_time() - self.begin


def high_throughput(chain: Chain, budget: Budget) -> Solution:
    """The fastest folding within the budget; FitError if not even the smallest one fits.

    Among equally fast ones the cheapest.
    """
    timer = Timer()
    search = Search(chain, dsp=budget.limit.dsp >= 1, limit=budget.limit)
    candidates = _candidates(search.intervals(), budget.port_cycles)
    place = _first(candidates, lambda cycles: search.fits(cycles, budget.limit))
    if place is None:
        raise _no_fit(chain, budget)
    bound = candidates[place]
    for cycles in candidates[place:]:
        solution = cheapest_within(search, budget, cycles)
        if solution:
            value = max(interval(solution.stages), budget.port_cycles)
            return replace(solution, proof=Proof(CYCLES, value, bound, timer.seconds()))
    raise _no_fit(chain, budget)


def _candidates(intervals: list[int], port_cycles: int) -> list[int]:
    """Intervals worth looking at when memory gives a frame every ``port_cycles``."""
    if not intervals:
        return []
    slower = [cycles for cycles in intervals if cycles >= port_cycles]
    return (
        slower
        if (slower and slower[0] == port_cycles) or port_cycles <= intervals[0]
        else [port_cycles, *slower]
    )


def _first(values: list[int], holds: Callable[[int], bool]) -> int | None:
    """Place of the first value for which it holds, by bisection: it holds for all later ones."""
    lower, upper = 0, len(values)
    while lower < upper:
        middle = (lower + upper) // 2
        if holds(values[middle]):
            upper = middle
        else:
            lower = middle + 1
    return lower if lower < len(values) else None


def cheapest_within(search: Search, budget: Budget, cycles: int) -> Solution | None:
    """The cheapest folding of at most ``cycles`` a frame within the budget, with its proof.

    Buffers are counted for a frame every ``cycles``; a folding that is faster by itself
    has them for its own interval, and then costs more than counted. Slower intervals
    are looked at until none can be cheaper.
    """
    timer = Timer()
    every = [value for value in search.intervals() if value <= cycles]
    best: Found | None = None
    bound = float("inf")
    # Ranges of intervals that are still open, the fastest and the slowest of each.
    ranges = [(0, every[-1])] if every else []
    while ranges:
        above, most = ranges.pop()
        found = search.cheapest(most, budget.limit, above)
        if found is None or (best and found.value >= best.value - 1e-6):
            continue
        own = _own_interval(search, found)
        exact = found if own == most else search.again(found, own, budget.limit)
        if exact and (best is None or exact.value < best.value - 1e-6):
            best = exact
        if exact is None or exact.value > found.value + 1e-6:
            ranges += [(above, own), (own, most)]
    if best is None:
        return None
    bound = best.value
    seconds = timer.seconds()
    solution = realised(search.chain, best)
    if budget.exceeded(solution.resources):
        return None
    return replace(solution, proof=Proof(PRICE, price(solution.resources), bound, seconds))


def _own_interval(search: Search, found: Found) -> int:
    return interval(build_chain(search.chain, found.folding))


def reach_fps(chain: Chain, budget: Budget, fps: float, clock_hz: int) -> Solution:
    """The cheapest folding that gives ``fps``.

    Raises FitError that names what stands in the way (the memory port, the input stream, a
    layer, a resource) and the best that can be reached.
    """
    timer = Timer()
    cycles = int(clock_hz / fps)
    search = Search(chain, most=cycles, limit=budget.limit)
    _check_reachable(search, budget, cycles, fps, clock_hz)
    solution = cheapest_within(search, budget, cycles)
    if solution is None and budget.limit.dsp >= 1:
        # DSP slices are worth it only where LUTs are short.
        search = Search(chain, dsp=True, most=cycles, limit=budget.limit)
        solution = cheapest_within(search, budget, cycles)
    if solution and solution.proof:
        return replace(solution, proof=replace(solution.proof, seconds=timer.seconds()))
    best = high_throughput(chain, budget)
    smallest = Search(chain, most=cycles).cheapest(cycles, UNLIMITED)
    assert smallest is not None
    fault = _excess(realised(chain, smallest), budget)
    reachable = clock_hz / max(interval(best.stages), budget.port_cycles)
    raise FitError.at(
        fault[0],
        f"{fps:g} frames a second need {fault[1]}",
        f"ask for at most {reachable:,.0f} frames a second, a larger part, or a higher clock",
    )


def low_power(chain: Chain, budget: Budget, fps: float, clock_hz: int) -> Solution:
    """The folding of least energy a frame at ``fps``, with the clock as low as it then may be.

    The clock follows from the folding: fps * cycles a frame, at most ``clock_hz``, so a frame
    takes as many cycles as the folding's interval whatever the rate. Each of them costs what
    :mod:`bnn_hw.plan.power` says of a LUT, a block RAM and a DSP slice; what is drawn without
    the core is the same for all foldings. Raises FitError like :func:`reach_fps`.
    """
    timer = Timer()
    most = int(clock_hz / fps)
    search = Search(chain, dsp=budget.limit.dsp >= 1, most=most, limit=budget.limit)
    _check_reachable(search, budget, most, fps, clock_hz)
    candidates = search.intervals()
    if not candidates:
        return reach_fps(chain, budget, fps, clock_hz)
    energy = cycle_energy()
    prices = np.array([1.0, energy.bram36_j / 2 / energy.lut_j, energy.dsp_j / energy.lut_j])
    bound, found = _least_product(search, candidates, budget.limit, prices)
    if found is None:
        return reach_fps(chain, budget, fps, clock_hz)
    seconds = timer.seconds()
    solution = realised(chain, found)
    if budget.exceeded(solution.resources):
        return reach_fps(chain, budget, fps, clock_hz)
    value = energy.of(solution.resources) * interval(solution.stages)
    bound = min(bound * energy.lut_j, value)
    return replace(solution, proof=Proof(ENERGY, value * 1e9, bound * 1e9, seconds))


def low_latency(chain: Chain, budget: Budget) -> Solution:
    """The folding whose first result comes soonest after its picture's first pixel.

    With pixels as the memory port gives them, if the budget counts it. The latency is exact; the
    bound, which no folding within the budget is below, is :mod:`bnn_hw.plan.soonest`'s. Raises
    FitError if not even the smallest folding fits.
    """
    timer = Timer()
    pixels = port_pixels(chain) if budget.port_cycles else None
    search = Search(chain, dsp=budget.limit.dsp >= 1, most_pixels=pixels, limit=budget.limit)
    every = search.intervals()
    smallest = search.fewest_luts(every[-1], budget.limit) if every else None
    if smallest is None:
        raise _no_fit(chain, budget)
    soonest = Soonest(search, budget.limit)
    soonest.run(every[-1])
    if soonest.solution is None:
        solution, bound = realised(chain, smallest), 0.0
    else:
        solution, bound = soonest.solution, soonest.bound
    latency = latency_cycles(solution.stages)
    return replace(solution, proof=Proof(LATENCY, latency, bound, timer.seconds()))


def _least_product(
    search: Search, candidates: list[int], limit: Resources, prices: np.ndarray
) -> tuple[float, Found | None]:
    """The least price times cycles among the candidate intervals, and its folding.

    The price never rises with the cycles allowed, so between two intervals no product is
    below the first one's cycles times a bound of the last one's price: most need no look.
    """
    bounds: dict[int, float] = {}
    best: Found | None = None
    least = float("inf")

    def look(index: int) -> None:
        nonlocal best, least
        if index not in bounds:
            cycles = candidates[index]
            bounds[index], found = search.cheapest_below(cycles, limit, prices, least / cycles)
            if found and found.value * cycles < least:
                best, least = found, found.value * cycles

    last = len(candidates) - 1
    look(last)
    look(0)
    # The span of least bound first: what it finds prunes the others.
    spans = [(0.0, 0, last)]
    while spans:
        bound, first, last = heapq.heappop(spans)
        if last - first < 2 or bound >= least:
            continue
        mean = math.sqrt(candidates[first] * candidates[last])
        middle = bisect.bisect(candidates, mean, first + 1, last - 1)
        look(middle)
        for span in ((first, middle), (middle, last)):
            heapq.heappush(spans, (candidates[span[0] + 1] * bounds[span[1]], *span))
    return least, best


def _check_reachable(search: Search, budget: Budget, cycles: int, fps: float, clock_hz: int) -> None:
    """Raise FitError if memory or no folding is fast enough, however large."""
    if budget.port_cycles > cycles:
        raise FitError.at(
            "memory port",
            f"{fps:g} frames a second at {clock_hz / 1e6:g} MHz leave {cycles:,} cycles a frame, "
            f"but to read and write one takes {budget.port_cycles:,}",
            f"ask for at most {clock_hz / budget.port_cycles:,.0f} frames a second, "
            "or give the limit port=off for the core alone",
        )
    place, least = "", 0
    if search.intervals():
        return
    for table in Search(search.chain).tables.layers:
        fewest = int(table.cycles.min())
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


def _no_fit(chain: Chain, budget: Budget) -> BnnHwError:
    search = Search(chain, dsp=budget.limit.dsp >= 1)
    slowest = search.intervals()[-1]
    smallest = search.fewest_luts(
        slowest, replace(UNLIMITED, bram36=budget.limit.bram36, dsp=budget.limit.dsp)
    )
    smallest = smallest or search.cheapest(slowest, UNLIMITED)
    assert smallest is not None
    place, cause = _excess(realised(chain, smallest), budget)
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
