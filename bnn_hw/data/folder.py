"""Reads a data set that is one folder a class, such as MaskedFace-Net sorted into its classes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnn_hw.data import CLASSES
from bnn_hw.data.pictures import IMAGE_SIZE, read_picture
from bnn_hw.errors import DataError, Fault, FaultList, InputError

DATA_VARIABLE = "BNN_HW_DATA"
DATA_SET = "maskedface4"
_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
_GET_DATA = (
    f"give the folder that holds {', '.join(CLASSES)}, or set {DATA_VARIABLE} to the folder above it; "
    "MaskedFace-Net is at https://github.com/cabani/MaskedFace-Net"
)


@dataclass(frozen=True)
class PictureSet:
    """Decoded pictures in memory.

    images: (N, size, size, 3) uint8; labels: (N,) int64, index into
    ``classes``; subjects: the person on each picture (FFHQ number); skipped:
    one fault for each file that could not be read; groups: which source each
    picture is from, empty where all are from one.
    """

    name: str
    classes: tuple[str, ...]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    subjects: tuple[str, ...]
    skipped: tuple[Fault, ...] = ()
    groups: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def persons(self) -> int:
        """Number of different persons."""
        return len(set(self.subjects))

    @property
    def class_counts(self) -> dict[str, int]:
        """Number of pictures of each class."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return {name: int(count) for name, count in zip(self.classes, counts, strict=True)}

    def select(self, rows: NDArray[np.bool_]) -> PictureSet:
        """The pictures for which ``rows`` (N,) is true; the skipped files are not carried over."""
        subjects = tuple(s for s, keep in zip(self.subjects, rows, strict=True) if keep)
        groups = tuple(g for g, keep in zip(self.groups, rows, strict=True) if keep) if self.groups else ()
        return PictureSet(
            self.name, self.classes, self.images[rows], self.labels[rows], subjects, groups=groups
        )

    @property
    def group_of(self) -> tuple[str, ...]:
        """The source of each picture, (N,)."""
        return self.groups or (self.name,) * len(self)


def concatenate(name: str, parts: Sequence[PictureSet]) -> PictureSet:
    """Put picture sets of the same classes behind each other; each picture keeps its source as group."""
    return PictureSet(
        name,
        parts[0].classes,
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        tuple(subject for part in parts for subject in part.subjects),
        tuple(fault for part in parts for fault in part.skipped),
        tuple(group for part in parts for group in part.group_of),
    )


def find_data_set(data_dir: Path | None = None) -> Path:
    """Return the folder that holds the class folders.

    Looks at ``data_dir``, else at the folder named by BNN_HW_DATA, else at
    ../shared/data beside the checkout; in each at the folder itself and at
    its ``maskedface4``. A folder that was named but holds no class folder is
    an error, it is never passed over for the next. Raises DataError.
    """
    named = os.environ.get(DATA_VARIABLE)
    if data_dir is not None:
        root, place = data_dir, str(data_dir)
    elif named:
        root, place = Path(named), f"{DATA_VARIABLE}={named}"
    else:
        root = Path(__file__).resolve().parents[3] / "shared" / "data"
        place = "data set"
        if not root.is_dir():
            raise DataError.at(place, f"no folder was given and {DATA_VARIABLE} is not set", _GET_DATA)
    if not root.is_dir():
        raise DataError.at(place, "is not a folder" if root.exists() else "does not exist", _GET_DATA)
    for folder in (root, root / DATA_SET):
        if any((folder / name).is_dir() for name in CLASSES):
            return folder
    raise DataError.at(place, "has none of the class folders", _GET_DATA)


def subject_of(path: Path) -> str:
    """The person on a picture: the number its file name starts with, else the name without a running number.

    So ``13003_Mask_Chin`` (MaskedFace-Net, FFHQ) is 13003, ``Ada_Byron_0002``
    (LFW) is Ada_Byron, and faces cut from one photograph, ``crowd12_0`` and
    ``crowd12_1``, stay together as crowd12.
    """
    number = re.match(r"\d+", path.stem)
    return number.group() if number else re.sub(r"_\d+$", "", path.stem)


def read_class_folders(
    folder: Path,
    classes: Sequence[str] = CLASSES,
    size: int = IMAGE_SIZE,
    progress: Callable[[int, int], None] | None = None,
) -> PictureSet:
    """Read every picture of ``folder/<class>/`` into memory, resized to (size, size).

    Damaged pictures are skipped and listed in ``PictureSet.skipped``.
    ``progress`` is called with (done, total). Raises DataError that names all
    class folders which are missing, empty or without one readable picture.
    """
    read = read_files(folder.name, list_class_files(folder, classes), classes, size, progress)
    unreadable = FaultList()
    for label in sorted(set(range(len(classes))) - set(read.labels.tolist())):
        unreadable.add(
            folder / classes[label], "has no picture that can be read", "put undamaged pictures there"
        )
    unreadable.raise_if_any(DataError)
    return read


def read_files(
    name: str,
    files: Sequence[tuple[Path, int]],
    classes: Sequence[str],
    size: int = IMAGE_SIZE,
    progress: Callable[[int, int], None] | None = None,
) -> PictureSet:
    """Read picture files with their labels; damaged ones are skipped and listed, never fatal."""
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    subjects: list[str] = []
    skipped: list[Fault] = []
    for done, (path, label) in enumerate(files, start=1):
        try:
            images.append(read_picture(path, size))
        except InputError as error:
            skipped.extend(error.faults)
        else:
            labels.append(label)
            subjects.append(subject_of(path))
        if progress is not None:
            progress(done, len(files))
    stacked = np.stack(images) if images else np.zeros((0, size, size, 3), np.uint8)
    return PictureSet(
        name, tuple(classes), stacked, np.asarray(labels, np.int64), tuple(subjects), tuple(skipped)
    )


def list_class_files(folder: Path, classes: Sequence[str]) -> list[tuple[Path, int]]:
    """The picture files of ``folder/<class>/`` with the class's number. Raises DataError for all faults."""
    faults = FaultList()
    files: list[tuple[Path, int]] = []
    for label, name in enumerate(classes):
        class_folder = folder / name
        if not class_folder.is_dir():
            faults.add(class_folder, "the class folder is missing", "put the pictures of this class there")
            continue
        found = sorted(p for p in class_folder.rglob("*") if p.suffix.lower() in _SUFFIXES)
        if not found:
            kinds = " ".join(sorted(_SUFFIXES))
            faults.add(class_folder, "the class is empty", f"put pictures there ({kinds})")
        files += [(path, label) for path in found]
    faults.raise_if_any(DataError)
    return files
