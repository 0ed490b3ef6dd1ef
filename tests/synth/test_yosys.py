"""Yosys runs on small designs whose primitives are known beforehand, and its failures."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bnn_hw.errors import OutputError, ToolError
from bnn_hw.pipeline.record import Resources
from bnn_hw.synth import utilisation, yosys
from bnn_hw.synth.utilisation import GLUE, Reference

pytest.importorskip("pyosys", reason="needs Yosys: pip install pyosys")

PART = Reference("xc7z010clg400-1", Resources(17600, 35200, 60, 80))
PAPER = Reference("a paper", Resources(lut=100, bram36=2))

LEAF = """
// Parity of six inputs, registered: one LUT6 and one flip-flop a bit.
module parity #(parameter int N = 1) (input clk, input [6*N-1:0] a, output logic [N-1:0] q);
  for (genvar i = 0; i < N; i++) always_ff @(posedge clk) q[i] <= ^a[6*i +: 6];
endmodule
"""
MEMORY = """
module memory #(parameter FILE = "") (input clk, input [9:0] a, output logic [35:0] q);
  (* rom_style = "block" *) logic [35:0] words[1024];
  initial $readmemh(FILE, words);
  always_ff @(posedge clk) q <= words[a];
endmodule
module multiply (input clk, input signed [17:0] a, b, output logic signed [35:0] q);
  always_ff @(posedge clk) q <= a * b;
endmodule
"""
TOP = """
module core (input clk, input [29:0] a, b, output [2:0] q, r, output t,
             output logic x, output [35:0] word, product);
  parity #(.N(3)) first (.clk, .a(a[17:0]), .q(q));
  parity #(.N(3)) second (.clk, .a('0), .q(r));
  parity #(.N(1)) third (.clk, .a(a[23:18]), .q(t));
  memory #(.FILE("words.hex")) store (.clk, .a(a[9:0]), .q(word));
  multiply product_unit (.clk, .a(a[17:0]), .b(b[17:0]), .q(product));
  always_ff @(posedge clk) x <= ^a[29:24];
endmodule
"""


def write_rtl(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.sv").write_text(text)
    (folder / "files.f").write_text("".join(f"{name}.sv\n" for name in files))
    (folder / "words.hex").write_text("".join(f"{(i * 7919**4) % 2**36:x}\n" for i in range(1024)))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synth")
    steps = []
    report = yosys.synthesise(
        write_rtl(folder / "rtl", leaf=LEAF, memory=MEMORY, core=TOP),
        "core",
        folder / "with space" / "out",
        PART,
        lambda name, share: steps.append((name, share)),
        published=PAPER,
        stage_names={"product_unit": "multiplier"},
        options=yosys.Options(clock_hz=125_000_000),
    )
    return report, folder / "with space" / "out", steps


def test_figures_of_each_stage(run):
    report, _, _ = run
    first, third = report.stages["first"], report.stages["third"]
    assert (first.lut_sites, first.ff, first.cells["LUT6"]) == (3, 3, 3)
    assert (third.lut_sites, third.ff) == (1, 1)
    assert report.stages["second"] == first  # mapped by itself, without regard to its constant input
    assert (report.stages["store"].bram36, report.stages["store"].lut_sites) == (1, 0)
    assert (report.stages["multiplier"].dsp, report.stages["multiplier"].lut_sites) == (1, 0)
    assert (report.stages[GLUE].lut_sites, report.stages[GLUE].ff) == (1, 1)


def test_stages_add_up_to_the_total(run):
    report, _, _ = run
    total = report.total
    assert total.resources == Resources(lut=8, ff=8, bram36=1, dsp=1)
    assert sum(item.lut_cells for item in report.stages.values()) == total.lut_cells == 8
    assert total.unknown == {}
    assert total.latches == 0
    assert report.used()["dsp"] == 1 / 80
    assert report.fits


def test_files_of_a_complete_run(run):
    report, out, steps = run
    assert {path.name for path in out.iterdir()} == {
        "utilisation.json", "utilisation.txt", "netlist.json", "netlist.v", "yosys.log",
    }  # fmt: skip
    assert utilisation.load(out / "utilisation.json") == report
    text = (out / "utilisation.txt").read_text()
    assert "multiplier" in text
    assert "xc7z010clg400-1" in text
    assert "a paper" in text
    record = json.loads((out / "utilisation.json").read_text())
    assert record["total"]["lut_sites"] == 8
    assert record["tool_version"].startswith("0.70")
    assert "-noiopad -noclkbuf" in record["options"]
    assert "delay target of abc9: 4,000 ps" in record["options"]
    log = (out / "yosys.log").read_text()
    assert "abc9.D 4000" in log
    assert "Executing ABC9 pass" in log
    assert "XILINX_DFFOPT" not in log
    shares = [share for _, share in steps]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] < 1
    assert report.seconds["processor"] > 1
    assert report.seconds["total"] >= report.seconds["mapping LUTs (abc9)"] > 0


def test_flattened_has_a_total_only(tmp_path):
    rtl = write_rtl(tmp_path / "rtl", leaf=LEAF, memory=MEMORY, core=TOP)
    report = yosys.synthesise(rtl, "core", tmp_path / "out", PART, options=yosys.Options(flatten=True))
    assert list(report.stages) == [GLUE]
    # Without boundaries the constant input of second is seen.
    assert report.total.resources == Resources(lut=5, ff=5, bram36=1, dsp=1)


def failure(tmp_path, rtl, kind=ToolError, **options):
    out = tmp_path / "out"
    with pytest.raises(kind) as caught:
        yosys.synthesise(rtl, "core", out, PART, options=yosys.Options(**options))
    assert not (out / "utilisation.json").exists()
    assert not (out / "netlist.json").exists()
    return str(caught.value)


def test_first_error_line_and_log_are_named(tmp_path):
    rtl = write_rtl(tmp_path / "rtl", core="module core (input a, output b);\n  assign b = a +;\nendmodule\n")
    out = tmp_path / "out"
    out.mkdir()
    (out / "utilisation.json").write_text("from an earlier run")
    message = failure(tmp_path, rtl)
    assert "core.sv:2: ERROR" in message
    assert str(out / "yosys.log") in message
    assert "synthesis of core" in message
    assert {path.name for path in out.iterdir()} == {"yosys.log"}


def test_unknown_module_is_named(tmp_path):
    rtl = write_rtl(tmp_path / "rtl", core="module core (input a);\n  absent u (.a);\nendmodule\n")
    assert "absent" in failure(tmp_path, rtl)


def test_time_out(tmp_path):
    rtl = write_rtl(tmp_path / "rtl", core=TOP, leaf=LEAF, memory=MEMORY)
    assert "did not end within 1 s" in failure(tmp_path, rtl, timeout_s=1)


def test_missing_rtl_files_are_all_named(tmp_path):
    rtl = write_rtl(tmp_path / "rtl", core=TOP)
    (rtl / "files.f").write_text("core.sv\nlib/a.sv\nlib/b.sv  # comment\n")
    message = failure(tmp_path, rtl)
    assert "lib/a.sv, lib/b.sv" in message
    assert "bnn-hw generate" in message
    assert "files.f" in failure(tmp_path, tmp_path / "nowhere")


def test_missing_pyosys_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(yosys, "available", lambda: False)
    assert "pip install 'pyosys" in failure(tmp_path, write_rtl(tmp_path / "rtl", core=TOP))


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(OutputError) as caught:
        yosys.synthesise(write_rtl(tmp_path / "rtl", core=TOP), "core", tmp_path / "out", PART)
    assert "cannot be written" in str(caught.value)


def test_interrupt_leaves_nothing_complete_and_nothing_running(tmp_path):
    rtl = write_rtl(tmp_path / "rtl", leaf=LEAF, memory=MEMORY, core=TOP)
    out = tmp_path / "out"
    code = (
        "import sys; from pathlib import Path\n"
        "from bnn_hw.synth import yosys; from bnn_hw.synth.utilisation import Reference\n"
        "from bnn_hw.pipeline.record import Resources\n"
        "part = Reference('p', Resources(1, 1, 1, 1))\n"
        "try: yosys.synthesise(Path(sys.argv[1]), 'core', Path(sys.argv[2]), part)\n"
        "except KeyboardInterrupt: sys.exit(130)\n"
    )
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", code, rtl, out], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}
    )
    progress = out / "unfinished" / "progress"
    deadline = time.monotonic() + 60
    while not (progress.exists() and progress.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert {path.name for path in out.iterdir()} <= {"yosys.log"}
    assert str(rtl) not in _command_lines()


def _command_lines() -> str:
    texts = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            texts.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(text for text in texts if "yosys_worker" in text)
