`include "bnn_assert.svh"
// Columns of up to 64 constants in LUTs of 7-series parts, combinational.
//
// Purpose  columns[c] = bit c * 2**INPUTS + address of INITS. Synthesis gets a LUT cell for each
//          column; columns of up to 32 words share a LUT site by twos (outputs O5 and O6, equal
//          inputs). A simulator gets the same truth tables as plain constants.
// INPUTS   1 to 6 address bits; COLUMNS functions of them.
module bnn_lut_columns #(
  parameter int INPUTS = 5,
  parameter int COLUMNS = 2,
  parameter logic [COLUMNS*(1 << INPUTS)-1:0] INITS = '0
) (
  input  logic [INPUTS-1:0]  address,
  output logic [COLUMNS-1:0] columns
);
  localparam int WORDS = 1 << INPUTS;

  `BNN_REQUIRE(require_inputs, INPUTS >= 1 && INPUTS <= 6, "INPUTS must be 1 to 6")

  for (genvar c = 0; c < COLUMNS; c++) begin : g_column
    localparam logic [WORDS-1:0] INIT = INITS[c*WORDS +: WORDS];
`ifdef SYNTHESIS
    if (INPUTS == 6) begin : g_lut6
      LUT6 #(.INIT(INIT)) u_lut (
        .O(columns[c]), .I0(address[0]), .I1(address[1]), .I2(address[2]), .I3(address[3]), .I4(address[4]),
        .I5(address[5])
      );
    end else begin : g_lut5
      logic [4:0] pins;
      assign pins = 5'(address);
      LUT5 #(.INIT(32'(INIT))) u_lut (
        .O(columns[c]), .I0(pins[0]), .I1(pins[1]), .I2(pins[2]), .I3(pins[3]), .I4(pins[4])
      );
    end
`else
    assign columns[c] = INIT[address];
`endif
  end
endmodule
