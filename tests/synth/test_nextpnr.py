"""Reading nextpnr's log, and runs with a script in its place; the real one where it is installed."""

from __future__ import annotations

import json
import textwrap
from datetime import datetime
from pathlib import Path

import pytest

from bnn_hw.errors import TimingError, ToolError
from bnn_hw.pipeline.record import Resources
from bnn_hw.synth import bitstream, nextpnr, openflow, placeable, routed
from bnn_hw.synth.xc7.database import Database
from tests.synth import recorded

LOG = """
Info: Packing constants..
Info: Device utilisation:
Info: 	          SLICE_LUTX:   324/35200     0%
Info: 	           SLICE_FFX:   262/35200     0%
Info: 	            RAMB18E1:     1/  120     0%
Info: 	        RAMBFIFO36E1:     0/   60     0%
Info: 	            RAMB36E1:     2/   60     3%
Info: 	             DSP48E1:     1/   80     1%
Info: Max frequency for clock 'clk': 74.77 MHz (FAIL at 100.00 MHz)
Info: Running router2...
Info: Running router1 to check that route is legal...
Info: Router1 time 0.09s
Warning: Max frequency for clock             'clk': {first} MHz (PASS at 100.00 MHz)
Info: Max frequency for clock 'gated_clk': 111.00 MHz (PASS at 100.00 MHz)
Info: Running post-routing legalisation...
"""
FASM = """
CLBLL_L_X2Y3.SLICEL_X0.ALUT.INIT[63:0] = 64'b1
CLBLL_L_X2Y3.SLICEL_X0.ALUT.INIT[31:0] = 32'b1
CLBLL_L_X2Y3.SLICEL_X1.ALUT.INIT[63:0] = 64'b1
CLBLM_R_X2Y3.SLICEM_X0.DLUT.INIT[63:0] = 64'b0
CLBLM_R_X2Y3.SLICEM_X0.DLUT.RAM
"""


def test_figures_are_those_after_routing():
    log = nextpnr.parse_log(LOG.format(first="145.10"))
    assert log.fmax_hz == {"clk": 145.10e6, "gated_clk": 111e6}
    assert log.cells["SLICE_LUTX"] == (324, 35200)
    used, have = nextpnr._resources(log, FASM)
    assert used == Resources(lut=3, ff=262, bram36=2.5, dsp=1)
    assert have == Resources(lut=17600, ff=35200, bram36=60, dsp=80)


def test_paths_between_clocks_count():
    """A gated clock and its parent are two clocks to nextpnr, which gives only a delay between them."""
    crossing = (
        "Info: Max delay <async>               -> posedge clk: 30.00 ns\n"
        "Info: Max delay posedge clk           -> posedge gated_clk: 12.50 ns\n"
        "Info: Max delay posedge gated_clk     -> <async>  : 40.00 ns\n"
    )
    log = nextpnr.parse_log(LOG.format(first="145.10") + crossing)
    assert log.fmax_hz == {"clk": 145.10e6, "gated_clk": 111e6, "clk -> gated_clk": pytest.approx(80e6)}


def test_unfinished_log_is_no_result():
    before = LOG.format(first="1").split("Info: Router1 time")[0]
    with pytest.raises(ToolError, match=r"run.log: holds no finished routing: ERROR: no room"):
        nextpnr.parse_log(before + "ERROR: no room\nat all\n", "run.log")
    with pytest.raises(ToolError, match="holds no device utilisation"):
        nextpnr.parse_log("Info: Router1 time 1s\n")


def test_combinational_loop_leaves_timing_unknown():
    log = nextpnr.parse_log(LOG.format(first="145.10") + "Warning: found 1 combinational loops\n")
    assert log.fmax_hz == {}
    assert "combinational loop" in log.remarks[0]


@pytest.mark.parametrize(
    ("name", "fmax_mhz", "ff", "bram36", "part_lut"),
    [("z010_60pe_pnr.log", 110.58, 8320, 40, 17600), ("z020_90pe_pnr.log", 111.68, 12350, 60, 53200)],
)
def test_recorded_logs(name, fmax_mhz, ff, bram36, part_lut):
    log = nextpnr.parse_log(recorded.read(name).decode())
    used, have = nextpnr._resources(log, "")
    assert log.fmax_hz == {"clk": pytest.approx(fmax_mhz * 1e6)}
    assert (used.ff, used.bram36, have.lut) == (ff, bram36, part_lut)


def tool(folder: Path, body: str) -> openflow.OpenFlow:
    """A script in the place of nextpnr; it notes its command line in ``folder``/arguments."""
    path = folder / "nextpnr-xilinx"
    path.write_text(
        "#!/usr/bin/env python3\nimport sys, json, time\n"
        f"open({str(folder / 'arguments')!r}, 'w').write(json.dumps(sys.argv[1:]))\n"
        "value = lambda name: sys.argv[sys.argv.index(name) + 1]\n"
        "put = lambda name, text: open(value(name), 'w').write(text)\n" + textwrap.dedent(body)
    )
    path.chmod(0o755)
    program = openflow.Program(path, "0.8.2")
    return openflow.OpenFlow(program, folder / "chip.bin", folder / "db", recorded.Z010)


GOOD = f"""
put('--fasm', {FASM!r}); put('--write', '{{}}')
print({LOG.format(first="98.00")!r})
"""


def test_run_leaves_report_and_results(tmp_path):
    flow, seen = tool(tmp_path, GOOD), []
    report = nextpnr.place_and_route(
        tmp_path / "n.json", "top", tmp_path, flow, 100_000_000,
        constraints="# none\n", options=nextpnr.Options(seed=7), progress=lambda *item: seen.append(item),
    )  # fmt: skip
    assert report.fmax_hz == 98e6
    assert report.resources == Resources(3, 262, 2.5, 1)
    assert report.peak_bytes["place and route"] > 1_000_000
    assert report.seconds["place and route"] > 0
    assert routed.load(tmp_path / "routed.json") == report
    arguments = json.loads((tmp_path / "arguments").read_text())
    assert arguments[arguments.index("--seed") + 1] == "7"
    assert arguments[arguments.index("--freq") + 1] == "100"
    assert "--timing-allow-fail" in arguments
    assert (tmp_path / "constraints.xdc").read_text() == "# none\n"
    assert not (tmp_path / "usage.json").exists()
    text = routed.to_text(report)
    assert "clock: 98.0 MHz routed, 100 MHz asked for: MISSED" in text
    assert "no sign-off" in text


def test_missed_clock_is_an_error_unless_allowed(tmp_path):
    report = nextpnr.place_and_route(tmp_path / "n.json", "top", tmp_path, tool(tmp_path, GOOD), 100_000_000)
    with pytest.raises(TimingError) as caught:
        routed.require_timing(report, allow_miss=False)
    fault = caught.value.faults[0]
    assert fault.cause == "nextpnr-xilinx reached 98.0 MHz on xc7z010clg400-1, 100 MHz were asked for"
    assert "--clock-mhz 93" in fault.remedy
    assert "--allow-timing-miss" in fault.remedy
    routed.require_timing(report, allow_miss=True)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (
            "print('ERROR: Unable to place cell x'); sys.exit(1)",
            "with status 1: ERROR: Unable to place cell x",
        ),
        ("print('fine')", "nextpnr.log"),
        ("put('--fasm', ''); print('fine')", "made no result: fine"),
        ("put('--fasm', 'A.B'); print('fine')", "holds no finished routing: fine"),
        ("import os; os.abort()", "with status 134"),
    ],
)
def test_failures_quote_the_log(tmp_path, body, cause):
    with pytest.raises(ToolError) as caught:
        nextpnr.place_and_route(tmp_path / "n.json", "top", tmp_path, tool(tmp_path, body), 100_000_000)
    assert cause in str(caught.value)
    assert "nextpnr.log" in str(caught.value)
    assert not (tmp_path / "routed.json").exists()


def test_time_out_ends_the_tool(tmp_path):
    flow = tool(tmp_path, "time.sleep(60)")
    with pytest.raises(ToolError, match="did not end within 1 s"):
        nextpnr.place_and_route(
            tmp_path / "n.json", "top", tmp_path, flow, 100_000_000, options=nextpnr.Options(timeout_s=1)
        )


@pytest.mark.parametrize(("counts", "stuck"), [([9, 3] + [3] * 250, True), (range(300, 0, -1), False)])
def test_a_router_that_gets_no_further_is_stopped(tmp_path, counts, stuck):
    lines = [f"Info:     iter={i} wires=9 overused={n} overuse={n} archfail=NA" for i, n in enumerate(counts)]
    end = "time.sleep(60)" if stuck else GOOD
    flow = tool(tmp_path, f"print({chr(10).join(lines)!r}, flush=True)\n{end}")
    if not stuck:
        assert nextpnr.place_and_route(tmp_path / "n.json", "top", tmp_path, flow, 90_000_000).timing_met
        return
    with pytest.raises(nextpnr.UnroutedError, match="same wire, 3 times, since 250 iterations") as caught:
        nextpnr.place_and_route(tmp_path / "n.json", "top", tmp_path, flow, 100_000_000)
    assert "--place-seed" in caught.value.faults[0].remedy
    assert not (tmp_path / "routed.json").exists()


@pytest.mark.parametrize("told", [True, False])
def test_a_router_that_never_tells_of_an_iteration_is_stopped(tmp_path, monkeypatch, told):
    monkeypatch.setattr(nextpnr, "_SILENT_SECONDS", 0.5)
    monkeypatch.setattr(nextpnr, "_SILENT_TIMES", 0.0)
    line = "Info:     iter=1 wires=9 overused=3 overuse=3 archfail=NA" if told else "Info: Setting up"
    script = f"print('Info: Running router2...', flush=True)\nprint({line!r}, flush=True)\ntime.sleep(2)\n"
    flow = tool(tmp_path, script + GOOD)
    if told:
        assert nextpnr.place_and_route(tmp_path / "n.json", "top", tmp_path, flow, 90_000_000).timing_met
        return
    with pytest.raises(
        nextpnr.UnroutedError, match=r"told of no iteration for \d+ s, all before it took \d+ s"
    ):
        nextpnr.place_and_route(tmp_path / "n.json", "top", tmp_path, flow, 90_000_000)
    assert not (tmp_path / "routed.json").exists()


TOP = """
// A counter beside a block RAM on the EMIO pins of the processing system.
module small;
  wire [3:0] fclk; wire clk; wire [63:0] out; reg [63:0] in;
  BUFG u_clock (.I(fclk[0]), .O(clk));
  reg [17:0] words [1024]; reg [17:0] q; reg [9:0] a; reg [24:0] count;
  initial $readmemh("words.hex", words);
  always_ff @(posedge clk) begin a <= out[9:0]; q <= words[a]; count <= count + 1; in <= {q, count}; end
  (* keep *) PS7 u_ps (.FCLKCLK(fclk), .EMIOGPIOO(out), .EMIOGPIOI(in));
endmodule
"""


@pytest.mark.parametrize("device", [recorded.Z010, recorded.Z020, "xc7z020clg484-1"])
def test_verilog_becomes_a_bitstream_that_reads_back(tmp_path, device):
    """The whole open flow on a small design, with the real tools."""
    pytest.importorskip("pyosys", reason="needs Yosys: pip install pyosys")
    flow = recorded.open_flow(device)
    (tmp_path / "rtl").mkdir()
    (tmp_path / "rtl" / "small.sv").write_text(TOP)
    (tmp_path / "rtl" / "words.hex").write_text("".join(f"{i * 7919 % 2**18:x}\n" for i in range(1024)))
    (tmp_path / "rtl" / "files.f").write_text("small.sv\n")
    made = placeable.synthesise(tmp_path / "rtl", "small", tmp_path)
    report = nextpnr.place_and_route(made.path, "small", tmp_path, flow, 100_000_000)
    assert report.timing_met
    assert report.resources.bram36 == 0.5
    result = bitstream.make(
        tmp_path / nextpnr.FASM, tmp_path, Database(flow.xray_database, device), "small",
        netlist=made.path, placed=tmp_path / nextpnr.CELLS, top="small", when=datetime(2026, 1, 31),
    )  # fmt: skip
    assert (result.readback.blocks, result.readback.netlist_rows) == (1, 72)
    assert result.bytes > {"xc7z010": 2_083_740, "xc7z020": 4_045_564}[device[:7]]
