`include "bnn_assert.svh"
// Read-only memory with a registered read.
//
// Purpose  weights and thresholds.
// WIDTH    bits of a word; DEPTH words; FILE in $readmemh form, address 0
//          first; without a FILE all words are zero.
// STYLE    "logic": LUTs; "block": block RAM with a second register at its output,
//          because a block RAM is slow to answer.
// Latency  1 enabled cycle for "logic", 2 for "block".
module bnn_rom #(
  parameter int WIDTH = 8,
  parameter int DEPTH = 16,
  parameter FILE = "",
  parameter STYLE = "logic",
  parameter int ADDRESS_BITS = (DEPTH > 1) ? $clog2(DEPTH) : 1
) (
  input  logic                    clk,
  input  logic                    enable,
  input  logic [ADDRESS_BITS-1:0] address,
  output logic [WIDTH-1:0]        data
);
  `BNN_REQUIRE(require_depth, DEPTH >= 1, "DEPTH must be at least 1")
  `BNN_REQUIRE(require_style, STYLE == "logic" || STYLE == "block", "STYLE must be logic or block")

  if (STYLE == "block") begin : g_block
    (* rom_style = "block" *) logic [WIDTH-1:0] rom [0:DEPTH-1];
    logic [WIDTH-1:0] fetched;

    if (FILE != "") begin : g_content
      initial $readmemh(FILE, rom);
    end else begin : g_zero
      initial for (int i = 0; i < DEPTH; i++) rom[i] = '0;
    end

    always_ff @(posedge clk) begin
      if (enable) begin
        fetched <= rom[address];
        data    <= fetched;
      end
    end
  end else begin : g_logic
    logic [WIDTH-1:0] word;

    bnn_table #(.WIDTH(WIDTH), .DEPTH(DEPTH), .FILE(FILE)) u_table (.address, .word);

    always_ff @(posedge clk) begin
      if (enable) data <= word;
    end
  end
endmodule
