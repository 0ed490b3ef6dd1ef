"""FINN's estimates as one record: bottleneck, latency, resources, folding node by node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

_FACTORS = ("PE", "SIMD", "parallel_window", "mem_mode", "ram_style", "accDataType", "weightDataType")


def estimates(model: ModelWrapper, folder: Path, names: dict[str, str]) -> dict[str, Any]:
    """Read FINN's estimate reports; a missing one is an error, whatever the steps said."""
    cycles, resources, performance = (
        json.loads(_report(folder, name))
        for name in (
            "estimate_layer_cycles.json",
            "estimate_layer_resources.json",
            "estimate_network_performance.json",
        )
    )
    total = resources.pop("total")
    rows = []
    for node in model.graph.node:
        operator = getCustomOp(node)
        known = operator.get_nodeattr_types()
        factors = {name: operator.get_nodeattr(name) for name in _FACTORS if name in known}
        row = {"node": node.name, "layer": names.get(node.name), "cycles": cycles.get(node.name)}
        rows.append({**row, **factors, **resources.get(node.name, {})})
    bottleneck = performance["max_cycles_node_name"]
    return {
        "layers": rows,
        "interval_cycles": int(performance["max_cycles"]),
        "bottleneck": bottleneck,
        "bottleneck_layer": names.get(bottleneck),
        "latency_cycles": int(performance["critical_path_cycles"]),
        "lut": total["LUT"],
        "bram18": total["BRAM_18K"],
        "dsp": total["DSP"],
        "uram": total["URAM"],
    }


def _report(folder: Path, name: str) -> str:
    path = folder / name
    if not path.is_file():
        raise RuntimeError(f"FINN wrote no {name}")
    return path.read_text()
