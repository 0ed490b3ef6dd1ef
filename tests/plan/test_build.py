import itertools

import numpy as np
import pytest

from bnn_hw.design import load_design
from bnn_hw.errors import FoldingError
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.stages import Converter, Fifo, Mvtu, Pool, Scores, ThresholdUnit, Window
from bnn_hw.plan.build import build_stages
from bnn_hw.plan.cycles import bottleneck, frame_cycles, interval, layer_cycles
from bnn_hw.plan.folding import LayerFolding, legal_simd, read_folding
from tests.networks import NETWORKS, TFC, ConvSpec, DenseSpec, PoolSpec, random_graph


def table1(name):
    graph = random_graph(NETWORKS[name])
    return build_stages(graph, read_folding(load_design(name).foldings["table1"].path, as_chain(graph)))


# windows * ceil(neurons / PE) * synapses / SIMD, by hand from Table I of the paper.
CYCLES = {
    "cnv": [32400, 28224, 20736, 28800, 20736, 18432, 32768, 32768, 512],
    "ncnv": [8100, 7056, 2592, 1800, 1296, 1152, 2048, 2048, 512],
    "ucnv": [32400, 28224, 10368, 7200, 5184, 4608, 512],
}


@pytest.mark.parametrize("name", CYCLES)
def test_table1_cycles(name):
    stages = table1(name)
    units = [stage for stage in stages if isinstance(stage, Mvtu)]
    assert [frame_cycles(stages)[unit.name] for unit in units] == CYCLES[name]
    assert [layer_cycles(stages, unit.layer) for unit in units] == CYCLES[name]
    assert interval(stages) == {"cnv": 32768, "ncnv": 8100, "ucnv": 32400}[name]
    assert bottleneck(stages) == {"cnv": "fc1_mvtu", "ncnv": "conv1_1_mvtu", "ucnv": "conv1_1_mvtu"}[name]


def check_streams(graph, stages):
    """Every stage fits the one before it: same beats, same wires."""
    source = graph.input.type
    assert stages[0].input.lanes == source.channels
    for before, after in itertools.pairwise(stages):
        assert before.output.width_bits == after.input.width_bits
        if not isinstance(before, Window):
            assert before.output.beats_per_frame == after.input.beats_per_frame
        if before.output != after.input:
            assert (after.input.height, after.input.width) == (1, 1)
            assert before.output.channels % before.output.lanes == 0
    names = [stage.name for stage in stages]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


@pytest.mark.parametrize("name", CYCLES)
def test_table1_streams_fit(name):
    check_streams(random_graph(NETWORKS[name]), table1(name))


def test_converters_stand_only_where_lanes_differ():
    names = [stage.name for stage in table1("ncnv") if isinstance(stage, Converter)]
    assert names == [
        "conv2_2_converter",
        "conv3_1_converter",
        "conv3_2_converter",
        "fc1_converter",
        "fc2_converter",
    ]


def test_values_and_kinds_of_a_small_chain():
    specs = (ConvSpec("a", 5), PoolSpec("p"), ConvSpec("b", 4), DenseSpec("c", 3))
    graph = random_graph(specs, (12, 12, 2))
    folding = {"a": LayerFolding(2, 2), "b": LayerFolding(4, 45), "c": LayerFolding(1, 4)}
    stages = build_stages(graph, folding)
    assert [(stage.kind, stage.name, stage.value) for stage in stages] == [
        ("window", "a_window", None),
        ("mvtu", "a_mvtu", "a"),
        ("pool", "p_pool", "p"),
        ("converter", "b_converter", "p"),
        ("fifo", "b_fifo", "p"),
        ("window", "b_window", None),
        ("mvtu", "b_mvtu", "b"),
        ("window", "c_window", None),
        ("mvtu", "c_mvtu", "c.acc"),
        ("scores", "scores", None),
    ]
    check_streams(graph, stages)
    first, full = stages[0], stages[5]
    assert isinstance(first, Window)
    assert isinstance(full, Window)
    assert (first.full, first.replay, first.words_per_window) == (False, 3, 9)
    assert (full.full, full.depth_words, full.simd, full.input.lanes) == (True, 0, 45, 5)
    assert isinstance(stages[-1], Scores)
    assert (stages[-1].input.dtype.bits, stages[-1].output.beats_per_frame) == (7, 4)


def test_dense_layer_behind_a_map_is_flattened_without_holes():
    specs = (ConvSpec("a", 6), DenseSpec("b", 3))
    graph = random_graph(specs, (5, 5, 1))
    for pe in range(1, 7):
        for simd in legal_simd(as_chain(graph).layers[1]):
            stages = build_stages(graph, {"a": LayerFolding(pe, 1), "b": LayerFolding(1, simd)})
            check_streams(graph, stages)
            window = next(stage for stage in stages if stage.name == "b_window")
            assert (window.input.channels, window.input.lanes, window.kernel) == (54, simd, (1, 1))


def test_threshold_unit_leads_tfc():
    folding = {"fc1": LayerFolding(16, 49), **{f"fc{i}": LayerFolding(8, 8) for i in (2, 3, 4)}}
    graph = random_graph(TFC, (28, 28, 1))
    stages = build_stages(graph, folding)
    check_streams(graph, stages)
    assert isinstance(stages[0], ThresholdUnit)
    assert (stages[0].value, stages[0].output.dtype.is_bipolar) == ("sign", True)
    assert interval(stages) == 784
    assert bottleneck(stages) == "input"


def test_accumulators_hold_every_sum_and_a_threshold_that_never_fires():
    rng = np.random.default_rng(0)
    graph = random_graph((ConvSpec("a", 8), ConvSpec("b", 8), DenseSpec("c", 2)), (6, 6, 3))
    stages = build_stages(graph, {"a": LayerFolding(8, 3), "b": LayerFolding(8, 8), "c": LayerFolding(2, 8)})
    first, second = (stage for stage in stages if isinstance(stage, Mvtu) and stage.threshold)
    weights = graph.node("a.acc").op.weights.reshape(8, -1).astype(int)
    corners = np.where(weights > 0, 255, 0)
    sums = np.concatenate([corners @ weights.T, (255 - corners) @ weights.T])
    sums = np.concatenate([sums, rng.integers(0, 256, (50, 27)) @ weights.T])
    assert first.accumulator.contains(sums)
    assert first.accumulator.contains(np.array([(weights > 0).sum(axis=1).max() * 255 + 1]))
    assert second.accumulator.contains(np.array([0, second.mw + 1]))
    assert str(second.accumulator) == "UINT7"


def test_names_are_identifiers_and_unique():
    specs = (ConvSpec("1.a", 2), ConvSpec("1_a", 2), PoolSpec("reg"), DenseSpec("scores.x", 3))
    graph = random_graph(specs, (8, 8, 1))
    stages = build_stages(graph, {s.name: LayerFolding(1, 1) for s in specs if not isinstance(s, PoolSpec)})
    check_streams(graph, stages)
    assert [stage.name for stage in stages if isinstance(stage, (Mvtu, Pool))] == [
        "n1_a_mvtu",
        "n1_a_mvtu_2",
        "reg_pool",
        "scores_x_mvtu",
    ]


def test_full_window_cycles_count_pixels_that_start_no_window():
    graph = random_graph((ConvSpec("a", 4), DenseSpec("b", 2)), (10, 10, 1))
    for pe, folds in ((4, 1), (2, 2), (3, 2), (1, 4)):
        stages = build_stages(graph, {"a": LayerFolding(pe, 9), "b": LayerFolding(2, 256)})
        assert frame_cycles(stages)["a_window"] == 64 * folds + 36
        assert [type(stage) for stage in stages].count(Fifo) == 1


def test_illegal_folding_is_refused():
    graph = random_graph((DenseSpec("a", 2),), (1, 1, 4))
    with pytest.raises(FoldingError, match="SIMD is 3"):
        build_stages(graph, {"a": LayerFolding(1, 3)})
