"""Vivado and Vitis HLS: found, refused, and their reports read. The tools are scripts here."""

import pytest

from bnn_hw.errors import ConfigError, ToolError
from bnn_hw.finn import vivado
from tests.finn.conftest import script

TIMING = """
------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)
    -------      -------  ---------------------  -------------------      -------      -------
      0.417        0.000                      0                60318        0.015        0.000
"""
POWER = """
+--------------------------+--------------+
| Total On-Chip Power (W)  | 1.734        |
| FPGA Power Budget (W)    | Unspecified* |
| Dynamic (W)              | 1.590        |
"""


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A function that puts the two tools of the given releases on an otherwise empty PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "2022.2" / "bin"))
    monkeypatch.delenv("XILINX_VIVADO", raising=False)

    def put(**releases):
        for name, release in releases.items():
            script(tmp_path / "2022.2" / "bin" / name, f'print("{name} v{release} (64-bit)")')
        return tmp_path / "2022.2"

    return put


def test_both_tools_of_one_release_are_found(tools):
    root = tools(vivado="2022.2", vitis_hls="2022.2")
    assert vivado.is_installed()
    assert vivado.find_xilinx() == vivado.Xilinx(root, (2022, 2))


def test_missing_tools_are_named_together_with_what_is_possible_without(tools):
    tools()
    assert not vivado.is_installed()
    with pytest.raises(ToolError) as caught:
        vivado.find_xilinx()
    assert [fault.place for fault in caught.value.faults] == ["vivado", "vitis_hls"]
    assert caught.value.faults[0].cause == ("is not on PATH; FINN needs it for a stitched IP or a bit file")
    assert "stop at generated code: --finn-to code" in caught.value.faults[0].remedy


def test_releases_out_of_range_or_apart_are_refused(tools):
    tools(vivado="2019.1", vitis_hls="2022.2")
    with pytest.raises(ToolError, match=r"vivado is 2019\.1") as caught:
        vivado.find_xilinx()
    assert caught.value.faults[-1].cause == "are of different releases: vivado 2019.1 and vitis_hls 2022.2"


def test_a_folder_that_hides_its_release_is_refused(tools, tmp_path, monkeypatch):
    tools(vivado="2022.2", vitis_hls="2022.2")
    monkeypatch.setenv("XILINX_VIVADO", "/tools/vivado")
    with pytest.raises(ToolError, match=r"/tools/vivado does not name the release 2022\.2"):
        vivado.find_xilinx()


def test_boards_without_a_shell_in_finn_are_refused():
    assert vivado.finn_board("pynq-z1") == "Pynq-Z1"
    with pytest.raises(ConfigError, match=r"board zybo-z7-10: FINN has no shell for it") as caught:
        vivado.finn_board("zybo-z7-10")
    assert "--finn-to ip" in caught.value.faults[0].remedy


def test_finn_hlslib_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.delenv(vivado.DEPENDENCIES, raising=False)
    with pytest.raises(ToolError, match=r"finn-hlslib: is not in .*\n.*make finn-deps"):
        vivado.find_dependencies(tmp_path)
    (tmp_path / "finn-deps" / "finn-hlslib").mkdir(parents=True)
    assert vivado.find_dependencies(tmp_path) == tmp_path / "finn-deps"


def test_timing_and_power_reports():
    assert vivado.worst_slack_ns(TIMING) == 0.417
    assert vivado.worst_slack_ns(TIMING.replace("  0.417", " -1.25")) == -1.25
    assert vivado.power_w(POWER) == 1.734
    with pytest.raises(ToolError, match="has no WNS"):
        vivado.worst_slack_ns("no timing constraints")
    with pytest.raises(ToolError, match="has no total on-chip power"):
        vivado.power_w("")


def test_utilisation_is_the_top_row():
    rows = {
        "(top)": {"LUT": "23456", "SRL": "120", "FF": "31000", "BRAM_36K": "10", "BRAM_18K": "3", "DSP": "0"},
        "MVAU_hls_0": {"LUT": "900"},
    }
    assert vivado.implemented(rows) == {"lut": 23456, "ff": 31000, "bram36": 11.5, "dsp": 0}
    with pytest.raises(ToolError, match=r"has no row \(top\)"):
        vivado.implemented({})
