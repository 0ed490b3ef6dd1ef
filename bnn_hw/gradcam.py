"""The Grad-CAM figure: what binary network and FP32 twin look at, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bnn_hw.data import CLASSES
from bnn_hw.data.folder import find_data_set, read_class_folders
from bnn_hw.data.inputs import load_pictures
from bnn_hw.data.pictures import IMAGE_SIZE
from bnn_hw.data.samples import demo_samples
from bnn_hw.data.split import split_by_person
from bnn_hw.design import load_design
from bnn_hw.errors import DataError, InputError, ToolError
from bnn_hw.folders import writing
from bnn_hw.progress import Reporter

if TYPE_CHECKING:
    from bnn_hw.train.networks import Network

_INCHES = 1.25


@dataclass(frozen=True)
class Shown:
    """Pictures of the figure: images (N, 32, 32, 3), labels (N,), -1 where unknown, and names."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """What one network answers on the pictures shown, and what it looks at.

    heat: (N, 32, 32) from 0 to 1; focus: by class, the median over the
    pictures measured of how much denser the heat of the right class is on the
    part of the face that tells the class, and their number.
    """

    title: str
    winners: NDArray[np.int64]
    heat: NDArray[np.float64]
    focus: dict[str, tuple[float, int]]


def _load(network: str) -> tuple[Network, tuple[str, ...]]:
    """The network of a checkpoint, or of a design's model.onnx."""
    from bnn_hw.train.checkpoint import load_exported, load_network

    if network.endswith(".pt"):
        return load_network(Path(network))
    design = load_design(network)
    classes = design.classes or CLASSES
    return load_exported(design.model, classes), classes


def write_figure(
    network: str,
    twin: Path | None,
    files: Sequence[Path],
    data: Path | None,
    to: Path,
    per_class: int,
    reporter: Reporter,
) -> tuple[str, dict[str, Any]]:
    """Write the figure and return the text about it and its record.

    Without ``files`` it shows the test part of MaskedFace-Net, or the demo's
    portrait where that is not found. Raises InputError, DataError, OutputError,
    and ToolError without the training packages.
    """
    try:
        import bnn_hw.train.gradcam  # noqa: F401
    except ImportError as error:
        raise ToolError.at(
            error.name or "torch", "is not installed; Grad-CAM needs it", "pip install 'bnn-hw[train]'"
        ) from error
    shown, measured = _pictures(files, data, per_class, reporter)
    explanations = []
    classes: tuple[str, ...] = ()
    for path in (network, *([str(twin)] if twin else [])):
        net, known = _load(path)
        if classes and known != classes:
            raise InputError.at(
                path, f"knows other classes: {', '.join(known)}", "give the network's own twin"
            )
        classes = known
        reporter.say(f"  {path}: {len(measured.images) or len(shown.images)} pictures")
        explanations.append(explain(net, f"{net.spec.name} {net.precision}", classes, shown, measured))
    _draw(shown, explanations, classes, to)
    record = {
        "figure": str(to),
        "focus": {
            one.title: {
                name: {"median": value, "pictures": count} for name, (value, count) in one.focus.items()
            }
            for one in explanations
        },
    }
    return "\n".join([f"figure     {to}", *_text(explanations)]), record


def _pictures(
    files: Sequence[Path], data: Path | None, per_class: int, reporter: Reporter
) -> tuple[Shown, Shown]:
    """The pictures to show and those to measure on."""
    nothing = Shown(np.zeros((0, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8), np.zeros(0, np.int64), ())
    if files:
        given = load_pictures(files, (IMAGE_SIZE, IMAGE_SIZE, 3))
        return Shown(given.images.astype(np.uint8), given.labels, given.names), nothing
    try:
        folder = find_data_set(data)
    except DataError as error:
        if data is not None:
            raise
        reporter.say(f"the demo's portrait is shown: {error}")
        demo = demo_samples(per_class)
        return Shown(demo.images, demo.labels, demo.names), nothing
    with reporter.bar("reading pictures", total=1) as advance:
        everything = read_class_folders(folder, progress=lambda done, total: advance(done / total))
    test = split_by_person(everything).test
    rows = np.concatenate([np.flatnonzero(test.labels == label)[:per_class] for label in range(len(CLASSES))])
    names = tuple(f"{test.subjects[row]}" for row in rows)
    return Shown(test.images[rows], test.labels[rows], names), Shown(test.images, test.labels, test.subjects)


def explain(net: Network, title: str, classes: Sequence[str], shown: Shown, measured: Shown) -> Explanation:
    """Answers and heat on ``shown``, for the label or else the answer; the focus on ``measured``."""
    from bnn_hw.train.gradcam import REGIONS, centres, focus, grad_cam, over_picture
    from bnn_hw.train.inference import predict

    places = centres(net)
    winners = predict(net, shown.images).argmax(axis=1).astype(np.int64)
    targets = np.where(shown.labels >= 0, shown.labels, winners)
    heat = over_picture(grad_cam(net, shown.images, targets), places)
    medians = {}
    for label, name in enumerate(classes):
        rows = measured.labels == label
        if name in REGIONS and rows.any():
            whole = over_picture(grad_cam(net, measured.images[rows], measured.labels[rows]), places)
            values = focus(whole, REGIONS[name])
            medians[name] = (float(np.nanmedian(values)), int(np.isfinite(values).sum()))
    return Explanation(title, winners, heat, medians)


def _text(explanations: Sequence[Explanation]) -> list[str]:
    lines = []
    for one in explanations:
        for name, (value, count) in one.focus.items():
            verdict = "on it" if value >= 1.25 else "beside it" if value <= 0.8 else "not gathered there"
            lines.append(
                f"  {one.title}, {name.replace('_', ' ')}: heat {value:.2f} times as dense on the part that "
                f"tells the class as over the picture (median of {count}): {verdict}"
            )
    return lines


def _draw(shown: Shown, explanations: Sequence[Explanation], classes: Sequence[str], to: Path) -> None:
    """A block of columns for each class: the picture, then each network's heat and answer."""
    from matplotlib.figure import Figure

    wide = 1 + len(explanations)
    blocks = [np.flatnonzero(shown.labels == label) for label in np.unique(shown.labels)]
    if len(blocks) == 1:  # pictures without labels: as broad as high
        blocks = np.array_split(blocks[0], max(1, round((len(blocks[0]) / wide) ** 0.5)))
    rows = max(len(block) for block in blocks)
    figure = Figure(figsize=(_INCHES * wide * len(blocks), (_INCHES + 0.25) * rows), layout="constrained")
    axes = figure.subplots(rows, wide * len(blocks), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for block, row, number in (
        (block, row, int(number))
        for block, numbers in enumerate(blocks)
        for row, number in enumerate(numbers)
    ):
        image = shown.images[number]
        label = shown.labels[number]
        own = axes[row, block * wide]
        own.imshow(image)
        own.set_title(_title(classes, label) if label >= 0 else shown.names[number][:16], fontsize=6)
        for place, one in enumerate(explanations, start=1):
            axis = axes[row, block * wide + place]
            axis.imshow(image)
            axis.imshow(one.heat[number], cmap="jet", alpha=0.45, vmin=0, vmax=1, interpolation="bilinear")
            winner = one.winners[number]
            wrong = label >= 0 and winner != label
            kind = one.title.split()[-1]
            axis.set_title(
                f"{kind}: {_title(classes, winner)}", fontsize=6, color="red" if wrong else "black"
            )
    with writing(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        partial = to.with_name(f".{to.name}.partial{to.suffix}")
        try:
            figure.savefig(partial, dpi=130)
            partial.replace(to)
        finally:
            partial.unlink(missing_ok=True)


def _title(classes: Sequence[str], label: int) -> str:
    return classes[label].replace("_exposed", "").replace("_", " + ")
