"""FINN's weights and thresholds against the integer graph's."""

import numpy as np
import onnx
import pytest

from bnn_hw.errors import MismatchError
from bnn_hw.finn.parameters import compare_parameters
from bnn_hw.pipeline.legal import as_chain
from tests.finn.folded import save_folded
from tests.networks import ConvSpec, DenseSpec, random_graph


@pytest.fixture
def chain():
    return as_chain(random_graph((ConvSpec("conv1", 4), DenseSpec("fc1", 8), DenseSpec("fc2", 3)), (6, 6, 3)))


def test_equal_parameters_are_counted(chain, tmp_path):
    found = compare_parameters(save_folded(chain, tmp_path / "m.onnx"), chain)
    assert found == {"weights": 4 * 27 + 8 * 64 + 3 * 8, "thresholds": 12, "equal": True, "not_compared": []}


def test_thresholds_in_a_node_of_their_own_are_said_to_be_uncompared(chain, tmp_path):
    path = save_folded(chain, tmp_path / "m.onnx")
    model = onnx.load(str(path))
    del model.graph.node[1].input[2]
    onnx.save(model, str(path))
    found = compare_parameters(path, chain)
    assert (found["thresholds"], found["not_compared"]) == (4, ["fc1"])


def test_a_threshold_out_of_reach_is_equal_to_any_other(chain, tmp_path):
    """A neuron that never fires needs no exact threshold: FINN clips it to its accumulator."""
    layer = chain.layers[1]
    layer.threshold.op.thresholds[2] = 500
    levels = (layer.threshold.op.thresholds + layer.mw) / 2.0
    levels[2] = 65
    compare_parameters(save_folded(chain, tmp_path / "m.onnx", t_fc1=levels.astype(np.float32)), chain)
    levels[2] = 64
    with pytest.raises(
        MismatchError, match=r"layer fc1, neuron 2: expected the threshold 65 above the least sum, got 64"
    ):
        compare_parameters(save_folded(chain, tmp_path / "m.onnx", t_fc1=levels.astype(np.float32)), chain)


@pytest.mark.parametrize("shift", [-128, 0])
def test_a_quantiser_of_pixels_in_front_shifts_the_first_layers_sums(chain, tmp_path, shift):
    found = compare_parameters(save_folded(chain, tmp_path / "m.onnx", shift), chain)
    assert (found["thresholds"], found["not_compared"]) == (12, [])
    levels = chain.layers[0].threshold.op.thresholds + shift * chain.layers[0].weights.sum(1, keepdims=True)
    levels[3] += 1
    path = save_folded(chain, tmp_path / "m.onnx", shift, t_conv1=levels.astype(np.float32))
    with pytest.raises(MismatchError, match="layer conv1, neuron 3: expected the threshold"):
        compare_parameters(path, chain)


def test_what_else_a_quantiser_does_to_pixels_is_said_to_be_uncompared(chain, tmp_path):
    coarse = np.repeat(np.arange(2, 257, 2), 2)[:255].astype(np.float32)[None]
    found = compare_parameters(save_folded(chain, tmp_path / "m.onnx", -128, t_pixels=coarse), chain)
    assert (found["thresholds"], found["not_compared"]) == (8, ["conv1"])


def test_a_constant_neuron_may_have_its_weights_negated(chain, tmp_path):
    """Both importers turn a falling threshold round; which sign a constant neuron gets is arbitrary."""
    conv1, fc1 = chain.layers[:2]
    for layer, neuron in ((conv1, 1), (fc1, 2)):
        layer.threshold.op.thresholds[neuron] = -100_000
    rows = conv1.weights.astype(np.float32)
    rows[1] *= -1
    folded = (fc1.weights.astype(np.float32) + 1) / 2
    folded[2] = 1 - folded[2]
    path = save_folded(chain, tmp_path / "m.onnx", w_conv1=rows.T, w_fc1=folded.T)
    compare_parameters(path, chain)
    fc1.threshold.op.thresholds[2] = 0
    path = save_folded(chain, tmp_path / "m.onnx", w_conv1=rows.T, w_fc1=folded.T)
    with pytest.raises(MismatchError, match=r"layer fc1, neuron 2, synapse 0: .* \(64 of 512 differ\)"):
        compare_parameters(path, chain)


def test_every_layer_that_differs_is_named(chain, tmp_path):
    levels = chain.layers[0].threshold.op.thresholds.astype(np.float32)
    levels[1] += 1
    weights = (chain.layers[2].weights.T + 1) / 2
    weights[5, 0] = 1 - weights[5, 0]
    path = save_folded(chain, tmp_path / "m.onnx", t_conv1=levels, w_fc2=weights.astype(np.float32))
    with pytest.raises(MismatchError) as caught:
        compare_parameters(path, chain)
    assert [fault.place for fault in caught.value.faults] == [
        "FINN's network, layer conv1, neuron 1",
        "FINN's network, layer fc2, neuron 0, synapse 5",
    ]
    assert "(1 of 4 differ)" in caught.value.faults[0].cause
