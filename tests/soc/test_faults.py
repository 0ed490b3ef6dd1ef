"""Whatever goes wrong ends in a code within the time-out, and after a soft reset the next job is right."""

from __future__ import annotations

import numpy as np
import pytest

from bnn_hw.pipeline.core import load as load_core
from bnn_hw.runtime import registers as regs
from bnn_hw.sim.board import DECERR, SLVERR, MemoryModel, SimulatedBoard
from tests.soc.boards import ERROR, JOB_DONE, RESET_DONE, SOFT_RESET, SOURCE, TARGET, Driver
from tests.soc.cores import CUT, JAM, expected, pictures

FRAMES = 60
LIMIT = 500  # TIMEOUT in most tests


@pytest.fixture
def board(sums):
    with SimulatedBoard(sums, seed_registers=7) as running:
        yield running


@pytest.fixture
def driver(board):
    driver = Driver(board)
    driver.write("TIMEOUT", LIMIT)
    driver.write("IRQ_STATUS", 7)
    driver.write("IRQ_ENABLE", JOB_DONE | ERROR)
    driver.load(pictures(load_core(board.shell.folder), FRAMES))
    return driver


def name_of(driver) -> str:
    return regs.ERROR_CODES[driver.read("ERROR")].name


def wait_for_fault(driver, name: str) -> None:
    assert driver.board.wait_interrupt(20 * LIMIT)
    assert driver.read("IRQ_STATUS") == ERROR
    assert name_of(driver) == name
    assert driver.status("FAULT")


def recover(driver) -> None:
    """Reset, and prove that the next jobs are right."""
    driver.board.heal()
    driver.soft_reset()
    assert driver.read("ERROR") == driver.read("ERROR_ADDRESS") == 0
    assert driver.read("JOBS_ACCEPTED") == driver.read("JOBS_DONE") == 0
    assert not driver.status("FAULT")
    assert not driver.status("BUSY")
    core = load_core(driver.board.shell.folder)
    for seed in (11, 12):
        images = pictures(core, 30, seed)
        np.testing.assert_array_equal(driver.run(images), expected(core, images))


REFUSED = {
    "MISALIGNED": [(1, SOURCE + 4, TARGET), (1, SOURCE, TARGET + 1)],
    "FRAME_COUNT": [(0, SOURCE, TARGET), (regs.MAX_FRAMES + 1, SOURCE, TARGET), (1 << 31, SOURCE, TARGET)],
    "ADDRESS_RANGE": [(1, regs.MEMORY_BYTES, TARGET), (1, SOURCE, 0x8000_0000)],
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_jobs_stop_nothing(board, driver, name):
    core = load_core(board.shell.folder)
    for frames, source, target in REFUSED[name]:
        driver.push(FRAMES)
        driver.push(frames, source, target)
        assert board.wait_interrupt(10)
        assert name_of(driver) == name
        assert driver.read("ERROR_ADDRESS") == 0
        assert not driver.status("FAULT")
        driver.write("ERROR", 0)
        driver.write("IRQ_STATUS", ERROR)
        assert driver.read("ERROR") == 0
        board.wait_interrupt(10_000)
        assert driver.read("IRQ_STATUS") == JOB_DONE
        driver.write("IRQ_STATUS", JOB_DONE)
    assert driver.read("JOBS_DONE") == driver.read("JOBS_ACCEPTED") == len(REFUSED[name])
    np.testing.assert_array_equal(driver.results(FRAMES), expected(core, pictures(core, FRAMES)))


@pytest.mark.parametrize(("response", "suffix"), [(SLVERR, "SLVERR"), (DECERR, "DECERR")])
@pytest.mark.parametrize("side", ["READ", "WRITE"])
def test_bus_error_stops_with_the_burst_s_address(board, driver, side, response, suffix):
    bad = (SOURCE if side == "READ" else TARGET) + 16 * 30
    (board.fail_reads if side == "READ" else board.fail_writes)(bad, 8, response)
    driver.push(FRAMES)
    driver.push(FRAMES, SOURCE, TARGET + 0x1_0000)
    wait_for_fault(driver, f"{side}_{suffix}")
    burst = driver.read("ERROR_ADDRESS")
    assert bad - 15 * 8 <= burst <= bad
    assert driver.read("JOBS_DONE") == 0
    driver.write("ERROR", 0)
    assert name_of(driver) == f"{side}_{suffix}"
    recover(driver)


def test_error_in_the_job_s_last_burst_but_one_does_not_count_as_done(board, driver):
    """The last burst is confirmed well, after the one before it failed."""
    board.fail_writes(TARGET + 16 * (FRAMES - 2))
    driver.push(FRAMES)
    wait_for_fault(driver, "WRITE_SLVERR")
    board.run(2000)
    assert driver.read("JOBS_DONE") == 0
    recover(driver)


def test_job_beyond_the_memory_s_end(sums):
    model = MemoryModel(memory_base=0, memory_bytes=regs.MEMORY_BYTES)
    with SimulatedBoard(sums, model) as board:
        driver = Driver(board)
        driver.write("IRQ_STATUS", 7)
        driver.write("IRQ_ENABLE", ERROR)
        driver.push(FRAMES, regs.MEMORY_BYTES - 10 * 16)
        wait_for_fault(driver, "MEMORY_END")
        assert driver.read("ERROR_ADDRESS") == regs.MEMORY_BYTES
        recover(driver)


def test_nothing_answers_outside_the_board_s_memory(board, driver):
    driver.push(1, 0x3000_0000)
    wait_for_fault(driver, "READ_DECERR")
    assert driver.read("ERROR_ADDRESS") == 0x3000_0000
    recover(driver)


def test_memory_that_gives_no_pictures(board, driver):
    board.stall_reads()
    driver.push(FRAMES)
    start = board.cycle
    wait_for_fault(driver, "READ_TIMEOUT")
    assert LIMIT <= board.cycle - start < LIMIT + 20 * 120
    recover(driver)


def test_memory_that_stops_in_mid_burst(board, driver):
    driver.push(FRAMES)
    board.run(60)
    board.stall_reads()
    wait_for_fault(driver, "READ_TIMEOUT")
    assert driver.status("READS_OPEN") > 0
    recover(driver)


def test_memory_that_takes_no_results(board, driver):
    board.stall_writes()
    driver.push(FRAMES)
    wait_for_fault(driver, "WRITE_TIMEOUT")
    assert driver.status("WRITES_OPEN") > 0
    recover(driver)


def test_core_that_stops_in_mid_frame(board, driver):
    images = pictures(load_core(board.shell.folder), FRAMES)
    images[20, 0, 0, 0] = JAM
    driver.load(images)
    driver.push(FRAMES)
    wait_for_fault(driver, "CORE_TIMEOUT")
    assert driver.status("INPUT_WAITS")
    assert driver.status("FRAMES_INSIDE") == 1
    recover(driver)


def test_core_that_ends_a_frame_too_early(board, driver):
    images = pictures(load_core(board.shell.folder), FRAMES)
    images[20, 0, 0, 0] = CUT
    driver.load(images)
    driver.push(FRAMES)
    wait_for_fault(driver, "FRAMING")
    recover(driver)


def test_time_out_of_zero_waits_for_ever_and_the_job_goes_on(board, driver):
    core = load_core(board.shell.folder)
    driver.write("TIMEOUT", 0)
    board.stall_reads()
    driver.push(FRAMES)
    assert not board.wait_interrupt(50_000)
    board.stall_reads(False)
    assert board.wait_interrupt(10_000)
    assert driver.read("IRQ_STATUS") == JOB_DONE
    np.testing.assert_array_equal(driver.results(FRAMES), expected(core, pictures(core, FRAMES)))


def test_no_job_is_taken_in_a_fault(board, driver):
    board.fail_reads(SOURCE)
    driver.push(FRAMES)
    wait_for_fault(driver, "READ_SLVERR")
    driver.push(FRAMES)
    assert driver.read("JOBS_ACCEPTED") == 1
    assert name_of(driver) == "READ_SLVERR"
    recover(driver)


@pytest.mark.parametrize("after", range(5, 400, 23))
def test_soft_reset_at_any_moment(sums, after):
    """In mid-burst, in mid-frame, with results on their way: no transaction is left open."""
    with SimulatedBoard(sums, MemoryModel(pause_permille=300, seed=after, access_cycles=0), after) as board:
        driver = Driver(board)
        driver.load(pictures(load_core(board.shell.folder), FRAMES))
        driver.push(FRAMES)
        board.run(after)
        driver.soft_reset()
        assert board.drained
        driver.write("IRQ_STATUS", 7)
        recover(driver)


def test_soft_reset_waits_for_a_memory_that_does_not_answer(board, driver):
    """A burst may not be abandoned; the processor is told and can go on."""
    board.stall_reads()
    driver.write("TIMEOUT", 0)
    driver.push(FRAMES)
    board.run(100)
    driver.write("IRQ_ENABLE", RESET_DONE | ERROR)
    driver.write("TIMEOUT", LIMIT)
    driver.write("CONTROL", SOFT_RESET)
    wait_for_fault(driver, "READ_TIMEOUT")
    assert driver.status("RESETTING")
    driver.push(FRAMES)
    assert driver.read("JOBS_ACCEPTED") == 1
    driver.write("IRQ_STATUS", 7)
    board.stall_reads(False)
    assert board.wait_interrupt(10_000)
    assert driver.read("IRQ_STATUS") == RESET_DONE
    recover(driver)


def test_soft_reset_keeps_settings_and_counters(board, driver):
    driver.write("OWNER", 1234)
    driver.write("GATE_LINGER", 77)
    driver.push(FRAMES)
    board.wait_interrupt(10_000)
    before = driver.counters()["FRAMES_DONE"]
    driver.soft_reset()
    assert driver.read("OWNER") == 1234
    assert driver.read("GATE_LINGER") == 77
    assert driver.read("TIMEOUT") == LIMIT
    assert driver.counters()["FRAMES_DONE"] == before == FRAMES
    assert driver.read("IRQ_STATUS") & RESET_DONE


def test_reset_works_while_the_clock_is_gated(board, driver):
    driver.write("GATE_LINGER", 0)
    driver.write("MODE", 1)
    board.run(100)
    assert not driver.status("CLOCK_ON")
    recover(driver)
