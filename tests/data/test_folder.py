from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bnn_hw.data import CLASSES
from bnn_hw.data.folder import find_data_set, read_class_folders, subject_of
from bnn_hw.data.pictures import read_picture
from bnn_hw.errors import DataError, InputError


def make_data_set(root: Path, per_class: int = 3, size: int = 48) -> Path:
    """Class folders in which every picture has one colour of its own."""
    for label, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for i in range(per_class):
            colour = (40 * label, 10 * i, 99)
            Image.new("RGB", (size, size), colour).save(root / name / f"{label}{i:04}_Mask.png")
    return root


def test_reads_pictures_labels_and_subjects(tmp_path: Path) -> None:
    pictures = read_class_folders(make_data_set(tmp_path / "faces"))
    assert pictures.name == "faces"
    assert pictures.images.shape == (12, 32, 32, 3)
    assert pictures.images.dtype == np.uint8
    assert pictures.class_counts == dict.fromkeys(CLASSES, 3)
    assert pictures.subjects[4] == "10001"
    assert pictures.labels[4] == 1
    assert (pictures.images[4] == (40, 10, 99)).all()
    assert pictures.persons == 12
    assert pictures.skipped == ()


def test_damaged_pictures_are_skipped_counted_and_named(tmp_path: Path) -> None:
    root = make_data_set(tmp_path)
    whole = (root / "correct" / "00001_Mask.png").read_bytes()
    (root / "correct" / "00001_Mask.png").write_bytes(whole[: len(whole) // 2])
    (root / "chin_exposed" / "77777.jpg").write_text("no picture")
    (root / "chin_exposed" / "88888.png").write_bytes(b"")
    pictures = read_class_folders(root)
    assert len(pictures) == 11
    assert [Path(fault.place).name for fault in pictures.skipped] == [
        "00001_Mask.png",
        "77777.jpg",
        "88888.png",
    ]
    assert all("cannot be read as a picture" in fault.cause for fault in pictures.skipped)


def test_all_missing_and_empty_classes_are_reported_together(tmp_path: Path) -> None:
    root = make_data_set(tmp_path)
    for file in (root / "nose_exposed").iterdir():
        file.unlink()
    (root / "chin_exposed").rename(root / "chin")
    with pytest.raises(DataError) as caught:
        read_class_folders(root)
    places = [Path(fault.place).name for fault in caught.value.faults]
    assert places == ["nose_exposed", "chin_exposed"]
    assert [fault.cause for fault in caught.value.faults] == [
        "the class is empty",
        "the class folder is missing",
    ]


def test_a_class_of_damaged_pictures_only_is_reported(tmp_path: Path) -> None:
    root = make_data_set(tmp_path)
    for file in (root / "nose_mouth_exposed").iterdir():
        file.write_bytes(b"damaged")
    with pytest.raises(DataError, match="nose_mouth_exposed: has no picture that can be read"):
        read_class_folders(root)


def test_progress_counts_every_file(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    read_class_folders(make_data_set(tmp_path), progress=lambda done, total: steps.append((done, total)))
    assert steps == [(i, 12) for i in range(1, 13)]


def test_finds_the_set_by_argument_or_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_data_set(tmp_path / "data" / "maskedface4")
    monkeypatch.delenv("BNN_HW_DATA", raising=False)
    assert find_data_set(root) == root
    assert find_data_set(root.parent) == root
    monkeypatch.setenv("BNN_HW_DATA", str(root.parent))
    assert find_data_set() == root
    assert find_data_set(root) == root


def test_a_named_folder_without_data_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNN_HW_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError) as caught:
        find_data_set()
    text = str(caught.value)
    assert f"BNN_HW_DATA={tmp_path / 'nowhere'}: does not exist" in text
    assert (
        "remedy: give the folder that holds correct, nose_exposed, nose_mouth_exposed, chin_exposed" in text
    )
    assert caught.value.exit_status == 10
    with pytest.raises(DataError, match="has none of the class folders"):
        find_data_set(tmp_path)


def test_subject_is_the_leading_number() -> None:
    assert subject_of(Path("a/13003_Mask_Mouth_Chin.jpg")) == "13003"
    assert subject_of(Path("a/13003.jpg")) == "13003"
    assert subject_of(Path("a/anna.jpg")) == "anna"


def test_small_and_missing_pictures_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (7, 100)).save(tmp_path / "thin.png")
    with pytest.raises(InputError, match="is only 7 x 100 pixels"):
        read_picture(tmp_path / "thin.png")
    with pytest.raises(InputError, match="cannot be read as a picture"):
        read_picture(tmp_path / "missing.png")


def test_pixels_are_means_of_their_area(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    means = pixels.reshape(32, 3, 32, 3, 3).mean(axis=(1, 3))
    # Pillow rounds after each of the two directions.
    assert np.abs(read_picture(tmp_path / "noise.png") - means).max() <= 1.0
