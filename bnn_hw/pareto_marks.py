"""Accelerators to set beside a front: published, other tools' points, and what was built here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn_hw.board import Board
from bnn_hw.design import Design

PUBLISHED = "published, whole system"
SYNTHESISED = "bnn-hw, synthesised"
MEASURED = "measured on a board"


@dataclass(frozen=True)
class Mark:
    """One accelerator: its place in the legend, figures, and where they come from.

    board_uj: energy of a frame of the whole board above idle, None where unknown.
    """

    group: str
    name: str
    origin: str
    fps: float
    lut: float
    bram36: float
    dsp: float
    board_uj: float | None = None


def marks(design: Design, board: Board, clock_hz: int, out: Path) -> list[Mark]:
    """What there is to compare a front at ``clock_hz`` with, the rates scaled to that clock.

    The design's published point and points of other tools, FINN runs and synthesised
    builds for the same board and clock below ``out``.
    """
    folder = out / design.name / board.name
    found = design_marks(design, clock_hz)
    known = {(mark.group, round(mark.fps), round(mark.lut)) for mark in found}
    for mark in (*_finn_runs(folder, clock_hz), *_builds(folder, clock_hz)):
        if (mark.group, round(mark.fps), round(mark.lut)) not in known:
            known.add((mark.group, round(mark.fps), round(mark.lut)))
            found.append(mark)
    return found


def design_marks(design: Design, clock_hz: int) -> list[Mark]:
    """The accelerators that a design names itself."""
    return [*_published(design, clock_hz), *_compared(design, clock_hz)]


def _scaled(fps: float, of_hz: int, to_hz: int) -> float:
    return fps * to_hz / of_hz


def _published(design: Design, clock_hz: int) -> Iterator[Mark]:
    figures = design.published
    if figures is None or figures.fps is None:
        return
    energy = None
    if figures.power_w is not None and figures.idle_power_w is not None:
        energy = (figures.power_w - figures.idle_power_w) / figures.fps * 1e6
    fps = _scaled(figures.fps, figures.clock_hz, clock_hz)
    yield Mark(PUBLISHED, figures.source, MEASURED, fps, figures.lut, figures.bram36, figures.dsp, energy)


def _compared(design: Design, clock_hz: int) -> Iterator[Mark]:
    for item in design.compared:
        origin = f"estimated by {item.source}" if item.estimate else item.source
        fps = _scaled(item.fps, item.clock_hz, clock_hz)
        yield Mark(item.group, item.name, origin, fps, item.lut, item.bram36, item.dsp)


def _finn_runs(folder: Path, clock_hz: int) -> Iterator[Mark]:
    """FINN's results of ``bnn-hw build --backend finn`` and ``bnn-hw compare``."""
    for path in sorted([*folder.glob("*/finn/finn.json"), *folder.glob("*/finn-auto/finn.json")]):
        record = _read(path)
        if not record or record.get("clock_hz") != clock_hz:
            continue
        estimate = record["estimate"]
        built = record.get("implementation")
        used = built or estimate
        name, group = path.parts[-3], "FINN, our folding"
        if record["folding"].startswith("SetFolding"):
            name, group = record["folding"].removeprefix("SetFolding "), "FINN, SetFolding"
        elif "table1" in path.parts[-3]:
            group = "FINN, Table I"
        yield Mark(
            group,
            name,
            "implemented with Vivado, rate estimated" if built else "estimated by FINN's formulas",
            *(float(used[key]) if key != "fps" else float(estimate[key]) for key in _KEYS),
        )


_KEYS = ("fps", "lut", "bram36", "dsp")


def _builds(folder: Path, clock_hz: int) -> Iterator[Mark]:
    """Synthesised builds of this flow."""
    for path in sorted(folder.glob("*/synth/utilisation.json")):
        plan, used = _read(path.parent.parent / "plan" / "plan.json"), _read(path)
        if plan and used and plan.get("clock_hz") == clock_hz:
            total = used["total"]
            sizes = (float(total["lut_sites"]), float(total["bram36"]), float(total["dsp"]))
            yield Mark(SYNTHESISED, path.parts[-3], "synthesised with Yosys, core alone", plan["fps"], *sizes)


def _read(path: Path) -> dict[str, Any] | None:
    """A JSON object, None for a file that is missing or damaged: what was left half done is no mark."""
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
