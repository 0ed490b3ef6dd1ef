`include "bnn_assert.svh"
// Number of equal lanes of inputs and weights, as one number. This is the
// behavioural form for every family. The structural form is made for the lane counts of a plan.
//
// Purpose    XNOR and popcount of one processing element (PE) whose accumulator takes a number,
//            not two rows: bnn_accumulate_four.
// LANES      inputs and weights.
// CUTS       registers on every path, for fast clocks. Latency CUTS enabled cycles; combinational
//            without.
module bnn_match_count #(
  parameter int LANES = 16,
  parameter int CUTS = 0,
  parameter int COUNT_BITS = $clog2(LANES + 1)
) (
  input  logic                  clk,
  input  logic                  enable,
  input  logic [LANES-1:0]      inputs,
  input  logic [LANES-1:0]      weights,
  output logic [COUNT_BITS-1:0] count
);
  `BNN_REQUIRE(require_lanes, LANES >= 1, "LANES must be at least 1")

  logic [COUNT_BITS-1:0] found;
  assign found = COUNT_BITS'($countones(~(inputs ^ weights)));
  bnn_delay #(.WIDTH(COUNT_BITS), .LENGTH(CUTS)) u_count (.clk, .enable, .in_data(found), .out_data(count));
endmodule
