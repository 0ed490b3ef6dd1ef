`include "bnn_assert.svh"
// Multiplexers of 7-series slices that join the tables of LUTs, combinational.
//
// Purpose  columns = select ? high : low, in cells that take no LUT.
// LEVEL    7: MUXF7, whose data come from LUTs; 8: MUXF8, whose data come from MUXF7.
module bnn_wide_mux #(
  parameter int LEVEL = 7,
  parameter int COLUMNS = 2
) (
  input  logic               select,
  input  logic [COLUMNS-1:0] low,
  input  logic [COLUMNS-1:0] high,
  output logic [COLUMNS-1:0] columns
);
  `BNN_REQUIRE(require_level, LEVEL == 7 || LEVEL == 8, "LEVEL must be 7 or 8")

`ifdef SYNTHESIS
  for (genvar c = 0; c < COLUMNS; c++) begin : g_column
    if (LEVEL == 7) begin : g_f7
      MUXF7 u_mux (.O(columns[c]), .I0(low[c]), .I1(high[c]), .S(select));
    end else begin : g_f8
      MUXF8 u_mux (.O(columns[c]), .I0(low[c]), .I1(high[c]), .S(select));
    end
  end
`else
  assign columns = select ? high : low;
`endif
endmodule
