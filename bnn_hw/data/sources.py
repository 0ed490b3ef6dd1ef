"""Reads the sources of a data set: class folders, MaskedFace-Net's trees, and masks drawn over bare faces."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

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
    share: how often its pictures are drawn beside the other sources of a
    class. per_class: at most so many pictures of each class, 0 for all.
    styles: for drawn masks, the styles by name.
    """

    folder: str
    kind: str = FOLDERS
    name: str = ""
    classes: Mapping[str, str] = field(default_factory=dict)
    share: float = 1.0
    per_class: int = 0
    styles: tuple[str, ...] = ()

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
        from bnn_hw.data.drawn import read_drawn

        return read_drawn(folder, source.group, classes, source.styles, seed, source.per_class, progress)
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
