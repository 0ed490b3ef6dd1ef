"""Budgets: shares of a part and explicit limits, from the command line's text to the plan."""

import contextlib

import pytest
from click.testing import CliRunner

from bnn_hw.board import load_board
from bnn_hw.cli import main
from bnn_hw.errors import ConfigError, FitError
from bnn_hw.pipeline import record
from bnn_hw.pipeline.record import Resources
from bnn_hw.plan import make_plan
from bnn_hw.plan.budget import SHELL, UTILISATION, Budget, budget_of, parse_limits
from bnn_hw.plan.export import folding_of
from bnn_hw.plan.folding import write_folding
from tests.networks import NETWORKS, random_graph

BOARD = load_board("pynq-z1")
PART = BOARD.part


def test_share_of_a_part_less_the_shell():
    budget = budget_of(PART)
    assert budget.limit.lut == pytest.approx(UTILISATION * 53200 - SHELL.lut)
    assert budget.limit.bram36 == int(2 * (UTILISATION * 140 - SHELL.bram36)) / 2
    assert budget.text == "85% of xc7z020 less the shell"


def test_limits_replace_what_they_name():
    limits = parse_limits("lut=26060, bram36=124,dsp=0", PART)
    assert limits == {"lut": 26060, "bram36": 124, "dsp": 0}
    budget = budget_of(PART, 0.5, limits=limits)
    assert (budget.limit.lut, budget.limit.bram36, budget.limit.dsp) == (26060, 124, 0)
    assert budget.limit.ff == 0.5 * 106400 - SHELL.ff
    assert budget.text == ("limits 26,060 LUT, 124.0 BRAM36, 0 DSP, else 50% of xc7z020 less the shell")
    assert parse_limits(None, PART) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "limit: '' is no resource\n    remedy: known: bram36, dsp, ff, lut"),
        ("luts=3", "limit luts=3: 'luts' is no resource\n    remedy: did you mean lut?"),
        ("lut", "limit lut: '' is no number\n    remedy: give a number from 1 to 53,200 (xc7z020)"),
        ("lut=many", "limit lut=many: 'many' is no number"),
        ("lut=0", "limit lut=0: leaves 0 LUT, with which nothing can be built"),
        ("lut=nan", "limit lut=nan: leaves nan LUT"),
        ("bram36=-1", "limit bram36=-1: leaves -1 BRAM36"),
        ("dsp=221", "limit dsp=221: exceeds the 220 DSP of xc7z020\n    remedy: give a number from 0 to 220"),
        ("lut=1,lut=2", "limit lut=2: is the second one for this resource"),
    ],
)
def test_wrong_limits(text, message):
    with pytest.raises(ConfigError) as caught:
        parse_limits(text, PART)
    assert message in str(caught.value)


def test_wrong_limits_are_told_together():
    with pytest.raises(ConfigError) as caught:
        parse_limits("lut=0,sites=4,dsp=1000", PART)
    assert [fault.place for fault in caught.value.faults] == [
        "limit lut=0",
        "limit sites=4",
        "limit dsp=1000",
    ]


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, float("nan")])
def test_wrong_utilisation(share):
    with pytest.raises(ConfigError, match=r"utilisation \S+: is no share of a part"):
        budget_of(PART, share)


@pytest.fixture(scope="module")
def graph():
    return random_graph(NETWORKS["ncnv"])


def test_plan_keeps_to_the_limits_and_records_them(graph):
    plan = make_plan(graph, BOARD, "high-throughput", limit="lut=4000,bram36=1")
    assert plan.resources.lut <= 4000
    assert plan.resources.bram36 <= 1
    assert plan.limit.lut == 4000
    assert plan.budget.startswith("limits 4,000 LUT, 1.0 BRAM36")
    assert record.from_json(record.to_json(plan)) == plan
    without = make_plan(graph, BOARD, "high-throughput", limit="lut=4000,bram36=0")
    assert without.resources.bram36 == 0
    assert without.interval_cycles >= plan.interval_cycles


def test_more_of_the_part_is_never_slower(graph):
    small, large = (make_plan(graph, BOARD, "high-throughput", utilisation=share) for share in (0.1, 0.2))
    assert small.resources.lut <= 0.1 * 53200 - SHELL.lut
    assert large.interval_cycles < small.interval_cycles


def test_goal_beyond_the_limits_names_them(graph):
    with pytest.raises(FitError) as caught:
        make_plan(graph, BOARD, "fps=97656", limit="lut=3000")
    assert "(limits 3,000 LUT, else 85% of xc7z020 less the shell)" in str(caught.value)


def test_command_line_refuses_before_anything_is_written(tmp_path):
    arguments = ["plan", "ncnv", "--board", "pynq-z1", "--goal", "high-throughput", "--out", str(tmp_path)]
    result = CliRunner().invoke(main, [*arguments, "--limit", "lut=0", "--quiet"])
    assert result.exit_code == 5
    assert "limit lut=0" in result.output
    result = CliRunner().invoke(main, [*arguments, "--utilisation", "2", "--quiet"])
    assert result.exit_code == 5
    assert not list(tmp_path.iterdir())


def test_what_a_part_of_the_core_takes_is_left_out() -> None:
    budget = Budget(Resources(lut=1000, ff=2000, bram36=3, dsp=4), "test", 7)
    left = budget.less(Resources(lut=66, ff=160))
    assert left == Budget(Resources(lut=934, ff=1840, bram36=3, dsp=4), "test", 7)
    assert budget.less(Resources(lut=2000)).limit.lut == 0


def test_runtime_weights_keep_to_the_limit_with_their_port() -> None:
    graph = random_graph(NETWORKS["ucnv"])
    free = make_plan(graph, BOARD, "fps=1000", runtime_weights=True)
    limit = f"lut={free.resources.lut:.0f}"
    assert make_plan(graph, BOARD, "fps=1000", runtime_weights=True, limit=limit).resources == free.resources
    tight = f"lut={free.resources.lut - 1:.0f}"
    with contextlib.suppress(FitError):
        found = make_plan(graph, BOARD, "fps=1000", runtime_weights=True, limit=tight)
        assert found.resources.lut < free.resources.lut


def test_a_given_folding_is_held_to_the_limit_with_its_port(tmp_path) -> None:
    graph, path = random_graph(NETWORKS["ucnv"]), tmp_path / "folding.json"
    write_folding(path, folding_of(make_plan(graph, BOARD, "fps=1000", runtime_weights=True)))
    goal = f"folding={path}"
    whole = make_plan(graph, BOARD, goal).resources.lut
    assert make_plan(graph, BOARD, goal, limit=f"lut={whole:.0f}").resources.lut == whole
    with pytest.raises(FitError, match="the design needs"):
        make_plan(graph, BOARD, goal, limit=f"lut={whole - 1:.0f}")
