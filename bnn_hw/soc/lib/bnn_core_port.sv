// Joins the shell to a core whose clock may stand still.
//
// Purpose   counts the frames inside, says when the core's clock has to run, and lets no transfer
//           happen in a cycle in which it does not.
// Ports     gate: the clock stops while nothing is inside; linger: cycles it goes on after that.
//           wake: the clock has to run. clock_on: a register, the enable of the clock gate.
//           in_*: beats for the core, in_first with the first of a frame; out_*: its words.
//           s_*, m_*: the core. beat: a beat was taken this cycle (first_beat: of a frame);
//           word, last_word likewise for the output.
// Timing    from the first beat offered to the running clock 1 cycle.
module bnn_core_port (
  input  logic        clk,
  input  logic        rst_n,
  input  logic        gate,
  input  logic [15:0] linger,
  input  logic        wake,
  output logic        clock_on,

  input  logic        in_valid,
  output logic        in_ready,
  input  logic        in_first,
  output logic        s_valid,
  input  logic        s_ready,
  input  logic        m_valid,
  output logic        m_ready,
  input  logic        m_last,
  output logic        out_valid,
  input  logic        out_ready,

  output logic        beat,
  output logic        first_beat,
  output logic        word,
  output logic        last_word,
  output logic [7:0]  frames_inside
);
  logic [15:0] rest;    // cycles until the clock may stop
  logic        occupied, load;

  assign s_valid    = in_valid;
  assign in_ready   = s_ready && clock_on;
  assign out_valid  = m_valid && clock_on;
  assign m_ready    = out_ready;
  assign beat       = in_valid && in_ready;
  assign first_beat = beat && in_first;
  assign word       = out_valid && out_ready;
  assign last_word  = word && m_last;
  assign occupied   = in_valid || frames_inside != '0;
  assign load       = occupied || wake;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      clock_on      <= 1'b1;
      frames_inside <= '0;
      rest          <= '0;
    end else begin
      clock_on <= !gate || wake || occupied || rest != '0;
      if (first_beat && !last_word) frames_inside <= frames_inside + 1'b1;
      if (last_word && !first_beat) frames_inside <= frames_inside - 1'b1;
      // Written as one addition, so that loading costs no logic of its own.
      rest <= (load ? linger : rest) - 16'(!load && rest != '0);
    end
  end
endmodule
