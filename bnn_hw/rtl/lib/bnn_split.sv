`include "bnn_assert.svh"
// Splits beats of several pixels into beats of fewer, and leaves out those that carry nothing.
//
// Purpose    where a later part of the network needs fewer pixels a cycle.
// BITS       bits of a pixel (of all its channels).
// PIXELS_IN  neighbouring pixels of a row an input beat, the left one in the low bits.
//            PIXELS_OUT, of the output, are fewer.
// WIDTH      pixels of a row. They lie in ceil((SKIP + WIDTH) / PIXELS_IN) beats, behind SKIP
//            (less than PIXELS_IN) places without meaning; what lies behind them has none either.
//            In the output, SKIP % PIXELS_OUT places without meaning are before them, and none
//            where PIXELS_OUT does not divide PIXELS_IN: rows are gathered and cut anew then.
// Handshake  in_ready and out_valid depend on registers only (skid buffer at the output).
// Rate       an output beat a cycle.
// Latency    2 cycles to the first output beat. Where rows are gathered, from the row's last input
//            beat 1, one more if it has several, and one more if several are made.
module bnn_split #(
  parameter int BITS = 16,
  parameter int WIDTH = 10,
  parameter int SKIP = 2,
  parameter int PIXELS_IN = 4,
  parameter int PIXELS_OUT = 1
) (
  input  logic                       clk,
  input  logic                       rst_n,
  input  logic                       in_valid,
  output logic                       in_ready,
  input  logic [PIXELS_IN*BITS-1:0]  in_data,
  output logic                       out_valid,
  input  logic                       out_ready,
  output logic [PIXELS_OUT*BITS-1:0] out_data
);
  `BNN_REQUIRE(require_pixels, PIXELS_OUT >= 1 && PIXELS_IN > PIXELS_OUT, "PIXELS_OUT must be less than PIXELS_IN")
  `BNN_REQUIRE(require_skip, WIDTH >= 1 && SKIP >= 0 && SKIP < PIXELS_IN, "SKIP must be less than PIXELS_IN")

  localparam int BEATS = (SKIP + WIDTH + PIXELS_IN - 1) / PIXELS_IN;    // of a row
  localparam int PIECE_BITS = PIXELS_OUT * BITS;

  logic                  piece_valid, piece_ready;
  logic [PIECE_BITS-1:0] piece;

  if (PIXELS_IN % PIXELS_OUT == 0) begin : g_beats
    localparam int PIECES = PIXELS_IN / PIXELS_OUT;    // of a beat
    localparam int FIRST = SKIP / PIXELS_OUT;    // piece of a row's first beat that is the first kept
    localparam int LAST = (SKIP + WIDTH - 1 - (BEATS - 1) * PIXELS_IN) / PIXELS_OUT;    // last of its last
    localparam int BEAT_BITS = (BEATS > 1) ? $clog2(BEATS) : 1;
    localparam int COUNT_BITS = $clog2(PIECES);

    logic [BEAT_BITS-1:0]      beat;      // of the row, to be taken next
    logic [COUNT_BITS-1:0]     behind;    // pieces that follow the one on offer
    logic [COUNT_BITS-1:0]     first, last;
    logic [PIXELS_IN*BITS-1:0] group, next_group;
    logic                      first_beat, last_beat, free, advance, valid;

    assign first_beat = beat == '0;
    assign last_beat  = beat == BEAT_BITS'(BEATS - 1);
    assign first      = first_beat ? COUNT_BITS'(FIRST) : '0;
    assign last       = last_beat ? COUNT_BITS'(LAST) : COUNT_BITS'(PIECES - 1);
    assign advance    = !valid || piece_ready;
    assign free       = advance && behind == '0;
    assign in_ready   = free;

    if (FIRST > 0) begin : g_skip
      assign next_group = first_beat ? in_data >> (FIRST * PIECE_BITS) : in_data;
    end else begin : g_no_skip
      assign next_group = in_data;
    end

    always_ff @(posedge clk) begin
      if (!rst_n) begin
        beat   <= '0;
        behind <= '0;
        valid  <= 1'b0;
      end else if (free) begin
        behind <= in_valid ? last - first : '0;
        valid  <= in_valid;
        if (in_valid) beat <= last_beat ? '0 : beat + 1'b1;
      end else if (advance) begin
        behind <= behind - 1'b1;
      end
    end

    always_ff @(posedge clk) begin
      if (free) group <= next_group;
      else if (advance) group <= group >> PIECE_BITS;
    end

    assign piece_valid = valid;
    assign piece       = group[PIECE_BITS-1:0];
  end else begin : g_rows
    // Beats that do not fit into each other: whole rows are gathered and cut anew.
    localparam int OUT_BEATS = (WIDTH + PIXELS_OUT - 1) / PIXELS_OUT;
    localparam int ROW_BITS = WIDTH * BITS;
    logic                            row_valid, row_ready;
    logic [BEATS*PIXELS_IN*BITS-1:0] gathered;
    logic [OUT_BEATS*PIECE_BITS-1:0] row;
    logic                            unused_places;

    assign unused_places = ^gathered;
    assign row = (OUT_BEATS * PIECE_BITS)'(gathered[SKIP*BITS +: ROW_BITS]);

    if (BEATS > 1) begin : g_gather
      bnn_gather #(.WIDTH(PIXELS_IN * BITS), .BEATS(BEATS)) u_gather (
        .clk, .rst_n, .in_valid, .in_ready, .in_data,
        .out_valid(row_valid), .out_ready(row_ready), .out_data(gathered)
      );
    end else begin : g_no_gather
      assign row_valid = in_valid;
      assign in_ready  = row_ready;
      assign gathered  = in_data;
    end
    if (OUT_BEATS > 1) begin : g_scatter
      bnn_scatter #(.WIDTH(PIECE_BITS), .BEATS(OUT_BEATS)) u_scatter (
        .clk, .rst_n, .in_valid(row_valid), .in_ready(row_ready), .in_data(row),
        .out_valid(piece_valid), .out_ready(piece_ready), .out_data(piece)
      );
    end else begin : g_no_scatter
      assign piece_valid = row_valid;
      assign row_ready   = piece_ready;
      assign piece       = row;
    end
  end

  bnn_skid #(.WIDTH(PIECE_BITS)) u_skid (
    .clk, .rst_n, .in_valid(piece_valid), .in_ready(piece_ready), .in_data(piece),
    .out_valid, .out_ready, .out_data
  );
endmodule
