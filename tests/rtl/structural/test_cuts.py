"""Register cuts by target clock: what the plan says is what the generators need."""

from __future__ import annotations

import random

import numpy as np
import pytest

from bnn_hw.board import load_board
from bnn_hw.pipeline.latency import NOMINAL_CLOCK_HZ, dot_cuts, dot_cycles, mvtu_cycles, step_levels
from bnn_hw.pipeline.stages import Mvtu
from bnn_hw.plan import plan_folding
from bnn_hw.plan.folding import LayerFolding
from bnn_hw.rtl.structural.cuts import balanced, cut
from bnn_hw.rtl.structural.matches import (
    best_links,
    best_shape,
    compress_rows,
    match_count,
    match_rows,
    one_count,
    one_rows,
    sum_rows,
)
from bnn_hw.rtl.structural.netlist import Netlist
from bnn_hw.rtl.structural.sequences import sequence_rows
from tests.networks import NETWORKS, random_graph

FAST = (150_000_000, 200_000_000)
CLOCKS = (NOMINAL_CLOCK_HZ, *FAST)


@pytest.mark.parametrize("clock_hz", CLOCKS)
def test_steps_of_counters_have_room_in_a_period(clock_hz: int) -> None:
    for lanes in range(1, 65):
        cuts, join = dot_cuts(lanes, clock_hz)
        assert join == 0
        built = (
            match_rows(lanes, best_shape(lanes)),
            match_rows(lanes, best_shape(lanes, chains=False)),
            match_count(lanes, best_links(lanes)),
            one_rows(lanes),
            one_count(lanes),
        )
        for net, _ in built:
            assert balanced(net, cuts)[0] <= step_levels(clock_hz), lanes


@pytest.mark.parametrize("clock_hz", CLOCKS)
def test_steps_of_joins_have_room_in_a_period(clock_hz: int) -> None:
    for groups in (2, 3, 5, 9, 10, 14, 18, 20, 27, 28, 36):
        cuts = dot_cuts(64 * groups, clock_hz)[1]
        sizes = (2 * groups, 7, (64 * groups).bit_length())
        for net in (compress_rows(*sizes)[0], compress_rows(*sizes, False)[0], sum_rows(*sizes)[0]):
            assert balanced(net, cuts)[0] <= step_levels(clock_hz), groups


@pytest.mark.parametrize("clock_hz", CLOCKS)
def test_steps_of_weight_sequences_have_room_in_a_period(clock_hz: int) -> None:
    for lanes in (4, 16, 24, 64, 72, 144, 288):
        words = min(16, lanes.bit_length())
        memory = [random.Random(k).getrandbits(2 * lanes) for k in range(words)]
        net, rows = sequence_rows(lanes, 2, memory, dot_cycles(lanes, dot_cuts(lanes, clock_hz)))
        assert net.depth([bit for own in rows for row in own for bit in row]) <= step_levels(clock_hz), lanes
        assert max(net.levels) <= step_levels(clock_hz), lanes


def test_few_lanes_are_counted_at_once() -> None:
    assert [dot_cuts(simd, NOMINAL_CLOCK_HZ) for simd in (1, 16, 17, 64)] == [(0, 0), (0, 0), (1, 0), (1, 0)]
    assert [dot_cuts(simd, NOMINAL_CLOCK_HZ) for simd in (65, 576, 1152)] == [(1, 0), (1, 0), (1, 1)]


def test_more_registers_for_a_faster_clock() -> None:
    for simd in (16, 64, 576):
        cuts = [dot_cuts(simd, clock) for clock in CLOCKS]
        assert [sum(pair) for pair in cuts] == sorted(sum(pair) for pair in cuts)
        assert sum(cuts[0]) < sum(cuts[-1])
        cycles = [mvtu_cycles(simd, True, "logic", "lut", pair) for pair in cuts]
        assert [count - cycles[0] for count in cycles] == [sum(pair) - sum(cuts[0]) for pair in cuts]


def test_cuts_are_balanced() -> None:
    net, rows = match_rows(64, best_shape(64))
    depth = net.depth([signal for row in rows for signal in row])
    before = depth
    for cuts in (1, 2, 3):
        levels, steps = balanced(net, cuts)
        assert max(steps) <= cuts
        assert levels < before
        before = levels


@pytest.mark.parametrize("cuts", [1, 2, 3])
def test_cut_netlists_count_the_same(cuts: int) -> None:
    rng = np.random.default_rng(3)
    ports = {name: rng.integers(0, 2, (500, 30)) for name in ("inputs", "weights")}
    net, (row0, row1) = match_rows(30, best_shape(30))
    new, outputs = cut(net, {"row0": row0, "row1": row1}, cuts)
    used = [signal for row in outputs.values() for signal in row if signal > 1]
    assert {new.ages[signal] for signal in used} == {cuts}
    assert max(new.levels) == balanced(net, cuts)[0]
    rows = [new.evaluate(ports, row).astype(int) @ (1 << np.arange(5)) for row in outputs.values()]
    assert np.array_equal(sum(rows), (ports["inputs"] == ports["weights"]).sum(axis=1))


def test_a_netlist_without_cells_has_nothing_to_cut() -> None:
    net = Netlist()
    net.port("a", 3)
    assert balanced(net, 2) == (1, [0] * len(net.levels))


def test_plan_follows_its_clock() -> None:
    """n-CNV: the interval stays, the latency grows; integer inputs and constants have no cuts."""
    graph, board = random_graph(NETWORKS["ncnv"]), load_board("pynq-z1")
    folding = {
        "conv1_1": LayerFolding(16, 27), "conv1_2": LayerFolding(16, 144), "conv2_1": LayerFolding(16, 16),
        "conv2_2": LayerFolding(8, 32), "conv3_1": LayerFolding(4, 288), "conv3_2": LayerFolding(2, 64),
        "fc1": LayerFolding(2, 8, accumulate="dsp"), "fc2": LayerFolding(1, 8), "fc3": LayerFolding(4, 1),
    }  # fmt: skip
    slow, fast = (plan_folding(graph, board, folding, clock_hz=clock) for clock in (None, FAST[-1]))
    assert fast.clock_hz == FAST[-1]
    assert fast.interval_cycles == slow.interval_cycles
    assert fast.latency_cycles > slow.latency_cycles
    cuts = {stage.layer: stage.cuts for stage in fast.stages if isinstance(stage, Mvtu)}
    assert (cuts["conv1_1"], cuts["conv1_2"], cuts["fc3"]) == ((0, 0), (0, 0), (0, 0))
    assert cuts["conv3_1"] == dot_cuts(288, FAST[-1])
    assert min(cuts["conv3_1"]) > 0
    slow_cuts = {stage.layer: stage.cuts for stage in slow.stages if isinstance(stage, Mvtu)}
    assert slow_cuts["conv3_1"] == dot_cuts(288, NOMINAL_CLOCK_HZ)
    assert sum(slow_cuts["conv3_1"]) < sum(cuts["conv3_1"])
