`include "bnn_assert.svh"
// AXI3 read master: fetches the pictures of jobs and puts them out as one stream of words.
//
// Purpose   keeps several bursts open, so that the memory's latency costs nothing. No burst
//           exceeds 16 beats or crosses a multiple of 128 bytes, hence none crosses 4 KB.
// FRAME_WORDS  64-bit words of a frame; a job's frames follow each other without a gap.
// FIFO_WORDS   words on the way at most: a burst is asked for when there is room for it, so the
//              read channel is always ready.
// OPEN         bursts open at most, a power of two.
// Ports     job_*: address in words, number of frames (not zero). halt: no further bursts.
//           idle: no burst is open or asked for. slverr, decerr: one cycle, with the burst's
//           address; past_end: the job goes beyond the end of the 1 GB of memory. After a reset
//           (only while idle) the rest of the job is forgotten. moved: a beat was transferred.
// Handshake out_*: valid/ready. Latency 4 cycles from a beat to the output.
module bnn_read_master #(
  parameter int FRAME_WORDS = 384,
  parameter int FIFO_WORDS = 512,
  parameter int OPEN = 8
) (
  input  logic        clk,
  input  logic        rst_n,

  input  logic        job_valid,
  output logic        job_ready,
  input  logic [26:0] job_address,
  input  logic [15:0] job_frames,
  input  logic        halt,

  output logic        m_arvalid,
  input  logic        m_arready,
  output logic [31:0] m_araddr,
  output logic [3:0]  m_arlen,
  input  logic        m_rvalid,
  output logic        m_rready,
  input  logic [63:0] m_rdata,
  input  logic [1:0]  m_rresp,
  input  logic        m_rlast,

  output logic        out_valid,
  input  logic        out_ready,
  output logic [63:0] out_data,

  output logic                  idle,
  output logic [$clog2(OPEN):0] open,
  output logic                  slverr,
  output logic                  decerr,
  output logic                  past_end,
  output logic [31:0]           error_address,
  output logic                  moved
);
  `BNN_REQUIRE(require_frame_words, FRAME_WORDS >= 1, "FRAME_WORDS must be at least 1")
  `BNN_REQUIRE(require_fifo_words, FIFO_WORDS >= 32, "FIFO_WORDS must be at least 32")

  localparam int WORDS_BITS = $clog2(FRAME_WORDS + 1) > 5 ? $clog2(FRAME_WORDS + 1) : 5;
  localparam int ROOM_BITS = $clog2(FIFO_WORDS + 1);

  logic                  running;      // a job is under way
  logic [27:0]           address;      // of the next burst, in words; the top bit is past the end
  logic [15:0]           frames_left;  // the current one counted
  logic [WORDS_BITS-1:0] words_left;   // of the current frame
  logic [ROOM_BITS-1:0]  room;         // words of the FIFO not yet promised to a burst
  logic [4:0]            until_edge, length;
  logic                  ledger_full, issue, ask, beyond, frame_ends, answered, leaves;
  logic [26:0]           oldest;
  logic                  in_valid, in_last, in_ready;
  logic [1:0]            in_resp;
  logic [63:0]           in_data;

  // Two steps a burst: its length is worked out from registers, then it is asked for.
  logic                  planned;      // length is that of the next burst
  assign until_edge = 5'd16 - {1'b0, address[3:0]};
  assign ask        = planned && !halt && !ledger_full && room >= ROOM_BITS'(16) && !address[27];
  assign issue      = ask && (!m_arvalid || m_arready);
  assign frame_ends = words_left == WORDS_BITS'(length);
  assign job_ready  = !running && !halt;
  assign idle       = !m_arvalid && open == '0 && !in_valid;
  assign beyond     = planned && address[27];

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      running   <= 1'b0;
      planned   <= 1'b0;
      m_arvalid <= 1'b0;
      room      <= ROOM_BITS'(FIFO_WORDS);
    end else begin
      if (job_valid && job_ready) running <= 1'b1;
      planned <= running && !planned || planned && !issue;
      if (issue && frame_ends && frames_left == 16'd1) running <= 1'b0;
      if (m_arready) m_arvalid <= 1'b0;
      if (issue) m_arvalid <= 1'b1;
      room <= room - (issue ? ROOM_BITS'(length) : '0) + ROOM_BITS'(leaves);
    end
  end

  always_ff @(posedge clk) begin
    // Counted a cycle later: the decision to take a word comes late.
    leaves      <= rst_n && out_valid && out_ready;
    // Written as one addition each, so that loading costs no logic of its own.
    address     <= (job_ready ? {1'b0, job_address} : address) + (issue ? 28'(length) : 28'd0);
    frames_left <= (job_ready ? job_frames : frames_left) - 16'(issue && frame_ends);
    if (job_ready || (issue && frame_ends)) words_left <= WORDS_BITS'(FRAME_WORDS);
    else if (issue) words_left <= words_left - WORDS_BITS'(length);
    if (!planned) length <= (words_left > WORDS_BITS'(until_edge)) ? until_edge : words_left[4:0];
    if (issue) begin
      m_araddr   <= {2'b00, address[26:0], 3'b000};
      m_arlen    <= length[3:0] - 4'd1;
    end
  end

  // The port's outputs are taken into registers first: nothing is known of their delay.
  assign answered = in_valid && in_last;
  assign m_rready = 1'b1;
  always_ff @(posedge clk) begin
    in_valid <= rst_n && m_rvalid;
    in_last  <= m_rlast;
    in_resp  <= m_rresp;
    in_data  <= m_rdata;
    moved    <= in_valid || (m_arvalid && m_arready);
  end

  bnn_ledger #(.WIDTH(27), .OPEN(OPEN)) u_ledger (
    .clk, .rst_n, .push(issue), .entry(address[26:0]), .pop(answered), .oldest, .open, .full(ledger_full)
  );

  always_ff @(posedge clk) begin
    slverr        <= rst_n && in_valid && in_resp == 2'b10;
    decerr        <= rst_n && in_valid && in_resp == 2'b11;
    past_end      <= rst_n && beyond;
    error_address <= beyond ? {1'b0, address, 3'b000} : {2'b00, oldest, 3'b000};
  end

  bnn_fifo #(.WIDTH(64), .DEPTH(FIFO_WORDS), .RAM_STYLE("block")) u_fifo (
    .clk, .rst_n, .in_valid, .in_ready, .in_data, .out_valid, .out_ready, .out_data
  );

`ifndef SYNTHESIS
  never_lost : assert property (@(posedge clk) disable iff (!rst_n) in_valid |-> in_ready)
    else $error("a word came for which there is no room");
`else
  logic unused;
  assign unused = in_ready;
`endif
endmodule
