"""What a trained network answers, and how good it is."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from bnn_hw.data.folder import PictureSet
from bnn_hw.train.metrics import Evaluation, evaluate
from bnn_hw.train.networks import Network

_BATCH = 256


def to_tensor(images: NDArray[np.uint8]) -> Tensor:
    """Images (N, H, W, 3) as a tensor (N, 3, H, W) of the same integers."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def predict(net: Network, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores (N, classes) for images (N, 32, 32, 3) uint8."""
    net.eval()
    with torch.inference_mode():
        return torch.cat([net(batch.float()) for batch in to_tensor(images).split(_BATCH)]).numpy()


def evaluate_network(net: Network, pictures: PictureSet) -> Evaluation:
    """Figures of the network on ``pictures``."""
    scores = predict(net, pictures.images)
    return evaluate(pictures.labels, scores.argmax(axis=1), pictures.classes, pictures.persons, scores)


def evaluate_groups(net: Network, pictures: PictureSet) -> dict[str, Evaluation]:
    """Figures by source, where ``pictures`` are of several."""
    names = sorted(set(pictures.group_of))
    groups = np.array(pictures.group_of)
    if len(names) < 2:
        return {}
    return {name: evaluate_network(net, pictures.select(groups == name)) for name in names}


def validate(net: Network, pictures: PictureSet) -> dict[str, float]:
    """Loss, accuracy and macro recall; the loss is the mean of the classes' mean losses.

    The loss decides which epoch is best: with few pictures in a class the
    recall is too coarse and favours lucky early epochs.
    """
    scores, labels = predict(net, pictures.images), pictures.labels
    losses = functional.cross_entropy(
        torch.from_numpy(scores), torch.from_numpy(labels), reduction="none"
    ).numpy()
    figures = evaluate(labels, scores.argmax(axis=1), pictures.classes, pictures.persons)
    return {
        "validation_loss": float(np.mean([losses[labels == label].mean() for label in np.unique(labels)])),
        "validation_accuracy": figures.accuracy,
        "validation_macro_recall": figures.macro_recall,
    }
