`include "bnn_assert.svh"
// Sliding window over a map that comes several pixels a beat: all windows that a beat completes
// in one beat, from line delays and registers.
//
// Purpose    the window for more than one pixel a cycle; step 1, no padding.
// BITS       bits of a value; CHANNELS values a pixel.
// PIXELS     neighbouring pixels of a row a beat, the left one in the low bits.
// WIDTH      pixels of a row. They lie in ceil((SKIP + WIDTH) / PIXELS) beats, behind SKIP (less
//            than PIXELS) places without meaning; what lies behind them has none either.
// REPLAY     beats each group of windows stays at the output (neuron folds of the MVTU).
// in_data    PIXELS pixels. out_data: of each kernel row the KERNEL_W + PIXELS - 1 pixels that the
//            windows of a beat cover together, the upper row and the left pixel in the low bits.
//            Window p starts p pixels from the left.
// Places     a window's place is that of its newest pixel: place p of an output beat belongs to
//            the window whose right lower pixel was place p of the input beat. Beats without any
//            window are left out, so a row has (SKIP + KERNEL_W - 1) % PIXELS places without
//            meaning before its windows.
// Handshake  a skid buffer at the input, the narrow side; out_valid is a register.
// Rate       a beat of windows costs REPLAY cycles, an input beat that completes none one:
//            beats out * REPLAY + (beats in - beats out) cycles a frame.
// Latency    2 cycles from the last pixel of a window.
module bnn_window_pixels #(
  parameter int BITS = 1,
  parameter int HEIGHT = 6,
  parameter int WIDTH = 8,
  parameter int CHANNELS = 16,
  parameter int PIXELS = 4,
  parameter int SKIP = 0,
  parameter int KERNEL_H = 3,
  parameter int KERNEL_W = 3,
  parameter int REPLAY = 1
) (
  input  logic                                                clk,
  input  logic                                                rst_n,
  input  logic                                                in_valid,
  output logic                                                in_ready,
  input  logic [PIXELS*CHANNELS*BITS-1:0]                     in_data,
  output logic                                                out_valid,
  input  logic                                                out_ready,
  output logic [KERNEL_H*(KERNEL_W+PIXELS-1)*CHANNELS*BITS-1:0] out_data
);
  `BNN_REQUIRE(require_positive, KERNEL_H >= 1 && KERNEL_W >= 1 && PIXELS >= 1 && REPLAY >= 1,
    "KERNEL, PIXELS and REPLAY must be at least 1")
  `BNN_REQUIRE(require_fit, KERNEL_H <= HEIGHT && KERNEL_W <= WIDTH, "the kernel must not exceed the map")
  `BNN_REQUIRE(require_skip, SKIP >= 0 && SKIP < PIXELS, "SKIP must be less than PIXELS")

  localparam int PIXEL_BITS = CHANNELS * BITS;
  localparam int WORD_BITS = PIXELS * PIXEL_BITS;
  localparam int BEATS = (SKIP + WIDTH + PIXELS - 1) / PIXELS;    // of a row
  localparam int DROPPED = (SKIP + KERNEL_W - 1) / PIXELS;        // beats of a row without a window
  localparam int BEAT_BITS = (BEATS > 1) ? $clog2(BEATS) : 1;
  localparam int Y_BITS = $clog2(HEIGHT + 1);
  localparam int WAIT_BITS = $clog2(KERNEL_H + 1);
  localparam int REPLAY_BITS = (REPLAY > 1) ? $clog2(REPLAY) : 1;

  logic                 word_valid, shift;
  logic [WORD_BITS-1:0] word;

  bnn_skid #(.WIDTH(WORD_BITS)) u_skid (
    .clk, .rst_n, .in_valid, .in_ready, .in_data,
    .out_valid(word_valid), .out_ready(shift), .out_data(word)
  );

  // Place of the beat to be shifted in, and rows to wait for until windows are complete.
  logic [BEAT_BITS-1:0]   beat;
  logic [Y_BITS-1:0]      y;
  logic [WAIT_BITS-1:0]   wait_y;
  logic [REPLAY_BITS-1:0] replay;
  logic                   end_row, end_frame, in_row, hit, end_replay;

  if (DROPPED == 0) begin : g_none_dropped
    assign in_row = 1'b1;
  end else begin : g_dropped
    assign in_row = beat >= BEAT_BITS'(DROPPED);
  end
  assign end_row    = beat == BEAT_BITS'(BEATS - 1);
  assign end_frame  = end_row && y == Y_BITS'(HEIGHT - 1);
  assign hit        = in_row && wait_y == '0;
  assign end_replay = replay == REPLAY_BITS'(REPLAY - 1);
  assign shift      = word_valid && (!out_valid || (out_ready && end_replay));

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      beat      <= '0;
      y         <= '0;
      wait_y    <= WAIT_BITS'(KERNEL_H - 1);
      replay    <= '0;
      out_valid <= 1'b0;
    end else begin
      if (shift) begin
        beat <= end_row ? '0 : beat + 1'b1;
        if (end_row) begin
          y <= end_frame ? '0 : y + 1'b1;
          if (end_frame) wait_y <= WAIT_BITS'(KERNEL_H - 1);
          else if (wait_y != '0) wait_y <= wait_y - 1'b1;
        end
      end
      if (out_valid && out_ready) replay <= end_replay ? '0 : replay + 1'b1;
      if (shift) out_valid <= hit;
      else if (out_ready && end_replay) out_valid <= 1'b0;
    end
  end

  // Each row of windows holds the newest beat and the KERNEL_W - 1 pixels before it; a line delay
  // leads the beats of a row to the row above.
  localparam int LINE_BITS = (KERNEL_W + PIXELS - 1) * PIXEL_BITS;
  logic [KERNEL_H*WORD_BITS-1:0] entering;    // what each row of windows takes in
  logic [KERNEL_H*LINE_BITS-1:0] window;

  assign entering[(KERNEL_H-1)*WORD_BITS +: WORD_BITS] = word;
  assign out_data = window;

  for (genvar r = 0; r < KERNEL_H; r++) begin : g_row
    if (KERNEL_W == 1) begin : g_one
      always_ff @(posedge clk) begin
        if (shift) window[r*LINE_BITS +: LINE_BITS] <= entering[r*WORD_BITS +: WORD_BITS];
      end
    end else begin : g_many
      always_ff @(posedge clk) begin
        if (shift) begin
          window[r*LINE_BITS +: LINE_BITS] <= {
            entering[r*WORD_BITS +: WORD_BITS],
            window[r*LINE_BITS + WORD_BITS +: LINE_BITS - WORD_BITS]
          };
        end
      end
    end
    if (r > 0) begin : g_line
      bnn_delay #(.WIDTH(WORD_BITS), .LENGTH(BEATS - 1)) u_line (
        .clk,
        .enable(shift),
        .in_data(window[(r+1)*LINE_BITS - 1 -: WORD_BITS]),
        .out_data(entering[(r-1)*WORD_BITS +: WORD_BITS])
      );
    end
  end

  `BNN_ASSERT_STREAM(stable_output, out_valid, out_ready, out_data)
endmodule
