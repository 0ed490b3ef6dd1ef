`include "bnn_assert.svh"
// Product of SIMD inputs with SIMD binary weights, summed up, with a registered result.
//
// Purpose    the arithmetic of one processing element (PE).
// IN_BITS    bits of an input; IN_SIGNED 1 for two's complement (BIPOLAR 0 only).
// BIPOLAR    1: inputs are bits for +-1, the result is the number of matches, unsigned in
//            clog2(SIMD + 1) bits. 0: sum of +-input, signed in IN_BITS + 1 + clog2(SIMD) bits.
// GROUP      lanes summed up in one cycle. More lanes are summed group by group in one cycle
//            and over the groups in a second.
// weights    1 stands for +1, 0 for -1.
// Latency    1 enabled cycle, 2 where SIMD exceeds GROUP.
module bnn_dot #(
  parameter int SIMD = 16,
  parameter int IN_BITS = 1,
  parameter bit IN_SIGNED = 0,
  parameter bit BIPOLAR = 1,
  parameter int GROUP = 64,
  parameter int RESULT_BITS = BIPOLAR ? $clog2(SIMD + 1) : IN_BITS + 1 + $clog2(SIMD)
) (
  input  logic                    clk,
  input  logic                    enable,
  input  logic [SIMD*IN_BITS-1:0] inputs,
  input  logic [SIMD-1:0]         weights,
  output logic [RESULT_BITS-1:0]  result
);
  `BNN_REQUIRE(require_simd, SIMD >= 1 && GROUP >= 1, "SIMD and GROUP must be at least 1")
  `BNN_REQUIRE(require_bits, !BIPOLAR || IN_BITS == 1, "a bipolar input has one bit")

  localparam int GROUPS = (SIMD + GROUP - 1) / GROUP;
  localparam int LANES = (SIMD + GROUPS - 1) / GROUPS;    // of each group but perhaps the last

  logic [GROUPS*RESULT_BITS-1:0] partial;

  for (genvar g = 0; g < GROUPS; g++) begin : g_group
    localparam int FIRST = g * LANES;
    localparam int COUNT = (SIMD - FIRST < LANES) ? SIMD - FIRST : LANES;
    logic [RESULT_BITS-1:0] sum;

    if (BIPOLAR) begin : g_matches
      localparam int COUNT_BITS = $clog2(COUNT + 1);
      logic [COUNT_BITS-1:0] equal_lanes;
      bnn_popcount #(.WIDTH(COUNT)) u_popcount (
        .bits(~(inputs[FIRST +: COUNT] ^ weights[FIRST +: COUNT])),
        .count(equal_lanes)
      );
      assign sum = RESULT_BITS'(equal_lanes);
    end else begin : g_sum
      // -x is ~x + 1: invert where the weight is -1 and add the ones.
      always_comb begin
        sum = '0;
        for (int i = FIRST; i < FIRST + COUNT; i++) begin
          sum = sum
              + ({{(RESULT_BITS - IN_BITS){IN_SIGNED && inputs[i*IN_BITS + IN_BITS - 1]}},
                  inputs[i*IN_BITS +: IN_BITS]} ^ {RESULT_BITS{!weights[i]}})
              + RESULT_BITS'(!weights[i]);
        end
      end
    end

    always_ff @(posedge clk) begin
      if (enable) partial[g*RESULT_BITS +: RESULT_BITS] <= sum;
    end
  end

  if (GROUPS == 1) begin : g_one_group
    assign result = partial;
  end else begin : g_groups
    logic [RESULT_BITS-1:0] total;
    always_comb begin
      total = '0;
      for (int g = 0; g < GROUPS; g++) total = total + partial[g*RESULT_BITS +: RESULT_BITS];
    end
    always_ff @(posedge clk) begin
      if (enable) result <= total;
    end
  end
endmodule
