import numpy as np
import pytest

from bnn_hw.data import CLASSES
from bnn_hw.data.draw_mask import PLACEMENTS, MaskStyle, draw_mask
from bnn_hw.data.face import Face
from bnn_hw.errors import InputError

SIZE = 200
BRIDGE, CHIN = 60.0, 160.0
SKIN = (180, 140, 120)


def round_face(turn_deg: float = 0.0) -> Face:
    """A face 100 pixels high from bridge to chin, whose outline is half an ellipse 45 pixels to each side."""
    angle = np.linspace(0.0, np.pi / 2, 12)
    sides = [
        np.stack([100 + sign * 45 * np.cos(angle), BRIDGE + (CHIN - BRIDGE) * np.sin(angle)], 1)
        for sign in (-1, 1)
    ]
    midline = np.stack([np.full(17, 100.0), np.linspace(BRIDGE, CHIN, 17)], 1)
    corners = np.array([[70.0, 62.0], [130.0, 62.0], [80.0, 125.0], [120.0, 125.0]])
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
    turn[:, 2] = 100.0 - turn[:, :2] @ [100.0, 100.0]
    return Face(sides[0], sides[1], midline, corners).moved(turn)


def covered(position: str, face: Face | None = None, rng: np.random.Generator | None = None) -> np.ndarray:
    picture = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    masked = draw_mask(picture, face or round_face(), position, rng).astype(int)
    return masked[..., 2] - masked[..., 0] > 40  # cloth is bluer than red, skin and ear loops are not


def row(share: float) -> int:
    return round(BRIDGE + share * (CHIN - BRIDGE))


# Covered points of the midline, from nose bridge 0 to chin 1: the tip of the nose, the lower lip, the chin.
COVERS = {
    "correct": {"eyes": False, "nose": True, "mouth": True, "chin": True},
    "nose_exposed": {"eyes": False, "nose": False, "mouth": True, "chin": True},
    "nose_mouth_exposed": {"eyes": False, "nose": False, "mouth": False, "chin": True},
    "chin_exposed": {"eyes": False, "nose": True, "mouth": True, "chin": False},
}
PARTS = {"eyes": 0.02, "nose": 0.45, "mouth": 0.70, "chin": 0.93}


@pytest.mark.parametrize("position", CLASSES)
def test_covers_the_right_parts_of_the_face(position: str) -> None:
    cloth = covered(position)
    assert {part: bool(cloth[row(share), 100]) for part, share in PARTS.items()} == COVERS[position]


@pytest.mark.parametrize("position", CLASSES)
def test_midline_edges_lie_at_the_placement(position: str) -> None:
    rows = np.flatnonzero(covered(position)[:, 100])
    assert abs(rows[0] - row(PLACEMENTS[position].top)) <= 2
    assert abs(rows[-1] - row(PLACEMENTS[position].bottom)) <= 2


@pytest.mark.parametrize("position", CLASSES)
def test_variations_keep_the_position(position: str) -> None:
    for seed in range(20):
        cloth = covered(position, rng=np.random.default_rng(seed))
        assert {part: bool(cloth[row(share), 100]) for part, share in PARTS.items()} == COVERS[position], seed


def test_cloth_stays_within_the_face_and_is_symmetric() -> None:
    cloth = covered("correct")
    assert np.flatnonzero(cloth.any(axis=0)).min() >= 100 - 45
    assert np.flatnonzero(cloth.any(axis=0)).max() <= 100 + 45
    mirrored = cloth[:, 200 - np.arange(1, SIZE)]  # column 100 is the midline
    assert (cloth[:, 1:] != mirrored).mean() < 0.005


def test_mask_turns_with_the_head() -> None:
    upright, turned = covered("correct"), covered("correct", round_face(90.0))
    # Turning by a quarter clockwise takes row r, column c to row c, column 200 - r.
    expected = np.zeros_like(upright)
    expected[:, 1:] = upright[SIZE - np.arange(1, SIZE), :].T
    assert (turned[1:, 1:] != expected[1:, 1:]).mean() < 0.01


def test_outside_of_mask_and_loops_nothing_changes() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    masked = draw_mask(picture, round_face(), "correct")
    changed = (masked != picture).any(axis=-1)
    assert not changed[: row(0.1)].any()
    assert not changed[row(1.14) :].any()
    assert 0.1 < changed.mean() < 0.3


def test_cloth_has_the_colour_asked_for_and_follows_the_light() -> None:
    picture = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    picture[:, :100] //= 3
    green = MaskStyle(cloth=(120.0, 200.0, 130.0))
    masked = draw_mask(picture, round_face(), "correct", style=green).astype(float)
    cloth = masked[row(0.4) : row(0.8)]
    assert (cloth[:, 75:126].mean(axis=(0, 1)).argmax()) == 1
    assert cloth[:, 75:90].mean() < 0.95 * cloth[:, 111:126].mean()


def test_unknown_position_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        draw_mask(np.zeros((9, 9, 3), np.uint8), round_face(), "nose_expsed")
    assert "mask position nose_expsed: there is no such position" in str(caught.value)
    assert "did you mean nose_exposed?" in str(caught.value)
