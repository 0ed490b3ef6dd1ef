// The 7-series primitives that structural modules instantiate, for simulation only: synthesis
// has its own. After the truth tables and equations in UG953, "7 Series Libraries Guide".
/* verilator lint_off DECLFILENAME */
module LUT1 #(parameter logic [1:0] INIT = '0) (output logic O, input logic I0);
  assign O = INIT[I0];
endmodule

module LUT2 #(parameter logic [3:0] INIT = '0) (output logic O, input logic I0, I1);
  assign O = INIT[{I1, I0}];
endmodule

module LUT3 #(parameter logic [7:0] INIT = '0) (output logic O, input logic I0, I1, I2);
  assign O = INIT[{I2, I1, I0}];
endmodule

module LUT4 #(parameter logic [15:0] INIT = '0) (output logic O, input logic I0, I1, I2, I3);
  assign O = INIT[{I3, I2, I1, I0}];
endmodule

module LUT5 #(parameter logic [31:0] INIT = '0) (output logic O, input logic I0, I1, I2, I3, I4);
  assign O = INIT[{I4, I3, I2, I1, I0}];
endmodule

module LUT6 #(parameter logic [63:0] INIT = '0) (output logic O, input logic I0, I1, I2, I3, I4, I5);
  assign O = INIT[{I5, I4, I3, I2, I1, I0}];
endmodule

module LUT6_2 #(
  parameter logic [63:0] INIT = '0
) (
  output logic O6, O5,
  input  logic I0, I1, I2, I3, I4, I5
);
  assign O6 = INIT[{I5, I4, I3, I2, I1, I0}];
  assign O5 = INIT[{1'b0, I4, I3, I2, I1, I0}];
endmodule

// A carry through each position: passed on where S is 1, else DI.
module CARRY4 (
  output logic [3:0] CO, O,
  input  logic       CI, CYINIT,
  input  logic [3:0] DI, S
);
  logic carry0, carry1, carry2, carry3, carry4;
  assign carry0 = CI | CYINIT;
  assign carry1 = S[0] ? carry0 : DI[0];
  assign carry2 = S[1] ? carry1 : DI[1];
  assign carry3 = S[2] ? carry2 : DI[2];
  assign carry4 = S[3] ? carry3 : DI[3];
  assign O  = S ^ {carry3, carry2, carry1, carry0};
  assign CO = {carry4, carry3, carry2, carry1};
endmodule
// The DSP slice without multiplier and pattern detector: A:B, C, P and PCIN through X, Y and Z to the
// adder (one of 48 bits, two of 24 or four of 12) or to the logic unit. After UG479, "7 Series DSP48E1
// Slice", tables 2-7 to 2-10 (X, Y, Z and the adder) and 2-13 (logic unit). What else OPMODE and ALUMODE
// can ask for gives zero. Registers: A, B, C, OPMODE and P, each one or none (AREG, BREG, CREG,
// OPMODEREG, PREG; without it P and PCOUT are combinational); none elsewhere.
module DSP48E1 #(
  parameter USE_SIMD = "ONE48",
  parameter USE_MULT = "NONE",
  parameter USE_DPORT = "FALSE",
  parameter int AREG = 1, ACASCREG = 1, BREG = 1, BCASCREG = 1, CREG = 1, PREG = 1, OPMODEREG = 1,
  parameter int MREG = 0, ADREG = 0, DREG = 0, ALUMODEREG = 0, CARRYINREG = 0, CARRYINSELREG = 0, INMODEREG = 0
) (
  input  logic        CLK,
  input  logic [29:0] A,
  input  logic [17:0] B,
  input  logic [47:0] C,
  output logic [47:0] P, PCOUT,
  input  logic [6:0]  OPMODE,
  input  logic [3:0]  ALUMODE,
  input  logic        CARRYIN,
  input  logic [2:0]  CARRYINSEL,
  input  logic [4:0]  INMODE,
  input  logic        CEA1, CEA2, CEB1, CEB2, CEC, CECTRL, CEP, CEAD, CED, CEM, CEALUMODE, CECARRYIN, CEINMODE,
  input  logic        RSTA, RSTB, RSTC, RSTP, RSTM, RSTD, RSTCTRL, RSTALUMODE, RSTALLCARRYIN, RSTINMODE,
  input  logic [24:0] D,
  input  logic [29:0] ACIN,
  input  logic [17:0] BCIN,
  input  logic [47:0] PCIN,
  input  logic        CARRYCASCIN, MULTSIGNIN
);
  // Texts of different length are compared.
  // verilator lint_off WIDTHEXPAND
  if (USE_MULT != "NONE" || USE_DPORT != "FALSE" || MREG + ADREG + DREG + ALUMODEREG != 0 ||
      CARRYINREG + CARRYINSELREG + INMODEREG != 0 || ACASCREG != AREG || BCASCREG != BREG ||
      (USE_SIMD != "ONE48" && USE_SIMD != "TWO24" && USE_SIMD != "FOUR12")) begin : g_unsupported
    $error("the model of DSP48E1 does not cover these parameters");
  end

  localparam int FIELD = (USE_SIMD == "FOUR12") ? 12 : (USE_SIMD == "TWO24") ? 24 : 48;
  // verilator lint_on WIDTHEXPAND

  logic [47:0] ab, ab_taken, c, c_taken, p_taken, x, y, z, result;
  logic [6:0]  mode, mode_taken;
  logic        unused;
  assign unused = ^{CARRYINSEL, INMODE, CEA1, CEB1, CEAD, CED, CEM, CEALUMODE, CECARRYIN, CEINMODE, RSTM, RSTD,
                    RSTALUMODE, RSTALLCARRYIN, RSTINMODE, D, ACIN, BCIN, CARRYCASCIN, MULTSIGNIN};

  assign ab    = {(AREG == 0) ? A : ab_taken[47:18], (BREG == 0) ? B : ab_taken[17:0]};
  assign c     = (CREG == 0) ? C : c_taken;
  assign mode  = (OPMODEREG == 0) ? OPMODE : mode_taken;
  assign x     = (mode[1:0] == 2'b11) ? ab : (mode[1:0] == 2'b10) ? p_taken : '0;
  assign y     = (mode[3:2] == 2'b11) ? c : (mode[3:2] == 2'b10) ? '1 : '0;
  assign z     = (mode[6:4] == 3'b011) ? c : (mode[6:4] == 3'b010) ? p_taken : (mode[6:4] == 3'b001) ? PCIN : '0;
  assign P     = (PREG == 0) ? result : p_taken;
  assign PCOUT = P;

  // The adder: ALUMODE 0 inverts Z, ALUMODE 1 the sum.
  logic [47:0] operand, sum;
  assign operand = z ^ {48{ALUMODE[0]}};
  for (genvar i = 0; i < 48 / FIELD; i++) begin : g_field
    assign sum[FIELD*i +: FIELD] = x[FIELD*i +: FIELD] + y[FIELD*i +: FIELD] + operand[FIELD*i +: FIELD]
        + FIELD'(i == 0 && CARRYIN);
  end

  always_comb begin
    result = '0;
    if (ALUMODE[3:2] == 2'b00) result = sum ^ {48{ALUMODE[1]}};
    else if (ALUMODE == 4'b0100) result = x ^ y ^ z;
    else if (ALUMODE == 4'b0101) result = ~(x ^ y ^ z);
  end

  always_ff @(posedge CLK) begin
    if (RSTA) ab_taken[47:18] <= '0;
    else if (CEA2) ab_taken[47:18] <= A;
    if (RSTB) ab_taken[17:0] <= '0;
    else if (CEB2) ab_taken[17:0] <= B;
    if (RSTC) c_taken <= '0;
    else if (CEC) c_taken <= C;
    if (RSTCTRL) mode_taken <= '0;
    else if (CECTRL) mode_taken <= OPMODE;
    if (RSTP) p_taken <= '0;
    else if (CEP) p_taken <= result;
  end
endmodule
/* verilator lint_on DECLFILENAME */
