"""Images that load another network: what they hold, and which networks are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bnn_hw.errors import ModelError, OutputError
from bnn_hw.ir import Graph
from bnn_hw.ir.twin import permuted
from bnn_hw.pipeline import core as core_record
from bnn_hw.pipeline.config import TAG_ADDRESS, image_from_json
from bnn_hw.pipeline.record import Plan
from bnn_hw.rtl.emit import emit
from bnn_hw.rtl.load import load_image, write_image
from tests.networks import ConvSpec, DenseSpec, PoolSpec, Spec, ThresholdSpec, random_graph
from tests.plans import make_plan

CONV = ConvSpec("conv1", 6, (2, 2))
SPECS: tuple[Spec, ...] = (CONV, PoolSpec("pool1"), DenseSpec("fc1", 5), DenseSpec("fc2", 3))
FOLDING = {"conv1": (4, 8), "fc1": (2, 6), "fc2": (3, 5)}
SHAPE = (6, 7, 2)
GRAPH = random_graph(SPECS, SHAPE, name="tiny")


def plan_of(graph: Graph = GRAPH, runtime: tuple[str, ...] = ("conv1", "fc1", "fc2")) -> Plan:
    return make_plan(graph, FOLDING, runtime)


def test_core_says_where_its_weights_lie(tmp_path: Path) -> None:
    core = emit(plan_of(), GRAPH, tmp_path / "rtl")
    assert core_record.load(tmp_path / "rtl") == core
    assert core.config
    assert core.config.tag == load_image(plan_of(), GRAPH, GRAPH).tag
    top = (tmp_path / "rtl" / "bnn_core.sv").read_text()
    for item in core.config.memories:
        assert f"{'WEIGHT' if item.memory == 'weights' else 'THRESHOLD'}_BASE({item.base})" in top
        assert item.file in core.stage(item.stage).memories
    assert f"32'h{core.config.layout:08x}" in top


def test_own_image_is_what_the_core_starts_with(tmp_path: Path) -> None:
    core = emit(plan_of(), GRAPH, tmp_path / "rtl")
    image = load_image(plan_of(), GRAPH, GRAPH)
    words = dict(image.writes)
    assert core.config
    for item in core.config.memories:
        rows = (tmp_path / "rtl" / item.file).read_text().split()
        assert len(rows) == item.rows
        for row, text in enumerate(rows):
            found = sum(words[item.address(row, word)] << 32 * word for word in range(item.words))
            assert found == int(text, 16)
    assert image.writes[-1] == (TAG_ADDRESS, image.tag)
    assert image.layout == core.config.layout


def test_another_network_has_another_tag_and_the_same_layout() -> None:
    own, other = (load_image(plan_of(), GRAPH, graph) for graph in (GRAPH, permuted(GRAPH)))
    assert (own.layout, len(own.writes)) == (other.layout, len(other.writes))
    assert own.tag != other.tag
    assert own.writes != other.writes
    # A core built for the other network takes the same images.
    assert load_image(plan_of(permuted(GRAPH)), permuted(GRAPH), GRAPH) == own


def test_names_of_values_do_not_matter() -> None:
    renamed = random_graph(
        (ConvSpec("a", 6, (2, 2)), PoolSpec("b"), DenseSpec("c", 5), DenseSpec("d", 3)), SHAPE, name="tiny"
    )
    assert load_image(plan_of(), GRAPH, renamed) == load_image(plan_of(), GRAPH, GRAPH)


def test_layout_tells_foldings_and_fixed_weights_apart() -> None:
    whole = load_image(plan_of(), GRAPH, GRAPH).layout
    folded = load_image(make_plan(GRAPH, {**FOLDING, "fc1": (1, 6)}, ("fc1",)), GRAPH, GRAPH).layout
    part = load_image(plan_of(runtime=("fc1",)), GRAPH, GRAPH).layout
    other = random_graph(SPECS, SHAPE, seed=2, name="tiny")
    fixed = load_image(plan_of(other, ("fc1",)), other, other).layout
    assert len({whole, folded, part, fixed}) == 4


def test_fixed_layers_must_be_equal() -> None:
    plan = plan_of(runtime=("fc1", "fc2"))
    with pytest.raises(ModelError, match="tiny, conv1: has other weights or thresholds than the core"):
        load_image(plan, GRAPH, permuted(GRAPH))
    load_image(plan, GRAPH, permuted(GRAPH, layers={"fc1.acc", "fc2.acc"}))


def test_core_without_loadable_weights_is_refused() -> None:
    with pytest.raises(ModelError, match="no weights that can be loaded") as caught:
        load_image(plan_of(runtime=()), GRAPH, GRAPH)
    assert "--weights runtime" in caught.value.faults[0].remedy


@pytest.mark.parametrize(
    ("specs", "shape", "texts"),
    [
        (
            (replace(CONV, neurons=7), *SPECS[1:]),
            SHAPE,
            ["conv1: has the number of neurons 7, the core 6", "fc1: has the input"],
        ),
        ((replace(CONV, kernel=(3, 2)), *SPECS[1:]), (7, 7, 2), ["kernel (3, 2), the core", "input: is"]),
        ((*SPECS[:2], SPECS[3]), SHAPE, ["has 3 layers and pools, the core 4"]),
        ((ThresholdSpec("sign"), *SPECS), SHAPE, ["has 5 layers and pools", "sign: has the kind threshold"]),
        ((CONV, ConvSpec("conv2", 6, (2, 2)), *SPECS[2:]), SHAPE, ["kind convolution, the core pool"]),
    ],
)  # fmt: skip
def test_other_structures_are_refused(specs: tuple[Spec, ...], shape: tuple, texts: list[str]) -> None:
    with pytest.raises(ModelError) as caught:
        load_image(plan_of(), GRAPH, random_graph(specs, shape, name="other"))
    for text in texts:
        assert text in str(caught.value)


def test_file_comes_back_or_is_refused(tmp_path: Path) -> None:
    image = load_image(plan_of(), GRAPH, permuted(GRAPH))
    write_image(image, tmp_path / "w.json")
    assert image_from_json((tmp_path / "w.json").read_text(), "w.json") == image
    with pytest.raises(OutputError, match="cannot be written"):
        write_image(image, tmp_path / "missing" / "w.json")
