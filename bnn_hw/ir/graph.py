"""The integer graph: a directed graph of operations; a value has one producer and any number of consumers.

A node has the name of the one value it makes. Layer values follow a fixed
scheme: ``conv1`` is the layer's output after its threshold, ``conv1.acc`` the
accumulators before it, ``scores`` the real-valued scores, ``class`` the winner.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from bnn_hw.errors import FaultList, ModelError
from bnn_hw.ir.ops import Op
from bnn_hw.ir.types import ValueType


@dataclass(frozen=True)
class GraphInput:
    """The picture: its name, its type (uint8 pixels) and what a pixel means.

    The trained network sees ``scale * pixel + offset``; both are exact decimal
    or fraction texts such as "1/255". The integer graph itself works on pixels.
    """

    name: str
    type: ValueType
    scale: str = "1"
    offset: str = "0"


@dataclass(frozen=True, eq=False)
class Node:
    """One operation; ``name`` names the node and its only output value."""

    name: str
    op: Op
    inputs: tuple[str, ...]


@dataclass(eq=False)
class Graph:
    """Nodes in topological order. ``check`` proves it legal and fills ``types``."""

    name: str
    input: GraphInput
    nodes: list[Node]
    outputs: list[str]
    types: dict[str, ValueType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.check()

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def node(self, name: str) -> Node:
        """Return the node that makes the value ``name``; KeyError if none does."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def consumers(self, value: str) -> list[Node]:
        return [node for node in self.nodes if value in node.inputs]

    def check(self) -> None:
        """Prove the graph legal and infer all types; ModelError lists every fault found."""
        faults = FaultList()
        types = {self.input.name: self.input.type}
        broken: set[str] = set()
        for node in self.nodes:
            if node.name in types or node.name in broken:
                faults.add(node.name, "two nodes make this value", "give every node a name of its own")
            missing = [name for name in node.inputs if name not in types and name not in broken]
            for name in missing:
                faults.add(node.name, f"reads {name}, which no earlier node makes", "order the nodes by use")
            if missing or any(name in broken for name in node.inputs):
                broken.add(node.name)
                continue
            try:
                if len(node.inputs) != node.op.arity:
                    raise ValueError(f"{node.op.kind} takes {node.op.arity} inputs, not {len(node.inputs)}")
                types[node.name] = node.op.infer(*(types[name] for name in node.inputs))
            except ValueError as err:
                broken.add(node.name)
                faults.add(node.name, str(err), "correct the layer in the network and export it again")
        for name in self.outputs:
            if name not in types and name not in broken:
                faults.add(name, "is an output, but no node makes it", "name a value of the graph")
        faults.raise_if_any(ModelError)
        self.types = types
