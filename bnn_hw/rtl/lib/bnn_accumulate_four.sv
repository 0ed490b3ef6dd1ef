// Four accumulators of 12 bits, of four processing elements (PE). This is the behavioural form for
// every family; the structural form is one DSP48E1 in its mode of four adders.
//
// Purpose   a neuron's first count is added to its start value, minus the threshold; so the sign of
//           the last sum is the comparison. Counts and start values are below 2**11 in size.
// counts    four fields of 12 bits, as starts (two's complement) and sums.
// Latency   2 cycles: enable takes counts, starts and first into a register, update adds them a
//           cycle later.
module bnn_accumulate_four (
  input  logic        clk,
  input  logic        enable,
  input  logic        update,
  input  logic        first,
  input  logic [47:0] counts,
  input  logic [47:0] starts,
  output logic [47:0] sums
);
  logic [47:0] counts_taken, starts_taken;
  logic        first_taken;

  always_ff @(posedge clk) begin
    if (enable) begin
      counts_taken <= counts;
      starts_taken <= starts;
      first_taken  <= first;
    end
    for (int i = 0; i < 4; i++) begin
      if (update)
        sums[12*i +: 12] <= (first_taken ? starts_taken[12*i +: 12] : sums[12*i +: 12]) + counts_taken[12*i +: 12];
    end
  end
endmodule
