`include "bnn_assert.svh"
// Matches of one-bit inputs and weights of few words, for all PEs, as two registered rows. This
// is the behavioural form for every family; the structural form is made for the weights of a core.
//
// Purpose    a binary layer whose memory has so few words that many of its bits are equal or
//            inverse in all of them: lanes that see the same weight share logic.
// FILE       memory image of the weights, the name by which a structural form is found.
// rows       of PE p at p * ROW_BITS: row0 + row1 = matches.
// GROUP      lanes counted at once; the counts of more are joined behind a register.
// CUTS       registers within the counting, JOIN_CUTS within the joining, as the clock asks for.
// Latency    1 + CUTS enabled cycles, 2 + CUTS + JOIN_CUTS where SIMD exceeds GROUP.
module bnn_sequence_dot #(
  parameter int SIMD = 16,
  parameter int PE = 4,
  parameter int GROUP = 64,
  parameter FILE = "",
  parameter int CUTS = 0,
  parameter int JOIN_CUTS = 0,
  parameter int ROW_BITS = $clog2(SIMD + 1)
) (
  input  logic                   clk,
  input  logic                   enable,
  input  logic [SIMD-1:0]        inputs,
  input  logic [PE*SIMD-1:0]     weights,
  output logic [PE*ROW_BITS-1:0] row0,
  output logic [PE*ROW_BITS-1:0] row1
);
  `BNN_REQUIRE(require_size, SIMD >= 1 && PE >= 1, "SIMD and PE must be at least 1")

  logic [31:0] unused_file;
  assign unused_file = 32'(FILE);

  for (genvar p = 0; p < PE; p++) begin : g_pe
    bnn_match_dot #(.SIMD(SIMD), .GROUP(GROUP), .CUTS(CUTS), .JOIN_CUTS(JOIN_CUTS)) u_dot (
      .clk, .enable, .inputs, .weights(weights[p*SIMD +: SIMD]),
      .row0(row0[p*ROW_BITS +: ROW_BITS]), .row1(row1[p*ROW_BITS +: ROW_BITS])
    );
  end
endmodule
