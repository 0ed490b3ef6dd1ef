"""Power meters on made-up sensors, files and instruments."""

import os
import time
from types import SimpleNamespace

import pytest

from bnn_hw.runtime.errors import MeterError
from bnn_hw.runtime.meters import CsvMeter, HwmonMeter, RailsMeter, ScpiMeter, open_meter
from bnn_hw.runtime.sampling import for_seconds, sample_during


def chip(root, number, name, **inputs):
    folder = root / f"hwmon{number}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(name + "\n")
    for key, value in inputs.items():
        (folder / f"{key}_input").write_text(f"{value}\n")
    return folder


def test_hwmon_adds_the_microwatts_of_one_chip_or_of_all(tmp_path):
    chip(tmp_path, 0, "ina226_u76", power1=1_250_000, power2=250_000)
    chip(tmp_path, 1, "ina226_u77", power1=500_000)
    chip(tmp_path, 2, "xadc", temp1=45_000)
    assert HwmonMeter("ina226_u76", tmp_path).watts() == pytest.approx(1.5)
    everything = HwmonMeter("", tmp_path)
    assert everything.watts() == pytest.approx(2.0)
    assert everything.source == "sysfs hwmon: ina226_u76, ina226_u77 (3 sensors)"


def test_hwmon_multiplies_millivolts_by_milliamperes_where_there_is_no_power(tmp_path):
    chip(tmp_path, 0, "ina219", in1=5_000, curr1=400)
    assert HwmonMeter("", tmp_path).watts() == pytest.approx(2.0)


def test_hwmon_without_a_sensor_lists_what_there_is(tmp_path):
    chip(tmp_path, 0, "xadc", temp1=45_000)
    with pytest.raises(MeterError, match="it lists xadc"):
        HwmonMeter("", tmp_path)
    with pytest.raises(MeterError, match="no power sensor of ina226"):
        HwmonMeter("ina226", tmp_path)


def test_a_sensor_that_disappears_is_told_by_its_path(tmp_path):
    folder = chip(tmp_path, 0, "ina226", power1=1)
    meter = HwmonMeter("", tmp_path)
    (folder / "power1_input").unlink()
    with pytest.raises(MeterError, match="power1_input"):
        meter.watts()


def test_rails_of_pynq():
    rails = {
        "12V": SimpleNamespace(power=SimpleNamespace(value=2.5)),
        "1V": SimpleNamespace(power=SimpleNamespace(value=0.5)),
        "PSINT": SimpleNamespace(power=None),
    }
    assert RailsMeter("12V", rails).watts() == 2.5
    assert RailsMeter("", rails).watts() == 3.0
    with pytest.raises(MeterError, match="lists 12V, 1V, PSINT"):
        RailsMeter("5V", rails)
    with pytest.raises(MeterError, match="lists no rails"):
        RailsMeter("", {})


class Instrument:
    def __init__(self, answers):
        self.answers, self.closed = answers, False

    def query(self, text):
        if text not in self.answers:
            raise TimeoutError("VI_ERROR_TMO")
        return self.answers[text]

    def close(self):
        self.closed = True


def manager(answers):
    instrument = Instrument(answers)
    return SimpleNamespace(open_resource=lambda _: instrument, instrument=instrument)


def test_scpi_asks_for_watts_or_for_volts_and_amperes():
    visa = manager({"*IDN?": "ACME,PM1\n", "MEAS:POW?": "2.25\n"})
    meter = ScpiMeter("TCPIP::1.2.3.4::INSTR", "MEAS:POW?", visa)
    assert meter.watts() == 2.25
    assert meter.source == "ACME,PM1 at TCPIP::1.2.3.4::INSTR (MEAS:POW?)"
    meter.close()
    assert visa.instrument.closed
    both = manager({"*IDN?": "ACME", "MEAS:VOLT?": "5.0", "MEAS:CURR?": "0.4"})
    assert ScpiMeter("GPIB::1", "MEAS:VOLT?, MEAS:CURR?", both).watts() == pytest.approx(2.0)


def test_a_silent_instrument_is_told_by_its_address():
    with pytest.raises(MeterError, match="power meter GPIB::1: does not answer: VI_ERROR_TMO"):
        ScpiMeter("GPIB::1", "MEAS:POW?", manager({}))
    visa = manager({"*IDN?": "ACME", "MEAS:POW?": "1"})
    meter = ScpiMeter("GPIB::1", "MEAS:POW?", visa)
    visa.instrument.answers.clear()
    with pytest.raises(MeterError, match="check cable, address and query"):
        meter.watts()


@pytest.mark.parametrize(
    ("text", "watts"),
    [
        ("Time,Watts\n0,1.5\n1,2.5\n", 2.5),
        ("time, volts, amps\n0,5,0.5\n", 2.5),
        ("power\n1\n7\n3\n", 3.0),
        ("watts\n1.5\n2", 1.5),  # the meter is in the middle of its line
    ],
)
def test_csv_takes_the_last_whole_line(tmp_path, text, watts):
    (tmp_path / "m.csv").write_text(text)
    assert CsvMeter(tmp_path / "m.csv").watts() == pytest.approx(watts)


@pytest.mark.parametrize(
    ("text", "cause"),
    [("watts\n", "holds no reading"), ("time\n1\n", "has no power"), ("watts\nx\n", "has no power")],
)
def test_csv_without_a_reading(tmp_path, text, cause):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(MeterError, match=cause):
        CsvMeter(tmp_path / "m.csv")


def test_csv_that_stops_growing_counts_as_silent(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("watts\n1\n")
    meter = CsvMeter(path, stale_s=0.05)
    with path.open("a") as file:
        file.write("2\n")
    assert meter.watts() == 2.0
    time.sleep(0.1)
    with pytest.raises(MeterError, match="has not grown for"):
        meter.watts()


def test_a_meter_unplugged_in_mid_run_ends_the_measurement_with_its_error(tmp_path):
    folder = chip(tmp_path, 0, "ina226", power1=2_000_000)
    meter = HwmonMeter("", tmp_path)
    steps = []

    def work():
        for _ in range(5):
            time.sleep(0.01)
            steps.append(1)
            if len(steps) == 2:
                os.remove(folder / "power1_input")

    with pytest.raises(MeterError, match="power1_input"):
        sample_during(meter, work, interval_s=0.001)
    assert len(steps) == 5  # the work itself went on


def test_power_over_time_is_the_mean_of_the_samples():
    values = iter([1.0, 2.0, 3.0] + [2.0] * 10_000)
    meter = SimpleNamespace(watts=lambda: next(values), source="made up")
    power = sample_during(meter, for_seconds(0.05), interval_s=0.001)
    assert (power.least_w, power.greatest_w) == (1.0, 3.0)
    assert power.mean_w == pytest.approx(2.0)
    assert power.samples > 3


@pytest.mark.parametrize("text", ["abacus", "scpi", "csv:"])
def test_unknown_meters_list_the_known_ones(text):
    with pytest.raises(MeterError, match="give hwmon, rails, scpi:RESOURCE, csv:FILE or none"):
        open_meter(text)


def test_no_meter():
    assert open_meter("none") is None
