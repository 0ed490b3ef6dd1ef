import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from bnn_hw.data import CLASSES
from bnn_hw.data.drawn import read_drawn
from bnn_hw.data.landmarks import find_landmarks
from bnn_hw.data.sources import DRAWN, Source, more_drawings, read_sources
from bnn_hw.data.styles import STYLES, UNSEEN_HUES, UNSEEN_STYLES, colour, draw_style, template_texture
from bnn_hw.errors import DataError, InputError, ToolError
from tests.faces import SKIN, bare_faces, make_templates, mesh


def test_every_face_gets_every_position(tmp_path: Path) -> None:
    folder = bare_faces(tmp_path)
    drawn = read_drawn(folder, "drawn", (*CLASSES, "no_mask"), ("surgical_blue",))
    assert drawn.class_counts == {**dict.fromkeys(CLASSES, 4), "no_mask": 0}
    assert drawn.persons == 4
    assert set(drawn.groups) == {"drawn"}
    bluer = drawn.images[..., 2].astype(int) - drawn.images[..., 0] > 20
    # The cloth's middle rows: chin only is lowest, without the chin is highest.
    centre = [np.argwhere(bluer[drawn.labels == label])[:, 1].mean() for label in range(4)]
    assert centre[3] < centre[0] < centre[1] < centre[2]


def test_drawings_depend_on_name_position_and_seed_alone(tmp_path: Path) -> None:
    folder = bare_faces(tmp_path)
    whole = read_drawn(folder, "drawn", CLASSES, tuple(STYLES))
    few = read_drawn(folder, "drawn", CLASSES, tuple(STYLES), per_class=2)
    assert np.array_equal(few.images, whole.images[:8])
    kept = read_drawn(folder, "drawn", CLASSES, tuple(STYLES), keep=lambda person: person == "00001")
    assert np.array_equal(kept.images, whole.images[4:8])
    assert not np.array_equal(read_drawn(folder, "d", CLASSES, tuple(STYLES), seed=1).images, whole.images)


def test_drawn_masks_are_a_source_beside_others(tmp_path: Path) -> None:
    bare_faces(tmp_path)
    sources = [
        Source("bare", kind=DRAWN, name="drawn", styles=("respirator",)),
        Source(".", classes={"bare": "no_mask"}, name="faces"),
    ]
    pictures = read_sources(tmp_path, sources, (*CLASSES, "no_mask"))
    assert pictures.class_counts == dict.fromkeys((*CLASSES, "no_mask"), 4)
    assert pictures.persons == 4


def test_faces_to_train_on_are_drawn_on_again(tmp_path: Path) -> None:
    bare_faces(tmp_path)
    sources = [
        Source("bare", kind=DRAWN, name="drawn", styles=tuple(STYLES), drawings=3),
        Source(".", classes={"bare": "no_mask"}, name="faces"),
    ]
    told: list[float] = []
    first = read_sources(tmp_path, sources, (*CLASSES, "no_mask"))
    second, third = more_drawings(
        tmp_path, sources, (*CLASSES, "no_mask"), {"00001", "00002"}, lambda done, of: told.append(done / of)
    )
    assert second.subjects == third.subjects == ("00001",) * 4 + ("00002",) * 4
    assert set(second.groups) == {"drawn"}
    own = first.images[
        [s in ("00001", "00002") and g == "drawn" for s, g in zip(first.subjects, first.groups, strict=True)]
    ]
    for one, other in ((own, second.images), (second.images, third.images)):
        assert one.shape == other.shape
        assert not any(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize("name", STYLES)
def test_every_style_draws_and_varies(name: str, tmp_path: Path) -> None:
    folder = bare_faces(tmp_path, 2)
    drawn = read_drawn(folder, name, ("correct",), (name,))
    changed = (np.abs(drawn.images.astype(int) - SKIN) > 12).any(axis=-1)
    assert 0.1 < changed.mean() < 0.4
    assert not np.array_equal(drawn.images[0], drawn.images[1])
    style = draw_style(name, np.random.default_rng(0))
    assert style.texture is None or style.texture.dtype == np.uint8


def test_unseen_styles_have_unseen_hues_only() -> None:
    import colorsys

    rng = np.random.default_rng(0)
    for unseen in (False, True):
        for _ in range(200):
            hue, saturation, _value = colorsys.rgb_to_hsv(*(c / 255 for c in colour(rng, unseen)))
            inside = any(low - 1e-6 <= hue <= high + 1e-6 for low, high in UNSEEN_HUES)
            assert inside == unseen or (not unseen and saturation == 0)
    assert set(UNSEEN_STYLES) < set(STYLES)


def test_most_seen_hues_lie_beside_the_unseen_ones() -> None:
    import colorsys

    rng = np.random.default_rng(1)
    drawn = np.array([colorsys.rgb_to_hsv(*(c / 255 for c in colour(rng))) for _ in range(2000)])
    hues = drawn[drawn[:, 1] > 0, 0]
    edges = np.array([edge for span in UNSEEN_HUES for edge in span])
    beside = np.abs(hues[:, None] - edges).min(axis=1) <= 0.06 + 1e-6
    # Every other draw; the rest is from the whole circle: unseen ones are drawn again, 0.24 of it are beside.
    unseen = sum(high - low for low, high in UNSEEN_HUES)
    assert np.mean(beside) == pytest.approx((0.5 + 0.5 * 0.24) / (1 - 0.5 * unseen), abs=0.04)
    assert len(hues) / len(drawn) == pytest.approx(0.65, abs=0.04)


def test_templates_become_textures(tmp_path: Path) -> None:
    make_templates(tmp_path)
    points = {"a": (50, 50), "b": (150, 50), "c": (249, 50), "d": (50, 149), "e": (150, 149), "f": (249, 149)}
    texture = template_texture(tmp_path / "mask_templates" / "two.png", points)
    assert (texture[30, 10] == (200, 0, 0)).all()
    assert (texture[30, -10] == (0, 0, 200)).all()
    drawn = read_drawn(bare_faces(tmp_path), "t", ("correct",), ("two.png",))
    left, right = drawn.images[0, 22, 12].astype(int), drawn.images[0, 22, 20].astype(int)
    assert left[0] > left[2] + 60
    assert right[2] > right[0] + 60


def test_faulty_styles_are_told_together(tmp_path: Path) -> None:
    folder = bare_faces(tmp_path)
    with pytest.raises(InputError) as caught:
        read_drawn(folder, "d", CLASSES, ("surgcal_blue", "none.png"))
    assert "did you mean surgical_blue?" in str(caught.value)
    assert "there is no folder mask_templates above" in str(caught.value)
    make_templates(tmp_path)
    with pytest.raises(InputError, match=r"masks\.cfg: has no template none\.png"):
        read_drawn(folder, "d", CLASSES, ("none.png",))


def test_faces_without_landmarks_are_refused(tmp_path: Path) -> None:
    folder = bare_faces(tmp_path)
    path = tmp_path / "bare_landmarks.npz"
    np.savez(path, name=np.array(["a.png"]), xy=np.zeros((1, 5, 2)))
    with pytest.raises(DataError, match=r"has points of shape \(1, 5, 2\) for 1 names"):
        read_drawn(folder, "d", CLASSES)
    np.savez(path, name=np.array(["a.png"]), xy=np.zeros((1, 468, 2)))
    with pytest.raises(DataError, match="names no picture of"):
        read_drawn(folder, "d", CLASSES)
    path.unlink()
    with pytest.raises(DataError, match=r"(?s)has no landmarks.*bnn-hw landmarks"):
        read_drawn(folder, "d", CLASSES)
    with pytest.raises(DataError, match="none of mask, no_mask can be drawn"):
        read_drawn(folder, "d", ("mask", "no_mask"))


class FaceMesh:
    """Finds a face in every picture that is not black."""

    def __init__(self, **_options: object) -> None:
        pass

    def __enter__(self) -> "FaceMesh":
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def process(self, picture: np.ndarray) -> SimpleNamespace:
        points = [SimpleNamespace(x=x, y=y) for x, y in np.vstack([mesh(), np.zeros((10, 2))])]
        return SimpleNamespace(
            multi_face_landmarks=[SimpleNamespace(landmark=points)] if picture.any() else None
        )


def test_landmarks_are_found_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mediapipe = ModuleType("mediapipe")
    mediapipe.solutions = SimpleNamespace(face_mesh=SimpleNamespace(FaceMesh=FaceMesh))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mediapipe", mediapipe)
    folder = bare_faces(tmp_path)
    (tmp_path / "bare_landmarks.npz").unlink()
    Image.new("RGB", (96, 96)).save(folder / "black.png")
    (folder / "bad.png").write_bytes(b"bad")
    path, count, left_out = find_landmarks(folder)
    assert (path, count) == (folder / "landmarks.npz", 4)
    assert sorted(Path(fault.place).name for fault in left_out) == ["bad.png", "black.png"]
    assert len(read_drawn(folder, "d", CLASSES)) == 16
    for file in folder.glob("0*.png"):
        file.unlink()
    with pytest.raises(DataError, match="has 2 pictures and no face was found"):
        find_landmarks(folder)


def test_a_mediapipe_without_models_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", ModuleType("mediapipe"))
    with pytest.raises(ToolError, match=r"(?s)mediapipe: is not installed.*pip install mediapipe==0\.10\.14"):
        find_landmarks(tmp_path)
