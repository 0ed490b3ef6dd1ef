"""Writes a judgement: evaluation.json, evaluation.txt, and figures of confusion, calibration, robustness."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bnn_hw.evaluate import Judgement
from bnn_hw.folders import writing
from bnn_hw.robustness import Robustness

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def write_results(judgement: Judgement, text: str, folder: Path) -> list[Path]:
    """Write everything into ``folder`` and return the files. Raises OutputError."""
    from matplotlib.figure import Figure

    figures: dict[str, Figure] = {}
    wide = 1 + (judgement.evaluation.calibration is not None)
    figures["evaluation.png"] = Figure(figsize=(4.6 * wide, 4.2), layout="constrained")
    axes = figures["evaluation.png"].subplots(1, wide, squeeze=False)[0]
    _confusion(axes[0], judgement)
    if judgement.evaluation.calibration is not None:
        _calibration(axes[1], judgement)
    if judgement.robustness:
        figures["robustness.png"] = _robustness(judgement.robustness)
    written = []
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (
            ("evaluation.json", json.dumps(judgement.to_json(), indent=1)),
            ("evaluation.txt", text),
        ):
            (folder / name).write_text(content + "\n", encoding="utf-8")
            written.append(folder / name)
        for name, figure in figures.items():
            figure.savefig(folder / name, dpi=120)
            written.append(folder / name)
    return written


def _confusion(axis: Axes, judgement: Judgement) -> None:
    figures = judgement.evaluation
    counts = np.array(figures.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [name.replace("_", " ") for name in figures.classes]
    axis.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axis.set_yticks(range(len(names)), names)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axis.text(column, row, str(count), ha="center", va="center", color=colour)
    axis.set_xlabel("taken for")
    axis.set_ylabel("is")
    low, high = figures.interval
    axis.set_title(
        f"accuracy {figures.accuracy:.2%} ({low:.2%} to {high:.2%})\n"
        f"{figures.pictures} pictures of {figures.persons} persons",
        fontsize=9,
    )


def _calibration(axis: Axes, judgement: Judgement) -> None:
    found = judgement.evaluation.calibration
    assert found is not None
    axis.plot([0, 1], [0, 1], color="grey", linewidth=1)
    sizes = [20 + 200 * item.pictures / judgement.evaluation.pictures for item in found.bins]
    axis.scatter([item.confidence for item in found.bins], [item.accuracy for item in found.bins], s=sizes)
    axis.set_xlim(0, 1.02)
    axis.set_ylim(0, 1.02)
    axis.set_xlabel("probability of the answer")
    axis.set_ylabel("share of right answers")
    axis.set_title(f"calibration error {found.error:.2%}\narea of a dot: number of pictures", fontsize=9)


def _robustness(tables: tuple[Robustness, ...]) -> Figure:
    from matplotlib.figure import Figure

    columns = 4
    rows = -(-len(tables) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.9 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat[len(tables) :]:
        axis.set_axis_off()
    for axis, table in zip(axes.flat, tables, strict=False):
        words = all(isinstance(amount, str) for amount in table.amounts)
        places = range(len(table.amounts)) if words else table.amounts
        for name, shares in table.accuracy.items():
            axis.plot(
                places,
                shares,
                marker="o",
                markersize=3,
                label=name,
                linestyle=" " if words else "-",
            )
        if words:
            labels = [str(amount).replace("_", " ") for amount in table.amounts]
            axis.set_xticks(list(places), labels, rotation=60, ha="right", fontsize=6)
        least = min(share for shares in table.accuracy.values() for share in shares)
        axis.set_ylim(max(0.0, least - 0.05), 1.02)
        axis.set_title(f"{table.name}, {table.pictures} pictures", fontsize=9)
        axis.set_xlabel("" if words else table.unit, fontsize=8)
        axis.grid(alpha=0.3)
    axes.flat[0].legend(fontsize=7)
    axes.flat[0].set_ylabel("accuracy")
    return figure
