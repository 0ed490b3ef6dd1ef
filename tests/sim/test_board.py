"""The simulated board's own checks: an accelerator that breaks a rule of AXI is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from bnn_hw.errors import MismatchError, ToolError
from bnn_hw.pipeline.shell import Shell
from bnn_hw.sim.board import MemoryModel, SimulatedBoard, build_board
from bnn_hw.soc.emit import PORTS

# Writing k to any register sets off fault k; reading gives 0x1234. Breaks the rules on purpose.
BODY = """
  logic [7:0] fault, step;
  logic pending;
  assign irq = fault == 9;
  assign gp_awready = 1'b1;
  assign gp_wready = 1'b1;
  assign gp_bresp = 2'b00;
  assign gp_rresp = 2'b00;
  assign gp_rdata = 32'h1234;
  assign gp_rlast = fault != 8;
  assign hp_rready = 1'b1;
  assign hp_bready = 1'b1;
  assign hp_araddr = fault == 1 ? 32'h0000_0FF8 : fault == 2 ? 32'h0010_0004
                     : 32'h0010_0000 + (fault == 3 ? 32'(step) << 12 : 0);
  assign hp_arlen = 4'd1;
  assign hp_arvalid = fault == 4 ? step[0] : fault inside {1, 2, 3} && step < 100;
  assign hp_awaddr = 32'h0010_0000;
  assign hp_awlen = 4'd3;
  assign hp_awvalid = fault == 5 && step == 1;
  assign hp_wvalid = fault inside {5, 6} && step < 30;
  assign hp_wdata = 64'hABCD;
  assign hp_wlast = fault == 5 && step >= 2;
  assign gp_arready = fault != 10;
  always_ff @(posedge clk) begin
    if (!rst_n) begin
      fault <= 0; step <= 0; gp_bvalid <= 0; gp_rvalid <= 0; pending <= 0;
    end else begin
      step <= step == 8'hFF ? 8'hFF : step + 1;
      if (gp_awvalid) gp_bid <= gp_awid;
      if (gp_wvalid) begin
        fault <= gp_wdata[7:0]; step <= 0; pending <= 1;
      end
      gp_bvalid <= pending && !gp_bvalid;
      if (gp_bvalid && gp_bready) begin
        pending <= 0; gp_bvalid <= 0;
      end else if (gp_bvalid) gp_bvalid <= 1;
      if (gp_arvalid && gp_arready) begin
        gp_rvalid <= 1; gp_rid <= fault == 7 ? gp_arid ^ 1 : gp_arid;
      end
      if (gp_rvalid && gp_rready) gp_rvalid <= 0;
      assert (fault != 11) else $error("an assertion of the hardware");
    end
  end
endmodule
"""
FAULTS = {
    1: "read burst at 0xff8 of 2 beats crosses 4 KB",
    2: "read burst at 0x100004 is not aligned to 8 bytes",
    3: "ARADDR: a beat was withdrawn or changed before it was taken",
    4: "ARADDR: a beat was withdrawn",
    5: "WLAST after 3 beats of a burst of 4 at 0x100000",
    6: "a write burst has more than 16 beats",
    7: "answers a read with another id",
    8: "RLAST of the register port is wrong",
    10: "the register port does not answer at 0x10",
    11: "an assertion of the hardware",
}


@pytest.fixture(scope="module")
def program(cache: Path):
    folder = cache / "breaker"
    folder.mkdir()
    registered = {"gp_bid", "gp_bvalid", "gp_rid", "gp_rvalid"}
    ports = ",\n".join(
        f"  {d} {'logic' if name in registered or d == 'output' else 'wire'} [{w - 1}:0] {name}"
        for d, w, name in PORTS
    )
    (folder / "package.sv").write_text("package nothing; endpackage\n")
    (folder / "breaker.sv").write_text(f"module breaker (\n{ports}\n);\n{BODY}")
    shell = Shell(
        folder, "none", "breaker", "0" * 32, 10**8, 0, 8, 8, 2, 8, False, ("package.sv", "breaker.sv"), ()
    )
    return build_board(shell, cache / "programs")


def provoke(board: SimulatedBoard, fault: int) -> None:
    board.write_register(0, fault)
    board.run(200)
    board.read_register(0x10)


@pytest.mark.parametrize("fault", FAULTS)
def test_breach_of_the_protocol_is_told(program, fault):
    # Bursts wait to be taken in some of the faults.
    pauses = 900 if fault in (3, 4) else 0
    model = MemoryModel(bandwidth_permille=1000, refresh_cycles=0, pause_permille=pauses, access_cycles=0)
    with (
        SimulatedBoard(program, model) as board,
        pytest.raises(MismatchError, match="the hardware reports") as info,
    ):
        provoke(board, fault)
    assert FAULTS[fault] in str(info.value)


def test_time_passes_as_told(program):
    with SimulatedBoard(program, MemoryModel(access_cycles=50)) as board:
        start = board.cycle
        board.run(123)
        assert board.cycle == start + 123
        assert board.read_register(0x20) == 0x1234
        assert start + 173 < board.cycle < start + 223
        assert not board.wait_interrupt(10)
        board.write_register(0, 9)
        before = board.cycle
        assert board.wait_interrupt(1000)
        assert board.cycle == before
        board.hide_interrupt()
        assert not board.wait_interrupt(10)
        board.heal()
        assert board.wait_interrupt(10)


def test_memory_keeps_what_is_written(program):
    with SimulatedBoard(program) as board:
        data = bytes(range(256)) * 40
        board.write_memory(0x12_3456, data)
        assert board.read_memory(0x12_3456, len(data)) == data
        assert board.read_memory(0x12_3456 - 8, 8) == bytes(8)


def test_ended_simulation_is_told(program):
    board = SimulatedBoard(program)
    board._process.kill()
    board._process.wait()
    with pytest.raises(ToolError, match="simulated board: ended before"):
        board.run(1)
    board.close()
    assert board._process.stdin.closed
    assert board._process.stdout.closed
