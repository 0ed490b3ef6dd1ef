"""Tiles of large pictures, against area means computed pixel by pixel."""

import numpy as np
import pytest

from bnn_hw.runtime.errors import PictureError
from bnn_hw.runtime.tiles import cut, default_sides, resize


def area_means(picture, height, width):
    """Mean of each output pixel's area, on a grid so fine that both sizes divide it."""
    rows, columns, _ = picture.shape
    fine = picture.repeat(height, axis=0).repeat(width, axis=1).astype(np.float64)
    means = fine.reshape(height, rows, width, columns, -1).mean(axis=(1, 3))
    return np.floor(means + 0.5).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(5, 7), (10, 14), (3, 13), (20, 28), (7, 7), (13, 9)])
def test_resize_is_the_mean_of_areas(height, width):
    picture = np.random.default_rng(height).integers(0, 256, (10, 14, 3)).astype(np.uint8)
    assert np.abs(resize(picture, height, width).astype(int) - area_means(picture, height, width)).max() <= 1
    assert (
        resize(picture, height, width) == area_means(picture, height, width)
    ).mean() > 0.98  # halves may round either way


def test_shrinking_by_a_whole_number_is_what_training_saw():
    from PIL import Image

    picture = np.random.default_rng(1).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    box = np.asarray(Image.fromarray(picture).resize((24, 16), Image.Resampling.BOX))
    assert np.abs(resize(picture, 16, 24).astype(int) - box).max() <= 1


def test_the_last_tiles_end_at_the_edge_and_every_pixel_is_covered():
    frame = np.random.default_rng(2).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    tiles, (grid,) = cut(frame, (8, 8, 3), [8], 0.25)
    covered = np.zeros((50, 70), bool)
    for tile, (row, column) in zip(tiles, grid.corners, strict=True):
        assert np.array_equal(tile, frame[row : row + 8, column : column + 8])
        covered[row : row + 8, column : column + 8] = True
    assert covered.all()


def test_scales_come_one_after_the_other():
    frame = np.zeros((64, 64, 1), np.uint8)
    tiles, grids = cut(frame, (16, 16, 1), [16, 32, 64], 0.0)
    assert [len(grid.corners) for grid in grids] == [16, 4, 1]
    assert tiles.shape == (21, 16, 16, 1)
    assert default_sides((64, 100), 16) == [16, 32, 64]


@pytest.mark.parametrize(
    ("frame", "sides", "overlap", "cause"),
    [
        (np.zeros((4, 9, 3), np.uint8), [8], 0.5, "has 4x9 pixels"),
        (np.zeros((9, 9, 3)), [8], 0.5, "is float64 of shape"),
        (np.zeros((9, 9), np.uint8), [8], 0.5, r"of shape \(9, 9\)"),
        (np.zeros((20, 20, 3), np.uint8), [8, 40], 0.5, "give sides from 8 to 20 pixels"),
        (np.zeros((20, 20, 3), np.uint8), [], 0.5, "give sides"),
        (np.zeros((20, 20, 3), np.uint8), [8], 1.0, "give a share from 0 to below 1"),
    ],
)
def test_what_cannot_be_cut(frame, sides, overlap, cause):
    with pytest.raises(PictureError, match=cause):
        cut(frame, (8, 8, 3), sides, overlap)
