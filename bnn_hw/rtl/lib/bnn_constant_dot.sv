`include "bnn_assert.svh"
// Number of matches of one-bit inputs with constant weights, for all PEs, as two registered rows.
//
// Purpose    a binary layer whose weights are one word of the memory. With P ones among the
//            inputs of weight 1, N ones in all and Z weights of 0 the matches are
//            2 P - N + Z, and N is the same for all PEs.
// rows       of PE p at p * ROW_BITS: row0 + row1 = matches - Z + 2^COUNT_BITS - 1.
// GROUP      inputs counted and joined in one cycle; more take two.
// Latency    1 enabled cycle, 2 where SIMD exceeds GROUP.
module bnn_constant_dot #(
  parameter int SIMD = 16,
  parameter int PE = 4,
  parameter int GROUP = 64,
  parameter FILE = "",
  parameter int COUNT_BITS = $clog2(SIMD + 1),
  parameter int ROW_BITS = COUNT_BITS + 1
) (
  input  logic                   clk,
  input  logic                   enable,
  input  logic [SIMD-1:0]        inputs,
  input  logic [PE*SIMD-1:0]     weights,
  output logic [PE*ROW_BITS-1:0] row0,
  output logic [PE*ROW_BITS-1:0] row1
);
  localparam int SUBSETS_BITS = (PE + 1) * COUNT_BITS;
  logic [SUBSETS_BITS-1:0]    next_even, next_odd;
  logic [PE*COUNT_BITS-1:0]   even, odd;
  logic [COUNT_BITS-1:0]      next_all, all;

  bnn_subset_counts #(.SIMD(SIMD), .PE(PE), .FILE(FILE)) u_counts (
    .inputs, .weights, .even(next_even), .odd(next_odd)
  );
  assign next_all = next_even[PE*COUNT_BITS +: COUNT_BITS] + next_odd[PE*COUNT_BITS +: COUNT_BITS];

  bnn_delay #(.WIDTH(SUBSETS_BITS + PE * COUNT_BITS), .LENGTH((SIMD > GROUP) ? 1 : 0)) u_counted (
    .clk, .enable,
    .in_data({next_all, next_even[0 +: PE*COUNT_BITS], next_odd[0 +: PE*COUNT_BITS]}),
    .out_data({all, even, odd})
  );

  // Minus N is ~N + 1 - 2^COUNT_BITS; three rows become two by full adders.
  for (genvar p = 0; p < PE; p++) begin : g_pe
    logic [ROW_BITS-1:0] a, b, c, majority;
    assign a = {even[p*COUNT_BITS +: COUNT_BITS], 1'b0};
    assign b = {odd[p*COUNT_BITS +: COUNT_BITS], 1'b0};
    assign c = {1'b0, ~all};
    assign majority = (a & b) | (a & c) | (b & c);
    always_ff @(posedge clk) begin
      if (enable) begin
        row0[p*ROW_BITS +: ROW_BITS] <= a ^ b ^ c;
        row1[p*ROW_BITS +: ROW_BITS] <= {majority[ROW_BITS-2:0], 1'b0};
      end
    end
    logic unused_majority;    // the sum has no bit above
    assign unused_majority = majority[ROW_BITS-1];
  end
endmodule
