"""The commands: what they refuse before any work starts."""

import json

import pytest
from click.testing import CliRunner

from bnn_hw.cli import main
from bnn_hw.finn import vivado
from bnn_hw.finn.environment import VARIABLE
from bnn_hw.finn_flow import FinnOptions, FinnSteps
from bnn_hw.flow import Flow, Options
from tests.finn import mock_tools

BUILD = ["build", "ncnv", "--board", "pynq-z1", "--goal", "folding=table1", "--backend", "finn"]


def call(arguments, out):
    return CliRunner().invoke(main, [*arguments, "--out", str(out)])


@pytest.mark.parametrize("command", [BUILD, ["compare", *BUILD[1:6]]])
def test_without_finn_nothing_starts(command, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    result = call(command, tmp_path / "out")
    assert result.exit_code == 7
    assert "FINN: has no environment" in result.stderr
    assert "make finn-env" in result.stderr
    assert not (tmp_path / "out").exists()


def test_another_version_of_finn_is_refused(fake, tmp_path):
    fake(versions={"finn-plus": "2.0.0"})
    result = call(BUILD, tmp_path / "out")
    assert result.exit_code == 7
    assert "finn-plus: is 2.0.0 in" in result.stderr


def test_a_bit_file_needs_vivado_and_a_shell_for_the_board(fake, tmp_path, monkeypatch):
    fake()
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    result = call([*BUILD, "--finn-to", "bitfile"], tmp_path / "out")
    assert result.exit_code == 7
    assert "vivado: is not on PATH; FINN needs it for a stitched IP or a bit file" in result.stderr
    other = ["zybo-z7-10" if item == "pynq-z1" else item for item in BUILD]
    result = call([*other, "--finn-to", "bitfile"], tmp_path / "out")
    assert result.exit_code == 5
    assert "board zybo-z7-10: FINN has no shell for it" in result.stderr


def test_the_product_follows_vivado_the_board_and_what_is_there(tmp_path, monkeypatch):
    def product(board="pynq-z1", wanted=None):
        options = Options("ncnv", board, "folding=table1", tmp_path, finn=FinnOptions(wanted))
        flow = Flow(options)
        return FinnSteps(flow).product, flow

    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert product()[0] == "code"
    monkeypatch.setenv("PATH", f"{mock_tools.install(tmp_path)}:/usr/bin:/bin")
    assert vivado.is_installed()
    assert product()[0] == "bitfile"
    assert product("zybo-z7-10")[0] == "code"
    assert product(wanted="ip")[0] == "ip"
    found, flow = product(wanted="built")
    assert found == "code"
    flow.folder("finn").mkdir(parents=True)
    (flow.folder("finn") / "finn.json").write_text(json.dumps({"product": "bitfile", "fifos": "minimal"}))
    found, flow = product(wanted="built")
    assert (found, FinnSteps(flow).fifos) == ("bitfile", "minimal")
