import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bnn_hw.data import CLASSES
from bnn_hw.data.folder import PictureSet, concatenate, subject_of
from bnn_hw.data.pairs import read_pairs
from bnn_hw.data.sources import Source, read_sources
from bnn_hw.data.split import (
    draw_grouped,
    draw_weighted,
    imbalance,
    read_split,
    split_by_person,
    subsample,
    write_split,
)
from bnn_hw.data.trees import list_tree
from bnn_hw.errors import DataError

SUFFIXES = ("_Mask", "_Mask_Mouth_Chin", "_Mask_Chin", "_Mask_Nose_Mouth")


def paint(path: Path, colour: tuple[int, int, int] = (1, 2, 3)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 40), colour).save(path)


def make_tree(root: Path, persons: int = 3) -> Path:
    """MaskedFace-Net's own layout; the colour tells the class."""
    for label, suffix in enumerate(SUFFIXES):
        for person in range(persons):
            tree, thousand = "IMFD" if label else "CMFD", f"{person // 2:05}"
            paint(root / tree / thousand / f"{person:05}{suffix}.png", (60 * label, person, 0))
    return root


def test_published_trees_are_read_by_suffix(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    paint(root / "IMFD" / "00000" / "00009_Mask_Forehead.png")
    (root / "IMFD" / "00000" / "notes.txt").write_text("no picture")
    pictures = read_sources(root, [Source("maskedface4")], CLASSES)
    assert pictures.class_counts == dict.fromkeys(CLASSES, 3)
    assert (pictures.images[:, 0, 0, 0] == 60 * pictures.labels).all()
    assert pictures.persons == 3
    assert [Path(fault.place).name for fault in pictures.skipped] == ["00009_Mask_Forehead.png"]
    assert "has a suffix of no class" in pictures.skipped[0].cause
    inside = read_sources(tmp_path.parent, [Source(tmp_path.name)], CLASSES)
    assert np.array_equal(inside.images, pictures.images)


def test_a_tree_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "CMFD").mkdir()
    with pytest.raises(DataError, match=r"(?s)has no picture of correct.*CMFD/00000/00000_Mask\.jpg"):
        list_tree(tmp_path, CLASSES)


def test_class_folders_of_other_names_and_several_sources(tmp_path: Path) -> None:
    for i in range(3):
        paint(tmp_path / "street" / "with_mask" / f"crowd{i}_0.png", (9, 9, 9))
        paint(tmp_path / "street" / "without_mask" / f"crowd{i}_1.png")
        paint(tmp_path / "studio" / "no_mask" / f"{i:05}.png")
    sources = [
        Source("street", classes={"with_mask": "mask", "without_mask": "no_mask"}),
        Source("studio", name="bare", classes={"no_mask": "no_mask"}),
    ]
    pictures = read_sources(tmp_path, sources, ("mask", "no_mask"))
    assert pictures.class_counts == {"mask": 3, "no_mask": 6}
    assert pictures.groups == ("street",) * 6 + ("bare",) * 3
    assert pictures.persons == 6
    kept = pictures.select(pictures.labels == 1)
    assert kept.groups == ("street",) * 3 + ("bare",) * 3
    with pytest.raises(DataError, match="has no picture that can be read of hat"):
        read_sources(tmp_path, sources, ("mask", "no_mask", "hat"))
    with pytest.raises(DataError, match=r"(?s)nowhere: does not exist.*BNN_HW_DATA"):
        read_sources(tmp_path, [Source("nowhere"), sources[0]], ("mask", "no_mask"))


def test_faces_of_one_photograph_are_one_subject() -> None:
    assert subject_of(Path("crowd12_0.jpg")) == subject_of(Path("crowd12_14.jpg")) == "crowd12"
    assert subject_of(Path("Ada_Byron/Ada_Byron_0002.jpg")) == "Ada_Byron"
    assert subject_of(Path("00012_Mask_Chin.jpg")) == "00012"


def test_large_classes_are_subsampled_reproducibly(tmp_path: Path) -> None:
    root = make_tree(tmp_path, persons=8)
    source = Source("maskedface4", per_class=5)
    first = read_sources(root, [source], CLASSES)
    assert first.class_counts == dict.fromkeys(CLASSES, 5)
    assert read_sources(root, [source], CLASSES).subjects == first.subjects
    assert read_sources(root, [source], CLASSES, seed=1).subjects != first.subjects
    few = [(Path("a"), 0), (Path("b"), 1), (Path("c"), 0)]
    assert subsample(few, 2) == few
    assert len(subsample(few, 1)) == 2


def picture_set(labels: list[int], groups: tuple[str, ...] = ()) -> PictureSet:
    images = np.zeros((len(labels), 1, 1, 3), np.uint8)
    subjects = tuple(f"{i:05}" for i in range(len(labels)))
    return PictureSet("made", ("a", "b"), images, np.array(labels), subjects, groups=groups)


def test_imbalance_and_empty_classes_are_reported() -> None:
    assert imbalance(picture_set([0, 0, 0, 0, 1])) == []
    assert imbalance(picture_set([0] * 10 + [1])) == [
        "made/b has 1 pictures, 10 times fewer than the largest class: they are drawn more often"
    ]
    assert imbalance(picture_set([0] * 3)) == ["made/b is empty: it cannot be learned or judged"]


def test_split_file_gives_the_same_split_back(tmp_path: Path) -> None:
    pictures = picture_set([0, 1] * 100)
    split = split_by_person(pictures)
    write_split(split, tmp_path / "split.json")
    again = read_split(pictures, tmp_path / "split.json")
    for part in ("train", "validation", "test"):
        assert getattr(again, part).subjects == getattr(split, part).subjects


def test_faulty_split_files_are_refused(tmp_path: Path) -> None:
    path, pictures = tmp_path / "split.json", picture_set([0, 1] * 3)
    with pytest.raises(DataError, match="is no split"):
        read_split(pictures, path)
    path.write_text("[1]")
    with pytest.raises(DataError, match="give a file with the lists train, validation, test"):
        read_split(pictures, path)
    path.write_text(json.dumps({"train": ["00000"], "validation": ["00000"], "test": ["00001"]}))
    with pytest.raises(DataError) as caught:
        read_split(pictures, path)
    assert "has 00000 in train and in validation" in str(caught.value)
    assert "does not name 4 persons, 00002, 00003, 00004 first" in str(caught.value)


def test_sets_are_concatenated_with_their_names_as_groups() -> None:
    both = concatenate("both", [picture_set([0]), picture_set([1, 1], ("x", "y"))])
    assert both.labels.tolist() == [0, 1, 1]
    assert both.groups == ("made", "x", "y")


def test_weighted_draws_are_even_over_classes_by_chance() -> None:
    labels = np.repeat([0, 1], [900, 100])
    rows = draw_weighted(labels, 20_000, np.random.default_rng(0))
    assert abs(labels[rows].mean() - 0.5) < 0.015
    assert len(set(rows[labels[rows] == 1])) == 100


def test_grouped_draws_follow_shares_then_roots_of_classes() -> None:
    labels = np.array([0] * 10 + [1] * 90 + [0] * 30)
    groups = ["real"] * 100 + ["drawn"] * 30
    rows = draw_grouped(labels, groups, {"real": 3.0}, 400, np.random.default_rng(0))
    real = rows[rows < 100]
    assert len(real) == 300
    # 10 and 90 pictures: one to three.
    assert np.bincount(labels[real]).tolist() == [75, 225]
    # Within a class of a group every picture comes before any comes again.
    assert {(rows == i).sum() for i in range(10)} == {7, 8}
    assert {(rows == i).sum() for i in range(100, 130)} == {3, 4}


def make_pairs(folder: Path, text: str) -> Path:
    for name in ("Ada/Ada_0001", "Ada/Ada_0002", "Eve/Eve_0001"):
        paint(folder / f"{name}.png")
    (folder / "pairs.csv").write_text(text)
    return folder / "pairs.csv"


def test_pairs_are_read_each_picture_once(tmp_path: Path) -> None:
    table = make_pairs(
        tmp_path,
        "a,b,same\nAda/Ada_0001.png,Ada/Ada_0002.png,1\nAda/Ada_0001.png,Eve/Eve_0001.png,0\n"
        "Ada/Ada_0001.png,Eve/Eve_0001.png,1\nAda/Ada_0009.png,Eve/Eve_0001.png,0\n",
    )
    pairs = read_pairs(table)
    assert pairs.images.shape == (3, 32, 32, 3)
    assert pairs.same.tolist() == [True, False]
    assert (pairs.left.tolist(), pairs.right.tolist()) == ([0, 0], [1, 2])
    assert pairs.persons == 2
    assert [fault.place.split(": ")[0].rsplit(", ", 1)[1] for fault in pairs.skipped] == ["line 4", "line 5"]
    assert "says same=1" in pairs.skipped[0].cause


def test_faulty_tables_of_pairs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no column same"):
        read_pairs(make_pairs(tmp_path, "a,b\nx,y\n"))
    with pytest.raises(DataError, match="leaves no pair"):
        read_pairs(make_pairs(tmp_path, "a,b,same\n"))
    with pytest.raises(DataError, match="cannot be read"):
        read_pairs(tmp_path / "none.csv")
