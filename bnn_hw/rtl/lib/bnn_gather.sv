`include "bnn_assert.svh"
// Collects BEATS narrow words into one wide word, the first in the low bits.
//
// Purpose   the widening half of bnn_converter.
// WIDTH     bits of an input word; the output has BEATS * WIDTH bits.
// Handshake in_ready follows out_ready combinationally while a group is waiting;
//           bnn_converter cuts that path with a skid buffer on the narrow side.
//           Full rate: a group each BEATS cycles.
// Latency   1 cycle from the last word of a group.
module bnn_gather #(
  parameter int WIDTH = 8,
  parameter int BEATS = 4
) (
  input  logic                   clk,
  input  logic                   rst_n,
  input  logic                   in_valid,
  output logic                   in_ready,
  input  logic [WIDTH-1:0]       in_data,
  output logic                   out_valid,
  input  logic                   out_ready,
  output logic [BEATS*WIDTH-1:0] out_data
);
  `BNN_REQUIRE(require_beats, BEATS >= 2, "BEATS must be at least 2")

  localparam int COUNT_BITS = $clog2(BEATS);
  localparam logic [COUNT_BITS-1:0] LAST = COUNT_BITS'(BEATS - 1);

  logic [COUNT_BITS-1:0] position;    // of the next word within its group
  logic                  accept;

  assign in_ready = !out_valid || out_ready;
  assign accept   = in_valid && in_ready;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      position  <= '0;
      out_valid <= 1'b0;
    end else begin
      if (accept) position <= (position == LAST) ? '0 : position + 1'b1;
      if (in_ready) out_valid <= accept && position == LAST;
    end
    if (accept) out_data <= {in_data, out_data[BEATS*WIDTH-1:WIDTH]};
  end

  `BNN_ASSERT_STREAM(stable_output, out_valid, out_ready, out_data)
endmodule
