"""The driver on the simulated board: shell and core cycle by cycle, with faults in memory and port."""

from __future__ import annotations

import json
import os
import shutil
import signal

import numpy as np
import pytest

from bnn_hw import manifest as manifests
from bnn_hw import tools
from bnn_hw.errors import ConfigError, ToolError
from bnn_hw.package.write import write_package
from bnn_hw.rtl.emit import emit
from bnn_hw.runtime import Accelerator, bench
from bnn_hw.runtime import registers as regs
from bnn_hw.runtime.errors import (
    BusError,
    JobError,
    LostInterruptWarning,
    MemoryShortError,
    StallError,
    WrongHardwareError,
)
from bnn_hw.sim.board import DECERR, MemoryModel, SimulatedBoard, build_board
from bnn_hw.simulated import SimulatedDevice, open_simulated
from bnn_hw.soc.emit import emit_shell
from tests.packages import contents, pictures, small_graph
from tests.runtime.test_accelerator import expected, same


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Package folder and compiled simulation of the small network, laid out as a build does."""
    try:
        for tool in (tools.VERILATOR, tools.COMPILER, tools.MAKE):
            tools.find(tool)
    except ToolError as error:
        pytest.skip(f"no simulator here: {error}")
    folder = tmp_path_factory.mktemp("simulated")
    made = contents()
    core = emit(made.plan, small_graph(), folder / "rtl" / "core")
    shell = emit_shell(core, folder / "soc" / "soc", made.plan.clock_hz)
    package = folder / "package" / made.name
    write_package(contents(digest=shell.digest), package)
    return package, build_board(shell)


@pytest.fixture
def device(built):
    made = SimulatedDevice(SimulatedBoard(built[1], seed_registers=7))
    yield made
    made.close()


@pytest.fixture
def accelerator(built, device):
    with Accelerator.load(built[0], device=device, batch=4, timeout_s=0.002) as made:
        yield made


def works(accelerator):
    accelerator.device.board.heal()
    return same(accelerator.classify(pictures(10)), pictures(10))


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


@pytest.mark.parametrize(
    ("fault", "kind", "name"),
    [
        (lambda board, slot: board.fail_reads(slot.source.address, 64), BusError, "READ_SLVERR"),
        (lambda board, slot: board.fail_reads(slot.source.address, 64, DECERR), BusError, "READ_DECERR"),
        (lambda board, slot: board.fail_writes(slot.target.address, 8), BusError, "WRITE_SLVERR"),
        (lambda board, slot: board.fail_writes(slot.target.address, 8, DECERR), BusError, "WRITE_DECERR"),
        (lambda board, slot: board.stall_reads(), StallError, "READ_TIMEOUT"),
        (lambda board, slot: board.stall_writes(), StallError, "WRITE_TIMEOUT"),
    ],
)
def test_bus_errors_and_stalls_of_the_memory(accelerator, fault, kind, name):
    board = accelerator.device.board
    fault(board, accelerator._batches._free[-1])
    if kind is StallError:  # the port itself must take the open transactions back before a reset can end
        with pytest.raises(StallError) as caught:
            accelerator.classify(pictures(9))
    else:
        with pytest.raises(kind) as caught:
            accelerator.classify(pictures(9))
    meaning = next(code.meaning for code in regs.ERROR_CODES.values() if code.name == name)
    assert meaning in caught.value.cause or "does not come to rest" in caught.value.cause
    assert name in caught.value.status
    assert works(accelerator)


def test_a_lost_interrupt_loses_nothing(accelerator):
    board = accelerator.device.board
    board.hide_interrupt()
    with pytest.warns(LostInterruptWarning):
        assert same(accelerator.classify(pictures(10)), pictures(10))
    assert works(accelerator)


def test_a_reset_in_mid_frame_is_noticed_and_the_next_call_works(accelerator):
    slot = accelerator._batches._free[-1]
    accelerator.engine.encode(pictures(4), slot.source.array)
    ticket = accelerator.engine.submit(slot.source, slot.target, 4)
    accelerator.device.board.run(accelerator.manifest.plan.latency_cycles // 2)
    accelerator.engine.write("CONTROL", 1)
    with pytest.raises(JobError, match="knows 0 jobs where 1 were queued"):
        accelerator.engine.wait(ticket, 1e-4)
    assert works(accelerator)


def test_ctrl_c_during_a_batch_leaves_no_open_transaction(accelerator):
    board = accelerator.device.board
    wait, calls = accelerator.device.wait, []

    def interrupted(seconds):
        calls.append(seconds)
        if len(calls) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return wait(seconds)

    accelerator.device.wait = interrupted
    with pytest.raises(KeyboardInterrupt):
        accelerator.classify(pictures(20))
    accelerator.device.wait = wait
    assert board.drained
    assert accelerator.engine.read("STATUS", "BUSY") == 0
    assert works(accelerator)


def test_jobs_the_shell_refuses(accelerator):
    slot = accelerator._batches._free[-1]
    odd = accelerator.device.allocate(64)
    odd.address += 4
    with pytest.raises(JobError, match="not a multiple of 8"):
        accelerator.engine.submit(odd, slot.target, 1)
    with pytest.raises(JobError, match="no frames or more than"):
        accelerator.engine.submit(slot.source, slot.target, 0)
    assert works(accelerator)


def test_a_batch_larger_than_the_contiguous_memory(built):
    board = SimulatedBoard(built[1], MemoryModel(memory_bytes=8192))
    with pytest.raises(MemoryShortError, match="load with a smaller batch"):
        Accelerator.load(built[0], device=SimulatedDevice(board), batch=64)
    board = SimulatedBoard(built[1], MemoryModel(memory_bytes=8192))
    with Accelerator.load(built[0], device=SimulatedDevice(board), batch=4) as accelerator:
        assert same(accelerator.classify(pictures(50)), pictures(50))


def test_hardware_of_another_build_is_refused(built, device, tmp_path):
    other = tmp_path / "package" / "other"
    write_package(contents(digest="f" * 32), other)
    with pytest.raises(WrongHardwareError, match="holds the build"):
        Accelerator.load(other, device=device)
    record = manifests.load(other)
    with pytest.raises(ConfigError, match="is not there"):
        open_simulated(other, record)
    shutil.copytree(built[0].parent.parent / "soc", tmp_path / "soc")
    with pytest.raises(ConfigError, match=f"the package is of {'f' * 32}"):
        open_simulated(other, record)
