"""Figures of a classifier on a set of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Evaluation:
    """How well a classifier did, and on how much.

    confusion[i][j]: number of pictures of class i that were taken for class j.
    interval: 95 % confidence interval of the accuracy.
    """

    classes: tuple[str, ...]
    pictures: int
    persons: int
    accuracy: float
    interval: tuple[float, float]
    recall: dict[str, float | None]
    macro_recall: float
    confusion: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        low, high = self.interval
        lines = [
            f"accuracy {self.accuracy:.2%} ({low:.2%} to {high:.2%} with 95 % confidence) "
            f"on {self.pictures} pictures of {self.persons} persons"
        ]
        for name, row in zip(self.classes, self.confusion, strict=True):
            recall = self.recall[name]
            share = "no picture" if recall is None else f"recall {recall:.2%} of {sum(row)}"
            lines.append(f"  {name}: {share}, taken for {list(row)}")
        return "\n".join(lines)


def wilson_interval(hits: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Confidence interval of a share, by default 95 % (E. B. Wilson, JASA 22, 1927)."""
    share = hits / total
    centre = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, (centre - half) / (1 + z * z / total)), min(1.0, (centre + half) / (1 + z * z / total))


def evaluate(
    labels: NDArray[np.integer], predicted: NDArray[np.integer], classes: Sequence[str], persons: int
) -> Evaluation:
    """Compare predictions (N,) with labels (N,); N must not be 0. Classes without pictures have no recall."""
    if len(labels) == 0 or len(labels) != len(predicted):
        raise ValueError(f"{len(labels)} labels and {len(predicted)} predictions")
    size = len(classes)
    confusion = np.bincount(labels * size + predicted, minlength=size * size).reshape(size, size)
    totals = confusion.sum(axis=1)
    recall = [float(confusion[i, i] / totals[i]) if totals[i] else None for i in range(size)]
    present = [share for share in recall if share is not None]
    hits = int(np.trace(confusion))
    return Evaluation(
        tuple(classes),
        len(labels),
        persons,
        hits / len(labels),
        wilson_interval(hits, len(labels)),
        dict(zip(classes, recall, strict=True)),
        float(np.mean(present)),
        tuple(tuple(int(count) for count in row) for row in confusion),
    )
