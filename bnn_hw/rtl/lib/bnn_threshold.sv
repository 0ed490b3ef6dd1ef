`include "bnn_assert.svh"
// Threshold unit: compares each value with its channel's threshold, one bit a value.
//
// Purpose    binarises values that no matrix precedes, for instance the pixels of the input.
// IN_BITS    bits of a value; IN_SIGNED 1 for two's complement.
// CHANNELS   values a pixel; LANES values a beat, ceil(CHANNELS / LANES) beats a pixel; lanes
//            beyond the pixel have no meaning.
// PIXELS     pixels that each beat has values of, LANES of the first one in the low bits.
// THRESHOLD_FILE  ceil(CHANNELS / LANES) words; lane l has IN_BITS + 2 bits at l * (IN_BITS + 2):
//            the threshold in IN_BITS + 1 bits (two's complement if IN_SIGNED, else unsigned)
//            and above it invert. Output = (value >= threshold) != invert.
// Handshake  in_ready and out_valid depend on registers only (skid buffer at the output).
// Rate       one beat a cycle.
// Latency    2 cycles.
module bnn_threshold #(
  parameter int IN_BITS = 8,
  parameter bit IN_SIGNED = 0,
  parameter int CHANNELS = 3,
  parameter int LANES = 3,
  parameter THRESHOLD_FILE = "",
  parameter int PIXELS = 1
) (
  input  logic                            clk,
  input  logic                            rst_n,
  input  logic                            in_valid,
  output logic                            in_ready,
  input  logic [PIXELS*LANES*IN_BITS-1:0] in_data,
  output logic                            out_valid,
  input  logic                            out_ready,
  output logic [PIXELS*LANES-1:0]         out_data
);
  localparam int BEATS = (CHANNELS + LANES - 1) / LANES;
  localparam int BEAT_BITS = (BEATS > 1) ? $clog2(BEATS) : 1;
  localparam int FIELD_BITS = IN_BITS + 2;

  `BNN_REQUIRE(require_lanes, LANES >= 1 && LANES <= CHANNELS, "LANES must be 1 to CHANNELS")

  logic [BEAT_BITS-1:0]            beat;
  logic                            accept, advance, valid, emit_ready;
  logic [PIXELS*LANES*IN_BITS-1:0] values;
  logic [LANES*FIELD_BITS-1:0]     fields;
  logic [PIXELS*LANES-1:0]         fired;

  assign advance  = emit_ready || !valid;
  assign in_ready = advance;
  assign accept   = in_valid && advance;

  bnn_rom #(.WIDTH(LANES * FIELD_BITS), .DEPTH(BEATS), .FILE(THRESHOLD_FILE), .STYLE("logic")) u_thresholds (
    .clk, .enable(advance), .address(beat), .data(fields)
  );

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      beat  <= '0;
      valid <= 1'b0;
    end else if (advance) begin
      valid <= accept;
      if (accept) beat <= (beat == BEAT_BITS'(BEATS - 1)) ? '0 : beat + 1'b1;
    end
    if (advance) values <= in_data;
  end

  for (genvar i = 0; i < PIXELS * LANES; i++) begin : g_lane
    localparam int LANE = i % LANES;
    logic signed [IN_BITS+1:0] value, threshold;    // wide enough for both kinds of field
    logic                      invert;
    assign value = {{2{IN_SIGNED && values[i*IN_BITS + IN_BITS - 1]}}, values[i*IN_BITS +: IN_BITS]};
    assign threshold = {
      IN_SIGNED && fields[LANE*FIELD_BITS + IN_BITS],
      fields[LANE*FIELD_BITS +: IN_BITS + 1]
    };
    assign invert   = fields[LANE*FIELD_BITS + IN_BITS + 1];
    assign fired[i] = (value >= threshold) != invert;
  end

  bnn_skid #(.WIDTH(PIXELS * LANES)) u_skid (
    .clk, .rst_n, .in_valid(valid), .in_ready(emit_ready), .in_data(fired),
    .out_valid, .out_ready, .out_data
  );
endmodule
