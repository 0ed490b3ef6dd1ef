"""Pass: pool bits instead of sums where a batch norm with negative scales stands behind the pool.

A falling channel fires when ``-max(sums) >= t``. Its inverse fires when ``max(sums) >= 1 - t``,
that is when any sum does: a threshold on the sums and an OR. The next layer takes the inverse
bit with negated weights, so nothing else changes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnn_hw.ir import Graph, Node
from bnn_hw.ir.ops import Conv, Dense, MaxPool, Op, Threshold


def _pools_before(graph: Graph, node: Node) -> list[Node]:
    """Return the max-pools between a layer's sums and this threshold, nearest to the sums first."""
    pools: list[Node] = []
    value = node.inputs[0]
    while value != graph.input.name and len(graph.consumers(value)) == 1 and value not in graph.outputs:
        source = graph.node(value)
        if not isinstance(source.op, MaxPool):
            return pools[::-1]
        pools.append(source)
        value = source.inputs[0]
    return []


def _can_invert(op: Op) -> bool:
    return isinstance(op, Dense) or (isinstance(op, Conv) and op.groups == 1 and not any(op.padding))


def _inverted(op: Op, sign: np.ndarray) -> Op:
    """Negate the weights of a layer's inverted input channels; sign is -1 for these."""
    assert isinstance(op, Conv | Dense)
    weights = op.weights.reshape(-1, len(sign)) * sign.astype(op.weights.dtype)
    return replace(op, weights=weights.reshape(op.weights.shape))


def pool_bits(graph: Graph) -> Graph:
    """Return the graph with thresholds before pools wherever the next layers can absorb the inversion."""
    nodes: dict[str, Node] = {node.name: node for node in graph}
    order = [node.name for node in graph]
    for node in graph:
        if not isinstance(node.op, Threshold) or not node.op.dtype.is_bipolar or node.name in graph.outputs:
            continue
        pools, readers = _pools_before(graph, node), graph.consumers(node.name)
        if not pools or not all(_can_invert(reader.op) for reader in readers):
            continue
        sign = node.op.sign
        thresholds = np.where(sign[:, None] == 1, node.op.thresholds, 1 - node.op.thresholds)
        op = replace(node.op, thresholds=thresholds, sign=np.ones_like(sign))
        nodes[node.name] = Node(node.name, op, pools[0].inputs)
        nodes[pools[0].name] = replace(pools[0], inputs=(node.name,))
        for reader in readers:
            inputs = (pools[-1].name,)
            nodes[reader.name] = Node(reader.name, _inverted(nodes[reader.name].op, sign), inputs)
        order.remove(node.name)
        order.insert(order.index(pools[0].name), node.name)
    return Graph(graph.name, graph.input, [nodes[name] for name in order], graph.outputs)
