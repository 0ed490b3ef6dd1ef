// Matches of many lanes side by side, 48 in a DSP slice each (bnn_xnor_48).
//
// Purpose    the comparison of the inputs of all PEs of a unit with their weights without LUTs.
// LANES      inputs, weights and matches; the last slice may have idle lanes.
// Latency    1 enabled cycle.
module bnn_match_slices #(
  parameter int LANES = 48
) (
  input  logic             clk,
  input  logic             enable,
  input  logic [LANES-1:0] inputs,
  input  logic [LANES-1:0] weights,
  output logic [LANES-1:0] equal
);
  localparam int SLICES = (LANES + 47) / 48;
  logic [48*SLICES-1:0] lanes, lane_weights, found;
  logic                 unused;    // the idle lanes
  assign lanes        = (48 * SLICES)'(inputs);
  assign lane_weights = (48 * SLICES)'(weights);
  assign equal        = found[LANES-1:0];
  assign unused       = ^found;

  for (genvar m = 0; m < SLICES; m++) begin : g_slice
    bnn_xnor_48 u_xnor (
      .clk, .enable, .inputs(lanes[48*m +: 48]), .weights(lane_weights[48*m +: 48]), .equal(found[48*m +: 48])
    );
  end
endmodule
