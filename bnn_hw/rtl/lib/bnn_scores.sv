`include "bnn_assert.svh"
// Result of a frame: the score of every class, then the index of the greatest.
//
// Purpose    the end of the chain.
// CLASSES    number of scores; LANES of them a beat, ceil(CLASSES / LANES) beats a frame.
// IN_BITS    bits of a score, two's complement.
// Output     CLASSES words of a score each, sign-extended to 32 bits, then one word with the
//            winning class and out_last. Of equal scores the lowest class wins.
// Handshake  in_ready and out_valid depend on registers only.
// Rate       CLASSES + 1 cycles a frame.
// Latency    from a beat to its first score: 1 cycle, 3 where LANES > 1; the winning class
//            follows the last score by a cycle.
module bnn_scores #(
  parameter int CLASSES = 4,
  parameter int LANES = 1,
  parameter int IN_BITS = 16
) (
  input  logic                     clk,
  input  logic                     rst_n,
  input  logic                     in_valid,
  output logic                     in_ready,
  input  logic [LANES*IN_BITS-1:0] in_data,
  output logic                     out_valid,
  input  logic                     out_ready,
  output logic [31:0]              out_data,
  output logic                     out_last
);
  localparam int CLASS_BITS = $clog2(CLASSES + 1);
  localparam int WORD_BITS = (IN_BITS > CLASS_BITS + 1) ? IN_BITS : CLASS_BITS + 1;

  `BNN_REQUIRE(require_classes, CLASSES >= 1, "CLASSES must be at least 1")
  `BNN_REQUIRE(require_bits, WORD_BITS <= 32, "a score must fit in 32 bits")

  logic                      score_valid, score_ready;
  logic signed [IN_BITS-1:0] score, best;

  if (LANES > 1) begin : g_narrow
    bnn_converter #(.BITS(IN_BITS), .CHANNELS(CLASSES), .LANES_IN(LANES), .LANES_OUT(1)) u_converter (
      .clk, .rst_n, .in_valid, .in_ready, .in_data,
      .out_valid(score_valid), .out_ready(score_ready), .out_data(score)
    );
  end else begin : g_as_is
    assign score_valid = in_valid;
    assign in_ready    = score_ready;
    assign score       = in_data;
  end

  logic [CLASS_BITS-1:0] index, winner;    // index CLASSES: the winner's turn
  logic                  is_last, better, emit, emit_ready;
  logic [WORD_BITS-1:0]  word, out_word;

  assign is_last     = index == CLASS_BITS'(CLASSES);
  assign better      = index == '0 || score > best;
  assign score_ready = emit_ready && !is_last;
  assign emit        = is_last || score_valid;
  assign word        = is_last ? WORD_BITS'(winner) : WORD_BITS'(score);

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      index <= '0;
    end else if (emit && emit_ready) begin
      index <= is_last ? '0 : index + 1'b1;
    end
    if (emit && emit_ready && !is_last && better) begin
      best   <= score;
      winner <= index;
    end
  end

  bnn_skid #(.WIDTH(WORD_BITS + 1)) u_skid (
    .clk, .rst_n, .in_valid(emit), .in_ready(emit_ready), .in_data({is_last, word}),
    .out_valid, .out_ready, .out_data({out_last, out_word})
  );
  assign out_data = 32'($signed(out_word));
endmodule
