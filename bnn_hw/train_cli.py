"""The commands around training: train, export, evaluate, gradcam and landmarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bnn_hw.progress import Reporter

DATA = click.option(
    "--data", type=click.Path(path_type=Path), help="Folder of the data sets; else BNN_HW_DATA is looked at."
)
SPLIT = click.option(
    "--split",
    type=click.Path(path_type=Path),
    help="Who is in which part: the split.json of an earlier training; else by a seed.",
)

_SETTINGS = (
    click.option(
        "--epochs",
        type=click.IntRange(min=1),
        help="60 in ncnv and ucnv, 30 in cnv, 150 in cnv5, 400 in ncnv5.",
    ),
    click.option(
        "--pictures-per-epoch",
        type=click.IntRange(min=1),
        help="Draws; 6000 in the shipped recipes of four classes, 10000 in those of five.",
    ),
    click.option("--batch-size", type=click.IntRange(min=1)),
    click.option("--learning-rate", type=float, help="Peak of the one-cycle schedule."),
    click.option(
        "--patience", type=click.IntRange(min=0), help="Epochs without gain before it stops; 0: never."
    ),
    click.option("--sampling", type=click.Choice(("balanced", "rooted", "weighted", "grouped"))),
    click.option(
        "--precision", type=click.Choice(("binary", "float")), help="float: the FP32 twin of the network."
    ),
    click.option(
        "--arithmetic",
        type=click.Choice(("float32", "bfloat16")),
        help="Of the training steps; bfloat16 is faster where the processor knows it.",
    ),
    click.option("--distil-share", type=float, help="Weight of the teacher's answers in the loss, 0 to 1."),
    click.option(
        "--paste-share",
        type=float,
        help="Share of the pictures that get a box of another one pasted in (CutMix), 0 to 1.",
    ),
    click.option("--seed", type=int, help="Of weights, draws and variations; 0 in the shipped recipes."),
)
"""Options that change a recipe's settings, each by the setting's name."""


def _settings_options(command: Callable) -> Callable:
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


def register(
    main: click.Group, network_options: Callable, output_options: Callable, show: Callable[..., Any]
) -> None:
    """Add the commands to ``main``.

    network_options: NETWORK with --input-scale and --input-offset;
    output_options: --json and --quiet; show: prints a result.
    """

    @main.command()
    @click.argument("name", metavar="RECIPE")
    @DATA
    @click.option(
        "--out",
        type=click.Path(path_type=Path),
        help="Folder; build/train/RECIPE if left out. An unfinished training there goes on.",
    )
    @_settings_options
    @click.option(
        "--teacher", type=click.Path(path_type=Path), help="Checkpoint to learn from, such as the twin's."
    )
    @click.option(
        "--start",
        type=click.Path(path_type=Path),
        help="Checkpoint whose weights to begin with: to train it on, or for your own pictures.",
    )
    @SPLIT
    @click.option("--fresh", is_flag=True, help="Do not go on with an unfinished training in --out.")
    @output_options
    def train(
        name: str,
        data: Path | None,
        out: Path | None,
        split: Path | None,
        teacher: Path | None,
        start: Path | None,
        fresh: bool,
        as_json: bool,
        quiet: bool,
        **changes: Any,
    ) -> None:
        """Train a network and export it; RECIPE is cnv, ncnv, ucnv, ncnv5, cnv5, or a TOML file.

        Quantisation-aware training with Brevitas: Adam, one-cycle schedule, random variations,
        balanced draws. The epoch that is best on the validation part is kept; the persons of
        the test part are never seen. After an interruption the same command goes on, and ends
        bit for bit as if it had not been interrupted. Log: log.csv and tensorboard/ in --out.

        Needs the extra: pip install 'bnn-hw[train]'.

        \b
        Examples:
          bnn-hw train ncnv --data ~/data
          bnn-hw train ncnv --precision float --out twin
          bnn-hw train ncnv --teacher twin/checkpoint.pt --seed 1 --out ncnv-1
          bnn-hw train my-recipe.toml --split split.json
          bnn-hw train my-gate.toml --start ncnv5/checkpoint.pt --epochs 20
          torchrun --nproc-per-node 2 -m bnn_hw.cli train cnv       several processes
          tensorboard --logdir build/train                          the curves
        """
        from bnn_hw.run import train_network

        result = train_network(
            name,
            data,
            out,
            Reporter(quiet),
            split=split,
            teacher=teacher,
            start=start,
            fresh=fresh,
            **changes,
        )
        show(result.text, result.record, as_json)

    _judging(main, network_options, output_options, show)

    @main.command()
    @click.argument("checkpoint", type=click.Path(path_type=Path))
    @click.option(
        "--out", type=click.Path(path_type=Path), required=True, help="Folder for model.onnx, golden.npz."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
    def export(checkpoint: Path, out: Path, as_json: bool) -> None:
        """Export a trained CHECKPOINT as QONNX with golden vectors.

        \b
        Example:
          bnn-hw export build/train/ncnv/checkpoint.pt --out my-ncnv
        """
        from bnn_hw.run import export_network

        result = export_network(checkpoint, out)
        show(result.text, result.record, as_json)


def _judging(
    main: click.Group, network_options: Callable, output_options: Callable, show: Callable[..., Any]
) -> None:
    """The commands that look at what was trained."""

    @main.command()
    @network_options
    @DATA
    @click.option(
        "--recipe", metavar="RECIPE", help="Whose data to judge on; else MaskedFace-Net's four classes."
    )
    @SPLIT
    @click.option("--split-seed", type=int, default=0, show_default=True, help="Where no --split is given.")
    @click.option(
        "--part", type=click.Choice(("test", "validation", "train", "all")), default="test", show_default=True
    )
    @click.option("--twin", type=click.Path(path_type=Path), help="Checkpoint of the FP32 twin, to compare.")
    @click.option("--robustness", is_flag=True, help="Also on disturbed pictures and on drawn masks.")
    @click.option(
        "--faces",
        type=click.IntRange(min=1),
        default=100,
        show_default=True,
        help="With --robustness: how many faces masks of each style are drawn on.",
    )
    @click.option("--without-qonnx", is_flag=True, help="Leave out the execution by the package qonnx.")
    @click.option(
        "--rtl",
        metavar="GOAL",
        help="Also simulate the RTL that a goal gives, such as folding=table1 or fps=97656; needs Verilator.",
    )
    @click.option("--board", default="pynq-z1", metavar="NAME|TOML", show_default=True, help="Of that RTL.")
    @click.option("--out", type=click.Path(path_type=Path), help="Folder for evaluation.json and figures.")
    @output_options
    def evaluate(
        network: str, out: Path | None, without_qonnx: bool, as_json: bool, quiet: bool, **options: Any
    ) -> None:
        """Judge a NETWORK on persons it never saw: a design, a QONNX file or a checkpoint.pt.

        Accuracy, precision, recall, F1, confusion, calibration, each with the number of
        pictures and persons; the network as trained, as QONNX, as integer graph and, with --rtl,
        as simulated RTL must give the same scores on every picture.

        \b
        Examples:
          bnn-hw evaluate ncnv --data ~/data
          bnn-hw evaluate build/train/ncnv/checkpoint.pt --twin twin/checkpoint.pt --robustness --out judged
          bnn-hw evaluate ucnv --data ~/data --rtl fps=97656
          bnn-hw evaluate my.onnx --input-scale 1 --recipe my-recipe.toml --part all
        """
        from bnn_hw import evaluate as judging
        from bnn_hw.evaluate_figures import write_results

        result = judging.run_evaluation(network, qonnx=not without_qonnx, reporter=Reporter(quiet), **options)
        text = judging.text(result)
        if out is not None:
            text += "\n" + "\n".join(f"wrote {path}" for path in write_results(result, text, out))
        show(text, result.to_json(), as_json)

    @main.command()
    @click.argument("network")
    @click.argument("pictures", nargs=-1, type=click.Path(path_type=Path))
    @click.option("--twin", type=click.Path(path_type=Path), help="Checkpoint of the FP32 twin, beside it.")
    @DATA
    @click.option("--per-class", type=click.IntRange(min=1), default=3, show_default=True)
    @click.option("--to", type=click.Path(path_type=Path), default=Path("gradcam.png"), show_default=True)
    @output_options
    def gradcam(
        network: str,
        pictures: tuple[Path, ...],
        twin: Path | None,
        data: Path | None,
        per_class: int,
        to: Path,
        as_json: bool,
        quiet: bool,
    ) -> None:
        """Draw what a NETWORK looks at: Grad-CAM of a design or a checkpoint.pt, beside its FP32 twin.

        On PICTURES, else on the test part of MaskedFace-Net, else on the demo's portrait. It
        also measures, class by class, whether the heat lies on the part that tells the class.

        \b
        Examples:
          bnn-hw gradcam ncnv --data ~/data --twin twin/checkpoint.pt --to gradcam.png
          bnn-hw gradcam build/train/ncnv/checkpoint.pt sunglasses.jpg hat.jpg
        """
        from bnn_hw.gradcam import write_figure

        text, record = write_figure(network, twin, pictures, data, to, per_class, Reporter(quiet))
        show(text, record, as_json)

    @main.command()
    @click.argument("folder", type=click.Path(path_type=Path))
    @output_options
    def landmarks(folder: Path, as_json: bool, quiet: bool) -> None:
        """Find the landmarks of the faces in FOLDER, so that masks can be drawn on them.

        Needs the extra: pip install 'bnn-hw[landmarks]'.

        \b
        Example:
          bnn-hw landmarks ~/portraits
        """
        from bnn_hw.data.landmarks import find_landmarks

        reporter = Reporter(quiet)
        with reporter.bar("looking for faces", total=1) as advance:
            path, count, left_out = find_landmarks(folder, lambda done, total: advance(done / total))
        for fault in left_out:
            reporter.say(f"left out {fault}")
        record = {"landmarks": str(path), "faces": count, "left_out": [fault.place for fault in left_out]}
        show(f"landmarks of {count} faces in {path}, {len(left_out)} left out", record, as_json)
