"""The benchmark of place and route: its table from records, and the real tools where they are installed."""

from __future__ import annotations

import json
import os

import pytest

from benchmarks import route
from bnn_hw.board import load_board
from bnn_hw.runtime.bitheader import read_bit_header
from tests.synth import recorded

ALL = "BNN_HW_ROUTE_ALL"


def result(**changes):
    made = {
        "fmax_hz": 119_950_000.0,
        "clock_hz": 100_000_000,
        "resources": {"lut": 4517, "ff": 3800, "bram36": 4.5, "dsp": 0},
        "part": {"resources": {"lut": 17600, "ff": 35200, "bram36": 60, "dsp": 80}},
        "seconds": {"synthesis": 37.7, "place and route": 94.0, "place and route, processor": 93.8},
        "peak_bytes": {"place and route": 620_000_000},
    }
    point = {"design": "ucnv", "board": "zybo-z7-10", "goal": "folding=table1", "failed": ""}
    return {**point, "route": made, "bitstream": {"readback": {"features": 140513}}, **changes}


def test_table_has_every_figure_of_a_point():
    rows = route.markdown([result()]).splitlines()
    assert rows[0].split(" | ")[3:5] == ["Fmax", "asked"]
    assert rows[2] == (
        "| ucnv | zybo-z7-10 | folding=table1 | 119.9 MHz | 100 MHz | 4,517 (26%) | 3,800 (11%) | 4.5 (8%) | "
        "0 (0%) | 94 s | 0.6 GB | 140,513 features equal |"
    ).replace("119.9", f"{119.95:.1f}")


def test_table_says_what_is_missing():
    failed = result(failed="nextpnr-xilinx reached 97.4 MHz")
    assert route.markdown([failed]).splitlines()[2].endswith("| nextpnr-xilinx reached 97.4 MHz |")
    nothing = {key: value for key, value in failed.items() if key not in ("route", "bitstream")}
    assert route.cells(nothing)[3:] == [""] * 8 + ["nextpnr-xilinx reached 97.4 MHz"]
    assert route.cells(result(bitstream={"readback": None}))[-1] == "not read back"


def test_points_are_chosen_by_name_and_unknown_ones_suggested(capsys):
    assert [point.name for point in route.choose([])][:2] == ["ucnv-zybo-z7-10", "ucnv-pynq-z1"]
    assert route.choose(["ncnv-pynq-z1-97656"])[0].goal == "fps=97656"
    assert route.main(["ucnv-zybo-z7"]) != 0
    assert "ucnv-zybo-z7-10" in capsys.readouterr().err


def test_show_runs_nothing(tmp_path, capsys):
    assert route.main(["ucnv-zybo-z7-10", "--show", "--out", str(tmp_path)]) == 1
    assert "not run" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["route"]
    record = json.loads((tmp_path / "route" / "route.json").read_text())
    assert record["points"][0]["failed"] == "not run"


@pytest.mark.parametrize("point", route.POINTS, ids=lambda point: point.name)
def test_network_with_its_shell_is_routed_at_100_mhz_and_reads_back(tmp_path, point, capsys):
    """The whole open flow with the real tools: minutes for u-CNV, up to an hour for CNV."""
    pytest.importorskip("pyosys", reason="needs Yosys: pip install pyosys")
    board = load_board(point.board)
    recorded.open_flow(board.device)
    if point.name != "ucnv-zybo-z7-10" and not os.environ.get(ALL):
        pytest.skip(f"takes long: set {ALL}=1, or run make route")
    assert route.main([point.name, "--out", str(tmp_path), "--quiet"]) == 0
    with capsys.disabled():
        print("\n" + (tmp_path / "route" / "table.md").read_text())
    made = json.loads((tmp_path / "route" / "route.json").read_text())["points"][0]
    assert made["route"]["fmax_hz"] >= 100e6
    back = made["bitstream"]["readback"]
    assert back["features"] == back["decoded"] + back["pseudo"] + back["defaults"]
    assert back["blocks"] >= made["route"]["resources"]["bram36"]
    shell = json.loads(next(tmp_path.rglob("soc/soc/shell.json")).read_text())
    header = read_bit_header(next(tmp_path.rglob("bitstream/*.bit")))
    assert board.device.startswith("xc" + header.part)
    assert header.build() == shell["digest"]
