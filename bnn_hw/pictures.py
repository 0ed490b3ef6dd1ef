"""Which pictures a build works on: the user's, the demo's, the data set's test part, or noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bnn_hw.data import CLASSES
from bnn_hw.data.folder import find_data_set, read_class_folders
from bnn_hw.data.inputs import Pictures, load_pictures
from bnn_hw.data.pictures import IMAGE_SIZE
from bnn_hw.data.samples import demo_samples
from bnn_hw.data.split import split_by_person
from bnn_hw.errors import DataError
from bnn_hw.ir import ValueType
from bnn_hw.progress import Reporter


@dataclass(frozen=True)
class PictureGroup:
    """Pictures of one source: shown in the report, and judged where labels are known.

    display: (N, height, width, 3) uint8 larger versions to look at, or None.
    persons: number of different persons, 0 where unknown.
    """

    title: str
    pictures: Pictures
    display: np.ndarray | None = None
    persons: int = 0


def picture_groups(
    source: ValueType,
    classes: Sequence[str],
    files: Sequence[Path] = (),
    data: Path | None = None,
    reporter: Reporter | None = None,
) -> list[PictureGroup]:
    """Return the pictures to classify for a network that reads ``source``.

    Files given by the user take the place of everything else. A network of
    BinaryCoP's classes, and perhaps more, gets the demo's photographs and, where the data set is
    found, its test part: persons the shipped networks were not trained on. A
    data set that was named but cannot be read is an error. Other networks get
    none.
    """
    if files:
        return [PictureGroup("pictures given", load_pictures(files, source.shape))]
    if tuple(classes[: len(CLASSES)]) != CLASSES or source.shape != (IMAGE_SIZE, IMAGE_SIZE, 3):
        return []
    samples = demo_samples()
    shown = Pictures(samples.images, samples.labels, samples.names)
    groups = [PictureGroup("photograph with the mask drawn in four positions", shown, samples.display, 1)]
    try:
        folder = find_data_set(data)
    except DataError as error:
        if data is not None or "=" in error.faults[0].place:
            raise
        return groups
    return [*groups, _test_part(folder, reporter or Reporter(quiet=True))]


def _test_part(folder: Path, reporter: Reporter) -> PictureGroup:
    with reporter.bar(f"reading pictures from {folder}", total=1) as advance:
        everything = read_class_folders(folder, progress=lambda done, total: advance(done / total))
    test = split_by_person(everything).test
    names = tuple(f"person {subject}" for subject in test.subjects)
    return PictureGroup(
        f"test part of {test.name}: persons never seen in training",
        Pictures(test.images, test.labels, names),
        persons=test.persons,
    )


def proof_pictures(source: ValueType, groups: Sequence[PictureGroup], frames: int, seed: int) -> np.ndarray:
    """Return ``frames`` pictures for the proof, (frames, height, width, channels).

    Half are real where there are any, the rest noise over the whole range of the
    input type: it reaches sums that pictures do not.
    """
    rng = np.random.default_rng(seed)
    noise = rng.integers(source.dtype.min, source.dtype.max, (frames, *source.shape), endpoint=True)
    real = [group.pictures.images for group in groups if len(group.pictures)]
    if real:
        pool = np.concatenate(real)
        count = min(frames - frames // 2, len(pool))
        noise[:count] = pool[rng.permutation(len(pool))[:count]]
    return noise.astype(np.uint8 if source.dtype.min == 0 and source.dtype.max < 256 else np.int32)
