import numpy as np
import pytest

from bnn_hw.errors import ModelError
from bnn_hw.ir import BIPOLAR, Graph, GraphInput, Node, ValueType, uint
from bnn_hw.ir.ops import Add, ArgMax, AvgPool, Conv, Dense, MaxPool, Scale, Threshold
from bnn_hw.pipeline.chain import InputThreshold, MacLayer, PoolStep
from bnn_hw.pipeline.legal import as_chain
from tests.networks import NCNV, TFC, UCNV, random_graph


def _weights(*shape, value=1):
    return np.full(shape, value, np.int8)


def _threshold(channels, sign=1, **kwargs):
    return Threshold(np.zeros((channels, 1), np.int64), np.full(channels, sign), **kwargs)


def _floats(values):
    return np.array(values, np.float32)


def _graph(*nodes, shape=(8, 8, 2), dtype=None):
    chained = []
    value = "input"
    for name, op, *inputs in nodes:
        chained.append(Node(name, op, tuple(inputs) or (value,)))
        value = name
    return Graph("g", GraphInput("input", ValueType(dtype or uint(8), shape)), chained, [value])


def _faults(graph):
    with pytest.raises(ModelError) as caught:
        as_chain(graph)
    return {fault.place: fault.cause for fault in caught.value.faults}


def test_chain_of_ncnv():
    chain = as_chain(random_graph(NCNV))
    assert [step.name for step in chain.steps] == [spec.name for spec in NCNV]
    assert [type(step) for step in chain.steps].count(PoolStep) == 2
    first, last = chain.layers[0], chain.layers[-1]
    assert (first.mw, first.mh, first.windows, first.channels) == (27, 16, 900, 3)
    assert (last.name, last.mac.name, last.threshold, last.mw, last.mh) == ("fc3", "fc3.acc", None, 128, 4)
    assert chain.classes == 4


def test_dense_layer_reads_one_flat_pixel():
    layer = next(layer for layer in as_chain(random_graph(UCNV)).layers if layer.name == "fc1")
    assert layer.input.shape == (3, 3, 64)
    assert layer.window_input.shape == (1, 1, 576)
    assert (layer.channels, layer.mw, layer.kernel) == (576, 576, (1, 1))


def test_threshold_on_the_pixels():
    chain = as_chain(random_graph(TFC, (28, 28, 1)))
    assert isinstance(chain.steps[0], InputThreshold)
    assert all(isinstance(step, MacLayer) for step in chain.steps[1:])


def test_all_faults_of_a_network_together():
    graph = _graph(
        ("c1.acc", Conv(_weights(4, 3, 3, 1), groups=2)),
        ("c1", _threshold(4, sign=-1)),
        ("p", MaxPool((2, 2), (1, 1))),
        ("c2.acc", Conv(_weights(4, 1, 1, 4, value=3))),
        ("avg", AvgPool()),
        ("f.acc", Dense(_weights(3, 16))),
        ("f", _threshold(3)),
        dtype=uint(12),
    )
    faults = _faults(graph)
    assert faults["input"] == "the input is UINT12; the hardware reads pixels of at most 8 bits"
    assert faults["c1"] in ("is a convolution in 2 groups", "has 4 thresholds of falling direction")
    assert faults["p"] == "has the kernel 2x2 and the stride 1x1"
    assert faults["c2.acc".removesuffix(".acc")] in (
        "has the weight 3; the hardware holds one bit a weight, -1 or +1",
        "has no activation behind it and is not the last layer",
    )
    assert faults["avg"] == "is AvgPool, for which the hardware has no unit"
    assert faults["f"].startswith("the last layer has a threshold")


def test_fork():
    graph = _graph(
        ("a.acc", Conv(_weights(2, 1, 1, 2))),
        ("a", _threshold(2)),
        ("b.acc", Conv(_weights(2, 1, 1, 2))),
        ("b", _threshold(2)),
        ("sum", Add(), "a", "b"),
        ("f.acc", Dense(_weights(3, 128))),
    )
    faults = _faults(graph)
    assert faults["sum"] in (
        "reads a, b, but the pipeline is one chain and stands at b",
        "is Add, for which the hardware has no unit",
    )


def test_activations_of_more_than_one_bit():
    levels = np.array([[0, 1, 2]] * 2)
    two_bits = Threshold(levels, np.ones(2, int), uint(2), base=0, step=1)
    graph = _graph(
        ("a.acc", Conv(_weights(2, 1, 1, 2))),
        ("a", two_bits),
        ("p", MaxPool()),
        ("f.acc", Dense(_weights(3, 32))),
    )
    faults = _faults(graph)
    assert faults["a"] == "makes UINT2 activations in 4 values; the hardware makes -1 and +1"
    assert faults["p"] == "pools UINT2 values; the hardware pools one-bit activations"
    assert faults["f"] == "reads UINT2 activations; layers after the first read one bit, -1 or +1"


def test_threshold_must_follow_a_layer():
    graph = _graph(
        ("s", _threshold(2)), ("p", MaxPool()), ("t", _threshold(2)), ("f.acc", Dense(_weights(3, 32)))
    )
    assert _faults(graph) == {"t": "is a threshold behind p (MaxPool)"}


def test_last_layer_gives_one_pixel():
    graph = _graph(("s", _threshold(2)), ("c.acc", Conv(_weights(3, 1, 1, 2))))
    assert _faults(graph) == {"c": "the last layer's output is 8x8 pixels, not one"}
    ends_in_pool = _graph(("s", _threshold(2)), ("p", MaxPool()))
    assert _faults(ends_in_pool) == {"p": "the network does not end with a dense layer"}


@pytest.mark.parametrize(
    ("steps", "legal"),
    [
        ((("mul", _floats([0.5])), ("add", _floats([-3]))), True),
        ((("mul", _floats([-0.5])),), False),
        ((("div", _floats([1, 2, 1])),), False),
        ((("add", _floats([0, 1, 0])),), False),
        ((("mul", _floats([2, 2, 2])),), True),
    ],
)
def test_the_class_must_survive_the_scale(steps, legal):
    graph = _graph(
        ("s", _threshold(2)),
        ("f.acc", Dense(_weights(3, 128))),
        ("scores", Scale(steps)),
        ("class", ArgMax()),
    )
    if legal:
        assert as_chain(graph).classes == 3
    else:
        assert "the hardware compares the accumulators" in _faults(graph)["class"]


def test_bipolar_input_is_legal():
    graph = _graph(("f.acc", Dense(_weights(3, 128))), dtype=BIPOLAR)
    assert as_chain(graph).layers[0].mw == 128
