"""A folded network in the form that FINN leaves: one matrix-vector node a layer, popcounts behind signs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bnn_hw.pipeline.chain import Chain


def save_folded(chain: Chain, path: Path, shift: int | None = None, **changes: np.ndarray) -> Path:
    """Write the chain's parameters in FINN's form; changes: other tensors by name (w_fc1, t_conv1).

    shift: what a quantiser in front adds to the pixels, None for no quantiser.
    """
    nodes, tensors, at = [], {}, "pixels"
    if shift is not None:
        tensors["t_pixels"] = np.arange(1, 256, dtype=np.float32)[None]
        nodes.append(
            helper.make_node(
                "Thresholding_rtl", [at, "t_pixels"], ["q"], name="Thresholding_rtl_0", ActVal=shift
            )
        )
        at = "q"
    for index, layer in enumerate(chain.layers):
        xnor = layer.input.dtype.is_bipolar
        weights = (layer.weights + 1) // 2 if xnor else layer.weights
        inputs = [at, f"w_{layer.name}"]
        tensors[inputs[1]] = weights.T.astype(np.float32)
        if layer.threshold is not None:
            levels = layer.threshold.op.thresholds.astype(np.float64)
            if shift is not None and index == 0:
                levels += shift * layer.weights.sum(axis=1, keepdims=True)
            # Half a popcount off, as FINN leaves them before rounding up.
            tensors[f"t_{layer.name}"] = ((levels + layer.mw) / 2 if xnor else levels).astype(np.float32)
            inputs.append(f"t_{layer.name}")
        at = layer.name
        name = f"MVAU_hls_{index}"
        nodes.append(helper.make_node("MVAU_hls", inputs, [at], name=name, binaryXnorMode=int(xnor)))
    tensors.update(changes)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("pixels", at)]
    constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()]
    onnx.save(helper.make_model(helper.make_graph(nodes, "folded", values[:1], values[1:], constants)), path)
    return path
