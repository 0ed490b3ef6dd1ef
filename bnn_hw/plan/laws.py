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

FILE = Path(__file__).with_name("laws.json")

Coefficients = dict[str, dict[str, float]]
"""By kind of unit, then by name of the quantity: LUT sites for one of it."""


@cache
def _stored() -> Coefficients:
    return {kind: law["lut_sites"] for kind, law in json.loads(FILE.read_text())["laws"].items()}


_trial: list[Coefficients] = []


def fitted_lut(kind: str, **quantities: float) -> float:
    """LUT sites of the quantities by the law of ``kind``; "base" counts once."""
    own = (_trial[-1] if _trial else _stored())[kind]
    return own["base"] + sum(own[name] * value for name, value in quantities.items())


@contextmanager
def trial(coefficients: Coefficients) -> Iterator[None]:
    """Let other constants hold inside the context: how the fit finds what each one counts for."""
    _trial.append(coefficients)
    try:
        yield
    finally:
        _trial.pop()
