"""A large picture cut into tiles of the network's size at several scales (Python 3.8, numpy)."""

from typing import List, NamedTuple, Sequence, Tuple

import numpy as np

from bnn_hw.runtime.errors import PictureError


class Grid(NamedTuple):
    """Tiles of one scale: their side and left upper corners (tiles, 2) as row, column, in pixels."""

    side: int
    corners: np.ndarray


def resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Shrink or enlarge a picture (rows, columns, channels), uint8: each pixel is the mean it covers."""
    values = _resize_axis(_resize_axis(picture.astype(np.float64), height, 0), width, 1)
    return np.floor(values + 0.5).astype(np.uint8)


def _resize_axis(values: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Mean over each of ``size`` equal parts of an axis, parts of pixels weighted by their share."""
    length = values.shape[axis]
    if size == length:
        return values
    values = np.moveaxis(values, axis, 0)
    total = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    edges = np.arange(size + 1) * (length / size)
    whole = np.minimum(edges.astype(np.int64), length - 1)
    share = (edges - whole).reshape((-1,) + (1,) * (values.ndim - 1))
    at_edges = total[whole] + share * values[whole]
    return np.moveaxis(np.diff(at_edges, axis=0) * (size / length), 0, axis)


def default_sides(picture: Tuple[int, int], tile: int) -> List[int]:
    """Sides of tiles from the network's size upwards by factors of 2, as far as the picture goes."""
    sides, side = [], tile
    while side <= min(picture):
        sides.append(side)
        side *= 2
    return sides


def cut(
    frame: np.ndarray, shape: Tuple[int, int, int], sides: Sequence[int], overlap: float
) -> Tuple[np.ndarray, List[Grid]]:
    """Cut a picture (rows, columns, channels) into tiles of ``shape``.

    sides: sides of the tiles in the picture's pixels; overlap: share of a tile that
    its neighbour covers, 0 to below 1. Returns the tiles of all scales, (tiles,
    *shape) uint8, and the grids in the same order. The last row and column end at
    the picture's edge. PictureError where the picture has another form or is too small.
    """
    tile, wide, channels = shape
    _check(frame, shape, sides, overlap)
    step = max(1, round(tile * (1 - overlap)))
    tiles, grids = [], []
    for side in sides:
        height = max(tile, round(frame.shape[0] * tile / side))
        width = max(wide, round(frame.shape[1] * wide / side))
        small = resize(frame, height, width)
        rows, columns = _starts(height, tile, step), _starts(width, wide, step)
        view = np.lib.stride_tricks.sliding_window_view(small, (tile, wide), axis=(0, 1))
        chosen = view[np.ix_(rows, columns)].transpose(0, 1, 3, 4, 2)
        tiles.append(chosen.reshape(-1, tile, wide, channels))
        down, right = frame.shape[0] / height, frame.shape[1] / width
        corners = np.array([(round(r * down), round(c * right)) for r in rows for c in columns], np.int64)
        grids.append(Grid(int(side), corners))
    return np.ascontiguousarray(np.concatenate(tiles)), grids


def _starts(length: int, tile: int, step: int) -> List[int]:
    starts = list(range(0, length - tile + 1, step))
    return starts if starts[-1] == length - tile else [*starts, length - tile]


def _check(frame: np.ndarray, shape: Tuple[int, int, int], sides: Sequence[int], overlap: float) -> None:
    tile, wide, channels = shape
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != channels:
        cause = "is {} of shape {}".format(frame.dtype, frame.shape)
        raise PictureError("frame", cause, "give uint8 (rows, columns, {})".format(channels))
    if tile != wide:
        cause = "the network reads {}x{}".format(tile, wide)
        raise PictureError("tiles", cause, "cut them yourself; only square tiles are cut")
    if min(frame.shape[:2]) < tile:
        cause = "has {}x{} pixels".format(*frame.shape[:2])
        raise PictureError("frame", cause, "give one of at least {}x{}".format(tile, tile))
    wrong = [side for side in sides if not tile <= side <= min(frame.shape[:2])]
    if wrong or not sides:
        cause = "are {}".format(list(sides))
        remedy = "give sides from {} to {} pixels".format(tile, min(frame.shape[:2]))
        raise PictureError("sides", cause, remedy)
    if not 0 <= overlap < 1:
        raise PictureError("overlap", "is {}".format(overlap), "give a share from 0 to below 1")
