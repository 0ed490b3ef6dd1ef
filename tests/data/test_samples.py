import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bnn_hw.data import CLASSES
from bnn_hw.data.face import Face
from bnn_hw.data.samples import align_to_ffhq, demo_samples, golden_pictures
from bnn_hw.errors import InputError


def test_samples_hold_every_class_equally() -> None:
    samples = demo_samples(per_class=3)
    assert samples.images.shape == (12, 32, 32, 3)
    assert samples.images.dtype == np.uint8
    assert samples.display.shape == (12, 256, 256, 3)
    assert np.bincount(samples.labels).tolist() == [3] * len(CLASSES)
    assert samples.names[1] == "astronaut, nose exposed, 1"
    assert len({picture.tobytes() for picture in samples.images}) == 12


def test_small_picture_is_the_mean_of_the_display_picture() -> None:
    samples = demo_samples(per_class=1)
    means = samples.display.reshape(4, 32, 8, 32, 8, 3).mean(axis=(2, 4))
    assert np.abs(samples.images - means).max() <= 1.0


def test_samples_are_the_same_every_time_and_differ_by_seed() -> None:
    first, again, other = demo_samples(2), demo_samples(2), demo_samples(2, seed=5)
    assert np.array_equal(first.display, again.display)
    assert np.array_equal(first.display[:4], other.display[:4])
    assert not np.array_equal(first.display[4:], other.display[4:])


def test_plain_samples_differ_only_by_the_mask() -> None:
    plain = demo_samples(per_class=1).display.astype(int)
    assert np.array_equal(plain[0, :110], plain[2, :110])
    assert np.abs(plain[0, 150:200, 100:150] - plain[2, 150:200, 100:150]).mean() > 20


def test_golden_pictures_reach_the_extremes() -> None:
    images, labels = golden_pictures()
    assert images.shape == (10, 32, 32, 3)
    assert labels.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, -1, -1]
    assert set(np.unique(images[9])) == {0, 255}


def test_alignment_recovers_a_known_turn_and_scale() -> None:
    target = np.array([[0.322, 0.472], [0.677, 0.472], [0.389, 0.727], [0.611, 0.727]]) * 256
    angle, scale, shift = 0.3, 0.7, np.array([50.0, -20.0])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = (target - shift) @ np.linalg.inv(turn).T
    points = np.zeros((3, 2))
    matrix = align_to_ffhq(Face(points, points, points, corners), 256)
    np.testing.assert_allclose(matrix, np.column_stack([turn, shift]), atol=1e-9)


def test_needs_neither_torch_nor_a_connection() -> None:
    script = """
import socket, sys
def refuse(*args, **kwargs):
    raise AssertionError("a connection was opened")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
sys.modules["torch"] = sys.modules["brevitas"] = sys.modules["pooch"] = None
from bnn_hw.data.samples import demo_samples
print(demo_samples(per_class=1).images.shape)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(4, 32, 32, 3)", done.stderr


def test_damaged_landmarks_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "landmarks.json"
    file.write_text(json.dumps({"midline": [[0, 1]]}))
    with pytest.raises(InputError, match=r"landmarks\.json: holds no landmarks: 'left_contour'"):
        Face.from_json(file)
