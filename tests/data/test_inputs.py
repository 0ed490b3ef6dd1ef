import numpy as np
import pytest
from PIL import Image

from bnn_hw.data.inputs import load_pictures
from bnn_hw.errors import InputError

SHAPE = (4, 4, 3)


def test_arrays_keep_their_values_and_labels(tmp_path):
    images = np.arange(2 * 48, dtype=np.uint8).reshape(2, *SHAPE)
    np.savez(tmp_path / "a.npz", images=images, labels=[3, 1])
    np.save(tmp_path / "b.npy", images[0])
    loaded = load_pictures([tmp_path / "a.npz", tmp_path / "b.npy"], SHAPE)
    assert (loaded.images == np.concatenate([images, images[:1]])).all()
    assert loaded.labels.tolist() == [3, 1, -1]
    assert loaded.names == ("a.npz[0]", "a.npz[1]", "b.npy[0]")


def test_grey_array_gets_its_channel_axis(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((5, 4, 4), np.uint8))
    assert load_pictures([tmp_path / "a.npz"], (4, 4, 1)).images.shape == (5, 4, 4, 1)


def test_folder_of_pictures_is_read_in_order_and_resized(tmp_path):
    for name, level in (("b.png", 200), ("a.png", 10)):
        Image.new("RGB", (16, 16), (level, 0, 255)).save(tmp_path / name)
    loaded = load_pictures([tmp_path], SHAPE)
    assert loaded.names == ("a.png", "b.png")
    assert loaded.images[:, 0, 0].tolist() == [[10, 0, 255], [200, 0, 255]]


def test_all_faults_are_reported_together(tmp_path):
    np.save(tmp_path / "float.npy", np.zeros((1, *SHAPE)))
    np.save(tmp_path / "shape.npy", np.zeros((1, 3, 4, 4), np.uint8))
    np.savez(tmp_path / "key.npz", pictures=np.zeros((1, *SHAPE), np.uint8))
    np.savez(tmp_path / "labels.npz", x=np.zeros((2, *SHAPE), np.uint8), y=[1])
    (tmp_path / "junk.npy").write_bytes(b"junk")
    (tmp_path / "empty").mkdir()
    names = ["float.npy", "shape.npy", "key.npz", "labels.npz", "junk.npy", "empty", "absent"]
    with pytest.raises(InputError) as caught:
        load_pictures([tmp_path / name for name in names], SHAPE)
    causes = {fault.place.rsplit("/", 1)[-1]: fault.cause for fault in caught.value.faults}
    assert set(causes) == set(names)
    assert causes["float.npy"] == "holds float64 values"
    assert causes["shape.npy"] == "has the shape (1, 3, 4, 4)"
    assert causes["key.npz"] == "has the arrays pictures"
    assert causes["labels.npz"] == "has labels of shape (1,) and type int64 for 2 pictures"
    assert causes["junk.npy"].startswith("cannot be read")
    assert causes["empty"] == "holds no picture file"
    assert causes["absent"] == "does not exist"


def test_picture_file_for_a_network_without_colours_is_refused(tmp_path):
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"the network reads 1x1x784"):
        load_pictures([tmp_path / "a.png"], (1, 1, 784))


def test_no_pictures_at_all():
    with pytest.raises(InputError, match="none were given"):
        load_pictures([], SHAPE)
