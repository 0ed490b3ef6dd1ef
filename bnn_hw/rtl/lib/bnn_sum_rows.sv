`include "bnn_assert.svh"
// Sum of many unsigned numbers. This is the behavioural form for every family. The
// structural form is made for the sizes of a plan.
//
// Purpose    joins the groups of a wide dot product whose accumulator takes a number.
// NUMBERS    numbers of BITS bits, number n at [n*BITS +: BITS]; SUM_BITS hold their sum.
// CUTS       registers on every path, for fast clocks. Latency CUTS enabled cycles; combinational
//            without.
module bnn_sum_rows #(
  parameter int NUMBERS = 4,
  parameter int BITS = 7,
  parameter int SUM_BITS = 8,
  parameter int CUTS = 0
) (
  input  logic                    clk,
  input  logic                    enable,
  input  logic [NUMBERS*BITS-1:0] numbers,
  output logic [SUM_BITS-1:0]     sum
);
  `BNN_REQUIRE(require_bits, SUM_BITS >= BITS, "SUM_BITS must be at least BITS")

  logic [SUM_BITS-1:0] found;
  always_comb begin
    found = '0;
    for (int n = 0; n < NUMBERS; n++) found = found + SUM_BITS'(numbers[n*BITS +: BITS]);
  end
  bnn_delay #(.WIDTH(SUM_BITS), .LENGTH(CUTS)) u_sum (.clk, .enable, .in_data(found), .out_data(sum));
endmodule
