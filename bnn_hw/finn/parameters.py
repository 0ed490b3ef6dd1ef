"""FINN's weights and thresholds compared with the integer graph's, one by one.

Pictures can only show a difference that they provoke. Equal weights and equal
thresholds on the same sums are equal for every picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from bnn_hw.errors import FaultList, MismatchError
from bnn_hw.ir.ops import Threshold, accumulator_bounds
from bnn_hw.pipeline.chain import Chain, MacLayer


def compare_parameters(folded: Path, chain: Chain) -> dict[str, Any]:
    """Compare every weight and threshold of FINN's folded network with the chain's layers.

    Thresholds count as equal where they make the same decision on every sum that
    the layer's weights can reach; of a neuron that always or never fires the weights
    do not matter. Listed in not_compared are layers whose thresholds FINN keeps in a
    node of their own, and the first layer where FINN turns pixels into something
    else than pixels plus a constant: only executed pictures speak for them.
    Raises MismatchError with layer, neuron, expected and got.
    """
    model = onnx.load(str(folded))
    tensors = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type.startswith("MVAU")]
    faults = FaultList()
    weights = thresholds = 0
    apart = []
    shifts = [_pixel_shift(model.graph, tensors), *[0] * (len(nodes) - 1)]
    for node, layer, shift in zip(nodes, chain.layers, shifts, strict=True):
        xnor = any(item.name == "binaryXnorMode" and item.i for item in node.attribute)
        stored = tensors[node.input[1]].T
        theirs = (2 * stored - 1 if xnor else stored).astype(np.int64)
        live = np.ones(layer.mh, dtype=bool)
        if layer.threshold is not None and (len(node.input) < 3 or shift is None):
            apart.append(layer.name)
        elif layer.threshold is not None:
            live = _compare_thresholds(faults, layer, theirs, tensors[node.input[2]], xnor, shift or 0)
            thresholds += layer.mh
        _compare_weights(faults, layer, theirs, live)
        weights += layer.weights.size
    faults.raise_if_any(MismatchError)
    return {"weights": weights, "thresholds": thresholds, "equal": True, "not_compared": apart}


def _pixel_shift(graph: onnx.GraphProto, tensors: dict[str, np.ndarray]) -> int | None:
    """What FINN adds to a pixel before the first layer; None where it does something else to it.

    A quantiser of pixels becomes a node of thresholds in front: one at each value of
    a pixel makes it count them, from ``ActVal`` on.
    """
    first = graph.node[0]
    if not first.op_type.startswith("Thresholding"):
        return 0
    steps = np.ceil(tensors[first.input[1]])
    if not (steps == np.arange(1, 256)).all():
        return None
    return next((int(item.i) for item in first.attribute if item.name == "ActVal"), 0)


def _compare_weights(faults: FaultList, layer: MacLayer, theirs: np.ndarray, live: np.ndarray) -> None:
    """Compare the weights of neurons that are not constant: a constant one may have its row negated."""
    wrong = np.argwhere((theirs != layer.weights) & live[:, None])
    if len(wrong):
        neuron, synapse = wrong[0]
        faults.add(
            f"FINN's network, layer {layer.name}, neuron {neuron}, synapse {synapse}",
            f"expected the weight {layer.weights[neuron, synapse]}, got {theirs[neuron, synapse]} "
            f"({len(wrong):,} of {layer.weights.size:,} differ)",
            "the two importers read this model differently; report it",
        )


def _compare_thresholds(
    faults: FaultList, layer: MacLayer, weights: np.ndarray, theirs: np.ndarray, xnor: bool, shift: int
) -> np.ndarray:
    """Compare thresholds as far as sums can reach; returns which neurons are not constant.

    weights: theirs; shift: what each of their inputs is above ours. Both sides count
    as steps above the least sum: 0 always fires, one more than there are steps never.
    """
    assert layer.threshold is not None
    op = layer.threshold.op
    assert isinstance(op, Threshold)
    low, high = (bound.ravel() for bound in accumulator_bounds(layer.weights, layer.input.dtype))
    more = shift * weights.sum(axis=1)
    their_low, their_high = (bound.ravel() + more for bound in accumulator_bounds(weights, layer.input.dtype))
    found = np.ceil(np.broadcast_to(theirs[:, 0], low.shape)).astype(np.int64)
    ours = op.thresholds[:, 0] - low
    if xnor:
        # Sums are as even or odd as mw, so steps of two: a popcount p of matches is the sum 2 p - mw.
        ours = -(-ours // 2)
        high, their_high = (high - low) // 2, (their_high - their_low) // 2
    else:
        found = found - their_low
        high, their_high = high - low, their_high - their_low
    ours, found = np.clip(ours, 0, high + 1), np.clip(found, 0, their_high + 1)
    wrong = np.flatnonzero(ours != found)
    if len(wrong):
        neuron = wrong[0]
        faults.add(
            f"FINN's network, layer {layer.name}, neuron {neuron}",
            f"expected the threshold {ours[neuron]} above the least sum, got {found[neuron]} "
            f"({len(wrong)} of {len(ours)} differ)",
            "FINN folded this layer's batch norm in single precision and missed the border; "
            "our own back end searches it exactly",
        )
    live: np.ndarray = (ours > 0) & (ours <= high)
    return live
