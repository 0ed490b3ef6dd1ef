"""Pictures for the bench: golden vectors, .npz, .npy, raw bytes, folders of picture files (Python 3.8)."""

from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from bnn_hw.manifest import Manifest
from bnn_hw.runtime.errors import PackageError, PictureError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff")
RAW = ".raw"


class Golden(NamedTuple):
    """images (frames, height, width, channels); raw (frames, classes); classes, labels (frames,)."""

    images: np.ndarray
    raw: np.ndarray
    classes: np.ndarray
    labels: np.ndarray


class Labelled(NamedTuple):
    """Pictures and the numbers of their classes, -1 where unknown."""

    images: np.ndarray
    labels: np.ndarray


def read_golden(folder: Path) -> Golden:
    """Read a package's golden vectors; PackageError where they are missing or damaged."""
    path = Path(folder) / "golden.npz"
    try:
        with np.load(str(path), allow_pickle=False) as arrays:
            return Golden(*(arrays[name] for name in Golden._fields))
    except Exception as error:  # zip, numpy and the system each have errors of their own
        cause = "cannot be read: {}".format(error)
        raise PackageError(str(path), cause, "copy the whole package again") from error


def read_pictures(path: Path, manifest: Manifest) -> Labelled:
    """Read pictures with their labels.

    ``.npz`` with ``images`` and ``labels``; ``.npy``; ``.raw`` (bytes of whole
    pictures); or a folder whose subfolders are named after the classes and hold
    such files or pictures (these need PIL and are resized). PictureError where
    something does not fit.
    """
    if not path.exists():
        raise PictureError(str(path), "does not exist", "give a .npz, .npy or .raw file or a folder")
    if path.is_file():
        return _file(path, manifest, -1)
    classes = list(manifest.output.classes)
    parts = [
        _file(item, manifest, label)
        for label, folder in _class_folders(path, classes)
        for item in sorted(folder.iterdir())
        if item.suffix.lower() in (*SUFFIXES, ".npz", ".npy", RAW)
    ]
    if not parts:
        remedy = "put pictures into folders named {}".format(", ".join(classes))
        raise PictureError(str(path), "holds no pictures", remedy)
    return Labelled(np.concatenate([p.images for p in parts]), np.concatenate([p.labels for p in parts]))


def _class_folders(path: Path, classes: Sequence[str]) -> List[Tuple[int, Path]]:
    named = [(label, path / name) for label, name in enumerate(classes) if (path / name).is_dir()]
    return named or [(-1, path)]


def _file(path: Path, manifest: Manifest, label: int) -> Labelled:
    shape = manifest.input.shape
    labels: Optional[np.ndarray] = None
    try:
        if path.suffix == ".npz":
            with np.load(str(path), allow_pickle=False) as arrays:
                images = arrays["images"]
                labels = arrays["labels"] if "labels" in arrays.files else None
        elif path.suffix == ".npy":
            images = np.load(str(path), allow_pickle=False)
        elif path.suffix == RAW:
            images = np.frombuffer(path.read_bytes(), np.uint8).reshape((-1, *shape))
        else:
            images = _picture(path, shape)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise PictureError(str(path), "cannot be read: {}".format(error), "see bench.py --help") from error
    if images.shape == shape:
        images = images[None]
    if images.shape[1:] != shape:
        raise PictureError(str(path), "has the shape {}".format(images.shape), "give {}".format(shape))
    return Labelled(images, np.full(len(images), label) if labels is None else labels)


def _picture(path: Path, shape: Tuple[int, int, int]) -> np.ndarray:
    """Read a picture file with PIL and resize it."""
    try:
        from PIL import Image
    except ImportError as error:
        remedy = "give .npz, .npy or .raw, which need nothing but numpy"
        raise PictureError(str(path), "is a picture file and PIL is not installed", remedy) from error
    height, width, channels = shape
    with Image.open(str(path)) as image:
        box = getattr(
            Image, "Resampling", Image
        ).BOX  # the one that training used; older PIL has it elsewhere
        small = image.convert("RGB").resize((width, height), box)
        small = small.convert("L") if channels == 1 else small
    return np.asarray(small).reshape(height, width, -1)
