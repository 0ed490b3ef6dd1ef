"""Reference execution of the integer graph in numpy: the meaning everything else is compared with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bnn_hw.errors import InputError
from bnn_hw.ir.graph import Graph


def check_images(graph: Graph, images: np.ndarray) -> np.ndarray:
    """Return images as (frames, height, width, channels) integers of the input's type.

    A single picture gets its frame axis. Raises InputError for another shape,
    for floating-point pictures and for values outside the type.
    """
    expected = graph.input.type
    images = np.asarray(images)
    if images.shape == expected.shape:
        images = images[None]
    if images.ndim != 4 or images.shape[1:] != expected.shape:
        raise InputError.at(
            "images",
            f"have the shape {images.shape}",
            f"give (frames, {', '.join(map(str, expected.shape))}): frames, height, width, channels",
        )
    if not np.issubdtype(images.dtype, np.integer):
        raise InputError.at(
            "images",
            f"are {images.dtype}; the network reads {expected.dtype} pixels",
            "give the pixels as integers, not scaled to 0..1 or normalised",
        )
    if not expected.dtype.contains(images):
        raise InputError.at(
            "images",
            f"have values {images.min()}..{images.max()}, outside {expected.dtype}",
            f"give values from {expected.dtype.min} to {expected.dtype.max}",
        )
    return images


def execute(
    graph: Graph,
    images: np.ndarray,
    keep: set[str] | None = None,
    batch: int = 64,
    progress: Callable[[int], None] | None = None,
) -> dict[str, np.ndarray]:
    """Run the graph on pictures and return values by name, each (frames, height, width, channels).

    keep: the values wanted; None returns the graph's outputs, an empty set every
    value. batch bounds the memory. progress is called with the number of frames done.
    """
    images = check_images(graph, images)
    wanted = set(graph.outputs) if keep is None else keep or {graph.input.name, *(n.name for n in graph)}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
    last_use = {name: index for index, node in enumerate(graph.nodes) for name in node.inputs}
    for start in range(0, max(len(images), 1), batch):
        values = {graph.input.name: images[start : start + batch]}
        for index, node in enumerate(graph.nodes):
            values[node.name] = node.op.execute(*(values[name] for name in node.inputs))
            for name in node.inputs:
                if last_use[name] == index and name not in wanted:
                    values.pop(name, None)
        for name in wanted:
            parts[name].append(values[name])
        if progress:
            progress(min(start + batch, len(images)))
    return {name: np.concatenate(chunks) for name, chunks in parts.items()}
