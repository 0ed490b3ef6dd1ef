"""Addresses of loadable weights, and the records of map and image."""

from __future__ import annotations

import dataclasses
import json

import pytest

from bnn_hw.errors import ConfigError
from bnn_hw.pipeline import config
from bnn_hw.pipeline.config import ConfigMap, ConfigMemory, LoadImage, place_memories
from bnn_hw.pipeline.stages import Mvtu
from tests.networks import NETWORKS, random_graph
from tests.plans import make_plan

FOLDING = {
    "conv1_1": (16, 3), "conv1_2": (5, 144), "conv2_1": (8, 16), "conv2_2": (32, 288),
    "conv3_1": (1, 32), "conv3_2": (4, 64), "fc1": (1, 4), "fc2": (1, 8), "fc3": (1, 1),
}  # fmt: skip
STAGES = [
    dataclasses.replace(stage, runtime=True) if isinstance(stage, Mvtu) else stage
    for stage in make_plan(random_graph(NETWORKS["ncnv"]), FOLDING).stages
]
FILES = {stage.name: (f"{stage.name}_w", f"{stage.name}_t") for stage in STAGES}


def test_every_bit_has_one_address() -> None:
    memories = place_memories(STAGES, FILES)
    units = [stage for stage in STAGES if isinstance(stage, Mvtu)]
    assert len(memories) == 2 * len(units) - 1  # the last layer has no thresholds
    weights = sum(item.rows * item.row_bits for item in memories if item.memory == "weights")
    assert weights >= sum(unit.mw * unit.mh for unit in units)
    taken = [
        item.address(row, word) for item in memories for row in range(item.rows) for word in range(item.words)
    ]
    assert len(set(taken)) == len(taken)
    assert min(taken) > config.TAG_ADDRESS
    assert max(taken) < 1 << config.ADDRESS_BITS
    for item in memories:
        assert item.base % item.span == 0
        assert item.words * 32 >= item.row_bits > (item.words - 1) * 32
        assert item.address(item.rows - 1, item.words - 1) < item.base + item.span


def test_layers_of_fixed_weights_have_no_address() -> None:
    some = [
        dataclasses.replace(stage, runtime=stage.layer == "fc1") if isinstance(stage, Mvtu) else stage
        for stage in STAGES
    ]
    assert {item.layer for item in place_memories(some, FILES)} == {"fc1"}


def test_too_many_words_are_refused() -> None:
    unit = next(stage for stage in STAGES if isinstance(stage, Mvtu))
    huge = dataclasses.replace(unit, mw=1 << 20, simd=1, mh=64, pe=1)
    with pytest.raises(ConfigError, match="16,777,216") as caught:
        place_memories([huge], {huge.name: ("w", "t")})
    assert "fewer layers" in caught.value.faults[0].remedy


def test_records_come_back() -> None:
    item = ConfigMemory("fc1_mvtu", "fc1", "weights", "mem/fc1_weights.hex", 64, 20, 70)
    layout = ConfigMap((item,), 0xDEADBEEF, 7)
    record = json.loads(json.dumps(config.map_record(layout)))
    assert record["memories"][0]["stride"] == 4
    assert config.map_from(record) == layout
    image = LoadImage("net", 0xDEADBEEF, 9, ((64, 5), (65, 0xFFFFFFFF), (2, 9)))
    assert config.image_from_json(config.image_json(image), "x.json") == image


@pytest.mark.parametrize("text", ["", "[]", '{"format": "other/1"}', '{"format": "bnn_hw.weights/1"}'])
def test_what_is_no_image_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no image of weights") as caught:
        config.image_from_json(text, "x.json")
    assert caught.value.faults[0].place == "x.json"
