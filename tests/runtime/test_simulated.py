"""The driver and the bench on the simulated board: shell and core cycle by cycle."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bnn_hw import manifest as manifests
from bnn_hw.runtime import Accelerator, bench
from bnn_hw.simulated import open_simulated
from tests.packages import pictures
from tests.runtime.test_accelerator import expected, same


@pytest.fixture
def accelerator(built, device):
    with Accelerator.load(built[0], device=device, batch=4, timeout_s=0.002) as made:
        yield made


def test_answers_are_the_integer_graph_s(accelerator):
    golden = pictures(33, seed=4)
    assert same(accelerator.classify(golden), golden)
    raw, _, _ = expected(golden)
    assert np.array_equal([answer.raw for answer in accelerator.stream(golden)], raw)
    assert np.array_equal([accelerator.gate(image).raw for image in golden[:5]], raw[:5])
    assert same(accelerator.classify(golden), golden)


def test_gate_mode_stops_the_clock_and_keeps_the_latency_of_the_plan(accelerator):
    accelerator.gate(pictures(1)[0])
    accelerator.device.board.run(3000)
    assert accelerator.engine.read("STATUS", "CLOCK_ON") == 0
    accelerator.clear_counters()
    accelerator.gate(pictures(1)[0])
    counters = accelerator.counters()
    latency = accelerator.manifest.plan.latency_cycles
    assert counters.frames_done == 1
    # The memory may hold the first picture's beats apart; without that it is the plan's.
    assert latency <= counters.first_to_last <= latency + 400


def test_bench_measures_the_plan_s_interval_and_one_percent_end_to_end(built, capsys):
    package, _ = built
    arguments = ["--device", "sim", "--frames", "200", "--repeats", "1", "--single", "2", "--batch", "64"]
    status = bench.main([str(package), *arguments, "--json", "-"], {"sim": open_simulated})
    result = json.loads(capsys.readouterr().out)
    figures = {name: item["value"] for name, item in result["figures"].items()}
    assert status == 0
    plan = manifests.load(package).plan
    assert figures["golden_mismatches"] == 0
    assert figures["interval"] == pytest.approx(plan.interval_cycles, rel=0.002)
    assert figures["clock_measured"] is None
    assert "simulated" in result["figures"]["fps_end_to_end"]["source"]
