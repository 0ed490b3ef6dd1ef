"""The shell around a core of known answers: registers, jobs, counters, gate mode."""

from __future__ import annotations

import numpy as np
import pytest

from bnn_hw.pipeline.core import load as load_core
from bnn_hw.runtime import registers as regs
from bnn_hw.sim.board import SLVERR, MemoryModel, SimulatedBoard
from tests.soc.boards import ERROR, JOB_DONE, SOURCE, TARGET, Driver
from tests.soc.cores import expected, pictures

# Nothing in the way: what the shell itself takes.
IDEAL = MemoryModel(
    read_latency=1, write_latency=1, bandwidth_permille=1000, refresh_cycles=0, access_cycles=0
)
SETTINGS = ("TIMEOUT", "GATE_LINGER", "IRQ_ENABLE", "OWNER", "JOB_SOURCE", "JOB_TARGET")


@pytest.fixture
def board(sums):
    with SimulatedBoard(sums, seed_registers=3) as running:
        yield running


@pytest.fixture
def driver(board):
    return Driver(board)


def core_of(board):
    return load_core(board.shell.folder)


# ---- registers


def test_registers_after_power_up(board, driver):
    shell = board.shell
    built = {
        "FRAME_BYTES": 15,
        "FRAME_STRIDE": 16,
        "RESULT_WORDS": 3,
        "RESULT_STRIDE": 16,
        "CLOCK_HZ": 100_000_000,
        "FEATURES": regs.QUEUE_JOBS | 1 << 8,
        "STATUS": 1 << regs.REGISTERS["STATUS"].fields["CLOCK_ON"].low,
        **{f"BUILD_DIGEST_{i}": int(shell.digest[8 * i : 8 * i + 8], 16) for i in range(4)},
    }
    for name, register in regs.REGISTERS.items():
        value = built.get(name, register.reset or 0)
        assert driver.read(name) == value, name
    assert (shell.frame_bytes, shell.frame_stride, shell.result_stride) == (15, 16, 16)


def test_settings_keep_what_is_written_and_no_other_register_changes(board, driver):
    for i, name in enumerate(SETTINGS):
        driver.write(name, 0xFEDC_0000 + 0x1111 * i)
    width = {"GATE_LINGER": 0xFFFF, "IRQ_ENABLE": 7}
    for i, name in enumerate(SETTINGS):
        assert driver.read(name) == (0xFEDC_0000 + 0x1111 * i) & width.get(name, 0xFFFF_FFFF), name
    for name, register in regs.REGISTERS.items():
        if register.access == "ro":
            before = driver.read(name)
            driver.write(name, ~before)
            assert driver.read(name) == before, name


def test_unassigned_addresses_read_zero_and_ignore_writes(board):
    known = {register.offset for register in regs.REGISTERS.values()}
    for offset in (0x02C + 4, 0x07C, 0x098, 0x0E0, 0x110, 0x7FC, 0xFFC):
        assert offset not in known
        board.write_register(offset, 0xFFFF_FFFF)
        assert board.read_register(offset) == 0


def test_bursts_on_the_register_port(board, driver):
    source, owner = regs.JOB_SOURCE_OFFSET, regs.OWNER_OFFSET
    assert board.burst(source, [0x1000, 0x2000]) == (0, [])
    assert board.burst(source, beats=2) == (0, [0x1000, 0x2000])
    assert board.burst(owner, [1, 2, 3], kind=0, data_first=True) == (0, [])
    assert board.burst(owner, beats=3, kind=0) == (0, [3, 3, 3])
    assert board.burst(0, beats=16)[1][:2] == [regs.MAGIC, 1 << 16]


@pytest.mark.parametrize(
    "write",
    [{"strobes": 3}, {"kind": 2}, {"size": 1}, {"size": 1, "kind": 0}],
    ids=lambda item: "-".join(f"{key}{value}" for key, value in item.items()),
)
def test_writes_that_are_not_whole_words_are_refused(board, driver, write):
    driver.write("OWNER", 7)
    words = [8, 9] if write.get("kind") == 2 else [8]
    assert board.burst(regs.OWNER_OFFSET, words, **write)[0] == SLVERR
    assert driver.read("OWNER") == 7
    assert board.burst(regs.OWNER_OFFSET, [8], strobes=0)[0] == 0
    assert driver.read("OWNER") == 7


def test_reads_that_wrap_are_refused_and_narrow_ones_give_the_word(board):
    assert board.burst(0, beats=4, kind=2)[0] == SLVERR
    assert board.burst(0, beats=2, size=1)[0] == SLVERR
    assert board.burst(0, size=0) == (0, [regs.MAGIC])


# ---- jobs


@pytest.mark.parametrize("pause", [0, 100, 500])
@pytest.mark.parametrize("seed", [1, 2])
def test_results_are_right_however_the_memory_pauses(sums, pause, seed):
    model = MemoryModel(read_latency=7 * seed, pause_permille=pause, seed=seed)
    with SimulatedBoard(sums, model, seed) as board:
        images = pictures(core_of(board), 40, seed)
        np.testing.assert_array_equal(Driver(board).run(images), expected(core_of(board), images))


def test_wide_beats_and_long_results(wide):
    with SimulatedBoard(wide, MemoryModel(pause_permille=200)) as board:
        driver = Driver(board)
        assert (board.shell.frame_bytes, board.shell.frame_stride, board.shell.result_stride) == (72, 80, 48)
        assert driver.read("FRAME_STRIDE") == 80
        images = pictures(core_of(board), 30)
        np.testing.assert_array_equal(driver.run(images), expected(core_of(board), images))


@pytest.mark.parametrize("offset", [8, 0x78, 0xFF8, 0xFC8])
def test_buffers_may_begin_anywhere_on_8_bytes(board, driver, offset):
    """The memory model refuses bursts that cross 4 KB or exceed 16 beats."""
    images = pictures(core_of(board), 300)
    driver.load(images, SOURCE + offset)
    driver.write("IRQ_ENABLE", JOB_DONE)
    driver.push(300, SOURCE + offset, TARGET + offset)
    assert board.wait_interrupt(100_000)
    np.testing.assert_array_equal(driver.results(300, TARGET + offset), expected(core_of(board), images))
    around = board.read_memory(TARGET + offset - 64, 64), board.read_memory(TARGET + offset + 300 * 16, 64)
    assert around == (bytes(64), bytes(64))


def test_full_queue_runs_in_order_and_refuses_one_more(board, driver):
    images = pictures(core_of(board), 8 * 20)
    driver.load(images)
    board.stall_reads()
    for job in range(8):
        assert not driver.status("QUEUE_FULL")
        driver.push(20, SOURCE + job * 20 * 16, TARGET + job * 20 * 16)
    assert driver.read("ERROR") == 0
    assert driver.status("JOBS_OPEN") == 8
    assert driver.status("QUEUE_FULL")
    driver.push(20)
    assert regs.ERROR_CODES[driver.read("ERROR")].name == "QUEUE_OVERFLOW"
    assert driver.read("JOBS_ACCEPTED") == 8
    board.stall_reads(False)
    board.run(5000)
    assert driver.read("JOBS_DONE") == 8
    assert not driver.status("BUSY")
    np.testing.assert_array_equal(driver.results(160), expected(core_of(board), images))
    driver.write("ERROR", 0)
    assert driver.read("ERROR") == 0


def test_next_job_follows_without_a_gap(sums):
    """As cycles from first beat to last word: two jobs of 200 frames take as long as one of 400."""
    spans = []
    for jobs in (1, 2):
        with SimulatedBoard(sums, IDEAL) as board:
            driver = Driver(board)
            driver.load(pictures(core_of(board), 400))
            frames = 400 // jobs
            for job in range(jobs):
                driver.push(frames, SOURCE + job * frames * 16, TARGET + job * frames * 16)
            board.run(5000)
            assert driver.read("JOBS_DONE") == jobs
            spans.append(driver.counters()["FIRST_TO_LAST"])
    # The core takes 5 beats and a cycle of its own; its answer is out 4 cycles after the last beat.
    assert spans == [400 * 6 - 1 + 3] * 2


# ---- interrupts


def test_interrupt_is_a_level_of_enabled_causes(board, driver):
    images = pictures(core_of(board), 2)
    driver.load(images)
    driver.write("IRQ_STATUS", 7)
    driver.push(2)
    assert not board.wait_interrupt(3000)
    assert driver.read("IRQ_STATUS") == JOB_DONE
    driver.write("IRQ_ENABLE", ERROR)
    assert not board.wait_interrupt(10)
    driver.write("IRQ_ENABLE", JOB_DONE)
    assert board.wait_interrupt(10)
    driver.write("IRQ_STATUS", ERROR)
    assert board.wait_interrupt(0)
    driver.write("IRQ_STATUS", JOB_DONE)
    assert not board.wait_interrupt(10)


def test_lost_interrupt_leaves_the_job_done_and_visible(board, driver):
    board.hide_interrupt()
    driver.write("IRQ_ENABLE", JOB_DONE)
    driver.load(pictures(core_of(board), 2))
    driver.push(2)
    assert not board.wait_interrupt(3000)
    assert driver.read("JOBS_DONE") == 1
    assert driver.read("IRQ_STATUS") & JOB_DONE


# ---- counters and gate mode


def test_counters_tell_where_the_cycles_went(sums):
    with SimulatedBoard(sums, IDEAL) as board:
        driver = Driver(board)
        images = pictures(core_of(board), 50)
        driver.run(images)
        before = driver.counters()
        assert before["FRAMES_DONE"] == 50
        assert before["STALLED_OUT"] == 0
        assert before["FIRST_TO_LAST"] == 50 * 6 - 1 + 3
        assert before["FIRST_TO_LAST"] < before["BUSY_CYCLES"] < before["FIRST_TO_LAST"] + 60
        assert before["CYCLES"] == before["CLOCKED_CYCLES"] < board.cycle
        board.run(1000)
        after = driver.counters()
        assert after["CYCLES"] - before["CYCLES"] > 1000
        assert {key: after[key] for key in before if "CYCLES" not in key} == {
            key: before[key] for key in before if "CYCLES" not in key
        }
        driver.write("CONTROL", 2)
        cleared = driver.counters()
        assert cleared["BUSY_CYCLES"] == cleared["FRAMES_DONE"] == cleared["FIRST_TO_LAST"] == 0
        assert cleared["CYCLES"] > after["CYCLES"]


def test_slow_memory_counts_as_stalled(sums):
    slow = MemoryModel(bandwidth_permille=200, refresh_cycles=0)
    with SimulatedBoard(sums, slow) as board:
        driver = Driver(board)
        driver.run(pictures(core_of(board), 50))
        assert driver.counters()["STALLED_IN"] > 50 * 6
        board.stall_writes()
        driver.load(pictures(core_of(board), 100))
        driver.push(100)
        board.run(20_000)
        assert driver.status("OUTPUT_WAITS")
        assert driver.counters()["STALLED_OUT"] > 10_000


@pytest.mark.parametrize("linger", [0, 10])
def test_gate_mode_runs_the_clock_only_around_frames(board, driver, linger):
    core = core_of(board)
    driver.write("GATE_LINGER", linger)
    driver.write("MODE", 1)
    board.run(2000)
    assert not driver.status("CLOCK_ON")
    driver.write("CONTROL", 2)
    board.run(5000)
    assert driver.counters()["CLOCKED_CYCLES"] == 0
    for seed in range(3):
        images = pictures(core, 1, seed)
        driver.write("CONTROL", 2)
        np.testing.assert_array_equal(driver.run(images), expected(core, images))
        board.run(2000)
        counted = driver.counters()
        assert counted["FIRST_TO_LAST"] == 5 + 3
        assert counted["CLOCKED_CYCLES"] == counted["FIRST_TO_LAST"] + 1 + linger + 1
    driver.write("MODE", 0)
    images = pictures(core, 30)
    np.testing.assert_array_equal(driver.run(images), expected(core, images))


def test_gate_mode_under_pauses(sums):
    """The clock stops and goes while beats and words wait; nothing is lost or doubled."""
    with SimulatedBoard(sums, MemoryModel(pause_permille=700, seed=5), 4) as board:
        driver = Driver(board)
        driver.write("GATE_LINGER", 0)
        driver.write("MODE", 1)
        images = pictures(core_of(board), 60)
        np.testing.assert_array_equal(driver.run(images), expected(core_of(board), images))
