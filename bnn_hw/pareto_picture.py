"""The picture of a front: frames a second against LUT, BRAM, DSP and energy, ours beside others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnn_hw.board import Board
from bnn_hw.pareto_marks import MEASURED, PUBLISHED, SYNTHESISED, Mark
from bnn_hw.plan.pareto import CHEAPEST, WITHOUT_BRAM

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours that the colour-blind can tell apart (P. Tol, "bright"), and a shape of its own for each group.
_STYLES: dict[str, dict[str, Any]] = {
    CHEAPEST: {"color": "#4477aa", "marker": "o", "markersize": 5},
    WITHOUT_BRAM: {"color": "#66ccee", "marker": "o", "markersize": 4},
    SYNTHESISED: {"color": "black", "marker": "*", "markersize": 10, "markeredgecolor": "white"},
    PUBLISHED: {"color": "#ee6677", "marker": "s", "markersize": 9},
}
_OTHERS = (("#ccbb44", "^"), ("#aa3377", "D"), ("#228833", "v"), ("#bbbbbb", "P"))
_LEAST = 0.5  # where the linear part of an axis that shows zero ends
_TICKS = [factor * 10**power for power in range(-3, 7) for factor in (1, 2, 5)]


@dataclass(frozen=True)
class _Panel:
    title: str
    of_point: Callable[[dict[str, Any]], float]
    of_mark: Callable[[Mark], float | None]
    limit: float | None
    zero: bool = False


def draw(
    found: Sequence[dict[str, Any]],
    others: Sequence[Mark],
    board: Board,
    network: str,
    clock_hz: int,
    path: Path,
) -> None:
    """Write the picture as PNG. found: the points of pareto.json; what the part has ends each axis."""
    from matplotlib.figure import Figure

    part = board.part

    panels = (
        _Panel("LUT sites", lambda p: p["resources"]["lut"], lambda m: m.lut, part.lut),
        _Panel("BRAM36", lambda p: p["resources"]["bram36"], lambda m: m.bram36, part.bram36, zero=True),
        _Panel("DSP48", lambda p: p["resources"]["dsp"], lambda m: m.dsp, part.dsp, zero=True),
        _Panel("uJ a frame", lambda p: p["core_uj"], lambda m: m.board_uj, None),
    )
    figure = Figure(figsize=(12, 9.6), layout="constrained")
    grid = figure.subplots(2, 2, sharey=True)
    for axis, panel in zip(grid.flat, panels, strict=True):
        _panel(axis, panel, found, others, part.name)
    for axis in grid[:, 0]:
        axis.set_ylabel(f"frames a second at {clock_hz / 1e6:g} MHz")
    _number(grid.flat[0], found)
    grid.flat[3].set_title(
        "core's dynamic energy by the power model; published: board above idle", fontsize=9
    )
    handles: dict[str, Any] = {}
    for axis in grid.flat:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        list(handles.values()), list(handles), loc="outside lower center", ncols=3, fontsize=9, frameon=False
    )
    figure.suptitle(f"{network} on {board.name} ({part.name}): nothing of ours is measured on a board")
    figure.savefig(path, dpi=110)


def _panel(
    axis: Axes, panel: _Panel, found: Sequence[dict[str, Any]], others: Sequence[Mark], part_name: str
) -> None:
    axis.set_yscale("log")
    if panel.zero:
        axis.set_xscale("symlog", linthresh=_LEAST, linscale=0.4)
    else:
        axis.set_xscale("log")
    _best(axis, [(panel.of_point(point), point["fps"]) for point in found])
    labels = {CHEAPEST: "bnn-hw, core, predicted", WITHOUT_BRAM: "bnn-hw, no block RAM, predicted"}
    for kind, label in labels.items():
        chosen = [point for point in found if point["kind"] == kind]
        if chosen:
            sizes = [panel.of_point(point) for point in chosen]
            fps = [point["fps"] for point in chosen]
            axis.plot(sizes, fps, linestyle="", label=label, **_STYLES[kind])
    groups = list(dict.fromkeys(mark.group for mark in others))
    free = iter(_OTHERS * len(groups))
    styles = {
        group: _STYLES[group] if group in _STYLES else dict(zip(("color", "marker"), next(free), strict=True))
        for group in groups
    }
    for group in groups:
        marks = [(panel.of_mark(mark), mark) for mark in others if mark.group == group]
        shown = [(size, mark.fps) for size, mark in marks if size is not None]
        if shown:
            axis.plot(*zip(*shown, strict=True), linestyle="", label=_label(group, others), **styles[group])
    _scale(axis, panel, found, others)
    if panel.limit is not None:
        axis.axvline(panel.limit, color="#999999", linewidth=1, linestyle="--")
        axis.annotate(
            f"{part_name}: {panel.limit:,.0f}",
            (panel.limit, 0.98),
            xycoords=("data", "axes fraction"),
            xytext=(-3, 0),
            textcoords="offset points",
            rotation=90,
            ha="right",
            va="top",
            fontsize=8,
            color="#777777",
        )
    axis.set_xlabel(panel.title)
    axis.grid(True, which="major", alpha=0.35)
    axis.grid(True, which="minor", alpha=0.12)


def _scale(axis: Axes, panel: _Panel, found: Sequence[dict[str, Any]], others: Sequence[Mark]) -> None:
    """Logarithmic axes with plain numbers, wide enough for every point and the part's limit."""
    sizes = [panel.of_point(point) for point in found]
    sizes += [size for size in map(panel.of_mark, others) if size is not None]
    sizes += [panel.limit] if panel.limit is not None else []
    if panel.zero:
        axis.set_xlim(-0.1 * _LEAST, 1.3 * max(sizes))
        axis.set_xticks([0, *(tick for tick in _TICKS if _LEAST < tick <= max(sizes))])
    else:
        axis.set_xlim(min(sizes) / 1.3, max(sizes) * 1.3)
        axis.set_xticks([tick for tick in _TICKS if min(sizes) / 1.3 <= tick <= max(sizes) * 1.3])
    axis.xaxis.set_minor_formatter(lambda value, _: "")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")


def _label(group: str, others: Sequence[Mark]) -> str:
    """A group's name with what its figures are, and with its only member's name."""
    members = [mark for mark in others if mark.group == group]
    if group == PUBLISHED:
        return f"{members[0].name}, whole system, measured"
    origins = {mark.origin for mark in members}
    known = {MEASURED: "measured"}
    if group != SYNTHESISED and len(origins) == 1:
        return f"{group}, {known.get(members[0].origin, members[0].origin)}"
    return group


def _best(axis: Axes, points: Sequence[tuple[float, float]]) -> None:
    """The edge of what can be reached: for each size the highest rate at most as large."""
    edge: list[tuple[float, float]] = []
    for size, fps in sorted(points, key=lambda point: (point[0], -point[1])):
        if not edge or fps > edge[-1][1]:
            edge.append((size, fps))
    sizes, rates = zip(*edge, strict=True)
    axis.step(sizes, rates, where="post", color="#4477aa", linewidth=1, alpha=0.6)


def _number(axis: Axes, found: Sequence[dict[str, Any]]) -> None:
    """Numbers of the table at some of the cheapest points, so that one can be chosen."""
    cheapest = [point for point in found if point["kind"] == CHEAPEST]
    step = max(1, round(len(cheapest) / 8))
    for point in cheapest[::step]:
        axis.annotate(
            f"#{point['number']}",
            (point["resources"]["lut"], point["fps"]),
            xytext=(-5, 5),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color="#335577",
        )
