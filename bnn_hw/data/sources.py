"""Reads the sources of a data set: class folders, MaskedFace-Net's trees, and masks drawn over bare faces."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bnn_hw.data.folder import (
    DATA_SET,
    DATA_VARIABLE,
    PictureSet,
    concatenate,
    find_data_set,
    list_class_files,
    read_files,
)
from bnn_hw.data.split import subsample
from bnn_hw.data.trees import is_tree, list_tree
from bnn_hw.errors import DataError, Fault

FOLDERS, DRAWN = "folders", "drawn"
KINDS = (FOLDERS, DRAWN)


@dataclass(frozen=True)
class Source:
    """One source of a data set.

    folder: under the data folder. classes: class of each subfolder; without it
    the subfolders carry the classes' names, or the folder holds
    MaskedFace-Net's trees. name: the group its pictures are counted under.
    share: how often its pictures are drawn beside those of the other sources.
    per_class: at most so many pictures of each class, 0 for all. For drawn
    masks, styles: by name; drawings: of each face and position to train on
    (:func:`more_drawings`).
    """

    folder: str
    kind: str = FOLDERS
    name: str = ""
    classes: Mapping[str, str] = field(default_factory=dict)
    share: float = 1.0
    per_class: int = 0
    styles: tuple[str, ...] = ()
    drawings: int = 1

    @property
    def group(self) -> str:
        return self.name or Path(self.folder).name


def read_sources(
    data_dir: Path | None,
    sources: Sequence[Source],
    classes: Sequence[str],
    progress: Callable[[int, int], None] | None = None,
    seed: int = 0,
) -> PictureSet:
    """Read all sources into one picture set whose groups are the sources.

    ``data_dir`` holds the sources' folders; None looks at BNN_HW_DATA, then
    beside the checkout. A single source may also be given by its own folder.
    Raises DataError for missing folders and classes that no source has.
    """
    parts = []
    for source in sources:
        folder = _locate(data_dir, source, alone=len(sources) == 1)
        parts.append(_read(folder, source, classes, progress, seed))
    everything = parts[0] if len(parts) == 1 else concatenate("+".join(p.name for p in parts), parts)
    empty = [name for name, count in everything.class_counts.items() if count == 0]
    if empty:
        raise DataError.at(
            everything.name, f"has no picture that can be read of {', '.join(empty)}", "add pictures of them"
        )
    return everything


def more_drawings(
    data_dir: Path | None,
    sources: Sequence[Source],
    classes: Sequence[str],
    persons: Collection[str],
    progress: Callable[[int, int], None] | None = None,
    seed: int = 0,
) -> list[PictureSet]:
    """The drawings of each source beyond the first of :func:`read_sources`, on these persons only.

    Each face has another mask in every drawing; to train on, so ``persons`` are those of the
    training part. Raises as :func:`read_sources` does.
    """
    wanted = [(source, again) for source in sources for again in range(1, source.drawings)]
    parts = []
    for number, (source, again) in enumerate(wanted):

        def advance(done: int, total: int, number: int = number) -> None:
            if progress is not None:
                progress(number * total + done, len(wanted) * total)

        folder = _locate(data_dir, source, alone=len(sources) == 1)
        own = (folder, source.group, classes, source.styles, seed + again, source.per_class)
        parts.append(_drawn(*own, advance, persons.__contains__))
    return parts


def _drawn(*arguments: Any) -> PictureSet:
    from bnn_hw.data.drawn import read_drawn

    return read_drawn(*arguments)


def _locate(data_dir: Path | None, source: Source, alone: bool) -> Path:
    if source.folder == DATA_SET and source.kind == FOLDERS and not (data_dir and is_tree(data_dir)):
        return find_data_set(data_dir)
    named = os.environ.get(DATA_VARIABLE)
    root = data_dir or (Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data")
    candidates = [root / source.folder, *([root] if alone else [])]
    for folder in candidates:
        if folder.is_dir() and (folder != root or is_tree(root) or _has_any(root, source.classes)):
            return folder
    raise DataError.at(
        root / source.folder,
        "does not exist",
        f"put the pictures there, or give the folder above it with --data or {DATA_VARIABLE}",
    )


def _has_any(root: Path, names: Mapping[str, str]) -> bool:
    return not names or any((root / name).is_dir() for name in names)


def _read(
    folder: Path,
    source: Source,
    classes: Sequence[str],
    progress: Callable[[int, int], None] | None,
    seed: int,
) -> PictureSet:
    if source.kind == DRAWN:
        return _drawn(folder, source.group, classes, source.styles, seed, source.per_class, progress)
    unknown: list[Fault] = []
    if is_tree(folder):
        files, unknown = list_tree(folder, classes)
    else:
        folders = dict(source.classes) or {name: name for name in classes}
        names = list(folders)
        files = [(path, classes.index(folders[names[row]])) for path, row in list_class_files(folder, names)]
    if source.per_class:
        files = subsample(files, source.per_class, seed)
    read = read_files(source.group, files, classes, progress=progress)
    return replace(read, skipped=(*unknown, *read.skipped), groups=(source.group,) * len(read))
