"""Weight and threshold images, compared with loops over neurons, lanes and sums."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bnn_hw.errors import ModelError
from bnn_hw.ir import BIPOLAR, Graph, Node, sint, uint
from bnn_hw.ir.ops import Conv, Dense, Threshold
from bnn_hw.pipeline.stages import Mvtu, Stream, ThresholdUnit
from bnn_hw.rtl import memory
from tests.networks import ConvSpec, DenseSpec, ThresholdSpec, random_graph

GRAPH = random_graph((ConvSpec("conv", 5, (2, 3)), DenseSpec("fc", 7), DenseSpec("last", 2)), (4, 5, 2))


def mvtu(layer: str, mw: int, mh: int, pe: int, simd: int, source, accumulator, threshold=True) -> Mvtu:
    """An MVTU stage of which only the folding and the types matter here."""
    return Mvtu(
        name=f"{layer}_mvtu",
        layer=layer,
        value=layer,
        input=Stream(source, 1, 1, mw, simd),
        output=Stream(BIPOLAR if threshold else accumulator, 1, 1, mh, pe),
        mac=f"{layer}.acc",
        threshold=layer if threshold else None,
        mw=mw,
        mh=mh,
        pe=pe,
        simd=simd,
        accumulator=accumulator,
        weight_memory="logic",
    )


def replace_op(graph: Graph, name: str, op) -> Graph:
    nodes = [Node(n.name, op, n.inputs) if n.name == name else n for n in graph.nodes]
    return Graph(graph.name, graph.input, nodes, graph.outputs)


CONV = mvtu("conv", mw=12, mh=5, pe=2, simd=4, source=uint(8), accumulator=sint(13))
FC = mvtu("fc", mw=45, mh=7, pe=3, simd=5, source=BIPOLAR, accumulator=uint(6))


@pytest.mark.parametrize("stage", [CONV, FC])
def test_weight_word_holds_each_pe_and_lane_where_the_module_reads_it(stage: Mvtu) -> None:
    image = memory.weight_image(GRAPH, stage)
    weights = GRAPH.node(stage.mac).op.weights.reshape(stage.mh, stage.mw)
    assert len(image.words) == stage.neuron_fold * stage.synapse_fold
    assert image.width_bits == stage.pe * stage.simd
    for address, word in enumerate(image.words):
        neuron_fold, synapse_fold = divmod(address, stage.synapse_fold)
        for pe in range(stage.pe):
            neuron = neuron_fold * stage.pe + pe
            for lane in range(stage.simd):
                bit = word >> (pe * stage.simd + lane) & 1
                present = neuron < stage.mh
                want = weights[neuron, synapse_fold * stage.simd + lane] == 1 if present else 0
                assert bit == want


def test_conv_columns_run_over_kernel_row_column_channel() -> None:
    matrix = memory.weight_matrix(GRAPH, CONV)
    weights = GRAPH.node("conv.acc").op.weights
    assert matrix[3, (1 * 3 + 2) * 2 + 1] == weights[3, 1, 2, 1]


def test_popcount_threshold_fires_exactly_where_the_sum_does() -> None:
    for start in range(-50, 51):
        thresholds = np.array([start, start + 1, 0, -46, 46, 10**6, -(10**6)])[:, None]
        graph = replace_op(GRAPH, "fc", Threshold(thresholds, np.ones(7, np.int64)))
        bounds = memory.mvtu_thresholds(graph, FC)
        matches = np.arange(46)[:, None]
        assert np.array_equal(matches >= bounds, 2 * matches - 45 >= thresholds[:, 0])
        assert bounds.min() >= 0
        assert bounds.max() <= 46


def test_sum_threshold_is_clipped_to_what_the_neuron_reaches() -> None:
    thresholds = np.array([-(10**9), 10**9, 5, 0, -7])[:, None]
    graph = replace_op(GRAPH, "conv", Threshold(thresholds, np.ones(5, np.int64)))
    weights = GRAPH.node("conv.acc").op.weights.reshape(5, -1)
    bounds = memory.mvtu_thresholds(graph, CONV)
    assert bounds[0] == -255 * (weights[0] < 0).sum()
    assert bounds[1] == 255 * (weights[1] > 0).sum() + 1
    assert bounds[2:].tolist() == [5, 0, -7]


def test_absent_neurons_never_fire() -> None:
    words = memory.threshold_image(GRAPH, FC).words
    assert words[-1] >> 6 & 0x3F == 46  # more than the 45 matches a neuron can count
    assert words[-1] >> 12 == 46
    conv_words = memory.threshold_image(GRAPH, CONV).words
    assert conv_words[-1] >> 13 == sint(13).max


def test_negative_thresholds_are_twos_complement() -> None:
    graph = replace_op(GRAPH, "conv", Threshold(np.full((5, 1), -3), np.ones(5, np.int64)))
    assert memory.threshold_image(graph, CONV).words[0] == 0x1FFD << 13 | 0x1FFD


def test_image_text_is_one_word_a_line() -> None:
    lines = memory.weight_image(GRAPH, FC).hex_text.splitlines()
    assert len(lines) == 27
    assert all(len(line) == 4 for line in lines)


def test_too_narrow_accumulator_is_noticed() -> None:
    narrow = dataclasses.replace(FC, accumulator=uint(5))
    with pytest.raises(ValueError, match=r"fc_mvtu: thresholds .* leave UINT5"):
        memory.threshold_image(GRAPH, narrow)


def test_falling_threshold_is_refused_with_the_remedy() -> None:
    signs = np.array([1, 1, -1, 1, 1, 1, 1])
    graph = replace_op(GRAPH, "fc", Threshold(np.zeros((7, 1), np.int64), signs))
    with pytest.raises(ModelError) as caught:
        memory.threshold_image(graph, FC)
    assert str(caught.value) == (
        "fc: channel 2 fires below its threshold\n"
        "    remedy: negate the weights of this channel, which turns the comparison round exactly"
    )


def test_several_levels_are_refused() -> None:
    levels = Threshold(np.zeros((7, 3), np.int64), np.ones(7, np.int64), uint(2), 0, 1)
    with pytest.raises(ModelError, match="fc: is 3 levels of UINT2, not a sign"):
        memory.threshold_image(_multi(levels), FC)


def _multi(levels: Threshold) -> Graph:
    """A graph whose node fc has several levels and no consumer."""
    keep = [n for n in GRAPH.nodes if n.name in ("conv.acc", "conv", "fc.acc")]
    return Graph("multi", GRAPH.input, [*keep, Node("fc", levels, ("fc.acc",))], ["fc"])


def test_weights_other_than_bipolar_are_refused() -> None:
    weights = GRAPH.node("fc.acc").op.weights.copy()
    weights[2, 3] = 0
    with pytest.raises(ModelError, match=r"fc.acc: has the weight 0\n.*train the layer with binary weights"):
        memory.weight_image(replace_op(GRAPH, "fc.acc", Dense(weights)), FC)


def test_plan_of_another_network_is_refused() -> None:
    weights = np.ones((5, 2, 2, 2), np.int8)
    keep = [Node("conv.acc", Conv(weights), ("input",))]
    with pytest.raises(ModelError, match=r"conv\.acc: has 5x8 weights, the plan says 5x12"):
        memory.weight_image(Graph("other", GRAPH.input, keep, ["conv.acc"]), CONV)


@pytest.mark.parametrize("dtype", [uint(8), sint(5)])
def test_threshold_unit_word_decides_like_the_graph(dtype) -> None:
    graph = random_graph((ThresholdSpec("sign"), DenseSpec("fc", 2)), (1, 1, 5), dtype)
    levels = np.array([-3, dtype.max + 9, dtype.min - 4, 7, dtype.max])[:, None]
    op = Threshold(levels, np.array([1, -1, 1, -1, 1]))
    graph = replace_op(graph, "sign", op)
    stream = Stream(dtype, 1, 1, 5, 2)
    stage = ThresholdUnit("sign", "sign", "sign", stream, dataclasses.replace(stream, dtype=BIPOLAR), "sign")
    image = memory.unit_threshold_image(graph, stage)
    assert len(image.words) == 3
    assert image.width_bits == 2 * (dtype.bits + 2)
    for x in range(dtype.min, dtype.max + 1):
        want = op.execute(np.full((1, 1, 1, 5), x)).reshape(-1)
        for channel in range(5):
            field = image.words[channel // 2] >> (channel % 2 * (dtype.bits + 2)) & (4 << dtype.bits) - 1
            invert, bound = field >> (dtype.bits + 1), field & (2 << dtype.bits) - 1
            if dtype.is_signed and bound >= 1 << dtype.bits:
                bound -= 2 << dtype.bits
            assert ((x >= bound) ^ invert) == (want[channel] == 1)
