// Matches of 48 lanes in a register. This is the behavioural form for every family; the structural
// form is the logic unit of one DSP48E1.
//
// Purpose  the XNOR of binary inputs and weights without LUTs.
// Latency  1 enabled cycle.
module bnn_xnor_48 (
  input  logic        clk,
  input  logic        enable,
  input  logic [47:0] inputs,
  input  logic [47:0] weights,
  output logic [47:0] equal
);
  always_ff @(posedge clk) begin
    if (enable) equal <= ~(inputs ^ weights);
  end
endmodule
