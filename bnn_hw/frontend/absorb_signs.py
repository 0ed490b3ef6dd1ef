"""Pass: negate the weights of channels whose threshold looks downwards, so that hardware compares one way.

A batch norm with a negative scale fires for ``-acc >= t``. With negated weights the
layer's sum is ``-acc`` itself, and the threshold stays as it is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnn_hw.ir import Graph, Node
from bnn_hw.ir.ops import Conv, Dense, Threshold


def absorb_signs(graph: Graph) -> Graph:
    """Return the graph with sign -1 only where no layer of its own stands before the threshold."""
    flips: dict[str, np.ndarray] = {}
    for node in graph:
        if not isinstance(node.op, Threshold) or (node.op.sign == 1).all():
            continue
        source = node.inputs[0]
        alone = graph.consumers(source) == [node] and source not in graph.outputs
        if alone and source != graph.input.name and isinstance(graph.node(source).op, Conv | Dense):
            flips[source] = node.op.sign
            flips[node.name] = node.op.sign
    nodes = []
    for node in graph:
        op = node.op
        if node.name in flips and isinstance(op, Conv | Dense):
            sign = flips[node.name].astype(op.weights.dtype)
            op = replace(op, weights=op.weights * sign.reshape(-1, *[1] * (op.weights.ndim - 1)))
        elif node.name in flips and isinstance(op, Threshold):
            op = replace(op, sign=np.ones_like(op.sign))
        nodes.append(Node(node.name, op, node.inputs))
    return Graph(graph.name, graph.input, nodes, graph.outputs)
