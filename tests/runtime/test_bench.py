"""The bench on a device that counts cycles by a known law, and its command line on the software device."""

import json
import shutil

import numpy as np
import pytest

from bnn_hw.manifest import load as load_manifest
from bnn_hw.runtime import bench
from bnn_hw.runtime.bench_pictures import read_pictures
from bnn_hw.runtime.bench_report import earlier, number
from bnn_hw.runtime.errors import MeterError, PackageError, PictureError
from tests.packages import CLASSES, make_package, pictures
from tests.runtime.faulty import FaultyDevice

INTERVAL, LATENCY, DRIVER = 1000, 2500, 300  # cycles; DRIVER: what the processor takes a job


class CountingDevice(FaultyDevice):
    """A job of n frames takes LATENCY + (n - 1) * INTERVAL cycles, each call DRIVER before it."""

    name, kind, counts_cycles = "counting", "simulation", True
    time_source = "cycles of the test"

    def __init__(self, folder):
        super().__init__(folder)
        self.cycle = self.busy = self.span = 0

    def run_job(self, source, target, frames, epoch):
        super().run_job(source, target, frames, epoch)
        with self._lock:
            self.span = LATENCY + (frames - 1) * INTERVAL
            self.busy += self.span
            self.cycle += self.span + DRIVER

    def _control(self, value):
        super()._control(value)
        if value & 2:
            self.busy = 0
        if value & 4:
            self._values.update(
                CYCLES_LOW=self.cycle,
                BUSY_CYCLES=self.busy,
                STALLED_IN=self.busy // 4,
                FIRST_TO_LAST=self.span,
            )

    def seconds(self):
        return super().seconds() if threading_in_wait(self) else self.cycle / 100e6


def threading_in_wait(device):
    """While a job is open, time-outs go by the real clock."""
    return device.read_register(0x48) & 1


@pytest.fixture
def run(package, tmp_path, capsys):
    def call(*arguments, folder=package, openers=None):
        status = bench.main([str(folder), *arguments], openers)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


SHORT = ("--frames", "20", "--repeats", "2", "--single", "5", "--batch", "8")


def test_figures_follow_from_the_counters(run):
    openers = {"counting": lambda folder, manifest: CountingDevice(folder)}
    status, out, _ = run("--device", "counting", *SHORT, "--json", "-", openers=openers)
    result = json.loads(out)
    figures = {name: item["value"] for name, item in result["figures"].items()}
    assert status == 0
    assert figures["interval"] == INTERVAL
    assert figures["latency_accelerator"] == LATENCY
    assert figures["fps_accelerator"] == pytest.approx(100e6 / INTERVAL)
    assert figures["latency_gate_least"] == figures["latency_gate_greatest"] == LATENCY
    # 20 frames in jobs of 8, 8 and 4.
    assert figures["cycles_end_to_end"] == (3 * (LATENCY + DRIVER) + 17 * INTERVAL) / 20
    assert figures["stalled_input"] == pytest.approx(25)
    assert figures["stalled_output"] == 0
    assert figures["golden_mismatches"] == figures["timed_mismatches"] == 0
    assert figures["clock_measured"] is None
    assert result["figures"]["interval"]["source"] == (
        "cycle counters of the simulated hardware: (job of 8 frames - job of 1) / 7"
    )
    assert all(item["source"] for item in result["figures"].values())
    assert "these are not figures of hardware" in result["notes"][0]


def test_software_device_shows_no_figure_of_hardware(run):
    status, out, _ = run("--device", "software", *SHORT)
    assert status == 0
    assert "interval, accelerator alone                              -   the software device counts" in out
    assert "device software: these are not figures of hardware" in out


def test_a_wrong_answer_is_shown_and_ends_with_its_status(run, package, tmp_path):
    folder = shutil.copytree(package, tmp_path / "copy")
    with np.load(folder / "golden.npz") as arrays:
        golden = {name: arrays[name] for name in arrays.files}
    golden["raw"][2, 1] += 1
    np.savez(folder / "golden.npz", **golden)
    status, out, _ = run("--device", "software", *SHORT, folder=folder)
    assert status == 8
    assert "of them wrong" in out
    assert "  of these frames wrong                         2 pictures" in out  # 20 frames, twice
    assert "note: golden vector 2: expected" in out


def test_compares_with_an_earlier_run(run, tmp_path):
    openers = {"counting": lambda folder, manifest: CountingDevice(folder)}
    first = ("--device", "counting", *SHORT, "--json", str(tmp_path / "first.json"))
    assert run(*first, openers=openers)[0] == 0
    stored = json.loads((tmp_path / "first.json").read_text())
    stored["figures"]["interval"]["value"] = 2 * INTERVAL
    (tmp_path / "first.json").write_text(json.dumps(stored))
    again = ("--device", "counting", *SHORT, "--compare", str(tmp_path / "first.json"))
    status, out, _ = run(*again, openers=openers)
    assert status == 0
    row = next(
        line for line in out.split("compared with")[1].splitlines() if line.startswith("interval, acc")
    )
    assert row.split() == ["interval,", "accelerator", "alone", "1,000", "2,000", "cycles", "x0.5"]


def test_faults_before_anything_runs(run, tmp_path):
    (tmp_path / "other.json").write_text("{}")
    cases = [
        (("--compare", "paper"), "has no published figures", PackageError),
        (("--compare", str(tmp_path / "other.json")), "is no result of the bench", PackageError),
        (("--power", "hwmon"), "measure power where the board is", MeterError),
    ]
    for arguments, text, kind in cases:
        status, _, err = run("--device", "software", *SHORT, *arguments)
        assert status == kind.exit_status
        assert text in err
        assert "remedy" in err
    assert run("--device", "software", folder=tmp_path)[0] == PackageError.exit_status
    with pytest.raises(SystemExit):
        run("--frames", "0")


def test_a_meter_that_falls_silent_does_not_lose_the_other_figures(package, tmp_path):
    from bnn_hw.runtime import Accelerator
    from bnn_hw.runtime.bench_pictures import read_golden
    from bnn_hw.runtime.measure import Bench, Settings

    class Silent:
        source = "made up"

        def watts(self):
            raise MeterError("meter", "is silent", "plug it in")

    with Accelerator.load(package, device="software") as accelerator:
        made = Bench(accelerator, read_golden(package), Settings(8, 1, 0, 2, 0.01, 0.01))
        made.run(Silent(), None)
    assert [fault.cause for fault in made.faults] == ["is silent"]
    assert made.figures["fps_end_to_end"]["value"] > 0
    assert "power" not in made.figures


def test_power_and_energy_subtract_what_rest_takes(package):
    from bnn_hw.runtime import Accelerator
    from bnn_hw.runtime.bench_pictures import read_golden
    from bnn_hw.runtime.measure import Bench, Settings

    class Meter:
        """2 W at work, 1.5 W at rest."""

        source = "made up"

        def watts(self):
            return 2.0 if accelerator.engine._gate is False else 1.5

        def close(self):
            pass

    with Accelerator.load(package, device="software") as accelerator:
        made = Bench(accelerator, read_golden(package), Settings(8, 1, 0, 2, 0.3, 0.01))
        made.run(Meter(), None)
    figures = {name: item["value"] for name, item in made.figures.items()}
    assert figures["power_idle"] == 1.5
    assert 1.9 < figures["power"] <= 2.0  # the first sample may come before the work
    share = (figures["power"] - 1.5) / figures["power"]
    assert figures["energy_frame_net"] == pytest.approx(figures["energy_frame"] * share)


def test_accuracy_on_a_folder_of_classes_and_on_arrays(run, package, tmp_path):
    from PIL import Image

    manifest = load_manifest(package)
    images = pictures(6)
    for index, image in enumerate(images[:4]):
        folder = tmp_path / "set" / CLASSES[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{index}.png")
    np.save(tmp_path / "set" / CLASSES[1] / "more.npy", images[4:])
    found = read_pictures(tmp_path / "set", manifest)
    assert found.labels.tolist() == [0, 0, 1, 1, 1, 1]
    assert np.array_equal(found.images, images[[0, 2, 1, 3, 4, 5]])

    np.savez(tmp_path / "set.npz", images=images, labels=np.zeros(6, int))
    status, out, _ = run(
        "--device", "software", *SHORT, "--pictures", str(tmp_path / "set.npz"), "--json", "-"
    )
    result = json.loads(out)
    assert status == 0
    assert 0 <= result["figures"]["accuracy"]["value"] <= 100
    assert "6 labelled of 6 pictures" in result["figures"]["accuracy"]["source"]
    (tmp_path / "two.raw").write_bytes(images[:2].tobytes())
    assert np.array_equal(read_pictures(tmp_path / "two.raw", manifest).images, images[:2])


def test_pictures_that_cannot_be_read(package, tmp_path):
    manifest = load_manifest(package)
    (tmp_path / "cut.raw").write_bytes(b"123")
    np.save(tmp_path / "large.npy", np.zeros((2, 9, 9, 3), np.uint8))
    (tmp_path / "empty").mkdir()
    for name, cause in (
        ("none.npz", "does not exist"),
        ("cut.raw", "cannot be read"),
        ("large.npy", r"has the shape \(2, 9, 9, 3\)"),
        ("empty", "holds no pictures"),
    ):
        with pytest.raises(PictureError, match=cause):
            read_pictures(tmp_path / name, manifest)


def test_numbers_for_a_person():
    assert [number(value) for value in (0.0, 1024.0, 97656.25, 1.58, 0.000316)] == [
        "0",
        "1,024",
        "97,656",
        "1.58",
        "0.000316",
    ]


def test_an_earlier_run_of_another_format_is_refused(tmp_path):
    (tmp_path / "a.json").write_text('{"format": "bnn_hw.bench/0"}')
    with pytest.raises(PackageError, match="is no result of the bench"):
        earlier(tmp_path / "a.json")


def test_published_figures_reach_the_comparison(tmp_path, capsys):
    """A package of a design with published figures compares under the bench's names."""
    from bnn_hw.design import Published
    from bnn_hw.package import write
    from bnn_hw.runtime.bench_report import paper
    from tests.packages import contents

    figures = Published(
        "a paper", 1, 1.0, 0, 10**8, fps=3049.0, latency_s=0.00158, power_w=2.212, idle_power_w=1.65
    )
    made = contents()
    record = write.describe(
        write.Contents(
            **{**vars(made), "design": write.Design(**{**vars(made.design), "published": figures})}
        ),
        (),
    )
    assert paper(record) == {
        "fps_end_to_end": 3049.0,
        "latency_p50": pytest.approx(1.58),
        "power": 2.212,
        "power_idle": 1.65,
    }
    assert make_package(tmp_path).is_dir()
