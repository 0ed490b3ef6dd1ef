"""The folding on FINN's nodes: translated to their names, applied, and checked after application.

FINN applies a folding by node names. A name it does not know costs one line in
the log and leaves the layer at PE = SIMD = 1; a factor that does not divide is
rounded down in the estimates. Neither passes here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finn.transformation.general import ApplyConfig
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from bnn_hw.errors import FaultList, FoldingError, ModelError
from bnn_hw.finn.job import LayerFold

MEMORY = {"mem_mode": "internal_decoupled", "ram_style": "auto"}
"""Weights in a memory of their own inside the block; the tool chooses its kind."""

Config = dict[str, dict[str, Any]]

_DIVIDES = {
    # operator: ((factor, dimension it must divide), ...)
    "MVAU": (("PE", "MH"), ("SIMD", "MW")),
    "ConvolutionInputGenerator": (("SIMD", "IFMChannels"),),
    "FMPadding": (("SIMD", "NumChannels"),),
    "Pool": (("PE", "Channels"),),
    "Thresholding": (("PE", "NumChannels"),),
    "LabelSelect": (("PE", "Labels"),),
}


def kind_of(node: Any) -> str:
    """Operator of a node without the suffix of its implementation: MVAU of MVAU_hls."""
    return str(node.op_type).rsplit("_", 1)[0]


def compute_nodes(model: ModelWrapper) -> list[Any]:
    """The matrix-vector nodes in the order of the chain."""
    return [node for node in model.graph.node if kind_of(node) in ("MVAU", "VVAU")]


def layer_nodes(model: ModelWrapper, layers: Sequence[LayerFold]) -> dict[str, Any]:
    """FINN's node of every layer; ModelError where FINN's network is not ours."""
    nodes = compute_nodes(model)
    if len(nodes) != len(layers):
        raise ModelError.at(
            "FINN's dataflow partition",
            f"has {len(nodes)} matrix-vector nodes, the network {len(layers)} compute layers",
            "look at the node list in the log: FINN left a layer outside its partition",
        )
    faults = FaultList()
    for layer, node in zip(layers, nodes, strict=True):
        operator = getCustomOp(node)
        if kind_of(node) != "MVAU":
            faults.add(layer.name, f"became {node.op_type} in FINN", "only dense matrix layers are folded")
            continue
        size = operator.get_nodeattr("MW"), operator.get_nodeattr("MH")
        if size != (layer.mw, layer.mh):
            faults.add(
                layer.name,
                f"is {layer.mw} x {layer.mh} (synapses x neurons), FINN's {node.name} {size[0]} x {size[1]}",
                "the two tools read different networks; report this model",
            )
    faults.raise_if_any(ModelError)
    return {layer.name: node for layer, node in zip(layers, nodes, strict=True)}


def folding_config(model: ModelWrapper, layers: Sequence[LayerFold], max_cycles: int) -> Config:
    """FINN's folding file for the layers' PE and SIMD.

    A sliding window takes its layer's SIMD, all channels and a parallel window
    where a beat is the whole window. Pools and their windows take all channels,
    thresholds on pixels the least PE that keeps within max_cycles.
    """
    nodes = layer_nodes(model, layers)
    simd_of = {node.name: layer.simd for layer, node in zip(layers, nodes.values(), strict=True)}
    config: Config = {"Defaults": {}}
    for layer, node in zip(layers, nodes.values(), strict=True):
        config[node.name] = {"PE": layer.pe, "SIMD": layer.simd, **MEMORY}
    for node in model.graph.node:
        operator, kind = getCustomOp(node), kind_of(node)
        if kind in ("ConvolutionInputGenerator", "FMPadding"):
            config[node.name] = _window(model, node, simd_of)
        elif kind == "Pool":
            config[node.name] = {"PE": operator.get_nodeattr("Channels")}
        elif kind == "Thresholding":
            config[node.name] = {"PE": _least_pe(operator, "NumChannels", max_cycles)}
        elif kind == "LabelSelect":
            config[node.name] = {"PE": _least_pe(operator, "Labels", max_cycles)}
    return config


def _window(model: ModelWrapper, node: Any, simd_of: dict[str, int]) -> dict[str, Any]:
    """Settings of a sliding window or padding node from the layer or pool behind it."""
    operator = getCustomOp(node)
    padding = kind_of(node) == "FMPadding"
    channels = operator.get_nodeattr("NumChannels" if padding else "IFMChannels")
    follower = node
    while kind_of(follower) in ("ConvolutionInputGenerator", "FMPadding"):
        follower = model.find_direct_successors(follower)[0]
    simd = simd_of.get(follower.name, channels)
    settings = {"SIMD": min(simd, channels)}
    if not padding and follower.name in simd_of:
        settings["parallel_window"] = int(simd > channels)
    return settings


def _least_pe(operator: Any, dimension: str, max_cycles: int) -> int:
    channels: int = operator.get_nodeattr(dimension)
    for pe in range(1, channels + 1):
        if channels % pe == 0:
            operator.set_nodeattr("PE", pe)
            if operator.get_exp_cycles() <= max_cycles:
                return pe
    return channels


def apply_folding(
    model: ModelWrapper, config: Config, file: Path, layer_of: dict[str, str] | None = None
) -> ModelWrapper:
    """Apply a folding file's settings and check that every one of them has arrived."""
    file.write_text(json.dumps(config, indent=1) + "\n")
    model = model.transform(ApplyConfig(str(file)))
    check_applied(model, config, layer_of or {})
    return model


def check_applied(model: ModelWrapper, config: Config, layer_of: dict[str, str]) -> None:
    """FoldingError for every setting that FINN ignored and every factor that does not divide.

    layer_of: our layer's name by FINN's node name, for messages.
    """
    faults = FaultList()
    nodes = {node.name: node for node in model.graph.node}
    for name in config.keys() - {"Defaults"}:
        if name not in nodes:
            faults.add(
                f"folding, {name}",
                "FINN has no such node and would ignore the entry: the layer would stay at PE = SIMD = 1",
                "nodes: " + ", ".join(nodes),
            )
            continue
        operator = getCustomOp(nodes[name])
        for setting, wanted in config[name].items():
            found = operator.get_nodeattr(setting)
            if found != wanted:
                place = f"folding, {_named(name, layer_of)}"
                faults.add(place, f"{setting} is {found} after application, not {wanted}", "report this")
    for name, node in nodes.items():
        operator = getCustomOp(node)
        for factor, dimension in _DIVIDES.get(kind_of(node), ()):
            value, size = operator.get_nodeattr(factor), operator.get_nodeattr(dimension)
            if value < 1 or size % value:
                faults.add(
                    f"folding, {_named(name, layer_of)}",
                    f"{factor} is {value}, which does not divide {dimension} = {size}; "
                    "FINN would round down in silence",
                    "nearest legal: " + ", ".join(map(str, _nearest(size, value))),
                )
    faults.raise_if_any(FoldingError)


def _named(node: str, layer_of: dict[str, str]) -> str:
    return f"layer {layer_of[node]} ({node})" if node in layer_of else node


def _nearest(size: int, value: int) -> list[int]:
    legal = [d for d in range(1, size + 1) if size % d == 0]
    return sorted(sorted(legal, key=lambda d: abs(d - value))[:3])
