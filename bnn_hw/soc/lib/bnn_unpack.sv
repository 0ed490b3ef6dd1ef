`include "bnn_assert.svh"
// Words of memory to beats of a core: pictures packed byte after byte, each at the start of a word.
//
// Purpose    the width converter in front of the core. A beat may lie in two words; what is left
//            of a frame's last word is dropped.
// WORD_BYTES bytes of a word, a power of two and not less than BEAT_BYTES.
// BEAT_BYTES bytes of a beat, the first in the low bits.
// BEATS      beats of a frame.
// Handshake  valid/ready at both ends, no combinational path between them. out_first stands with
//            the first beat of a frame.
// Rate       a beat a cycle where words come fast enough; 2 cycles are lost after a frame whose
//            last beat lies in two words. Latency 3 cycles.
module bnn_unpack #(
  parameter int WORD_BYTES = 8,
  parameter int BEAT_BYTES = 3,
  parameter int BEATS = 1024
) (
  input  logic                    clk,
  input  logic                    rst_n,
  input  logic                    in_valid,
  output logic                    in_ready,
  input  logic [8*WORD_BYTES-1:0] in_data,
  output logic                    out_valid,
  input  logic                    out_ready,
  output logic [8*BEAT_BYTES-1:0] out_data,
  output logic                    out_first
);
  `BNN_REQUIRE(require_word, (WORD_BYTES & (WORD_BYTES - 1)) == 0, "WORD_BYTES must be a power of two")
  `BNN_REQUIRE(require_beat, BEAT_BYTES >= 1 && BEAT_BYTES <= WORD_BYTES,
    "BEAT_BYTES must be 1 to WORD_BYTES")
  `BNN_REQUIRE(require_beats, BEATS >= 1, "BEATS must be at least 1")

  function automatic integer power_of_two_in(input integer value);
    begin
      power_of_two_in = 1;
      while (value % (2 * power_of_two_in) == 0) power_of_two_in = 2 * power_of_two_in;
    end
  endfunction

  // Beats begin at multiples of STEP_BYTES; positions count those.
  localparam int STEP_BYTES = power_of_two_in(BEAT_BYTES);
  localparam int STEPS = WORD_BYTES / STEP_BYTES;
  localparam int TAKEN = BEAT_BYTES / STEP_BYTES;
  localparam int STEP_BITS = STEPS > 1 ? $clog2(STEPS) : 1;
  localparam int SUM_BITS = $clog2(2 * STEPS) + 1;
  localparam logic [SUM_BITS-1:0] ALL_STEPS = SUM_BITS'(STEPS);
  localparam int COUNT_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam int BEAT_BITS = 8 * BEAT_BYTES;

  logic [8*WORD_BYTES-1:0]  low, high;    // the word a beat begins in, and the one after
  logic                     low_valid, high_valid;
  logic [STEP_BITS-1:0]     position;
  logic [COUNT_BITS-1:0]    count;        // of the beat in its frame
  logic                     last;         // it is the frame's last one
  logic                     spans, ends;  // it lies in both words; nothing of the first one is behind it
  logic [STEP_BITS-1:0]     next_position;
  logic [COUNT_BITS-1:0]    next_count;
  logic [SUM_BITS-1:0]      next_after;   // position behind the next beat
  logic                     first, beat_valid, beat_ready, taken, drop_low, drop_high, shift;
  logic [16*WORD_BYTES-1:0] both;
  logic [BEAT_BITS-1:0]     beat;

  assign both       = {high, low};
  assign beat       = both[int'(position) * 8 * STEP_BYTES +: BEAT_BITS];
  assign first      = count == '0;
  assign beat_valid = low_valid && (!spans || high_valid);
  assign taken      = beat_valid && beat_ready;
  assign drop_low   = taken && (last || ends);
  assign drop_high  = taken && last && spans;
  assign shift      = high_valid && !drop_high && (!low_valid || drop_low);
  assign in_ready   = !high_valid || shift || drop_high;

  // The flags are registers beside the position: what goes back to the words is one LUT behind them.
  assign next_position = (last || STEPS == 1) ? '0 : STEP_BITS'(SUM_BITS'(position) + SUM_BITS'(TAKEN));
  assign next_count    = last ? '0 : count + 1'b1;
  assign next_after    = SUM_BITS'(next_position) + SUM_BITS'(TAKEN);

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      low_valid  <= 1'b0;
      high_valid <= 1'b0;
      position   <= '0;
      count      <= '0;
      last       <= BEATS == 1;
      spans      <= 1'b0;
      ends       <= TAKEN == STEPS;
    end else begin
      low_valid  <= shift || (low_valid && !drop_low);
      high_valid <= (in_valid && in_ready) || (high_valid && !shift && !drop_high);
      if (taken) begin
        position <= next_position;
        count    <= next_count;
        last     <= next_count == COUNT_BITS'(BEATS - 1);
        spans    <= next_after > ALL_STEPS;
        ends     <= next_after >= ALL_STEPS;
      end
    end
  end

  always_ff @(posedge clk) begin
    if (shift) low <= high;
    if (in_ready) high <= in_data;
  end

  bnn_skid #(.WIDTH(BEAT_BITS + 1)) u_skid (
    .clk, .rst_n, .in_valid(beat_valid), .in_ready(beat_ready), .in_data({first, beat}),
    .out_valid, .out_ready, .out_data({out_first, out_data})
  );
endmodule
