"""The integer graph: types, operations, graph, legality rules and reference execution."""

from bnn_hw.ir.graph import Graph, GraphInput, Node
from bnn_hw.ir.types import BIPOLAR, DataType, ValueType, sint, uint

__all__ = ["BIPOLAR", "DataType", "Graph", "GraphInput", "Node", "ValueType", "sint", "uint"]
