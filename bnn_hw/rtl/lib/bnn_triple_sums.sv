`include "bnn_assert.svh"
// The sums of three values with binary weights, combinational: four for each three values.
//
// Purpose    all PEs of a layer see the same inputs, so what three of them can add up to is
//            computed once. There are eight sums, four of them minus the other four.
// COUNT      values of BITS bits; IS_SIGNED 1 for two's complement. Triple t is values 3 t (a),
//            3 t + 1 (b) and 3 t + 2 (c); missing ones are zero.
// sums       of triple t at t * 4 * SUM_BITS, two's complement, in SUM_BITS bits each:
//            a - b - c, a + b - c, a - b + c, a + b + c (bit 0 of the place adds b, bit 1 c).
module bnn_triple_sums #(
  parameter int COUNT = 3,
  parameter int BITS = 8,
  parameter bit IS_SIGNED = 0,
  parameter int TRIPLES = (COUNT + 2) / 3,
  parameter int SUM_BITS = BITS + 2 + (IS_SIGNED ? 0 : 1)
) (
  input  logic [COUNT*BITS-1:0]         values,
  output logic [TRIPLES*4*SUM_BITS-1:0] sums
);
  `BNN_REQUIRE(require_count, COUNT >= 1 && BITS >= 1, "COUNT and BITS must be at least 1")

  for (genvar t = 0; t < TRIPLES; t++) begin : g_triple
    logic signed [SUM_BITS-1:0] operands [0:2];
    for (genvar i = 0; i < 3; i++) begin : g_operand
      if (3 * t + i >= COUNT) begin : g_none
        assign operands[i] = '0;
      end else begin : g_value
        logic [BITS-1:0] value;
        assign value = values[(3*t + i)*BITS +: BITS];
        assign operands[i] = {{(SUM_BITS - BITS){IS_SIGNED && value[BITS-1]}}, value};
      end
    end

    logic signed [SUM_BITS-1:0] b_and_c, b_less_c;
    logic        [SUM_BITS-1:0] own [0:3];
    logic                       odd;
    assign b_and_c  = operands[1] + operands[2];
    assign b_less_c = operands[1] - operands[2];
    assign own[0]   = operands[0] - b_and_c;
    assign own[1]   = operands[0] + b_less_c;
    assign own[2]   = operands[0] - b_less_c;
    assign own[3]   = operands[0] + b_and_c;
    assign odd      = operands[0][0] ^ operands[1][0] ^ operands[2][0];

    // All four have the same lowest bit: said so, it needs no choice in the PEs.
    for (genvar s = 0; s < 4; s++) begin : g_own
      logic unused_lowest;
      assign unused_lowest = own[s][0];
      assign sums[(4*t + s)*SUM_BITS +: SUM_BITS] = {own[s][SUM_BITS-1:1], odd};
    end
  end
endmodule
