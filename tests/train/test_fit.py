"""Resuming, several processes, distillation and the logs of a training."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install bnn-hw[train]")

from bnn_hw.data.sources import read_sources  # noqa: E402
from bnn_hw.data.split import split_by_person  # noqa: E402
from bnn_hw.errors import InputError  # noqa: E402
from bnn_hw.progress import Reporter  # noqa: E402
from bnn_hw.train import checkpoint  # noqa: E402
from bnn_hw.train.fit import Fit  # noqa: E402
from bnn_hw.train.logs import COLUMNS  # noqa: E402
from bnn_hw.train.recipe import Recipe, TrainSettings, load_recipe  # noqa: E402
from bnn_hw.train.train import train_recipe  # noqa: E402

QUIET = Reporter(quiet=True)


def recipe(**settings: object) -> Recipe:
    return load_recipe("ucnv").changed(
        **{"epochs": 4, "pictures_per_epoch": 60, "batch_size": 20, "reestimate_batches": 2, **settings}
    )


def stop_after(epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupt the training in the middle of the epoch after ``epoch``."""
    steps = Fit.batches

    def batches(self: Fit, number: int) -> object:
        for step, batch in enumerate(steps(self, number)):
            if number > epoch and step == 1:
                raise KeyboardInterrupt
            yield batch

    monkeypatch.setattr(Fit, "batches", batches)


def contents(folder: Path) -> dict[str, object]:
    state = checkpoint.read(folder / "state.pt")
    for row in state["progress"]["history"]:
        del row["seconds"]
    return {"state": state, "best": checkpoint.read(folder / "checkpoint.pt")}


def equal(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return bool(torch.equal(a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    return a == b


@pytest.mark.parametrize(
    ("precision", "arithmetic"), [("binary", "float32"), ("float", "float32"), ("binary", "bfloat16")]
)
def test_interrupted_and_resumed_ends_bit_for_bit_the_same(
    precision: str, arithmetic: str, quadrants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = recipe(precision=precision, arithmetic=arithmetic, paste_share=0.5 * (precision == "float"))
    whole = train_recipe(plan, quadrants, tmp_path / "whole", reporter=QUIET)
    with monkeypatch.context() as patched:
        stop_after(2, patched)
        with pytest.raises(KeyboardInterrupt):
            train_recipe(plan, quadrants, tmp_path / "parts", reporter=QUIET)
    assert checkpoint.read(tmp_path / "parts" / "state.pt")["progress"]["epoch"] == 2
    resumed = train_recipe(plan, quadrants, tmp_path / "parts", reporter=QUIET)
    assert equal(contents(tmp_path / "whole"), contents(tmp_path / "parts"))
    assert resumed.test == whole.test
    rows = list(csv.DictReader((tmp_path / "parts" / "log.csv").open()))
    assert tuple(rows[0]) == COLUMNS
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert len(list((tmp_path / "parts" / "tensorboard").iterdir())) == 2
    # A finished training is not trained again: its files and figures stay.
    before = (tmp_path / "whole" / "checkpoint.pt").read_bytes()
    assert train_recipe(plan, quadrants, tmp_path / "whole", reporter=QUIET).test == whole.test
    assert (tmp_path / "whole" / "checkpoint.pt").read_bytes() == before


def test_another_training_in_the_folder_is_not_gone_on_with(quadrants: Path, tmp_path: Path) -> None:
    train_recipe(recipe(epochs=1), quadrants, tmp_path, reporter=QUIET)
    with pytest.raises(
        InputError, match=r"(?s)state\.pt: belongs to a training with other settings.*--fresh"
    ):
        train_recipe(recipe(epochs=1, seed=7), quadrants, tmp_path, reporter=QUIET)
    result = train_recipe(recipe(epochs=1, seed=7), quadrants, tmp_path, fresh=True, reporter=QUIET)
    assert result.metrics["settings"]["seed"] == 7


def test_a_given_split_is_kept(quadrants: Path, tmp_path: Path) -> None:
    first = train_recipe(recipe(epochs=1), quadrants, tmp_path / "a", reporter=QUIET)
    parts = json.loads((tmp_path / "a" / "split.json").read_text())
    moved = {"train": parts["train"], "validation": parts["test"], "test": parts["validation"]}
    (tmp_path / "moved.json").write_text(json.dumps(moved))
    second = train_recipe(
        recipe(epochs=1), quadrants, tmp_path / "b", split_file=tmp_path / "moved.json", reporter=QUIET
    )
    assert second.test.pictures == first.validation.pictures
    assert json.loads((tmp_path / "b" / "split.json").read_text()) == moved


def test_training_stops_when_validation_does_not_gain(
    quadrants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([0.5, 0.4, 0.6, 0.7, *[0.3] * 5])
    figures = {"validation_accuracy": 0.5, "validation_macro_recall": 0.5}
    monkeypatch.setattr("bnn_hw.train.fit.validate", lambda *_: {"validation_loss": next(losses), **figures})
    settings = recipe(epochs=9, patience=2, reestimate_batches=0)
    result = train_recipe(settings, quadrants, tmp_path, reporter=QUIET)
    assert result.best_epoch == 2
    assert len(checkpoint.read(tmp_path / "state.pt")["progress"]["history"]) == 4
    assert checkpoint.read(result.checkpoint)["epoch"] == 2
    # With more patience the same training goes on.
    more = recipe(epochs=9, patience=5, reestimate_batches=0)
    assert train_recipe(more, quadrants, tmp_path, reporter=QUIET).best_epoch == 9


def test_one_lucky_epoch_is_not_the_best(
    quadrants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([0.6, 0.6, 0.1, *[0.6] * 4, *[0.3] * 5])
    figures = {"validation_accuracy": 0.5, "validation_macro_recall": 0.5}
    monkeypatch.setattr("bnn_hw.train.fit.validate", lambda *_: {"validation_loss": next(losses), **figures})
    settings = recipe(epochs=12, patience=0, reestimate_batches=0, pictures_per_epoch=20)
    assert train_recipe(settings, quadrants, tmp_path, reporter=QUIET).best_epoch == 12


def test_a_teacher_changes_the_loss_as_defined(quadrants: Path, tmp_path: Path) -> None:
    plan = recipe(epochs=1)
    twin = train_recipe(recipe(precision="float", epochs=2), quadrants, tmp_path / "twin", reporter=QUIET)
    taught = train_recipe(plan, quadrants, tmp_path / "taught", teacher=twin.checkpoint, reporter=QUIET)
    alone = train_recipe(plan, quadrants, tmp_path / "alone", reporter=QUIET)
    assert taught.metrics["teacher"] == "checkpoint.pt"
    a, b = (checkpoint.load_checkpoint(result.checkpoint) for result in (taught, alone))
    assert not torch.equal(a.fc1.weight, b.fc1.weight)

    teacher = checkpoint.load_checkpoint(twin.checkpoint)
    fit = object.__new__(Fit)
    fit.settings, fit.teacher = replace(plan.settings, distil_share=1.0, label_smoothing=0.0), teacher
    pixels, labels = torch.rand(5, 3, 32, 32) * 255, torch.zeros(5, dtype=torch.long)
    heat = plan.settings.distil_temperature
    with torch.no_grad():
        own = torch.log_softmax(teacher(pixels) / heat, dim=1)
    # The student that answers as its teacher has nothing to learn; any other has.
    assert fit._loss_of(pixels, own * heat, labels).item() == pytest.approx(0.0, abs=1e-6)
    other = torch.zeros(5, len(plan.classes))
    expected = heat**2 * (own.exp() * (own - torch.log_softmax(other, 1))).sum(dim=1).mean()
    assert fit._loss_of(pixels, other, labels).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("arithmetic", ["float32", "bfloat16"])
def test_layers_compute_in_the_arithmetic_asked_for(arithmetic: str, quadrants: Path, tmp_path: Path) -> None:
    """So do the teacher's; what is kept and judged is float32 always."""
    twin = train_recipe(recipe(precision="float", epochs=1), quadrants, tmp_path / "twin", reporter=QUIET)
    seen: dict[tuple[str, bool], set[torch.dtype]] = {}

    def note(module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> None:
        if isinstance(module, torch.nn.Linear):
            seen.setdefault((type(module).__name__, module.training), set()).add(output.dtype)

    watch = torch.nn.modules.module.register_module_forward_hook(note)
    try:
        plan = recipe(epochs=1, arithmetic=arithmetic, reestimate_batches=0)
        result = train_recipe(plan, quadrants, tmp_path / "out", teacher=twin.checkpoint, reporter=QUIET)
    finally:
        watch.remove()
    asked = getattr(torch, arithmetic)
    assert seen == {
        ("QuantLinear", True): {asked},
        ("Linear", False): {asked},  # the teacher
        ("QuantLinear", False): {torch.float32},
    }
    assert result.metrics["settings"]["arithmetic"] == arithmetic
    for value in checkpoint.load_checkpoint(result.checkpoint).parameters():
        assert value.dtype == torch.float32


def test_pasted_boxes_reach_the_network_with_their_labels(quadrants: Path, tmp_path: Path) -> None:
    split = split_by_person(read_sources(quadrants, recipe().sources, recipe().classes))
    plain, pasted = (
        Fit(checkpoint.network_of("ucnv"), split, recipe(paste_share=share), tmp_path, QUIET)
        for share in (0.0, 1.0)
    )
    pixels, shares = next(pasted.batches(1))
    assert shares.shape == (20, len(recipe().classes))
    assert torch.equal(shares.sum(dim=1), torch.ones(20))
    assert torch.equal(shares.argmax(dim=1), next(plain.batches(1))[1])  # these boxes take less than half
    assert not torch.equal(pixels, next(plain.batches(1))[0])


def test_a_training_begins_with_given_weights(quadrants: Path, tmp_path: Path) -> None:
    first = train_recipe(recipe(epochs=1), quadrants, tmp_path / "first", reporter=QUIET)
    # Steps too small to move any weight across zero: the network answers as the one it began with.
    still = recipe(epochs=1, learning_rate=1e-12, reestimate_batches=0)
    result = train_recipe(still, quadrants, tmp_path / "on", start=first.checkpoint, reporter=QUIET)
    assert (result.metrics["start"], first.metrics["start"]) == ("checkpoint.pt", None)
    begun, ended = (checkpoint.load_checkpoint(each.checkpoint) for each in (first, result))
    assert torch.allclose(begun.conv1_1.weight, ended.conv1_1.weight, atol=1e-9)
    assert "bnn-hw train ucnv --epochs 1" in (tmp_path / "on" / "MODEL_CARD.md").read_text()
    assert "--start checkpoint.pt`" in (tmp_path / "on" / "MODEL_CARD.md").read_text()
    # With another start it is another training, which is not gone on with.
    with pytest.raises(InputError, match=r"state\.pt: belongs to a training with other settings"):
        train_recipe(still, quadrants, tmp_path / "on", reporter=QUIET)


def test_a_start_of_another_kind_is_refused(quadrants: Path, tmp_path: Path) -> None:
    classes = load_recipe("ucnv").classes
    for name, precision in (("ncnv", "binary"), ("ucnv", "float")):
        path = tmp_path / f"{name}.pt"
        checkpoint.save_network(checkpoint.network_of(name, precision), classes, 1, path)
        with pytest.raises(InputError) as caught:
            train_recipe(recipe(), quadrants, tmp_path / "out", start=path, reporter=QUIET)
        assert f"{name}.pt: holds the {precision} network {name}" in str(caught.value)
        assert "give a checkpoint of the binary network ucnv" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_teacher_of_other_classes_is_refused(quadrants: Path, tmp_path: Path) -> None:
    net = checkpoint.network_of("ucnv", "float", 2)
    checkpoint.save_network(net, ("mask", "no_mask"), 1, tmp_path / "other.pt")
    with pytest.raises(InputError, match=r"other\.pt: knows the classes mask, no_mask"):
        train_recipe(recipe(), quadrants, tmp_path / "out", teacher=tmp_path / "other.pt", reporter=QUIET)


def test_two_processes_train_one_network(quadrants: Path, tmp_path: Path) -> None:
    """Both processes hold the same weights at the end, and the files are written once."""
    script = tmp_path / "both.py"
    script.write_text(
        "import sys, torch\n"
        "from pathlib import Path\n"
        "from bnn_hw.progress import Reporter\n"
        "from bnn_hw.train.fit import Fit\n"
        "from bnn_hw.train.recipe import load_recipe\n"
        "from bnn_hw.train.train import train_recipe\n"
        "data, out = map(Path, sys.argv[1:])\n"
        "plan = load_recipe('ucnv').changed(epochs=2, pictures_per_epoch=80, batch_size=20)\n"
        "run = Fit.run\n"
        "def kept(self):\n"
        "    progress = run(self)\n"
        "    rows = [row[:2] for row in map(tuple, (r.values() for r in progress.history))]\n"
        "    torch.save([p.data for p in self.net.parameters()], out.parent / f'rank{self.ranks.rank}.pt')\n"
        "    return progress\n"
        "Fit.run = kept\n"
        "train_recipe(plan, data, out, reporter=Reporter(quiet=True))\n"
    )
    out = tmp_path / "out"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(script), str(quadrants), str(out)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (torch.load(tmp_path / f"rank{rank}.pt") for rank in (0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["processes"] == 2
    assert len((out / "log.csv").read_text().splitlines()) == 3


def test_batches_that_leave_a_process_without_work_are_refused() -> None:
    settings = TrainSettings(batch_size=6, pictures_per_epoch=12)
    settings.check(ranks=2)
    with pytest.raises(InputError, match=r"(?s)leaves a batch of one picture of 4 processes.*multiples of 8"):
        settings.check(ranks=4)
