"""The integer graph on disk: graph.json, which a person can read, and graph.npz with its arrays."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from bnn_hw.errors import ModelError
from bnn_hw.ir.graph import Graph, GraphInput, Node
from bnn_hw.ir.ops import OPS, Op
from bnn_hw.ir.types import DataType, ValueType

FORMAT = "bnn_hw.graph/1"


def _op_record(name: str, op: Op, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    record: dict[str, Any] = {"kind": op.kind}
    for item in dataclasses.fields(op):  # type: ignore[arg-type]
        value = getattr(op, item.name)
        if isinstance(value, np.ndarray):
            arrays[f"{name}/{item.name}"] = value
            value = {"array": f"{name}/{item.name}", "shape": list(value.shape)}
        elif isinstance(value, DataType):
            value = str(value)
        elif item.name == "steps":
            keys = [f"{name}/steps/{i}" for i in range(len(value))]
            arrays.update({key: operand for key, (_, operand) in zip(keys, value, strict=True)})
            value = [[step, key] for key, (step, _) in zip(keys, value, strict=True)]
        elif isinstance(value, tuple):
            value = list(value)
        record[item.name] = value
    return record


def to_record(graph: Graph) -> tuple[str, dict[str, np.ndarray]]:
    """Return the graph as JSON text and its arrays by key."""
    arrays: dict[str, np.ndarray] = {}
    record = {
        "format": FORMAT,
        "name": graph.name,
        "input": {
            "name": graph.input.name,
            "dtype": str(graph.input.type.dtype),
            "shape": list(graph.input.type.shape),
            "scale": graph.input.scale,
            "offset": graph.input.offset,
        },
        "nodes": [
            {
                "name": node.name,
                "inputs": list(node.inputs),
                "output": str(graph.types[node.name]),
                "op": _op_record(node.name, node.op, arrays),
            }
            for node in graph
        ],
        "outputs": graph.outputs,
    }
    return json.dumps(record, indent=1), arrays


def digest(graph: Graph) -> str:
    """SHA-256 over structure and arrays: equal graphs have equal digests."""
    record, arrays = to_record(graph)
    sha = hashlib.sha256(record.encode())
    for key in sorted(arrays):
        array = arrays[key]
        sha.update(f"{key}{array.dtype}{array.shape}".encode() + array.tobytes())
    return sha.hexdigest()


def _op_from(record: dict[str, Any], arrays: Any) -> Op:
    fields = {}
    for key, value in record.items():
        if isinstance(value, dict):
            value = arrays[value["array"]]
        elif key == "steps":
            value = tuple((step, arrays[name]) for step, name in value)
        elif key == "dtype":
            value = DataType.parse(value)
        elif isinstance(value, list):
            value = tuple(value)
        fields[key] = value
    return OPS[fields.pop("kind")](**fields)


def save(graph: Graph, folder: Path) -> None:
    """Write graph.json and graph.npz into ``folder``."""
    text, arrays = to_record(graph)
    (folder / "graph.json").write_text(text + "\n")
    np.savez_compressed(folder / "graph.npz", **arrays)  # type: ignore[arg-type]


def load(folder: Path) -> Graph:
    """Read what :func:`save` wrote; ModelError if the files are missing or damaged."""
    try:
        record = json.loads((folder / "graph.json").read_text())
        if record["format"] != FORMAT:
            raise ValueError(f"format is {record['format']!r}, not {FORMAT!r}")
        with np.load(folder / "graph.npz") as arrays:
            nodes = [
                Node(item["name"], _op_from(item["op"], arrays), tuple(item["inputs"]))
                for item in record["nodes"]
            ]
        source = record["input"]
        kind = ValueType(DataType.parse(source["dtype"]), tuple(source["shape"]))
        graph_input = GraphInput(source["name"], kind, source["scale"], source["offset"])
        return Graph(record["name"], graph_input, nodes, record["outputs"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as err:
        raise ModelError.at(
            folder / "graph.json", f"cannot be read: {err}", "delete the folder and import the network again"
        ) from err
