from pathlib import Path

import numpy as np

from bnn_hw.data import CLASSES
from bnn_hw.data.folder import PictureSet
from bnn_hw.data.styles import STYLES
from bnn_hw.progress import Reporter
from bnn_hw.robustness import disturbed, drawn_masks, lines_of
from tests.faces import bare_faces, make_templates

QUIET = Reporter(quiet=True)


def always(label: int):
    return lambda images: np.eye(4)[np.full(len(images), label)]


def bright(images: np.ndarray) -> np.ndarray:
    """Class 1 where the mean is above 128, else class 0."""
    return np.eye(4)[(images.mean(axis=(1, 2, 3)) > 128).astype(int)]


def test_accuracy_follows_the_disturbance() -> None:
    images = np.stack([np.full((32, 32, 3), value, np.uint8) for value in (100, 110, 150, 160)])
    pictures = PictureSet("made", CLASSES, images, np.array([0, 0, 1, 1]), ("a", "b", "c", "c"))
    tables = {table.name: table for table in disturbed({"bright": bright, "one": always(1)}, pictures, QUIET)}
    found = tables["brightness"]
    assert (found.pictures, found.persons) == (4, 3)
    by_amount = dict(zip(found.amounts, found.accuracy["bright"], strict=True))
    assert (by_amount[0], by_amount[20], by_amount[40], by_amount[-40]) == (1.0, 0.75, 0.5, 0.5)
    assert set(found.accuracy["one"]) == {0.5}
    assert set(tables["rotation"].accuracy["bright"]) == {1.0}
    text = "\n".join(lines_of(found))
    assert "brightness (pixel values): accuracy on 4 pictures of 3 persons" in text
    assert " 75.0%" in text


def test_masks_are_drawn_on_persons_that_may_be_drawn_on(tmp_path: Path) -> None:
    (tmp_path / "correct").mkdir()
    bare_faces(tmp_path, 5, "bare_ffhq")
    asked = []

    def keep(person: str) -> bool:
        asked.append(person)
        return person in ("00001", "00003", "00004")

    (table,) = drawn_masks({"two": always(2)}, CLASSES, tmp_path, keep, QUIET, faces=2)
    assert table.amounts == tuple(STYLES)
    assert (table.pictures, table.persons) == (8, 2)
    assert table.accuracy == {"two": (0.25,) * len(STYLES)}
    assert set(asked) == {f"{i:05}" for i in range(5)}
    lines = lines_of(table)
    assert len(lines) == 4 + len(STYLES)
    assert lines[2].split() == ["surgical_blue", "25.0%"]
    assert lines[-2:] == [
        "  in no recipe, cloth_checked, cloth_camouflage, cloth_unseen: 24 pictures together",
        "    two: 25.0% (12.0% to 44.9%)",
    ]
    make_templates(tmp_path)
    (tmp_path / "mask_templates" / "two_left.png").touch()
    (table,) = drawn_masks({"two": always(2)}, CLASSES, tmp_path, keep, QUIET, faces=2)
    assert table.amounts == (*STYLES, "two.png")


def test_without_bare_faces_the_reason_is_told(tmp_path: Path, capsys) -> None:
    (tmp_path / "correct").mkdir()
    assert drawn_masks({"two": always(2)}, CLASSES, tmp_path, lambda _: True, Reporter()) == ()
    assert "no table of mask colours" in capsys.readouterr().err
