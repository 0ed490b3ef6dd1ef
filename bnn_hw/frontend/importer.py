"""QONNX to the integer graph: the list of passes, in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bnn_hw.errors import ModelError
from bnn_hw.frontend.absorb_signs import absorb_signs
from bnn_hw.frontend.check_ops import check_ops
from bnn_hw.frontend.check_parameters import check_parameters
from bnn_hw.frontend.finish import finish
from bnn_hw.frontend.fold_constants import fold_constants
from bnn_hw.frontend.input_meaning import IMAGE, input_meaning
from bnn_hw.frontend.lower import lower
from bnn_hw.frontend.lower.builder import Builder
from bnn_hw.frontend.name_layers import name_layers
from bnn_hw.frontend.net import InputSpec, Net
from bnn_hw.frontend.pool_bits import pool_bits
from bnn_hw.frontend.read import read
from bnn_hw.ir import Graph, GraphInput

# On the network as read. Each reports all it finds; the import ends if there was anything.
NET_PASSES: list[Callable[[Net], None]] = [
    check_ops,  # first, so that one run names all unknown operators
    fold_constants,  # makes weights known as what they are
    check_parameters,  # needs folded weights
    name_layers,  # needs the final list of nodes
]
# On the integer graph; each makes a new graph, which proves itself legal.
GRAPH_PASSES: list[Callable[[Graph], Graph]] = [
    pool_bits,  # before the signs: it leaves thresholds directly behind their layers
    absorb_signs,
]


def import_onnx(path: Path, input_spec: InputSpec | None = None, name: str | None = None) -> Graph:
    """Import a QONNX file as an integer graph, exactly.

    input_spec states what the file's float input means in pixels; it may be left out
    when the file says it itself (a uint8 tensor, a UINT8 annotation or an 8-bit
    quantiser on the input). name defaults to the file's stem. The graph's input is
    ``image``, its outputs are ``scores`` and ``class``.

    Raises ModelError that names file, PyTorch layer, ONNX node, cause and remedy, for
    every unsupported construct found.
    """
    net = read(Path(path), name)
    for run in NET_PASSES:
        run(net)
    net.faults.raise_if_any(ModelError)
    spec, signal = input_meaning(net, input_spec)
    builder = Builder(net, {IMAGE: signal.type}, [], {net.input.name: signal})
    lower(net, builder)
    net.faults.raise_if_any(ModelError)
    outputs = finish(net, builder)
    source = GraphInput(IMAGE, signal.type, str(spec.scale), str(spec.offset))
    graph = Graph(net.name, source, builder.nodes, outputs)
    for change in GRAPH_PASSES:
        graph = change(graph)
    return graph
