"""Rule for MatMul and Gemm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnn_hw.frontend.lower.builder import Builder
from bnn_hw.frontend.lower.mac import accumulator, biased, layer_weights
from bnn_hw.frontend.net import NetNode, UnsupportedError
from bnn_hw.ir import ops


def dense(builder: Builder, node: NetNode) -> None:
    """MatMul and Gemm of a flattened tensor with a weight matrix; on a map, MatMul is a 1x1 convolution."""
    if builder.constant(node, 0) is not None:
        raise UnsupportedError(
            "its weights are the first factor", "multiply the tensor by the weights: x @ W"
        )
    signal, (weights, scale) = builder.signal(node), layer_weights(builder, node)
    shape = signal.index.shape
    if node.op == "Gemm" and (node.attributes.get("transA", 0) or node.attributes.get("alpha", 1.0) <= 0):
        raise UnsupportedError("has transA, or an alpha that is not positive", "use a plain Linear layer")
    if shape[-1] != weights.shape[1]:
        raise UnsupportedError(
            f"has weights for {weights.shape[1]} features, but reads {shape[-1]}", "export again"
        )
    name = f"{builder.net.names[id(node)]}.acc"
    if signal.index.size == weights.shape[1]:
        ordered = np.empty_like(weights)
        ordered[:, signal.index.reshape(-1)] = weights
        op: ops.Conv | ops.Dense = ops.Dense(ordered)
    elif signal.is_map(3):
        op = ops.Conv(weights[:, None, None, :].copy())
    else:
        raise UnsupportedError(
            f"reads {shape[-1]} features of a tensor of {signal.index.size}",
            "flatten the tensor before Linear",
        )
    factor = np.float32(node.attributes.get("alpha", 1.0)) if node.op == "Gemm" else np.float32(1)
    result = accumulator(name, builder, op, signal, scale * factor, node)
    result = replace(result, index=np.arange(result.type.size).reshape(*shape[:-1], len(weights)))
    builder.values[node.outputs[0]] = biased(builder, node, result, (-1,))
