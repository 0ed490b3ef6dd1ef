"""Integer graphs with random weights for tests, made by hand and not by the importer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnn_hw.ir import BIPOLAR, Graph, GraphInput, Node, ValueType, uint
from bnn_hw.ir.ops import ArgMax, Conv, Dense, MaxPool, Op, Scale, Threshold, accumulator_bounds
from bnn_hw.ir.types import DataType


@dataclass(frozen=True)
class ConvSpec:
    name: str
    neurons: int
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True)
class PoolSpec:
    name: str
    kernel: tuple[int, int] = (2, 2)


@dataclass(frozen=True)
class DenseSpec:
    name: str
    neurons: int


@dataclass(frozen=True)
class ThresholdSpec:
    """Threshold on the pixels."""

    name: str


Spec = ConvSpec | PoolSpec | DenseSpec | ThresholdSpec

NCNV = (
    ConvSpec("conv1_1", 16),
    ConvSpec("conv1_2", 16),
    PoolSpec("pool1"),
    ConvSpec("conv2_1", 32),
    ConvSpec("conv2_2", 32),
    PoolSpec("pool2"),
    ConvSpec("conv3_1", 64),
    ConvSpec("conv3_2", 64),
    DenseSpec("fc1", 128),
    DenseSpec("fc2", 128),
    DenseSpec("fc3", 4),
)
UCNV = (*NCNV[:7], DenseSpec("fc1", 128), DenseSpec("fc2", 4))
CNV = tuple(
    ConvSpec(spec.name, 4 * spec.neurons)
    if isinstance(spec, ConvSpec)
    else DenseSpec(spec.name, 4 if spec.neurons == 4 else 512)
    if isinstance(spec, DenseSpec)
    else spec
    for spec in NCNV
)
NETWORKS = {"cnv": CNV, "ncnv": NCNV, "ucnv": UCNV}
TFC = (
    ThresholdSpec("sign"),
    DenseSpec("fc1", 64),
    DenseSpec("fc2", 64),
    DenseSpec("fc3", 64),
    DenseSpec("fc4", 10),
)


def _thresholds(rng: np.random.Generator, weights: np.ndarray, dtype: DataType) -> np.ndarray:
    """Random thresholds near the middle of each channel's range, so that both signs come out."""
    low, high = accumulator_bounds(weights, dtype)
    middle = (low + high) / 2
    return np.round(rng.normal(middle, 1 + (high - low) / 20)).astype(np.int64)[:, None]


def random_graph(
    specs: tuple[Spec, ...],
    shape: tuple[int, int, int] = (32, 32, 3),
    dtype: DataType | None = None,
    seed: int = 1,
    name: str = "random",
) -> Graph:
    """A chain of the given layers with random weights; the last layer has no threshold."""
    rng = np.random.default_rng(seed)
    source = GraphInput("input", ValueType(dtype or uint(8), shape), "1/255")
    nodes: list[Node] = []
    value, kind = "input", source.type
    macs = [spec for spec in specs if isinstance(spec, (ConvSpec, DenseSpec))]

    def add(node_name: str, op: Op) -> None:
        nonlocal value, kind
        nodes.append(Node(node_name, op, (value,)))
        value, kind = node_name, op.infer(kind)

    for spec in specs:
        if isinstance(spec, PoolSpec):
            add(spec.name, MaxPool(spec.kernel, spec.kernel))
            continue
        if isinstance(spec, ThresholdSpec):
            levels = rng.integers(100, 156, (kind.channels, 1))
            add(spec.name, Threshold(levels, rng.choice((-1, 1), kind.channels)))
            continue
        if isinstance(spec, ConvSpec):
            weights = rng.choice((-1, 1), (spec.neurons, *spec.kernel, kind.channels)).astype(np.int8)
            op: Op = Conv(weights, spec.stride, spec.padding, -1 if kind.dtype == BIPOLAR else 0)
        else:
            weights = rng.choice((-1, 1), (spec.neurons, kind.size)).astype(np.int8)
            op = Dense(weights)
        before = kind.dtype
        add(f"{spec.name}.acc", op)
        if spec is not macs[-1]:
            add(
                spec.name,
                Threshold(_thresholds(rng, weights, before), np.ones(spec.neurons, np.int64)),
            )
    add("scores", Scale((("mul", np.array([0.125], np.float32)),)))
    nodes.append(Node("class", ArgMax(), ("scores",)))
    return Graph(name, source, nodes, ["scores", "class"])


__all__ = ["CNV", "NCNV", "NETWORKS", "TFC", "UCNV", "random_graph"]
