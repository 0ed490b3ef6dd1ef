`include "bnn_assert.svh"
// AXI3 write master: puts the results of jobs into memory.
//
// Purpose   a burst is begun when all its words are here, so it never pauses. No burst exceeds 16
//           beats or crosses a multiple of 128 bytes, hence none crosses 4 KB; none holds words of
//           two frames.
// FRAME_WORDS  64-bit words of a frame's result; a job's results follow each other without a gap.
// FIFO_WORDS   words waiting at most, 16 at least.
// OPEN         bursts open at most, a power of two.
// Ports     job_*: address in words, number of frames (not zero). halt: no further bursts; one
//           that is begun is finished. idle: nothing is open or begun. job_done: one cycle, when
//           all results of a job are confirmed. slverr, decerr: one cycle, with the burst's
//           address; past_end: the job goes beyond the end of the 1 GB of memory. After a reset
//           (only while idle) the rest of the job is forgotten. moved: a beat was transferred.
// Handshake in_*: valid/ready; in_ready depends on registers only.
module bnn_write_master #(
  parameter int FRAME_WORDS = 3,
  parameter int FIFO_WORDS = 32,
  parameter int OPEN = 8
) (
  input  logic        clk,
  input  logic        rst_n,

  input  logic        job_valid,
  output logic        job_ready,
  input  logic [26:0] job_address,
  input  logic [15:0] job_frames,
  output logic        job_done,
  input  logic        halt,

  input  logic        in_valid,
  output logic        in_ready,
  input  logic [63:0] in_data,

  output logic        m_awvalid,
  input  logic        m_awready,
  output logic [31:0] m_awaddr,
  output logic [3:0]  m_awlen,
  output logic        m_wvalid,
  input  logic        m_wready,
  output logic [63:0] m_wdata,
  output logic        m_wlast,
  input  logic        m_bvalid,
  output logic        m_bready,
  input  logic [1:0]  m_bresp,

  output logic                  idle,
  output logic [$clog2(OPEN):0] open,
  output logic                  slverr,
  output logic                  decerr,
  output logic                  past_end,
  output logic [31:0]           error_address,
  output logic                  moved
);
  `BNN_REQUIRE(require_frame_words, FRAME_WORDS >= 1, "FRAME_WORDS must be at least 1")
  `BNN_REQUIRE(require_fifo_words, FIFO_WORDS >= 16, "FIFO_WORDS must be at least 16")

  localparam int WORDS_BITS = $clog2(FRAME_WORDS + 1) > 5 ? $clog2(FRAME_WORDS + 1) : 5;
  localparam int HERE_BITS = $clog2(FIFO_WORDS + 2);

  logic                  running;      // a job is under way
  logic [27:0]           address;      // of the next burst, in words; the top bit is past the end
  logic [15:0]           frames_left;  // the current one counted
  logic [WORDS_BITS-1:0] words_left;   // of the current frame
  logic [HERE_BITS-1:0]  here;         // words in the FIFO not yet promised to a burst
  logic [4:0]            until_edge, length, beats_left;
  logic                  planned, ledger_full, issue, frame_ends, job_ends, sending, beyond;
  logic                  fifo_ready, fifo_pop, fifo_valid, answered;
  logic [1:0]            answer;
  logic [27:0]           oldest;

  assign until_edge = 5'd16 - {1'b0, address[3:0]};
  assign issue      = planned && !halt && !sending && !ledger_full && !address[27]
                      && here >= HERE_BITS'(length);
  assign frame_ends = words_left == WORDS_BITS'(length);
  assign job_ends   = frame_ends && frames_left == 16'd1;
  assign job_ready  = !running && !halt;
  assign sending    = m_awvalid || beats_left != '0;
  assign idle       = !sending && open == '0;
  assign beyond     = planned && address[27];
  assign fifo_pop   = beats_left != '0 && m_wready;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      running    <= 1'b0;
      planned    <= 1'b0;
      m_awvalid  <= 1'b0;
      beats_left <= '0;
      here       <= '0;
    end else begin
      if (job_valid && job_ready) running <= 1'b1;
      planned <= running && !planned || planned && !issue;
      if (issue && job_ends) running <= 1'b0;
      if (m_awready) m_awvalid <= 1'b0;
      if (issue) m_awvalid <= 1'b1;
      if (issue) beats_left <= length;
      else if (fifo_pop) beats_left <= beats_left - 1'b1;
      here <= here + HERE_BITS'(in_valid && in_ready) - (issue ? HERE_BITS'(length) : '0);
    end
  end

  always_ff @(posedge clk) begin
    // Written as one addition each, so that loading costs no logic of its own.
    address     <= (job_ready ? {1'b0, job_address} : address) + (issue ? 28'(length) : 28'd0);
    frames_left <= (job_ready ? job_frames : frames_left) - 16'(issue && frame_ends);
    if (job_ready || (issue && frame_ends)) words_left <= WORDS_BITS'(FRAME_WORDS);
    else if (issue) words_left <= words_left - WORDS_BITS'(length);
    if (!planned) length <= (words_left > WORDS_BITS'(until_edge)) ? until_edge : words_left[4:0];
    if (issue) begin
      m_awaddr   <= {2'b00, address[26:0], 3'b000};
      m_awlen    <= length[3:0] - 4'd1;
    end
  end

  // A word counts as here a cycle before the FIFO puts it out; a burst begins later than that.
  assign m_wvalid = beats_left != '0;
  assign m_wlast  = beats_left == 5'd1;
  assign m_bready = 1'b1;
  assign in_ready = fifo_ready;

  bnn_fifo #(.WIDTH(64), .DEPTH(FIFO_WORDS), .RAM_STYLE("distributed")) u_fifo (
    .clk, .rst_n, .in_valid, .in_ready(fifo_ready), .in_data,
    .out_valid(fifo_valid), .out_ready(fifo_pop), .out_data(m_wdata)
  );

  // The port's outputs are taken into registers first: nothing is known of their delay.
  always_ff @(posedge clk) begin
    answered <= rst_n && m_bvalid;
    answer   <= m_bresp;
    moved    <= answered || (m_awvalid && m_awready) || (m_wvalid && m_wready);
  end

  bnn_ledger #(.WIDTH(28), .OPEN(OPEN)) u_ledger (
    .clk, .rst_n, .push(issue), .entry({job_ends, address[26:0]}), .pop(answered), .oldest, .open,
    .full(ledger_full)
  );

  always_ff @(posedge clk) begin
    job_done      <= rst_n && answered && oldest[27] && !answer[1];
    slverr        <= rst_n && answered && answer == 2'b10;
    decerr        <= rst_n && answered && answer == 2'b11;
    past_end      <= rst_n && beyond;
    error_address <= beyond ? {1'b0, address, 3'b000} : {2'b00, oldest[26:0], 3'b000};
  end

`ifndef SYNTHESIS
  always_here : assert property (@(posedge clk) disable iff (!rst_n) m_wvalid |-> fifo_valid)
    else $error("a burst was begun before its words were here");
`else
  logic unused;
  assign unused = fifo_valid;
`endif
endmodule
