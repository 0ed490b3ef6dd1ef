"""Trains a network on a folder data set and writes the trained model with its figures."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import brevitas
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn import functional

from bnn_hw import __version__
from bnn_hw.data.folder import PictureSet, find_data_set, read_class_folders
from bnn_hw.data.samples import golden_pictures
from bnn_hw.data.split import PARTS, Split, draw_balanced, split_by_person
from bnn_hw.errors import InputError, OutputError
from bnn_hw.train.augment import Augmentation
from bnn_hw.train.export import export_onnx, write_golden
from bnn_hw.train.metrics import Evaluation, evaluate
from bnn_hw.train.networks import BinaryNetwork, network

_CHECKPOINT = "checkpoint.pt"
_EVALUATION_BATCH = 256


@dataclass(frozen=True)
class TrainSettings:
    """How to train; ``pictures_per_epoch`` balanced draws make one epoch.

    learning_rate is the peak of the one-cycle schedule; split_seed decides
    who is in which part and is kept apart from ``seed``, so that trainings
    with different seeds are judged on the same persons.
    """

    epochs: int = 60
    seed: int = 0
    split_seed: int = 0
    pictures_per_epoch: int = 6000
    batch_size: int = 100
    learning_rate: float = 1e-2
    label_smoothing: float = 0.02
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True)
class TrainResult:
    """What a training gave: the best checkpoint and its figures on the validation and the test part."""

    checkpoint: Path
    metrics_path: Path
    best_epoch: int
    validation: Evaluation
    test: Evaluation
    metrics: dict[str, Any]


def train(
    design_name: str,
    data_dir: Path | None,
    out_dir: Path,
    settings: TrainSettings | None = None,
    console: Console | None = None,
) -> TrainResult:
    """Train ``cnv``, ``ncnv`` or ``ucnv``; write checkpoint.pt and metrics.json to ``out_dir``.

    ``data_dir`` as for :func:`bnn_hw.data.folder.find_data_set`. The epoch
    that does best on the validation part is kept; the test part is looked at
    once, at the end. Raises ConfigError (unknown network), InputError
    (settings), DataError (data set) and OutputError (``out_dir``).
    """
    settings = settings or TrainSettings()
    console = console or Console(stderr=True)
    _check(settings)
    started = time.monotonic()
    torch.manual_seed(settings.seed)
    net = network(design_name)
    folder = find_data_set(data_dir)
    checkpoint = _make_folder(out_dir) / _CHECKPOINT
    with _progress(console) as progress:
        task = progress.add_task("reading pictures", total=None)
        pictures = read_class_folders(
            folder, progress=lambda done, total: progress.update(task, completed=done, total=total)
        )
    for fault in pictures.skipped:
        console.print(f"skipped {fault}", style="yellow", highlight=False)
    split = split_by_person(pictures, settings.split_seed)
    best_epoch = _fit(net, split, settings, checkpoint, console)
    net = load_checkpoint(checkpoint)
    validation, test = evaluate_network(net, split.validation), evaluate_network(net, split.test)
    metrics = {
        "network": {"name": design_name, "weights": net.weight_count(), "macs_per_frame": net.mac_count()},
        "data": _describe_data(pictures, split),
        "settings": asdict(settings),
        "best_epoch": best_epoch,
        "validation": validation.to_json(),
        "test": test.to_json(),
        "duration_s": round(time.monotonic() - started, 1),
        "versions": {"bnn_hw": __version__, "brevitas": brevitas.__version__, "torch": torch.__version__},
    }
    metrics_path = out_dir / "metrics.json"
    _write_json(metrics, metrics_path)
    return TrainResult(checkpoint, metrics_path, best_epoch, validation, test, metrics)


def export(checkpoint: Path, out_dir: Path) -> tuple[Path, Path]:
    """Write model.onnx and golden.npz of a checkpoint to ``out_dir``; return their paths.

    Raises InputError (checkpoint) and OutputError (``out_dir``).
    """
    net = load_checkpoint(checkpoint)
    model, golden = _make_folder(out_dir) / "model.onnx", out_dir / "golden.npz"
    export_onnx(net, model)
    write_golden(net, *golden_pictures(), golden)
    return model, golden


def load_checkpoint(path: Path) -> BinaryNetwork:
    """Read a checkpoint written by :func:`train`. Raises InputError."""
    remedy = "give a checkpoint.pt that bnn-hw train wrote"
    try:
        state = torch.load(path, weights_only=True)
        net = network(state["network"])
        net.load_state_dict(state["weights"])
    except FileNotFoundError as error:
        raise InputError.at(path, "does not exist", remedy) from error
    except (OSError, EOFError, KeyError, TypeError, RuntimeError, ValueError) as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError.at(path, f"is not a checkpoint: {cause}", remedy) from error
    except Exception as error:  # torch.load passes on pickle's errors, which have no common base of their own
        raise InputError.at(path, f"is not a checkpoint ({type(error).__name__})", remedy) from error
    return net.eval()


def predict(net: BinaryNetwork, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores (N, classes) for images (N, 32, 32, 3) uint8."""
    net.eval()
    with torch.inference_mode():
        batches = _to_tensor(images).split(_EVALUATION_BATCH)
        return torch.cat([net(batch.float()) for batch in batches]).numpy()


def evaluate_network(net: BinaryNetwork, pictures: PictureSet) -> Evaluation:
    """Figures of the network on ``pictures``."""
    predicted = predict(net, pictures.images).argmax(axis=1)
    return evaluate(pictures.labels, predicted, pictures.classes, pictures.persons)


def _fit(
    net: BinaryNetwork, split: Split, settings: TrainSettings, checkpoint: Path, console: Console
) -> int:
    """Train ``net``, save the epoch that is best on validation and return its number."""
    images, labels = _to_tensor(split.train.images), torch.from_numpy(split.train.labels)
    rng, generator = np.random.default_rng(settings.seed), torch.Generator().manual_seed(settings.seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=settings.learning_rate)
    steps = -(-settings.pictures_per_epoch // settings.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=steps * settings.epochs
    )
    best, best_epoch = float("inf"), 0
    with _progress(console) as progress:
        task = progress.add_task("training", total=settings.epochs)
        for epoch in range(1, settings.epochs + 1):
            net.train()
            rows = torch.from_numpy(draw_balanced(split.train.labels, settings.pictures_per_epoch, rng))
            for batch in rows.split(settings.batch_size):
                pixels = settings.augmentation(images[batch].float(), generator)
                loss = functional.cross_entropy(
                    net(pixels), labels[batch], label_smoothing=settings.label_smoothing
                )
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
            loss_of_epoch, recall = _validate(net, split.validation)
            if epoch == 1 or loss_of_epoch < best:
                best, best_epoch = loss_of_epoch, epoch
                _save(net, epoch, checkpoint)
            state = f"validation loss {loss_of_epoch:.4f}, mean recall {recall:.2%}"
            progress.update(task, advance=1, description=f"training, {state}")
            if not console.is_terminal:  # a log file shows no progress bar until it is complete
                console.print(f"epoch {epoch} of {settings.epochs}: {state}")
    return best_epoch


def _validate(net: BinaryNetwork, pictures: PictureSet) -> tuple[float, float]:
    """Mean of the classes' losses and of their recalls.

    The loss decides which epoch is best: with few pictures in a class the
    recall is too coarse and favours lucky early epochs.
    """
    scores, labels = predict(net, pictures.images), pictures.labels
    losses = functional.cross_entropy(
        torch.from_numpy(scores), torch.from_numpy(labels), reduction="none"
    ).numpy()
    loss = float(np.mean([losses[labels == label].mean() for label in np.unique(labels)]))
    recall = evaluate(labels, scores.argmax(axis=1), pictures.classes, pictures.persons).macro_recall
    return loss, recall


def _to_tensor(images: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def _save(net: BinaryNetwork, epoch: int, path: Path) -> None:
    partial = path.with_suffix(".partial")
    try:
        torch.save({"network": net.spec.name, "epoch": epoch, "weights": net.state_dict()}, partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        raise OutputError.at(
            path, f"cannot be written: {error}", "choose a writable folder with space"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _write_json(record: dict[str, Any], path: Path) -> None:
    partial = path.with_suffix(".json.partial")
    try:
        partial.write_text(json.dumps(record, indent=2) + "\n")
        partial.replace(path)
    except OSError as error:
        raise OutputError.at(
            path, f"cannot be written: {error}", "choose a writable folder with space"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _make_folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError.at(path, f"cannot be made: {error.strerror}", "choose a writable folder") from error
    return path


def _check(settings: TrainSettings) -> None:
    for name in ("epochs", "pictures_per_epoch", "batch_size"):
        if (value := getattr(settings, name)) < 1:
            raise InputError.at(name, f"is {value}", "give a number of at least 1")
    # Batch norm needs the variance of at least two pictures in every batch.
    rest = settings.pictures_per_epoch % settings.batch_size
    if settings.batch_size == 1 or rest == 1:
        raise InputError.at(
            "batch_size", f"{settings.batch_size} leaves a batch of one picture", "change it by one"
        )


def _describe_data(pictures: PictureSet, split: Split) -> dict[str, Any]:
    parts = {name: getattr(split, name) for name in PARTS}
    return {
        "set": pictures.name,
        "classes": list(pictures.classes),
        "pictures": {name: part.class_counts for name, part in parts.items()},
        "persons": {name: part.persons for name, part in parts.items()},
        # Without the folders above, which say nothing on another machine.
        "skipped": ["/".join(Path(fault.place).parts[-2:]) for fault in pictures.skipped],
    }


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)
