`include "bnn_assert.svh"
// Width converter: regroups the channels of a pixel from LANES_IN to LANES_OUT a beat.
//
// Purpose    joins units of different folding.
// BITS       bits of a value; CHANNELS values a pixel.
// LANES_IN   values an input beat, ceil(CHANNELS / LANES_IN) beats a pixel; what the
//            last beat holds beyond the pixel is ignored.
// LANES_OUT  likewise for the output; what lies beyond the pixel is zero.
// PIXELS     neighbouring pixels that each beat has values of, LANES_IN of the first pixel in the
//            low bits, then LANES_IN of the next one; likewise in the output.
// Rate       max(beats in, beats out) cycles a pixel (or PIXELS pixels).
// Latency    from the last input beat that the first output beat of a group needs:
//            1 cycle where one beat becomes one beat, 2 where only the output or only
//            the input has several beats a group, else 3. A group is the least number of
//            values that both widths divide, or the pixel where that does not divide it.
module bnn_converter #(
  parameter int BITS = 1,
  parameter int CHANNELS = 16,
  parameter int LANES_IN = 16,
  parameter int LANES_OUT = 4,
  parameter int PIXELS = 1
) (
  input  logic                             clk,
  input  logic                             rst_n,
  input  logic                             in_valid,
  output logic                             in_ready,
  input  logic [PIXELS*LANES_IN*BITS-1:0]  in_data,
  output logic                             out_valid,
  input  logic                             out_ready,
  output logic [PIXELS*LANES_OUT*BITS-1:0] out_data
);
  `BNN_REQUIRE(require_channels, CHANNELS >= 1, "CHANNELS must be at least 1")
  `BNN_REQUIRE(require_pixels, PIXELS >= 1, "PIXELS must be at least 1")

  function automatic integer least_common_multiple(input integer a, input integer b);
    integer x, y, rest;
    begin
      x = a;
      y = b;
      while (y != 0) begin
        rest = x % y;
        x    = y;
        y    = rest;
      end
      least_common_multiple = a / x * b;
    end
  endfunction

  localparam int COMMON = least_common_multiple(LANES_IN, LANES_OUT);
  localparam int GROUP = (CHANNELS % COMMON == 0) ? COMMON : CHANNELS;
  localparam int BEATS_IN = (GROUP + LANES_IN - 1) / LANES_IN;
  localparam int BEATS_OUT = (GROUP + LANES_OUT - 1) / LANES_OUT;
  localparam int LANES_IN_BITS = LANES_IN * BITS;                  // of one pixel
  localparam int LANES_OUT_BITS = LANES_OUT * BITS;
  localparam int GATHERED_BITS = BEATS_IN * LANES_IN_BITS;
  localparam int GROUP_BITS = GROUP * BITS;
  localparam int SCATTERED_BITS = BEATS_OUT * LANES_OUT_BITS;
  localparam int IN_BITS = PIXELS * LANES_IN_BITS;
  localparam int OUT_BITS = PIXELS * LANES_OUT_BITS;

  // The skid buffer sits on the narrow side, where it is cheapest.
  localparam bit SKID_AT_INPUT = LANES_IN <= LANES_OUT;

  logic                             first_valid, first_ready;
  logic [IN_BITS-1:0]               first_data;
  logic                             group_valid, group_ready;
  logic [PIXELS*GATHERED_BITS-1:0]  gathered;    // beat by beat
  logic [PIXELS*SCATTERED_BITS-1:0] padded;      // likewise
  logic                             last_valid, last_ready;
  logic [OUT_BITS-1:0]              last_data;

  if (SKID_AT_INPUT) begin : g_skid_in
    bnn_skid #(.WIDTH(IN_BITS)) u_skid (
      .clk, .rst_n, .in_valid, .in_ready, .in_data,
      .out_valid(first_valid), .out_ready(first_ready), .out_data(first_data)
    );
    assign out_valid  = last_valid;
    assign last_ready = out_ready;
    assign out_data   = last_data;
  end else begin : g_skid_out
    assign first_valid = in_valid;
    assign in_ready    = first_ready;
    assign first_data  = in_data;
    bnn_skid #(.WIDTH(OUT_BITS)) u_skid (
      .clk, .rst_n, .in_valid(last_valid), .in_ready(last_ready), .in_data(last_data),
      .out_valid, .out_ready, .out_data
    );
  end

  if (BEATS_IN > 1) begin : g_gather
    bnn_gather #(.WIDTH(IN_BITS), .BEATS(BEATS_IN)) u_gather (
      .clk, .rst_n, .in_valid(first_valid), .in_ready(first_ready), .in_data(first_data),
      .out_valid(group_valid), .out_ready(group_ready), .out_data(gathered)
    );
  end else begin : g_no_gather
    assign group_valid = first_valid;
    assign first_ready = group_ready;
    assign gathered    = first_data;
  end

  for (genvar p = 0; p < PIXELS; p++) begin : g_pixel
    logic [GATHERED_BITS-1:0]  own;
    logic [SCATTERED_BITS-1:0] next;
    for (genvar b = 0; b < BEATS_IN; b++) begin : g_in
      assign own[b*LANES_IN_BITS +: LANES_IN_BITS] = gathered[(b*PIXELS + p)*LANES_IN_BITS +: LANES_IN_BITS];
    end
    if (GATHERED_BITS > GROUP_BITS) begin : g_padding_in
      logic unused_padding;
      assign unused_padding = ^own[GATHERED_BITS-1:GROUP_BITS];
    end
    if (SCATTERED_BITS > GROUP_BITS) begin : g_padding_out
      assign next = {{(SCATTERED_BITS - GROUP_BITS){1'b0}}, own[GROUP_BITS-1:0]};
    end else begin : g_no_padding_out
      assign next = own[GROUP_BITS-1:0];
    end
    for (genvar b = 0; b < BEATS_OUT; b++) begin : g_out
      assign padded[(b*PIXELS + p)*LANES_OUT_BITS +: LANES_OUT_BITS] = next[b*LANES_OUT_BITS +: LANES_OUT_BITS];
    end
  end

  if (BEATS_OUT > 1) begin : g_scatter
    bnn_scatter #(.WIDTH(OUT_BITS), .BEATS(BEATS_OUT)) u_scatter (
      .clk, .rst_n, .in_valid(group_valid), .in_ready(group_ready), .in_data(padded),
      .out_valid(last_valid), .out_ready(last_ready), .out_data(last_data)
    );
  end else begin : g_no_scatter
    assign last_valid  = group_valid;
    assign group_ready = last_ready;
    assign last_data   = padded;
  end
endmodule
