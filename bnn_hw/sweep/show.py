"""The results of a sweep: sweep.json, a table and a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from bnn_hw.folders import writing
from bnn_hw.sweep.run import Outcome

FORMAT = "bnn_hw.sweep/1"
RECORD = "sweep.json"
PICTURE = "sweep.png"


def record_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All points and all failures, for a program."""
    points = [{"name": o.job.name, **asdict(o.job), **o.figures} for o in outcomes if o.ok]
    failed = [
        {"name": o.job.name, **asdict(o.job), "faults": [asdict(fault) for fault in o.faults]}
        for o in outcomes
        if not o.ok
    ]
    return {"format": FORMAT, "points": points, "failed": failed}


def write(outcomes: Sequence[Outcome], folder: Path) -> dict[str, Any]:
    """Write sweep.json and sweep.png; return the record."""
    record = record_of(outcomes)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n")
        if record["points"]:
            draw(record["points"], folder / PICTURE)
    return record


def table(record: dict[str, Any]) -> Table:
    """One row a point; behind the synthesised LUT sites how far the prediction is off."""
    result = Table(title="cycles exact, resources synthesised with Yosys, core alone", title_justify="left")
    for name in ("network", "board", "goal"):
        result.add_column(name)
    for name in ("frames/s", "LUT", "predicted", "FF", "BRAM36", "DSP", "proof"):
        result.add_column(name, justify="right")
    for point in record["points"]:
        used = point["synthesised"]
        result.add_row(
            Path(point["network"]).stem,
            Path(point["board"]).stem,
            _goal(point),
            f"{point['fps']:,.0f}",
            f"{used['lut']:,}",
            f"{_error(point):+.1%}",
            f"{used['ff']:,}",
            f"{used['bram36']:g}",
            f"{used['dsp']}",
            "bit-exact" if point["proof"] else "not asked",
        )
    return result


def _goal(point: dict[str, Any]) -> str:
    """The goal; of a folding file its name only."""
    _, _, value = point["goal"].partition("=")
    return Path(value).stem if value.endswith(".json") else point["goal"]


def _error(point: dict[str, Any]) -> float:
    """Predicted against synthesised LUT sites."""
    return float(point["predicted"]["lut"] / point["synthesised"]["lut"] - 1)


_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
_SHAPES = ("o", "s", "^", "D", "v", "P", "*")


def draw(points: Sequence[dict[str, Any]], path: Path) -> None:
    """Frames a second against LUT sites, and how far predictions are off; colour: network, shape: board."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5.4), layout="constrained")
    speed, errors = figure.subplots(1, 2)
    networks = list(dict.fromkeys(point["network"] for point in points))
    boards = list(dict.fromkeys(point["board"] for point in points))
    for network, colour in zip(networks, _cycled(_COLOURS, len(networks)), strict=True):
        for board, shape in zip(boards, _cycled(_SHAPES, len(boards)), strict=True):
            chosen = [p for p in points if (p["network"], p["board"]) == (network, board)]
            if not chosen:
                continue
            lut = [p["synthesised"]["lut"] for p in chosen]
            label = f"{Path(network).stem} on {Path(board).stem}"
            style: dict[str, Any] = {"marker": shape, "color": colour, "linestyle": "", "markersize": 6}
            speed.plot(lut, [p["fps"] for p in chosen], label=label, **style)
            errors.plot(lut, [100 * _error(p) for p in chosen], **style)
    speed.set_ylabel("frames a second")
    speed.set_yscale("log")
    errors.set_ylabel("predicted LUT sites against synthesised, %")
    errors.axhline(0, color="#777777", linewidth=1)
    for axis in (speed, errors):
        axis.set_xlabel("LUT sites, synthesised, core alone")
        axis.set_xscale("log")
        axis.grid(True, which="major", alpha=0.35)
        axis.grid(True, which="minor", alpha=0.12)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axis.xaxis.set_minor_formatter(lambda value, _: _minor(value))
    speed.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    speed.yaxis.set_minor_formatter(lambda value, _: "")
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=110)


def _minor(value: float) -> str:
    """Labels at 2 and 5 of each decade only."""
    return f"{value:,.10g}" if f"{value:e}"[:3] in ("2.0", "5.0") else ""


def _cycled(values: Sequence[str], count: int) -> list[str]:
    return [values[place % len(values)] for place in range(count)]
