"""The commands around training, end to end on pictures made here."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

pytest.importorskip("torch", reason="training needs torch: pip install bnn-hw[train]")

from bnn_hw.cli import main
from bnn_hw.data import CLASSES


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (root / name).mkdir()
        for i in range(30):
            pixels = rng.integers(0, 180, (32, 32, 3), np.uint8)
            pixels[..., label % 3] += 60 if label < 3 else 0
            Image.fromarray(pixels).save(root / name / f"{label}{i:03}.png")
    return root


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "ucnv"
    small = ("--epochs", 2, "--pictures-per-epoch", 60, "--batch-size", 20)
    result = invoke("train", "ucnv", "--data", data, "--out", out, *small, "--seed", 3)
    assert result.exit_code == 0, result.output
    assert f"next: bnn-hw evaluate {out / 'checkpoint.pt'}" in result.output
    assert "epoch 2 of 2: loss" in result.output
    return out


def test_train_leaves_everything_that_comes_next(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert {"checkpoint.pt", "model.onnx", "golden.npz", "metrics.json", "MODEL_CARD.md", "log.csv"} <= names
    assert json.loads((trained / "metrics.json").read_text())["settings"]["seed"] == 3


def test_evaluate_and_gradcam_take_the_checkpoint(trained: Path, data: Path, tmp_path: Path) -> None:
    checkpoint = trained / "checkpoint.pt"
    judged = invoke(
        "evaluate", checkpoint, "--data", data, "--without-qonnx", "--out", tmp_path / "judged", "--json"
    )
    assert judged.exit_code == 0, judged.output
    record = json.loads(judged.stdout)
    expected = json.loads((trained / "metrics.json").read_text())["test"]
    assert record["evaluation"]["confusion"] == expected["confusion"]
    assert record["agreeing"] == ["Brevitas", "integer graph"]
    assert (tmp_path / "judged" / "evaluation.png").is_file()
    drawn = invoke("gradcam", checkpoint, "--data", data, "--to", tmp_path / "cam.png", "--per-class", 1)
    assert drawn.exit_code == 0, drawn.output
    assert (tmp_path / "cam.png").is_file()
    assert "ucnv binary, correct: heat" in drawn.output


def test_the_exported_model_is_judged_as_the_checkpoint(trained: Path, data: Path) -> None:
    pytest.importorskip("qonnx", reason="the comparison needs qonnx: pip install bnn-hw[dev]")
    model = trained / "model.onnx"
    result = invoke("evaluate", model, "--data", data, "--input-scale", 1, "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert record["agreeing"] == ["QONNX", "integer graph"]
    expected = json.loads((trained / "metrics.json").read_text())["test"]
    assert record["evaluation"]["confusion"] == expected["confusion"]


@pytest.mark.parametrize(
    ("arguments", "status", "texts"),
    [
        (["train", "ncvn"], 5, ["network ncvn: there is no such recipe", "did you mean ncnv?"]),
        (["train", "ucnv", "--data", "absent"], 10, ["absent: does not exist"]),
        (["train", "ucnv", "--learning-rate", "9"], 2, ["learning_rate: is 9.0"]),
        (["train", "ucnv", "--teacher", "absent.pt"], 2, ["absent.pt: does not exist"]),
        (["train", "ucnv", "--start", "absent.pt"], 2, ["absent.pt: does not exist"]),
        (["evaluate", "absent.pt"], 2, ["absent.pt: does not exist"]),
        (["evaluate", "ncvn"], 5, ["design ncvn: is unknown"]),
        (["gradcam", "absent.pt", "--data", "absent"], 10, ["absent: does not exist"]),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, texts: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.exit_code == status, result.output
    for text in texts:
        assert text in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []
