"""Writes a trained network as QONNX and its golden vectors as Brevitas computes them."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path

import numpy as np
import torch
from brevitas.export import export_qonnx as brevitas_export_qonnx
from numpy.typing import NDArray
from torch import Tensor, nn

from bnn_hw.errors import OutputError
from bnn_hw.train.networks import IMAGE_CHANNELS, IMAGE_SIZE, BinaryNetwork

INPUT_NAME = "pixels"
OUTPUT_NAME = "scores"
OPSET = 13


def export_onnx(net: BinaryNetwork, path: Path) -> None:
    """Write ``net`` as QONNX: input ``pixels`` (1, 3, 32, 32) float32 of values 0..255, output ``scores``.

    Weights are written as +1 and -1. Node names carry the layer's name as
    their first scope, for instance ``/conv1_1/Conv``; so the file is kept as
    exported (QONNX's clean-up would rename the nodes).

    Raises OutputError when the file cannot be written.
    """
    exported = copy.deepcopy(net).eval()
    exported.binarise_weights()
    partial = path.with_suffix(".onnx.partial")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecation notes of the exporter, nothing a user can act on
            brevitas_export_qonnx(
                exported,
                torch.zeros(1, IMAGE_CHANNELS, IMAGE_SIZE, IMAGE_SIZE),
                export_path=str(partial),
                opset_version=OPSET,
                dynamo=False,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                keep_initializers_as_inputs=False,
            )
        partial.replace(path)
    except OSError as error:
        raise OutputError.at(path, f"cannot be written: {error}", "choose a writable folder") from error
    finally:
        partial.unlink(missing_ok=True)


def layer_outputs(net: BinaryNetwork, images: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
    """Run Brevitas on ``images`` (N, 32, 32, 3) and return every layer's output.

    Keys are the layer names of ``net.spec`` and ``scores`` (float32 (N, classes)).
    Convolutions, pools and hidden dense layers give int8 +-1 after their sign,
    (N, H, W, C) or (N, C); the last dense layer gives its int32 sums.
    """
    recorded: dict[str, NDArray[np.generic]] = {}
    last = net.spec.layer_names[-1]

    def recorder(name: str) -> object:
        def record(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            values = output.detach().numpy()
            if values.ndim == 4:
                values = values.transpose(0, 2, 3, 1)
            integers = np.ascontiguousarray(values.astype(np.int32 if name == last else np.int8))
            assert np.array_equal(integers, values), f"{name} has values that are no integers"
            recorded[name] = integers

        return record

    handles = [
        net.output_module(name).register_forward_hook(recorder(name))  # type: ignore[arg-type]
        for name in net.spec.layer_names
    ]
    training = net.training
    try:
        net.eval()
        with torch.no_grad():
            pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float()
            recorded["scores"] = net(pixels).numpy()
    finally:
        net.train(training)
        for handle in handles:
            handle.remove()
    return recorded


def write_golden(
    net: BinaryNetwork, images: NDArray[np.uint8], labels: NDArray[np.integer], path: Path
) -> None:
    """Write golden vectors: ``images``, ``labels``, ``classes``, ``scores`` and one array a layer.

    images: (N, 32, 32, 3) uint8; labels: (N,), -1 where a picture shows none
    of the classes. ``classes`` are Brevitas' predictions. See
    :func:`layer_outputs` for the layers. Raises OutputError.
    """
    outputs = layer_outputs(net, images)
    arrays: dict[str, NDArray[np.generic]] = {
        "images": images,
        "labels": labels.astype(np.int8),
        "classes": outputs["scores"].argmax(axis=1).astype(np.int8),
        **outputs,
    }
    partial = path.with_suffix(".npz.partial")
    try:
        with partial.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        partial.replace(path)
    except OSError as error:
        raise OutputError.at(path, f"cannot be written: {error}", "choose a writable folder") from error
    finally:
        partial.unlink(missing_ok=True)
