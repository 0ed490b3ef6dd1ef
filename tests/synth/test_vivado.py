"""The Vivado build with a recorded tool in Vivado's place: command line, reports, every kind of failure."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from bnn_hw.errors import OutputError, TimingError, ToolError
from bnn_hw.pipeline.record import Resources
from bnn_hw.synth import routed, vivado
from bnn_hw.synth.xc7 import bitfile

UTILISATION = """
1. Slice Logic
+----------------------------+-------+-------+------------+-----------+-------+
|          Site Type         |  Used | Fixed | Prohibited | Available | Util% |
+----------------------------+-------+-------+------------+-----------+-------+
| Slice LUTs                 | 11738 |     0 |          0 |     53200 | 22.06 |
|   LUT as Logic             | 11000 |     0 |          0 |     53200 | 20.68 |
| Slice Registers            | 14000 |     0 |          0 |    106400 | 13.16 |
+----------------------------+-------+-------+------------+-----------+-------+
3. Memory
+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    | 13.5 |     0 |          0 |       140 |  9.64 |
|   RAMB36/FIFO*    |   10 |     0 |          0 |       140 |  7.14 |
+-------------------+------+-------+------------+-----------+-------+
4. DSP
+-----------+------+-------+------------+-----------+-------+
| Site Type | Used | Fixed | Prohibited | Available | Util% |
+-----------+------+-------+------------+-----------+-------+
| DSPs      |   24 |     0 |          0 |       220 | 10.91 |
+-----------+------+-------+------------+-----------+-------+
"""
TIMING = """
------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS \
Failing Endpoints  THS Total Endpoints     WPWS(ns)     TPWS(ns)
    -------      -------  ---------------------  -------------------      -------      -------  ---\
------------------  -------------------     --------     --------
      2.000        0.000                      0                38022        0.021        0.000      \
                0                38022        3.750        0.000
"""
POWER = "| Total On-Chip Power (W)  | 1.529        |\n"

MOCK = """#!/usr/bin/env python3
import json, re, sys, time
if sys.argv[1:] == ["-version"]:
    print("Vivado v2022.1 (64-bit)"); sys.exit()
script = open(sys.argv[sys.argv.index("-source") + 1]).read()
open(FOLDER + "/arguments", "w").write(json.dumps(sys.argv[1:]))
content = json.load(open(FOLDER + "/content.json"))
for line in script.splitlines():
    words = line.split()
    if words and (words[0].endswith("_design") or words[0] == "write_bitstream"):
        print("Command: " + line, flush=True)
    for name, text in content.items():
        path = re.search(r"\\{([^{}]*" + re.escape(name) + r")\\}", line)
        if path:
            open(path[1], "wb").write(bytes.fromhex(text))
EXTRA
"""


@pytest.fixture
def rtl(tmp_path) -> Path:
    folder = tmp_path / "rtl"
    folder.mkdir()
    (folder / "top.sv").write_text("module top; endmodule\n")
    (folder / "files.f").write_text("+incdir+include\ntop.sv\n")
    return folder


def tool(folder: Path, extra: str = "", leave_out: str = "", **changed: str) -> vivado.Vivado:
    """A recorded Vivado that writes what the real one wrote, or ``changed``; ``extra`` runs at its end."""
    words = np.array([0xFFFFFFFF, 0xAA995566, 0x20000000], np.uint32)
    bit = bitfile.make("top;UserID=0XFFFFFFFF;Version=2022.1", "7z020clg400", words, datetime(2026, 1, 31))
    texts = {"utilization.rpt": UTILISATION, "timing.rpt": TIMING, "power.rpt": POWER, "routed.dcp": "x"}
    texts.update({name.replace("_", "."): text for name, text in changed.items()})
    content = {name: text.encode().hex() for name, text in texts.items()} | {"top.bit": bit.to_bytes().hex()}
    content.pop(leave_out, None)
    (folder / "content.json").write_text(json.dumps(content))
    path = folder / "vivado"
    path.write_text(MOCK.replace("FOLDER", repr(str(folder))).replace("EXTRA", extra))
    path.chmod(0o755)
    return vivado.Vivado(path, "2022.1")


def build(tmp_path, rtl, found, clock_hz=100_000_000, **more):
    (tmp_path / "out").mkdir(exist_ok=True)
    return vivado.build(rtl, "top", tmp_path / "out", found, "xc7z020clg400-1", clock_hz, **more)


def test_report_and_files(tmp_path, rtl):
    seen = []
    found = tool(tmp_path, extra="time.sleep(0.5)")
    report = build(tmp_path, rtl, found, progress=lambda *item: seen.append(item))
    assert report.resources == Resources(lut=11738, ff=14000, bram36=13.5, dsp=24)
    assert report.part.resources == Resources(lut=53200, ff=106400, bram36=140, dsp=220)
    assert report.fmax_hz == pytest.approx(125e6)
    assert (report.hold_met, report.power_w, report.timing_met) == (True, 1.529, True)
    assert routed.load(tmp_path / "out" / "routed.json") == report
    assert "power: 1.529 W, Vivado's estimate" in routed.to_text(report)
    assert (tmp_path / "out" / "top.bin").read_bytes() == bytes.fromhex("ffffffff 665599aa 00000020")
    assert seen[-1] == ("writing the bitstream", 0.95)
    assert {path.name for path in rtl.iterdir()} == {"top.sv", "files.f"}


def test_command_line_and_script(tmp_path, rtl):
    options = vivado.Options(user_id="12ab34cd")
    build(tmp_path, rtl, tool(tmp_path), clock_hz=142_857_143, options=options)
    out = tmp_path / "out"
    arguments = json.loads((tmp_path / "arguments").read_text())
    assert arguments[:4] == ["-mode", "batch", "-nojournal", "-nolog"]
    assert arguments[-1] == str(out / "build.tcl")
    lines = (out / "build.tcl").read_text().splitlines()
    assert "read_verilog -sv {top.sv}" in lines
    assert "synth_design -top top -part xc7z020clg400-1 -include_dirs [list {.} {include}]" in lines
    assert "create_clock -name fclk0 -period 7.0000 $pins" in lines
    steps = [line.split()[0] for line in lines if line.split()[0].endswith("_design")]
    assert steps == ["synth_design", "opt_design", "place_design", "phys_opt_design", "route_design"]
    assert lines.index("set_property BITSTREAM.CONFIG.USERID 0x12AB34CD [current_design]") < lines.index(
        f"write_bitstream -force {{{out / 'top.bit'}}}"
    )


def test_missed_clock_and_hold(tmp_path, rtl):
    slow = build(tmp_path, rtl, tool(tmp_path, timing_rpt=TIMING.replace(" 2.000 ", " -2.500 ")))
    assert slow.fmax_hz == pytest.approx(80e6)
    with pytest.raises(TimingError, match=r"Vivado reached 80.0 MHz on xc7z020clg400-1, 100 MHz were asked"):
        routed.require_timing(slow, allow_miss=False)
    early = build(tmp_path, rtl, tool(tmp_path, timing_rpt=TIMING.replace(" 0.021 ", " -0.021 ")))
    assert early.fmax_hz == pytest.approx(125e6)
    with pytest.raises(TimingError, match="Vivado left hold violations on xc7z020clg400-1, at any clock"):
        routed.require_timing(early, allow_miss=False)


def test_design_without_timed_paths(tmp_path, rtl):
    empty = TIMING.replace(" 2.000 ", " NA ").replace(" 0.021 ", " NA ")
    report = build(tmp_path, rtl, tool(tmp_path, timing_rpt=empty))
    assert (report.fmax_hz, report.hold_met, report.timing_met) == (None, None, False)
    with pytest.raises(TimingError, match="found no timed path, so nothing is known about 100 MHz"):
        routed.require_timing(report, allow_miss=False)


def test_licence_failure_is_named(tmp_path, rtl):
    line = (
        "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and device 'xc7z020'."
    )
    with pytest.raises(ToolError) as caught:
        build(tmp_path, rtl, tool(tmp_path, extra=f"print({line!r}); sys.exit(1)"))
    fault = caught.value.faults[0]
    assert (fault.place, fault.cause) == ("Vivado licence", line)
    assert "ML Standard needs none" in fault.remedy


def test_error_is_quoted_with_the_log(tmp_path, rtl):
    extra = "print('WARNING: [x] error handling'); print('ERROR: [Synth 8-439] no module'); sys.exit(1)"
    with pytest.raises(ToolError) as caught:
        build(tmp_path, rtl, tool(tmp_path, extra=extra))
    assert "ended with status 1: ERROR: [Synth 8-439] no module" in str(caught.value)
    assert str(tmp_path / "out" / "vivado.log") in str(caught.value)


@pytest.mark.parametrize("name", ["top.bit", "timing.rpt", "routed.dcp"])
def test_missing_artefact_after_a_good_end(tmp_path, rtl, name):
    with pytest.raises(ToolError, match=f"Vivado build of top: ended well but left no {name}"):
        build(tmp_path, rtl, tool(tmp_path, leave_out=name))


def test_strange_reports_are_refused(tmp_path, rtl):
    with pytest.raises(ToolError, match=r"utilization.rpt: has no row Block RAM Tile\n"):
        build(tmp_path, rtl, tool(tmp_path, utilization_rpt=UTILISATION.replace("Block RAM Tile", "URAM")))
    with pytest.raises(ToolError, match=r"timing.rpt: has no design timing summary"):
        build(tmp_path, rtl, tool(tmp_path, timing_rpt="nothing"))


def test_time_out(tmp_path, rtl):
    slow = tool(tmp_path, extra="time.sleep(60)")
    with pytest.raises(ToolError, match="did not end within 1 s"):
        build(tmp_path, rtl, slow, options=vivado.Options(timeout_s=1))


def test_folder_name_that_tcl_cannot_take(tmp_path, rtl):
    odd = tmp_path / "a{b"
    odd.mkdir()
    with pytest.raises(OutputError, match="has a brace, a backslash or a line break"):
        vivado.build(rtl, "top", odd, tool(tmp_path), "xc7z020clg400-1", 100_000_000)


def test_finding_vivado(tmp_path, monkeypatch):
    monkeypatch.delenv("BNN_HW_SETTINGS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("BNN_HW_VIVADO", str(tool(tmp_path).path))
    assert vivado.find() == vivado.Vivado(tmp_path / "vivado", "2022.1")
    path = tmp_path / "old"
    path.write_text("#!/bin/sh\necho 'Vivado v2017.4 (64-bit)'\n")
    path.chmod(0o755)
    monkeypatch.setenv("BNN_HW_VIVADO", str(path))
    with pytest.raises(ToolError, match=r"is 2017\.4; 2018.3 or newer is needed"):
        vivado.find()
    monkeypatch.setenv("BNN_HW_VIVADO", str(tmp_path / "none"))
    with pytest.raises(ToolError, match="cannot be started: No such file"):
        vivado.find()
    monkeypatch.delenv("BNN_HW_VIVADO")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(ToolError, match=r"is not on PATH and BNN_HW_VIVADO is not set\n.*settings64.sh"):
        vivado.find()
