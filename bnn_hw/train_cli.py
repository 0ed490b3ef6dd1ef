"""The commands of training: train and export."""

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


def register(main: click.Group, output_options: Callable, show: Callable[..., Any]) -> None:
    """Add the commands to ``main``; output_options: --json and --quiet; show: prints a result."""

    @main.command()
    @click.argument("name", metavar="RECIPE")
    @DATA
    @click.option(
        "--out",
        type=click.Path(path_type=Path),
        help="Folder; build/train/RECIPE if left out. An unfinished training there goes on.",
    )
    @click.option("--epochs", type=click.IntRange(min=1), help="60 in the shipped recipes.")
    @click.option(
        "--pictures-per-epoch",
        type=click.IntRange(min=1),
        help="Balanced draws; 6000 in the shipped recipes.",
    )
    @click.option("--batch-size", type=click.IntRange(min=1))
    @click.option("--learning-rate", type=float, help="Peak of the one-cycle schedule.")
    @click.option(
        "--patience", type=click.IntRange(min=0), help="Epochs without gain before it stops; 0: never."
    )
    @click.option("--sampling", type=click.Choice(("balanced", "weighted", "grouped")))
    @click.option(
        "--precision", type=click.Choice(("binary", "float")), help="float: the FP32 twin of the network."
    )
    @click.option(
        "--teacher", type=click.Path(path_type=Path), help="Checkpoint to learn from, such as the twin's."
    )
    @click.option("--seed", type=int, help="Of weights, draws and variations; 0 in the shipped recipes.")
    @SPLIT
    @click.option("--fresh", is_flag=True, help="Do not go on with an unfinished training in --out.")
    @output_options
    def train(
        name: str,
        data: Path | None,
        out: Path | None,
        split: Path | None,
        teacher: Path | None,
        fresh: bool,
        as_json: bool,
        quiet: bool,
        **changes: Any,
    ) -> None:
        """Train a network and export it; RECIPE is cnv, ncnv, ucnv, or a recipe's TOML file.

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
          torchrun --nproc-per-node 2 -m bnn_hw.cli train cnv       several processes
          tensorboard --logdir build/train                          the curves
        """
        from bnn_hw.run import train_network

        result = train_network(
            name, data, out, Reporter(quiet), split=split, teacher=teacher, fresh=fresh, **changes
        )
        show(result.text, result.record, as_json)

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
