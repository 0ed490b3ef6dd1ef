"""FINN's folding configuration: names, the round trip, and what is refused."""

import json

import pytest

from bnn_hw.board import load_board
from bnn_hw.design import load_design
from bnn_hw.errors import FoldingError, OutputError
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.plan import make_plan
from bnn_hw.plan.export import export_folding, folding_of
from bnn_hw.plan.finn import finn_text, parse_finn
from bnn_hw.plan.folding import LayerFolding, read_folding
from tests.networks import NETWORKS, random_graph

BOARD = load_board("pynq-z1")


@pytest.fixture(scope="module")
def graph():
    return random_graph(NETWORKS["ncnv"])


@pytest.fixture(scope="module")
def chain(graph):
    return as_chain(graph)


@pytest.fixture(scope="module")
def plan(graph):
    return make_plan(graph, BOARD, "folding=table1", load_design("ncnv"))


def test_nodes_are_numbered_as_finn_does(chain, plan):
    """Windows of pools count among those of convolutions: pool1 stands behind two, pool2 behind two more."""
    record = json.loads(finn_text(chain, folding_of(plan)))
    assert record["Defaults"] == {}
    assert [name for name in record if name.startswith("MVAU")] == [f"MVAU_hls_{i}" for i in range(9)]
    windows = [name for name in record if name.startswith("Conv")]
    assert windows == [f"ConvolutionInputGenerator_rtl_{i}" for i in range(8)]
    assert record["ConvolutionInputGenerator_rtl_2"] == {"SIMD": 16}
    assert record["Pool_hls_0"] == {"PE": 16}
    assert record["MVAU_hls_3"]["PE"] == 16
    assert record["MVAU_hls_3"]["SIMD"] == 32
    assert record["MVAU_hls_5"]["ram_style"] == "block"


def test_round_trip(chain, plan, tmp_path):
    folding = folding_of(plan)
    assert parse_finn(finn_text(chain, folding), chain, "x") == folding


def test_whole_window_is_a_parallel_window(chain, plan):
    folding = {**folding_of(plan), "conv1_2": LayerFolding(8, 144, "logic")}
    record = json.loads(finn_text(chain, folding))
    assert record["ConvolutionInputGenerator_rtl_1"] == {"SIMD": 16, "parallel_window": 1}
    assert record["MVAU_hls_1"]["SIMD"] == 144


def test_pe_that_does_not_divide_is_refused(chain, plan):
    folding = {**folding_of(plan), "conv2_2": LayerFolding(11, 32), "fc1": LayerFolding(3, 4)}
    with pytest.raises(FoldingError) as caught:
        finn_text(chain, folding)
    assert [fault.place for fault in caught.value.faults] == ["layer conv2_2", "layer fc1"]
    assert str(caught.value.faults[0]) == (
        "layer conv2_2: PE is 11, which does not divide the 32 neurons; FINN needs that\n"
        "    remedy: give a folding with PE 8 or 16 there"
    )


def test_what_finn_accepts_in_silence_is_refused(chain, plan):
    record = json.loads(finn_text(chain, folding_of(plan)))
    record["MVAU_hls_0"]["SIMD"] = 5
    record["MVAU_hls_1"]["PE"] = "16"
    record["MVAU_hls_12"] = {"PE": 1}
    record["MVAU_hls_2"]["ram_style"] = "ultra"
    del record["MVAU_hls_8"]
    with pytest.raises(FoldingError) as caught:
        parse_finn(json.dumps(record), chain, "f.json")
    text = str(caught.value)
    assert "f.json, MVAU_hls_12: the network has no such node\n    remedy: did you mean MVAU_hls_" in text
    assert "f.json, MVAU_hls_1 (layer conv1_2): PE is '16', not a whole number" in text
    assert "f.json, MVAU_hls_2 (layer conv2_1): ram_style is 'ultra'" in text
    assert "f.json, MVAU_hls_8 (layer fc3): is missing" in text
    for name in ("MVAU_hls_12", "MVAU_hls_1"):
        record.pop(name)
    record |= {"MVAU_hls_1": {"PE": 1, "SIMD": 1}, "MVAU_hls_8": {"PE": 1, "SIMD": 1}}
    record["MVAU_hls_2"]["ram_style"] = "auto"
    with pytest.raises(FoldingError, match="layer conv1_1: SIMD is 5, which does not divide the 3 channels"):
        parse_finn(json.dumps(record), chain, "f.json")


@pytest.mark.parametrize("finn", [False, True])
def test_exported_files_are_goals(graph, chain, plan, tmp_path, finn):
    path = tmp_path / "folding.json"
    export_folding(plan, graph, path, finn)
    again = make_plan(graph, BOARD, f"folding={path}")
    assert again.layers == plan.layers
    assert finn or read_folding(path, chain) == folding_of(plan)
    with pytest.raises(OutputError, match="cannot be written"):
        export_folding(plan, graph, tmp_path / "no" / "folding.json", finn)
