"""How a network's accuracy falls when its pictures are disturbed, and on masks it never saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnn_hw.data.drawn import read_drawn, template_names
from bnn_hw.data.folder import PictureSet, find_data_set
from bnn_hw.data.perturb import DISTURBANCES, Disturbance
from bnn_hw.data.styles import STYLES, UNSEEN_STYLES
from bnn_hw.errors import DataError
from bnn_hw.progress import Reporter
from bnn_hw.train.metrics import wilson_interval

Scores = NDArray[np.floating]
Predictors = Mapping[str, Callable[[NDArray[np.uint8]], Scores]]

BARE_FACES = "bare_ffhq"
DRAWN_FACES = 100
"""Faces of the part that masks of each style are drawn on, if nothing else is asked for."""


@dataclass(frozen=True)
class Robustness:
    """Accuracy of each network by name at each amount of a disturbance, on the same pictures."""

    name: str
    unit: str
    amounts: tuple[float | str, ...]
    accuracy: dict[str, tuple[float, ...]]
    pictures: int
    persons: int


def disturbed(networks: Predictors, pictures: PictureSet, reporter: Reporter) -> tuple[Robustness, ...]:
    """One table for each way of :data:`bnn_hw.data.perturb.DISTURBANCES`."""
    tables = []
    for way in DISTURBANCES:
        reporter.say(f"  {way.name}: {len(way.amounts)} amounts")
        tables.append(_disturbed(way, networks, pictures))
    return tuple(tables)


def _disturbed(way: Disturbance, networks: Predictors, pictures: PictureSet) -> Robustness:
    sets = [(amount, way.apply(pictures.images, amount), pictures.labels) for amount in way.amounts]
    return _table(way.name, way.unit, networks, sets, pictures.persons)


def drawn_masks(
    networks: Predictors,
    classes: Sequence[str],
    data: Path | None,
    keep: Callable[[str], bool],
    reporter: Reporter,
    faces: int = DRAWN_FACES,
) -> tuple[Robustness, ...]:
    """Masks of every style, and of the pictures in ``mask_templates``, drawn in every position on bare faces.

    keep: whether a person may be drawn on, so that none was trained on. Without
    the data set's bare faces there is no table, and the reason is told.
    """
    try:
        folder = find_data_set(data) / BARE_FACES
        sets = []
        for style in (*STYLES, *template_names(folder)):
            reporter.say(f"  masks {style}")
            drawn = read_drawn(folder, style, classes, (style,), keep=keep, per_class=faces)
            sets.append((style, drawn.images, drawn.labels))
    except DataError as error:
        reporter.say(f"no table of mask colours: {error}")
        return ()
    name = "masks drawn on bare faces"
    return (_table(name, "style", networks, sets, len(set(drawn.subjects))),)


def _table(
    name: str,
    unit: str,
    networks: Predictors,
    sets: Sequence[tuple[float | str, NDArray[np.uint8], NDArray[np.int64]]],
    persons: int,
) -> Robustness:
    accuracy = {
        network: tuple(float((run(images).argmax(axis=1) == labels).mean()) for _, images, labels in sets)
        for network, run in networks.items()
    }
    return Robustness(name, unit, tuple(amount for amount, _, _ in sets), accuracy, len(sets[0][2]), persons)


def lines_of(table: Robustness) -> list[str]:
    """The table for a person."""
    low, high = wilson_interval(table.pictures // 2, table.pictures)
    lines = [
        f"{table.name} ({table.unit}): accuracy on {table.pictures} pictures of {table.persons} persons, "
        f"known to {(high - low) / 2:.1%} or better with 95 % confidence"
    ]
    names = [name[-24:] for name in table.accuracy]
    if all(isinstance(amount, str) for amount in table.amounts):
        lines.append("  " + " " * 18 + " ".join(f"{name:>24}" for name in names))
        for row, amount in enumerate(table.amounts):
            shares = " ".join(f"{column[row]:>24.1%}" for column in table.accuracy.values())
            lines.append(f"  {amount:18}{shares}")
        return lines + _unseen_lines(table)
    lines.append("  " + " " * 24 + " ".join(f"{amount:>7}" for amount in table.amounts))
    for name, column in zip(names, table.accuracy.values(), strict=True):
        lines.append(f"  {name:24}" + " ".join(f"{share:>7.1%}" for share in column))
    return lines


def _unseen_lines(table: Robustness) -> list[str]:
    """What each network has right of the styles together that no recipe trains on."""
    rows = [table.amounts.index(style) for style in UNSEEN_STYLES if style in table.amounts]
    if not rows:
        return []
    count = len(rows) * table.pictures
    lines = [
        f"  in no recipe, {', '.join(str(table.amounts[row]) for row in rows)}: {count} pictures together"
    ]
    for name, column in table.accuracy.items():
        right = round(sum(column[row] for row in rows) * table.pictures)
        low, high = wilson_interval(right, count)
        lines.append(f"    {name}: {right / count:.1%} ({low:.1%} to {high:.1%})")
    return lines
