"""Pictures for the accelerator: checked against the manifest, never silently scaled (Python 3.8)."""

from typing import Optional, Tuple

import numpy as np

from bnn_hw.manifest import InputRecord
from bnn_hw.runtime.errors import PictureError


def value_range(dtype: str) -> Tuple[int, int]:
    """Return least and greatest value of UINT<n> or INT<n>, n up to 8."""
    bits = int(dtype.lstrip("UINT"))
    return (0, (1 << bits) - 1) if dtype.startswith("U") else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def check_pictures(
    images: np.ndarray, kind: InputRecord, place: str = "pictures", colours: Optional[str] = None
) -> np.ndarray:
    """Return pictures as (frames, height, width, channels) bytes in the network's order of colours.

    A single picture gets its frame axis. colours: order of the given channels, such
    as BGR of OpenCV; None where it is the manifest's. Raises PictureError for another
    shape, for floats (NaN among them) and for values outside the type.
    """
    images = np.asarray(images)
    if images.dtype.kind == "f":
        nans = int(np.isnan(images).sum())
        cause = "are {}{}".format(images.dtype, ", {} of them NaN".format(nans) if nans else "")
        raise PictureError(
            place, cause, "give the pixels as {} integers, not scaled or normalised".format(kind.dtype)
        )
    if images.dtype.kind not in "iu":
        raise PictureError(place, "are {}".format(images.dtype), "give a numpy array of uint8")
    if images.shape == kind.shape:
        images = images[None]
    if images.ndim != 4 or images.shape[1:] != kind.shape:
        wanted = "{}, {}, {}".format(*kind.shape)
        remedy = "give ({0}) or (frames, {0}): height, width, channels; crowd() takes larger ones".format(
            wanted
        )
        raise PictureError(place, "have the shape {}".format(images.shape), remedy)
    low, high = value_range(kind.dtype)
    byte = np.int8 if low < 0 else np.uint8
    limits = np.iinfo(images.dtype)
    if images.size and (limits.min < low or limits.max > high):
        least, greatest = int(images.min()), int(images.max())
        if least < low or greatest > high:
            cause = "have values {} to {}, outside {}".format(least, greatest, kind.dtype)
            raise PictureError(place, cause, "give values from {} to {}".format(low, high))
    return np.ascontiguousarray(_ordered(images, kind, place, colours).astype(byte, copy=False))


def _ordered(images: np.ndarray, kind: InputRecord, place: str, colours: Optional[str]) -> np.ndarray:
    if colours is None or colours == kind.colours:
        return images
    if sorted(colours) != sorted(kind.colours) or len(colours) != kind.channels:
        cause = "have the colours {!r}, the network reads {!r}".format(colours, kind.colours)
        raise PictureError(
            place, cause, "convert them to {}".format(kind.colours or "the network's channels")
        )
    return images[..., [colours.index(colour) for colour in kind.colours]]
