"""Trains a network on a data set and writes the trained model with its figures."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import brevitas
import torch

from bnn_hw import __version__
from bnn_hw.data.folder import PictureSet, concatenate
from bnn_hw.data.samples import golden_pictures
from bnn_hw.data.sources import more_drawings, read_sources
from bnn_hw.data.split import PARTS, Split, imbalance, read_split, split_by_person, write_split
from bnn_hw.errors import InputError, OutputError
from bnn_hw.progress import Reporter
from bnn_hw.train.card import write_card
from bnn_hw.train.checkpoint import load_checkpoint, load_network
from bnn_hw.train.distributed import Ranks, processes
from bnn_hw.train.export import export_onnx, write_golden
from bnn_hw.train.fit import BEST, STATE, Fit
from bnn_hw.train.inference import evaluate_groups, evaluate_network, predict
from bnn_hw.train.metrics import Evaluation
from bnn_hw.train.networks import BinaryNetwork, Network, network_of
from bnn_hw.train.recipe import Recipe, TrainSettings, load_recipe

__all__ = [
    "TrainResult",
    "TrainSettings",
    "evaluate_network",
    "export",
    "load_checkpoint",
    "predict",
    "train",
    "train_recipe",
]


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
    name: str | Path,
    data_dir: Path | None,
    out_dir: Path,
    settings: TrainSettings | None = None,
    reporter: Reporter | None = None,
) -> TrainResult:
    """Train the recipe of that name or file, with other ``settings`` where given, by :func:`train_recipe`."""
    recipe = load_recipe(name)
    if settings is not None:
        recipe = recipe.changed(**{item.name: getattr(settings, item.name) for item in fields(settings)})
    return train_recipe(recipe, data_dir, out_dir, reporter=reporter)


def train_recipe(
    recipe: Recipe,
    data_dir: Path | None,
    out_dir: Path,
    *,
    split_file: Path | None = None,
    teacher: Path | None = None,
    start: Path | None = None,
    fresh: bool = False,
    reporter: Reporter | None = None,
) -> TrainResult:
    """Train a recipe; write checkpoint.pt, metrics.json, the model card, split.json and logs to ``out_dir``.

    ``data_dir`` as for :func:`bnn_hw.data.sources.read_sources`; split_file:
    who is in which part, instead of the split by seed; teacher: checkpoint of
    a network to learn from; start: checkpoint whose weights to begin with,
    instead of random ones; fresh: do not go on with what ``out_dir`` holds.
    The epoch that does best on the validation part is kept; the test part is
    looked at once, at the end. Raises ConfigError (recipe), InputError
    (settings, teacher, start, another training in ``out_dir``), DataError (data set)
    and OutputError (``out_dir``).
    """
    with processes() as ranks:
        reporter = (reporter or Reporter()) if ranks.first else Reporter(quiet=True)
        settings = recipe.settings
        settings.check(ranks.size)
        started = time.monotonic()
        torch.manual_seed(settings.seed)
        net = network_of(recipe.network, settings.precision, len(recipe.classes))
        if start is not None:
            net.load_state_dict(_begun(start, recipe).state_dict())
        taught_by = _of_same_classes(teacher, recipe) if teacher is not None else None
        with reporter.bar("reading pictures") as advance:
            pictures = read_sources(
                data_dir,
                recipe.sources,
                recipe.classes,
                lambda done, total: advance(done / total),
                settings.split_seed,
            )
        split = _split(pictures, split_file, settings.split_seed)
        split = _with_drawings(split, recipe, data_dir, reporter)
        _warn(pictures, split, reporter)
        _prepare(out_dir, split, fresh, ranks)
        fit = Fit(net, split, recipe, out_dir, reporter, ranks, taught_by)
        progress = fit.run()
        best = out_dir / BEST
        if ranks.first:
            given = {"teacher": teacher.name if teacher else None, "start": start.name if start else None}
            result = _finish(fit, progress.best_epoch, pictures, given, started)
        ranks.wait()
        return result if ranks.first else _read_result(best, out_dir, split, progress.best_epoch)


def export(checkpoint: Path, out_dir: Path) -> tuple[Path, Path]:
    """Write model.onnx and golden.npz of a checkpoint to ``out_dir``; return their paths.

    Raises InputError (no checkpoint, or one of an FP32 twin) and OutputError (``out_dir``).
    """
    net, _classes = load_network(checkpoint)
    if not isinstance(net, BinaryNetwork):
        raise InputError.at(
            checkpoint,
            f"holds a {net.precision} network, which no accelerator is made of",
            "give the checkpoint of a binary network",
        )
    model, golden = _make_folder(out_dir) / "model.onnx", out_dir / "golden.npz"
    export_onnx(net, model)
    write_golden(net, *golden_pictures(), golden)
    return model, golden


def _of_same_classes(path: Path, recipe: Recipe) -> Network:
    """The network of a checkpoint that knows the recipe's classes."""
    net, classes = load_network(path)
    if classes != recipe.classes:
        raise InputError.at(
            path, f"knows the classes {', '.join(classes)}", f"give one of {', '.join(recipe.classes)}"
        )
    return net


def _begun(path: Path, recipe: Recipe) -> Network:
    """The network of a checkpoint that a training of the recipe can begin with."""
    net = _of_same_classes(path, recipe)
    wanted = recipe.settings.precision, recipe.network
    if (net.precision, net.spec.name) != wanted:
        raise InputError.at(
            path,
            f"holds the {net.precision} network {net.spec.name}",
            f"give a checkpoint of the {' network '.join(wanted)}, or a teacher with --teacher",
        )
    return net


def _split(pictures: PictureSet, split_file: Path | None, seed: int) -> Split:
    return read_split(pictures, split_file) if split_file else split_by_person(pictures, seed)


def _with_drawings(split: Split, recipe: Recipe, data_dir: Path | None, reporter: Reporter) -> Split:
    """The split with further drawings in its training part, where the recipe has some."""
    if all(source.drawings == 1 for source in recipe.sources):
        return split
    with reporter.bar("drawing masks") as advance:
        more = more_drawings(
            data_dir,
            recipe.sources,
            recipe.classes,
            set(split.train.subjects),
            lambda done, total: advance(done / total),
            recipe.settings.split_seed,
        )
    return replace(split, train=concatenate(split.train.name, [split.train, *more]))


def _warn(pictures: PictureSet, split: Split, reporter: Reporter) -> None:
    for fault in pictures.skipped:
        reporter.say(f"skipped {fault}")
    if pictures.skipped:
        reporter.say(f"skipped {len(pictures.skipped)} pictures in all")
    for warning in imbalance(split.train):
        reporter.say(f"note: {warning}")


def _prepare(out_dir: Path, split: Split, fresh: bool, ranks: Ranks) -> None:
    if ranks.first:
        _make_folder(out_dir)
        if fresh:
            for name in (STATE, BEST):
                (out_dir / name).unlink(missing_ok=True)
        write_split(split, out_dir / "split.json")
    ranks.wait()


def _finish(
    fit: Fit, best_epoch: int, pictures: PictureSet, given: dict[str, str | None], started: float
) -> TrainResult:
    """Judge the best epoch and write metrics.json."""
    best = fit.folder / BEST
    reestimated = fit.reestimate(best)
    net = load_checkpoint(best)
    validation, test = evaluate_network(net, fit.split.validation), evaluate_network(net, fit.split.test)
    metrics = {
        "network": {
            "name": fit.recipe.network,
            "weights": net.weight_count(),
            "macs_per_frame": net.mac_count(),
        },
        "recipe": fit.recipe.name,
        "data": _describe_data(pictures, fit.split),
        "settings": {**asdict(fit.settings), "learning_rate": fit.settings.peak_rate},
        "changes": {name: value for name, value in fit.recipe.changes.items() if name != "augmentation"},
        "processes": fit.ranks.size,
        **given,
        "best_epoch": best_epoch,
        "batch_norms_reestimated": reestimated,
        "validation": validation.to_json(),
        "test": test.to_json(),
        "test_groups": {name: part.to_json() for name, part in evaluate_groups(net, fit.split.test).items()},
        "duration_s": round(time.monotonic() - started, 1),
        "versions": {"bnn_hw": __version__, "brevitas": brevitas.__version__, "torch": torch.__version__},
    }
    metrics_path = fit.folder / "metrics.json"
    _write_json(metrics, metrics_path)
    write_card(metrics, fit.folder)
    return TrainResult(best, metrics_path, best_epoch, validation, test, metrics)


def _read_result(best: Path, out_dir: Path, split: Split, best_epoch: int) -> TrainResult:
    """The result as every process but the first knows it: from the files that the first wrote."""
    metrics_path = out_dir / "metrics.json"
    metrics = json.loads(metrics_path.read_text())
    net = load_checkpoint(best)
    validation, test = evaluate_network(net, split.validation), evaluate_network(net, split.test)
    return TrainResult(best, metrics_path, best_epoch, validation, test, metrics)


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


def _describe_data(pictures: PictureSet, split: Split) -> dict[str, Any]:
    parts = {name: getattr(split, name) for name in PARTS}
    return {
        "set": pictures.name,
        "classes": list(pictures.classes),
        "groups": sorted(set(pictures.group_of)),
        "pictures": {name: part.class_counts for name, part in parts.items()},
        "persons": {name: part.persons for name, part in parts.items()},
        # Without the folders above, which say nothing on another machine.
        "skipped": ["/".join(Path(fault.place).parts[-2:]) for fault in pictures.skipped],
    }
