"""Weights loaded through the shell's registers turn the accelerator into another network."""

from __future__ import annotations

import numpy as np
import pytest

from bnn_hw.ir.execute import execute
from bnn_hw.ir.twin import permuted
from bnn_hw.pipeline.config import FORMAT_ADDRESS, FORMAT_WORD, LAYOUT_ADDRESS, TAG_ADDRESS
from bnn_hw.rtl.emit import emit
from bnn_hw.rtl.load import load_image
from bnn_hw.runtime import registers as regs
from bnn_hw.sim.board import MemoryModel, SimulatedBoard, build_board
from bnn_hw.soc.emit import emit_shell
from tests.networks import ConvSpec, DenseSpec, random_graph
from tests.plans import make_plan
from tests.soc.boards import Driver

GRAPH = random_graph((ConvSpec("conv1", 4), DenseSpec("fc1", 6), DenseSpec("fc2", 3)), (6, 5, 3))
OTHER = permuted(GRAPH, 3)
PLAN = make_plan(GRAPH, {"conv1": (2, 3), "fc1": (2, 8), "fc2": (1, 6)}, ("conv1", "fc1", "fc2"))
IMAGES = np.random.default_rng(2).integers(0, 256, (20, 6, 5, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def program(cache):
    core = emit(PLAN, GRAPH, cache / "config" / "core")
    shell = emit_shell(core, cache / "config" / "soc", PLAN.clock_hz)
    assert shell.config
    return build_board(shell, cache / "programs")


def expected(graph) -> np.ndarray:
    values = execute(graph, IMAGES, keep={"fc2.acc", "class"})
    return np.concatenate([values[key].reshape(len(IMAGES), -1) for key in ("fc2.acc", "class")], axis=1)


def words(driver: Driver, address: int, count: int) -> list[int]:
    """Read words from the configuration port; the address moves on by itself."""
    driver.write("CONFIG_ADDRESS", address)
    return [driver.read("CONFIG_DATA") for _ in range(count)]


@pytest.mark.parametrize("gate", [0, 1], ids=["clock runs", "clock stands"])
def test_other_weights_make_another_network(program, gate):
    image = load_image(PLAN, GRAPH, OTHER)
    with SimulatedBoard(program, MemoryModel(access_cycles=0)) as board:
        driver = Driver(board)
        assert driver.read("FEATURES") >> regs.REGISTERS["FEATURES"].fields["CONFIG"].low & 1
        np.testing.assert_array_equal(driver.run(IMAGES), expected(GRAPH))
        driver.write("GATE_LINGER", 0)
        driver.write("MODE", gate)
        board.run(2000)
        assert driver.status("CLOCK_ON") == 1 - gate
        assert words(driver, FORMAT_ADDRESS, 2) == [FORMAT_WORD, image.layout]
        assert words(driver, TAG_ADDRESS, 1) != [image.tag]
        assert driver.read("CONFIG_ADDRESS") == TAG_ADDRESS + 1
        at = None
        for address, word in image.writes:
            if address != at:
                driver.write("CONFIG_ADDRESS", address)
            driver.write("CONFIG_DATA", word)
            at = address + 1
        assert words(driver, LAYOUT_ADDRESS, 2) == [image.layout, image.tag]
        for address, word in image.writes[:: max(1, len(image.writes) // 10)]:
            assert words(driver, address, 1) == [word]
        assert (expected(OTHER) != expected(GRAPH)).any()
        np.testing.assert_array_equal(driver.run(IMAGES), expected(OTHER))
