"""Packages of a small network for tests of the driver, with and without a bit file."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from bnn_hw.board import load_board
from bnn_hw.design import Design
from bnn_hw.ir import Graph
from bnn_hw.package.write import Contents, write_package
from tests.networks import ConvSpec, DenseSpec, PoolSpec, random_graph
from tests.plans import make_plan

SPECS = (ConvSpec("conv1", 4), PoolSpec("pool1"), DenseSpec("fc1", 8), DenseSpec("fc2", 3))
SHAPE = (8, 8, 3)
FOLDING = {"conv1": (2, 3), "fc1": (2, 4), "fc2": (1, 4)}
CLASSES = ("left", "middle", "right")
DIGEST = "0123456789abcdef0011223344556677"


def small_graph() -> Graph:
    return random_graph(SPECS, SHAPE, seed=5, name="small")


def contents(bit: Path | None = None, board: str = "pynq-z1", digest: str = DIGEST) -> Contents:
    graph = small_graph()
    design = Design("small", "A small network", Path("model.onnx"), classes=CLASSES)
    return Contents(design, graph, make_plan(graph, FOLDING), load_board(board), digest, CLASSES, bit)


def make_package(folder: Path, bit: Path | None = None, board: str = "pynq-z1") -> Path:
    """Write a package folder and return it."""
    made = folder / f"small-{board}"
    write_package(contents(bit, board), made)
    return made


def bit_bytes(part: str = "7z020clg400", size: int = 64, design: str = "small;Version=1") -> bytes:
    """A .bit file as Xilinx documents it, written here on its own; its configuration is zeros."""
    data = bytes.fromhex("0009 0ff0 0ff0 0ff0 0ff0 00 0001".replace(" ", ""))
    for key, text in zip("abcd", (design, part, "2026/01/31", "12:00:00"), strict=True):
        data += key.encode() + struct.pack(">H", len(text) + 1) + text.encode() + b"\0"
    return data + b"e" + struct.pack(">I", size) + bytes(size)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE)).astype(np.uint8)
