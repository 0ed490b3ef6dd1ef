"""Runs a QONNX file in qonnx, the format's own executor, which shares no code with the integer graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnn_hw.errors import ToolError

_BATCH = 128


def run_qonnx(
    model: Path, images: NDArray[np.uint8], scale: float = 1.0, offset: float = 0.0
) -> NDArray[np.float32]:
    """Scores (N, classes) of images (N, H, W, C) uint8, given to the network as scale * pixel + offset.

    Raises ToolError when qonnx is not installed.
    """
    try:
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.core.onnx_exec import execute_onnx
        from qonnx.transformation.change_batchsize import ChangeBatchSize
        from qonnx.transformation.infer_shapes import InferShapes
    except ImportError as error:
        raise ToolError.at(
            error.name or "qonnx",
            "is not installed; the comparison with QONNX's own execution needs it",
            "pip install 'bnn-hw[dev]', or leave it out with --without-qonnx",
        ) from error
    parts = []
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        wrapper = ModelWrapper(str(model)).transform(ChangeBatchSize(len(batch))).transform(InferShapes())
        source, target = wrapper.graph.input[0].name, wrapper.graph.output[0].name
        pixels = np.ascontiguousarray(batch.transpose(0, 3, 1, 2)) * scale + offset
        parts.append(
            execute_onnx(wrapper, {source: pixels.astype(np.float32)})[target].reshape(len(batch), -1)
        )
    return np.concatenate(parts)
