"""Power of a core and of the board around it: an estimate, never a measurement.

    core  = static share 0 + LUT * clock * rate * toggle_j     logic and its wires, as data move
                           + FF * clock * ff_clock_j           clock network and registers
                           + BRAM36 * clock * bram36_j + DSP * clock * dsp_j
    board = idle_w + base_w + core

``rate``: changes a net a cycle, counted in simulation (bnn_hw.sim.activity), or
``default_rate``, the mean of the networks that were counted for the calibration. Glitches
and wire lengths are unknown and are part of ``toggle_j``. The static power of the fabric
(0.112 W in the source below) is part of the board's idle power.

Sources (power.json has the figures and says how they were taken):

* ff_clock_j, bram36_j, dsp_j: Vivado 2020.1, report_power of a routed CVA6 on an xc7z020 at
  45 MHz with the activity of a simulation (github.com/riscmakers/cva6-softcore-contest,
  fpga/results/latest/post_impl/power_routed_mnist.txt): clocks 24 mW for 20,559 FF, 62 block
  RAMs 5 mW. For four DSPs it says less than 1 mW: taken as 1 mW, an upper bound.
* idle_w: PYNQ-Z1 at rest, BinaryCoP (N. Fasfous et al., 2021), Table II.
* toggle_j, base_w (what idle lacks: processor, DDR and DMA at work): least squares over the
  three designs of that table. Their flip-flops are not published and taken as many as LUTs;
  their activity is that of our cores of the same networks and foldings, in the share of time
  that their frame rates leave the pipeline busy.

The other point, MLPerf Tiny v0.7's CNV-W1A1 by FINN (github.com/mlcommons/tiny_results_v0.7,
661 inferences/s, 2,530 uJ each), is not fitted. It ran without an operating system and its
size is not published with it; BinaryCoP's CNV, the same layers, stands in.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bnn_hw.pipeline.activity import Activity
from bnn_hw.pipeline.record import Resources

DATA = Path(__file__).parent / "power.json"


@dataclass(frozen=True)
class BoardPoint:
    """A published measurement of a whole board.

    busy: share of the cycles in which data move (frame rate over the greatest of the
    folding); rate: changes a net a cycle when busy; fitted: the model was fitted to it.
    """

    name: str
    source: str
    lut: float
    ff: float
    bram36: float
    dsp: float
    clock_hz: float
    busy: float
    rate: float
    power_w: float
    fitted: bool


@dataclass(frozen=True)
class Model:
    """Energies in joule: of a net's change by LUT; of a cycle by flip-flop, block RAM and DSP."""

    toggle_j: float
    ff_clock_j: float
    bram36_j: float
    dsp_j: float
    idle_w: float
    base_w: float
    default_rate: float
    points: tuple[BoardPoint, ...]


@dataclass(frozen=True)
class CorePower:
    """Estimated dynamic power of a core or a part of it."""

    logic_w: float = 0
    clock_w: float = 0
    memory_w: float = 0
    dsp_w: float = 0

    @property
    def total_w(self) -> float:
        return self.logic_w + self.clock_w + self.memory_w + self.dsp_w

    def __add__(self, other: CorePower) -> CorePower:
        return CorePower(
            self.logic_w + other.logic_w,
            self.clock_w + other.clock_w,
            self.memory_w + other.memory_w,
            self.dsp_w + other.dsp_w,
        )


@functools.cache
def power_model() -> Model:
    """The model as it was calibrated (power.json)."""
    return from_record(json.loads(DATA.read_text()))


def from_record(record: Mapping[str, Any]) -> Model:
    """Read power.json's content."""
    points = tuple(BoardPoint(**point) for point in record["points"])
    return Model(**{**record["model"], "points": points})


def core_power(
    resources: Resources, clock_hz: float, rate: float | None = None, model: Model | None = None
) -> CorePower:
    """Estimated power of logic that takes ``resources``; rate: None for the default."""
    model = model or power_model()
    rate = model.default_rate if rate is None else rate
    return CorePower(
        resources.lut * clock_hz * rate * model.toggle_j,
        resources.ff * clock_hz * model.ff_clock_j,
        resources.bram36 * clock_hz * model.bram36_j,
        resources.dsp * clock_hz * model.dsp_j,
    )


@dataclass(frozen=True)
class CycleEnergy:
    """Estimated energy of a clock cycle, in joule: by LUT with its flip-flop, block RAM and DSP slice."""

    lut_j: float
    bram36_j: float
    dsp_j: float

    def of(self, resources: Resources) -> float:
        """Energy of a cycle of what takes ``resources``, in joule."""
        return self.lut_j * resources.lut + self.bram36_j * resources.bram36 + self.dsp_j * resources.dsp


def cycle_energy(model: Model | None = None) -> CycleEnergy:
    """What a folding is judged by before it exists: mean activity, and as many flip-flops as LUTs."""
    model = model or power_model()
    lut_j = model.default_rate * model.toggle_j + model.ff_clock_j
    return CycleEnergy(lut_j, model.bram36_j, model.dsp_j)


def unit_powers(
    resources: Mapping[str, Resources], clock_hz: float, activity: Activity
) -> dict[str, CorePower]:
    """Estimated power of each unit from its own activity."""
    return {name: core_power(need, clock_hz, activity.rate(name)) for name, need in resources.items()}


def board_w(core: CorePower) -> float:
    """Estimated power of a PYNQ-Z1 while the core works."""
    model = power_model()
    return model.idle_w + model.base_w + core.total_w


def estimate(point: BoardPoint, model: Model) -> float:
    """What the model says of a published board, in watt."""
    need = Resources(point.lut, point.ff, point.bram36, point.dsp)
    core = core_power(need, point.clock_hz, point.rate * point.busy, model)
    return model.idle_w + model.base_w + core.total_w


def fit(points: Sequence[BoardPoint], model: Model) -> tuple[float, float]:
    """toggle_j and base_w of least square error over the fitted points; the others as in ``model``."""
    rows, rest = [], []
    for point in points:
        if point.fitted:
            fixed = core_power(
                Resources(0, point.ff, point.bram36, point.dsp), point.clock_hz, 0, model
            ).total_w
            rows.append([point.lut * point.clock_hz * point.rate * point.busy, 1.0])
            rest.append(point.power_w - model.idle_w - fixed)
    # Columns of very unlike size: scaled, so that none drowns in rounding.
    matrix = np.array(rows)
    scale = np.abs(matrix).max(axis=0)
    found, *_ = np.linalg.lstsq(matrix / scale, np.array(rest), rcond=None)
    toggle_j, base_w = found / scale
    return float(toggle_j), float(base_w)


def error_text(model: Model | None = None) -> str:
    """How far the model is off where boards were measured, in one sentence."""
    model = model or power_model()
    parts = []
    for point in model.points:
        error = estimate(point, model) - point.power_w
        kind = "" if point.fitted else " (not fitted)"
        parts.append(f"{point.name}{kind} {1e3 * error:+.0f} mW of {point.power_w:.3f} W")
    return "estimate; its error on published boards: " + ", ".join(parts)
