// Two sums of 24 bits, each of three terms and a constant. This is the behavioural form for every
// family; the structural form is two DSP48E1, one behind the other.
//
// Purpose      the last additions and the comparison of two neurons of constant integer weights: the
//              constant has the threshold in it, so the sign of a sum is the comparison.
// FLIP_TWO     1: the first and the second term are subtracted. FLIP_THIRD: so is the third.
// CONSTANTS    of the first sum in the low 24 bits, of the second above; so have all ports their fields.
// Latency      1 enabled cycle.
module bnn_sum_two #(
  parameter bit FLIP_TWO = 0,
  parameter bit FLIP_THIRD = 0,
  parameter logic [47:0] CONSTANTS = '0
) (
  input  logic        clk,
  input  logic        enable,
  input  logic [47:0] first,
  input  logic [47:0] second,
  input  logic [47:0] third,
  output logic [47:0] sums
);
  for (genvar i = 0; i < 2; i++) begin : g_field
    logic [23:0] two, last;
    assign two  = first[24*i +: 24] + second[24*i +: 24];
    assign last = third[24*i +: 24];
    always_ff @(posedge clk) begin
      if (enable) sums[24*i +: 24] <= CONSTANTS[24*i +: 24] + (FLIP_TWO ? -two : two) + (FLIP_THIRD ? -last : last);
    end
  end
endmodule
