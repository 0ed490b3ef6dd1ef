"""Constants of the cost laws that are fitted to synthesis, with their residuals: laws.json.

Only what has no exact count is fitted: control logic, mostly in proportion to the
bits of counters. ``make calibrate`` fits the constants again and writes the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from bnn_hw.pipeline.record import Resources

FILE = Path(__file__).with_name("laws.json")

FIGURES = ("lut", "ff", "carry4")

Coefficients = dict[str, dict[str, dict[str, float]]]
"""By kind of unit, figure and name of the quantity: how much of the figure one of the quantity takes."""


@cache
def _record() -> dict[str, Any]:
    record: dict[str, Any] = json.loads(FILE.read_text())
    return record


_trial: list[Coefficients] = []


def fitted(kind: str, **quantities: float) -> Resources:
    """What the quantities take by the law of ``kind``; "base" counts once."""
    own = (_trial[-1] if _trial else _record()["laws"])[kind]
    lut, ff, carry4 = (own[figure] for figure in FIGURES)
    total = [lut["base"], ff["base"], carry4["base"]]
    for name, value in quantities.items():
        total[0] += lut[name] * value
        total[1] += ff[name] * value
        total[2] += carry4[name] * value
    return Resources(lut=total[0], ff=total[1], carry4=total[2])


@contextmanager
def trial(coefficients: Coefficients) -> Iterator[None]:
    """Let other constants hold inside the context: how the fit finds what each one counts for."""
    _trial.append(coefficients)
    try:
        yield
    finally:
        _trial.pop()


def expected_error() -> dict[str, float] | None:
    """Relative error of a core's predicted LUTs on cores that no constant was fitted to.

    "cores": how many there were, "median" and "worst" of the absolute errors; None where
    none were measured.
    """
    cores = _record().get("cores", {})
    return {"cores": cores["points"], **cores["lut"]} if cores else None
