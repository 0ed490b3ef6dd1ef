"""Goals against brute force, and what their searches look for."""

from dataclasses import replace

import numpy as np
import pytest

from bnn_hw.board import load_board
from bnn_hw.errors import FitError
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import Resources
from bnn_hw.plan import make_plan, relax
from bnn_hw.plan.budget import Budget
from bnn_hw.plan.cycles import interval
from bnn_hw.plan.power import core_power, power_model
from bnn_hw.plan.search import Search
from bnn_hw.plan.solve import high_throughput, low_latency, low_power, reach_fps
from tests.networks import NETWORKS, random_graph
from tests.plan.test_search import SMALL


def test_low_power_is_the_least_energy():
    """Brute force over all intervals: none has less energy a frame within its limits."""
    chain = as_chain(random_graph(*SMALL["conv"]))
    search, limit = Search(chain), Resources(900, 1e9, 3, 0)
    solution = low_power(chain, Budget(limit, "test"), 10_000, 10_000_000)
    most = 1000
    model = power_model()
    joules = np.array([model.default_rate * model.toggle_j + model.ff_clock_j, model.bram36_j, model.dsp_j])
    prices = joules / joules[0] / [1, 2, 1]  # of a RAMB18, not of a RAMB36
    energies = [
        cycles * joules @ [found.lut, found.halves / 2, found.dsp]
        for cycles in search.intervals()
        if cycles <= most and (found := search.cheapest(cycles, limit, prices=prices))
    ]
    assert interval(solution.stages) <= most
    assert solution.proof.bound == pytest.approx(1e9 * min(energies))
    assert solution.proof.gap == pytest.approx(0, abs=1e-9)
    own = core_power(replace(solution.resources, ff=solution.resources.lut), 1.0, model=model).total_w
    assert solution.proof.value == pytest.approx(1e9 * interval(solution.stages) * own)


@pytest.mark.parametrize("steps", [1, 40])
@pytest.mark.parametrize("name", ["conv", "ucnv"])
def test_a_search_for_less_finds_the_cheapest_or_that_there_is_none(name, steps, monkeypatch):
    """steps: of the relaxation; a single one has a poor bound."""
    monkeypatch.setattr(relax, "_ASCENT_STEPS", steps)
    limit = Resources(700, 1e9, 3, 0) if name == "conv" else Resources(3000, 1e9, 0.5, 0)
    chain = as_chain(random_graph(*SMALL["conv"]) if name == "conv" else random_graph(NETWORKS["ucnv"]))
    search, prices = Search(chain, limit=limit), np.array([1.0, 20.0, 50.0])
    for cycles in search.intervals() if name == "conv" else (32400, 72000):
        best = search.cheapest(cycles, limit, prices=prices)
        for share in (0.5, 0.8, 0.9, 0.999, 1.001, 1.2, np.inf):
            enough = share * best.value if best else share * limit.lut
            bound, found = search.cheapest_below(cycles, limit, prices, enough)
            if best is None:
                assert found is None
                continue
            assert bound <= best.value + 1e-6
            assert bound >= min(enough, best.value) - 1e-6
            if share > 1:
                assert found.value == pytest.approx(best.value)


@pytest.mark.parametrize(
    ("steps", "lut", "bram36", "prices", "cycles", "share"),
    [
        (1, 3000, 1.5, (1, 0, 0), 72000, 0.8),
        (1, 5000, 0.5, (1, 20, 50), 72000, 0.8),
        (3, 3000, 1.5, (1, 200, 50), 200000, 0.9),
    ],
)
def test_what_was_left_out_counts_in_the_bound(steps, lut, bram36, prices, cycles, share, monkeypatch):
    """The cheapest costs more than a tenth above enough, and what is left costs still more."""
    monkeypatch.setattr(relax, "_ASCENT_STEPS", steps)
    limit = Resources(lut, 1e9, bram36, 0)
    search = Search(as_chain(random_graph(NETWORKS["ucnv"])), limit=limit)
    best = search.cheapest(cycles, limit, prices=np.array(prices, dtype=float))
    bound, found = search.cheapest_below(
        cycles, limit, np.array(prices, dtype=float), enough=share * best.value
    )
    assert found is None
    assert share * best.value <= bound <= best.value


def test_where_nothing_is_left_within_a_tenth_more_is_no_bound(monkeypatch):
    """Pruned was what costs a tenth more than enough, so what costs more may still be there."""
    limit, prices, enough = Resources(3000, 1e9, 0.5, 0), np.array([1.0, 20.0, 50.0]), 1500.0
    search = Search(as_chain(random_graph(NETWORKS["ucnv"])), limit=limit)
    monkeypatch.setattr(relax, "_ASCENT_STEPS", 1)
    monkeypatch.setattr(
        relax.Relaxed,
        "pruned",
        lambda self, _cap: [cut.kept(np.zeros(len(cut.option), dtype=bool)) for cut in self.cuts],
    )
    assert search.cheapest_below(72000, limit, prices, enough) == (pytest.approx(1.1 * enough), None)


def test_nothing_fits_a_budget_that_leaves_a_layer_no_option():
    chain, budget = as_chain(random_graph(*SMALL["conv"])), Budget(Resources(5, 1e9, 0, 0), "test")
    with pytest.raises(FitError, match=r"layer \w+: even the smallest folding needs [\d,]+ LUT"):
        high_throughput(chain, budget)
    with pytest.raises(FitError, match=r"layer \w+: even the smallest folding needs [\d,]+ LUT"):
        low_latency(chain, budget)
    for solve in (low_power, reach_fps):
        with pytest.raises(FitError, match=r"layer \w+: even the smallest folding needs [\d,]+ LUT"):
            solve(chain, budget, 1000, 10_000_000)


def test_low_power_lowers_the_clock():
    graph, board = random_graph(NETWORKS["ucnv"]), load_board("pynq-z1")
    plan, fast = make_plan(graph, board, "low-power=2000"), make_plan(graph, board, "fps=2000")
    assert plan.clock_hz == pytest.approx(2000 * plan.interval_cycles)
    assert plan.fps >= 2000
    assert plan.clock_hz < fast.clock_hz
    assert plan.clock_hz * plan.resources.lut < fast.clock_hz * fast.resources.lut
    with pytest.raises(FitError, match="ask for at most"):
        make_plan(graph, board, "low-power=4e6", limit="port=off")
