// Four accumulators of 12 bits in a DSP48E1; the behavioural twin stands in the library.
//
// X adds A:B (the counts), Z the start value in C in a neuron's first beat and P in the others. The
// counts have their register in front of the slice: where a ternary adder's sums are registered, its
// carries leave the slice besides them.
// PATTERN and MASK keep their defaults: open place and route takes no others.
module bnn_accumulate_four (
  input  logic        clk,
  input  logic        enable,
  input  logic        update,
  input  logic        first,
  input  logic [47:0] counts,
  input  logic [47:0] starts,
  output logic [47:0] sums
);
  logic [47:0] counts_taken;

  always_ff @(posedge clk) begin
    if (enable) counts_taken <= counts;
  end

  logic [47:0] unused_cascade;

  DSP48E1 #(
    .USE_SIMD("FOUR12"), .USE_MULT("NONE"), .USE_DPORT("FALSE"),
    .AREG(0), .ACASCREG(0), .BREG(0), .BCASCREG(0), .CREG(1), .PREG(1), .OPMODEREG(1),
    .MREG(0), .ADREG(0), .DREG(0), .ALUMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0), .INMODEREG(0)
  ) dsp (
    .CLK(clk), .A(counts_taken[47:18]), .B(counts_taken[17:0]), .C(starts), .P(sums), .PCOUT(unused_cascade),
    .OPMODE({2'b01, first, 4'b0011}), .ALUMODE(4'b0000), .CARRYIN(1'b0), .CARRYINSEL(3'b000), .INMODE(5'b00000),
    .CEA1(1'b0), .CEA2(1'b0), .CEB1(1'b0), .CEB2(1'b0), .CEC(enable), .CECTRL(enable), .CEP(update),
    .CEAD(1'b0), .CED(1'b0), .CEM(1'b0), .CEALUMODE(1'b0), .CECARRYIN(1'b0), .CEINMODE(1'b0),
    .RSTA(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTP(1'b0), .RSTM(1'b0), .RSTD(1'b0), .RSTCTRL(1'b0),
    .RSTALUMODE(1'b0), .RSTALLCARRYIN(1'b0), .RSTINMODE(1'b0),
    .D(25'b0), .ACIN(30'b0), .BCIN(18'b0), .PCIN(48'b0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0)
  );
endmodule
