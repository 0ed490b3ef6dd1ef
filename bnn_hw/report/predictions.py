"""Groups of classified pictures as the page shows them: confusion matrix, pictures, scores."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bnn_hw.report.figures import number, plain

FEW = 10
"""With fewer labelled pictures or persons, a confusion matrix and a confidence interval say nothing."""

_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+")


def group_view(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the template needs for one group of predictions.json."""
    classes = [plain(name) for name in group["classes"]]
    evaluation = group.get("evaluation")
    samples = group.get("samples", ())
    span = max((abs(score) for item in samples for score in item["scores"]), default=0) or 1
    whole = all(float(score).is_integer() for item in samples for score in item["scores"])
    # Bars start at the left edge, or in the middle where scores can be negative.
    zero = 50 if any(score < 0 for item in samples for score in item["scores"]) else 0
    return {
        "title": group["title"],
        "pictures": group["pictures"],
        "classes": classes,
        "accuracy": _accuracy(evaluation) if evaluation else "",
        "matrix": _matrix(evaluation["confusion"], classes) if evaluation and _enough(evaluation) else [],
        "samples": [_sample(item, classes, span, zero, 0 if whole else 2) for item in samples],
    }


def _enough(evaluation: Mapping[str, Any]) -> bool:
    return min(evaluation["pictures"], evaluation.get("persons") or FEW) >= FEW


def _accuracy(evaluation: Mapping[str, Any]) -> str:
    if not _enough(evaluation):
        hits = sum(row[i] for i, row in enumerate(evaluation["confusion"]))
        return f"{hits} of {evaluation['pictures']} labelled pictures are right."
    low, high = evaluation["interval"]
    persons = evaluation.get("persons")
    whose = f" of {number(persons)} person{'s' if persons != 1 else ''}" if persons else ""
    count = number(evaluation["pictures"])
    return (
        f"{evaluation['accuracy']:.2%} of {count} labelled pictures{whose} are right; "
        f"with 95% confidence the accuracy on such pictures is {low:.1%} to {high:.1%}."
    )


def _matrix(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> list[dict[str, Any]]:
    rows = []
    for i, (name, counts) in enumerate(zip(classes, confusion, strict=True)):
        total = sum(counts)
        cells = [
            # At most 45 % of the colour, so that the figure on it stays readable.
            {"count": count, "hit": i == k, "tint": max(8, round(45 * count / total)) if count else 0}
            for k, count in enumerate(counts)
        ]
        recall = f"{counts[i] / total:.1%}" if total else "–"
        rows.append({"name": name, "cells": cells, "recall": recall})
    return rows


def _sample(
    item: Mapping[str, Any], classes: Sequence[str], span: float, zero: int, digits: int
) -> dict[str, Any]:
    image = item.get("image")
    scores = []
    for name, score in zip(classes, item["scores"], strict=True):
        length = (100 - zero) * abs(score) / span
        scores.append(
            {
                "name": name,
                "text": number(score, digits),
                "left": f"{zero - length if score < 0 else zero:.1f}",
                "width": f"{length:.1f}",
                "zero": zero,
                "won": name == plain(item["predicted"]),
            }
        )
    return {
        "image": image if image and _PICTURE.fullmatch(image) else None,
        "name": item["name"],
        "predicted": plain(item["predicted"]),
        "label": plain(item["label"]) if item.get("label") else None,
        "correct": item.get("correct"),
        "scores": scores,
    }
