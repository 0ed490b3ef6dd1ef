"""Renders the report and writes it: one file, nothing loaded from elsewhere."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import jinja2
from markupsafe import Markup

from bnn_hw.errors import OutputError
from bnn_hw.report import drawing, figures
from bnn_hw.report.data import ReportData
from bnn_hw.report.predictions import group_view

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("bnn_hw.report"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

Verdict = tuple[str, str]


def commands(data: ReportData) -> dict[str, str]:
    """Return the command line of each step, for sections that have no data."""
    options = shlex.join([data.design, "--board", data.board, "--goal", data.plan.goal])
    names = {name: f"bnn-hw {name} {options}" for name in ("verify", "synth")}
    return {**names, "run": f"bnn-hw run {shlex.quote(data.design)} PICTURE..."}


def proof_text(data: ReportData) -> str:
    """Say in one sentence what the simulation showed."""
    proof = data.verification
    if not proof:
        return ""
    what = "equal to" if proof["bit_exact"] else "NOT equal to"
    pauses = sum(1 for run in proof["runs"] if run["seed"] is not None)
    count = figures.number(proof["values_compared"])
    return (
        f"The generated hardware is {what} the integer graph in all {count} values compared: "
        f"every output of {len(proof['layers'])} stages, {proof['frames']} frames back to back, "
        f"in {len(proof['runs'])} runs, {pauses} of them with random pauses at both ends."
    )


def verdicts(data: ReportData) -> list[Verdict]:
    """Return (good, bad or open; what is so) for what a reader must know first."""
    lines: list[Verdict] = []
    proof = data.verification
    if proof:
        state = "good" if proof["bit_exact"] else "bad"
        text = "bit-exact" if proof["bit_exact"] else "differs from the integer graph"
        lines.append((state, f"simulated hardware {text} on {proof['frames']} frames"))
        exact = proof["interval_cycles"] == proof["planned_interval_cycles"]
        cycles = figures.number(proof["interval_cycles"])
        planned = figures.number(proof["planned_interval_cycles"])
        text = f"interval {cycles} cycles, {'as' if exact else 'but'} planned{'' if exact else ' ' + planned}"
        lines.append(("good" if exact else "bad", text))
    else:
        lines.append(("open", "not proven yet"))
    measured = figures.measured_resources(data)
    used = dataclasses.asdict(measured or data.plan.resources)
    have = dataclasses.asdict(data.available)
    over = [label for key, label in figures.RESOURCES if used[key] > have[key]]
    fit = f"does not fit {data.plan.part}: {', '.join(over)}" if over else f"fits {data.plan.part}"
    lines.append(("bad" if over else "good", f"{fit} ({'synthesised' if measured else 'predicted'})"))
    return lines


def render(data: ReportData) -> str:
    """Return the page's text."""
    plan = data.plan
    measured = figures.measured_resources(data)
    bars = [
        (label, getattr(plan.resources, key), getattr(measured, key, None), getattr(data.available, key))
        for key, label in figures.RESOURCES
    ]
    sections = [
        ("pipeline", "Pipeline"),
        ("folding", "Folding"),
        ("plan", "Plan against measurement"),
        ("utilisation", "Utilisation"),
        *([("published", "Published designs")] if data.published else []),
        ("proof", "Proof"),
        ("pictures", "Pictures"),
        ("origin", "Origin"),
    ]
    style, _, _ = _TEMPLATES.loader.get_source(_TEMPLATES, "style.css")  # type: ignore[union-attr]
    return _TEMPLATES.get_template("report.html.j2").render(
        data=data,
        plan=plan,
        proof=data.verification,
        synthesis=data.utilisation,
        measured=measured,
        style=Markup(style),
        clock=figures.frequency(plan.clock_hz),
        verdicts=verdicts(data),
        verdict_text=proof_text(data),
        sections=sections,
        key_figures=figures.key_figures(data),
        pipeline=Markup(drawing.pipeline(plan)),
        utilisation=Markup(drawing.utilisation(bars)),
        layers=figures.layer_rows(data),
        comparisons=figures.comparisons(data),
        stages=figures.stage_rows(data),
        published=[figures.published_rows(data, index) for index in range(len(data.published))],
        groups=[group_view(group) for group in data.predictions],
        commands=commands(data),
        number=figures.number,
        difference=figures.difference,
        frequency=figures.frequency,
    )


def write_report(data: ReportData, path: Path) -> None:
    """Write the report as one HTML file; OutputError if that is not possible.

    The file appears complete or not at all.
    """
    text = render(data)
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as err:
        raise OutputError.at(
            err.filename or path, f"cannot be written: {err.strerror}", "free space or choose another folder"
        ) from err
    finally:
        if unfinished.is_file():
            unfinished.unlink()
