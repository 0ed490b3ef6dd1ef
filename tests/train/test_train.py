import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install bnn-hw[train]")

from bnn_hw.data import CLASSES  # noqa: E402
from bnn_hw.data.pictures import read_picture  # noqa: E402
from bnn_hw.errors import ConfigError, DataError, InputError, OutputError  # noqa: E402
from bnn_hw.train.augment import Augmentation  # noqa: E402
from bnn_hw.train.train import TrainSettings, export, load_checkpoint, predict, train  # noqa: E402
from tests.faces import bare_faces  # noqa: E402

STILL = Augmentation(flip=False, rotation_deg=0, scale=0, shift=0, contrast=0, brightness=0, noise=0)
QUICK = TrainSettings(epochs=4, pictures_per_epoch=400, batch_size=50, augmentation=STILL)


def test_learns_a_simple_task_and_writes_its_figures(quadrants: Path, tmp_path: Path) -> None:
    result = train("ucnv", quadrants, tmp_path / "out", QUICK)
    assert result.test.accuracy > 0.9
    metrics = json.loads(result.metrics_path.read_text())
    assert metrics == json.loads(json.dumps(result.metrics))
    assert metrics["settings"]["seed"] == 0
    assert metrics["settings"]["epochs"] == 4
    assert metrics["test"]["pictures"] == sum(metrics["data"]["pictures"]["test"].values())
    assert metrics["test"]["persons"] == metrics["data"]["persons"]["test"]
    assert sum(metrics["data"]["persons"].values()) == 160
    assert metrics["data"]["skipped"] == ["correct/9999.png"]
    net = load_checkpoint(result.checkpoint)
    assert net.spec.name == "ucnv"
    picture = read_picture(quadrants / CLASSES[2] / "2000.png")
    assert predict(net, picture[None]).argmax() == 2
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "MODEL_CARD.md",
        "checkpoint.pt",
        "log.csv",
        "metrics.json",
        "split.json",
        "state.pt",
        "tensorboard",
    ]
    split = json.loads((tmp_path / "out" / "split.json").read_text())
    assert {part: len(persons) for part, persons in split.items()} == metrics["data"]["persons"]


def test_only_the_training_part_is_drawn_on_again(tmp_path: Path) -> None:
    bare_faces(tmp_path, 40)
    recipe = tmp_path / "drawn.toml"
    recipe.write_text(
        f'network = "ucnv"\nclasses = {json.dumps(CLASSES)}\n'
        '[settings]\nepochs = 1\npictures_per_epoch = 40\nbatch_size = 20\nsampling = "grouped"\n'
        '[[data]]\nkind = "drawn"\nfolder = "bare"\ndrawings = 3\n'
    )
    data = train(recipe, tmp_path, tmp_path / "out").metrics["data"]
    for part, drawings in (("train", 3), ("validation", 1), ("test", 1)):
        assert data["pictures"][part] == dict.fromkeys(CLASSES, drawings * data["persons"][part])
    assert sum(data["persons"].values()) == 40


def test_same_seed_gives_the_same_network(quadrants: Path, tmp_path: Path) -> None:
    settings = replace(QUICK, epochs=1, pictures_per_epoch=100, augmentation=Augmentation())
    nets = [
        load_checkpoint(train("ucnv", quadrants, tmp_path / str(i), replace(settings, seed=seed)).checkpoint)
        for i, seed in enumerate((4, 4, 5))
    ]
    weights = [torch.cat([p.flatten() for p in net.parameters()]) for net in nets]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_checkpoint_exports_to_a_model_and_golden_vectors(quadrants: Path, tmp_path: Path) -> None:
    settings = replace(QUICK, epochs=1, pictures_per_epoch=100)
    result = train("ucnv", quadrants, tmp_path, settings)
    model, golden_path = export(result.checkpoint, tmp_path / "design")
    assert model.stat().st_size > 100_000
    golden = np.load(golden_path)
    assert golden["images"].shape == (10, 32, 32, 3)
    assert np.array_equal(golden["scores"], predict(load_checkpoint(result.checkpoint), golden["images"]))


def test_unknown_network_and_missing_data_are_refused(quadrants: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean ucnv"):
        train("unvc", quadrants, tmp_path / "out", QUICK)
    with pytest.raises(DataError, match="does not exist"):
        train("ucnv", tmp_path / "none", tmp_path / "out", QUICK)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (TrainSettings(epochs=0), "epochs: is 0\n    remedy: give a number of at least 1"),
        (TrainSettings(batch_size=-2), "batch_size: is -2"),
        (
            TrainSettings(pictures_per_epoch=101, batch_size=50),
            "batch_size: 50 leaves a batch of one picture",
        ),
    ],
)
def test_impossible_settings_are_refused(settings: TrainSettings, text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        train("ucnv", None, tmp_path, settings)
    assert text in str(caught.value)


def test_a_checkpoint_of_the_twin_is_no_accelerator(quadrants: Path, tmp_path: Path) -> None:
    settings = replace(QUICK, epochs=2, precision="float")
    result = train("ucnv", quadrants, tmp_path, settings)
    assert result.test.accuracy > 0.9
    net = load_checkpoint(result.checkpoint)
    assert net.precision == "float"
    assert len(net.fc1.weight.unique()) > 100
    with pytest.raises(InputError, match="holds a float network, which no accelerator is made of"):
        export(result.checkpoint, tmp_path / "design")


def test_output_folder_that_is_a_file_is_refused(quadrants: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file: cannot be made: File exists"):
        train("ucnv", quadrants, tmp_path / "file", QUICK)


def test_damaged_checkpoints_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(InputError, match="does not exist"):
        load_checkpoint(path)
    torch.save({"weights": {}}, path)
    with pytest.raises(InputError, match=r"is not a checkpoint: .*network"):
        load_checkpoint(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="is not a checkpoint"):
        load_checkpoint(path)
    path.write_text("text")
    with pytest.raises(
        InputError, match=r"(?s)is not a checkpoint.*give a checkpoint\.pt that bnn-hw train wrote"
    ):
        load_checkpoint(path)
