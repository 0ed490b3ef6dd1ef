"""Pictures that a user names: .npy and .npz arrays, picture files and folders of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bnn_hw.data.pictures import read_picture
from bnn_hw.errors import BnnHwError, Fault, InputError

_PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff"}
_IMAGE_KEYS = ("images", "x", "arr_0")
_LABEL_KEYS = ("labels", "y")


@dataclass(frozen=True)
class Pictures:
    """Pictures in the network's format.

    images: (N, height, width, channels) integers; labels: (N,) int64, -1 where
    unknown; names: (N,).
    """

    images: NDArray[np.integer]
    labels: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)


def load_pictures(paths: Sequence[Path], shape: tuple[int, int, int]) -> Pictures:
    """Read pictures for a network input of ``shape`` (height, width, channels).

    Arrays are taken as they are, (N, *shape) or one picture; an .npz gives them
    as ``images`` or ``x`` with optional ``labels`` or ``y``. Picture files and
    the picture files of folders are resized. Raises InputError for everything
    that cannot be read, all files together.
    """
    faults: list[Fault] = []
    parts: list[Pictures] = []
    for path in _files(paths, faults):
        try:
            parts.append(
                _array_file(path, shape) if path.suffix in (".npy", ".npz") else _picture(path, shape)
            )
        except BnnHwError as error:
            faults.extend(error.faults)
    if faults:
        raise InputError(faults)
    return Pictures(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        tuple(name for part in parts for name in part.names),
    )


def _files(paths: Sequence[Path], faults: list[Fault]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() in _PICTURE_SUFFIXES)
            if not found:
                kinds = " ".join(sorted(_PICTURE_SUFFIXES))
                faults.append(Fault(str(path), "holds no picture file", f"put pictures there ({kinds})"))
            files += found
        elif path.exists():
            files.append(path)
        else:
            faults.append(Fault(str(path), "does not exist", "give a .npy, .npz, picture file or folder"))
    if not files and not faults:
        faults.append(Fault("pictures", "none were given", "give .npy, .npz or picture files, or folders"))
    return files


def _array_file(path: Path, shape: tuple[int, int, int]) -> Pictures:
    labels = None
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            with loaded as arrays:
                key = next((key for key in _IMAGE_KEYS if key in arrays), None)
                if key is None:
                    raise InputError.at(
                        path,
                        f"has the arrays {', '.join(arrays.files) or 'none'}",
                        f"name the pictures {' or '.join(_IMAGE_KEYS)}",
                    )
                images = arrays[key]
                label_key = next((key for key in _LABEL_KEYS if key in arrays), None)
                labels = arrays[label_key] if label_key else None
        else:
            images = loaded
    except (OSError, ValueError, EOFError) as error:
        raise InputError.at(
            path, f"cannot be read: {error}", "write it again with numpy.save or savez"
        ) from error
    images = _fit_shape(path, images, shape)
    if labels is None:
        labels = np.full(len(images), -1)
    if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
        raise InputError.at(
            path,
            f"has labels of shape {labels.shape} and type {labels.dtype} for {len(images)} pictures",
            "give one integer a picture",
        )
    return Pictures(images, labels.astype(np.int64), tuple(f"{path.name}[{i}]" for i in range(len(images))))


def _fit_shape(path: Path, images: NDArray, shape: tuple[int, int, int]) -> NDArray:
    """Return (N, height, width, channels), adding the axes that one picture or one channel may leave out."""
    if shape[2] == 1 and images.shape[-2:] == shape[:2]:
        images = images[..., None]
    if images.shape == shape:
        images = images[None]
    wanted = ", ".join(map(str, shape))
    if images.ndim != 4 or images.shape[1:] != shape:
        raise InputError.at(path, f"has the shape {images.shape}", f"give ({wanted}) or (pictures, {wanted})")
    if not np.issubdtype(images.dtype, np.integer):
        raise InputError.at(
            path, f"holds {images.dtype} values", "give the pixels as integers, not scaled or normalised"
        )
    return images


def _picture(path: Path, shape: tuple[int, int, int]) -> Pictures:
    height, width, channels = shape
    if height != width or channels not in (1, 3):
        raise InputError.at(
            path,
            f"is a picture file, but the network reads {height}x{width}x{channels}",
            "give the input as .npy or .npz",
        )
    image = read_picture(path, height)
    if channels == 1:
        image = np.asarray(Image.fromarray(image).convert("L"))[..., None]
    return Pictures(image[None], np.array([-1]), (path.name,))
