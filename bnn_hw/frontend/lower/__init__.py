"""Lowering to the integer graph: one rule an operator, run in the order of the network."""

from __future__ import annotations

from collections.abc import Callable

from bnn_hw.frontend.lower import conv, dense, elementwise, layout, pool, quant, winner
from bnn_hw.frontend.lower.builder import Builder
from bnn_hw.frontend.net import Net, NetNode, UnsupportedError

RULES: dict[str, Callable[[Builder, NetNode], None]] = {
    "Add": elementwise.elementwise,
    "ArgMax": winner.winner,
    "AveragePool": pool.average_pool,
    "BatchNormalization": elementwise.batch_norm,
    "BipolarQuant": quant.quantise,
    "Cast": layout.same,
    "Conv": conv.conv,
    "Div": elementwise.elementwise,
    "Dropout": layout.same,
    "Flatten": layout.layout,
    "Gemm": dense.dense,
    "GlobalAveragePool": pool.average_pool,
    "Identity": layout.same,
    "IntQuant": quant.quantise,
    "MatMul": dense.dense,
    "MaxPool": pool.max_pool,
    "Mul": elementwise.elementwise,
    "MultiThreshold": quant.quantise,
    "Neg": elementwise.elementwise,
    "Pad": conv.pad,
    "Quant": quant.quantise,
    "Reshape": layout.layout,
    "Squeeze": layout.layout,
    "Sub": elementwise.elementwise,
    "TopK": winner.winner,
    "Transpose": layout.layout,
    "Unsqueeze": layout.layout,
}


def lower(net: Net, builder: Builder) -> None:
    """Run the rules over all nodes; what a refused node would have made is skipped, faults are collected."""
    for node in net.nodes:
        if not all(builder.has(name) for name in node.inputs):
            continue
        with net.guard(node):
            if builder.fold(node):
                continue
            if node.op not in RULES:
                raise UnsupportedError(
                    f"works on a tensor that depends on the picture; {node.op} is known on shapes only",
                    "build the layer from convolutions, linear layers, batch norm, quantisers and pools",
                )
            RULES[node.op](builder, node)
