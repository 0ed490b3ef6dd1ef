`include "bnn_assert.svh"
// Two rows of the same sum as many numbers. This is the behavioural form for
// every family: row 1 is empty. The structural form is made for the sizes of a plan.
//
// Purpose    joins the groups of a wide dot product.
// NUMBERS    unsigned numbers of BITS bits, number n at n * BITS. Their sum fits in SUM_BITS.
// CHAINS     0: the structural form has no carry chains, for designs that run out of slices first.
// CUTS       registers on every path, for fast clocks. Latency CUTS enabled cycles; combinational
//            without.
module bnn_compress_rows #(
  parameter int NUMBERS = 4,
  parameter int BITS = 7,
  parameter int SUM_BITS = 8,
  parameter bit CHAINS = 1,
  parameter int CUTS = 0
) (
  input  logic                    clk,
  input  logic                    enable,
  input  logic [NUMBERS*BITS-1:0] numbers,
  output logic [SUM_BITS-1:0]     row0,
  output logic [SUM_BITS-1:0]     row1
);
  `BNN_REQUIRE(require_bits, NUMBERS >= 1 && SUM_BITS >= BITS, "SUM_BITS must be at least BITS")

  logic unused_chains;
  assign unused_chains = CHAINS;

  logic [SUM_BITS-1:0] found;
  always_comb begin
    found = '0;
    for (int n = 0; n < NUMBERS; n++) found = found + SUM_BITS'(numbers[n*BITS +: BITS]);
  end
  assign row1 = '0;
  bnn_delay #(.WIDTH(SUM_BITS), .LENGTH(CUTS)) u_row0 (.clk, .enable, .in_data(found), .out_data(row0));
endmodule
