`include "bnn_assert.svh"
// Skid buffer: two beats deep, every output a register.
//
// Purpose   cuts the ready path (in_ready is a register), so that chains of units
//           have no combinational handshake through them. Full throughput.
// WIDTH     data bits of a beat.
// Latency   1 cycle: a beat accepted in cycle t is offered in cycle t + 1.
module bnn_skid #(
  parameter int WIDTH = 8
) (
  input  logic             clk,
  input  logic             rst_n,
  input  logic             in_valid,
  output logic             in_ready,
  input  logic [WIDTH-1:0] in_data,
  output logic             out_valid,
  input  logic             out_ready,
  output logic [WIDTH-1:0] out_data
);
  `BNN_REQUIRE(require_width, WIDTH >= 1, "WIDTH must be at least 1")

  logic [WIDTH-1:0] spare;    // the beat that arrived while the output was blocked
  logic             advance;

  assign advance = out_ready || !out_valid;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      in_ready  <= 1'b1;
      out_valid <= 1'b0;
    end else if (advance) begin
      in_ready  <= 1'b1;
      out_valid <= in_valid || !in_ready;
    end else if (in_valid) begin
      in_ready  <= 1'b0;
    end
  end

  always_ff @(posedge clk) begin
    if (in_ready) spare <= in_data;
    if (advance) out_data <= in_ready ? in_data : spare;
  end

  `BNN_ASSERT_STREAM(stable_output, out_valid, out_ready, out_data)
endmodule
