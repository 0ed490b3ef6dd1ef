"""What the commands run, train and export do and print."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bnn_hw.data.inputs import load_pictures
from bnn_hw.errors import ToolError
from bnn_hw.folders import writing
from bnn_hw.ir.execute import execute
from bnn_hw.predict import class_names
from bnn_hw.progress import Reporter
from bnn_hw.rtl.load import load_image, write_image
from bnn_hw.source import Source

if TYPE_CHECKING:
    from bnn_hw.flow import Flow


@dataclass(frozen=True)
class Result:
    """A command's result for a person and for a program."""

    text: str
    record: Any


def run_network(
    network: str,
    paths: tuple[Path, ...],
    input_scale: str | None,
    input_offset: str | None,
    save: Path | None,
    layers: Path | None,
    reporter: Reporter,
) -> Result:
    """Run the integer graph on picture files; write scores and classes, or every layer, where asked."""
    source = Source(network, input_scale, input_offset)
    graph = source.graph()
    pictures = load_pictures(paths, graph.input.type.shape)
    with reporter.bar("running the integer graph", total=len(pictures)) as advance:
        keep: set[str] | None = set() if layers else None
        values = execute(graph, pictures.images, keep, progress=lambda done: advance(done))
    scores, winners = (values[name].reshape(len(pictures), -1) for name in graph.outputs)
    names = class_names(source.design.classes, graph)
    if save:
        _save(save, {"scores": scores, "classes": winners[:, 0], "names": np.array(pictures.names)})
    if layers:
        _save(layers, values)
    answers = [
        {"picture": name, "class": names[int(winner)], "scores": [float(value) for value in row]}
        for name, winner, row in zip(pictures.names, winners[:, 0], scores, strict=True)
    ]
    width = max(len(name) for name in pictures.names)
    lines = [
        f"{item['picture']:{width}}  {item['class']:20} "
        + " ".join(f"{value:8.3f}" for value in item["scores"])
        for item in answers
    ]
    known = pictures.labels >= 0
    if known.any():
        right = int((winners[known, 0] == pictures.labels[known]).sum())
        lines.append(f"{right} of {int(known.sum())} labelled pictures right")
    return Result("\n".join(lines), {"network": source.design.name, "classes": names, "answers": answers})


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write an .npz that appears complete or not at all."""
    partial = path.with_name(f".{path.name}.partial.npz")
    with writing(path):
        try:
            np.savez_compressed(partial, **arrays)  # type: ignore[arg-type]
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def _training() -> Any:
    try:
        from bnn_hw.train import train
    except ImportError as error:
        raise ToolError.at(
            error.name or "torch", "is not installed; training needs it", "pip install 'bnn-hw[train]'"
        ) from error
    return train


def train_network(
    name: str,
    data: Path | None,
    out: Path | None,
    reporter: Reporter,
    *,
    split: Path | None = None,
    teacher: Path | None = None,
    start: Path | None = None,
    fresh: bool = False,
    **changes: Any,
) -> Result:
    """Train a recipe with ``changes`` to its settings; export a binary network beside the checkpoint."""
    train = _training()
    recipe = train.load_recipe(name).changed(**changes)
    precision = recipe.settings.precision
    folder = out or Path("build/train") / (
        recipe.name if precision == "binary" else f"{recipe.name}-{precision}"
    )
    result = train.train_recipe(
        recipe,
        data,
        folder,
        split_file=split,
        teacher=teacher,
        start=start,
        fresh=fresh,
        reporter=reporter,
    )
    lines = [str(result.test), f"checkpoint {result.checkpoint}, log {folder / 'log.csv'}"]
    if precision == "binary":
        model, golden = train.export(result.checkpoint, folder)
        lines += [f"model {model}", f"golden vectors {golden}"]
        lines.append(f"next: bnn-hw evaluate {result.checkpoint}")
    else:
        lines.append(f"next: bnn-hw train {name} --teacher {result.checkpoint}")
    return Result("\n".join(lines), result.metrics)


def export_network(checkpoint: Path, out: Path) -> Result:
    """Export a checkpoint."""
    model, golden = _training().export(checkpoint, out)
    return Result(f"model {model}\ngolden vectors {golden}", {"model": str(model), "golden": str(golden)})


def write_weights(flow: Flow, trained: str, image: Path) -> Result:
    """Write the image that makes the flow's core compute another network of the same structure."""
    flow.until("rtl")
    options = flow.options
    other = Source(trained, options.input_scale, options.input_offset).graph()
    made = load_image(flow.plan, flow.graph, other)
    write_image(made, image)
    text = f"{image}: {len(made.writes):,} words of {other.name} for layout {made.layout:08x}"
    figures = {"image": str(image), "words": len(made.writes), "layout": made.layout, "tag": made.tag}
    return Result(text, figures)
