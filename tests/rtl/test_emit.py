"""The RTL folder of a tiny network against golden files, and what happens when it cannot be written."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from bnn_hw.errors import ModelError, OutputError
from bnn_hw.ir import Graph, Node
from bnn_hw.ir.ops import Threshold
from bnn_hw.pipeline import core as core_record
from bnn_hw.pipeline import record
from bnn_hw.pipeline.arithmetic import ARITHMETIC, BEHAVIOURAL, STRUCTURAL, STRUCTURAL_LUT6_2
from bnn_hw.rtl import emit as emitting
from bnn_hw.rtl.emit import LIBRARY, emit, library_sources
from tests.networks import ConvSpec, DenseSpec, PoolSpec, ThresholdSpec, random_graph
from tests.plans import make_plan

OPTIONS = {
    "ACCUMULATE",
    "CHAINS",
    "DOT_CUTS",
    "JOIN_CUTS",
    "MATCH",
    "RUNTIME",
    "WEIGHT_BASE",
    "THRESHOLD_BASE",
}
GOLDEN = Path(__file__).parent / "golden"
GRAPH = random_graph(
    (ConvSpec("conv1", 6, (2, 2)), PoolSpec("pool1"), DenseSpec("fc1", 5), DenseSpec("fc2", 3)),
    (6, 7, 2),
    name="tiny",
)
# A plan in a file, so that a better planner does not change what the emitter is tested with.
PLAN = record.load(GOLDEN / "plan.json")


@pytest.mark.parametrize("name", ["bnn_core.sv", "files.f", "core.json"])
def test_files_equal_the_golden_ones(tmp_path: Path, name: str) -> None:
    """To accept a change on purpose: copy the file over the golden one and look at the difference."""
    emit(PLAN, GRAPH, tmp_path / "rtl")
    assert (tmp_path / "rtl" / name).read_text() == (GOLDEN / name).read_text()


def test_folder_is_complete_and_nothing_else(tmp_path: Path) -> None:
    core = emit(PLAN, GRAPH, tmp_path / "rtl")
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    mem = {f"rtl/{memory}" for stage in core.stages for memory in stage.memories}
    assert len(mem) == 5
    own = {"rtl/core.json", "rtl/files.f", "rtl/bnn_assert.svh"}
    assert files == mem | own | {f"rtl/{source}" for source in (*core.sources, *core.simulation_sources)}
    assert core_record.load(tmp_path / "rtl") == core
    named = set(re.findall(r'"(mem/[^"]*)"', (tmp_path / "rtl" / "bnn_core.sv").read_text()))
    assert {f"rtl/{name}" for name in named} == mem


def test_sources_hold_every_module_after_those_it_uses() -> None:
    sources = library_sources({"bnn_mvtu", "bnn_window"})
    assert sources.index("bnn_skid.sv") < sources.index("bnn_mvtu.sv")
    order = [sources.index(f"bnn_{name}.sv") for name in ("match_rows", "match_dot", "mvtu")]
    assert order == sorted(order)
    assert "bnn_pool.sv" not in sources
    assert set(library_sources({path.stem for path in LIBRARY.glob("*.sv")})) == {
        path.name for path in LIBRARY.glob("*.sv")
    }


def test_every_parameter_exists_in_its_module(tmp_path: Path) -> None:
    graph = random_graph(
        (ThresholdSpec("sign"), ConvSpec("conv1", 4, (3, 3), padding=(1, 1, 1, 1)), DenseSpec("fc1", 2)),
        (5, 5, 2),
    )
    pixels = random_graph(
        (
            ThresholdSpec("sign"),
            ConvSpec("conv1", 4),
            PoolSpec("pool1"),
            ConvSpec("conv2", 2),
            DenseSpec("fc1", 2),
        ),
        (12, 12, 2),
        name="pixels",
    )
    plans = (
        (PLAN, GRAPH),
        (make_plan(graph, {"conv1": (4, 18), "fc1": (2, 100)}), graph),
        (make_plan(pixels, {"conv1": (2, 18, 4), "conv2": (2, 36, 2), "fc1": (2, 18)}), pixels),
    )
    # Of streams with one pixel a beat; sizes that follow from others.
    optional = {"RAM_STYLE", "THRESHOLD_FILE", "PIXELS", "SKIP", "ROWS", "STEP", "SEEN", "OUT_PIXELS"}
    for plan, of in plans:
        folder = tmp_path / plan.network
        emit(plan, of, folder)
        top = (folder / "bnn_core.sv").read_text()
        instances = re.findall(r"^  (bnn_\w+) #\(\n(.*?)\n  \) u_", top, re.MULTILINE | re.DOTALL)
        assert len(instances) == len(plan.stages)
        for module, text in instances:
            declared = re.findall(r"parameter [^=]*?(\w+) =", (LIBRARY / f"{module}.sv").read_text())
            given = re.findall(r"\.(\w+)\(", text)
            assert set(given) <= set(declared)
            assert set(declared) - set(given) <= {*optional, *OPTIONS}


def test_arithmetic_is_the_plans_and_synthesis_reads_no_simulation_model(tmp_path: Path) -> None:
    texts = {}
    for arithmetic in ARITHMETIC:
        folder = tmp_path / arithmetic
        core = emit(dataclasses.replace(PLAN, arithmetic=arithmetic), GRAPH, folder)
        assert core_record.load(folder).arithmetic == arithmetic
        assert core.simulation_sources == (() if arithmetic == BEHAVIOURAL else ("bnn_primitives.sv",))
        assert (folder / "bnn_primitives.sv").exists() == (arithmetic != BEHAVIOURAL)
        assert "bnn_primitives.sv" not in (folder / "files.f").read_text()
        texts[arithmetic] = "".join((folder / source).read_text() for source in core.sources)
    for twin in ("accumulate", "match_rows"):
        assert (LIBRARY / f"bnn_{twin}.sv").read_text() in texts[BEHAVIOURAL]
        assert (LIBRARY / f"bnn_{twin}.sv").read_text() not in texts[STRUCTURAL]
    assert "LUT" not in re.sub("//.*", "", texts[BEHAVIOURAL])
    assert "LUT4 #(" in texts[STRUCTURAL]
    assert "LUT6_2" not in texts[STRUCTURAL]
    assert "LUT6_2 #(" in texts[STRUCTURAL_LUT6_2]


def test_emitting_twice_gives_equal_files_and_no_remains(tmp_path: Path) -> None:
    folder = tmp_path / "rtl"
    emit(PLAN, GRAPH, folder)
    (folder / "old_file").write_text("of an earlier version")
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    emit(PLAN, GRAPH, folder)
    after = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    before.pop("old_file")
    assert after == before
    assert [path.name for path in tmp_path.iterdir()] == ["rtl"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_interrupted_emitter_leaves_the_older_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    folder = tmp_path / "rtl"
    emit(PLAN, GRAPH, folder)
    (folder / "mark").write_text("older")

    def fail(core: object) -> str:
        raise failure

    monkeypatch.setattr(emitting.core_record, "to_json", fail)
    expected = OutputError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        emit(PLAN, GRAPH, folder)
    if expected is OutputError:
        assert str(caught.value) == (
            f"{folder}: cannot be written: No space left on device\n"
            "    remedy: free disk space, or choose another folder with --out"
        )
    assert (folder / "mark").read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["rtl"]


def test_unwritable_place_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="cannot be written"):
        emit(PLAN, GRAPH, tmp_path / "file" / "rtl")


def test_plan_that_is_no_chain_is_refused_with_every_break(tmp_path: Path) -> None:
    stages = list(PLAN.stages)
    mvtu = next(i for i, stage in enumerate(stages) if stage.name == "fc1_mvtu")
    wider = dataclasses.replace(stages[mvtu].output, lanes=3)
    stages[mvtu] = dataclasses.replace(stages[mvtu], output=wider, name="fc1 mvtu")
    with pytest.raises(ModelError) as caught:
        emit(dataclasses.replace(PLAN, stages=tuple(stages[:-1])), GRAPH, tmp_path / "rtl")
    causes = [f"{fault.place}: {fault.cause}" for fault in caught.value.faults]
    assert causes == [
        "fc1 mvtu: is no identifier, so it cannot name a unit",
        "fc2_converter: reads lanes 2, but fc1 mvtu makes 3",
        "fc2_converter: reads beats_per_frame 3, but fc1 mvtu makes 2",
        "tiny: the plan does not end with a scores stage",
    ]
    assert not (tmp_path / "rtl").exists()


def test_all_layers_without_hardware_are_named_together(tmp_path: Path) -> None:
    def falling(name: str, channels: int) -> Threshold:
        return Threshold(np.zeros((channels, 1), np.int64), -np.ones(channels, np.int64))

    changed = {"conv1": falling("conv1", 6), "fc1": falling("fc1", 5)}
    nodes = [Node(n.name, changed.get(n.name, n.op), n.inputs) for n in GRAPH.nodes]
    graph = Graph("tiny", GRAPH.input, nodes, GRAPH.outputs)
    with pytest.raises(ModelError) as caught:
        emit(PLAN, graph, tmp_path / "rtl")
    assert [fault.place for fault in caught.value.faults] == ["conv1", "fc1"]
