"""Reads pairs of face pictures with the word whether they show the same person, as LFW gives them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnn_hw.data.folder import subject_of
from bnn_hw.data.pictures import IMAGE_SIZE, read_picture
from bnn_hw.errors import DataError, Fault, InputError

_COLUMNS = ("a", "b", "same")


@dataclass(frozen=True)
class FacePairs:
    """Pairs of pictures.

    images: (N, size, size, 3) uint8, each picture once; subjects: (N,) the
    persons; left, right: (P,) rows of ``images``; same: (P,) whether both show
    one person; skipped: one fault for each pair left out.
    """

    images: NDArray[np.uint8]
    subjects: tuple[str, ...]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    same: NDArray[np.bool_]
    skipped: tuple[Fault, ...] = ()

    def __len__(self) -> int:
        return len(self.same)

    @property
    def persons(self) -> int:
        """Number of different persons."""
        return len(set(self.subjects))


def read_pairs(
    table: Path, size: int = IMAGE_SIZE, progress: Callable[[int, int], None] | None = None
) -> FacePairs:
    """Read a CSV file with the columns ``a``, ``b`` (picture files beside it) and ``same`` (1 or 0).

    A pair with a missing or damaged picture, or whose ``same`` contradicts the
    persons' names, is skipped and listed. Raises DataError when the table
    cannot be read, lacks a column or leaves no pair.
    """
    rows = _rows(table)
    images: list[NDArray[np.uint8]] = []
    subjects: list[str] = []
    numbers: dict[str, int] = {}
    skipped: list[Fault] = []
    pairs: list[tuple[int, int, bool]] = []

    def number(name: str) -> int:
        if name not in numbers:
            images.append(read_picture(table.parent / name, size))
            subjects.append(subject_of(Path(name)))
            numbers[name] = len(images) - 1
        return numbers[name]

    for done, (line, (first, second, word)) in enumerate(rows, start=1):
        place = f"{table}, line {line}"
        try:
            a, b = number(first), number(second)
        except InputError as error:
            skipped.extend(Fault(f"{place}: {f.place}", f.cause, f.remedy) for f in error.faults)
        else:
            same = subjects[a] == subjects[b]
            if word not in ("0", "1") or same != (word == "1"):
                cause = f"says same={word} of {first} and {second}"
                skipped.append(Fault(place, cause, "give 1 for one person, 0 for two"))
            else:
                pairs.append((a, b, same))
        if progress is not None:
            progress(done, len(rows))
    if not pairs:
        raise DataError([Fault(str(table), "leaves no pair to compare", "correct the table"), *skipped[:5]])
    left, right, same_person = (np.array(column) for column in zip(*pairs, strict=True))
    return FacePairs(np.stack(images), tuple(subjects), left, right, same_person.astype(bool), tuple(skipped))


def _rows(table: Path) -> list[tuple[int, tuple[str, str, str]]]:
    """Line number and the three columns of every row."""
    remedy = f"give a CSV file with the columns {', '.join(_COLUMNS)}"
    try:
        with table.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError.at(table, f"has no column {', '.join(missing)}", remedy)
            return [
                (reader.line_num, (row["a"] or "", row["b"] or "", (row["same"] or "").strip()))
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError.at(table, f"cannot be read: {error}", remedy) from error
