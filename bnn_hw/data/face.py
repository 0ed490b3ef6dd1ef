"""The few face landmarks that the mask drawing and the framing of pictures need."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnn_hw.errors import InputError

Points = NDArray[np.float64]

# Indices into the 468 points of MediaPipe Face Mesh.
_MESH: dict[str, tuple[int, ...]] = {
    "left_contour": (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    "right_contour": (356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152),
    "midline": (6, 197, 195, 5, 4, 1, 2, 164, 0, 13, 14, 17, 18, 200, 199, 175, 152),
    "corners": (33, 263, 61, 291),
}


@dataclass(frozen=True)
class Face:
    """Landmarks of one face, each (K, 2) as x and y in pixels; left is the picture's left.

    left_contour, right_contour: the face's outline from the temple down to
    the chin; midline: from the nose bridge over nose, lips and chin;
    corners: left eye's and right eye's outer corner, left and right mouth corner.
    """

    left_contour: Points
    right_contour: Points
    midline: Points
    corners: Points

    @classmethod
    def from_mesh(cls, mesh: Points) -> Face:
        """Choose the points from MediaPipe Face Mesh landmarks (468, 2), in pixels."""
        return cls(**{name: np.asarray(mesh, np.float64)[list(index)] for name, index in _MESH.items()})

    @classmethod
    def from_json(cls, path: Path) -> Face:
        """Read the points from a JSON file. Raises InputError."""
        try:
            record = json.loads(path.read_text())
            face = cls(**{field.name: np.asarray(record[field.name], np.float64) for field in fields(cls)})
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise InputError.at(path, f"holds no landmarks: {error}", "restore the file") from error
        return face

    @property
    def bridge(self) -> Points:
        """The nose bridge, (2,)."""
        return self.midline[0]

    @property
    def chin(self) -> Points:
        """The tip of the chin, (2,)."""
        return self.midline[-1]

    def moved(self, matrix: Points) -> Face:
        """The face after the affine map of ``matrix`` (2 or 3, 3), applied to column vectors (x, y, 1)."""
        return Face(
            **{f.name: getattr(self, f.name) @ matrix[:2, :2].T + matrix[:2, 2] for f in fields(self)}
        )

    def to_face_axes(self, points: Points) -> Points:
        """Points (..., 2) in pixels as (..., 2) of (down, across).

        ``down`` is 0 at the nose bridge and 1 at the chin, ``across`` is in
        the same unit and grows towards the picture's right.
        """
        axis = self.chin - self.bridge
        across = np.array([axis[1], -axis[0]])
        return (points - self.bridge) @ np.stack([axis, across], axis=1) / (axis @ axis)
