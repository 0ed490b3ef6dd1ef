`include "bnn_assert.svh"
// Clock gate: passes a clock or holds it low, without glitches.
//
// Purpose   stops the core's clock between frames.
// STYLE     "bufgce" instantiates the part's global clock buffer with enable; "behavioural" is its
//           twin for simulators; "none" passes the clock always.
// Timing    enable is a register of clk: what it is after an edge decides about the next edge.
// clk_root  the clock ahead of clk's own buffer, used by "bufgce" alone: two buffers side by side
//           delay the two clocks alike, where one behind the other would leave no hold time.
module bnn_clock_gate #(
  parameter STYLE = "behavioural"
) (
  input  logic clk,
  input  logic clk_root,
  input  logic enable,
  output logic gated_clk
);
  // Strings of different length are compared.
  // verilator lint_off WIDTHEXPAND
  // verilator lint_off WIDTHTRUNC
  if (STYLE == "bufgce") begin : g_buffer
    BUFGCE u_buffer (.I(clk_root), .CE(enable), .O(gated_clk));
    logic unused;
    assign unused = clk;
  end else if (STYLE == "behavioural") begin : g_twin
    logic passes, unused;
    assign unused = clk_root;
    // The buffer lets its enable through while the clock is low only.
    always_latch if (!clk) passes = enable;
    assign gated_clk = clk & passes;
  end else begin : g_none
    `BNN_REQUIRE(require_style, STYLE == "none", "STYLE must be bufgce, behavioural or none")
    logic unused;
    assign unused    = enable ^ clk_root;
    assign gated_clk = clk;
  end
  // verilator lint_on WIDTHTRUNC
  // verilator lint_on WIDTHEXPAND
endmodule
