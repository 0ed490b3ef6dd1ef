"""Splits a data set by person and draws balanced samples from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnn_hw.data.folder import PictureSet
from bnn_hw.errors import DataError, FaultList, OutputError

PARTS = ("train", "validation", "test")
_SPLIT_FILE = f"give a file with the lists {', '.join(PARTS)}, or leave it out to split by a seed"


@dataclass(frozen=True)
class Split:
    """The three parts of a data set; no person is in more than one."""

    train: PictureSet
    validation: PictureSet
    test: PictureSet


def part_of(subject: str, seed: int = 0, validation: float = 0.1, test: float = 0.2) -> str:
    """The part a person belongs to: ``train``, ``validation`` or ``test``.

    It depends on the person and the seed alone, so adding or removing other
    pictures moves nobody from one part to another.
    """
    digest = hashlib.sha256(f"{seed}:{subject}".encode()).digest()
    fraction = int.from_bytes(digest[:8], "big") / 2.0**64
    if fraction < test:
        return "test"
    return "validation" if fraction < test + validation else "train"


def split_by_person(pictures: PictureSet, seed: int = 0, validation: float = 0.1, test: float = 0.2) -> Split:
    """Split by person, reproducibly; ``validation`` and ``test`` are the expected shares of the persons.

    Raises DataError when a class has no picture in one of the parts.
    """
    return _divide(pictures, {s: part_of(s, seed, validation, test) for s in set(pictures.subjects)})


def _divide(pictures: PictureSet, assigned: Mapping[str, str]) -> Split:
    parts = np.array([assigned[subject] for subject in pictures.subjects])
    selected = {name: pictures.select(parts == name) for name in PARTS}
    faults = FaultList()
    for name, part in selected.items():
        for label, count in part.class_counts.items():
            if count == 0:
                total = pictures.class_counts[label]
                faults.add(
                    f"{pictures.name}/{label}",
                    f"none of its {total} pictures falls into the {name} part",
                    "add pictures of more persons, or split with another seed",
                )
    faults.raise_if_any(DataError)
    return Split(**selected)


def write_split(split: Split, path: Path) -> None:
    """Write who is in which part as JSON, ``{"train": [persons], ...}``. Raises OutputError."""
    record = {name: sorted(set(getattr(split, name).subjects)) for name in PARTS}
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise OutputError.at(path, f"cannot be written: {error}", "choose a writable folder") from error
    finally:
        partial.unlink(missing_ok=True)


def read_split(pictures: PictureSet, path: Path) -> Split:
    """Split ``pictures`` as a file of :func:`write_split` says.

    Raises DataError when the file is not of that form, has a person in two
    parts, or does not know some persons of ``pictures``.
    """
    lists = _read_lists(path)
    assigned: dict[str, str] = {}
    faults = FaultList()
    for name, persons in lists.items():
        for person in persons:
            if assigned.setdefault(person, name) != name:
                faults.add(path, f"has {person} in {assigned[person]} and in {name}", "keep one of them")
    unknown = sorted(set(pictures.subjects) - set(assigned))
    if unknown:
        faults.add(path, f"does not name {len(unknown)} persons, {', '.join(unknown[:3])} first", _SPLIT_FILE)
    faults.raise_if_any(DataError)
    return _divide(pictures, assigned)


def persons_of(path: Path, parts: Sequence[str]) -> set[str]:
    """The persons in some parts of a split file. Raises DataError."""
    lists = _read_lists(path)
    return {person for part in parts for person in lists[part]}


def _read_lists(path: Path) -> dict[str, list[str]]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {name: [str(person) for person in record[name]] for name in PARTS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError.at(path, f"is no split: {error!r}", _SPLIT_FILE) from error


def imbalance(pictures: PictureSet, most: float = 4.0) -> list[str]:
    """Warnings: empty classes, and classes with ``most`` times fewer pictures than the largest."""
    counts = pictures.class_counts
    largest = max(counts.values(), default=0)
    warnings = []
    for name, count in counts.items():
        if count == 0:
            warnings.append(f"{pictures.name}/{name} is empty: it cannot be learned or judged")
        elif largest > most * count:
            warnings.append(
                f"{pictures.name}/{name} has {count} pictures, {largest / count:.0f} times fewer than the "
                "largest class: they are drawn more often"
            )
    return warnings


def subsample(files: Sequence[tuple[Path, int]], per_class: int, seed: int = 0) -> list[tuple[Path, int]]:
    """Keep at most ``per_class`` files of each class, as BinaryCoP did with its two large classes.

    The choice depends on the file's name and the seed alone.
    """
    ranked = sorted(files, key=lambda item: hashlib.sha256(f"{seed}:{item[0].name}".encode()).digest())
    taken: dict[int, int] = {}
    kept = set()
    for path, label in ranked:
        taken[label] = taken.get(label, 0) + 1
        if taken[label] <= per_class:
            kept.add(path)
    return [item for item in files if item[0] in kept]


def draw_weighted(labels: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw ``count`` row numbers with replacement, each class equally likely."""
    counts = np.bincount(labels)
    weights = 1.0 / counts[labels]
    return rng.choice(len(labels), count, p=weights / weights.sum())


def draw_grouped(
    labels: NDArray[np.int64],
    groups: Sequence[str],
    shares: Mapping[str, float],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw ``count`` row numbers of the sources by ``shares``, of each by the root of a class's size.

    A group that ``shares`` does not name counts 1. Within a source the classes have the shares that
    :func:`draw_balanced` gives them for the power 0.5; every picture comes once before any again.
    """
    names = np.asarray(groups)
    kinds = np.unique(names)
    weights = np.array([shares.get(str(kind), 1.0) for kind in kinds])
    drawn = []
    for kind, part in zip(kinds, _divided(weights, count, rng), strict=True):
        rows = np.flatnonzero(names == kind)
        drawn.append(rows[draw_balanced(labels[rows], int(part), rng, 0.5)])
    return rng.permutation(np.concatenate(drawn))


def _divided(weights: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Whole shares of ``count`` in proportion to ``weights``; what is left over goes to random ones."""
    shares = np.floor(weights / weights.sum() * count).astype(np.int64)
    shares[rng.permutation(len(weights))[: count - int(shares.sum())]] += 1
    return shares


def _rounds(rows: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``count`` of ``rows`` at random; each comes once before any comes again."""
    rounds = max(-(-count // len(rows)), 1)
    return np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:count]


def draw_balanced(
    labels: NDArray[np.int64], count: int, rng: np.random.Generator, power: float = 0.0
) -> NDArray[np.int64]:
    """Draw ``count`` row numbers, the same number of every class present (the rest at random), shuffled.

    power: of a class's size, which its share is in proportion to: 0 for equal shares, 1 for those of
    the data, 0.5 in between. Within a class every picture comes once before any comes again, so that a
    large class is used as widely as possible and a rare one evenly.
    """
    present, sizes = np.unique(labels, return_counts=True)
    shares = _divided(sizes.astype(float) ** power, count, rng)
    drawn = [
        _rounds(np.flatnonzero(labels == label), int(share), rng)
        for label, share in zip(present, shares, strict=True)
    ]
    return rng.permutation(np.concatenate(drawn))
