"""Event times against a cycle-by-cycle model written the other way round, and against the bound."""

from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from bnn_hw.ir import BIPOLAR
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.stages import Fifo, Stream, Window
from bnn_hw.plan.build import build_chain, with_depth
from bnn_hw.plan.cycles import frame_cycles, interval
from bnn_hw.plan.depths import cheapest_depth
from bnn_hw.plan.folding import LayerFolding, legal_simd
from bnn_hw.plan.sized import buffer_depths, sized
from bnn_hw.plan.timing import latency_cycles, simulate
from bnn_hw.plan.units import FifoRam, Gather, Pipeline, Ring, Scatter, Skid, Unit
from tests.networks import NCNV, ConvSpec, DenseSpec, PoolSpec, random_graph

FAST = [(16, 27), (16, 144), (6, 144), (5, 288), (8, 288), (1, 576), (1, 64), (2, 128), (1, 128)]


def test_whole_windows_reach_a_pixel_a_cycle_only_with_sized_fifos():
    chain = as_chain(random_graph(NCNV))
    folding = {layer.name: LayerFolding(*point) for layer, point in zip(chain.layers, FAST, strict=True)}
    solution = sized(chain, folding)
    assert interval(solution.stages) == 1024
    assert set(np.diff(simulate(solution.stages, 6).ends())) == {1024}
    shallow = build_chain(chain, folding, {s.name: 2 for s in solution.stages if isinstance(s, Fifo)})
    assert np.diff(simulate(shallow, 6).ends())[-1] > 1024


def test_fifo_before_a_converter_that_splits_bursts():
    """A whole-window layer makes pixels in bursts that the converter behind it cannot split at once."""
    chain = as_chain(
        random_graph((ConvSpec("a", 32), ConvSpec("b", 4, (1, 1)), DenseSpec("c", 3)), (12, 12, 2))
    )
    folding = {"a": LayerFolding(32, 18), "b": LayerFolding(4, 16), "c": LayerFolding(3, 16)}
    stages = sized(chain, folding).stages
    names = [stage.name for stage in stages]
    assert names.index("b_converter") == names.index("b_inlet") + 1
    assert set(np.diff(simulate(stages, 5).ends())) == {200} == {interval(stages)}
    without = build_chain(chain, folding)
    assert "b_inlet" not in [stage.name for stage in without]
    assert np.diff(simulate(without, 5).ends())[-1] > 200


@pytest.mark.parametrize("seed", range(12))
def test_sized_buffers_reach_the_bound_at_any_folding(seed):
    rng = np.random.default_rng(seed)
    specs = (
        ConvSpec("a", 6, stride=(1 + seed % 2, 1)),
        PoolSpec("p"),
        ConvSpec("b", 10, (2, 3), padding=(1, 1, 0, 1)),
        DenseSpec("c", 12),
        DenseSpec("d", 5),
    )
    chain = as_chain(random_graph(specs, (14, 11, 3), seed=seed))
    folding = {
        layer.name: LayerFolding(int(rng.integers(1, layer.mh + 1)), int(rng.choice(legal_simd(layer))))
        for layer in chain.layers
    }
    stages = sized(chain, folding).stages
    ends = simulate(stages, 12).ends()
    assert ends[-1] - ends[-3] == 2 * interval(stages)


def test_no_stage_is_faster_than_its_cycles():
    """The bound is one: with endless buffers the slowest stage alone sets the pace."""
    chain = as_chain(random_graph((ConvSpec("a", 6), ConvSpec("b", 4), DenseSpec("c", 3)), (9, 9, 2)))
    folding = {"a": LayerFolding(4, 2), "b": LayerFolding(1, 3), "c": LayerFolding(3, 10)}
    deep = {"a_window": 2000, "b_window": 2000, "c_window": 2000}
    stages = build_chain(chain, folding, deep)
    assert np.diff(simulate(stages, 30).ends())[-1] == interval(stages) == frame_cycles(stages)["b_mvtu"]


def test_latency_of_a_dense_layer_by_hand():
    """Four beats of input, then 3 folds of 2 words: every cycle counted from the modules' headers."""
    chain = as_chain(random_graph((DenseSpec("a", 3),), (1, 4, 2)))
    stages = build_chain(chain, {"a": LayerFolding(1, 4, "logic")})
    # Beat 3 is taken at cycle 3. Converter 2 -> 4 lanes: skid 1, gather 1: word 1 offered at 5.
    # Ring: read a cycle after it is written, offered a cycle later. Word 1 of fold 0 is taken at 7;
    # the folds are 6 words without a gap from word 0 on, so word 5 is taken at 11.
    # MVTU, 4 integer lanes: ROM 1, dot 1, skid 1: accumulator 2 is taken at 14.
    # Scores: one skid: score 2 at 15, the winner at 16.
    assert [stage.name for stage in stages] == ["a_converter", "a_window", "a_mvtu", "scores"]
    assert latency_cycles(stages) == 16


def test_buffers_hold_at_least_a_window_and_a_pixel():
    chain = as_chain(random_graph(NCNV))
    slow = {layer.name: LayerFolding(1, 1) for layer in chain.layers}
    stages = build_chain(chain, slow)
    depths = buffer_depths(stages, interval(stages))
    for stage in stages:
        if isinstance(stage, Window):
            span = (stage.kernel[0] - 1) * stage.input.width + stage.kernel[1] + 1
            assert depths[stage.name] >= span * stage.input.beats_per_pixel


@pytest.mark.parametrize(
    ("bits", "words", "depth", "memory"),
    [
        (8, 3, 4, "logic"),
        (8, 33, 64, "logic"),
        (16, 62, 64, "logic"),  # a power of two wraps by itself
        (3, 130, 256, "logic"),  # a bank more costs less than the wrap
        (32, 134, 256, "block"),
    ],
)
def test_depth_and_memory_of_a_buffer(bits, words, depth, memory):
    source = Stream(BIPOLAR, 8, 8, bits, bits)
    output = Stream(BIPOLAR, 6, 6, 9 * bits, bits)
    ring = Window(
        "w",
        "w",
        None,
        source,
        output,
        (3, 3),
        (1, 1),
        (0, 0, 0, 0),
        0,
        bits,
        replay=2,
        full=False,
        depth_words=0,
    )
    assert cheapest_depth(ring, words) == depth
    assert with_depth(ring, depth).memory == memory


# A clocked model of single units: state machines as in the SystemVerilog, moved cycle by cycle.


def clocked(unit: Unit, arrivals: np.ndarray, taken: np.ndarray) -> tuple[list[int], list[int]]:
    """Cycles in which a unit takes and gives beats: offered from ``arrivals`` on, ready as in ``taken``."""
    model = {Skid: _ClockedSkid, FifoRam: _ClockedFifo, Gather: _ClockedGather, Scatter: _ClockedScatter}
    machine = model.get(type(unit), _ClockedPipeline)(unit)
    gone_in: list[int] = []
    gone_out: list[int] = []
    for cycle in range(10_000):
        ready_out = bool(taken[cycle % len(taken)])
        valid_in = len(gone_in) < len(arrivals) and bool(cycle >= arrivals[len(gone_in)])
        take, give = machine.step(valid_in, ready_out)
        gone_in += [cycle] * take
        gone_out += [cycle] * give
        if len(gone_out) == unit.outputs:
            break
    return gone_in, gone_out


class _ClockedSkid:
    def __init__(self, unit):
        self.held = 0

    def step(self, valid, ready):
        give, take = self.held > 0 and ready, valid and self.held < 2
        self.held += take - give
        return take, give


class _ClockedFifo:
    def __init__(self, unit):
        self.depth, self.count, self.out = unit.depth, 0, False

    def step(self, valid, ready):
        give, take = self.out and ready, valid and self.count < self.depth
        read = (ready or not self.out) and self.count > 0
        if ready or not self.out:
            self.out = read
        self.count += take - read
        return take, give


class _ClockedGather:
    def __init__(self, unit):
        self.beats, self.place, self.out = unit.beats, 0, False

    def step(self, valid, ready):
        give, free = self.out and ready, ready or not self.out
        take = valid and free
        if free:
            self.out = take and self.place == self.beats - 1
        if take:
            self.place = (self.place + 1) % self.beats
        return take, give


class _ClockedScatter:
    def __init__(self, unit):
        self.beats, self.left = unit.beats, 0

    def step(self, valid, ready):
        give = self.left > 0 and ready
        take = valid and (self.left == 0 or (self.left == 1 and ready))
        self.left += self.beats * take - give
        return take, give


class _ClockedPipeline:
    def __init__(self, unit):
        self.line = deque([0] * unit.depth, unit.depth)
        self.per_output, self.place, self.skid = unit.per_output, 0, _ClockedSkid(None)

    def step(self, valid, ready):
        emit = bool(self.line[-1])
        advance = not emit or self.skid.held < 2
        _, give = self.skid.step(emit, ready)
        take = valid and advance
        if advance:
            last = take and self.place == self.per_output - 1
            self.line.appendleft(int(last))
        if take:
            self.place = (self.place + 1) % self.per_output
        return take, give


def settled(unit: Unit, arrivals: np.ndarray, taken: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least times of a single unit's links by its own relations."""
    free = np.flatnonzero(np.tile(taken, 10_000 // len(taken)))
    x_in, x_out = arrivals.copy(), np.zeros(unit.outputs, int)
    while True:
        offered = np.maximum.accumulate(np.maximum(unit.offer(x_in, x_out), x_out) - np.arange(unit.outputs))
        new_out = offered + np.arange(unit.outputs)
        for k in range(unit.outputs):
            least = max(new_out[k], new_out[k - 1] + 1 if k else 0)
            new_out[k] = free[np.searchsorted(free, least)]
        earliest = np.maximum(arrivals, unit.ready(x_in, new_out))
        new_in = np.maximum.accumulate(earliest - np.arange(len(earliest))) + np.arange(len(earliest))
        if (new_in == x_in).all() and (new_out == x_out).all():
            return x_in, x_out
        x_in, x_out = new_in, new_out


UNITS = [Skid(60), FifoRam(60, 5), Gather(15, 4), Scatter(180, 3), Pipeline(60, 2, 1), Pipeline(20, 4, 3)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: f"{type(unit).__name__}{unit.outputs}")
def test_unit_against_its_state_machine(unit, seed):
    rng = np.random.default_rng(seed)
    arrivals = np.sort(rng.integers(0, 150, 60)) if seed else np.arange(60)
    arrivals = np.maximum.accumulate(arrivals - np.arange(60)) + np.arange(60)
    taken = rng.random(97) < (0.3 + 0.15 * seed)
    taken[0] = True
    x_in, x_out = settled(unit, arrivals, taken)
    gone_in, gone_out = clocked(unit, arrivals, taken)
    assert x_in.tolist() == gone_in
    assert x_out.tolist() == gone_out


def test_ring_frees_a_word_after_its_last_read():
    """Two words a window, step one, three places: word 3 waits for the first window's last read."""
    unit = Ring(
        need=np.array([0, 1, 1, 2, 2, 3]), last_read=np.array([1, 3, 5]), starts=np.arange(3), depth=3
    )
    x_in = np.arange(4)
    x_out = np.array([2, 10, 20, 21, 22, 23])
    ready = unit.ready(x_in, x_out)
    # Read 1 happens when its beat enters the free output register: with beat 0 gone at 2.
    assert ready[:3].max() < 0
    assert ready[3] == 2 + 1
    assert replace(unit, depth=10).ready(x_in, x_out).max() < 0
