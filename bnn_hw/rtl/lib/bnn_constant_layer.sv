`include "bnn_assert.svh"
// A layer whose weights never change, from its inputs to its thresholded neurons. This is the
// behavioural form for every family; the structural form is made for the weights and thresholds
// of a core.
//
// Purpose    the arithmetic of bnn_constant_mvtu: what neurons add up alike can be shared, and signs
//            and thresholds cost nothing.
// IN_BITS, IN_SIGNED, BIPOLAR, MW, MH, ACC_BITS, PIXELS, ROWS, STEP  as in bnn_constant_mvtu.
// weights    the word of the memory, thresholds likewise. FILE: memory image of the weights, the name by which a structural form is
//            found; it knows both.
// GROUP      inputs summed up in one cycle; more take two.
// Latency    2 enabled cycles from the inputs to fired, 3 where MW exceeds GROUP.
module bnn_constant_layer #(
  parameter int IN_BITS = 1,
  parameter bit IN_SIGNED = 0,
  parameter bit BIPOLAR = 1,
  parameter int MW = 16,
  parameter int MH = 4,
  parameter int ACC_BITS = 5,
  parameter int GROUP = 64,
  parameter FILE = "",
  parameter int PIXELS = 1,
  parameter int ROWS = 1,
  parameter int STEP = 1,
  parameter int SEEN = MW + ROWS * (PIXELS - 1) * STEP
) (
  input  logic                    clk,
  input  logic                    enable,
  input  logic [SEEN*IN_BITS-1:0] inputs,
  input  logic [MH*MW-1:0]        weights,
  input  logic [MH*ACC_BITS-1:0]  thresholds,
  output logic [PIXELS*MH-1:0]    fired
);
  `BNN_REQUIRE(require_size, MW >= 1 && MH >= 1, "MW and MH must be at least 1")

  logic [31:0] unused_file;
  assign unused_file = 32'(FILE);

  `BNN_REQUIRE(require_rows, PIXELS >= 1 && ROWS >= 1 && MW % ROWS == 0 && STEP >= 1, "ROWS must divide MW")

  localparam int PART_BITS = MW / ROWS * IN_BITS;
  localparam int SEEN_BITS = SEEN / ROWS * IN_BITS;

  for (genvar v = 0; v < PIXELS; v++) begin : g_vector
    logic [MW*IN_BITS-1:0] own;
    for (genvar r = 0; r < ROWS; r++) begin : g_row
      assign own[r*PART_BITS +: PART_BITS] = inputs[r*SEEN_BITS + v*STEP*IN_BITS +: PART_BITS];
    end

    if (BIPOLAR) begin : g_bits
      localparam int ROW_BITS = $clog2(MW + 1);
      logic [MW-1:0] operands;
      always_ff @(posedge clk) begin
        if (enable) operands <= own;
      end
      for (genvar p = 0; p < MH; p++) begin : g_neuron
        logic [ROW_BITS-1:0] row0, row1;
        bnn_match_dot #(.SIMD(MW), .GROUP(GROUP)) u_dot (
          .clk, .enable, .inputs(operands), .weights(weights[p*MW +: MW]), .row0, .row1
        );
        assign fired[v*MH + p] = (ACC_BITS + 1)'(row0) + (ACC_BITS + 1)'(row1)
            >= {1'b0, thresholds[p*ACC_BITS +: ACC_BITS]};
      end
    end else begin : g_integers
      localparam int TERM_BITS = IN_BITS + 2 + (IN_SIGNED ? 0 : 1);    // sum of three inputs
      localparam int TRIPLES = (MW + 2) / 3;
      localparam int ROW0_BITS = TERM_BITS + $clog2(TRIPLES);
      localparam int ROW1_BITS = $clog2(TRIPLES + 1);
      localparam int SUM_BITS = ((ROW0_BITS > ACC_BITS) ? ROW0_BITS : ACC_BITS) + 1;
      logic [TRIPLES*4*TERM_BITS-1:0] next_operands, operands;
      bnn_triple_sums #(.COUNT(MW), .BITS(IN_BITS), .IS_SIGNED(IN_SIGNED)) u_sums (
        .values(own), .sums(next_operands)
      );
      always_ff @(posedge clk) begin
        if (enable) operands <= next_operands;
      end
      for (genvar p = 0; p < MH; p++) begin : g_neuron
        logic [ROW0_BITS-1:0]       row0;
        logic [ROW1_BITS-1:0]       row1;
        logic                       invert;
        logic signed [SUM_BITS-1:0] sum, threshold;
        bnn_signed_dot #(.SIMD(MW), .TERM_BITS(TERM_BITS), .GROUP(GROUP)) u_dot (
          .clk, .enable, .sums(operands), .weights(weights[p*MW +: MW]), .row0, .invert, .row1
        );
        assign sum       = (SUM_BITS'($signed(row0)) ^ {SUM_BITS{invert}}) + SUM_BITS'(row1);
        assign threshold = SUM_BITS'($signed(thresholds[p*ACC_BITS +: ACC_BITS]));
        assign fired[v*MH + p] = sum >= threshold;
      end
    end
  end
endmodule
