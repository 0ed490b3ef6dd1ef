"""Our folding in FINN's terms: kept, rounded up, or refused with layer and cause."""

import pytest

from bnn_hw.board import load_board
from bnn_hw.errors import FoldingError
from bnn_hw.finn.folding import finn_folding
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.plan.folding import LayerFolding
from bnn_hw.plan.make import plan_folding
from tests.networks import ConvSpec, DenseSpec, PoolSpec, random_graph

SMALL = (ConvSpec("conv1", 6), PoolSpec("pool1"), ConvSpec("conv2", 10, (2, 2)), DenseSpec("fc1", 4))


@pytest.fixture(scope="module")
def graph():
    return random_graph(SMALL, (12, 12, 3))


def folded(graph, **choices):
    choices = {"conv1": (6, 3), "conv2": (5, 6), "fc1": (1, 2), **choices}
    plan = plan_folding(
        graph, load_board("pynq-z1"), {name: LayerFolding(*value) for name, value in choices.items()}
    )
    return plan, as_chain(graph)


def test_divisors_are_kept(graph):
    layers, changes = finn_folding(*folded(graph), strict=True)
    assert [(layer.name, layer.pe, layer.simd, layer.mw, layer.mh) for layer in layers] == [
        ("conv1", 6, 3, 27, 6),
        ("conv2", 5, 6, 24, 10),
        ("fc1", 1, 2, 160, 4),
    ]
    assert changes == []


def test_what_finn_would_round_in_silence_is_refused_with_layer_and_cause(graph):
    plan, chain = folded(graph, conv1=(4, 27), conv2=(7, 3))
    with pytest.raises(FoldingError) as caught:
        finn_folding(plan, chain, strict=True)
    first, second = caught.value.faults
    assert first.place == "folding for FINN, layer conv1"
    assert first.cause.startswith("PE is 4, which does not divide the 6 neurons")
    assert first.remedy.startswith("nearest legal: 2, 3, 6")
    assert second.place == "folding for FINN, layer conv2"


def test_a_planned_folding_is_rounded_up_and_says_so(graph):
    layers, changes = finn_folding(*folded(graph, conv1=(4, 27), conv2=(7, 3)), strict=False)
    assert [layer.pe for layer in layers] == [6, 10, 1]
    assert changes == [
        "layer conv1: PE 4 becomes 6, FINN needs a divisor of 6",
        "layer conv2: PE 7 becomes 10, FINN needs a divisor of 10",
    ]


def test_a_weight_stream_wider_than_hls_is_refused():
    graph = random_graph((ConvSpec("conv1", 64), ConvSpec("conv2", 64), DenseSpec("fc1", 2)), (7, 7, 3))
    plan, chain = folded(graph, conv1=(1, 1), conv2=(64, 576), fc1=(1, 1))
    with pytest.raises(FoldingError, match=r"layer conv2: PE 64 times SIMD 576 .* 36,864 bits; .* 8,191"):
        finn_folding(plan, chain, strict=False)
