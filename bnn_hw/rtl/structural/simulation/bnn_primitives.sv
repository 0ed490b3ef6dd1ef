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
/* verilator lint_on DECLFILENAME */
