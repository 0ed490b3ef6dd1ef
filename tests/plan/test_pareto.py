"""The front against the planner's single goals, and its files."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bnn_hw.board import load_board
from bnn_hw.cli import main
from bnn_hw.design import load_design
from bnn_hw.pareto_marks import SYNTHESISED, marks
from bnn_hw.plan import make_plan
from bnn_hw.plan.budget import budget_of, parse_limits
from bnn_hw.plan.memory import LUT_PER_BRAM36
from bnn_hw.plan.pareto import CHEAPEST, WITHOUT_BRAM, _spread, front
from bnn_hw.plan.relax import LUT_PER_DSP
from tests.networks import NETWORKS, random_graph

BOARD = load_board("pynq-z1")
LIMIT = "lut=5000,bram36=4"
SLOWEST_FPS = 15_000


@pytest.fixture(scope="module")
def case():
    graph = random_graph(NETWORKS["ncnv"])
    budget = budget_of(BOARD.part, limits=parse_limits(LIMIT, BOARD.part))
    return graph, front(graph, budget, 100_000_000, 8, SLOWEST_FPS)


def test_the_cheapest_points_are_slower_and_cheaper_one_by_one(case):
    points = [point for point in case[1] if point.kind == CHEAPEST]
    assert 3 <= len(points) <= 8
    costs = [
        one.lut + LUT_PER_BRAM36 * one.bram36 + LUT_PER_DSP * one.dsp
        for one in (point.resources for point in points)
    ]
    cycles = [point.interval_cycles for point in points]
    assert cycles == sorted(set(cycles))
    assert costs == sorted(set(costs), reverse=True)
    assert all(point.resources.lut <= 5000 and point.resources.bram36 <= 4 for point in points)


def test_no_point_is_as_fast_as_another_with_less_of_everything(case):
    _, points = case
    kinds = {point.kind for point in points}
    assert kinds == {CHEAPEST, WITHOUT_BRAM}
    assert all(point.resources.bram36 == 0 for point in points if point.kind == WITHOUT_BRAM)
    for one in points:
        for other in points:
            if one is not other:
                mine = (one.interval_cycles, one.resources.lut, one.resources.bram36, one.resources.dsp)
                theirs = (
                    other.interval_cycles, other.resources.lut, other.resources.bram36, other.resources.dsp
                )  # fmt: skip
                assert any(a > b for a, b in zip(theirs, mine, strict=True)), (one, other)


def test_the_front_ends_near_the_slowest_rate_asked_for(case):
    rates = sorted(point.fps for point in case[1])
    assert SLOWEST_FPS / 1.5 <= rates[0] <= SLOWEST_FPS * 1.5


def test_points_are_those_of_the_goals(case):
    graph, points = case
    fastest = make_plan(graph, BOARD, "high-throughput", limit=LIMIT)
    assert points[0].interval_cycles == fastest.interval_cycles
    cheapest = [point for point in points if point.kind == CHEAPEST]
    some = cheapest[len(cheapest) // 2]
    plan = make_plan(graph, BOARD, f"fps={1e8 / (some.interval_cycles + 0.5)}", limit=LIMIT)
    assert plan.resources == some.resources


def test_spread_keeps_both_ends():
    values = list(range(10, 1000))
    chosen = _spread(values, 5)
    assert chosen[0] == 10
    assert chosen[-1] == 999
    assert len(chosen) == 5
    assert _spread([1, 2], 5) == [1, 2]


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def front_of_ucnv(tmp_path_factory):
    out = tmp_path_factory.mktemp("pareto")
    command = ["pareto", "ucnv", "--board", "pynq-z1", "--points", 3, "--limit", "lut=3000", "--out", out]
    return command, invoke(*command, "--quiet"), out / "ucnv" / "pynq-z1" / "pareto"


def test_command_writes_table_picture_and_foldings(front_of_ucnv):
    _, result, folder = front_of_ucnv
    assert result.exit_code == 0, result.output
    for text in (
        "resources of the core predicted, energy an estimate",
        "BinaryCoP (Fasfous et al., 2021), Table II",
        "FINN, SetFolding for 3,087",
        "estimated by FINN's formulas",
        "--goal folding=",
    ):
        assert text in " ".join(result.output.replace("│", " ").split()), text
    record = json.loads((folder / "pareto.json").read_text())
    numbers = [point["number"] for point in record["points"]]
    assert numbers == list(range(1, len(numbers) + 1))
    files = {"stamp.json", "pareto.json", "pareto.png", *(f"point_{n}.json" for n in numbers)}
    assert {path.name for path in folder.iterdir()} == files
    assert (folder / "pareto.png").read_bytes().startswith(b"\x89PNG")
    assert record["points"][-1]["fps"] < 2 * 1_646  # about as slow as the paper's
    last = record["points"][-1]
    plan = make_plan(random_graph(NETWORKS["ucnv"]), BOARD, f"folding={folder}/point_{last['number']}.json")
    assert plan.interval_cycles == last["interval_cycles"]


def test_a_point_is_chosen_from_the_stored_front(front_of_ucnv, tmp_path):
    command, _, folder = front_of_ucnv
    record = json.loads((folder / "pareto.json").read_text())
    before = (folder / "stamp.json").stat().st_mtime_ns
    target = tmp_path / "new" / "folding.json"
    result = invoke(*command, "--point", 2, "--to", target, "--json", "--quiet")
    assert result.exit_code == 0, result.output
    point = json.loads(result.stdout)
    assert point["build"] == f"bnn-hw build ucnv --board pynq-z1 --goal folding={target}"
    assert target.read_text() == (folder / "point_2.json").read_text()
    assert point["interval_cycles"] == record["points"][1]["interval_cycles"]
    assert (folder / "stamp.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("arguments", [["--point", 99], ["--point", 0]])
def test_a_point_that_is_not_there(front_of_ucnv, arguments):
    result = invoke(*front_of_ucnv[0], *arguments, "--quiet")
    assert result.exit_code == 2
    assert f"--point: is {arguments[1]}" in result.output
    assert "give a number from 1 to" in result.output


def test_to_needs_a_point(front_of_ucnv, tmp_path):
    result = invoke(*front_of_ucnv[0], "--to", tmp_path / "folding.json", "--quiet")
    assert result.exit_code == 2
    assert "--point: is not given" in result.output
    assert not (tmp_path / "folding.json").exists()


def test_marks_of_builds_and_finn_runs(tmp_path):
    design = replace(load_design("ncnv"), published=None, compared=())
    root = tmp_path / "ncnv" / "pynq-z1"
    finn = {"folding": "SetFolding at 12346 fps", "clock_hz": 10**8, "estimate": {
        "fps": 13484.0, "lut": 13461.0, "bram36": 14.0, "dsp": 0.0}}  # fmt: skip
    used = {"total": {"lut_sites": 3926, "bram36": 3, "dsp": 0}}
    for place, record in {
        "folding-table1/finn-auto/finn.json": finn,
        "folding-table1/finn/finn.json": {**finn, "folding": "plan", "clock_hz": 5 * 10**7},
        "folding-table1/synth/utilisation.json": used,
        "folding-table1/plan/plan.json": {"clock_hz": 10**8, "fps": 12345.7},
        "fps-9/synth/utilisation.json": used,  # without its plan: half a build
    }.items():
        path = root / place
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(record))
    found = {mark.group: mark for mark in marks(design, BOARD, 10**8, tmp_path)}
    assert found.keys() == {"FINN, SetFolding", SYNTHESISED}
    assert (found[SYNTHESISED].fps, found[SYNTHESISED].lut) == (12345.7, 3926)
    assert found["FINN, SetFolding"].origin == "estimated by FINN's formulas"


def test_published_rates_follow_the_clock():
    design = load_design("ncnv")
    mark = marks(design, BOARD, 50_000_000, Path("absent"))[0]
    assert mark.fps == 6460 / 2
    assert mark.board_uj == pytest.approx((2.122 - 1.65) / 6460 * 1e6)
