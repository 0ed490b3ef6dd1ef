// Matches of 48 lanes in the logic unit of a DSP48E1; the behavioural twin stands in the library.
//
// X is A:B (the inputs), Z is C (the weights), and P takes X XNOR Z (UG479, table 2-13).
module bnn_xnor_48 (
  input  logic        clk,
  input  logic        enable,
  input  logic [47:0] inputs,
  input  logic [47:0] weights,
  output logic [47:0] equal
);
  logic [47:0] unused_cascade;

  DSP48E1 #(
    .USE_SIMD("ONE48"), .USE_MULT("NONE"), .USE_DPORT("FALSE"),
    .AREG(0), .ACASCREG(0), .BREG(0), .BCASCREG(0), .CREG(0), .PREG(1), .OPMODEREG(0),
    .MREG(0), .ADREG(0), .DREG(0), .ALUMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0), .INMODEREG(0)
  ) dsp (
    .CLK(clk), .A(inputs[47:18]), .B(inputs[17:0]), .C(weights), .P(equal), .PCOUT(unused_cascade),
    .OPMODE(7'b0110011), .ALUMODE(4'b0101), .CARRYIN(1'b0), .CARRYINSEL(3'b000), .INMODE(5'b00000),
    .CEA1(1'b0), .CEA2(1'b0), .CEB1(1'b0), .CEB2(1'b0), .CEC(1'b0), .CECTRL(1'b0), .CEP(enable),
    .CEAD(1'b0), .CED(1'b0), .CEM(1'b0), .CEALUMODE(1'b0), .CECARRYIN(1'b0), .CEINMODE(1'b0),
    .RSTA(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTP(1'b0), .RSTM(1'b0), .RSTD(1'b0), .RSTCTRL(1'b0),
    .RSTALUMODE(1'b0), .RSTALLCARRYIN(1'b0), .RSTINMODE(1'b0),
    .D(25'b0), .ACIN(30'b0), .BCIN(18'b0), .PCIN(48'b0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0)
  );
endmodule
