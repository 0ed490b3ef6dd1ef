"""A graph of the same structure with other weights, to prove that hardware takes them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from bnn_hw.ir.graph import Graph, Node
from bnn_hw.ir.ops import Conv, Dense, Op, Threshold


def permuted(graph: Graph, seed: int = 1, layers: Collection[str] | None = None) -> Graph:
    """Return the graph with the neurons of its layers in another order, each with its threshold.

    layers: names of the convolution and dense nodes to change, all if None.
    The next layers' weights stay as they are, so every layer computes something else,
    with as many +1 and -1 as before.
    """
    rng = np.random.default_rng(seed)
    orders: dict[str, np.ndarray] = {}
    nodes = []
    for node in graph:
        op: Op = node.op
        if isinstance(op, (Conv, Dense)) and (layers is None or node.name in layers):
            orders[node.name] = rng.permutation(len(op.weights))
            op = replace(op, weights=op.weights[orders[node.name]])
        elif isinstance(op, Threshold) and node.inputs[0] in orders:
            order = orders[node.inputs[0]]
            op = replace(op, thresholds=op.thresholds[order], sign=op.sign[order])
        nodes.append(Node(node.name, op, node.inputs))
    return Graph(graph.name, graph.input, nodes, list(graph.outputs))
