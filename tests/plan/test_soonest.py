"""Latencies as longest staircases, against the stages' own timing; and what least latency finds."""

from dataclasses import replace

import numpy as np
import pytest

from bnn_hw.board import load_board
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.plan import make_plan
from bnn_hw.plan.mixture import Staircases
from bnn_hw.plan.relax import PRICES, Relaxed
from bnn_hw.plan.search import UNLIMITED, Search, limits_of
from bnn_hw.plan.sized import realised
from bnn_hw.plan.soonest import Soonest, _Node
from bnn_hw.plan.timing import latency_cycles
from tests.networks import CNV, NCNV, UCNV, ConvSpec, DenseSpec, PoolSpec, ThresholdSpec, random_graph

CHAINS = {
    "ncnv": as_chain(random_graph(NCNV)),
    "ucnv": as_chain(random_graph(UCNV)),
    "padded": as_chain(
        random_graph(
            (
                ConvSpec("a", 4, padding=(1, 1, 1, 1)),
                ConvSpec("b", 6, stride=(2, 1), padding=(1, 0, 1, 1)),
                DenseSpec("c", 5),
                DenseSpec("d", 3),
            ),
            (9, 8, 2),
        )
    ),
    "signs": as_chain(
        random_graph((ThresholdSpec("s"), PoolSpec("p"), ConvSpec("a", 4), DenseSpec("b", 3)), (12, 12, 3))
    ),
}


def random_paths(search, count, seed=0):
    """Random foldings with the buffers they need: cuts of one option a layer, the path, the solution."""
    rng = np.random.default_rng(seed)
    every = search.intervals()
    while count:
        most = every[rng.integers(len(every))]
        cuts = search.within(most)
        arrival, picked = rng.integers(len(search.tables.layers[0].arrivals)), []
        for cut in cuts:
            rows = np.flatnonzero(np.isfinite(cut.way[arrival, cut.entry]) & ~cut.block)
            if not len(rows):
                break
            row = int(rng.choice(rows))
            picked.append(cut.kept(np.array([row])))
            arrival = cut.give[row]
        if len(picked) < len(cuts):
            continue
        slowest = max(int(cut.table.cycles[cut.option].max()) for cut in picked)
        buffered = search.buffered(picked, slowest)
        relaxed = Relaxed(search.heads(), buffered, limits_of(UNLIMITED), PRICES)
        relaxed.ascend()
        solution = realised(search.chain, search.found(buffered, relaxed.best))
        yield buffered, relaxed.best, solution
        count -= 1


@pytest.mark.parametrize("name", CHAINS)
def test_longest_staircase_is_the_latency(name):
    """Never above the stages' own timing; equal to it but for padding behind rows, and full buffers."""
    search = Search(CHAINS[name], most_pixels=2)
    staircases = Staircases(search)
    off = []
    for cuts, path, solution in random_paths(search, 40):
        column = staircases.column(cuts, path.rows, path.arrivals)
        off.append(latency_cycles(solution.stages) - staircases.latency(column))
    assert min(off) >= 0
    assert name == "padded" or np.mean(np.array(off) == 0) >= 0.75


@pytest.mark.parametrize("name", CHAINS)
def test_no_staircase_is_longer_than_the_latency(name):
    """Those of other foldings, weighted as they are worst, are a folding's latency at most."""
    search = Search(CHAINS[name], most_pixels=8)
    staircases = Staircases(search)
    columns, latencies = [], []
    for cuts, path, _ in random_paths(search, 30, seed=1):
        columns.append(staircases.column(cuts, path.rows, path.arrivals))
        latencies.append(staircases.latency(columns[-1]))
    limits = np.full(3, 1e9)
    for column, latency in zip(columns, latencies, strict=True):
        optimum = staircases.optimum([column], limits, np.zeros(0))
        assert latency - 1e-6 <= optimum.latency < latency + 0.5
        assert optimum.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", ["ncnv", "ucnv"])
def test_no_latency_is_above_the_stages_own_where_rows_are_split(name):
    """With any number of pixels a beat; the pauses of splits are not counted."""
    search = Search(CHAINS[name])
    staircases = Staircases(search)
    for cuts, path, solution in random_paths(search, 60):
        column = staircases.column(cuts, path.rows, path.arrivals)
        assert staircases.latency(column) <= latency_cycles(solution.stages)


def test_weighted_staircases_add_up_over_the_layers():
    """Each path's own longest staircase as the search counts it: its latency there, no more on others."""
    search = Search(CHAINS["ncnv"], most_pixels=2)
    staircases = Staircases(search)
    limits = np.full(3, 1e9)
    found = list(random_paths(search, 30, seed=2))
    columns = [staircases.column(cuts, path.rows, path.arrivals) for cuts, path, _ in found]
    latencies = [staircases.latency(column) for column in columns]
    for place, column in enumerate(columns):
        weights = staircases.optimum([column], limits, np.zeros(0)).weights
        for other, (cuts, _, _) in enumerate(found):
            relaxed = Relaxed(search.heads(), staircases.mixed(cuts, weights), limits, np.zeros(3), 1.0)
            length, path = relaxed.shortest(np.zeros(3))
            assert path.value == pytest.approx(length)
            assert length <= latencies[other] + 1e-6
            assert other != place or length == pytest.approx(latencies[other])


def root_of(soonest, cuts):
    return soonest._priced(_Node(0.0, 0, cuts, 1, np.zeros(0), np.zeros(3), []))


def test_a_single_folding_is_built_even_if_its_path_was_not_worth_a_look(monkeypatch):
    search = Search(CHAINS["ucnv"], most_pixels=1)
    cuts, _, solution = next(random_paths(search, 1, seed=3))
    soonest = Soonest(search, UNLIMITED)
    monkeypatch.setattr(soonest, "_look", lambda _node, _cuts, column: soonest._staircases.latency(column))
    root = root_of(soonest, [cut.kept(np.array([0])) for cut in cuts])
    assert list(soonest._expanded(root.node)) == []
    assert soonest.latency == latency_cycles(solution.stages)


def test_parts_are_the_whole_even_if_the_last_path_is_left_out():
    """A mixture of one path, and that path no longer among the options."""
    search = Search(CHAINS["ucnv"], most_pixels=1)
    soonest = Soonest(search, UNLIMITED)
    whole = root_of(soonest, search.within(20000))
    last = whole.columns[-1]
    cuts = [
        cut.kept(cut.option != option) for cut, (option, _) in zip(whole.node.cuts, last.options, strict=True)
    ]
    left = replace(whole, node=replace(whole.node, cuts=cuts), columns=[last], shares=np.ones(1))
    parts = list(soonest._parts(left))
    assert len(parts) == 2
    for layer, cut in enumerate(cuts):
        own = [part.cuts[layer].option for part in parts]
        assert set(np.concatenate(own)) == set(cut.option)
        assert all(len(options) for options in own)
    split = [layer for layer, cut in enumerate(cuts) if len(parts[0].cuts[layer].option) < len(cut.option)]
    assert len(split) == 1


@pytest.mark.parametrize(
    ("network", "board", "latency_cycles"),
    [
        (UCNV, "pynq-z1", 561),
        (UCNV, "zybo-z7-10", 570),
        (NCNV, "zybo-z7-10", 601),
        (CNV, "pynq-z1", 1942),
        (CNV, "zybo-z7-10", 19671),
    ],
)
def test_least_latency_is_proven(network, board, latency_cycles):
    plan = make_plan(random_graph(network), load_board(board), "low-latency")
    assert plan.proof.gap == 0
    assert plan.proof.value == plan.latency_cycles == latency_cycles
