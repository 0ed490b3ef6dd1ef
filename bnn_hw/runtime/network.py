"""The integer network in numpy alone: what the accelerator must answer, bit by bit (Python 3.8, numpy 1.20).

Reads graph.json and graph.npz of a package. Written on its own, so that golden
vectors compare two programs and not one with itself.
"""

import json
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy as np

from bnn_hw.runtime.errors import PackageError

FORMAT = "bnn_hw.graph/1"
EXACT_FLOAT32 = 1 << 24  # sums below it are exact in float32, whatever their order
EXACT_FLOAT64 = 1 << 53

Arrays = Dict[str, np.ndarray]


def _matmul(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Multiply integer matrices exactly, with the processor's float kernels where sums stay exact."""
    largest = max(int(left.max(initial=0)), -int(left.min(initial=0)))
    bound = int(np.abs(right.astype(np.int64)).sum(axis=0).max(initial=0)) * largest
    if bound < EXACT_FLOAT32:
        return (left.astype(np.float32) @ right.astype(np.float32)).astype(np.int32)
    if bound < EXACT_FLOAT64:
        return (left.astype(np.float64) @ right.astype(np.float64)).astype(np.int64)
    return left.astype(np.int64) @ right.astype(np.int64)


def _windows(x: np.ndarray, kernel: Sequence[int], stride: Sequence[int]) -> np.ndarray:
    """View all windows: (frames, out_h, out_w, kernel_h, kernel_w, channels)."""
    frames, height, width, channels = x.shape
    down, right = stride
    shape = (
        frames,
        (height - kernel[0]) // down + 1,
        (width - kernel[1]) // right + 1,
        kernel[0],
        kernel[1],
        channels,
    )
    n, h, w, c = x.strides
    return np.lib.stride_tricks.as_strided(x, shape, (n, h * down, w * right, h, w, c), writeable=False)


def _conv(op: Dict[str, Any], arrays: Arrays, x: np.ndarray) -> np.ndarray:
    weights = arrays[op["weights"]["array"]]
    top, left, bottom, right = op["padding"]
    if any(op["padding"]):
        x = np.pad(
            x,
            ((0, 0), (top, bottom), (left, right), (0, 0)),
            constant_values=np.array(op["pad_value"], x.dtype),
        )
    view = _windows(np.ascontiguousarray(x), weights.shape[1:3], op["stride"])
    frames, height, width = view.shape[:3]
    per_group, parts = weights.shape[3], []
    for group, kernels in enumerate(np.split(weights, op["groups"])):
        columns = view[..., group * per_group : (group + 1) * per_group]
        rows = columns.reshape(frames * height * width, -1)
        parts.append(_matmul(rows, kernels.reshape(len(kernels), -1).T))
    return np.concatenate(parts, axis=1).reshape(frames, height, width, len(weights))


def _dense(op: Dict[str, Any], arrays: Arrays, x: np.ndarray) -> np.ndarray:
    weights = arrays[op["weights"]["array"]]
    return _matmul(x.reshape(len(x), -1), weights.T).reshape(len(x), 1, 1, len(weights))


def _threshold(op: Dict[str, Any], arrays: Arrays, x: np.ndarray) -> np.ndarray:
    thresholds = arrays[op["thresholds"]["array"]]
    signed = x.astype(np.int64) * arrays[op["sign"]["array"]]
    count = np.zeros(x.shape, np.int32)
    for level in range(thresholds.shape[1]):
        count += signed >= thresholds[:, level]
    values = op["base"] + op["step"] * count
    small = (
        op["dtype"] == "BIPOLAR" or -128 <= op["base"] <= op["base"] + op["step"] * thresholds.shape[1] < 128
    )
    return values.astype(np.int8) if small else values


def _max_pool(op: Dict[str, Any], arrays: Arrays, x: np.ndarray) -> np.ndarray:
    return _windows(np.ascontiguousarray(x), op["kernel"], op["stride"]).max(axis=(3, 4))


def _avg_pool(op: Dict[str, Any], arrays: Arrays, x: np.ndarray) -> np.ndarray:
    return _windows(x.astype(np.int64), op["kernel"], op["stride"]).sum(axis=(3, 4))


def _add(op: Dict[str, Any], arrays: Arrays, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x.astype(np.int64) + y


def _concat(op: Dict[str, Any], arrays: Arrays, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.concatenate([x, y], axis=3)


_OPS: Dict[str, Callable[..., np.ndarray]] = {
    "Conv": _conv,
    "Dense": _dense,
    "Threshold": _threshold,
    "MaxPool": _max_pool,
    "AvgPool": _avg_pool,
    "Add": _add,
    "Concat": _concat,
}
HOST_OPS = ("Scale", "ArgMax")  # done by the driver


class Network:
    """The graph up to its integer scores.

    nodes: (name, op record, names of inputs) in order; score: the value whose
    integers the accelerator puts out.
    """

    def __init__(self, record: Dict[str, Any], arrays: Arrays) -> None:
        self.input_name: str = record["input"]["name"]
        self.shape: Tuple[int, ...] = tuple(record["input"]["shape"])
        self.arrays = arrays
        nodes = [(item["name"], item["op"], tuple(item["inputs"])) for item in record["nodes"]]
        self.nodes = [node for node in nodes if node[1]["kind"] not in HOST_OPS]
        unknown = sorted({node[1]["kind"] for node in self.nodes} - set(_OPS))
        if unknown or not self.nodes:
            raise ValueError("holds operations of an unknown kind: {}".format(", ".join(unknown) or "none"))
        self.score: str = self.nodes[-1][0]
        self.last_use = {name: i for i, node in enumerate(self.nodes) for name in node[2]}

    def run(self, images: np.ndarray) -> np.ndarray:
        """Return integer scores (frames, classes), int32, of pictures (frames, height, width, channels)."""
        values = {self.input_name: images}
        for index, (name, op, inputs) in enumerate(self.nodes):
            values[name] = _OPS[op["kind"]](op, self.arrays, *(values[item] for item in inputs))
            for item in inputs:
                if self.last_use[item] == index:
                    values.pop(item, None)
        return values[self.score].reshape(len(images), -1).astype(np.int32)

    def classify(self, images: np.ndarray, batch: int = 32) -> Tuple[np.ndarray, np.ndarray]:
        """Return integer scores (frames, classes) and winners (frames,); the lowest index wins a tie."""
        parts: List[np.ndarray] = [
            self.run(images[start : start + batch]) for start in range(0, len(images), batch)
        ]
        scores = np.concatenate(parts)
        return scores, scores.argmax(axis=1).astype(np.int32)


def load_network(folder: Path) -> Network:
    """Read graph.json and graph.npz; PackageError if they are missing or damaged."""
    path = Path(folder) / "graph.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise ValueError("format is {!r}, not {!r}".format(record["format"], FORMAT))
        with np.load(str(Path(folder) / "graph.npz"), allow_pickle=False) as arrays:
            return Network(record, {key: arrays[key] for key in arrays.files})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise PackageError(
            str(path), "cannot be read: {}".format(error), "copy the whole package again"
        ) from error
