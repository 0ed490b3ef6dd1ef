"""Make the planner's cost data again: exact site counts, and constants fitted to synthesis.

    python -m benchmarks.calibrate [--measure --out build/cost_units]

Writes bnn_hw/plan/sites.json (sites and CARRY4 of the structural generators' netlists) and
bnn_hw/plan/laws.json (constants of the cost laws with their residuals), by least squares on the
units of benchmarks/cost_units.json and on the stages of every second core of
benchmarks/predicted.json; the other cores show what a prediction is worth. --measure first
synthesises the units that have no figures of the RTL as it is, smallest first, some at a
time: an interrupt loses no more than these.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import predicted
from benchmarks.cost_units import UNITS, key_of, measure, measured, store
from benchmarks.exact_sites import exact_sites
from bnn_hw.errors import BnnHwError
from bnn_hw.pipeline.stages import Stage
from bnn_hw.plan import laws, sites
from bnn_hw.plan.cost import raw_resources, stage_resources

# Quantities of each law, as bnn_hw.plan.cost names them, beside the constant "base", and the LUTs
# that one of them takes by its structure: what a constant is drawn to where samples tell little.
QUANTITIES: dict[str, dict[str, float]] = {
    "ring": {"place_bits": 1.5, "difference_bits": 2.5, "wrap_bits": 2, "several_windows": 0},
    "full_window": {"place_bits": 0.5, "replay_bits": 0.5},
    "mvtu": {"counter_bits": 1},
    "runtime": {"memories": 0},
    # By the generators' netlists: 27 sites instead of 41 for the 48 lanes of a slice; three for a number.
    "match_dsp": {"lanes": -0.28},
    "accumulate_dsp": {"units": 3, "count_bits": 0, "thresholded": 0},
    "constant": {"pe_bits": 0},
    "integer": {"term_bits": 2.4},
    "fixed": {},
    "fifo": {"address_bits": 4, "wraps": 15},
    "gather": {"counter_bits": 1},
    "scatter": {"counter_bits": 1.5},
    "pool": {"place_bits": 2, "several": 12},
    "scores": {"score_bits": 1.2},
}
# How strongly: as a sample whose relative error is this times the difference.
DRAWN, DRAWN_BASE = 0.01, 0.001
# Errors count in relation to what a stage takes, but to no less than this, by figure.
LEAST = {"lut": 60, "ff": 60, "carry4": 10}
# Relative error beyond which a stage counts as one that synthesis treats unlike its neighbours.
OUTLIER = 0.05
# LUTs, as predicted, that are synthesised at a time.
BATCH_LUT = 1_500


@dataclass(frozen=True)
class Sample:
    """A stage and what synthesis found it to take, by figure."""

    stage: Stage
    found: dict[str, float]

    @property
    def kind(self) -> str:
        if self.stage.kind == "window":
            return "full_window" if getattr(self.stage, "full", False) else "ring"
        return self.stage.kind


def unit_samples() -> list[Sample]:
    """Units with figures of the RTL as it is."""
    figures = measured()
    return [Sample(unit, figures[key_of(unit)]) for unit in UNITS if key_of(unit) in figures]


def core_samples() -> list[Sample]:
    """The stages of every second core."""
    return [
        Sample(stage, record["stages"][stage.name])
        for name, record in predicted.stored().items()
        if predicted.is_fitted(name)
        for stage in predicted.stages_of(record)
    ]


def fit(samples: Sequence[Sample]) -> laws.Coefficients:
    """Constants by least squares of errors in relation to the stage's size.

    A cost is linear in the constants, so setting one of them to 1 and all others to 0
    tells what it counts for.
    """
    zero = {
        kind: {figure: dict.fromkeys(("base", *names), 0.0) for figure in laws.FIGURES}
        for kind, names in QUANTITIES.items()
    }
    places = [(kind, name) for kind, own in zero.items() for name in own["lut"]]
    with laws.trial(zero):
        exact = [raw_resources(sample.stage) for sample in samples]
    shares = []
    for kind, name in places:
        one = {figure: {**zero[kind][figure], name: 1.0} for figure in laws.FIGURES}
        with laws.trial({**zero, kind: one}):
            shares.append([raw_resources(sample.stage) for sample in samples])
    result = zero
    for figure in laws.FIGURES:
        known = [index for index, sample in enumerate(samples) if figure in sample.found]
        found = np.array([samples[index].found[figure] for index in known])
        weight = 1 / np.maximum(found, LEAST[figure])
        base = np.array([getattr(exact[index], figure) for index in known])
        columns = np.array([[getattr(share[index], figure) for index in known] for share in shares]) - base
        priors = [QUANTITIES[kind].get(name, 0.0) if figure == "lut" else 0.0 for kind, name in places]
        drawn = np.array([DRAWN_BASE if name == "base" else DRAWN for _, name in places])
        rows = np.vstack([(columns * weight).T, np.diag(drawn)])
        rest = np.concatenate([(found - base) * weight, drawn * np.array(priors)])
        solution = robust_solution(rows, rest)
        for (kind, name), value in zip(places, solution, strict=True):
            result[kind][figure][name] = round(float(value), 3)
    return result


def robust_solution(rows: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Least squares in which errors beyond OUTLIER count by their size, not by its square."""
    solution = np.zeros(rows.shape[1])
    weight = np.ones(len(rest))
    for _ in range(20):
        solution = np.linalg.lstsq(rows * weight[:, None], rest * weight, rcond=None)[0]
        error = np.abs(rows @ solution - rest)
        weight = np.sqrt(np.minimum(1.0, OUTLIER / np.maximum(error, 1e-12)))
    return solution


def residuals(samples: Sequence[Sample]) -> dict[str, Any]:
    """Relative errors by kind of stage: median and worst of their absolute values, by figure."""
    errors: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for sample in samples:
        said = stage_resources(sample.stage)
        for figure in laws.FIGURES:
            if figure in sample.found:
                error = getattr(said, figure) - sample.found[figure]
                least = LEAST[figure] / 2
                errors[sample.kind][figure].append(abs(error) / max(sample.found[figure], least))
    return {
        kind: {
            "stages": max(map(len, own.values())),
            **{name: {"median": round(median(e), 4), "worst": round(max(e), 4)} for name, e in own.items()},
        }
        for kind, own in errors.items()
    }


def synthesise_missing(out: Path, console: Console) -> None:
    """Synthesise the units without figures, smallest first, and store each batch."""
    figures = measured()
    missing = [unit for unit in UNITS if key_of(unit) not in figures]
    missing.sort(key=lambda unit: stage_resources(unit).lut)
    done = 0
    while done < len(missing):
        batch: list[Stage] = []
        for unit in missing[done:]:
            if batch and sum(stage_resources(u).lut for u in (*batch, unit)) > BATCH_LUT:
                break
            batch.append(unit)
        console.print(f"units {done + 1} to {done + len(batch)} of {len(missing)}")
        try:
            store(measure(batch, out))
        except BnnHwError as error:
            for fault in error.faults:
                console.print(f"  failed: {fault.place}: {fault.cause}")
        done += len(batch)


def core_errors() -> dict[str, Any]:
    """Errors over whole cores: those that nothing was fitted to, and all."""
    points = [predicted.compared(name, record) for name, record in predicted.stored().items()]
    others = [point for point in points if not predicted.is_fitted(point.name)]
    return {
        "cores": predicted.summary(others) if others else {},
        "all_cores": predicted.summary(points) if points else {},
    }


def show(record: dict[str, Any]) -> Table:
    table = Table(title="cost laws against synthesised stages: median and worst error", title_justify="left")
    for name in ("kind", "stages", *laws.FIGURES):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for kind, own in record["residuals"].items():
        cells = [f"{own[f]['median']:.1%}, {own[f]['worst']:.1%}" if f in own else "" for f in laws.FIGURES]
        table.add_row(kind, str(own["stages"]), *cells)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="synthesise units without stored figures")
    parser.add_argument("--out", type=Path, default=Path("build/cost_units"))
    options = parser.parse_args()
    console = Console(width=140)
    sites.FILE.write_text(json.dumps(exact_sites()) + "\n")
    if options.measure:
        synthesise_missing(options.out, console)
    samples = [*unit_samples(), *core_samples()]
    constants = fit(samples)
    with laws.trial(constants):
        record = {
            "source": "least squares on benchmarks/cost_units.json and every second core of "
            "benchmarks/predicted.json",
            "laws": constants,
            "residuals": residuals(samples),
            **core_errors(),
        }
    laws.FILE.write_text(json.dumps(record, indent=1) + "\n")
    console.print(show(record))
    for name in ("cores", "all_cores"):
        console.print(f"{name}: {json.dumps(record[name])}")


if __name__ == "__main__":
    main()
