`include "bnn_assert.svh"
// Max-pool of bipolar values: the OR of KERNEL_H x KERNEL_W pixels, kernel = stride.
//
// Purpose    halves (or thirds, ...) a map. Left-over rows and columns are dropped.
// CHANNELS   values a pixel; LANES values a beat, ceil(CHANNELS / LANES) beats a pixel.
// Handshake  in_ready and out_valid depend on registers only (skid buffer at the output).
// Rate       one input beat a cycle.
// Latency    1 cycle from the last input beat of a pool.
// The OR so far of every pool in the present row of pools lies in a RAM of LUTs.
module bnn_pool #(
  parameter int HEIGHT = 8,
  parameter int WIDTH = 8,
  parameter int CHANNELS = 16,
  parameter int LANES = 16,
  parameter int KERNEL_H = 2,
  parameter int KERNEL_W = 2
) (
  input  logic             clk,
  input  logic             rst_n,
  input  logic             in_valid,
  output logic             in_ready,
  input  logic [LANES-1:0] in_data,
  output logic             out_valid,
  input  logic             out_ready,
  output logic [LANES-1:0] out_data
);
  localparam int OUT_H = HEIGHT / KERNEL_H;
  localparam int OUT_W = WIDTH / KERNEL_W;
  localparam int BEATS = (CHANNELS + LANES - 1) / LANES;    // of a pixel
  localparam int POOLS = OUT_W * BEATS;

  `BNN_REQUIRE(require_lanes, LANES >= 1 && LANES <= CHANNELS, "LANES must be 1 to CHANNELS")
  `BNN_REQUIRE(require_kernel, KERNEL_H >= 1 && KERNEL_W >= 1 && OUT_H >= 1 && OUT_W >= 1,
    "the kernel must be at least 1 and not exceed the map")

  localparam int BEAT_BITS = (BEATS > 1) ? $clog2(BEATS) : 1;
  localparam int X_BITS = $clog2(WIDTH + 1);
  localparam int Y_BITS = $clog2(HEIGHT + 1);
  localparam int KX_BITS = (KERNEL_W > 1) ? $clog2(KERNEL_W) : 1;
  localparam int KY_BITS = (KERNEL_H > 1) ? $clog2(KERNEL_H) : 1;
  localparam int POOL_BITS = (POOLS > 1) ? $clog2(POOLS) : 1;

  // Place of the next beat: within its pixel, on the map, within its pool; and its pool.
  logic [BEAT_BITS-1:0] beat;
  logic [X_BITS-1:0]    x;
  logic [Y_BITS-1:0]    y;
  logic [KX_BITS-1:0]   kernel_x;
  logic [KY_BITS-1:0]   kernel_y;
  logic [POOL_BITS-1:0] pool_start, pool;    // of the pixel's first beat, of the beat
  logic end_pixel, end_row, end_frame, end_x, end_y, kept, begins, ends;

  assign end_pixel = beat == BEAT_BITS'(BEATS - 1);
  assign end_row   = end_pixel && x == X_BITS'(WIDTH - 1);
  assign end_frame = end_row && y == Y_BITS'(HEIGHT - 1);
  assign end_x     = kernel_x == KX_BITS'(KERNEL_W - 1);
  assign end_y     = kernel_y == KY_BITS'(KERNEL_H - 1);
  assign kept      = x < X_BITS'(OUT_W * KERNEL_W) && y < Y_BITS'(OUT_H * KERNEL_H);
  assign begins    = kernel_x == '0 && kernel_y == '0;
  assign ends      = kept && end_x && end_y;

  logic             accept, emit_ready;
  logic [LANES-1:0] maximum;
  (* ram_style = "distributed" *) logic [LANES-1:0] so_far [0:POOLS-1];

  assign in_ready = emit_ready || !ends;
  assign accept   = in_valid && in_ready;
  assign maximum  = in_data | (begins ? '0 : so_far[pool]);

  always_ff @(posedge clk) begin
    if (accept && kept) so_far[pool] <= maximum;
  end

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      beat       <= '0;
      x          <= '0;
      y          <= '0;
      kernel_x   <= '0;
      kernel_y   <= '0;
      pool_start <= '0;
      pool       <= '0;
    end else if (accept) begin
      beat <= end_pixel ? '0 : beat + 1'b1;
      if (end_row) begin
        x          <= '0;
        kernel_x   <= '0;
        y          <= end_frame ? '0 : y + 1'b1;
        kernel_y   <= (end_frame || end_y) ? '0 : kernel_y + 1'b1;
        pool_start <= '0;
        pool       <= '0;
      end else if (end_pixel) begin
        x        <= x + 1'b1;
        kernel_x <= end_x ? '0 : kernel_x + 1'b1;
        pool     <= end_x ? pool + 1'b1 : pool_start;
        if (end_x) pool_start <= pool + 1'b1;
      end else begin
        pool <= pool + 1'b1;
      end
    end
  end

  bnn_skid #(.WIDTH(LANES)) u_skid (
    .clk, .rst_n, .in_valid(in_valid && ends), .in_ready(emit_ready), .in_data(maximum),
    .out_valid, .out_ready, .out_data
  );
endmodule
