"""The state of the lowering: nodes of the integer graph made so far and what each tensor means."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bnn_hw.frontend.fold_constants import fold
from bnn_hw.frontend.lower.signal import Signal
from bnn_hw.frontend.net import Net, NetNode, UnsupportedError
from bnn_hw.ir import Node, ValueType
from bnn_hw.ir.ops import Op


@dataclass(frozen=True, eq=False)
class Winner:
    """The index of the greatest of the final scores."""

    scores: Signal


Value = Signal | Winner


@dataclass(eq=False)
class Builder:
    """Collects nodes. ``values`` maps tensor names; a tensor of a refused node is absent."""

    net: Net
    types: dict[str, ValueType]
    nodes: list[Node] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)

    def emit(self, name: str, op: Op, *inputs: str) -> ValueType:
        """Append a node and return the type of its value; UnsupportedError if the op does not fit."""
        try:
            self.types[name] = op.infer(*(self.types[item] for item in inputs))
        except ValueError as err:
            raise UnsupportedError(str(err), "correct the layer in the network and export it again") from err
        self.nodes.append(Node(name, op, inputs))
        return self.types[name]

    def free_name(self, name: str) -> str:
        """Return ``name``, or with _2, _3 ... when it is taken."""
        if name not in self.types:
            return name
        taken = {*self.types, *self.net.names.values()}
        count = 2
        while f"{name}_{count}" in taken:
            count += 1
        return f"{name}_{count}"

    def has(self, name: str) -> bool:
        return name in self.values or name in self.net.constants or not name

    def constant(self, node: NetNode, position: int) -> np.ndarray | None:
        """Return a constant input of the node, None if it has none there or it is no constant."""
        if position >= len(node.inputs):
            return None
        return self.net.constants.get(node.inputs[position])

    def signal(self, node: NetNode, position: int = 0) -> Signal:
        """Return a tensor input of the node; UnsupportedError when it is a constant or a class index."""
        value = self.values.get(node.inputs[position]) if position < len(node.inputs) else None
        if isinstance(value, Winner):
            raise UnsupportedError(
                "works on the index of the winning class", "end the network with the class index"
            )
        if value is None:
            raise UnsupportedError(
                f"needs a tensor that depends on the picture as input {position}", "export the network again"
            )
        if value.pad is not None and node.op != "Conv":
            raise UnsupportedError(
                "reads padded values; only a convolution can", "pad directly before a Conv"
            )
        return value

    def fold(self, node: NetNode) -> bool:
        """Evaluate a node that has become constant, such as the shape of a tensor."""
        if node.op == "Shape" and node.inputs[0] not in self.net.constants:
            value = self.signal(node)
            self.net.constants[node.outputs[0]] = np.array(value.index.shape, np.int64)
            return True
        return fold(self.net, node)
