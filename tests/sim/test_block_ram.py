"""The models of the block RAMs: memories of many shapes, mapped, against what was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bnn_hw.ir import uint
from bnn_hw.pipeline.core import Core, to_json
from bnn_hw.pipeline.record import Resources
from bnn_hw.pipeline.stages import Stream
from bnn_hw.sim.netlist import verify_netlist
from tests.sim.toy import toy_plan

pytest.importorskip("pyosys", reason="needs Yosys: pip install pyosys")

from bnn_hw.synth.utilisation import Reference
from bnn_hw.synth.yosys import synthesise

# Each beat writes and reads every memory at addresses of its own; the word is all that was read.
SOURCE = """
module memory #(
    parameter int WIDTH = 8, parameter int BITS = 10, parameter bit SINGLE = 0, parameter FILE = ""
) (
    input logic clk, input logic enable, input logic write, input logic [13:0] from, input logic [13:0] to,
    input logic [31:0] data, output logic [31:0] found
);
  (* ram_style = "block" *) logic [WIDTH-1:0] words[1<<BITS];
  logic [WIDTH-1:0] q;
  wire [BITS-1:0] place = SINGLE ? to[BITS-1:0] : from[BITS-1:0];
  wire [95:0] wide = {data ^ 32'h5A5A1234, ~data, data};
  initial $readmemh(FILE, words);
  always_ff @(posedge clk) if (enable) begin
    if (write) words[to[BITS-1:0]] <= wide[WIDTH-1:0];
    q <= words[place];
  end
  wire [95:0] all = 96'(q);
  assign found = all[31:0] ^ {all[62:32], all[63]} ^ {all[93:64], all[95:94]};
endmodule

module bnn_core (
    input logic clk, input logic rst_n,
    input logic s_valid, output logic s_ready, input logic [63:0] s_data,
    output logic m_valid, input logic m_ready, output logic [31:0] m_data, output logic m_last
);
  wire taken = s_valid && s_ready;
  assign s_ready = !m_valid || m_ready;
  assign m_last = 1'b1;
  wire [13:0] from = s_data[21:8] & 14'h30FF, to = s_data[35:22] & 14'h30FF;
MEMORIES
  always_ff @(posedge clk)
    if (!rst_n) m_valid <= 1'b0;
    else if (s_ready) m_valid <= s_valid;
endmodule
"""

# Width, address bits, whether the address that is written is the one that is read.
SHAPES = ((1, 14, 0), (4, 12, 0), (9, 11, 0), (18, 10, 0), (24, 9, 0), (36, 10, 0), (72, 9, 0), (18, 10, 1))


def source() -> str:
    """The core with a memory of each shape; its word rotates what each gave by another amount."""
    lines, words = [], []
    for i, (width, bits, single) in enumerate(SHAPES):
        lines.append(
            f"  wire [31:0] found{i};\n"
            f'  memory #(.WIDTH({width}), .BITS({bits}), .SINGLE({single}), .FILE("{i}.hex")) '
            f"u_{i} (.clk, .enable(taken), .write(s_data[{i}]), .from, .to, "
            f".data(s_data[63:32] ^ 32'd{i}), .found(found{i}));\n"
        )
        words.append(f"{{found{i}[{i}:0], found{i}[31:{i + 1}]}}")
    return SOURCE.replace("MEMORIES", "".join(lines) + f"  assign m_data = {' ^ '.join(words)};")


def test_mapped_memories_hold_and_give_what_the_rtl_says(cache: Path, tmp_path: Path) -> None:
    rtl = tmp_path / "rtl"
    rtl.mkdir()
    (rtl / "bnn_core.sv").write_text(source())
    rng = np.random.default_rng(1)
    for i, (width, bits, _) in enumerate(SHAPES):
        words = (int.from_bytes(rng.bytes(9), "little") >> (72 - width) for _ in range(1 << bits))
        (rtl / f"{i}.hex").write_text("".join(f"{word:x}\n" for word in words))
    (rtl / "files.f").write_text("bnn_core.sv\n")
    pixel = Stream(uint(8), 1, 1, 8, 8)
    core = Core(rtl, "bnn_core", "memories", "none", "input", pixel, 0, ("bnn_core.sv",), ())
    (rtl / "core.json").write_text(to_json(core))
    part = Reference("xc7z010", Resources(17600, 35200, 60, 80))
    synthesise(rtl, "bnn_core", tmp_path / "synth", part, stage_names={})
    beats = rng.integers(0, 256, (3000, 1, 1, 8))
    report = verify_netlist(
        rtl, tmp_path / "synth" / "netlist.v", toy_plan(), beats, cache=cache, out=tmp_path / "core"
    )
    assert report.cells["RAMB36E1"] + report.cells["RAMB18E1"] == len(SHAPES)
    assert not any(name.startswith("RAM") and name[:4] != "RAMB" for name in report.cells)
    assert [run.words for run in report.runs] == [3000, 3000]
