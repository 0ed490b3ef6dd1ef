`include "bnn_assert.svh"
// Full-rate sliding window: a whole window in one beat, from line delays and registers.
//
// Purpose    the window for SIMD = KERNEL_H * KERNEL_W * CHANNELS, also of a dense layer that
//            takes its whole input at once (1 x 1 map, kernel 1).
// BITS       bits of a value; CHANNELS values a pixel, one pixel an input beat.
// STRIDE_*   step between windows. PAD_* pixels of PAD_VALUE around the map; PAD_VALUE is
//            the field's content (for bipolar values 1 for +1, 0 for -1).
// REPLAY     beats each window stays at the output (neuron folds of the MVTU).
// Handshake  a skid buffer at the input, the narrow side; out_valid is a register.
// Rate       a window costs REPLAY cycles, a pixel that completes none (of the padded map:
//            the unit makes the padding itself) one:
//            windows * REPLAY + (padded pixels - windows) cycles a frame.
// Latency    2 cycles from the last pixel of a window.
module bnn_window_full #(
  parameter int BITS = 1,
  parameter int HEIGHT = 6,
  parameter int WIDTH = 6,
  parameter int CHANNELS = 16,
  parameter int KERNEL_H = 3,
  parameter int KERNEL_W = 3,
  parameter int STRIDE_H = 1,
  parameter int STRIDE_W = 1,
  parameter int PAD_TOP = 0,
  parameter int PAD_LEFT = 0,
  parameter int PAD_BOTTOM = 0,
  parameter int PAD_RIGHT = 0,
  parameter int PAD_VALUE = 0,
  parameter int REPLAY = 1
) (
  input  logic                                       clk,
  input  logic                                       rst_n,
  input  logic                                       in_valid,
  output logic                                       in_ready,
  input  logic [CHANNELS*BITS-1:0]                   in_data,
  output logic                                       out_valid,
  input  logic                                       out_ready,
  output logic [KERNEL_H*KERNEL_W*CHANNELS*BITS-1:0] out_data
);
  localparam int PIXEL_BITS = CHANNELS * BITS;
  localparam int PADDED_H = HEIGHT + PAD_TOP + PAD_BOTTOM;
  localparam int PADDED_W = WIDTH + PAD_LEFT + PAD_RIGHT;
  localparam bit PADDED = PADDED_H > HEIGHT || PADDED_W > WIDTH;

  `BNN_REQUIRE(require_positive, KERNEL_H >= 1 && KERNEL_W >= 1 && STRIDE_H >= 1 && STRIDE_W >= 1 && REPLAY >= 1,
    "KERNEL, STRIDE and REPLAY must be at least 1")
  `BNN_REQUIRE(require_fit, KERNEL_H <= PADDED_H && KERNEL_W <= PADDED_W,
    "the kernel must not exceed the padded map")

  localparam int X_BITS = $clog2(PADDED_W + 1);
  localparam int Y_BITS = $clog2(PADDED_H + 1);
  localparam int WAIT_X_BITS = $clog2((KERNEL_W > STRIDE_W ? KERNEL_W : STRIDE_W) + 1);
  localparam int WAIT_Y_BITS = $clog2((KERNEL_H > STRIDE_H ? KERNEL_H : STRIDE_H) + 1);
  localparam int REPLAY_BITS = (REPLAY > 1) ? $clog2(REPLAY) : 1;

  logic                  pixel_valid, shift, on_map;
  logic [PIXEL_BITS-1:0] pixel, incoming;

  bnn_skid #(.WIDTH(PIXEL_BITS)) u_skid (
    .clk, .rst_n, .in_valid, .in_ready, .in_data,
    .out_valid(pixel_valid), .out_ready(shift && on_map), .out_data(pixel)
  );

  // Place of the pixel to be shifted in, on the padded map; columns and rows to wait for
  // until a window is complete.
  logic [X_BITS-1:0]      x;
  logic [Y_BITS-1:0]      y;
  logic [WAIT_X_BITS-1:0] wait_x;
  logic [WAIT_Y_BITS-1:0] wait_y;
  logic [REPLAY_BITS-1:0] replay;
  logic                   end_row, end_frame, hit, end_replay;

  assign end_row    = x == X_BITS'(PADDED_W - 1);
  assign end_frame  = end_row && y == Y_BITS'(PADDED_H - 1);
  assign hit        = wait_x == '0 && wait_y == '0;
  assign end_replay = replay == REPLAY_BITS'(REPLAY - 1);
  assign shift      = (pixel_valid || !on_map) && (!out_valid || (out_ready && end_replay));

  if (PADDED) begin : g_padding
    // One comparison a side that is padded; a side that is not never fails it.
    logic on_map_x, on_map_y;
    assign on_map_x = x + X_BITS'(1) > X_BITS'(PAD_LEFT) && x < X_BITS'(WIDTH + PAD_LEFT);
    assign on_map_y = y + Y_BITS'(1) > Y_BITS'(PAD_TOP) && y < Y_BITS'(HEIGHT + PAD_TOP);
    assign on_map   = on_map_x && on_map_y;
    assign incoming = on_map ? pixel : {CHANNELS{BITS'(PAD_VALUE)}};
  end else begin : g_no_padding
    assign on_map   = 1'b1;
    assign incoming = pixel;
  end

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      x         <= '0;
      y         <= '0;
      wait_x    <= WAIT_X_BITS'(KERNEL_W - 1);
      wait_y    <= WAIT_Y_BITS'(KERNEL_H - 1);
      replay    <= '0;
      out_valid <= 1'b0;
    end else begin
      if (shift) begin
        x <= end_row ? '0 : x + 1'b1;
        if (end_row) wait_x <= WAIT_X_BITS'(KERNEL_W - 1);
        else if (wait_x == '0) wait_x <= WAIT_X_BITS'(STRIDE_W - 1);
        else wait_x <= wait_x - 1'b1;
        if (end_row) begin
          y <= end_frame ? '0 : y + 1'b1;
          if (end_frame) wait_y <= WAIT_Y_BITS'(KERNEL_H - 1);
          else if (wait_y == '0) wait_y <= WAIT_Y_BITS'(STRIDE_H - 1);
          else wait_y <= wait_y - 1'b1;
        end
      end
      if (out_valid && out_ready) replay <= end_replay ? '0 : replay + 1'b1;
      if (shift) out_valid <= hit;
      else if (out_ready && end_replay) out_valid <= 1'b0;
    end
  end

  // One long shift register: the window's rows, newest pixel in the high bits, and between
  // them the rest of a line.
  localparam int LINE_BITS = KERNEL_W * PIXEL_BITS;
  logic [KERNEL_H*PIXEL_BITS-1:0] entering;    // what each window row takes in
  logic [KERNEL_H*LINE_BITS-1:0]  window;

  assign entering[(KERNEL_H-1)*PIXEL_BITS +: PIXEL_BITS] = incoming;
  assign out_data = window;

  for (genvar r = 0; r < KERNEL_H; r++) begin : g_row
    if (KERNEL_W == 1) begin : g_one
      always_ff @(posedge clk) begin
        if (shift) window[r*LINE_BITS +: LINE_BITS] <= entering[r*PIXEL_BITS +: PIXEL_BITS];
      end
    end else begin : g_many
      always_ff @(posedge clk) begin
        if (shift) begin
          window[r*LINE_BITS +: LINE_BITS] <= {
            entering[r*PIXEL_BITS +: PIXEL_BITS],
            window[r*LINE_BITS + PIXEL_BITS +: LINE_BITS - PIXEL_BITS]
          };
        end
      end
    end
    if (r > 0) begin : g_line
      bnn_delay #(.WIDTH(PIXEL_BITS), .LENGTH(PADDED_W - KERNEL_W)) u_line (
        .clk,
        .enable(shift),
        .in_data(window[r*LINE_BITS +: PIXEL_BITS]),
        .out_data(entering[(r-1)*PIXEL_BITS +: PIXEL_BITS])
      );
    end
  end

  `BNN_ASSERT_STREAM(stable_output, out_valid, out_ready, out_data)
endmodule
