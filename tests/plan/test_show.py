import io

import pytest
from rich.console import Console

from bnn_hw.board import load_board
from bnn_hw.errors import FoldingError
from bnn_hw.plan import plan_folding
from bnn_hw.plan.folding import LayerFolding
from bnn_hw.plan.show import plan_tables
from tests.networks import ConvSpec, DenseSpec, random_graph

GRAPH = random_graph((ConvSpec("conv", 4), DenseSpec("fc", 3)), (8, 8, 2), name="tiny")


def render(plan, board):
    text = io.StringIO()
    console = Console(file=text, width=140)
    for table in plan_tables(plan, board):
        console.print(table)
    return text.getvalue()


def row(text, name):
    return [
        cell.strip()
        for cell in next(line for line in text.splitlines() if f" {name} " in line).split("│")[1:-1]
    ]


def test_tables_tell_folding_cycles_share_and_that_resources_are_predicted():
    board = load_board("pynq-z1")
    folding = {"conv": LayerFolding(4, 18), "fc": LayerFolding(1, 8, "block")}
    plan = plan_folding(GRAPH, board, folding)
    text = render(plan, board)
    assert "tiny on pynq-z1, goal folding=manual, structural arithmetic" in text
    # 36 windows and 28 pixels that complete none; 3 neurons of 144 / 8 words
    assert row(text, "conv")[:8] == ["conv", "4", "18", "4", "18", "constants", "64", "100%"]
    assert row(text, "fc")[:8] == ["fc", "3", "144", "1", "8", "BRAM", "54", "84%"]
    assert row(text, "frames a second") == ["frames a second", "1,562,500 at 100 MHz"]
    assert "core (predicted by the cost law)" in text
    assert row(text, "LUT sites")[2] == "53,200"
    assert row(text.partition("core (predicted")[2], "BRAM36")[1] == "0.5"
    assert "synthesised cores that the law was not fitted to" in " ".join(text.split())
    assert sum(layer.resources.lut for layer in plan.layers) == plan.resources.lut


def test_any_folding_can_be_planned_but_only_a_legal_one():
    board = load_board("zybo-z7-10")
    with pytest.raises(FoldingError, match="layer fc: SIMD is 7"):
        plan_folding(GRAPH, board, {"conv": LayerFolding(4, 18), "fc": LayerFolding(1, 7)})
    slow = {"conv": LayerFolding(1, 1), "fc": LayerFolding(1, 1)}
    plan = plan_folding(GRAPH, board, slow, "slow", clock_hz=50_000_000)
    assert (plan.goal, plan.clock_hz, plan.part) == ("folding=slow", 50_000_000, "xc7z010")
    assert plan.interval_cycles == 36 * 4 * 18
