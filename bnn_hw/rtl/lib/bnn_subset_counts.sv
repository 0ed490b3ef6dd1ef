`include "bnn_assert.svh"
// Number of ones among the inputs that have weight 1, for each PE and for all inputs, as two
// rows each; combinational. This is the behavioural form for every family: the odd rows are
// empty. The structural form is made for the weights of a core.
//
// Purpose    weights that never change: an input with weight 0 costs nothing.
// FILE       memory image of the weights, the name by which a structural form is found.
// rows       of PE p at p * COUNT_BITS, of all inputs at PE * COUNT_BITS.
module bnn_subset_counts #(
  parameter int SIMD = 16,
  parameter int PE = 4,
  parameter FILE = "",
  parameter int COUNT_BITS = $clog2(SIMD + 1)
) (
  input  logic [SIMD-1:0]              inputs,
  input  logic [PE*SIMD-1:0]           weights,
  output logic [(PE+1)*COUNT_BITS-1:0] even,
  output logic [(PE+1)*COUNT_BITS-1:0] odd
);
  `BNN_REQUIRE(require_size, SIMD >= 1 && PE >= 1, "SIMD and PE must be at least 1")

  logic [31:0] unused_file;
  assign unused_file = 32'(FILE);

  for (genvar p = 0; p <= PE; p++) begin : g_subset
    logic [SIMD-1:0] subset;
    if (p == PE) begin : g_all
      assign subset = inputs;
    end else begin : g_weights
      assign subset = inputs & weights[p*SIMD +: SIMD];
    end
    assign even[p*COUNT_BITS +: COUNT_BITS] = COUNT_BITS'($countones(subset));
  end
  assign odd = '0;
endmodule
