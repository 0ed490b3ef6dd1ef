"""The network as read: ONNX nodes and constants in plain Python, before any meaning is given to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from bnn_hw.errors import FaultList, InputError

# Sub-modules that Brevitas puts between a layer and its nodes; they are no layers of the user's.
_INNER_SCOPES = {"weight_quant", "act_quant", "input_quant", "output_quant", "bias_quant", "export_handler"}
_PARAMETER_NAMES = {"weight", "bias", "running_mean", "running_var"}


@dataclass(frozen=True)
class InputSpec:
    """What the ONNX float input means: its value is ``scale * pixel + offset`` for a pixel of 0..255."""

    scale: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    dtype: str = "UINT8"

    @classmethod
    def parse(cls, scale: str, offset: str = "0", dtype: str = "UINT8") -> InputSpec:
        """Read texts such as "1/255" or "0.0078125"; InputError names the option that is none."""
        values = []
        for option, text in (("--input-scale", scale), ("--input-offset", offset)):
            try:
                values.append(Fraction(text))
            except (ValueError, ZeroDivisionError) as err:
                raise InputError.at(
                    option, f"{text!r} is no number", "give a fraction or decimal: 1/255, 1 or 0.0078125"
                ) from err
        if values[0] == 0:
            raise InputError.at("--input-scale", "is 0", "give what one pixel step means, for instance 1/255")
        return cls(values[0], values[1], dtype)


@dataclass(eq=False)
class NetNode:
    """One ONNX node; ``layer`` is the path of the PyTorch module it came from, "" if unknown."""

    name: str
    op: str
    domain: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    layer: str = ""

    @property
    def channels_last(self) -> bool:
        return "channels_last" in self.domain


@dataclass(eq=False)
class NetInput:
    """The network's input: shape with the batch set to 1, ONNX element type and QONNX annotation."""

    name: str
    shape: tuple[int, ...]
    element: str
    annotation: str | None


@dataclass(eq=False)
class Net:
    """A network between file and integer graph. Passes change it in place and collect faults in it.

    constants: every tensor known at import. origins: the quantiser node that made a constant.
    names: layer and pool names by node name, filled by the naming pass.
    """

    path: Path
    name: str
    nodes: list[NetNode]
    constants: dict[str, np.ndarray]
    input: NetInput
    outputs: list[str]
    origins: dict[str, NetNode] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    faults: FaultList = field(default_factory=FaultList)

    def place(self, node: NetNode) -> str:
        """Return where a fault is: file, PyTorch layer and ONNX node."""
        label = node.name or f"output {node.outputs[0]}"
        layer = f"layer {node.layer}, " if node.layer else ""
        return f"{self.path.name}: {layer}{node.op} node {label}"

    def fault(self, node: NetNode, cause: str, remedy: str) -> None:
        self.faults.add(self.place(node), cause, remedy)

    @contextmanager
    def guard(self, node: NetNode) -> Iterator[None]:
        """Turn what a rule raises for one node into a fault.

        ONNX allows attributes, shapes and constants that contradict each other; what a
        rule stumbles over there is reported as such, in its own words.
        """
        try:
            yield
        except UnsupportedError as err:
            self.fault(node, err.cause, err.remedy)
        except (ArithmeticError, IndexError, KeyError, TypeError, ValueError) as err:
            self.fault(
                node,
                f"its attributes, shapes and constants do not fit together ({type(err).__name__}: {err})",
                "export the network again; check the layer in the network",
            )

    def consumers(self, value: str) -> list[NetNode]:
        return [node for node in self.nodes if value in node.inputs]


class UnsupportedError(Exception):
    """Raised by a rule for one node; the pass that runs the rules adds the place."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause, self.remedy = cause, remedy


def torch_layer(node_name: str, inputs: list[str]) -> str:
    """Return the PyTorch module path of a node, "" when nothing tells it.

    >>> torch_layer("/features/0/Conv", [])
    'features.0'
    >>> torch_layer("/conv1_act/act_quant/export_handler/BipolarQuant", [])
    'conv1_act'
    >>> torch_layer("BatchNormalization_17", ["42", "features.3.weight"])
    'features.3'
    """
    scopes = []
    for part in node_name.split("/")[1:-1]:
        if part in _INNER_SCOPES:
            break
        scopes.append(part)
    if scopes:
        return ".".join(scopes)
    for name in inputs:
        module, _, parameter = name.rpartition(".")
        if module and parameter in _PARAMETER_NAMES:
            return module
    return ""
