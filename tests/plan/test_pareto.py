"""The front against the planner's single goals, and its files."""

import json

import pytest
from click.testing import CliRunner

from bnn_hw.board import load_board
from bnn_hw.cli import main
from bnn_hw.plan import make_plan
from bnn_hw.plan.budget import budget_of, parse_limits
from bnn_hw.plan.memory import LUT_PER_BRAM36
from bnn_hw.plan.pareto import _spread, front
from tests.networks import NETWORKS, random_graph

BOARD = load_board("pynq-z1")
LIMIT = "lut=5000,bram36=4"


@pytest.fixture(scope="module")
def case():
    graph = random_graph(NETWORKS["ncnv"])
    budget = budget_of(BOARD.part, limits=parse_limits(LIMIT, BOARD.part))
    return graph, front(graph, budget, 100_000_000, 8)


def test_every_point_is_slower_and_cheaper_than_the_one_before(case):
    _, points = case
    assert 3 <= len(points) <= 8
    costs = [point.resources.lut + LUT_PER_BRAM36 * point.resources.bram36 for point in points]
    cycles = [point.interval_cycles for point in points]
    assert cycles == sorted(set(cycles))
    assert costs == sorted(set(costs), reverse=True)
    assert all(point.resources.lut <= 5000 and point.resources.bram36 <= 4 for point in points)


def test_points_are_those_of_the_goals(case):
    graph, points = case
    fastest = make_plan(graph, BOARD, "high-throughput", limit=LIMIT)
    assert points[0].interval_cycles == fastest.interval_cycles
    some = points[len(points) // 2]
    plan = make_plan(graph, BOARD, f"fps={1e8 / (some.interval_cycles + 0.5)}", limit=LIMIT)
    assert plan.resources == some.resources


def test_spread_keeps_both_ends():
    values = list(range(10, 1000))
    chosen = _spread(values, 5)
    assert chosen[0] == 10
    assert chosen[-1] == 999
    assert len(chosen) == 5
    assert _spread([1, 2], 5) == [1, 2]


def test_command_writes_table_picture_and_foldings(tmp_path):
    arguments = ["pareto", "ucnv", "--board", "pynq-z1", "--points", "3", "--limit", "lut=3000"]
    result = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path), "--quiet"])
    assert result.exit_code == 0, result.output
    assert "resources predicted, energy an estimate" in result.output
    folder = tmp_path / "ucnv" / "pynq-z1" / "pareto"
    record = json.loads((folder / "pareto.json").read_text())
    cycles = [point["interval_cycles"] for point in record["points"]]
    assert {path.name for path in folder.iterdir()} == {
        "pareto.json", "pareto.png", *(f"folding_{n}.json" for n in cycles),
    }  # fmt: skip
    assert (folder / "pareto.png").read_bytes().startswith(b"\x89PNG")
    plan = make_plan(random_graph(NETWORKS["ucnv"]), BOARD, f"folding={folder}/folding_{cycles[-1]}.json")
    assert plan.interval_cycles == cycles[-1]
