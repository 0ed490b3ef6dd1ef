"""The mapped netlist of a small network against its RTL, and every kind of difference found."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from bnn_hw.errors import MismatchError, ToolError
from bnn_hw.pipeline.core import Core
from bnn_hw.pipeline.record import Plan, Resources
from bnn_hw.rtl.emit import emit
from bnn_hw.sim import netlist as netlists
from bnn_hw.sim.build import build
from bnn_hw.sim.compare import ValueMismatchError
from bnn_hw.sim.run import SimulationRun, simulate
from bnn_hw.sim.verify import random_images
from tests.networks import ConvSpec, DenseSpec, PoolSpec, random_graph
from tests.plans import make_plan

pytest.importorskip("pyosys", reason="needs Yosys: pip install pyosys")

from bnn_hw.synth.utilisation import Reference
from bnn_hw.synth.yosys import synthesise

PART = Reference("xc7z010", Resources(17600, 35200, 60, 80))
# PE that does not divide the neurons, so that beats have lanes without a value.
CHAIN = (ConvSpec("conv1", 5), PoolSpec("pool1"), DenseSpec("fc1", 3))
FOLDING = {"conv1": (2, 3), "fc1": (2, 5)}
GRAPH = random_graph(CHAIN, (6, 6, 3))
IMAGES = random_images(GRAPH, 3)


@dataclasses.dataclass(frozen=True)
class Mapped:
    plan: Plan
    rtl: Core
    netlist: Path
    report: netlists.NetlistReport


@pytest.fixture(scope="module")
def mapped(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapped:
    folder = tmp_path_factory.mktemp("netlist")
    plan = make_plan(GRAPH, FOLDING)
    rtl = emit(plan, GRAPH, folder / "rtl")
    synthesise(folder / "rtl", rtl.top, folder / "synth", PART)
    path = folder / "synth" / "netlist.v"
    report = netlists.verify_netlist(folder / "rtl", path, plan, IMAGES, cache=cache, out=folder / "core")
    return Mapped(plan, rtl, path, report)


@pytest.fixture(scope="module")
def run(mapped: Mapped, cache: Path) -> SimulationRun:
    """The RTL's own run, which the tests damage."""
    return simulate(build(mapped.rtl, cache), IMAGES, record=[stage.name for stage in mapped.rtl.stages])


def test_netlist_equals_the_rtl(mapped: Mapped) -> None:
    report = mapped.report
    assert [run.name for run in report.runs] == ["full speed", "random pauses, seed 1"]
    assert report.frames == 3
    assert [run.words for run in report.runs] == [3 * 4, 3 * 4]
    assert report.runs[1].cycles > report.runs[0].cycles
    # Boundaries between stages are kept, so every stream is compared.
    assert list(report.streams) == [stage.name for stage in mapped.rtl.stages]
    assert report.cells["FDRE"] > 100
    assert sum(report.cells[f"LUT{n}"] for n in range(1, 7) if f"LUT{n}" in report.cells) > 100
    assert json.loads(netlists.to_json(report))["equal"] is True


def test_netlist_with_dsp_slices_equals_the_rtl(cache: Path, tmp_path: Path) -> None:
    folding = {"conv1": (5, 27), "fc1": (2, 5)}
    plan = make_plan(GRAPH, folding, dsp={"conv1": ("accumulate",), "fc1": ("accumulate", "match")})
    rtl = emit(plan, GRAPH, tmp_path / "rtl")
    synthesise(tmp_path / "rtl", rtl.top, tmp_path / "synth", PART)
    report = netlists.verify_netlist(
        tmp_path / "rtl", tmp_path / "synth" / "netlist.v", plan, IMAGES, cache=cache, out=tmp_path / "core"
    )
    # Three pairs for the last sums of five neurons, one of four accumulators, one of 48 comparisons.
    assert report.cells["DSP48E1"] == 6 + 1 + 1
    assert [run.words for run in report.runs] == [3 * 4, 3 * 4]


def test_swapped_wires_are_found_where_they_are(mapped: Mapped, cache: Path, tmp_path: Path) -> None:
    swapped = "{conv1_mvtu_data[0], conv1_mvtu_data[1]}"
    text = mapped.netlist.read_text().replace(".out_data(conv1_mvtu_data)", f".out_data({swapped})")
    assert swapped in text
    (tmp_path / "netlist.v").write_text(text)
    with pytest.raises(ValueMismatchError) as caught:
        netlists.verify_netlist(mapped.rtl.folder, tmp_path / "netlist.v", mapped.plan, IMAGES, cache=cache)
    assert caught.value.mismatch.stage == "conv1_mvtu"
    assert "netlist, full speed" in caught.value.faults[0].cause


def damaged(array: np.ndarray, place: tuple[int, ...], value: int) -> np.ndarray:
    copy = array.copy()
    copy[place] = value
    return copy


def test_equal_runs_are_equal(mapped: Mapped, run: SimulationRun) -> None:
    assert netlists.check_equal(mapped.rtl, run, run, "again") > 36


def test_word_that_comes_a_cycle_late_is_found(mapped: Mapped, run: SimulationRun) -> None:
    late = dataclasses.replace(run, cycles=damaged(run.cycles, (4,), run.cycles[4] + 1))
    with pytest.raises(MismatchError) as caught:
        netlists.check_equal(mapped.rtl, run, late, "full speed")
    assert caught.value.faults[0].cause == (
        f"full speed: cycles of the output words: number 4 is {run.cycles[4] + 1}, "
        f"in the RTL {run.cycles[4]}; 1 of 12 differ"
    )


def test_wrong_value_between_stages_is_named(mapped: Mapped, run: SimulationRun) -> None:
    stream = run.streams["conv1_mvtu"]
    # 16 pixels of 5 channels in 3 beats; the second frame's third pixel, channel 3
    beat, lane = (16 + 2) * 3 + 1, 1
    wrong = {**run.streams, "conv1_mvtu": damaged(stream, (beat, lane), -stream[beat, lane])}
    with pytest.raises(ValueMismatchError) as caught:
        netlists.check_equal(mapped.rtl, run, dataclasses.replace(run, streams=wrong), "full speed")
    found = caught.value.mismatch
    assert (found.layer, found.stage, found.x, found.channel) == ("conv1", "conv1_mvtu", 18, 3)
    assert (found.expected, found.got) == (stream[beat, lane], -stream[beat, lane])


def test_lane_without_a_channel_may_carry_anything(mapped: Mapped, run: SimulationRun) -> None:
    stream = run.streams["conv1_mvtu"]
    other = {**run.streams, "conv1_mvtu": damaged(stream, (2, 1), -stream[2, 1])}
    netlists.check_equal(mapped.rtl, run, dataclasses.replace(run, streams=other), "full speed")


def test_missing_word_and_stuck_netlist_are_found(mapped: Mapped, run: SimulationRun) -> None:
    short = dataclasses.replace(run, words=run.words[:-1])
    with pytest.raises(MismatchError, match="11 output words, the RTL has 12"):
        netlists.check_equal(mapped.rtl, run, short, "full speed")
    stuck = dataclasses.replace(run, finished=False)
    with pytest.raises(MismatchError, match="the RTL comes to its end, here input"):
        netlists.check_equal(mapped.rtl, run, stuck, "full speed")


def test_stream_that_waits_more_often_is_found(mapped: Mapped, run: SimulationRun) -> None:
    first, *rest = run.channels
    slower = dataclasses.replace(run, channels=(dataclasses.replace(first, starved=first.starved + 1), *rest))
    with pytest.raises(MismatchError, match=f"{first.name}: full speed: the RTL says"):
        netlists.check_equal(mapped.rtl, run, slower, "full speed")


def test_wires_that_synthesis_cut_are_not_compared(mapped: Mapped) -> None:
    text = mapped.netlist.read_text()
    width = mapped.rtl.stage("conv1_mvtu").output.width_bits
    cut = text.replace(f"wire [{width - 1}:0] conv1_mvtu_data;", "wire [0:0] conv1_mvtu_data;")
    names = {stage.name for stage in netlists.surviving(cut, mapped.rtl.top, mapped.rtl.stages)}
    assert names == {stage.name for stage in mapped.rtl.stages} - {"conv1_mvtu"}


def test_cell_without_a_model_and_missing_netlist_are_typed_errors(mapped: Mapped, tmp_path: Path) -> None:
    (tmp_path / "odd.v").write_text(
        "module bnn_core (a);\n  input a;\n  GTXE2_CHANNEL u (\n  );\nendmodule\n"
    )
    with pytest.raises(ToolError, match="has no model of GTXE2_CHANNEL"):
        netlists.netlist_core(mapped.rtl, tmp_path / "odd.v", tmp_path / "core")
    assert not (tmp_path / "core").exists()
    with pytest.raises(ToolError, match="cannot be read"):
        netlists.netlist_core(mapped.rtl, tmp_path / "none.v", tmp_path / "core")


def test_cells_are_found_whatever_their_names() -> None:
    text = (
        "module bnn_core (a);\n"
        "  LUT2 #(\n    .INIT(4'h6)\n  ) plain (\n  );\n"
        "  MUXF7 \\g_column[0].g_f7.u_mux  (\n  );\n"
        "  CARRY4 c0 (\n  );\n"
        "endmodule\n"
    )
    assert netlists.used_cells(text) == {"CARRY4": 1, "LUT2": 1, "MUXF7": 1}
