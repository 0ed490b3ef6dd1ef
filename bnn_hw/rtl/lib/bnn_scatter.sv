`include "bnn_assert.svh"
// Splits one wide word into BEATS narrow words, the low bits first.
//
// Purpose   the narrowing half of bnn_converter.
// WIDTH     bits of an output word; the input has BEATS * WIDTH bits.
// Handshake in_ready follows out_ready combinationally on the last word of a group;
//           bnn_converter cuts that path with a skid buffer on the narrow side.
//           Full rate: a group each BEATS cycles.
// Latency   1 cycle to the first word of a group.
module bnn_scatter #(
  parameter int WIDTH = 8,
  parameter int BEATS = 4
) (
  input  logic                   clk,
  input  logic                   rst_n,
  input  logic                   in_valid,
  output logic                   in_ready,
  input  logic [BEATS*WIDTH-1:0] in_data,
  output logic                   out_valid,
  input  logic                   out_ready,
  output logic [WIDTH-1:0]       out_data
);
  `BNN_REQUIRE(require_beats, BEATS >= 2, "BEATS must be at least 2")

  localparam int COUNT_BITS = $clog2(BEATS);

  logic [COUNT_BITS-1:0]  behind;    // words that follow the one on offer
  logic [BEATS*WIDTH-1:0] group;
  logic                   advance;

  assign advance  = !out_valid || out_ready;
  assign in_ready = advance && behind == '0;
  assign out_data = group[WIDTH-1:0];

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      behind    <= '0;
      out_valid <= 1'b0;
    end else if (in_ready) begin
      behind    <= in_valid ? COUNT_BITS'(BEATS - 1) : '0;
      out_valid <= in_valid;
    end else if (advance) begin
      behind    <= behind - 1'b1;
    end
    if (in_ready) group <= in_data;
    else if (advance) group <= {{WIDTH{1'b0}}, group[BEATS*WIDTH-1:WIDTH]};
  end

  `BNN_ASSERT_STREAM(stable_output, out_valid, out_ready, out_data)
endmodule
