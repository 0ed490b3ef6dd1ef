"""Demo pictures that need no data set: a public-domain portrait with the mask drawn in four positions.

The portrait is scikit-image's astronaut (Eileen Collins, NASA, public
domain), which is part of scikit-image's wheel. The networks never see these
pictures in training. Runs without torch and without a network connection.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.data import astronaut
from skimage.transform import warp

from bnn_hw.data import CLASSES
from bnn_hw.data.draw_mask import draw_mask
from bnn_hw.data.face import Face, Points
from bnn_hw.data.pictures import IMAGE_SIZE, resize_picture

DISPLAY_SIZE = 256
_LANDMARKS = Path(__file__).with_name("astronaut_landmarks.json")

# Where an aligned FFHQ picture, and so MaskedFace-Net, has the eyes' outer corners and the
# mouth's corners, as share of its width and height: medians over 2,000 FFHQ pictures.
_FFHQ_CORNERS = np.array([[0.322, 0.472], [0.677, 0.472], [0.389, 0.727], [0.611, 0.727]])


@dataclass(frozen=True)
class Samples:
    """Pictures with known classes.

    images: (N, 32, 32, 3) uint8, as the networks take them; labels: (N,)
    int64, index into CLASSES; display: (N, 256, 256, 3) uint8, the same
    pictures to look at; names: (N,) short descriptions.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    display: NDArray[np.uint8]
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Variation:
    """How a sample differs from the plain one; shifts are shares of the picture's size."""

    zoom: float = 1.0
    right: float = 0.0
    down: float = 0.0
    turn_deg: float = 0.0
    brightness: float = 0.0
    contrast: float = 1.0
    mirrored: bool = False


def demo_samples(per_class: int = 3, seed: int = 0) -> Samples:
    """The portrait ``per_class`` times in each mask position.

    The first of each class is framed like MaskedFace-Net with the mask's
    edges in their usual place, the others vary framing, light and edges.
    """
    portrait, face = astronaut(), Face.from_json(_LANDMARKS)
    rng = np.random.default_rng(seed)
    display, labels, names = [], [], []
    for i in range(per_class):
        for label, position in enumerate(CLASSES):
            variation = _draw_variation(rng) if i else _Variation()
            framed, framed_face = _frame(portrait, face, variation)
            masked = draw_mask(framed, framed_face, position, rng if i else None)
            display.append(_relight(masked, variation))
            labels.append(label)
            names.append(f"astronaut, {position.replace('_', ' ')}, {i + 1}")
    shown = np.stack(display)
    small = np.stack([resize_picture(Image.fromarray(picture), IMAGE_SIZE) for picture in shown])
    return Samples(small, np.asarray(labels, np.int64), shown, tuple(names))


def golden_pictures() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The ten pictures of the golden vectors and their labels: eight portraits, noise and a pattern.

    images: (10, 32, 32, 3) uint8; labels: (10,), -1 where there is no face.
    Noise reaches sums that faces do not; the pattern holds the extreme values 0 and 255.
    """
    portraits = demo_samples(per_class=2, seed=1)
    noise = np.random.default_rng(2).integers(0, 256, (IMAGE_SIZE, IMAGE_SIZE, 3))
    rows, columns, channels = np.indices((IMAGE_SIZE, IMAGE_SIZE, 3))
    pattern = np.where((rows // 4 + columns // (4 + 2 * channels)) % 2 == 0, 255, 0)
    synthetic = np.stack([noise, pattern]).astype(np.uint8)
    return np.concatenate([portraits.images, synthetic]), np.concatenate([portraits.labels, [-1, -1]])


def align_to_ffhq(face: Face, size: int) -> Points:
    """The affine map (2, 3) from the face's picture to a (size, size) picture framed like FFHQ.

    It turns, scales and moves but does not deform: the least-squares fit of
    z -> a z + b over complex numbers z = x + iy for eye and mouth corners.
    """
    source, target = (points[:, 0] + 1j * points[:, 1] for points in (face.corners, _FFHQ_CORNERS * size))
    centred = source - source.mean()
    a = np.vdot(centred, target - target.mean()) / np.vdot(centred, centred)
    b = target.mean() - a * source.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def _draw_variation(rng: np.random.Generator) -> _Variation:
    return _Variation(
        zoom=float(rng.uniform(0.94, 1.06)),
        right=float(rng.uniform(-0.03, 0.03)),
        down=float(rng.uniform(-0.03, 0.03)),
        turn_deg=float(rng.uniform(-6.0, 6.0)),
        brightness=float(rng.uniform(-30.0, 20.0)),
        contrast=float(rng.uniform(0.8, 1.15)),
        mirrored=bool(rng.random() < 0.5),
    )


def _frame(portrait: NDArray[np.uint8], face: Face, variation: _Variation) -> tuple[NDArray[np.uint8], Face]:
    """Cut out the face as FFHQ would, with the variation's zoom, shift, turn and mirroring."""
    size = DISPLAY_SIZE
    aligned = np.vstack([align_to_ffhq(face, size), [0.0, 0.0, 1.0]])
    angle, centre = math.radians(variation.turn_deg), size / 2
    cos, sin = variation.zoom * math.cos(angle), variation.zoom * math.sin(angle)
    shift = np.array([variation.right, variation.down]) * size
    varied = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    varied[:2, 2] = centre + shift - varied[:2, :2] @ [centre, centre]
    matrix = varied @ aligned
    framed = warp(
        portrait, np.linalg.inv(matrix), output_shape=(size, size), order=1, mode="edge", preserve_range=True
    )
    framed_face = face.moved(matrix)
    if variation.mirrored:
        framed, framed_face = framed[:, ::-1], _mirrored(framed_face, size)
    return np.ascontiguousarray(np.rint(framed).astype(np.uint8)), framed_face


def _mirrored(face: Face, width: int) -> Face:
    flip = np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]])
    moved = face.moved(flip)
    return Face(moved.right_contour, moved.left_contour, moved.midline, moved.corners[[1, 0, 3, 2]])


def _relight(picture: NDArray[np.uint8], variation: _Variation) -> NDArray[np.uint8]:
    mean = picture.mean()
    lit = (picture - mean) * variation.contrast + mean + variation.brightness
    return np.clip(np.rint(lit), 0, 255).astype(np.uint8)
