"""The power model: its calibration made again from the published figures, and how it behaves."""

import dataclasses
import json

import numpy as np
import pytest

from benchmarks.calibrate_power import calibrated
from bnn_hw.pipeline.activity import Activity, UnitActivity
from bnn_hw.pipeline.record import Resources
from bnn_hw.plan import power
from bnn_hw.plan.power import board_w, core_power, error_text, estimate, fit, power_model, unit_powers

NEED = Resources(lut=4000, ff=3000, bram36=3, dsp=2)
HZ = 100e6
RECORD = json.loads(power.DATA.read_text())


def test_the_stored_model_is_what_the_published_figures_give():
    again = json.loads(json.dumps(calibrated(RECORD["counted_rates"])))
    assert again["points"] == RECORD["points"]
    assert again["model"] == pytest.approx(RECORD["model"])


def test_energies_are_those_of_the_source():
    """Vivado's report of the CVA6 at 45 MHz: 24 mW for 20,559 FF, 5 mW for 62 block RAMs."""
    model = power_model()
    assert model.ff_clock_j == pytest.approx(25.94e-15, rel=1e-3)
    assert model.bram36_j == pytest.approx(1.792e-12, rel=1e-3)
    assert model.idle_w == 1.65


def test_the_fit_is_a_least_squares_fit():
    """Against the normal equations, written out."""
    model = power_model()
    points = [point for point in model.points if point.fitted]
    assert [point.name for point in points] == ["BinaryCoP cnv", "BinaryCoP ncnv", "BinaryCoP ucnv"]
    x = np.array([p.lut * p.clock_hz * p.rate * p.busy for p in points])
    fixed = [
        p.clock_hz * (p.ff * model.ff_clock_j + p.bram36 * model.bram36_j + p.dsp * model.dsp_j)
        for p in points
    ]
    y = np.array([p.power_w for p in points]) - model.idle_w - np.array(fixed)
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    assert model.toggle_j == pytest.approx(slope)
    assert model.base_w == pytest.approx(y.mean() - slope * x.mean())
    assert fit(model.points, model) == pytest.approx((model.toggle_j, model.base_w))


def test_the_text_has_the_error_on_every_published_board():
    model = power_model()
    errors = {point.name: estimate(point, model) - point.power_w for point in model.points}
    fitted = [errors[point.name] for point in model.points if point.fitted]
    assert max(map(abs, fitted)) < 0.04  # of 2.0 to 2.2 W
    assert sum(fitted) == pytest.approx(0, abs=1e-9)
    text = error_text()
    assert text.startswith("estimate; ")
    for point in model.points:
        assert (
            f"{point.name}{'' if point.fitted else ' (not fitted)'} {1e3 * errors[point.name]:+.0f} mW"
            in text
        )
    other = model.points[-1]
    assert other.power_w == pytest.approx(661 * 2530e-6)
    assert not other.fitted


def test_sums_are_what_the_formula_says():
    model = dataclasses.replace(power_model(), toggle_j=1e-12, ff_clock_j=1e-14, bram36_j=1e-12, dsp_j=1e-12)
    part = core_power(NEED, HZ, 0.1, model)
    assert part.logic_w == pytest.approx(4000 * 100e6 * 0.1 * 1e-12)
    assert part.clock_w == pytest.approx(3000 * 100e6 * 1e-14)
    assert part.memory_w == pytest.approx(3 * 100e6 * 1e-12)
    assert part.dsp_w == pytest.approx(2 * 100e6 * 1e-12)
    assert part.total_w == pytest.approx(0.04 + 0.003 + 0.0003 + 0.0002)


@pytest.mark.parametrize("field", ["lut", "ff", "bram36", "dsp"])
def test_more_of_anything_takes_more(field):
    more = dataclasses.replace(NEED, **{field: getattr(NEED, field) * 2})
    assert core_power(more, HZ).total_w > core_power(NEED, HZ).total_w


def test_faster_clocks_and_livelier_nets_take_more():
    assert core_power(NEED, 2 * HZ).total_w == pytest.approx(2 * core_power(NEED, HZ).total_w)
    watts = [core_power(NEED, HZ, rate).total_w for rate in (0, 0.05, 0.1, 0.5)]
    assert watts == sorted(set(watts))
    assert core_power(NEED, HZ) == core_power(NEED, HZ, power_model().default_rate)
    assert board_w(core_power(NEED, HZ)) > board_w(core_power(Resources(), HZ)) > power_model().idle_w


def test_each_unit_has_its_own_activity():
    activity = Activity("toy", 100, {"still": UnitActivity(10, 0), "busy": UnitActivity(10, 500)}, "")
    parts = unit_powers({"still": NEED, "busy": NEED}, HZ, activity)
    assert parts["still"].logic_w == 0
    assert parts["still"].clock_w == parts["busy"].clock_w > 0
    assert parts["busy"].logic_w == pytest.approx(core_power(NEED, HZ, 0.5).logic_w)
