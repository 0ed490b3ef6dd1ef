"""Routing and writing the bitstream with recorded tools in the place of the real ones, on a made-up part."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bnn_hw import implement
from bnn_hw.board import load_board
from bnn_hw.cli import main
from bnn_hw.errors import ConfigError, TimingError, ToolError
from bnn_hw.implement import Implementation
from bnn_hw.progress import Reporter
from bnn_hw.synth import nextpnr, openflow, placeable, routed, vivado
from bnn_hw.synth.legalise import Rewritten
from bnn_hw.synth.xc7 import bitfile
from tests.synth import test_nextpnr, test_vivado, tiny_part

PARTS = """
[xc7z001]
lut = 100
ff = 200
bram36 = 1
dsp = 1
open_packages = ["clg9"]
"""
BOARD = """
title = "Made up"
part = "xc7z001"
package = "clg9-1"
ps_crystal_hz = 50_000_000
cpu_hz = 650_000_000
ddr_bytes = 1
ddr_bits = 16
"""
FASM = (
    "CLB_L_X0Y0.A.ALUT.INIT[63:0] = 64'b1\n"
    "BRAM_L_X2Y0.RAMB18_Y0.INIT_00[3:0] = 4'b1010\nBRAM_L_X2Y0.RAMB18_Y0.IN_USE\n"
)
QUIET = Reporter(quiet=True)


def cells(top: str, kind: str, **fields) -> str:
    return json.dumps({"modules": {top: {"cells": {"m": {"type": kind, **fields}}}}})


@pytest.fixture
def board(tmp_path):
    (tmp_path / "parts.toml").write_text(PARTS)
    (tmp_path / "made-up.toml").write_text(BOARD)
    return load_board(tmp_path / "made-up.toml")


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A script for nextpnr, a made-up database, and a synthesis that writes one block RAM."""
    placed = cells("top", "RAMB18E1_RAMB18E1", attributes={"NEXTPNR_BEL": "RAMB18_X0Y0/RAMB18E1"})
    body = test_nextpnr.GOOD.replace(repr(test_nextpnr.FASM), repr(FASM)).replace("'{}'", repr(placed))
    flow = test_nextpnr.tool(tmp_path, body)
    flow.chip_database.write_bytes(b"chip")
    xray = tiny_part.write(tmp_path / "db")
    found = openflow.OpenFlow(flow.program, flow.chip_database, xray, tiny_part.NAME)
    monkeypatch.setattr(openflow, "find", lambda device: found)

    def synthesise(rtl_folder, top, out, **_):
        netlist = out / placeable.NETLIST
        netlist.write_text(cells(top, "RAMB18E1", parameters={"INIT_00": f"{10:0256b}"}))
        made = placeable.Placeable(netlist, "0.70", 1.5, Rewritten(0, 0))
        made.save(out)
        return made

    monkeypatch.setattr(placeable, "synthesise", synthesise)


def route(tmp_path, board, clock_hz=100_000_000, implementation=None):
    out = tmp_path / "route"
    out.mkdir(exist_ok=True)
    implementation = implementation or Implementation()
    source = tmp_path
    if implementation.tool == implement.NEXTPNR:
        source = tmp_path / "map"
        source.mkdir(exist_ok=True)
        implement.map_netlist(tmp_path, "top", source, implementation, QUIET, tmp_path)
    return implement.route(
        source, "top", out, board, clock_hz, implementation, QUIET, tmp_path, "12ab34cd" * 4
    )


def write(tmp_path, board, implementation=None):
    out = tmp_path / "bitstream"
    out.mkdir(exist_ok=True)
    implementation = implementation or Implementation()
    notes = {"Digest": "12ab"}
    netlist = tmp_path / "map" / placeable.NETLIST
    return implement.write_bitstream(
        tmp_path / "route", "top", out, "net", board, implementation, netlist, notes
    )


def test_open_flow_from_rtl_to_bit(tmp_path, board, tools):
    report = route(tmp_path, board, 90_000_000)
    assert (report.timing_met, report.fmax_hz, report.options) == (True, 98e6, "Yosys 0.70; seed 1")
    assert list(report.seconds) == ["synthesis", "place and route", "place and route, processor"]
    record = write(tmp_path, board)
    assert (record["timing_met"], record["readback"]["netlist_rows"]) == (True, 1)
    assert json.loads((tmp_path / "bitstream" / "bitstream.json").read_text()) == record
    file = bitfile.read(tmp_path / "bitstream" / "net.bit")
    assert (file.design, file.part) == ("net;Digest=12ab", "7z001clg9")
    assert (tmp_path / "bitstream" / "net.bin").read_bytes() == file.to_bin()


def test_missed_clock_writes_nothing_unless_allowed(tmp_path, board, tools):
    assert not route(tmp_path, board).timing_met
    with pytest.raises(TimingError, match=r"reached 98.0 MHz"):
        write(tmp_path, board)
    assert list((tmp_path / "bitstream").iterdir()) == []
    record = write(tmp_path, board, Implementation(allow_timing_miss=True))
    assert record["timing_met"] is False


def seeded(tmp_path, monkeypatch, outcomes):
    """Let nextpnr reach 98 MHz times a factor by seed; None stands for a router that gets no further."""
    place = nextpnr.place_and_route

    def place_and_route(*args, options, **kwargs):
        factor = outcomes[options.seed]
        if factor is None:
            raise nextpnr.UnroutedError.at("routing", "two nets each need the same wire", "try another")
        report = place(*args, options=options, **kwargs)
        (args[2] / "seed").write_text(str(options.seed))
        return dataclasses.replace(report, fmax_hz=factor * report.fmax_hz)

    monkeypatch.setattr(nextpnr, "place_and_route", place_and_route)


@pytest.mark.parametrize(
    ("outcomes", "chosen", "missed"),
    [
        ({1: 1.1}, 1, []),
        ({1: 0.9, 2: None, 3: 1.1}, 3, ["seed 1 missed the clock: 88.2 MHz", "seed 2: the router"]),
        ({1: 0.9, 2: 0.99, 3: 0.95, 4: None}, 2, ["seed 1 ", "seed 2 ", "seed 3 ", "seed 4: "]),
    ],
)
def test_seeds_are_tried_until_the_clock_is_met(
    tmp_path, board, tools, monkeypatch, outcomes, chosen, missed
):
    seeded(tmp_path, monkeypatch, outcomes)
    report = route(tmp_path, board)
    assert (tmp_path / "route" / "seed").read_text() == str(chosen)
    assert report.options == f"Yosys 0.70; seed {chosen}"
    assert [remark.startswith(begin) for remark, begin in zip(report.remarks, missed, strict=True)] == (
        [True] * len(missed)
    )
    assert routed.load(tmp_path / "route" / "routed.json") == report
    assert not list((tmp_path / "route").glob(".seed*"))
    for begin in missed:
        assert begin in routed.to_text(report)


def test_no_seed_that_routes_is_an_error(tmp_path, board, tools, monkeypatch):
    seeded(tmp_path, monkeypatch, {1: None, 2: None})
    with pytest.raises(nextpnr.UnroutedError, match="same wire"):
        route(tmp_path, board, implementation=Implementation(attempts=2))


def test_what_a_routed_result_depends_on(tmp_path, board, tools):
    first = implement.tool_inputs(Implementation(), board)
    assert first == {
        "tool": "nextpnr",
        "version": "0.8.2",
        "chip_database": ["chip.bin", 4],
        "seed": 1,
        "attempts": 4,
        "device": "xc7z001clg9-1",
    }
    assert implement.tool_inputs(Implementation(seed=2), board) != first
    assert implement.tool_inputs(Implementation(allow_timing_miss=True), board) == first


def test_a_damaged_netlist_record_is_told(tmp_path):
    with pytest.raises(ToolError, match=r"mapped.json: is no record of this version.*\n.*bnn-hw bitstream"):
        placeable.load(tmp_path)
    (tmp_path / "mapped.json").write_text('{"format": "bnn_hw.mapped/0"}')
    with pytest.raises(ToolError, match=r"format is not bnn_hw\.mapped/1"):
        placeable.load(tmp_path)


def test_part_outside_the_open_database(tmp_path, board):
    (tmp_path / "parts.toml").write_text(PARTS.replace("clg9", "clg225"))
    other = load_board(tmp_path / "made-up.toml")
    with pytest.raises(ConfigError, match=r"xc7z001clg9-1 is not in the open.*clg225\)\n.*--tool vivado"):
        implement.tool_inputs(Implementation(), other)


def test_vivado_from_rtl_to_bit(tmp_path, board, monkeypatch):
    found = test_vivado.tool(tmp_path)
    monkeypatch.setattr(vivado, "find", lambda: found)
    (tmp_path / "top.sv").write_text("module top; endmodule\n")
    (tmp_path / "files.f").write_text("top.sv\n")
    implementation = Implementation(tool=implement.VIVADO)
    assert implement.tool_inputs(implementation, board)["version"] == "2022.1"
    assert route(tmp_path, board, implementation=implementation).tool == "Vivado"
    record = write(tmp_path, board, implementation)
    assert (record["bit"], record["readback"], record["timing_met"]) == ("net.bit", None, True)
    assert bitfile.read(tmp_path / "bitstream" / "net.bit").part == "7z020clg400"
    (tmp_path / "route" / "routed.json").write_text("{}")
    with pytest.raises(ToolError, match=r"routed.json: is no record of this version"):
        write(tmp_path, board, implementation)


# The command.


@pytest.fixture
def roomy(tmp_path):
    """The made-up board with room for u-CNV, as a file's path."""
    roomy = "[xc7z001]\nlut = 53200\nff = 106400\nbram36 = 140\ndsp = 220\nopen_packages = ['clg9']\n"
    (tmp_path / "parts.toml").write_text(roomy)
    (tmp_path / "made-up.toml").write_text(BOARD)
    return str(tmp_path / "made-up.toml")


def invoke(tmp_path, board, *options):
    arguments = ["bitstream", "ucnv", "--board", board, "--goal", "folding=table1", *options]
    return CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "build")])


def test_command_tells_of_missing_tools_before_it_begins(tmp_path, roomy, monkeypatch):
    monkeypatch.setenv("BNN_HW_NEXTPNR", str(tmp_path / "none"))
    monkeypatch.setenv("BNN_HW_CHIPDB", str(tmp_path))
    monkeypatch.setenv("BNN_HW_PRJXRAY_DB", str(tmp_path))
    result = invoke(tmp_path, roomy)
    assert result.exit_code == 7
    assert "3 errors:" in result.output
    assert not (tmp_path / "build").exists()


def test_command_keeps_the_routed_design_when_the_clock_is_missed(tmp_path, roomy, tools):
    missed = invoke(tmp_path, roomy, "--quiet")
    assert missed.exit_code == 6
    assert "reached 98.0 MHz on xc7z001clg9-1, 100 MHz were asked for" in missed.output
    folder = next((tmp_path / "build").glob("*/*/*"))
    routed_at = (folder / "route" / "routed.json").stat().st_mtime_ns
    assert not (folder / "bitstream").exists()

    other = invoke(tmp_path, roomy, "--place-seed", "5", "--attempts", "1")
    assert "map      unchanged" in other.output
    assert "route    place and route" in other.output
    assert invoke(tmp_path, roomy, "--quiet").exit_code == 6
    routed_at = (folder / "route" / "routed.json").stat().st_mtime_ns

    allowed = invoke(tmp_path, roomy, "--allow-timing-miss", "--json", "--quiet")
    assert allowed.exit_code == 0, allowed.output
    found = json.loads(allowed.stdout)
    assert found["route"]["timing_met"] is False
    assert found["bitstream"]["readback"]["blocks"] == 1
    assert (folder / "route" / "routed.json").stat().st_mtime_ns == routed_at
    digest = json.loads((folder / "soc" / "soc" / "shell.json").read_text())["digest"]
    assert f"Digest={digest}" in bitfile.read(folder / "bitstream" / "ucnv-made-up.bit").design

    text = invoke(tmp_path, roomy, "--allow-timing-miss", "--quiet").output
    assert "clock: 98.0 MHz routed, 100 MHz asked for: MISSED" in text
    assert f"next: bnn-hw package ucnv --board {roomy} --goal folding=table1" in text


def package(tmp_path, board, *options):
    arguments = ["package", "ucnv", "--board", board, "--goal", "folding=table1", "--json", "--quiet"]
    return CliRunner().invoke(main, [*arguments, *options, "--out", str(tmp_path / "build")])


def bits_of(result):
    assert result.exit_code == 0, result.output
    folder = Path(json.loads(result.stdout)["package"])
    return [path.name for path in folder.glob("*.bit")], (folder / "README.md").read_text()


def test_package_takes_the_bitstream_of_its_own_build_and_refuses_another_s(tmp_path, roomy, tools):
    bits, notes = bits_of(package(tmp_path, roomy))
    assert bits == []
    assert "holds no bit file yet" in notes
    assert not list((tmp_path / "build").rglob("route"))

    bits, notes = bits_of(package(tmp_path, roomy, "--with-bitstream", "--allow-timing-miss"))
    assert bits == ["ucnv-made-up.bit"]
    made = json.loads(next((tmp_path / "build").rglob("manifest.json")).read_text())
    assert made["versions"]["nextpnr-xilinx"].startswith("0.8.2; Yosys 0.70; seed ")
    assert "98.0 MHz, 100 MHz asked for (MISSED); read back, all of it equal" in notes
    assert bits_of(package(tmp_path, roomy))[0] == bits
    assert bits_of(package(tmp_path, roomy, "--without-bitstream"))[0] == []

    bit = next((tmp_path / "build").rglob("bitstream/*.bit"))
    file = bitfile.read(bit)
    other = dataclasses.replace(file, design="ucnv;Digest=" + "f" * 32)
    bitfile.write(other, bit)
    stale = package(tmp_path, roomy)
    assert stale.exit_code == ConfigError.exit_status
    assert "is of the build " + "f" * 32 in stale.stderr
    assert "make it again: --with-bitstream; or leave it out: --without-bitstream" in stale.stderr

    bitfile.write(file, tmp_path / "mine.bit")
    assert bits_of(package(tmp_path, roomy, "--bit", str(tmp_path / "mine.bit")))[0] == bits
    bitfile.write(other, tmp_path / "mine.bit")
    wrong = package(tmp_path, roomy, "--bit", str(tmp_path / "mine.bit"))
    assert "mine.bit: is of the build " + "f" * 32 in wrong.stderr
    both = package(tmp_path, roomy, "--bit", str(tmp_path / "mine.bit"), "--with-bitstream")
    assert both.exit_code == ConfigError.exit_status
    assert "choose one of them" in both.stderr
