"""The benchmarks of training measure what they say, on pictures made here."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="training needs torch: pip install bnn-hw[train]")

from benchmarks import drawn_masks, train_speed
from bnn_hw.data import CLASSES
from bnn_hw.data.drawn import read_drawn
from tests.faces import bare_faces


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Masks drawn on other faces stand for the real pictures."""
    root = tmp_path_factory.mktemp("data")
    bare_faces(root, 12, "bare_ffhq")
    other = tmp_path_factory.mktemp("other")
    drawn = read_drawn(bare_faces(other, 60), "d", CLASSES, seed=9)
    for number, (image, label) in enumerate(zip(drawn.images, drawn.labels, strict=True)):
        folder = root / CLASSES[label]
        folder.mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / f"{90000 + number}.png")
    shutil.rmtree(other)
    return root


def test_speed_is_of_all_kinds_on_the_same_batches(data: Path) -> None:
    record = train_speed.measure("ucnv", 60, 20, data)
    assert (record["pictures"], record["batch_size"]) == (60, 20)
    seconds = {kind: record[f"{kind}_epoch_s"] for kind in ("binary", "binary_bfloat16", "float")}
    assert all(isinstance(taken, float) and taken > 0 for taken in seconds.values())
    assert record["binary_over_float"] == pytest.approx(seconds["binary"] / seconds["float"], rel=0.2)
    ratio = seconds["binary_bfloat16"] / seconds["binary"]
    assert record["binary_bfloat16_over_binary"] == pytest.approx(ratio, rel=0.2)


def test_drawings_are_judged_on_real_pictures(data: Path) -> None:
    record = drawn_masks.measure(data, 10)
    drawn, real = record["trained on drawn"], record["trained on real"]
    assert drawn["tested on"] == real["tested on"]
    assert drawn["pictures"] <= 40
    # The same face every time: place of the mask is all there is to learn.
    assert drawn["accuracy on real"] > 0.9
    assert real["accuracy on real"] > 0.9
    assert np.isfinite(drawn["macro recall on real"])
