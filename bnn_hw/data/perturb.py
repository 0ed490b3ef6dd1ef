"""Disturbs pictures in one way by a given amount, to see what a classifier stands. Runs without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Disturbance:
    """A way of disturbing pictures (N, H, W, 3), with its unit and the amounts worth a look.

    nothing: the amount that changes nothing.
    """

    name: str
    unit: str
    amounts: tuple[float, ...]
    apply: Callable[[Images, float], Images]
    nothing: float = 0.0


def brightness(images: Images, amount: float) -> Images:
    """Add ``amount`` to every pixel value."""
    return np.clip(images.astype(np.int16) + round(amount), 0, 255).astype(np.uint8)


def noise(images: Images, amount: float) -> Images:
    """Add Gaussian noise of ``amount`` pixel values standard deviation, the same on every call."""
    drawn = np.random.default_rng(0).normal(0.0, amount, images.shape)
    return np.clip(np.rint(images + drawn), 0, 255).astype(np.uint8)


def blur(images: Images, amount: float) -> Images:
    """Gaussian blur of ``amount`` pixels standard deviation."""
    if not amount:
        return images
    return _each(images, lambda picture: picture.filter(ImageFilter.GaussianBlur(amount)))


def rotation(images: Images, amount: float) -> Images:
    """Turn by ``amount`` degrees against the clock; edges are continued."""
    return _moved(images, lambda side: _about_centre(side, np.radians(amount), 1.0))


def shift_right(images: Images, amount: float) -> Images:
    """Move by ``amount`` of the width to the right; the edge is continued."""
    return _moved(images, lambda side: (1.0, 0.0, -amount * side, 0.0, 1.0, 0.0))


def shift_down(images: Images, amount: float) -> Images:
    """Move by ``amount`` of the height downwards; the edge is continued."""
    return _moved(images, lambda side: (1.0, 0.0, 0.0, 0.0, 1.0, -amount * side))


def crop(images: Images, amount: float) -> Images:
    """Show ``amount`` times as much: below 1 a tighter crop, above 1 a looser one with continued edges."""
    return _moved(images, lambda side: _about_centre(side, 0.0, amount))


DISTURBANCES: tuple[Disturbance, ...] = (
    Disturbance("brightness", "pixel values", (-80, -60, -40, -20, 0, 20, 40, 60, 80), brightness),
    Disturbance("noise", "standard deviation, pixel values", (0, 5, 10, 20, 30, 40), noise),
    Disturbance("blur", "standard deviation, pixels", (0, 0.5, 1.0, 1.5, 2.0), blur),
    Disturbance("rotation", "degrees", (-30, -20, -10, 0, 10, 20, 30), rotation),
    Disturbance("shift right", "share of the width", (-0.2, -0.1, 0, 0.1, 0.2), shift_right),
    Disturbance("shift down", "share of the height", (-0.2, -0.1, 0, 0.1, 0.2), shift_down),
    Disturbance("crop", "shown part's side", (0.6, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5), crop, 1.0),
)
"""What the robustness table tries, each beginning from the undisturbed pictures."""


def _about_centre(side: int, angle: float, size: float) -> tuple[float, ...]:
    """Output to input coordinates of a turn and zoom about the centre, as Pillow wants them."""
    cos, sin, centre = size * np.cos(angle), size * np.sin(angle), (side - 1) / 2
    return (cos, -sin, centre - cos * centre + sin * centre, sin, cos, centre - sin * centre - cos * centre)


def _moved(images: Images, matrix: Callable[[int], tuple[float, ...]]) -> Images:
    """Sample every picture by an affine map of output to input pixel centres, bilinearly."""
    side = images.shape[1]
    a, b, c, d, e, f = matrix(side)
    if (a, b, c, d, e, f) == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0):
        return images
    rows, columns = np.indices((side, side), dtype=np.float64)
    x = np.clip(a * columns + b * rows + c, 0, side - 1)
    y = np.clip(d * columns + e * rows + f, 0, side - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, below = np.minimum(left + 1, side - 1), np.minimum(top + 1, side - 1)
    across, down = (x - left)[..., None], (y - top)[..., None]
    upper = images[:, top, left] * (1 - across) + images[:, top, right] * across
    lower = images[:, below, left] * (1 - across) + images[:, below, right] * across
    return np.rint(upper * (1 - down) + lower * down).astype(np.uint8)


def _each(images: Images, change: Callable[[Image.Image], Image.Image]) -> Images:
    return np.stack([np.asarray(change(Image.fromarray(picture))) for picture in images])
