import numpy as np
import pytest
from PIL import Image

from bnn_hw.data import CLASSES
from bnn_hw.errors import DataError
from bnn_hw.ir.types import ValueType, uint
from bnn_hw.pictures import picture_groups, proof_pictures

FACE = ValueType(uint(8), (32, 32, 3))


@pytest.fixture
def no_data(monkeypatch, tmp_path):
    """No data set: neither named nor beside the checkout."""
    monkeypatch.delenv("BNN_HW_DATA", raising=False)
    monkeypatch.setattr("bnn_hw.data.folder.__file__", str(tmp_path / "a" / "b" / "c" / "folder.py"))


def test_binarycop_gets_the_portrait_in_all_positions(no_data):
    (group,) = picture_groups(FACE, CLASSES)
    assert set(group.pictures.labels) == {0, 1, 2, 3}
    assert group.display.shape[1:] == (256, 256, 3)


def test_classes_beside_binarycop_s_change_nothing(no_data):
    (group,) = picture_groups(FACE, (*CLASSES, "no_mask"))
    assert set(group.pictures.labels) == {0, 1, 2, 3}


def test_named_data_set_that_is_absent_is_an_error(no_data, monkeypatch, tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        picture_groups(FACE, CLASSES, data=tmp_path / "absent")
    monkeypatch.setenv("BNN_HW_DATA", str(tmp_path / "absent"))
    with pytest.raises(DataError, match="BNN_HW_DATA"):
        picture_groups(FACE, CLASSES)


def test_data_set_adds_its_test_part_and_no_other_person(tmp_path):
    from bnn_hw.data.split import part_of

    for name in CLASSES:
        (tmp_path / name).mkdir()
        for number in range(40):
            Image.new("RGB", (32, 32), (number, 0, 0)).save(tmp_path / name / f"{number:05}_Mask.png")
    _, group = picture_groups(FACE, CLASSES, data=tmp_path)
    persons = {name.removeprefix("person ") for name in group.pictures.names}
    assert persons == {f"{n:05}" for n in range(40) if part_of(f"{n:05}") == "test"}
    assert group.persons == len(persons)


def test_pictures_given_take_the_place_of_all_others(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 32, 32, 3), np.uint8))
    (group,) = picture_groups(FACE, CLASSES, files=[tmp_path / "a.npy"])
    assert len(group.pictures) == 2


def test_other_networks_have_no_pictures(no_data):
    assert picture_groups(ValueType(uint(8), (28, 28, 1)), [str(i) for i in range(10)]) == []


def test_proof_mixes_real_pictures_with_noise_of_the_whole_range(no_data):
    groups = picture_groups(FACE, CLASSES)
    images = proof_pictures(FACE, groups, 9, seed=1)
    known = {picture.tobytes() for picture in groups[0].pictures.images}
    assert sum(image.tobytes() in known for image in images) == 5
    assert images.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 255)
    assert (images == proof_pictures(FACE, groups, 9, seed=1)).all()
    assert len(proof_pictures(ValueType(uint(8), (28, 28, 1)), [], 4, seed=1)) == 4
