`include "bnn_assert.svh"
// Max-pool of bipolar values: the OR of KERNEL_H x KERNEL_W pixels, kernel = stride.
//
// Purpose    halves (or thirds, ...) a map. Left-over rows and columns are dropped.
// CHANNELS   values a pixel; LANES values a beat, ceil(CHANNELS / LANES) beats a pixel.
// PIXELS     neighbouring pixels of a row a beat, the left one in the low bits, LANES values of each.
//            More than one: a multiple of KERNEL_W, and the output has PIXELS / KERNEL_W a beat.
// SKIP       places without meaning before the pixels of a row, less than PIXELS and a multiple of
//            KERNEL_W; the output has SKIP / KERNEL_W. WIDTH does not count them.
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
  parameter int KERNEL_W = 2,
  parameter int PIXELS = 1,
  parameter int SKIP = 0,
  parameter int OUT_PIXELS = (PIXELS > 1) ? PIXELS / KERNEL_W : 1
) (
  input  logic                        clk,
  input  logic                        rst_n,
  input  logic                        in_valid,
  output logic                        in_ready,
  input  logic [PIXELS*LANES-1:0]     in_data,
  output logic                        out_valid,
  input  logic                        out_ready,
  output logic [OUT_PIXELS*LANES-1:0] out_data
);
  // A column is what a beat carries: a pixel, or several whose pools are ORed beforehand.
  localparam bit SEVERAL = PIXELS > 1;
  localparam int COLUMNS = (SKIP + WIDTH + PIXELS - 1) / PIXELS;
  localparam int STEP = SEVERAL ? 1 : KERNEL_W;
  localparam int OUT_H = HEIGHT / KERNEL_H;
  localparam int OUT_W = (SKIP / KERNEL_W + WIDTH / KERNEL_W + OUT_PIXELS - 1) / OUT_PIXELS;
  localparam int WORD_BITS = OUT_PIXELS * LANES;
  localparam int BEATS = (CHANNELS + LANES - 1) / LANES;    // of a pixel
  localparam int POOLS = OUT_W * BEATS;

  `BNN_REQUIRE(require_lanes, LANES >= 1 && LANES <= CHANNELS, "LANES must be 1 to CHANNELS")
  `BNN_REQUIRE(require_kernel, KERNEL_H >= 1 && KERNEL_W >= 1 && OUT_H >= 1 && WIDTH >= KERNEL_W,
    "the kernel must be at least 1 and not exceed the map")
  `BNN_REQUIRE(require_pixels, !SEVERAL || PIXELS % KERNEL_W == 0, "KERNEL_W must divide PIXELS")
  `BNN_REQUIRE(require_skip, SKIP >= 0 && SKIP < PIXELS && SKIP % KERNEL_W == 0,
    "SKIP must be a multiple of KERNEL_W below PIXELS")

  localparam int BEAT_BITS = (BEATS > 1) ? $clog2(BEATS) : 1;
  localparam int X_BITS = $clog2(COLUMNS + 1);
  localparam int Y_BITS = $clog2(HEIGHT + 1);
  localparam int KX_BITS = (STEP > 1) ? $clog2(STEP) : 1;
  localparam int KY_BITS = (KERNEL_H > 1) ? $clog2(KERNEL_H) : 1;
  localparam int POOL_BITS = (POOLS > 1) ? $clog2(POOLS) : 1;

  // Place of the next beat: within its pixel, on the map, within its pool; and its pool.
  logic [BEAT_BITS-1:0] beat;
  logic [X_BITS-1:0]    x;
  logic [Y_BITS-1:0]    y;
  logic [KX_BITS-1:0]   kernel_x;
  logic [KY_BITS-1:0]   kernel_y;
  logic [POOL_BITS-1:0] pool_start, pool;    // of the pixel's first beat, of the beat
  logic end_pixel, end_row, end_frame, end_x, end_y, kept_x, kept_y, kept, begins, ends;

  assign end_pixel = beat == BEAT_BITS'(BEATS - 1);
  assign end_row   = end_pixel && x == X_BITS'(COLUMNS - 1);
  assign end_frame = end_row && y == Y_BITS'(HEIGHT - 1);
  assign end_x     = kernel_x == KX_BITS'(STEP - 1);
  assign end_y     = kernel_y == KY_BITS'(KERNEL_H - 1);
  assign kept      = kept_x && kept_y;
  assign begins    = kernel_x == '0 && kernel_y == '0;
  assign ends      = kept && end_x && end_y;

  // Nothing is compared where nothing is left over: in_ready depends on it.
  if (OUT_W * STEP >= COLUMNS) begin : g_all_columns
    assign kept_x = 1'b1;
  end else begin : g_columns
    assign kept_x = x < X_BITS'(OUT_W * STEP);
  end
  if (OUT_H * KERNEL_H >= HEIGHT) begin : g_all_rows
    assign kept_y = 1'b1;
  end else begin : g_rows
    assign kept_y = y < Y_BITS'(OUT_H * KERNEL_H);
  end

  logic                 accept, emit_ready;
  logic [WORD_BITS-1:0] values, maximum;
  (* ram_style = "distributed" *) logic [WORD_BITS-1:0] so_far [0:POOLS-1];

  if (SEVERAL) begin : g_several
    for (genvar p = 0; p < OUT_PIXELS; p++) begin : g_pool
      logic [LANES-1:0] row;
      always_comb begin
        row = '0;
        for (int i = 0; i < KERNEL_W; i++) row = row | in_data[(p*KERNEL_W + i)*LANES +: LANES];
      end
      assign values[p*LANES +: LANES] = row;
    end
  end else begin : g_one
    assign values = in_data;
  end

  assign in_ready = emit_ready || !ends;
  assign accept   = in_valid && in_ready;
  assign maximum  = values | (begins ? '0 : so_far[pool]);

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

  bnn_skid #(.WIDTH(WORD_BITS)) u_skid (
    .clk, .rst_n, .in_valid(in_valid && ends), .in_ready(emit_ready), .in_data(maximum),
    .out_valid, .out_ready, .out_data
  );
endmodule
