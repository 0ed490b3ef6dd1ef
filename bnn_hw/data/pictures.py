"""Reads picture files into the arrays that the networks take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bnn_hw.errors import InputError

IMAGE_SIZE = 32

# A picture smaller than this has fewer pixels than the networks look at.
_MIN_SIZE = 8


def resize_picture(picture: Image.Image, size: int = IMAGE_SIZE) -> NDArray[np.uint8]:
    """Return the picture as RGB array (size, size, 3) uint8; each output pixel is the mean of its area.

    Training, demo and ``bnn-hw run`` all use this one resampling: with another
    one the network would see pictures of a sharpness it was not trained on.
    """
    return np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BOX))


def read_picture(path: Path, size: int = IMAGE_SIZE) -> NDArray[np.uint8]:
    """Read one picture file as (size, size, 3) uint8.

    Raises InputError when the file is missing, is no picture or is damaged.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            if min(picture.size) < _MIN_SIZE:
                width, height = picture.size
                raise InputError.at(
                    path,
                    f"is only {width} x {height} pixels",
                    f"use a picture of at least {_MIN_SIZE} x {_MIN_SIZE}",
                )
            return resize_picture(picture, size)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Pillow reports damaged files by these types; the message's own path is left out.
        cause = str(error).replace(repr(str(path)), "the file").replace(str(path), "the file")
        raise InputError.at(
            path, f"cannot be read as a picture: {cause}", "replace or remove the file"
        ) from error
