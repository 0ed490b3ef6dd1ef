`include "bnn_assert.svh"
// Sum of SIMD values with binary weights, chosen from the sums that bnn_triple_sums made.
//
// Purpose    the arithmetic of one processing element (PE) of a layer of integer inputs.
//            The registered result is (row0 ^ invert) + row1, row0 in two's complement.
// TERM_BITS  bits of a sum of three; weights: 1 stands for +1, 0 for -1.
// GROUP      values summed up in one cycle, a multiple of 3. More are summed group by group in
//            one cycle and over the groups in a second.
// invert     with up to three values row0 is a chosen sum as it is, and invert and row1 make it
//            negative; with more, row0 holds the inverted ones and row1 counts them.
// Latency    1 enabled cycle, 2 where SIMD exceeds GROUP.
module bnn_signed_dot #(
  parameter int SIMD = 3,
  parameter int TERM_BITS = 11,
  parameter int GROUP = 9,
  parameter int TRIPLES = (SIMD + 2) / 3,
  parameter int ROW0_BITS = TERM_BITS + $clog2(TRIPLES),
  parameter int ROW1_BITS = $clog2(TRIPLES + 1)
) (
  input  logic                           clk,
  input  logic                           enable,
  input  logic [TRIPLES*4*TERM_BITS-1:0] sums,
  input  logic [SIMD-1:0]                weights,
  output logic [ROW0_BITS-1:0]           row0,
  output logic                           invert,
  output logic [ROW1_BITS-1:0]           row1
);
  `BNN_REQUIRE(require_simd, SIMD >= 1 && GROUP >= 3 && GROUP % 3 == 0, "GROUP must be a multiple of 3")

  // Of each triple: the sum with the first value's sign plus, and whether that sign is minus.
  logic [TRIPLES*TERM_BITS-1:0] terms;
  logic [TRIPLES-1:0]           minus;

  for (genvar t = 0; t < TRIPLES; t++) begin : g_triple
    logic [2:0]             signs;    // missing values are zero: any sign does
    logic [1:0]             choice;
    logic [4*TERM_BITS-1:0] own;
    for (genvar i = 0; i < 3; i++) begin : g_sign
      assign signs[i] = weights[(3 * t + i < SIMD) ? 3 * t + i : 3 * t];
    end
    assign choice = {2{!signs[0]}} ^ signs[2:1];
    assign own    = sums[t*4*TERM_BITS +: 4*TERM_BITS];
    assign terms[t*TERM_BITS +: TERM_BITS] =
        choice[1] ? (choice[0] ? own[3*TERM_BITS +: TERM_BITS] : own[2*TERM_BITS +: TERM_BITS])
                  : (choice[0] ? own[1*TERM_BITS +: TERM_BITS] : own[0*TERM_BITS +: TERM_BITS]);
    assign minus[t] = !signs[0];
  end

  if (TRIPLES == 1) begin : g_choice
    always_ff @(posedge clk) begin
      if (enable) begin
        row0   <= terms;
        invert <= minus;
      end
    end
    assign row1 = invert;
  end else begin : g_sum
    localparam int GROUPS = (SIMD + GROUP - 1) / GROUP;
    localparam int SHARE = (TRIPLES + GROUPS - 1) / GROUPS;
    logic [GROUPS*ROW0_BITS-1:0] partial;
    logic [GROUPS*ROW1_BITS-1:0] inverted;

    for (genvar g = 0; g < GROUPS; g++) begin : g_group
      logic signed [ROW0_BITS-1:0] sum;
      logic        [ROW1_BITS-1:0] ones;
      always_comb begin
        sum  = '0;
        ones = '0;
        for (int t = g * SHARE; t < (g + 1) * SHARE && t < TRIPLES; t++) begin
          sum  = sum + ROW0_BITS'($signed(terms[t*TERM_BITS +: TERM_BITS] ^ {TERM_BITS{minus[t]}}));
          ones = ones + ROW1_BITS'(minus[t]);
        end
      end
      always_ff @(posedge clk) begin
        if (enable) begin
          partial[g*ROW0_BITS +: ROW0_BITS]  <= sum;
          inverted[g*ROW1_BITS +: ROW1_BITS] <= ones;
        end
      end
    end

    assign invert = 1'b0;
    if (GROUPS == 1) begin : g_one_group
      assign row0 = partial;
      assign row1 = inverted;
    end else begin : g_groups
      logic [ROW0_BITS-1:0] sum;
      logic [ROW1_BITS-1:0] ones;
      always_comb begin
        sum  = '0;
        ones = '0;
        for (int g = 0; g < GROUPS; g++) begin
          sum  = sum + partial[g*ROW0_BITS +: ROW0_BITS];
          ones = ones + inverted[g*ROW1_BITS +: ROW1_BITS];
        end
      end
      always_ff @(posedge clk) begin
        if (enable) begin
          row0 <= sum;
          row1 <= ones;
        end
      end
    end
  end
endmodule
