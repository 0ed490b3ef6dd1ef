"""One table of three accelerators: FINN's own folding, FINN with our folding, and our own back end.

Every figure says where it comes from: ``e`` FINN's formulas, ``v`` Vivado,
``y`` Yosys, ``s`` simulated cycle by cycle. None was measured on a board.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bnn_hw import finn_flow
from bnn_hw.pipeline.record import Resources
from bnn_hw.synth import utilisation

if TYPE_CHECKING:
    from bnn_hw.flow import Flow

ORIGINS = {
    "e": "estimated by FINN's formulas",
    "v": "Vivado's report",
    "y": "synthesised with Yosys",
    "s": "simulated cycle by cycle",
}
HEAD = ("accelerator", "frames/s", "latency (cycles)", "LUT", "BRAM36", "DSP")


@dataclass(frozen=True)
class Figure:
    """A number and the letter of where it comes from, one of ORIGINS."""

    value: float
    origin: str

    def __str__(self) -> str:
        return f"{self.value:,.10g} {self.origin}"


@dataclass(frozen=True)
class Row:
    """One accelerator. lut, bram36, dsp: see the table's notes for what they count."""

    name: str
    fps: Figure
    latency_cycles: Figure
    lut: Figure
    bram36: Figure
    dsp: Figure


@dataclass(frozen=True)
class Comparison:
    network: str
    board: str
    clock_hz: int
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    def text(self) -> str:
        """A Markdown table, aligned for the eye, and its notes."""
        title = f"{self.network} on {self.board} at {self.clock_hz / 1e6:g} MHz"
        return "\n".join([title, "", *_table([HEAD, *map(self._cells, self.rows)], 1), "", *self.notes])

    def markdown(self) -> str:
        """The table alone, with the network in front: several networks' rows make one table."""
        names = [self.network, *[""] * (len(self.rows) - 1)]
        lines = [(name, *self._cells(row)) for name, row in zip(names, self.rows, strict=True)]
        return "\n".join(_table([("network", *HEAD), *lines], 2))

    @staticmethod
    def _cells(row: Row) -> tuple[str, ...]:
        fps = Figure(round(row.fps.value), row.fps.origin)
        return (row.name, *map(str, (fps, row.latency_cycles, row.lut, row.bram36, row.dsp)))

    @property
    def record(self) -> dict[str, Any]:
        """The table for --json."""
        return asdict(self)


def _table(lines: Sequence[Sequence[str]], names: int) -> list[str]:
    """Lines of a Markdown table; lines: head and rows; names: columns of names, before those of figures."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    ruled = [
        "-" * width if column < names else "-" * (width - 1) + ":" for column, width in enumerate(widths)
    ]
    padded = [
        [
            cell.ljust(width) if column < names else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for line in (lines[0], ruled, *lines[1:])
    ]
    return [f"| {' | '.join(line)} |" for line in padded]


def make(flow: Flow) -> Comparison:
    """Run what the table needs, as far as it is not there, and make it.

    Raises whatever the steps raise: ToolError without FINN's environment, FoldingError, ...
    """
    for step in ("verify", "synth", finn_flow.OURS, finn_flow.AUTO):
        flow.until(step)
    ours, auto = (finn_flow.load(flow, step) for step in (finn_flow.OURS, finn_flow.AUTO))
    target = auto["folding"].removeprefix("SetFolding at ").removesuffix(" fps")
    reached = auto["estimate"]["fps"] >= int(target)
    rows = (
        finn_row(f"FINN, SetFolding for {int(target):,} fps{'' if reached else ' (missed)'}", auto),
        finn_row("FINN, our folding", ours),
        own_row(
            flow.record("verify", "verify.json"),
            utilisation.load(flow.folder("synth") / "utilisation.json").total.resources,
            ours["clock_hz"],
        ),
    )
    return Comparison(flow.design.name, flow.board.name, ours["clock_hz"], rows, notes(rows))


def finn_row(name: str, record: dict[str, Any]) -> Row:
    """A row from finn.json: Vivado's utilisation where there is one, else FINN's estimate."""
    estimate = record["estimate"]
    found, origin = (record["implementation"], "v") if "implementation" in record else (estimate, "e")
    return Row(
        name,
        Figure(estimate["fps"], "e"),
        Figure(estimate["latency_cycles"], "e"),
        *(Figure(float(found[key]), origin) for key in ("lut", "bram36", "dsp")),
    )


def own_row(proof: dict[str, Any], used: Resources, clock_hz: int) -> Row:
    """Our own back end's row from verify.json and what synthesis found."""
    return Row(
        "bnn_hw, our folding",
        Figure(clock_hz / proof["interval_cycles"], "s"),
        Figure(proof["latency_cycles"], "s"),
        *(Figure(float(value), "y") for value in (used.lut, used.bram36, used.dsp)),
    )


def notes(rows: Sequence[Row]) -> tuple[str, ...]:
    """Legend of the origins that occur, and what the columns leave out."""
    used = {getattr(row, key).origin for row in rows for key in ("fps", "latency_cycles", "lut")}
    legend = ", ".join(f"{letter} {text}" for letter, text in ORIGINS.items() if letter in used)
    return (
        f"{legend}; nothing measured on a board.",
        "FINN's estimates count neither FIFOs, width converters, pools nor shell; ours is the whole core "
        "without shell.",
    )
