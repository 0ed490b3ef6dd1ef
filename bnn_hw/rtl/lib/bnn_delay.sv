`include "bnn_assert.svh"
// Delay line of LENGTH beats that moves when enable is high; no reset, so that it maps to
// shift-register LUTs.
//
// Purpose  line buffers of bnn_window_full.
// Latency  LENGTH enabled cycles; LENGTH 0 is a wire.
module bnn_delay #(
  parameter int WIDTH = 8,
  parameter int LENGTH = 16
) (
  input  logic             clk,
  input  logic             enable,
  input  logic [WIDTH-1:0] in_data,
  output logic [WIDTH-1:0] out_data
);
  `BNN_REQUIRE(require_length, LENGTH >= 0, "LENGTH must not be negative")

  if (LENGTH == 0) begin : g_wire
    logic unused_clock;
    assign unused_clock = clk ^ enable;
    assign out_data     = in_data;
  end else begin : g_line
    logic [WIDTH-1:0] stages [0:LENGTH-1];

    always_ff @(posedge clk) begin
      if (enable) begin
        stages[0] <= in_data;
        for (int i = 1; i < LENGTH; i++) stages[i] <= stages[i-1];
      end
    end

    assign out_data = stages[LENGTH-1];
  end
endmodule
