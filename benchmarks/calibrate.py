"""Make the planner's cost data again: exact site counts, and constants fitted to synthesised units.

    python -m benchmarks.calibrate [--measure --out build/cost_units]

Writes bnn_hw/plan/sites.json (sites of the structural generators' netlists) and
bnn_hw/plan/laws.json (constants of the cost laws, by least squares on the units of
benchmarks/cost_units.json, with their residuals). --measure first synthesises the units
that cost_units.json does not have.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.cost_units import DATA, UNITS, key_of, measure, store
from benchmarks.exact_sites import exact_sites
from bnn_hw.pipeline.stages import Fifo, Mvtu, Stage
from bnn_hw.plan import laws, sites
from bnn_hw.plan.cost import raw_resources, stage_resources

# Quantities of each law, as bnn_hw.plan.cost names them, beside the constant "base".
QUANTITIES = {
    "ring": ("place_bits", "difference_bits", "wrap_bits", "several_windows"),
    "full_window": ("place_bits", "replay_bits"),
    "mvtu": ("counter_bits",),
    "constant": ("pe_bits",),
    "integer": ("term_bits",),
    "fixed": (),
    "fifo": ("wraps",),
}


def law_of(stage: Stage) -> str | None:
    """Name of the law whose constants a unit shows; None for a unit that needs none."""
    if stage.kind == "window":
        return "full_window" if getattr(stage, "full", False) else "ring"
    if isinstance(stage, Fifo):
        return "fifo" if stage.depth > 2 else None
    return "mvtu" if isinstance(stage, Mvtu) else None


def fit(units: list[Stage], measured: dict[str, Any]) -> laws.Coefficients:
    """Constants by least squares of LUT errors in relation to the unit's size.

    A cost is linear in the constants, so setting one of them to 1 and all others to 0
    tells what it counts for.
    """
    zero = {kind: dict.fromkeys(("base", *names), 0.0) for kind, names in QUANTITIES.items()}
    places = [(kind, name) for kind, own in zero.items() for name in own]
    rows, rest = [], []
    units = [unit for unit in units if law_of(unit)]
    with laws.trial(zero):
        exact = [raw_resources(unit).lut for unit in units]
    columns = []
    for kind, name in places:
        with laws.trial({**zero, kind: {**zero[kind], name: 1.0}}):
            columns.append([raw_resources(unit).lut for unit in units])
    for index, unit in enumerate(units):
        found = measured[key_of(unit)]["lut"]
        weight = 1 / max(found, 60)
        rows.append([weight * (column[index] - exact[index]) for column in columns])
        rest.append(weight * (found - exact[index]))
    solution = np.linalg.lstsq(np.array(rows), np.array(rest), rcond=None)[0]
    result: laws.Coefficients = {kind: {} for kind in zero}
    for (kind, name), value in zip(places, solution, strict=True):
        result[kind][name] = round(float(value), 3)
    return result


def residuals(units: list[Stage], measured: dict[str, Any]) -> dict[str, Any]:
    """Relative LUT errors by kind of unit: median and worst of their absolute values."""
    errors = defaultdict(list)
    for unit in units:
        found = measured[key_of(unit)]["lut"]
        errors[law_of(unit) or unit.kind].append(abs(stage_resources(unit).lut - found) / max(found, 30))
    return {
        kind: {"units": len(own), "median": round(median(own), 4), "worst": round(max(own), 4)}
        for kind, own in errors.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="synthesise units without stored figures")
    parser.add_argument("--out", type=Path, default=Path("build/cost_units"))
    options = parser.parse_args()
    sites.FILE.write_text(json.dumps(exact_sites()) + "\n")
    measured = json.loads(DATA.read_text())
    missing = [unit for unit in UNITS if key_of(unit) not in measured]
    if missing and options.measure:
        store(measure(missing, options.out))
        measured = json.loads(DATA.read_text())
    units = [unit for unit in UNITS if key_of(unit) in measured]
    constants = fit(units, measured)
    with laws.trial(constants):
        errors = residuals(units, measured)
    record = {
        "source": "least squares on benchmarks/cost_units.json",
        "laws": {kind: {"lut_sites": own} for kind, own in constants.items()},
        "residuals_lut": errors,
    }
    laws.FILE.write_text(json.dumps(record, indent=1) + "\n")
    table = Table(title="cost laws: LUT sites against synthesised units", title_justify="left")
    for name in ("kind", "units", "median error", "worst", "constants"):
        table.add_column(name)
    for kind, own in errors.items():
        fitted = ", ".join(f"{name} {value:g}" for name, value in constants.get(kind, {}).items())
        table.add_row(kind, str(own["units"]), f"{own['median']:.1%}", f"{own['worst']:.1%}", fitted)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
