"""Pass: evaluate every node whose inputs are known, weight quantisers included, in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bnn_hw.frontend.net import Net, NetNode, UnsupportedError
from bnn_hw.frontend.quantiser import QUANTISERS, quantiser

_CAST = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 11: np.float64}


def axes_of(node: NetNode, inputs: list[np.ndarray]) -> tuple[int, ...] | None:
    """Return the axes of Squeeze or Unsqueeze: an attribute before opset 13, an input from it on."""
    if "axes" in node.attributes:
        return tuple(int(axis) for axis in node.attributes["axes"])
    return tuple(int(axis) for axis in inputs[1].reshape(-1)) if len(inputs) > 1 else None


def reshape(node: NetNode, data: np.ndarray, inputs: list[np.ndarray]) -> np.ndarray:
    """Apply Reshape, Flatten, Squeeze, Unsqueeze or Transpose; inputs[1:] are its constant operands."""
    if node.op == "Transpose":
        return data.transpose(node.attributes.get("perm"))
    if node.op == "Flatten":
        axis = int(node.attributes.get("axis", 1)) % (data.ndim + 1)
        return data.reshape(int(np.prod(data.shape[:axis])), -1)
    if node.op == "Squeeze":
        return np.squeeze(data, axes_of(node, inputs))
    if node.op == "Unsqueeze":
        axes = axes_of(node, inputs)
        return np.expand_dims(data, axes if axes is not None else 0)
    sizes = [int(size) for size in inputs[1].reshape(-1)]
    if not node.attributes.get("allowzero", 0):
        sizes = [data.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return data.reshape(sizes)


def _pow(node: NetNode, inputs: list[np.ndarray]) -> np.ndarray:
    # The C library computes powf in double precision and rounds once.
    return np.power(inputs[0].astype(np.float64), inputs[1].astype(np.float64)).astype(inputs[0].dtype)


def _div(node: NetNode, inputs: list[np.ndarray]) -> np.ndarray:
    x, y = inputs
    return np.trunc(x / y).astype(x.dtype) if np.issubdtype(x.dtype, np.integer) else x / y


def _slice(node: NetNode, inputs: list[np.ndarray]) -> np.ndarray:
    starts, ends = inputs[1].tolist(), inputs[2].tolist()
    axes = inputs[3].tolist() if len(inputs) > 3 else list(range(len(starts)))
    steps = inputs[4].tolist() if len(inputs) > 4 else [1] * len(starts)
    index = [slice(None)] * inputs[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        index[axis] = slice(start, None if step < 0 and end < -inputs[0].shape[axis] else end, step)
    return inputs[0][tuple(index)]


def _constant(node: NetNode, inputs: list[np.ndarray]) -> np.ndarray:
    name, value = next(iter(node.attributes.items()))
    return np.asarray(value, np.float32 if name.startswith("value_float") else None)


def _cast(node: NetNode, inputs: list[np.ndarray]) -> np.ndarray:
    return inputs[0].astype(_CAST[node.attributes["to"]])


FOLDABLE: dict[str, Callable[[NetNode, list[np.ndarray]], Any]] = {
    "Add": lambda n, x: x[0] + x[1],
    "Cast": _cast,
    "Concat": lambda n, x: np.concatenate([np.atleast_1d(item) for item in x], n.attributes.get("axis", 0)),
    "Constant": _constant,
    "Div": _div,
    "Flatten": lambda n, x: reshape(n, x[0], x),
    "Gather": lambda n, x: np.take(x[0], x[1], n.attributes.get("axis", 0)),
    "Identity": lambda n, x: x[0],
    "Mul": lambda n, x: x[0] * x[1],
    "Neg": lambda n, x: -x[0],
    "Pow": _pow,
    "Reciprocal": lambda n, x: np.float32(1) / x[0],
    "Reshape": lambda n, x: reshape(n, x[0], x),
    "Shape": lambda n, x: np.array(x[0].shape, np.int64),
    "Slice": _slice,
    "Sqrt": lambda n, x: np.sqrt(x[0]),
    "Squeeze": lambda n, x: reshape(n, x[0], x),
    "Sub": lambda n, x: x[0] - x[1],
    "Transpose": lambda n, x: reshape(n, x[0], x),
    "Unsqueeze": lambda n, x: reshape(n, x[0], x),
}


def fold(net: Net, node: NetNode) -> bool:
    """Evaluate one node if all its inputs are known; UnsupportedError if its parameters are not usable."""
    if any(name and name not in net.constants for name in node.inputs):
        return False
    inputs = [net.constants[name] for name in node.inputs if name]
    if node.op in QUANTISERS:
        found = quantiser(node, net.constants)
        if np.isnan(inputs[0]).any():
            raise UnsupportedError(
                f"the {inputs[0].size} weights it quantises contain NaN",
                "check the training: it diverged; load an earlier checkpoint",
            )
        value = found.reals(np.asarray(inputs[0], np.float32))
        net.origins[node.outputs[0]] = node
    elif node.op in FOLDABLE:
        with np.errstate(all="ignore"):
            value = np.asarray(FOLDABLE[node.op](node, inputs))
        origins = [net.origins[name] for name in node.inputs if name in net.origins]
        if origins:
            net.origins[node.outputs[0]] = origins[0]
    else:
        return False
    net.constants[node.outputs[0]] = value
    return True


def fold_constants(net: Net) -> None:
    """Replace all nodes that depend on constants only by the constants they make."""
    kept = []
    for node in net.nodes:
        done = False
        with net.guard(node):
            done = fold(net, node)
        if not done:
            kept.append(node)
    net.nodes = kept
