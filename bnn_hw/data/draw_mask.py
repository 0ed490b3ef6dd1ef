"""Draws a mask over a face in the four positions that the networks tell apart.

The mask is computed, not pasted: cloth, pleats, bright hems, shading towards
the sides and ear loops are functions of the position on the face; a texture is
laid over the cloth and bends with it. Everything
is done in the face's own axes (see :meth:`Face.to_face_axes`), so the mask
turns and scales with the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from bnn_hw.data import CLASSES
from bnn_hw.data.face import Face, Points
from bnn_hw.errors import InputError, suggest


@dataclass(frozen=True)
class Placement:
    """Where the mask's four edges lie, in units of nose bridge to chin.

    top, bottom: on the midline; side_top, side_bottom: upper and lower
    corners, on the face's outline. top_bend, bottom_bend: exponent of the
    edge's course from the midline to the side; 1 is straight, more is rounder.
    """

    top: float
    bottom: float
    side_top: float
    side_bottom: float
    top_bend: float = 1.5
    bottom_bend: float = 2.2

    def varied(self, rng: np.random.Generator, sigma: float = 0.03) -> Placement:
        """The same position worn a little differently: no edge moves by more than 2 ``sigma``."""
        moved = np.clip(rng.normal(0.0, 1.0, 4), -2.0, 2.0) * sigma
        edges = np.array([self.top, self.bottom, self.side_top, self.side_bottom]) + moved
        top, bottom, side_top, side_bottom = (float(edge) for edge in edges)
        return Placement(top, bottom, side_top, side_bottom, self.top_bend, self.bottom_bend)


# Chosen so that masks drawn over bare FFHQ faces cover, on average, the same parts of an aligned
# picture as those in MaskedFace-Net's pictures of the class.
PLACEMENTS: dict[str, Placement] = {
    "correct": Placement(0.21, 1.03, 0.22, 0.78),
    "nose_exposed": Placement(0.54, 1.03, 0.41, 0.82),
    "nose_mouth_exposed": Placement(0.79, 1.02, 0.55, 0.79),
    "chin_exposed": Placement(0.22, 0.77, 0.39, 0.63),
}


@dataclass(frozen=True)
class MaskStyle:
    """Colours (red, green, blue) of cloth and ear loops, and the depth of folds and shadows (0 to 1).

    texture: picture (rows, columns, 3) uint8 of the flat cloth, from the upper
    edge to the lower and from side to side; it takes the place of ``cloth``.
    """

    cloth: tuple[float, float, float] = (146.0, 206.0, 235.0)
    loop: tuple[float, float, float] = (225.0, 232.0, 238.0)
    pleats: int = 3
    pleat_depth: float = 0.22
    side_shadow: float = 0.14
    light_from_face: float = 0.25
    texture: NDArray[np.uint8] | None = None


def draw_mask(
    picture: NDArray[np.uint8],
    face: Face,
    position: str,
    rng: np.random.Generator | None = None,
    style: MaskStyle | None = None,
) -> NDArray[np.uint8]:
    """Return a copy of ``picture`` (H, W, 3) uint8 with a mask in the position named by a class.

    With ``rng`` the edges vary a little from call to call, without it they are
    the usual ones. Raises InputError for an unknown position.
    """
    if position not in PLACEMENTS:
        raise InputError.at(
            f"mask position {position}", "there is no such position", suggest(position, CLASSES)
        )
    placement = PLACEMENTS[position] if rng is None else PLACEMENTS[position].varied(rng)
    style = style or MaskStyle()
    height, width = picture.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
    axes = face.to_face_axes(grid)
    pixel = 1.0 / float(np.hypot(*(face.chin - face.bridge)))
    outline = _Outline(face, placement)
    down, across, inside = outline.on_cloth(axes, pixel)
    light = _face_light(picture, inside, style)
    flatness = min(1.0, (placement.bottom - placement.top) / 0.6)
    cloth = _colour_of(style, down, across) * (_folds(down, across, style, flatness) * light)[..., None]
    loops = outline.ear_loops(axes, pixel)[..., None]
    painted = picture * (1.0 - loops) + np.asarray(style.loop) * light[..., None] * loops
    painted = painted * (1.0 - inside[..., None]) + cloth * inside[..., None]
    return np.clip(np.rint(painted), 0, 255).astype(np.uint8)


class _Outline:
    """The mask's outline on one face, in the face's axes."""

    def __init__(self, face: Face, placement: Placement) -> None:
        self.placement = placement
        self.left, self.right, self.midline = (
            _ordered(face.to_face_axes(points))
            for points in (face.left_contour, face.right_contour, face.midline)
        )
        self.corners = {
            side: (_across_at(curve, placement.side_top), _across_at(curve, placement.side_bottom))
            for side, curve in (("left", self.left), ("right", self.right))
        }

    def _edge(self, across: Points, at_mid: float, at_side: float, bend: float, lower: bool) -> Points:
        """``down`` of the upper or lower edge at each ``across``."""
        mid = _across_at(self.midline, at_mid)
        ends = [self.corners[side][int(lower)] for side in ("left", "right")]
        span = np.where(across < mid, mid - ends[0], ends[1] - mid)
        share = np.clip(np.abs(across - mid) / np.maximum(span, 1e-6), 0.0, 1.0)
        return at_mid + (at_side - at_mid) * share**bend

    def on_cloth(self, axes: Points, pixel: float) -> tuple[Points, Points, Points]:
        """For every pixel its place on the cloth, down 0 to 1 and across -1 to 1, and its cover, 0 to 1."""
        down, across = axes[..., 0], axes[..., 1]
        place = self.placement
        top = self._edge(across, place.top, place.side_top, place.top_bend, lower=False)
        bottom = self._edge(across, place.bottom, place.side_bottom, place.bottom_bend, lower=True)
        sides = [
            np.interp(np.clip(down, place.side_top, place.side_bottom), curve[:, 0], curve[:, 1])
            for curve in (self.left, self.right)
        ]
        nearest = np.minimum.reduce([down - top, bottom - down, across - sides[0], sides[1] - across])
        inside = np.clip(nearest / pixel + 0.5, 0.0, 1.0)
        on_down = np.clip((down - top) / np.maximum(bottom - top, pixel), 0.0, 1.0)
        middle, half = (sides[0] + sides[1]) / 2, np.maximum((sides[1] - sides[0]) / 2, pixel)
        return on_down, np.clip((across - middle) / half, -1.0, 1.0), inside

    def ear_loops(self, axes: Points, pixel: float) -> Points:
        """How far an ear loop covers every pixel, 0 to 1."""
        place, covered = self.placement, np.zeros(axes.shape[:2])
        for side, outwards in (("left", -1.0), ("right", 1.0)):
            ear = np.array([min(0.22, place.side_top - 0.04), self.corners[side][0] + 0.10 * outwards])
            for corner, down in zip(self.corners[side], (place.side_top, place.side_bottom), strict=True):
                distance = _distance_to_line(axes, np.array([down, corner]), ear)
                covered = np.maximum(covered, np.clip((0.011 - distance) / pixel + 0.5, 0.0, 1.0))
        return covered * 0.7


def _colour_of(style: MaskStyle, down: Points, across: Points) -> NDArray[np.float64]:
    """The unlit cloth's colour at each place on it, (..., 3)."""
    if style.texture is None:
        return np.asarray(style.cloth)
    rows, columns = style.texture.shape[:2]
    row = np.rint(down * (rows - 1)).astype(int)
    column = np.rint((across + 1.0) / 2.0 * (columns - 1)).astype(int)
    return style.texture[row, column].astype(np.float64)


def _ordered(points: Points) -> Points:
    return points[np.argsort(points[:, 0], kind="stable")]


def _across_at(curve: Points, down: float) -> float:
    return float(np.interp(down, curve[:, 0], curve[:, 1]))


def _distance_to_line(axes: Points, start: Points, end: Points) -> Points:
    # Axis by axis: numpy is slow where the last axis has two places.
    along = end - start
    down, across = axes[..., 0] - start[0], axes[..., 1] - start[1]
    share = (down * along[0] + across * along[1]) / max(float(along @ along), 1e-9)
    np.clip(share, 0.0, 1.0, out=share)
    return np.sqrt((down - share * along[0]) ** 2 + (across - share * along[1]) ** 2)


def _folds(down: Points, across: Points, style: MaskStyle, flatness: float) -> Points:
    """Brightness of the cloth: hems and pleats that run across it, sides and lower middle in shadow.

    ``flatness`` from 0 (pushed together, pleats closed) to 1 (pulled over the face).
    """
    depth = style.pleat_depth * flatness**2
    bright = 1.07 - style.side_shadow * across**2 - 0.10 * down * (1.0 - across**2)
    for i in range(style.pleats):
        # A pleat is a narrow dark line with a bright ridge above; it fades towards the sides.
        distance = down - (i + 1.2) / (style.pleats + 1.4) - 0.03 * np.cos(np.pi * across)
        fade = 1.0 - 0.5 * np.abs(across)
        bright -= depth * fade * np.exp(-((distance / 0.035) ** 2))
        bright += 0.3 * depth * np.exp(-(((distance + 0.07) / 0.05) ** 2))
    hem = np.minimum(down, 1.0 - down)
    return bright + 0.06 * np.exp(-((hem / 0.05) ** 2))


def _face_light(picture: NDArray[np.uint8], inside: Points, style: MaskStyle) -> Points:
    """Factor that lets the cloth follow the face's own light, blurred so that no feature shines through."""
    height = picture.shape[0]
    grey = Image.fromarray(picture).convert("L").filter(ImageFilter.GaussianBlur(height / 16))
    light = np.asarray(grey, np.float64)
    covered = light[inside > 0.5]
    if covered.size == 0:
        return np.ones(light.shape)
    relative = np.clip(light / max(float(np.median(covered)), 1.0), 0.6, 1.3)
    return relative**style.light_from_face
