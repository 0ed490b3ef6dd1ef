"""Writes and reads what a training leaves: the best network, and the state that it goes on from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper

from bnn_hw.data import CLASSES
from bnn_hw.errors import ConfigError, InputError, OutputError
from bnn_hw.train.networks import SPECS, BinaryNetwork, Network, network_of

_REMEDY = "give a checkpoint.pt that bnn-hw train wrote"


def save_whole(record: Mapping[str, Any], path: Path) -> None:
    """Write ``record`` so that the file is complete or not there. Raises OutputError."""
    partial = path.with_suffix(".partial")
    try:
        torch.save(dict(record), partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        raise OutputError.at(
            path, f"cannot be written: {error}", "choose a writable folder with space"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def save_network(
    net: Network, classes: tuple[str, ...], epoch: int, path: Path, reestimated: bool = False
) -> None:
    """Write the network alone; reestimated: its batch norms were estimated anew. Raises OutputError."""
    record = {
        "network": net.spec.name,
        "precision": net.precision,
        "classes": list(classes),
        "epoch": epoch,
        "reestimated": reestimated,
        "weights": net.state_dict(),
    }
    save_whole(record, path)


def load_network(path: Path) -> tuple[Network, tuple[str, ...]]:
    """Read a checkpoint: the network, ready to predict, and its classes. Raises InputError."""
    try:
        state = read(path)
        classes = tuple(state.get("classes", CLASSES))
        net = network_of(state["network"], state.get("precision", "binary"), len(classes))
        net.load_state_dict(state["weights"])
    except (KeyError, TypeError, AttributeError, RuntimeError, ConfigError) as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError.at(path, f"is not a checkpoint: {cause}", _REMEDY) from error
    return net.eval(), classes


def load_exported(path: Path, classes: tuple[str, ...]) -> BinaryNetwork:
    """The Brevitas network in a model.onnx that ``bnn-hw export`` wrote, ready to predict.

    Its weights are the signs alone, so it answers and explains itself as the
    trained network does, but is no start for further training. Raises InputError.
    """
    remedy = "give a model.onnx that bnn-hw export wrote, or a checkpoint.pt"
    try:
        model = onnx.load(path)
    except FileNotFoundError as error:
        raise InputError.at(path, "does not exist", remedy) from error
    except Exception as error:  # protobuf's errors have no common base of their own
        raise InputError.at(path, f"is no ONNX file ({type(error).__name__})", remedy) from error
    stored = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Identity" and node.input[0] in stored:  # the exporter stores equal tensors once
            stored[node.output[0]] = stored[node.input[0]]
    for name in SPECS:
        net = network_of(name, "binary", len(classes))
        own = {key: value for key, value in net.state_dict().items() if "num_batches" not in key}
        if all(key in stored and stored[key].shape == value.shape for key, value in own.items()):
            net.load_state_dict({key: stored[key] for key in own}, strict=False)
            assert isinstance(net, BinaryNetwork)
            return net.eval()
    raise InputError.at(path, f"is none of {', '.join(SPECS)} with {len(classes)} classes", remedy)


def load_checkpoint(path: Path) -> Network:
    """The network of a checkpoint, ready to predict. Raises InputError."""
    return load_network(path)[0]


def read(path: Path) -> dict[str, Any]:
    """Read what :func:`save_whole` wrote. Raises InputError."""
    try:
        state = torch.load(path, weights_only=True)
    except FileNotFoundError as error:
        raise InputError.at(path, "does not exist", _REMEDY) from error
    except (OSError, EOFError, RuntimeError, ValueError) as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError.at(path, f"is not a checkpoint: {cause}", _REMEDY) from error
    except Exception as error:  # torch.load passes on pickle's errors, which have no common base of their own
        raise InputError.at(path, f"is not a checkpoint ({type(error).__name__})", _REMEDY) from error
    if not isinstance(state, dict):
        raise InputError.at(path, "is not a checkpoint: it holds no record", _REMEDY)
    return state
