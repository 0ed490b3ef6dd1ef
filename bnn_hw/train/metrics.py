"""Figures of a classifier on a set of pictures. Runs without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CALIBRATION_BINS = 15
NO_MASK = "no_mask"

Interval = tuple[float, float]


@dataclass(frozen=True)
class Bin:
    """Pictures whose winning class has a probability in one range: mean probability and share of hits."""

    pictures: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """Whether probabilities mean what they say.

    error: expected calibration error, the mean over all pictures of how far a
    bin's hits are from its confidence (C. Guo et al., ICML 2017); bins: from
    low to high confidence, empty ones left out.
    """

    error: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class MaskOrNot:
    """The answers taken together as mask (worn anyhow) against no mask.

    balanced_accuracy: mean of the two recalls; intervals: of each recall. mask_accuracy: share of the
    pictures with a mask that are in the right class, with its interval.
    """

    mask_recall: float
    mask_interval: Interval
    mask_pictures: int
    bare_recall: float
    bare_interval: Interval
    bare_pictures: int
    balanced_accuracy: float
    mask_accuracy: float
    mask_accuracy_interval: Interval


@dataclass(frozen=True)
class Evaluation:
    """How well a classifier did, and on how much.

    confusion[i][j]: number of pictures of class i that were taken for class j.
    interval, recall_interval: 95 % confidence intervals (Wilson). precision is
    None for a class that was never answered, recall for one without pictures.
    """

    classes: tuple[str, ...]
    pictures: int
    persons: int
    accuracy: float
    interval: Interval
    recall: dict[str, float | None]
    macro_recall: float
    confusion: tuple[tuple[int, ...], ...]
    precision: dict[str, float | None]
    f1: dict[str, float | None]
    macro_f1: float
    recall_interval: dict[str, Interval | None]
    calibration: Calibration | None = None
    mask_or_not: MaskOrNot | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        low, high = self.interval
        lines = [
            f"accuracy {self.accuracy:.2%} ({low:.2%} to {high:.2%} with 95 % confidence) "
            f"on {self.pictures} pictures of {self.persons} persons",
            f"macro recall {self.macro_recall:.2%}, macro F1 {self.macro_f1:.2%}"
            + (f", calibration error {self.calibration.error:.2%}" if self.calibration else ""),
        ]
        for name, row in zip(self.classes, self.confusion, strict=True):
            lines.append(f"  {name}: {self._class_text(name, sum(row))}, taken for {list(row)}")
        if self.mask_or_not:
            both = self.mask_or_not
            lines.append(
                f"  mask against no mask: balanced accuracy {both.balanced_accuracy:.2%} "
                f"(mask {both.mask_recall:.2%} of {both.mask_pictures}, "
                f"no mask {both.bare_recall:.2%} of {both.bare_pictures})"
            )
        return "\n".join(lines)

    def _class_text(self, name: str, total: int) -> str:
        recall, interval = self.recall[name], self.recall_interval[name]
        precision, f1 = self.precision[name], self.f1[name]
        if recall is None or interval is None:
            return "no picture"
        text = f"recall {recall:.2%} of {total} ({interval[0]:.1%} to {interval[1]:.1%})"
        if precision is not None:
            text += f", precision {precision:.2%}"
        return text + (f", F1 {f1:.2%}" if f1 is not None else "")


def wilson_interval(hits: int, total: int, z: float = 1.959964) -> Interval:
    """Confidence interval of a share, by default 95 % (E. B. Wilson, JASA 22, 1927)."""
    share = hits / total
    centre = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, (centre - half) / (1 + z * z / total)), min(1.0, (centre + half) / (1 + z * z / total))


def probabilities(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Softmax of scores (N, classes)."""
    shifted = np.asarray(scores, np.float64)
    powers = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def calibration(
    labels: NDArray[np.integer], scores: NDArray[np.floating], bins: int = CALIBRATION_BINS
) -> Calibration:
    """Compare the winning class's probability with how often it is right; scores (N, classes)."""
    shares = probabilities(scores)
    confidence, hit = shares.max(axis=1), shares.argmax(axis=1) == labels
    # Bins are open below and closed above, as 1 belongs to the last.
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    filled = [
        Bin(int(rows.sum()), float(confidence[rows].mean()), float(hit[rows].mean()))
        for rows in (number == i for i in range(bins))
        if rows.any()
    ]
    error = sum(item.pictures * abs(item.accuracy - item.confidence) for item in filled) / len(labels)
    return Calibration(float(error), tuple(filled))


def evaluate(
    labels: NDArray[np.integer],
    predicted: NDArray[np.integer],
    classes: Sequence[str],
    persons: int,
    scores: NDArray[np.floating] | None = None,
) -> Evaluation:
    """Compare predictions (N,) with labels (N,); N must not be 0.

    With scores (N, classes) it tells the calibration, too. Means over classes
    leave out classes without pictures.
    """
    if len(labels) == 0 or len(labels) != len(predicted):
        raise ValueError(f"{len(labels)} labels and {len(predicted)} predictions")
    size = len(classes)
    confusion = np.bincount(labels * size + predicted, minlength=size * size).reshape(size, size)
    totals, answered, hits = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    recall = [float(hits[i] / totals[i]) if totals[i] else None for i in range(size)]
    precision = [float(hits[i] / answered[i]) if answered[i] else None for i in range(size)]
    f1 = [float(2 * hits[i] / (totals[i] + answered[i])) if totals[i] else None for i in range(size)]
    intervals = [wilson_interval(int(hits[i]), int(totals[i])) if totals[i] else None for i in range(size)]
    right = int(np.trace(confusion))
    return Evaluation(
        tuple(classes),
        len(labels),
        persons,
        right / len(labels),
        wilson_interval(right, len(labels)),
        dict(zip(classes, recall, strict=True)),
        float(np.mean([share for share in recall if share is not None])),
        tuple(tuple(int(count) for count in row) for row in confusion),
        dict(zip(classes, precision, strict=True)),
        dict(zip(classes, f1, strict=True)),
        float(np.mean([share for share in f1 if share is not None])),
        dict(zip(classes, intervals, strict=True)),
        calibration(labels, scores) if scores is not None else None,
        _mask_or_not(confusion, classes),
    )


def _mask_or_not(confusion: NDArray[np.integer], classes: Sequence[str]) -> MaskOrNot | None:
    """None where the classes know no bare face or one side has no picture."""
    if NO_MASK not in classes:
        return None
    bare = np.array([name == NO_MASK for name in classes])
    masked_total, bare_total = int(confusion[~bare].sum()), int(confusion[bare].sum())
    if not masked_total or not bare_total:
        return None
    masked_hits, bare_hits = (
        int(confusion[np.ix_(~bare, ~bare)].sum()),
        int(confusion[np.ix_(bare, bare)].sum()),
    )
    shares = masked_hits / masked_total, bare_hits / bare_total
    right = int(np.diag(confusion)[~bare].sum())
    return MaskOrNot(
        shares[0],
        wilson_interval(masked_hits, masked_total),
        masked_total,
        shares[1],
        wilson_interval(bare_hits, bare_total),
        bare_total,
        (shares[0] + shares[1]) / 2,
        right / masked_total,
        wilson_interval(right, masked_total),
    )


def mcnemar(labels: NDArray[np.integer], a: NDArray[np.integer], b: NDArray[np.integer]) -> float:
    """Probability that two classifiers, equally good, differ this much on the same pictures (exact test).

    Only pictures that one of them has right count (Q. McNemar, Psychometrika 12, 1947).
    """
    only_a = int(((a == labels) & (b != labels)).sum())
    only_b = int(((b == labels) & (a != labels)).sum())
    total = only_a + only_b
    tail = sum(math.comb(total, k) for k in range(min(only_a, only_b) + 1)) / 2.0**total
    return min(1.0, 2.0 * tail)
