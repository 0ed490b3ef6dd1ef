"""Bare faces of one colour with known landmarks, to draw masks on."""

from pathlib import Path

import numpy as np
from PIL import Image

from bnn_hw.data.face import _MESH

SKIN = (180, 140, 120)


def mesh() -> np.ndarray:
    """468 points, those in use forming a round face from 0.48 (bridge) to 0.92 (chin) of the height."""
    points = np.full((468, 2), 0.5)
    angle = np.linspace(0.0, np.pi / 2, len(_MESH["left_contour"]))
    for name, sign in (("left_contour", -1), ("right_contour", 1)):
        points[list(_MESH[name])] = np.stack(
            [0.5 + sign * 0.24 * np.cos(angle), 0.48 + 0.44 * np.sin(angle)], 1
        )
    points[list(_MESH["midline"]), 1] = np.linspace(0.48, 0.92, len(_MESH["midline"]))
    points[list(_MESH["corners"])] = [[0.32, 0.47], [0.68, 0.47], [0.39, 0.73], [0.61, 0.73]]
    return points


def bare_faces(root: Path, count: int = 4, name: str = "bare") -> Path:
    """``root/name`` with ``count`` faces and their landmarks beside."""
    folder = root / name
    folder.mkdir(parents=True)
    names = [f"{i:05}.png" for i in range(count)]
    for file in names:
        Image.new("RGB", (96, 96), SKIN).save(folder / file)
    xy = np.broadcast_to(mesh(), (count, 468, 2)).astype(np.float16)
    np.savez(root / f"{name}_landmarks.npz", name=np.array(names), xy=xy)
    return folder


def make_templates(root: Path) -> None:
    """``root/mask_templates`` with one mask, red on its left half and blue on its right one."""
    folder = root / "mask_templates"
    folder.mkdir()
    pixels = np.zeros((200, 300, 4), np.uint8)
    pixels[50:150, 50:250] = (200, 0, 0, 255)
    pixels[50:150, 150:250, :3] = (0, 0, 200)
    Image.fromarray(pixels).save(folder / "two.png")
    points = "".join(
        f"mask_{key}: {x}, {y}\n"
        for key, (x, y) in zip("abcdef", [(x, y) for y in (50, 149) for x in (50, 150, 249)], strict=True)
    )
    (folder / "masks.cfg").write_text(f"[two]\ntemplate: masks/templates/two.png\n{points}")
