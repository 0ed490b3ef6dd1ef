`include "bnn_assert.svh"
// Number of matches of SIMD one-bit inputs with SIMD weights, as two registered rows.
//
// Purpose    the arithmetic of one processing element (PE) of a binary layer; its result is
//            row0 + row1, which the accumulator adds in one go.
// GROUP      lanes counted in one cycle. More lanes are counted group by group in one cycle
//            and the groups joined in a second.
// MATCHED    1: the inputs are matches already, of bnn_xnor_48; the weights do not count.
// CHAINS     0: counted in LUTs without carry chains (MATCHED 0 only).
// CUTS       registers within the counting of a group, JOIN_CUTS within the joining, for fast clocks.
// Latency    1 + CUTS enabled cycles, 2 + CUTS + JOIN_CUTS where SIMD exceeds GROUP.
module bnn_match_dot #(
  parameter int SIMD = 16,
  parameter int GROUP = 64,
  parameter bit MATCHED = 0,
  parameter bit CHAINS = 1,
  parameter int CUTS = 0,
  parameter int JOIN_CUTS = 0,
  parameter int ROW_BITS = $clog2(SIMD + 1)
) (
  input  logic                clk,
  input  logic                enable,
  input  logic [SIMD-1:0]     inputs,
  input  logic [SIMD-1:0]     weights,
  output logic [ROW_BITS-1:0] row0,
  output logic [ROW_BITS-1:0] row1
);
  `BNN_REQUIRE(require_simd, SIMD >= 1 && GROUP >= 1, "SIMD and GROUP must be at least 1")

  localparam int GROUPS = (SIMD + GROUP - 1) / GROUP;
  localparam int LANES = (SIMD + GROUPS - 1) / GROUPS;    // of each group but perhaps the last
  localparam int GROUP_BITS = $clog2(LANES + 1);

  logic [2*GROUPS*GROUP_BITS-1:0] rows;

  for (genvar g = 0; g < GROUPS; g++) begin : g_group
    localparam int FIRST = g * LANES;
    localparam int COUNT = (SIMD - FIRST < LANES) ? SIMD - FIRST : LANES;
    localparam int COUNT_BITS = $clog2(COUNT + 1);
    logic [COUNT_BITS-1:0] even, odd;

    if (MATCHED) begin : g_matched
      logic unused_weights;
      assign unused_weights = ^weights[FIRST +: COUNT];
      bnn_one_rows #(.LANES(COUNT), .CUTS(CUTS)) u_rows (
        .clk, .enable, .inputs(inputs[FIRST +: COUNT]), .row0(even), .row1(odd)
      );
    end else begin : g_match
      bnn_match_rows #(.LANES(COUNT), .CHAINS(CHAINS), .CUTS(CUTS)) u_rows (
        .clk, .enable, .inputs(inputs[FIRST +: COUNT]), .weights(weights[FIRST +: COUNT]), .row0(even), .row1(odd)
      );
    end

    always_ff @(posedge clk) begin
      if (enable) rows[2*g*GROUP_BITS +: 2*GROUP_BITS] <= {GROUP_BITS'(odd), GROUP_BITS'(even)};
    end
  end

  if (GROUPS == 1) begin : g_one_group
    assign {row1, row0} = rows;
  end else begin : g_groups
    logic [ROW_BITS-1:0] even, odd;
    bnn_compress_rows #(
      .NUMBERS(2 * GROUPS), .BITS(GROUP_BITS), .SUM_BITS(ROW_BITS), .CHAINS(CHAINS), .CUTS(JOIN_CUTS)
    ) u_join (
      .clk, .enable, .numbers(rows), .row0(even), .row1(odd)
    );
    always_ff @(posedge clk) begin
      if (enable) begin
        row0 <= even;
        row1 <= odd;
      end
    end
  end
endmodule
