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
    the layer's weights can reach. A layer whose thresholds FINN keeps in a node of
    their own is listed in not_compared: only executed pictures speak for it.
    Raises MismatchError with layer, neuron, expected and got.
    """
    model = onnx.load(str(folded))
    tensors = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type.startswith("MVAU")]
    faults = FaultList()
    weights = thresholds = 0
    apart = []
    for node, layer in zip(nodes, chain.layers, strict=True):
        xnor = any(item.name == "binaryXnorMode" and item.i for item in node.attribute)
        stored = tensors[node.input[1]].T
        weights += _compare_weights(faults, layer, 2 * stored - 1 if xnor else stored)
        if layer.threshold is not None and len(node.input) < 3:
            apart.append(layer.name)
        elif layer.threshold is not None:
            thresholds += _compare_thresholds(faults, layer, tensors[node.input[2]], xnor)
    faults.raise_if_any(MismatchError)
    return {"weights": weights, "thresholds": thresholds, "equal": True, "not_compared": apart}


def _compare_weights(faults: FaultList, layer: MacLayer, theirs: np.ndarray) -> int:
    wrong = np.argwhere(theirs != layer.weights)
    if len(wrong):
        neuron, synapse = wrong[0]
        faults.add(
            f"FINN's network, layer {layer.name}, neuron {neuron}, synapse {synapse}",
            f"expected the weight {layer.weights[neuron, synapse]}, got {theirs[neuron, synapse]:g} "
            f"({len(wrong):,} of {layer.weights.size:,} differ)",
            "the two importers read this model differently; report it",
        )
    return int(layer.weights.size)


def _compare_thresholds(faults: FaultList, layer: MacLayer, theirs: np.ndarray, xnor: bool) -> int:
    """Compare as thresholds on sums of products of -1 and +1, limited to what the sums can reach."""
    assert layer.threshold is not None
    op = layer.threshold.op
    assert isinstance(op, Threshold)
    ours = op.thresholds[:, 0]
    found = np.ceil(np.broadcast_to(theirs[:, 0], ours.shape)).astype(np.int64)
    if xnor:
        # A popcount p of matches is the sum 2 p - mw: sums are as even or odd as mw, compare popcounts.
        ours = -((-ours - layer.mw) // 2)
        low, high = np.zeros_like(ours), np.full_like(ours, layer.mw)
    else:
        low, high = (bound.reshape(-1) for bound in accumulator_bounds(layer.weights, layer.input.dtype))
    ours, found = (np.clip(values, low, high + 1) for values in (ours, found))
    wrong = np.flatnonzero(ours != found)
    if len(wrong):
        neuron = wrong[0]
        faults.add(
            f"FINN's network, layer {layer.name}, neuron {neuron}",
            f"expected the threshold {ours[neuron]}, got {found[neuron]} "
            f"({len(wrong)} of {len(ours)} differ)",
            "FINN folded this layer's batch norm in single precision and missed the border; "
            "our own back end searches it exactly",
        )
    return len(ours)
