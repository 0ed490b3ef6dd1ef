`include "bnn_assert.svh"
// Matrix-vector-threshold unit for weights that never change: all neurons, all inputs each cycle.
//
// Purpose    what bnn_mvtu does for PE = MH and SIMD = MW behind a threshold, in fewer LUTs.
// IN_BITS, IN_SIGNED, BIPOLAR, MW, MH, ACC_BITS, WEIGHT_FILE, THRESHOLD_FILE  as in bnn_mvtu; one
//            word a file.
// PIXELS, ROWS, STEP  vectors a beat, those of neighbouring windows: a vector has ROWS parts of
//            MW / ROWS inputs, and the parts of the next vector start STEP inputs later. The beat
//            holds ROWS times MW / ROWS + (PIXELS - 1) * STEP inputs; the output has the neurons
//            of each vector, those of the first one in the low bits.
// Handshake  in_ready and out_valid depend on registers only (skid buffer at the output).
// Rate       one beat a cycle.
// Latency    3 cycles, one more where MW exceeds DOT_GROUP: that of bnn_mvtu.
module bnn_constant_mvtu #(
  parameter int IN_BITS = 1,
  parameter bit IN_SIGNED = 0,
  parameter bit BIPOLAR = 1,
  parameter int MW = 144,
  parameter int MH = 16,
  parameter int ACC_BITS = 8,
  parameter WEIGHT_FILE = "",
  parameter THRESHOLD_FILE = "",
  parameter int PIXELS = 1,
  parameter int ROWS = 1,
  parameter int STEP = 1,
  parameter int SEEN = MW + ROWS * (PIXELS - 1) * STEP
) (
  input  logic                    clk,
  input  logic                    rst_n,
  input  logic                    in_valid,
  output logic                    in_ready,
  input  logic [SEEN*IN_BITS-1:0] in_data,
  output logic                    out_valid,
  input  logic                    out_ready,
  output logic [PIXELS*MH-1:0]    out_data
);
  localparam int DOT_GROUP = BIPOLAR ? 64 : 9;    // inputs summed up within a cycle at 100 MHz
  localparam int STAGES = (MW > DOT_GROUP) ? 3 : 2;

  `BNN_REQUIRE(require_size, MW >= 1 && MH >= 1, "MW and MH must be at least 1")
  `BNN_REQUIRE(require_bipolar, !BIPOLAR || (IN_BITS == 1 && !IN_SIGNED), "a bipolar input has one unsigned bit")
  `BNN_REQUIRE(require_acc_bits, !BIPOLAR || ACC_BITS >= $clog2(MW + 2), "ACC_BITS must hold MW + 1")

  logic [STAGES-1:0]      valid;    // element 0 is the newest
  logic                   advance, emit_ready;
  logic [MH*MW-1:0]       weights;
  logic [MH*ACC_BITS-1:0] thresholds;
  logic [PIXELS*MH-1:0]   fired;

  assign advance  = emit_ready || !valid[STAGES-1];
  assign in_ready = advance;

  always_ff @(posedge clk) begin
    if (!rst_n) valid <= '0;
    else if (advance) valid <= {valid[STAGES-2:0], in_valid};
  end

  bnn_table #(.WIDTH(MH * MW), .DEPTH(1), .FILE(WEIGHT_FILE)) u_weights (.address(1'b0), .word(weights));
  bnn_table #(.WIDTH(MH * ACC_BITS), .DEPTH(1), .FILE(THRESHOLD_FILE)) u_thresholds (
    .address(1'b0), .word(thresholds)
  );
  bnn_constant_layer #(
    .IN_BITS(IN_BITS), .IN_SIGNED(IN_SIGNED), .BIPOLAR(BIPOLAR), .MW(MW), .MH(MH), .ACC_BITS(ACC_BITS),
    .GROUP(DOT_GROUP), .FILE(WEIGHT_FILE), .PIXELS(PIXELS), .ROWS(ROWS), .STEP(STEP)
  ) u_layer (
    .clk, .enable(advance), .inputs(in_data), .weights, .thresholds, .fired
  );

  bnn_skid #(.WIDTH(PIXELS * MH)) u_skid (
    .clk, .rst_n, .in_valid(valid[STAGES-1]), .in_ready(emit_ready), .in_data(fired),
    .out_valid, .out_ready, .out_data
  );
endmodule
