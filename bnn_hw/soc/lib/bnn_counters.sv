// Counters of what the accelerator does, and their snapshot.
//
// Purpose   figures in clock cycles that need no processor. snapshot copies all of them in one
//           cycle to the outputs, so that they belong together.
// Ports     clear: all but cycles to zero. The events are one cycle each: busy, starved (the core
//           would take a beat and there is none), blocked (it offers a word that is not taken),
//           clocked (its clock runs), beat, last_word.
//           first_to_last: cycles from the first beat after resting to the latest last_word.
module bnn_counters (
  input  logic        clk,
  input  logic        rst_n,
  input  logic        clear,
  input  logic        snapshot,
  input  logic        resting,
  input  logic        busy,
  input  logic        starved,
  input  logic        blocked,
  input  logic        clocked,
  input  logic        beat,
  input  logic        last_word,
  output logic [47:0] cycles,
  output logic [31:0] busy_cycles,
  output logic [31:0] starved_cycles,
  output logic [31:0] blocked_cycles,
  output logic [31:0] clocked_cycles,
  output logic [31:0] frames,
  output logic [31:0] first_to_last
);
  logic [47:0] live_cycles;
  logic [31:0] live_busy, live_starved, live_blocked, live_clocked, live_frames;
  logic [31:0] span, live_first_to_last;
  logic        under_way;    // a beat was taken since the shell rested

  always_ff @(posedge clk) begin
    if (!rst_n) live_cycles <= '0;
    else live_cycles <= live_cycles + 1'b1;

    if (!rst_n || clear) begin
      live_busy          <= '0;
      live_starved       <= '0;
      live_blocked       <= '0;
      live_clocked       <= '0;
      live_frames        <= '0;
      live_first_to_last <= '0;
    end else begin
      if (busy) live_busy <= live_busy + 1'b1;
      if (starved) live_starved <= live_starved + 1'b1;
      if (blocked) live_blocked <= live_blocked + 1'b1;
      if (clocked) live_clocked <= live_clocked + 1'b1;
      if (last_word) live_frames <= live_frames + 1'b1;
      if (last_word) live_first_to_last <= span;
    end

    under_way <= rst_n && !resting && (under_way || beat);
    // Zero in the cycle of the first beat, so that it holds one in the cycle after.
    span <= (under_way || beat) ? span + 1'b1 : '0;
  end

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      {cycles, busy_cycles, starved_cycles, blocked_cycles} <= '0;
      {clocked_cycles, frames, first_to_last} <= '0;
    end else if (snapshot) begin
      cycles         <= live_cycles;
      busy_cycles    <= live_busy;
      starved_cycles <= live_starved;
      blocked_cycles <= live_blocked;
      clocked_cycles <= live_clocked;
      frames         <= live_frames;
      first_to_last  <= live_first_to_last;
    end
  end
endmodule
