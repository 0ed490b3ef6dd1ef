"""Other weights into an accelerator: on a made-up configuration port, and on the simulated board."""

import json

import numpy as np
import pytest

from bnn_hw import tools
from bnn_hw.errors import ToolError
from bnn_hw.ir.execute import execute
from bnn_hw.package.write import Contents, write_package
from bnn_hw.pipeline.config import FORMAT_WORD
from bnn_hw.rtl.emit import emit
from bnn_hw.rtl.load import load_image, write_image
from bnn_hw.runtime import Accelerator
from bnn_hw.runtime.errors import JobError, PackageError, WrongHardwareError
from bnn_hw.sim.board import MemoryModel, SimulatedBoard, build_board
from bnn_hw.simulated import SimulatedDevice
from bnn_hw.soc.emit import emit_shell
from tests.packages import contents
from tests.runtime.faulty import FaultyDevice
from tests.soc.test_config import GRAPH, IMAGES, OTHER, PLAN

LAYOUT = 0x1234


class Loadable(FaultyDevice):
    """Words 0 to 2 tell format, layout and tag; the rest is memory. bad: a word that does not stay."""

    def __init__(self, folder):
        super().__init__(folder)
        self._values["FEATURES"] |= 1 << 9
        self.words, self.address, self.bad = {0: FORMAT_WORD, 1: LAYOUT, 2: 7}, 0, None

    def read_register(self, offset):
        if offset != 0x104:
            return super().read_register(offset)
        self.address += 1
        return self.words.get(self.address - 1, 0)

    def write_register(self, offset, value):
        if offset == 0x100:
            self.address = value
        if offset != 0x104:
            super().write_register(offset, value)
            return
        self.words[self.address] = 0 if self.address == self.bad else value
        self.address += 1


@pytest.fixture
def file(tmp_path):
    record = {
        "format": "bnn_hw.weights/1",
        "network": "other",
        "layout": LAYOUT,
        "tag": 99,
        "addresses": [16, 17, 32, 2],
        "words": [5, 6, 7, 99],
    }
    (tmp_path / "w.json").write_text(json.dumps(record))
    return tmp_path / "w.json"


def test_words_are_written_read_back_and_tagged_last(package, file):
    device = Loadable(package)
    with Accelerator.load(package, device=device) as accelerator:
        assert accelerator.load_weights(file) == "other"
    assert device.words == {0: FORMAT_WORD, 1: LAYOUT, 2: 99, 16: 5, 17: 6, 32: 7}


def test_a_word_that_does_not_stay_leaves_no_tag(package, file):
    device = Loadable(package)
    device.bad = 17
    with Accelerator.load(package, device=device) as accelerator:
        with pytest.raises(JobError, match="weights, word 17: reads 0x00000000 where 0x00000006 was written"):
            accelerator.load_weights(file)
        assert device.words[2] == 0
        device.bad = None
        accelerator.load_weights(file)
    assert device.words[2] == 99


def test_weights_for_another_layout_or_none_are_refused(package, file, tmp_path):
    device = Loadable(package)
    device.words[1] = 1
    with Accelerator.load(package, device=device) as accelerator:
        with pytest.raises(WrongHardwareError, match="layout 0x00000001, the weights are for 0x00001234"):
            accelerator.load_weights(file)
        for text in ("{", '{"format": "x"}', '{"format": "bnn_hw.weights/1"}'):
            (tmp_path / "bad.json").write_text(text)
            with pytest.raises(PackageError, match="is no file of weights"):
                accelerator.load_weights(tmp_path / "bad.json")
    with (
        Accelerator.load(package, device="software") as accelerator,
        pytest.raises(WrongHardwareError, match="fixed in the hardware"),
    ):
        accelerator.load_weights(file)


def test_the_simulated_board_becomes_another_network(tmp_path):
    try:
        tools.find(tools.VERILATOR)
    except ToolError as error:
        pytest.skip(f"no simulator here: {error}")
    shell = emit_shell(emit(PLAN, GRAPH, tmp_path / "core"), tmp_path / "soc", PLAN.clock_hz)
    count = GRAPH.types["fc2.acc"].channels
    names = tuple(str(index) for index in range(count))
    changed = {"graph": GRAPH, "plan": PLAN, "digest": shell.digest, "classes": names}
    write_package(Contents(**{**vars(contents()), **changed}), tmp_path / "package")
    write_image(load_image(PLAN, GRAPH, OTHER), tmp_path / "other.json")
    board = SimulatedBoard(build_board(shell), MemoryModel(access_cycles=0))
    with Accelerator.load(tmp_path / "package", device=SimulatedDevice(board)) as accelerator:
        for graph in (GRAPH, OTHER):
            raw = execute(graph, IMAGES, {"fc2.acc"})["fc2.acc"].reshape(len(IMAGES), -1)
            assert np.array_equal(accelerator.classify(IMAGES).raw, raw)
            accelerator.load_weights(tmp_path / "other.json")
