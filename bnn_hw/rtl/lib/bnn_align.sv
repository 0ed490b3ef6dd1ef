`include "bnn_assert.svh"
// Cuts the rows of a map into overlapping beats: PIXELS places to start at, and LEAD pixels more.
//
// Purpose    stands before windows of LEAD + 1 columns. A row has LEAD windows fewer than pixels, and
//            beats that overlap carry as many windows as they have places.
// BITS       bits of a pixel (of all its channels).
// WIDTH      pixels of a row. They come PIXELS + LEAD a beat, the left one in the low bits, in
//            BEATS = ceil((WIDTH - LEAD) / PIXELS) beats; what lies behind them has no meaning.
// out_data   beat b of a row holds its pixels b * PIXELS to (b + 1) * PIXELS + LEAD - 1.
// Handshake  in_ready and out_valid depend on registers only (skid buffer at the output).
// Rate       a beat a cycle.
// Latency    2 cycles.
module bnn_align #(
  parameter int BITS = 24,
  parameter int WIDTH = 32,
  parameter int PIXELS = 10,
  parameter int LEAD = 2
) (
  input  logic                          clk,
  input  logic                          rst_n,
  input  logic                          in_valid,
  output logic                          in_ready,
  input  logic [(PIXELS+LEAD)*BITS-1:0] in_data,
  output logic                          out_valid,
  input  logic                          out_ready,
  output logic [(PIXELS+LEAD)*BITS-1:0] out_data
);
  `BNN_REQUIRE(require_positive, PIXELS >= 1 && LEAD >= 1, "PIXELS and LEAD must be at least 1")
  `BNN_REQUIRE(require_beats, WIDTH > PIXELS + LEAD, "WIDTH must be more than a beat")

  localparam int BEATS = (WIDTH - LEAD + PIXELS - 1) / PIXELS;    // of a row
  localparam int BEAT_BITS = $clog2(BEATS);
  localparam int WORD_BITS = (PIXELS + LEAD) * BITS;
  // A beat starts LEAD pixels further behind the input's beat than the beat before it did.
  localparam int KEPT_BITS = (BEATS - 1) * LEAD * BITS;

  logic [BEAT_BITS-1:0] beat, place;    // of the row: to be taken next; in the register
  logic                 valid, advance, emit_ready;
  logic [WORD_BITS-1:0] word, cut;
  logic [KEPT_BITS-1:0] kept, next_kept;    // pixels before the word, the newest in the high bits

  assign advance  = !valid || emit_ready;
  assign in_ready = advance;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      beat  <= '0;
      valid <= 1'b0;
    end else if (advance) begin
      valid <= in_valid;
      if (in_valid) beat <= (beat == BEAT_BITS'(BEATS - 1)) ? '0 : beat + 1'b1;
    end
  end

  logic [KEPT_BITS+WORD_BITS-1:0] line;
  assign line      = {word, kept};
  assign next_kept = line[WORD_BITS +: KEPT_BITS];

  always_ff @(posedge clk) begin
    if (advance && in_valid) begin
      word  <= in_data;
      kept  <= next_kept;
      place <= beat;
    end
  end

  always_comb begin
    cut = word;
    for (int b = 1; b < BEATS; b++) begin
      if (place == BEAT_BITS'(b)) cut = line[KEPT_BITS - b*LEAD*BITS +: WORD_BITS];
    end
  end

  bnn_skid #(.WIDTH(WORD_BITS)) u_skid (
    .clk, .rst_n, .in_valid(valid), .in_ready(emit_ready), .in_data(cut),
    .out_valid, .out_ready, .out_data
  );
endmodule
