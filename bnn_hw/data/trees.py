"""Lists the files of MaskedFace-Net as it is published: trees of numbered folders, class in the suffix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bnn_hw.errors import DataError, Fault

TREES = ("CMFD", "IMFD")
"""Correctly and incorrectly masked faces, A. Cabani et al., Smart Health 19, 2021."""

SUFFIX_CLASSES = {
    "_Mask": "correct",
    "_Mask_Mouth_Chin": "nose_exposed",
    "_Mask_Chin": "nose_mouth_exposed",
    "_Mask_Nose_Mouth": "chin_exposed",
}
"""The suffix names what the mask covers: ``_Mask_Chin`` covers the chin alone."""

_PICTURES = {".jpg", ".jpeg", ".png"}


def is_tree(folder: Path) -> bool:
    """Whether ``folder`` holds MaskedFace-Net's trees."""
    return any((folder / tree).is_dir() for tree in TREES)


def list_tree(folder: Path, classes: Sequence[str]) -> tuple[list[tuple[Path, int]], list[Fault]]:
    """The files of ``folder/CMFD`` and ``folder/IMFD`` with their labels, and the files of no known class.

    Raises DataError when there is neither tree or no file of any of ``classes``.
    """
    files: list[tuple[Path, int]] = []
    unknown: list[Fault] = []
    numbers = {name: label for label, name in enumerate(classes)}
    found = [path for tree in TREES for path in sorted((folder / tree).rglob("*"))]
    for path in found:
        if path.suffix.lower() not in _PICTURES:
            continue
        name = SUFFIX_CLASSES.get(re.sub(r"^\d+", "", path.stem))
        if name in numbers:
            files.append((path, numbers[name]))
        elif name is None:
            remedy = f"name it <number><suffix>, one of {', '.join(SUFFIX_CLASSES)}"
            unknown.append(Fault(str(path), "has a suffix of no class", remedy))
    if not files:
        raise DataError.at(
            folder,
            f"has no picture of {', '.join(classes)} under {' or '.join(TREES)}",
            "unpack MaskedFace-Net there: CMFD/00000/00000_Mask.jpg and so on",
        )
    return files, unknown
