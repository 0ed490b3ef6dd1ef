"""Judges a network on a data set: as floats, as QONNX, as integer graph and as RTL, which must agree."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_hw.data import CLASSES
from bnn_hw.data.folder import PictureSet
from bnn_hw.data.sources import Source as DataSource
from bnn_hw.data.sources import read_sources
from bnn_hw.data.split import PARTS, part_of, persons_of, read_split, split_by_person
from bnn_hw.errors import Fault, InputError, MismatchError, ToolError
from bnn_hw.ir import Graph
from bnn_hw.predict import class_names, predict
from bnn_hw.progress import Reporter
from bnn_hw.robustness import DRAWN_FACES, Robustness, Scores, disturbed, drawn_masks, lines_of
from bnn_hw.source import Source
from bnn_hw.train.metrics import Evaluation, evaluate, mcnemar

INTEGER, QONNX, FLOAT, RTL = "integer graph", "QONNX", "Brevitas", "RTL"
TWIN = "FP32 twin"
EVERYTHING = "all"
DEFAULT_BOARD = "pynq-z1"

Predictor = Callable[[NDArray[np.uint8]], Scores]


@dataclass(frozen=True)
class Subject:
    """A network to judge: its ways of execution by name, the first one is judged, all must agree."""

    name: str
    classes: tuple[str, ...]
    executors: dict[str, Predictor]


@dataclass(frozen=True)
class Judgement:
    """All that was found out about a network.

    scores: (pictures, classes) by execution; twin: the FP32 network on the
    same pictures; groups: by source, where there are several.
    """

    subject: str
    part: str
    pictures: PictureSet
    evaluation: Evaluation
    agreeing: tuple[str, ...]
    scores: dict[str, Scores]
    groups: dict[str, Evaluation] = field(default_factory=dict)
    twin: Evaluation | None = None
    twin_difference: float | None = None
    robustness: tuple[Robustness, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Everything but pictures and scores."""
        return {
            "network": self.subject,
            "part": self.part,
            "set": self.pictures.name,
            "evaluation": self.evaluation.to_json(),
            "agreeing": list(self.agreeing),
            "groups": {name: group.to_json() for name, group in self.groups.items()},
            "twin": self.twin.to_json() if self.twin else None,
            "twin_difference_p": self.twin_difference,
            "robustness": [vars(table) for table in self.robustness],
            "skipped": [str(fault.place) for fault in self.pictures.skipped],
        }


def graph_predictor(graph: Graph, reporter: Reporter | None = None) -> Predictor:
    """The integer graph's scores."""

    def run(images: NDArray[np.uint8]) -> Scores:
        with (reporter or Reporter(quiet=True)).bar("running the integer graph", len(images)) as advance:
            return predict(graph, images, lambda done: advance(done))[0]

    return run


def open_subject(
    network: str,
    qonnx: bool,
    folder: Path,
    reporter: Reporter,
    classes: Sequence[str] = CLASSES,
    input_scale: str | None = None,
    input_offset: str | None = None,
    rtl: str | None = None,
    board: str = DEFAULT_BOARD,
) -> Subject:
    """A design, a QONNX file or a checkpoint; a checkpoint is exported into ``folder`` first.

    classes: what a bare file's scores stand for; input_scale, input_offset: as
    for :class:`bnn_hw.source.Source`; rtl: goal of the core that is simulated,
    for ``board``; none without. Raises ConfigError, InputError, ModelError, and
    ToolError where torch or Verilator is needed and missing.
    """
    executors: dict[str, Predictor] = {}
    if network.endswith(".pt"):
        from bnn_hw.train.checkpoint import load_network
        from bnn_hw.train.export import export_onnx
        from bnn_hw.train.inference import predict as predict_float
        from bnn_hw.train.networks import BinaryNetwork

        net, known = load_network(Path(network))
        if not isinstance(net, BinaryNetwork):
            return Subject(network, known, {TWIN: lambda images: predict_float(net, images)})
        model = folder / "model.onnx"
        export_onnx(net, model)
        source = Source(str(model), "1", "0")
        graph = source.graph()
        executors[FLOAT] = lambda images: predict_float(net, images)
    else:
        source = Source(network, input_scale, input_offset)
        graph, model = source.graph(), source.design.model
        known = tuple(class_names(source.design.classes or classes, graph))
    if qonnx:
        from bnn_hw.train.qonnx_run import run_qonnx

        scale, offset = (
            float(Fraction(source.design.input_scale)),
            float(Fraction(source.design.input_offset)),
        )
        executors[QONNX] = lambda images: run_qonnx(model, images, scale, offset)
    # The slowest comes last: the first one is what the robustness table runs.
    executors[INTEGER] = graph_predictor(graph, reporter)
    if rtl:
        from bnn_hw.evaluate_rtl import rtl_predictor
        from bnn_hw.flow import Options

        wanted = Options(
            source.network,
            board,
            rtl,
            folder,
            input_scale=source.input_scale,
            input_offset=source.input_offset,
        )
        executors[RTL] = rtl_predictor(wanted, reporter)
    return Subject(network, known, executors)


def read_part(
    classes: Sequence[str],
    sources: Sequence[DataSource],
    data: Path | None,
    split: Path | None,
    part: str,
    seed: int,
    reporter: Reporter,
) -> PictureSet:
    """The pictures to judge on: one part of the data set, or all of it. Raises DataError."""
    with reporter.bar("reading pictures", total=1) as advance:
        everything = read_sources(data, sources, classes, lambda done, total: advance(done / total), seed)
    for fault in everything.skipped:
        reporter.say(f"skipped {fault}")
    if part == EVERYTHING:
        return everything
    parts = read_split(everything, split) if split else split_by_person(everything, seed)
    if part not in PARTS:
        raise InputError.at(
            f"part {part}", "there is no such part", f"give {', '.join((*PARTS, EVERYTHING))}"
        )
    chosen: PictureSet = getattr(parts, part)
    return chosen


def judge(
    subject: Subject,
    pictures: PictureSet,
    part: str = "test",
    twin: Subject | None = None,
    reporter: Reporter | None = None,
) -> Judgement:
    """Run every execution on ``pictures``, compare them picture by picture, and count.

    Raises MismatchError naming the pictures on which two executions differ.
    """
    reporter = reporter or Reporter(quiet=True)
    scores = {}
    for name, run in subject.executors.items():
        reporter.say(f"  {len(pictures)} pictures as {name}")
        scores[name] = run(pictures.images)
    _check_agreement(scores, pictures)
    first = next(iter(scores.values()))
    taught = twin.executors[next(iter(twin.executors))](pictures.images) if twin else None
    figures = _evaluate(pictures, first)
    return Judgement(
        subject.name,
        part,
        pictures,
        figures,
        tuple(scores),
        scores,
        _by_group(pictures, first),
        _evaluate(pictures, taught) if taught is not None else None,
        mcnemar(pictures.labels, first.argmax(axis=1), taught.argmax(axis=1)) if taught is not None else None,
    )


def _evaluate(pictures: PictureSet, scores: Scores) -> Evaluation:
    winners = scores.argmax(axis=1)
    return evaluate(pictures.labels, winners, pictures.classes, pictures.persons, scores)


def _by_group(pictures: PictureSet, scores: Scores) -> dict[str, Evaluation]:
    groups = np.array(pictures.group_of)
    names = sorted(set(pictures.group_of))
    if len(names) < 2:
        return {}
    return {name: _evaluate(pictures.select(groups == name), scores[groups == name]) for name in names}


def _check_agreement(scores: dict[str, Scores], pictures: PictureSet) -> None:
    """Classes must be the same on every picture, scores the same numbers."""
    reference, expected = next(iter(scores.items()))
    faults = []
    for name, got in scores.items():
        wrong = np.flatnonzero((got != expected).any(axis=1))
        if len(wrong):
            row = int(wrong[0])
            faults.append(
                Fault(
                    f"{name} against {reference}",
                    f"scores differ on {len(wrong)} of {len(got)} pictures, first on number {row} of person "
                    f"{pictures.subjects[row]}: {got[row].tolist()} against {expected[row].tolist()}",
                    "report it: the accelerator would not answer as the trained network does",
                )
            )
    if faults:
        raise MismatchError(faults)


def text(judgement: Judgement) -> str:
    """The judgement for a person."""
    lines = [f"{judgement.subject} on the {judgement.part} part of {judgement.pictures.name}"]
    lines.append(str(judgement.evaluation))
    if len(judgement.agreeing) > 1:
        lines.append(
            f"{', '.join(judgement.agreeing)}: the same scores on all {len(judgement.pictures)} pictures"
        )
    for name, group in judgement.groups.items():
        low, high = group.interval
        lines.append(
            f"  {name}: {group.accuracy:.2%} ({low:.2%} to {high:.2%}) on {group.pictures} pictures "
            f"of {group.persons} persons"
        )
        if both := group.mask_or_not:
            low, high = both.mask_accuracy_interval
            lines.append(f"    mask against no mask: {both.balanced_accuracy:.2%} balanced")
            lines.append(
                f"    with a mask: {both.mask_accuracy:.2%} ({low:.2%} to {high:.2%}) in the right class "
                f"of {both.mask_pictures}"
            )
    if judgement.twin is not None and judgement.twin_difference is not None:
        low, high = judgement.twin.interval
        lines.append(
            f"{TWIN}: {judgement.twin.accuracy:.2%} ({low:.2%} to {high:.2%}) on the same pictures; "
            f"a difference this large by chance: p = {judgement.twin_difference:.2f} (McNemar)"
        )
    for table in judgement.robustness:
        lines += lines_of(table)
    return "\n".join(lines)


def run_evaluation(
    network: str,
    *,
    data: Path | None = None,
    recipe: str | None = None,
    split: Path | None = None,
    split_seed: int = 0,
    part: str = "test",
    twin: Path | None = None,
    qonnx: bool = True,
    robustness: bool = False,
    faces: int = DRAWN_FACES,
    rtl: str | None = None,
    board: str = DEFAULT_BOARD,
    input_scale: str | None = None,
    input_offset: str | None = None,
    reporter: Reporter,
) -> Judgement:
    """Judge ``network`` on the data of a recipe, by default MaskedFace-Net's four classes.

    faces: with ``robustness``, on so many masks of each style are drawn.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            classes, sources = _task(recipe)
            subject = open_subject(
                network, qonnx, Path(folder), reporter, classes, input_scale, input_offset, rtl, board
            )
            if subject.classes != classes:
                raise InputError.at(
                    network,
                    f"knows the classes {', '.join(subject.classes)}; the data {', '.join(classes)}",
                    "name the recipe of its data with --recipe",
                )
            other = open_subject(str(twin), False, Path(folder), reporter) if twin else None
            if other is not None and other.classes != subject.classes:
                raise InputError.at(
                    twin, f"knows other classes: {', '.join(other.classes)}", "give the twin of this network"
                )
            pictures = read_part(subject.classes, sources, data, split, part, split_seed, reporter)
            judgement = judge(subject, pictures, part, other, reporter)
            if robustness:
                networks = _networks(subject, other)
                tables = disturbed(networks, pictures, reporter)
                keep = _unseen(split, split_seed)
                tables += drawn_masks(networks, subject.classes, data, keep, reporter, faces)
                judgement = replace(judgement, robustness=tables)
            return judgement
    except ImportError as error:
        raise ToolError.at(
            error.name or "torch", "is not installed; this needs it", "pip install 'bnn-hw[train]'"
        ) from error


def _unseen(split: Path | None, seed: int) -> Callable[[str], bool]:
    """Whether a person is in the test part, or, where a split file does not know the person, would be."""
    trained = persons_of(split, PARTS[:2]) if split else set()
    return lambda person: person not in trained and part_of(person, seed) == "test"


def _networks(subject: Subject, twin: Subject | None) -> dict[str, Predictor]:
    networks = {"/".join(Path(subject.name).parts[-2:]): next(iter(subject.executors.values()))}
    if twin is not None:
        networks[TWIN] = next(iter(twin.executors.values()))
    return networks


def _task(recipe: str | None) -> tuple[tuple[str, ...], tuple[DataSource, ...]]:
    """Classes and data sources of a recipe."""
    if recipe is None:
        return CLASSES, (DataSource("maskedface4"),)
    from bnn_hw.train.recipe import load_recipe

    loaded = load_recipe(recipe)
    return loaded.classes, loaded.sources
