`include "bnn_assert.svh"
// Number of equal lanes of inputs and weights, as two rows that the accumulator adds;
// combinational. This is the behavioural form for every family: row 1 is empty. The
// structural form is made for the lane counts of a plan.
//
// Purpose    XNOR and popcount of one processing element (PE).
// LANES      inputs and weights; row0 + row1 is the number of matches.
// CHAINS     0: the structural form has no carry chains, for designs that run out of slices first.
// CUTS       registers on every path, for fast clocks. Latency CUTS enabled cycles; combinational
//            without.
module bnn_match_rows #(
  parameter int LANES = 16,
  parameter bit CHAINS = 1,
  parameter int CUTS = 0,
  parameter int ROW_BITS = $clog2(LANES + 1)
) (
  input  logic                clk,
  input  logic                enable,
  input  logic [LANES-1:0]    inputs,
  input  logic [LANES-1:0]    weights,
  output logic [ROW_BITS-1:0] row0,
  output logic [ROW_BITS-1:0] row1
);
  `BNN_REQUIRE(require_lanes, LANES >= 1, "LANES must be at least 1")

  logic unused_chains;
  assign unused_chains = CHAINS;

  logic [ROW_BITS-1:0] found;
  assign found = ROW_BITS'($countones(~(inputs ^ weights)));
  assign row1 = '0;
  bnn_delay #(.WIDTH(ROW_BITS), .LENGTH(CUTS)) u_row0 (.clk, .enable, .in_data(found), .out_data(row0));
endmodule
