"""Small networks all the way: graph, plan, SystemVerilog, simulation, every layer compared."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bnn_hw import tools
from bnn_hw.ir import Graph, Node
from bnn_hw.ir.execute import execute
from bnn_hw.ir.ops import Conv, Threshold
from bnn_hw.pipeline.arithmetic import BEHAVIOURAL
from bnn_hw.pipeline.core import Core
from bnn_hw.pipeline.record import Plan
from bnn_hw.rtl.emit import emit
from bnn_hw.sim.compare import ValueMismatchError
from bnn_hw.sim.verify import random_images, verify
from tests.networks import ConvSpec, DenseSpec, PoolSpec, ThresholdSpec, random_graph
from tests.plans import make_plan

# Odd sizes: the pool drops a column, no channel count is a power of two.
CHAIN = (
    ConvSpec("conv1", 6),
    ConvSpec("conv2", 5),
    PoolSpec("pool1"),
    ConvSpec("conv3", 4, (2, 2)),
    DenseSpec("fc1", 7),
    DenseSpec("fc2", 3),
)
# Thresholds on the pixels in both directions, padding, a stride, a rectangular kernel.
SIGNS = (
    ThresholdSpec("sign"),
    ConvSpec("conv1", 4, padding=(1, 1, 1, 1)),
    ConvSpec("conv2", 6, (3, 2), (2, 1)),
    DenseSpec("fc1", 10),
)
# A pool whose kernels would lie across beats.
POOLED = (
    ThresholdSpec("sign"),
    ConvSpec("conv1", 3),
    PoolSpec("pool1"),
    ConvSpec("conv2", 5, (2, 2)),
    DenseSpec("fc1", 3),
)


@dataclass(frozen=True)
class Case:
    graph: Graph
    plan: Plan


def case(specs, shape, folding, buffers: bool = False) -> Case:
    graph = random_graph(specs, shape)
    return Case(graph, make_plan(graph, folding, buffers=buffers))


CASES = {
    # PE that does not divide the neurons, converters up and down, holes at the end of pixels
    "uneven": case(
        CHAIN, (10, 9, 3), {"conv1": (4, 3), "conv2": (2, 2), "conv3": (3, 5), "fc1": (2, 4), "fc2": (2, 1)}
    ),
    "one by one": case(
        CHAIN, (8, 8, 3), {"conv1": (1, 1), "conv2": (1, 1), "conv3": (1, 1), "fc1": (1, 1), "fc2": (1, 1)}
    ),
    # whole windows a beat, FIFOs between the layers
    "whole windows": case(
        CHAIN,
        (10, 9, 3),
        {"conv1": (6, 27), "conv2": (1, 54), "conv3": (4, 20), "fc1": (7, 8), "fc2": (3, 7)},
    ),
    # several pixels a beat: places without meaning left and right, folds, splits before and behind pools
    "four pixels": case(
        CHAIN,
        (10, 12, 3),
        {"conv1": (4, 27, 4), "conv2": (2, 54, 4), "conv3": (4, 20, 2), "fc1": (2, 4), "fc2": (2, 1)},
    ),
    "fewer pixels": case(
        CHAIN,
        (10, 9, 3),
        {"conv1": (6, 27, 4), "conv2": (5, 54, 2), "conv3": (1, 20), "fc1": (7, 8), "fc2": (3, 7)},
        buffers=True,
    ),
    # beats that overlap, rows cut anew
    "aligned pixels": case(
        CHAIN,
        (8, 20, 3),
        {"conv1": (6, 27, 6), "conv2": (5, 54, 4), "conv3": (2, 20, 2), "fc1": (7, 7), "fc2": (3, 7)},
        buffers=True,
    ),
    "pixels before a pool": case(
        POOLED, (8, 11, 2), {"conv1": (2, 18, 5), "conv2": (5, 12), "fc1": (1, 5)}, buffers=True
    ),
    "signs and padding": case(SIGNS, (9, 8, 2), {"conv1": (3, 2), "conv2": (2, 24), "fc1": (4, 6)}),
}


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Core]:
    folder = tmp_path_factory.mktemp("cores")
    return {
        name: emit(item.plan, item.graph, folder / name.replace(" ", "_") / "rtl")
        for name, item in CASES.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_every_layer_is_bit_exact_and_the_cycles_are_the_plans(
    name: str, emitted: dict[str, Core], cache: Path
) -> None:
    plan, graph = CASES[name].plan, CASES[name].graph
    images = random_images(graph, 12)
    report = verify(emitted[name].folder, plan, graph, images, seeds=(1, 2, 3), cache=cache)
    assert report.interval_cycles == plan.interval_cycles
    assert report.latency_cycles == plan.latency_cycles
    layers = {node.name for node in graph if not node.name.endswith(".acc")} - {"scores", "class"}
    last = next(node.name for node in reversed(graph.nodes) if node.name.endswith(".acc"))
    assert set(report.layers) == layers | {last}
    assert [run.frames for run in report.runs] == [12, 12, 12, 12, 3]
    smallest = sum(graph.types[name].size for name in layers) * 12
    assert all(run.values_compared > smallest for run in report.runs[:4])


@pytest.mark.parametrize("name", CASES)
def test_verilator_has_no_warnings(name: str, emitted: dict[str, Core], cache: Path, tmp_path: Path) -> None:
    core, verilator = emitted[name], tools.find(tools.VERILATOR)
    sources = (*core.simulation_sources, *core.sources)
    text = tools.run(
        [verilator.path, "--lint-only", "-Wall", "--top-module", core.top, "-I.", *sources],
        what="lint",
        log=tmp_path / "lint.log",
        cwd=core.folder,
        environment=verilator.environment,
    )
    assert "%Warning" not in text


def corruptible(case: Case, tmp_path: Path) -> Path:
    """Emit the case with memories that load their images, so that a changed image changes the hardware."""
    plan = dataclasses.replace(case.plan, arithmetic=BEHAVIOURAL)
    return emit(plan, case.graph, tmp_path / "rtl").folder


def flip_bit(path: Path, address: int, bit: int) -> None:
    lines = path.read_text().split("\n")
    width = len(lines[address])
    lines[address] = f"{int(lines[address], 16) ^ 1 << bit:0{width}x}"
    path.write_text("\n".join(lines))


def first_difference(graph: Graph, name: str, op, layer: str, images: np.ndarray) -> tuple[int, ...]:
    """Where the graph's own execution first differs when one operation is replaced."""
    nodes = [Node(n.name, op, n.inputs) if n.name == name else n for n in graph.nodes]
    other = Graph(graph.name, graph.input, nodes, graph.outputs)
    right, wrong = (execute(g, images, keep={layer})[layer] for g in (graph, other))
    return tuple(int(i) for i in np.argwhere(right != wrong)[0])


def mismatch_of(case: Case, folder: Path, images: np.ndarray, cache: Path) -> ValueMismatchError:
    with pytest.raises(ValueMismatchError) as caught:
        verify(folder, case.plan, case.graph, images, cache=cache)
    return caught.value


def test_corrupted_weight_is_found_at_its_layer_pixel_and_channel(cache: Path, tmp_path: Path) -> None:
    uneven = CASES["uneven"]
    folder = corruptible(uneven, tmp_path)
    images = random_images(uneven.graph, 4)
    # conv2: PE 2, SIMD 2, SF 27: neuron 3 is PE 1 of fold 1, column 9 is lane 1 of synapse fold 4.
    flip_bit(folder / "mem" / "conv2_weights.hex", address=1 * 27 + 4, bit=1 * 2 + 1)
    weights = uneven.graph.node("conv2.acc").op.weights.copy()
    weights.reshape(5, 54)[3, 9] *= -1
    place = first_difference(uneven.graph, "conv2.acc", Conv(weights), "conv2", images)
    error = mismatch_of(uneven, folder, images, cache)
    found = error.mismatch
    assert (found.layer, found.stage) == ("conv2", "conv2_mvtu")
    assert (found.frame, found.y, found.x, found.channel) == place
    assert place[3] == 3
    assert {found.expected, found.got} == {-1, 1}
    assert f"frame {place[0]}, pixel y={place[1]} x={place[2]}, channel 3: expected" in str(error)


def test_corrupted_threshold_is_found_at_its_layer_and_channel(cache: Path, tmp_path: Path) -> None:
    uneven = CASES["uneven"]
    folder = corruptible(uneven, tmp_path)
    images = random_images(uneven.graph, 4)
    # conv3: PE 3: neuron 1 is PE 1 of fold 0; threshold 0 of the popcount always fires.
    path = folder / "mem" / "conv3_thresholds.hex"
    bits = uneven.plan.stage("conv3_mvtu").accumulator.bits
    first, *rest = path.read_text().split("\n")
    kept = int(first, 16) & ~(((1 << bits) - 1) << bits)
    path.write_text("\n".join([f"{kept:0{len(first)}x}", *rest]))
    levels = uneven.graph.node("conv3").op.thresholds.copy()
    levels[1] = -(10**6)
    place = first_difference(uneven.graph, "conv3", Threshold(levels, np.ones(4, int)), "conv3", images)
    found = mismatch_of(uneven, folder, images, cache).mismatch
    assert (found.layer, found.frame, found.y, found.x, found.channel) == ("conv3", *place)
    assert (found.channel, found.expected, found.got) == (1, -1, 1)
