"""Data sets of masks drawn over bare faces whose landmarks are known."""

from __future__ import annotations

import configparser
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bnn_hw.data.draw_mask import PLACEMENTS, MaskStyle, draw_mask
from bnn_hw.data.face import Face
from bnn_hw.data.folder import PictureSet, subject_of
from bnn_hw.data.pictures import IMAGE_SIZE, read_picture, resize_picture
from bnn_hw.data.styles import STYLES, draw_style, template_texture
from bnn_hw.errors import DataError, Fault, FaultList, InputError, suggest

NO_MASK = "no_mask"
TEMPLATES = "mask_templates"
DEFAULT_STYLES = ("surgical_blue",)
_DRAW_SIZE = 96


@dataclass(frozen=True)
class BareFaces:
    """Bare faces to draw on: picture files, and the 468 Face Mesh points of each as share of its size."""

    files: tuple[Path, ...]
    meshes: NDArray[np.float64]


def read_bare_faces(folder: Path) -> BareFaces:
    """The pictures of ``folder`` that have landmarks.

    These lie in ``<folder>_landmarks.npz`` or in the folder's
    ``landmarks.npz``: ``name`` (N,) and ``xy`` (N, 468, 2); ``bnn-hw
    landmarks`` finds them. Raises DataError.
    """
    remedy = "find them with: bnn-hw landmarks " + str(folder)
    beside, inside = folder.with_name(f"{folder.name}_landmarks.npz"), folder / "landmarks.npz"
    path = beside if beside.is_file() else inside
    if not path.is_file():
        raise DataError.at(
            folder, f"has no landmarks: neither {beside.name} beside nor {inside.name} in it", remedy
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names, points = [str(name) for name in arrays["name"]], np.asarray(arrays["xy"], np.float64)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError.at(path, f"holds no landmarks: {error}", remedy) from error
    if points.shape != (len(names), 468, 2):
        raise DataError.at(path, f"has points of shape {points.shape} for {len(names)} names", remedy)
    there = [row for row, name in enumerate(names) if (folder / name).is_file()]
    if not there:
        raise DataError.at(path, f"names no picture of {folder}", remedy)
    return BareFaces(tuple(folder / names[row] for row in there), points[there])


def read_drawn(
    folder: Path,
    group: str,
    classes: Sequence[str],
    styles: Sequence[str] = (),
    seed: int = 0,
    per_class: int = 0,
    progress: Callable[[int, int], None] | None = None,
    keep: Callable[[str], bool] | None = None,
) -> PictureSet:
    """Draw a mask in each position among ``classes`` on each bare face of ``folder``.

    styles: families of :mod:`bnn_hw.data.styles`, or files of the folder
    ``mask_templates`` beside; each picture takes one at random. per_class: on
    so many faces only, 0 for all; keep: which persons to draw on. What is drawn on a face depends on its file
    name, the position and the seed alone. Raises DataError and InputError.
    """
    positions = [(label, name) for label, name in enumerate(classes) if name in PLACEMENTS]
    if not positions:
        raise DataError.at(
            folder, f"none of {', '.join(classes)} can be drawn", f"give one of {', '.join(PLACEMENTS)}"
        )
    faces = read_bare_faces(folder)
    makers = _makers(styles or DEFAULT_STYLES, folder)
    chosen = [
        (path, mesh)
        for path, mesh in zip(faces.files, faces.meshes, strict=True)
        if keep is None or keep(subject_of(path))
    ][: per_class or None]
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    subjects: list[str] = []
    skipped: list[Fault] = []
    for done, (path, mesh) in enumerate(chosen, start=1):
        try:
            portrait = read_picture(path, _DRAW_SIZE)
        except InputError as error:
            skipped.extend(error.faults)
            continue
        face = Face.from_mesh(mesh * _DRAW_SIZE)
        for label, position in positions:
            rng = np.random.default_rng([seed, label, *path.name.encode()])
            style = makers[rng.integers(len(makers))](rng)
            drawn = draw_mask(portrait, face, position, rng, style)
            images.append(resize_picture(Image.fromarray(drawn), IMAGE_SIZE))
            labels.append(label)
            subjects.append(subject_of(path))
        if progress is not None:
            progress(done, len(chosen))
    stacked = np.stack(images) if images else np.zeros((0, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    return PictureSet(
        group,
        tuple(classes),
        stacked,
        np.asarray(labels, np.int64),
        tuple(subjects),
        tuple(skipped),
        (group,) * len(labels),
    )


def _makers(styles: Sequence[str], folder: Path) -> list[Callable[[np.random.Generator], MaskStyle]]:
    """One function a style; unknown ones are told together."""
    faults = FaultList()
    makers: list[Callable[[np.random.Generator], MaskStyle]] = []
    for name in styles:
        if name in STYLES:
            makers.append(lambda rng, name=name: draw_style(name, rng))  # type: ignore[misc]
        elif name.endswith(".png"):
            try:
                style = template_style(name, folder)
            except InputError as error:
                faults.faults.extend(error.faults)
            else:
                makers.append(lambda _rng, style=style: style)  # type: ignore[misc]
        else:
            remedy = f"{suggest(name, STYLES)}; or a .png of {TEMPLATES}"
            faults.add(f"mask style {name}", "there is no such style", remedy)
    faults.raise_if_any(InputError)
    return makers


def template_names(folder: Path) -> list[str]:
    """Masks seen from the front of which :func:`template_style` has pictures for ``folder``."""
    pictures = sorted(path for place in _template_folders(folder) for path in place.glob("*.png"))
    return [path.name for path in pictures if not path.stem.endswith(("_left", "_right"))]


def _template_folders(folder: Path) -> list[Path]:
    return [parent / TEMPLATES for parent in folder.resolve().parents if (parent / TEMPLATES).is_dir()][:1]


def template_style(name: str, folder: Path) -> MaskStyle:
    """The style of a mask's picture in ``mask_templates`` beside ``folder`` or beside its parents.

    The folder has MaskTheFace's form: pictures with alpha, and ``masks.cfg``
    with their outlines. Raises InputError.
    """
    remedy = f"put MaskTheFace's masks/templates with masks.cfg there as {TEMPLATES}"
    found = _template_folders(folder)
    if not found:
        raise InputError.at(f"mask style {name}", f"there is no folder {TEMPLATES} above {folder}", remedy)
    table = configparser.ConfigParser()
    try:
        table.read_string((found[0] / "masks.cfg").read_text(encoding="utf-8"))
        entry = next(section for section in table.values() if Path(section.get("template", "")).name == name)
        points = {key: _point(entry[f"mask_{key}"]) for key in "abcdef"}
    except (OSError, configparser.Error, KeyError, ValueError) as error:
        raise InputError.at(found[0] / "masks.cfg", f"cannot be read: {error}", remedy) from error
    except StopIteration:
        raise InputError.at(found[0] / "masks.cfg", f"has no template {name}", remedy) from None
    texture = template_texture(found[0] / name, points)
    mean = texture.reshape(-1, 3).mean(axis=0)
    return replace(MaskStyle(), cloth=tuple(mean), pleats=0, side_shadow=0.1, texture=texture)


def _point(text: str) -> tuple[float, float]:
    x, y = text.split(",")
    return float(x), float(y)
