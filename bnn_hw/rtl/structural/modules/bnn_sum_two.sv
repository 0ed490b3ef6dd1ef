// Two sums of 24 bits in two DSP48E1; the behavioural twin stands in the library.
//
// The upper slice adds A:B and C and hands the sum down its cascade; the lower one adds the third term
// (A:B) and a constant (C). ALUMODE turns signs round (UG479, table 2-10): Z + X + Y, Z - (X + Y),
// ~Z + X + Y and ~(Z + X + Y), so the constant on C differs from CONSTANTS.
// PATTERN and MASK keep their defaults: open place and route takes no others.
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
  localparam logic [3:0] MODE = FLIP_TWO ? (FLIP_THIRD ? 4'b0010 : 4'b0001) : (FLIP_THIRD ? 4'b0011 : 4'b0000);
  localparam logic [23:0] LOW = FLIP_THIRD ? -CONSTANTS[23:0] : CONSTANTS[23:0];
  localparam logic [23:0] HIGH = FLIP_THIRD ? -CONSTANTS[47:24] : CONSTANTS[47:24];
  // Inverting costs one: less of it where the constant is inverted too.
  localparam logic [23:0] INVERTED = FLIP_TWO ? (FLIP_THIRD ? -24'd1 : 24'd1) : 24'd0;
  localparam logic [47:0] ADDED = {HIGH + INVERTED, LOW + INVERTED};

  logic [47:0] cascade, unused_sums, unused_cascade;

  DSP48E1 #(
    .USE_SIMD("TWO24"), .USE_MULT("NONE"), .USE_DPORT("FALSE"),
    .AREG(0), .ACASCREG(0), .BREG(0), .BCASCREG(0), .CREG(0), .PREG(0), .OPMODEREG(0),
    .MREG(0), .ADREG(0), .DREG(0), .ALUMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0), .INMODEREG(0)
  ) upper (
    .CLK(clk), .A(first[47:18]), .B(first[17:0]), .C(second), .P(unused_sums), .PCOUT(cascade),
    .OPMODE(7'b0001111), .ALUMODE(4'b0000), .CARRYIN(1'b0), .CARRYINSEL(3'b000), .INMODE(5'b00000),
    .CEA1(1'b0), .CEA2(1'b0), .CEB1(1'b0), .CEB2(1'b0), .CEC(1'b0), .CECTRL(1'b0), .CEP(1'b0),
    .CEAD(1'b0), .CED(1'b0), .CEM(1'b0), .CEALUMODE(1'b0), .CECARRYIN(1'b0), .CEINMODE(1'b0),
    .RSTA(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTP(1'b0), .RSTM(1'b0), .RSTD(1'b0), .RSTCTRL(1'b0),
    .RSTALUMODE(1'b0), .RSTALLCARRYIN(1'b0), .RSTINMODE(1'b0),
    .D(25'b0), .ACIN(30'b0), .BCIN(18'b0), .PCIN(48'b0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0)
  );

  DSP48E1 #(
    .USE_SIMD("TWO24"), .USE_MULT("NONE"), .USE_DPORT("FALSE"),
    .AREG(0), .ACASCREG(0), .BREG(0), .BCASCREG(0), .CREG(0), .PREG(1), .OPMODEREG(0),
    .MREG(0), .ADREG(0), .DREG(0), .ALUMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0), .INMODEREG(0)
  ) lower (
    .CLK(clk), .A(third[47:18]), .B(third[17:0]), .C(ADDED), .P(sums), .PCOUT(unused_cascade),
    .OPMODE(7'b0011111), .ALUMODE(MODE), .CARRYIN(1'b0), .CARRYINSEL(3'b000), .INMODE(5'b00000),
    .CEA1(1'b0), .CEA2(1'b0), .CEB1(1'b0), .CEB2(1'b0), .CEC(1'b0), .CECTRL(1'b0), .CEP(enable),
    .CEAD(1'b0), .CED(1'b0), .CEM(1'b0), .CEALUMODE(1'b0), .CECARRYIN(1'b0), .CEINMODE(1'b0),
    .RSTA(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTP(1'b0), .RSTM(1'b0), .RSTD(1'b0), .RSTCTRL(1'b0),
    .RSTALUMODE(1'b0), .RSTALLCARRYIN(1'b0), .RSTINMODE(1'b0),
    .D(25'b0), .ACIN(30'b0), .BCIN(18'b0), .PCIN(cascade), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0)
  );
endmodule
