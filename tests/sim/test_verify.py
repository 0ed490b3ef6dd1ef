"""Harness, comparison and measurement on a core written by hand."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from bnn_hw.errors import MismatchError, ToolError
from bnn_hw.sim.build import Simulator, build
from bnn_hw.sim.compare import ValueMismatchError
from bnn_hw.sim.run import simulate
from bnn_hw.sim.verify import check_interval, random_images, to_json, verify
from tests.sim.toy import INTERVAL, LATENCY, toy_graph, toy_plan, write_toy

IMAGES = np.arange(0, 240, 20).reshape(-1, 1, 1, 1)


@pytest.fixture(scope="module")
def toy(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    return build(write_toy(tmp_path_factory.mktemp("toy") / "rtl"), cache)


def test_words_and_cycles_of_a_run(toy: Simulator) -> None:
    run = simulate(toy, IMAGES, record=["fc__mvtu"])
    pixels = IMAGES.reshape(-1)
    assert run.finished
    assert run.words.reshape(-1, 3)[:, 0].tolist() == pixels.tolist()
    assert run.words.reshape(-1, 3)[:, 1].tolist() == (-pixels).tolist()
    assert run.streams["fc__mvtu"].tolist() == np.stack([pixels, -pixels], 1).tolist()
    assert np.flatnonzero(run.last).tolist() == list(range(2, 36, 3))
    assert run.first_beats[0] == 0
    assert np.diff(run.cycles[run.last]).tolist() == [INTERVAL] * 11
    beats = {channel.name: channel.beats for channel in run.channels}
    assert beats == {"fc__mvtu": 12, "scores": 36}


def test_pauses_are_random_but_repeatable_and_change_nothing_else(toy: Simulator) -> None:
    runs = [simulate(toy, IMAGES, seed=seed, longest_stall=16) for seed in (3, 3, 4)]
    plain = simulate(toy, IMAGES)
    assert all(run.words.tolist() == plain.words.tolist() for run in runs)
    assert runs[0].cycles.tolist() == runs[1].cycles.tolist()
    assert runs[0].cycles.tolist() != runs[2].cycles.tolist()
    assert runs[0].cycles[-1] > 1.3 * plain.cycles[-1]


def test_after_a_reset_all_frames_come_once(toy: Simulator) -> None:
    run = simulate(toy, IMAGES, reset_at=9, record=["fc__mvtu"])
    assert len(run.words) == 36
    assert len(run.streams["fc__mvtu"]) == 12
    assert run.total_cycles == simulate(toy, IMAGES).total_cycles


def test_report_says_what_was_measured(toy: Simulator, cache: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    report = verify(
        toy.core.folder,
        toy_plan(),
        toy_graph(),
        IMAGES,
        frames=14,
        seeds=(1, 2),
        cache=cache,
        progress=lambda *step: seen.append(step),
    )
    assert (report.interval_cycles, report.latency_cycles) == (INTERVAL, LATENCY)
    assert report.interval_exact
    assert report.latency_exact
    names = ["full speed", "random pauses, seed 1", "random pauses, seed 2", "reset in mid-frame"]
    assert [run.name for run in report.runs] == names
    assert [run.values_compared for run in report.runs] == [14 * 5, 14 * 5, 14 * 5, 3 * 5]
    assert seen[0] == ("compile", 0, 1)
    assert ("full speed", 14, 14) in seen
    record = json.loads(to_json(report))
    assert record["bit_exact"] is True
    assert record["frame_intervals"] == [INTERVAL] * 13
    assert record["values_compared"] == 225


def test_wrong_value_is_named_with_layer_frame_pixel_and_channel(cache: Path, tmp_path: Path) -> None:
    write_toy(tmp_path / "rtl", lie=5)
    with pytest.raises(ValueMismatchError) as caught:
        verify(tmp_path / "rtl", toy_plan(), toy_graph(), IMAGES, cache=cache)
    assert str(caught.value) == (
        "fc.acc (stage fc__mvtu): full speed: frame 5, pixel y=0 x=0, channel 0: expected 100, got 101; "
        "1 of 24 values differ\n"
        "    remedy: generate the core again; if the difference stays, report it with plan.json"
    )
    assert caught.value.exit_status == 8
    assert dataclasses.asdict(caught.value.mismatch)["expected"] == 100


def test_stuck_core_is_stopped_and_the_blocked_channels_are_named(cache: Path, tmp_path: Path) -> None:
    write_toy(tmp_path / "rtl", jam=3)
    with pytest.raises(MismatchError) as caught:
        verify(tmp_path / "rtl", toy_plan(), toy_graph(), IMAGES, cache=cache)
    (fault,) = caught.value.faults
    assert fault.place == "simulation"
    assert fault.cause.startswith("full speed: nothing moved at either end any more, 10,1")
    assert fault.cause.endswith(
        "cycles after the start: input is blocked (valid, not ready); "
        "fc__mvtu is blocked (valid, not ready) after 3 beats; scores is empty (not valid) after 9 beats"
    )


def test_failed_assertion_of_the_hardware_is_a_mismatch(cache: Path, tmp_path: Path) -> None:
    extra = (
        'four: assert property (@(posedge clk) disable iff (!rst_n) frame < 4) else $error("a fifth frame");'
    )
    write_toy(tmp_path / "rtl", extra=extra)
    with pytest.raises(MismatchError, match=r"simulation: the hardware reports: .*bnn_core.sv:.*fifth frame"):
        verify(tmp_path / "rtl", toy_plan(), toy_graph(), IMAGES, cache=cache)


def test_interval_above_the_plan_is_an_error(toy: Simulator, cache: Path) -> None:
    with pytest.raises(MismatchError, match=r"interval: a frame takes 4 cycles, the plan says 3 \(scores\)"):
        verify(toy.core.folder, toy_plan(interval=3), toy_graph(), IMAGES, cache=cache)


def test_interval_must_be_constant_and_within_half_a_percent() -> None:
    plan = toy_plan(interval=1000)
    assert check_interval([900, 1005, 1005], plan) == 1005
    with pytest.raises(MismatchError, match="a frame takes 1006 cycles"):
        check_interval([1006, 1006], plan)
    with pytest.raises(MismatchError, match=r"follow each other after \[1000, 999\] cycles, not evenly"):
        check_interval([1000, 1000, 1000, 999], plan)
    with pytest.raises(MismatchError, match="one frame has no interval"):
        check_interval([], plan)


def test_simulation_that_takes_too_long_is_ended(toy: Simulator) -> None:
    many = np.tile(IMAGES, (20000, 1, 1, 1))
    with pytest.raises(ToolError, match="simulation: did not end within 0 s"):
        simulate(toy, many, timeout_s=0.05)


def test_random_images_cover_the_range() -> None:
    images = random_images(toy_graph(), 5)
    assert images.shape == (5, 1, 1, 1)
    assert (images[0] == 0).all()
    assert (images[1] == 255).all()
    assert np.array_equal(images, random_images(toy_graph(), 5))
