"""A real network with its shell: bit-exact against the integer graph, as fast as planned."""

from __future__ import annotations

import numpy as np
import pytest

from bnn_hw.ir.execute import execute
from bnn_hw.rtl.emit import emit
from bnn_hw.sim.board import MemoryModel, SimulatedBoard, build_board
from bnn_hw.soc.emit import emit_shell
from tests.networks import ConvSpec, DenseSpec, PoolSpec, random_graph
from tests.plans import make_plan
from tests.soc.boards import SOURCE, TARGET, Driver

FRAMES = 600


class Built:
    def __init__(self, cache):
        specs = (ConvSpec("conv1", 4), PoolSpec("pool1"), DenseSpec("fc1", 8), DenseSpec("fc2", 3))
        self.graph = random_graph(specs, (8, 6, 3))
        self.plan = make_plan(self.graph, {"conv1": (4, 27), "fc1": (1, 4), "fc2": (1, 8)})
        core = emit(self.plan, self.graph, cache / "tiny" / "core")
        shell = emit_shell(core, cache / "tiny" / "soc", self.plan.clock_hz)
        self.program = build_board(shell, cache / "programs")
        rng = np.random.default_rng(5)
        self.images = rng.integers(0, 256, (FRAMES, 8, 6, 3)).astype(np.uint8)

    def expected(self, images):
        """Scores before scaling, then the class, as the core puts them out."""
        values = execute(self.graph, images, keep={"fc2.acc", "class"})
        return np.concatenate(
            [
                values["fc2.acc"].reshape(len(images), -1).astype(np.int64),
                values["class"].reshape(len(images), 1).astype(np.int64),
            ],
            axis=1,
        )


@pytest.fixture(scope="module")
def built(cache):
    return Built(cache)


def test_long_batch_is_bit_exact_and_at_most_1_percent_above_the_plan(built):
    """End to end: from queueing the job to its interrupt, with latency, refresh and bandwidth of a memory."""
    with SimulatedBoard(built.program) as board:
        driver = Driver(board)
        driver.load(built.images)
        driver.write("IRQ_STATUS", 7)
        driver.write("IRQ_ENABLE", 1)
        start = board.cycle
        driver.push(FRAMES)
        assert board.wait_interrupt(10**6)
        taken = board.cycle - start
        np.testing.assert_array_equal(driver.results(FRAMES), built.expected(built.images))
        interval = built.plan.interval_cycles
        assert FRAMES * interval < taken <= 1.01 * FRAMES * interval + built.plan.latency_cycles + 500
        span = driver.counters()["FIRST_TO_LAST"]
        assert span <= built.plan.latency_cycles + 1.01 * (FRAMES - 1) * interval


def test_random_memory_changes_no_bit(built):
    with SimulatedBoard(built.program, MemoryModel(pause_permille=400, read_latency=3, seed=9), 5) as board:
        driver = Driver(board)
        images = built.images[:50]
        np.testing.assert_array_equal(driver.run(images), built.expected(images))


def test_gate_mode_answers_one_frame_within_the_plan_s_latency(built):
    with SimulatedBoard(built.program) as board:
        driver = Driver(board)
        driver.write("MODE", 1)
        board.run(3000)
        for i in range(3):
            assert not driver.status("CLOCK_ON")
            driver.load(built.images[i : i + 1])
            driver.push(1, SOURCE, TARGET)
            board.run(5000)
            assert driver.counters()["FIRST_TO_LAST"] == built.plan.latency_cycles
            np.testing.assert_array_equal(driver.results(1), built.expected(built.images[i : i + 1]))
