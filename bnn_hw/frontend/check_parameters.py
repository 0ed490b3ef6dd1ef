"""Pass: prove all weights bipolar and all batch-norm parameters usable, and report all that are not."""

from __future__ import annotations

import numpy as np

from bnn_hw.frontend.net import Net, NetNode, UnsupportedError

_QUANTISE = (
    "give the layer 1-bit weights, for instance QuantConv2d or QuantLinear with "
    "weight_quant=brevitas.quant.binary.SignedBinaryWeightPerTensorConst, and train again"
)


def matrix_weights(node: NetNode, weights: np.ndarray) -> np.ndarray:
    """Return a layer's weights as (outputs, inputs), of a Conv as (outputs, inputs, height, width)."""
    if node.op == "Conv" and node.channels_last and weights.ndim == 4:
        return weights.transpose(0, 3, 1, 2)
    if node.op == "MatMul" or (node.op == "Gemm" and not node.attributes.get("transB", 0)):
        return weights.T
    return weights


def split_weights(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Split float weights (channels, ...) into int8 of -1 and +1 and a positive scale a channel.

    None unless every channel holds a single magnitude other than zero.
    """
    flat = np.abs(weights.reshape(len(weights), -1))
    scale = flat[:, 0]
    if not np.isfinite(flat).all() or (scale == 0).any() or (flat != scale[:, None]).any():
        return None
    return np.where(weights > 0, np.int8(1), np.int8(-1)), scale


def _check_weights(net: Net, node: NetNode, name: str) -> None:
    weights = net.constants[name]
    expected = 4 if node.op == "Conv" else 2
    if weights.ndim != expected or weights.size == 0:
        sizes = "x".join(map(str, weights.shape))
        raise UnsupportedError(
            f"its weights have the shape {sizes}",
            "use Conv2d and Linear layers; other ranks have no hardware",
        )
    if split_weights(matrix_weights(node, weights)) is not None:
        return
    if not np.isfinite(weights).all():
        raise UnsupportedError("its weights have NaN or infinite values", "check the training: it diverged")
    found = np.unique(weights)
    values = ", ".join(f"{value:.4g}" for value in found[:4]) + (", ..." if len(found) > 4 else "")
    origin = net.origins.get(name)
    if origin is None:
        raise UnsupportedError(
            f"its weights are floating point ({len(found)} values: {values}), not -1 and +1; "
            "no quantiser makes them",
            _QUANTISE,
        )
    bits = ""
    if origin.op in ("Quant", "IntQuant"):
        bits = f"{int(net.constants[origin.inputs[3]].item())}-bit "
    raise UnsupportedError(
        f"its weights are not -1 and +1: {bits}{origin.op} node {origin.name} makes "
        f"{len(found)} values: {values}",
        _QUANTISE,
    )


def _check_batch_norm(net: Net, node: NetNode) -> None:
    labels = ("scale", "bias", "mean", "variance")
    if len(node.inputs) < 5 or any(name not in net.constants for name in node.inputs[1:5]):
        raise UnsupportedError(
            "its scale, bias, mean or variance is missing or not constant",
            "call model.eval() before the export, and keep affine and track_running_stats on",
        )
    if node.attributes.get("training_mode", 0):
        raise UnsupportedError("it is in training mode", "call model.eval() before the export")
    parameters = [np.asarray(net.constants[name], np.float32) for name in node.inputs[1:5]]
    for label, values in zip(labels, parameters, strict=True):
        bad = np.flatnonzero(~np.isfinite(values.reshape(-1)))
        if len(bad):
            raise UnsupportedError(
                f"its {label} of channel {bad[0]} is {values.reshape(-1)[bad[0]]}"
                + (f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""),
                "check the training: it diverged; load an earlier checkpoint or lower the learning rate",
            )
    epsilon = np.float32(node.attributes.get("epsilon", 1e-5))
    if (parameters[3] + epsilon <= 0).any():
        raise UnsupportedError(
            f"its variance plus epsilon is {(parameters[3] + epsilon).min()}, not positive",
            "check the training: a running variance cannot be negative",
        )


def check_parameters(net: Net) -> None:
    """Check every layer's weights and batch norm; report each that cannot be built exactly."""
    for node in net.nodes:
        with net.guard(node):
            if node.op in ("Conv", "MatMul", "Gemm"):
                if node.inputs[1] in net.constants:
                    _check_weights(net, node, node.inputs[1])
            elif node.op == "BatchNormalization":
                _check_batch_norm(net, node)
