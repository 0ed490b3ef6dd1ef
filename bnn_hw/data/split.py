"""Splits a data set by person and draws balanced samples from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn_hw.data.folder import PictureSet
from bnn_hw.errors import DataError, FaultList

PARTS = ("train", "validation", "test")


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
    parts = np.array([part_of(subject, seed, validation, test) for subject in pictures.subjects])
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


def draw_balanced(labels: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw ``count`` row numbers, the same number of every class present (the rest at random), shuffled.

    Within a class every picture comes once before any comes again, so that a
    large class is used as widely as possible and a rare one evenly.
    """
    present = np.unique(labels)
    shares = np.full(len(present), count // len(present))
    shares[rng.permutation(len(present))[: count % len(present)]] += 1
    drawn = []
    for label, share in zip(present, shares, strict=True):
        rows = np.flatnonzero(labels == label)
        rounds = -(-share // len(rows))
        drawn.append(np.concatenate([rng.permutation(rows) for _ in range(max(rounds, 1))])[:share])
    return rng.permutation(np.concatenate(drawn))
