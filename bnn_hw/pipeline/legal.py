"""What the hardware can build: one rule a kind of node, all faults of a graph together.

The integer graph holds more than the pipeline has units for. :func:`as_chain`
proves that a graph is a chain of buildable layers and returns it as one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bnn_hw.errors import FaultList, ModelError
from bnn_hw.ir.graph import Graph, Node
from bnn_hw.ir.ops import ArgMax, Conv, Dense, MaxPool, Scale, Threshold
from bnn_hw.ir.types import ValueType
from bnn_hw.pipeline.chain import Chain, InputThreshold, MacLayer, PoolStep, Step

MAX_INPUT_BITS = 8
MAX_SCORE_BITS = 32
_HOST_OPS = (Scale, ArgMax)


def as_chain(graph: Graph) -> Chain:
    """Return the graph as a chain of buildable steps.

    Raises ModelError that lists every construct the hardware has no unit for:
    forks and joins, groups, weights other than -1 and +1, activations of more
    than one bit, pools that are no boolean OR, a last layer with a threshold.
    """
    walk = _Walk(graph)
    walk.check_input()
    for node in graph:
        walk.visit(node)
    walk.check_end()
    walk.faults.raise_if_any(ModelError)
    return Chain(graph.input.type, tuple(walk.steps))


def layer_name(mac: Node, threshold: Node | None) -> str:
    """Name of a layer: its output value, or that of its accumulators without ``.acc``."""
    return threshold.name if threshold else mac.name.removesuffix(".acc")


@dataclass
class _Walk:
    graph: Graph
    faults: FaultList = field(default_factory=FaultList)
    steps: list[Step] = field(default_factory=list)
    current: str = ""
    previous: Node | None = None
    ordered_scores: bool = True

    def __post_init__(self) -> None:
        self.current = self.graph.input.name

    def check_input(self) -> None:
        dtype = self.graph.input.type.dtype
        if dtype.bits > MAX_INPUT_BITS:
            self.faults.add(
                self.graph.input.name,
                f"the input is {dtype}; the hardware reads pixels of at most {MAX_INPUT_BITS} bits",
                "export the network with an 8-bit input",
            )

    def visit(self, node: Node) -> None:
        if isinstance(node.op, _HOST_OPS):
            self._score_step(node)
            return
        if node.inputs != (self.current,):
            self.faults.add(
                node.name,
                f"reads {', '.join(node.inputs)}, but the pipeline is one chain and stands at {self.current}",
                "remove the branch: every layer reads the one before it",
            )
        rules: dict[type, Callable[[Node, ValueType, ValueType], None]] = {
            Conv: self._mac,
            Dense: self._mac,
            Threshold: self._threshold,
            MaxPool: self._pool,
        }
        rule = rules.get(type(node.op))
        if rule:
            rule(node, self.graph.types[node.inputs[0]], self.graph.types[node.name])
        else:
            self.faults.add(
                node.name,
                f"is {node.op.kind}, for which the hardware has no unit",
                "use convolutions, dense layers, sign activations and max-pools only",
            )
        self.current, self.previous = node.name, node

    def _threshold_of(self, mac: Node) -> Node | None:
        for node in self.graph.consumers(mac.name):
            if isinstance(node.op, Threshold):
                return node
        return None

    def _mac(self, node: Node, source: ValueType, output: ValueType) -> None:
        op = node.op
        assert isinstance(op, (Conv, Dense))
        threshold = self._threshold_of(node)
        name = layer_name(node, threshold)
        if isinstance(op, Conv) and op.groups != 1:
            self.faults.add(
                name, f"is a convolution in {op.groups} groups", "use groups=1; groups are not built yet"
            )
        if not np.isin(op.weights, (-1, 1)).all():
            bad = op.weights[~np.isin(op.weights, (-1, 1))].flat[0]
            self.faults.add(
                name,
                f"has the weight {bad}; the hardware holds one bit a weight, -1 or +1",
                "quantise the weights to bipolar in the network",
            )
        if (
            not source.dtype.is_bipolar
            and source.dtype.bits > 1
            and any(self._is_layer(s) for s in self.steps)
        ):
            self.faults.add(
                name,
                f"reads {source.dtype} activations; layers after the first read one bit, -1 or +1",
                "use a sign activation (bipolar quantiser) before this layer",
            )
        if isinstance(op, Conv):
            self._padding(name, op)
        self.steps.append(MacLayer(name, node, threshold, source, output))

    def _padding(self, name: str, op: Conv) -> None:
        top, left, bottom, right = op.padding
        if (top + bottom >= op.kernel[0] and top + bottom) or (left + right >= op.kernel[1] and left + right):
            self.faults.add(
                name,
                f"has the padding {top + bottom} rows and {left + right} columns "
                f"for a kernel of {op.kernel[0]}x{op.kernel[1]}",
                "keep the padding of two opposite sides below the kernel: some windows would be all padding",
            )

    @staticmethod
    def _is_layer(step: Step) -> bool:
        return isinstance(step, MacLayer)

    def _threshold(self, node: Node, source: ValueType, output: ValueType) -> None:
        op = node.op
        assert isinstance(op, Threshold)
        if not output.dtype.is_bipolar or (op.levels, op.base, op.step) != (1, -1, 2):
            self.faults.add(
                node.name,
                f"makes {output.dtype} activations in {op.levels + 1} values; the hardware makes -1 and +1",
                "use a sign activation (bipolar quantiser)",
            )
        if self.previous is None:
            self.steps.append(InputThreshold(node.name, node, source, output))
        elif not isinstance(self.previous.op, (Conv, Dense)):
            self.faults.add(
                node.name,
                f"is a threshold behind {self.previous.name} ({self.previous.op.kind})",
                "put the activation directly behind a convolution or dense layer",
            )
        elif (op.sign < 0).any():
            self.faults.add(
                node.name,
                f"has {int((op.sign < 0).sum())} thresholds of falling direction",
                "negate these channels' weights and thresholds; the importer does this by itself",
            )

    def _pool(self, node: Node, source: ValueType, output: ValueType) -> None:
        op = node.op
        assert isinstance(op, MaxPool)
        if not source.dtype.is_bipolar:
            self.faults.add(
                node.name,
                f"pools {source.dtype} values; the hardware pools one-bit activations",
                "put the pool behind the activation",
            )
        if op.kernel != op.stride:
            self.faults.add(
                node.name,
                f"has the kernel {op.kernel[0]}x{op.kernel[1]} and the stride {op.stride[0]}x{op.stride[1]}",
                "use a pool whose stride equals its kernel",
            )
        self.steps.append(PoolStep(node.name, node, source, output))

    def _score_step(self, node: Node) -> None:
        """Scale is the host's work; the class the hardware names must survive it."""
        if isinstance(node.op, Scale):
            self.ordered_scores = self.ordered_scores and keeps_order(node.op)
        elif not self.ordered_scores:
            self.faults.add(
                node.name,
                "the winner is taken after a scale that is negative or differs between classes, "
                "but the hardware compares the accumulators",
                "give the last layer one positive scalar scale and no batch norm",
            )

    def check_end(self) -> None:
        last = self.steps[-1] if self.steps else None
        if not isinstance(last, MacLayer):
            self.faults.add(
                last.name if last else self.graph.name,
                "the network does not end with a dense layer",
                "end it with a dense layer that gives one score a class",
            )
            return
        if last.threshold:
            self.faults.add(
                last.name,
                "the last layer has a threshold, so there are no scores",
                "leave out the activation behind the last layer",
            )
        if last.output.shape[:2] != (1, 1):
            self.faults.add(
                last.name,
                f"the last layer's output is {last.output.height}x{last.output.width} pixels, not one",
                "end the network with a dense layer that gives one score a class",
            )
        if last.output.dtype.bits > MAX_SCORE_BITS:
            self.faults.add(
                last.name,
                f"scores are {last.output.dtype}, wider than {MAX_SCORE_BITS} bits",
                "use fewer inputs in the last layer",
            )
        self._check_inner_layers()

    def _check_inner_layers(self) -> None:
        for step in self.steps[:-1]:
            if isinstance(step, MacLayer) and step.threshold is None:
                self.faults.add(
                    step.name,
                    "has no activation behind it and is not the last layer",
                    "add a sign activation behind it",
                )


def keeps_order(op: Scale) -> bool:
    """Tell whether the scale never changes which class has the greatest score."""
    for step, operand in op.steps:
        if operand.size > 1 and not (operand == operand.flat[0]).all():
            return False
        if step in ("mul", "div") and not (operand > 0).all():
            return False
    return True
