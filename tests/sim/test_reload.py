"""Cores whose weights are loaded in simulation: every style of memory, with and without pauses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bnn_hw.errors import MismatchError
from bnn_hw.ir.execute import execute
from bnn_hw.pipeline.config import FORMAT_WORD
from bnn_hw.pipeline.record import Plan
from bnn_hw.plan.timing import latency_cycles
from bnn_hw.rtl.emit import emit, memory_images
from bnn_hw.rtl.load import config_map, load_image
from bnn_hw.sim.build import Simulator, build
from bnn_hw.sim.reload import Reload, check_answers, reload_requests
from bnn_hw.sim.run import Request, simulate
from bnn_hw.sim.verify import random_images, verify
from tests.networks import ConvSpec, DenseSpec, PoolSpec, random_graph
from tests.plans import make_plan

SPECS = (
    ConvSpec("conv1", 6, (2, 2)),
    PoolSpec("pool1"),
    ConvSpec("conv2", 8, (2, 2)),
    DenseSpec("fc1", 5),
    DenseSpec("fc2", 3),
)
SHAPE = (8, 9, 2)
OWN, OTHER = (random_graph(SPECS, SHAPE, seed=seed, name="tiny") for seed in (1, 7))
FRAMES = 6
IMAGES = random_images(OWN, FRAMES)


def make() -> Plan:
    """Integer inputs, one row of 192 bits in registers, block RAM, and a last layer without thresholds."""
    runtime = ("conv1", "conv2", "fc1", "fc2")
    plan = make_plan(OWN, {"conv1": (2, 8), "conv2": (8, 24), "fc1": (2, 4), "fc2": (3, 5)}, runtime)
    stages = tuple(replace(s, weight_memory="block") if s.name == "fc1_mvtu" else s for s in plan.stages)
    return replace(plan, stages=stages, latency_cycles=latency_cycles(stages))


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    folder = tmp_path_factory.mktemp("reload")
    return build(emit(make(), OWN, folder / "rtl"))


def test_other_weights_are_proven(simulator: Simulator) -> None:
    reload = Reload(load_image(make(), OWN, OTHER), OTHER)
    report = verify(simulator.core.folder, make(), OWN, IMAGES, reload=reload)
    assert report.latency_exact
    assert report.interval_exact
    assert "of other weights loaded after frame 3" in report.runs[-1].name


def test_loading_and_loading_back(simulator: Simulator) -> None:
    """After frame 2 the other weights, after frame 4 the own ones: against the graphs themselves."""
    there, back = load_image(make(), OWN, OTHER), load_image(make(), OWN, OWN)
    requests = [*reload_requests(there, 2), *reload_requests(back, 4)]
    run = simulate(simulator, IMAGES, requests=requests, seed=5, longest_stall=40, watchdog_cycles=100_000)
    assert run.finished
    own, other = (
        execute(graph, IMAGES, {"fc2.acc"})["fc2.acc"].reshape(FRAMES, -1) for graph in (OWN, OTHER)
    )
    assert (own != other).any()
    expected = np.concatenate([own[:2], other[2:4], own[4:]])
    assert np.array_equal(run.words.reshape(FRAMES, -1)[:, :-1], expected)
    assert simulator.core.config
    half = len(run.answers) // 2
    check_answers(simulator.core.config, there, run.answers[:half])
    assert run.answers[half + 2] == there.tag
    assert run.answers[half + 3 :] == tuple(word for _, word in back.writes)


def test_addresses_between_memories_read_zero_and_take_nothing(simulator: Simulator) -> None:
    config = simulator.core.config
    assert config
    image = load_image(make(), OWN, OWN)
    used = {address for address, _ in image.writes} | {0, 1}
    free = [address for address in range(256) if address not in used]
    assert any(item.base < address < item.base + item.span for address in free for item in config.memories)
    requests = [
        *(Request(1, address, 0xFFFFFFFF) for address in [*free, 0, 1]),
        *(Request(1, address) for address in free),
        *reload_requests(image, 1)[:3],
        *(Request(1, address) for address, _ in image.writes[:-1]),
    ]
    run = simulate(simulator, IMAGES[:2], requests=requests, watchdog_cycles=100_000)
    assert run.answers[: len(free)] == (0,) * len(free)
    assert run.answers[len(free) + 1] == config.layout
    assert run.answers[len(free) + 3 :] == tuple(word for _, word in image.writes[:-1])


def test_a_word_that_differs_is_named() -> None:
    image = load_image(make(), OWN, OTHER)
    config = config_map(make(), memory_images(make(), OWN))
    assert config
    answers = [FORMAT_WORD, config.layout, config.tag, *(word for _, word in image.writes)]
    check_answers(config, image, tuple(answers))
    answers[3 + 5] ^= 4
    with pytest.raises(MismatchError, match=r"conv1, .*, row .*: gives back"):
        check_answers(config, image, tuple(answers))
    with pytest.raises(MismatchError, match="configuration port, layout: is 00000000"):
        check_answers(config, image, (FORMAT_WORD, 0, *answers[2:]))
    with pytest.raises(MismatchError, match="gave 2 words"):
        check_answers(config, image, (1, 2))
