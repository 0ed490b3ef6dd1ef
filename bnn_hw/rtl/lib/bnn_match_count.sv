`include "bnn_assert.svh"
// Number of equal lanes of inputs and weights, as one number; combinational. This is the
// behavioural form for every family. The structural form is made for the lane counts of a plan.
//
// Purpose    XNOR and popcount of one processing element (PE) whose accumulator takes a number,
//            not two rows: bnn_accumulate_four.
// LANES      inputs and weights.
module bnn_match_count #(
  parameter int LANES = 16,
  parameter int COUNT_BITS = $clog2(LANES + 1)
) (
  input  logic [LANES-1:0]      inputs,
  input  logic [LANES-1:0]      weights,
  output logic [COUNT_BITS-1:0] count
);
  `BNN_REQUIRE(require_lanes, LANES >= 1, "LANES must be at least 1")

  assign count = COUNT_BITS'($countones(~(inputs ^ weights)));
endmodule
