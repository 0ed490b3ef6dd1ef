`include "bnn_assert.svh"
// Number of matches of SIMD one-bit inputs with SIMD weights, as one number.
//
// Purpose    the arithmetic of one processing element (PE) of a binary layer whose accumulator has
//            a register at its input, as bnn_accumulate_four does.
// GROUP      lanes counted in one cycle. More lanes are counted group by group in one cycle
//            and the groups joined in a second.
// MATCHED    1: the inputs are matches already, of bnn_xnor_48; the weights do not count.
// CUTS       registers within the counting of a group, JOIN_CUTS within the joining, for fast clocks.
// Latency    CUTS enabled cycles, 1 + CUTS + JOIN_CUTS where SIMD exceeds GROUP.
module bnn_match_sum #(
  parameter int SIMD = 16,
  parameter int GROUP = 64,
  parameter bit MATCHED = 0,
  parameter int CUTS = 0,
  parameter int JOIN_CUTS = 0,
  parameter int COUNT_BITS = $clog2(SIMD + 1)
) (
  input  logic                  clk,
  input  logic                  enable,
  input  logic [SIMD-1:0]       inputs,
  input  logic [SIMD-1:0]       weights,
  output logic [COUNT_BITS-1:0] count
);
  `BNN_REQUIRE(require_simd, SIMD >= 1 && GROUP >= 1, "SIMD and GROUP must be at least 1")

  localparam int GROUPS = (SIMD + GROUP - 1) / GROUP;
  localparam int LANES = (SIMD + GROUPS - 1) / GROUPS;    // of each group but perhaps the last
  localparam int ROW_BITS = $clog2(LANES + 1);

  if (GROUPS == 1) begin : g_one_group
    if (MATCHED) begin : g_matched
      logic unused_weights;
      assign unused_weights = ^weights;
      bnn_one_count #(.LANES(SIMD), .CUTS(CUTS)) u_count (.clk, .enable, .inputs, .count);
    end else begin : g_match
      bnn_match_count #(.LANES(SIMD), .CUTS(CUTS)) u_count (.clk, .enable, .inputs, .weights, .count);
    end
  end else begin : g_groups
    logic [2*GROUPS*ROW_BITS-1:0] rows;
    for (genvar g = 0; g < GROUPS; g++) begin : g_group
      localparam int FIRST = g * LANES;
      localparam int COUNT = (SIMD - FIRST < LANES) ? SIMD - FIRST : LANES;
      localparam int OWN_BITS = $clog2(COUNT + 1);
      logic [OWN_BITS-1:0] even, odd;
      if (MATCHED) begin : g_matched
        logic unused_weights;
        assign unused_weights = ^weights[FIRST +: COUNT];
        bnn_one_rows #(.LANES(COUNT), .CUTS(CUTS)) u_rows (
          .clk, .enable, .inputs(inputs[FIRST +: COUNT]), .row0(even), .row1(odd)
        );
      end else begin : g_match
        bnn_match_rows #(.LANES(COUNT), .CUTS(CUTS)) u_rows (
          .clk, .enable, .inputs(inputs[FIRST +: COUNT]), .weights(weights[FIRST +: COUNT]), .row0(even), .row1(odd)
        );
      end
      always_ff @(posedge clk) begin
        if (enable) rows[2*g*ROW_BITS +: 2*ROW_BITS] <= {ROW_BITS'(odd), ROW_BITS'(even)};
      end
    end
    bnn_sum_rows #(
      .NUMBERS(2 * GROUPS), .BITS(ROW_BITS), .SUM_BITS(COUNT_BITS), .CUTS(JOIN_CUTS)
    ) u_sum (
      .clk, .enable, .numbers(rows), .sum(count)
    );
  end
endmodule
