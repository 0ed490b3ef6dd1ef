`include "bnn_assert.svh"
// Number of ones in a word, combinational; the behavioural form for every family.
//
// Purpose    counts the matches of an XNOR product.
// WIDTH      bits to count; the count has clog2(WIDTH + 1) bits.
module bnn_popcount #(
  parameter int WIDTH = 8,
  parameter int COUNT_BITS = $clog2(WIDTH + 1)
) (
  input  logic [WIDTH-1:0]      bits,
  output logic [COUNT_BITS-1:0] count
);
  `BNN_REQUIRE(require_width, WIDTH >= 1, "WIDTH must be at least 1")

  assign count = COUNT_BITS'($countones(bits));
endmodule
