"""The integer graph on pictures: what the accelerator will answer, and how good the answers are."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bnn_hw.ir import Graph
from bnn_hw.ir.execute import execute
from bnn_hw.pictures import PictureGroup
from bnn_hw.train.metrics import evaluate


def class_names(classes: Sequence[str], graph: Graph) -> list[str]:
    """Names of the graph's classes; numbers where the design gives none."""
    count = graph.types[graph.outputs[0]].channels
    return list(classes) if len(classes) == count else [str(i) for i in range(count)]


def predict(
    graph: Graph, images: np.ndarray, progress: Callable[[int], None] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores (N, classes) and winning classes (N,) of the integer graph."""
    values = execute(graph, images, progress=progress)
    scores = values[graph.outputs[0]].reshape(len(values[graph.outputs[0]]), -1)
    return scores, values[graph.outputs[-1]].reshape(-1).astype(np.int64)


def _data_uri(picture: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _shown(group: PictureGroup, index: int) -> str | None:
    """The picture as a data URI, None for inputs that are no pictures."""
    image = group.pictures.images[index] if group.display is None else group.display[index]
    if image.shape[-1] == 1:
        image = image.repeat(3, axis=-1)
    if (
        image.shape[-1] != 3
        or min(image.shape[:2]) < 8
        or image.max(initial=0) > 255
        or image.min(initial=0) < 0
    ):
        return None
    return _data_uri(image.astype(np.uint8))


def judge(graph: Graph, group: PictureGroup, classes: Sequence[str], shown: int = 24) -> dict[str, Any]:
    """Predict a group and return a JSON-able record for the report.

    Only pictures with a label count for the accuracy. Wrongly classified
    pictures come first among the ``shown`` ones, so that they are looked at.
    """
    scores, winners = predict(graph, group.pictures.images)
    labels = group.pictures.labels
    known = labels >= 0
    record: dict[str, Any] = {"title": group.title, "pictures": len(winners), "classes": list(classes)}
    if known.any():
        record["evaluation"] = evaluate(labels[known], winners[known], classes, group.persons).to_json()
    order = np.argsort((labels == winners) | ~known, kind="stable")
    record["samples"] = [
        {
            "name": group.pictures.names[i],
            "image": _shown(group, i),
            "label": classes[labels[i]] if labels[i] >= 0 else None,
            "predicted": classes[winners[i]],
            "correct": bool(labels[i] == winners[i]) if labels[i] >= 0 else None,
            "scores": [float(score) for score in scores[i]],
        }
        for i in order[:shown]
    ]
    return record


def write_predictions(
    graph: Graph, groups: Sequence[PictureGroup], classes: Sequence[str], folder: Path
) -> list[dict[str, Any]]:
    """Judge every group and write predictions.json into ``folder``."""
    records = [judge(graph, group, classes) for group in groups]
    (folder / "predictions.json").write_text(json.dumps(records, indent=1) + "\n")
    return records
