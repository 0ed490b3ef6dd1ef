"""Finds the landmarks of faces with MediaPipe Face Mesh, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bnn_hw.data.pictures import read_picture
from bnn_hw.errors import DataError, Fault, InputError, OutputError, ToolError

_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
_POINTS = 468
_SIZE = 256


def find_landmarks(
    folder: Path, progress: Callable[[int, int], None] | None = None
) -> tuple[Path, int, list[Fault]]:
    """Write ``folder/landmarks.npz`` for the faces of ``folder``; its path, how many, and what was left out.

    ``name`` (N,) the files, ``xy`` (N, 468, 2) float16, the points as share of
    the picture's width and height. Raises ToolError without MediaPipe,
    DataError when no face is found and OutputError.
    """
    try:
        import mediapipe

        mesh_type = mediapipe.solutions.face_mesh.FaceMesh
    except (ImportError, AttributeError) as error:
        raise ToolError.at(
            "mediapipe", "is not installed in a version that has its models", "pip install mediapipe==0.10.14"
        ) from error
    files = (
        sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
        if folder.is_dir()
        else []
    )
    names, points = [], []
    left_out: list[Fault] = []
    with mesh_type(static_image_mode=True, max_num_faces=1) as mesh:
        for done, path in enumerate(files, start=1):
            try:
                found = mesh.process(read_picture(path, _SIZE)).multi_face_landmarks
            except InputError as error:
                left_out.extend(error.faults)
                continue
            if found:
                names.append(path.name)
                points.append([(point.x, point.y) for point in found[0].landmark[:_POINTS]])
            else:
                left_out.append(Fault(str(path), "shows no face that is found", "give a picture of one face"))
            if progress is not None:
                progress(done, len(files))
    if not names:
        raise DataError.at(folder, f"has {len(files)} pictures and no face was found", "give portraits")
    target = folder / "landmarks.npz"
    partial = folder / ".landmarks.partial.npz"
    try:
        np.savez_compressed(partial, name=np.array(names), xy=np.array(points, np.float16))
        partial.replace(target)
    except OSError as error:
        raise OutputError.at(target, f"cannot be written: {error}", "choose a writable folder") from error
    finally:
        partial.unlink(missing_ok=True)
    return target, len(names), left_out
