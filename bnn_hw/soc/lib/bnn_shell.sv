`include "bnn_assert.svh"
// The shell around a core: registers, job queue, memory masters, counters, clock gate.
//
// Purpose   a core (stream of pixels in, words out) becomes an accelerator that takes jobs: so many
//           pictures at one address, their results to another. Jobs follow each other without a gap.
// BEAT_BYTES   bytes of a beat of the core's input; BEATS of them are a frame, with FRAME_BYTES
//              bytes (what the last beat of a frame has beyond them is whatever lies in memory).
// RESULT_WORDS 32-bit words of a frame that leave the core.
// DIGEST, CLOCK_HZ  are told to the driver.
// CLOCK_GATE   STYLE of bnn_clock_gate. CONFIG: the core has a configuration port.
// READ_FIFO_WORDS   64-bit words that hide the memory's latency and pauses.
// Ports     gp_*: AXI3 slave for a general-purpose port; hp_*: AXI3 master for a high-performance
//           port (64 bits); irq: level. core_*: the core, on core_clk, which is clk or stands still.
//           All on one clock; rst_n synchronous, active low. clk_root: see bnn_clock_gate.
module bnn_shell #(
  parameter int         BEAT_BYTES = 3,
  parameter int         BEATS = 1024,
  parameter int         RESULT_WORDS = 5,
  parameter bit [127:0] DIGEST = '0,
  parameter int         CLOCK_HZ = 100000000,
  parameter             CLOCK_GATE = "behavioural",
  parameter bit         CONFIG = 1'b0,
  parameter int         READ_FIFO_WORDS = 512
) (
  input  logic        clk,
  input  logic        clk_root,
  input  logic        rst_n,
  output logic        irq,

  input  logic        gp_awvalid,
  output logic        gp_awready,
  input  logic [11:0] gp_awaddr,
  input  logic [11:0] gp_awid,
  input  logic [1:0]  gp_awsize,
  input  logic [1:0]  gp_awburst,
  input  logic        gp_wvalid,
  output logic        gp_wready,
  input  logic [31:0] gp_wdata,
  input  logic [3:0]  gp_wstrb,
  input  logic        gp_wlast,
  output logic        gp_bvalid,
  input  logic        gp_bready,
  output logic [11:0] gp_bid,
  output logic [1:0]  gp_bresp,
  input  logic        gp_arvalid,
  output logic        gp_arready,
  input  logic [11:0] gp_araddr,
  input  logic [11:0] gp_arid,
  input  logic [3:0]  gp_arlen,
  input  logic [1:0]  gp_arsize,
  input  logic [1:0]  gp_arburst,
  output logic        gp_rvalid,
  input  logic        gp_rready,
  output logic [11:0] gp_rid,
  output logic [31:0] gp_rdata,
  output logic [1:0]  gp_rresp,
  output logic        gp_rlast,

  output logic        hp_arvalid,
  input  logic        hp_arready,
  output logic [31:0] hp_araddr,
  output logic [3:0]  hp_arlen,
  input  logic        hp_rvalid,
  output logic        hp_rready,
  input  logic [63:0] hp_rdata,
  input  logic [1:0]  hp_rresp,
  input  logic        hp_rlast,
  output logic        hp_awvalid,
  input  logic        hp_awready,
  output logic [31:0] hp_awaddr,
  output logic [3:0]  hp_awlen,
  output logic        hp_wvalid,
  input  logic        hp_wready,
  output logic [63:0] hp_wdata,
  output logic        hp_wlast,
  input  logic        hp_bvalid,
  output logic        hp_bready,
  input  logic [1:0]  hp_bresp,

  output logic                    core_clk,
  output logic                    core_rst_n,
  output logic                    core_s_valid,
  input  logic                    core_s_ready,
  output logic [8*BEAT_BYTES-1:0] core_s_data,
  input  logic                    core_m_valid,
  output logic                    core_m_ready,
  input  logic [31:0]             core_m_data,
  input  logic                    core_m_last,
  output logic                    core_config_valid,
  input  logic                    core_config_ready,
  output logic                    core_config_write,
  output logic [23:0]             core_config_address,
  output logic [31:0]             core_config_write_data,
  input  logic                    core_config_read_valid,
  input  logic [31:0]             core_config_read_data
);
  function automatic integer word_bytes(input integer beat_bytes);
    begin
      word_bytes = 8;
      while (word_bytes < beat_bytes) word_bytes = 2 * word_bytes;
    end
  endfunction

  localparam int WORD_BYTES = word_bytes(BEAT_BYTES);
  localparam int FRAME_BYTES = BEAT_BYTES * BEATS;
  localparam int FRAME_STRIDE = (FRAME_BYTES + WORD_BYTES - 1) / WORD_BYTES * WORD_BYTES;
  localparam int RESULT_BEATS = (RESULT_WORDS + 1) / 2;
  localparam int JOBS = int'(bnn_registers_pkg::L_QUEUE_JOBS);
  localparam int OPEN = 8;    // what a high-performance port takes

  // ---- registers
  logic        write_valid, write_stall, read_valid, read_done;
  logic [11:0] write_address, read_address;
  logic [31:0] write_data, read_data;
  logic        soft_reset, clear_counters, snapshot, clear_error, push, gate;
  logic        push_none;
  logic [31:0] source, target, timeout, status;
  logic [15:0] linger, push_frames;

  // ---- state
  logic        engine_rst_n, halt, fault, resetting, reset_done, error_event, busy, clock_on;
  logic [7:0]  error_code, frames_inside;
  logic [31:0] error_address;
  logic        moved, drained;

  // ---- jobs
  logic        refused, queue_full, job_done, job_counts;
  logic [7:0]  refused_code;
  logic [3:0]  jobs_open;
  logic [15:0] accepted_jobs, done_jobs, read_frames, write_frames;
  logic        read_job_valid, read_job_ready, write_job_valid, write_job_ready;
  logic [26:0] read_job_address, write_job_address;

  // ---- data
  logic                    word_valid, word_ready, wide_valid, wide_ready, beat_valid, beat_ready;
  logic [63:0]             word_data, packed_data;
  logic [8*WORD_BYTES-1:0] wide_data;
  logic                    beat_first, out_valid, out_ready, packed_valid, packed_ready, framing;
  logic                    beat, first_beat, out_word, last_word;
  logic                    read_idle, read_slverr, read_decerr, read_past_end, read_moved;
  logic                    write_idle, write_slverr, write_decerr, write_past_end, write_moved;
  logic [3:0]              reads_open, writes_open;
  logic [31:0]             read_error_address, write_error_address;

  // ---- counters
  logic [47:0] cycles;
  logic [31:0] busy_cycles, starved_cycles, blocked_cycles, clocked_cycles, frames, first_to_last;

  logic       config_valid, config_ready, config_read_valid;
  logic [4:0] config_rest;

  bnn_axi3_slave u_slave (
    .clk, .rst_n,
    .s_awvalid(gp_awvalid), .s_awready(gp_awready), .s_awaddr(gp_awaddr), .s_awid(gp_awid),
    .s_awsize(gp_awsize), .s_awburst(gp_awburst),
    .s_wvalid(gp_wvalid), .s_wready(gp_wready), .s_wdata(gp_wdata), .s_wstrb(gp_wstrb),
    .s_wlast(gp_wlast), .s_bvalid(gp_bvalid), .s_bready(gp_bready), .s_bid(gp_bid),
    .s_bresp(gp_bresp),
    .s_arvalid(gp_arvalid), .s_arready(gp_arready), .s_araddr(gp_araddr), .s_arid(gp_arid),
    .s_arlen(gp_arlen), .s_arsize(gp_arsize), .s_arburst(gp_arburst),
    .s_rvalid(gp_rvalid), .s_rready(gp_rready), .s_rid(gp_rid), .s_rdata(gp_rdata),
    .s_rresp(gp_rresp), .s_rlast(gp_rlast),
    .write_valid, .write_address, .write_data, .write_stall,
    .read_valid, .read_address, .read_done, .read_data
  );

  bnn_registers #(
    .DIGEST(DIGEST), .FRAME_BYTES(FRAME_BYTES), .FRAME_STRIDE(FRAME_STRIDE),
    .RESULT_WORDS(RESULT_WORDS), .RESULT_STRIDE(8 * RESULT_BEATS), .CLOCK_HZ(CLOCK_HZ),
    .CLOCK_GATE(CLOCK_GATE != "none"), .CONFIG(CONFIG)
  ) u_registers (
    .clk, .rst_n, .write_valid, .write_address, .write_data, .write_stall,
    .read_valid, .read_address, .read_done, .read_data, .irq,
    .soft_reset, .clear_counters, .snapshot, .clear_error, .push, .push_frames, .push_none, .source, .target,
    .gate, .timeout, .linger, .job_done(job_counts), .error_event, .reset_done, .status,
    .error_code, .error_address, .accepted_jobs, .done_jobs,
    .cycles, .busy_cycles, .starved_cycles, .blocked_cycles, .clocked_cycles, .frames, .first_to_last,
    .config_valid, .config_ready, .config_write(core_config_write),
    .config_address(core_config_address), .config_write_data(core_config_write_data),
    .config_read_valid, .config_read_data(core_config_read_data)
  );

  bnn_control u_control (
    .clk, .rst_n, .reset(soft_reset), .clear(clear_error), .timeout, .drained, .resetting,
    .reset_done, .engine_rst_n, .halt, .busy, .moved,
    .waiting_write(!write_idle), .waiting_read(!read_idle),
    .read_slverr, .read_decerr, .read_past_end, .read_address(read_error_address),
    .write_slverr, .write_decerr, .write_past_end, .write_address(write_error_address),
    .framing, .refused, .refused_code,
    .fault, .error_event, .error_code, .error_address
  );

  bnn_jobs #(.JOBS(JOBS)) u_jobs (
    .clk, .rst_n(engine_rst_n), .push, .source, .target, .frames(push_frames), .none(push_none),
    .accepting(!halt), .refused, .code(refused_code),
    .read_valid(read_job_valid), .read_ready(read_job_ready), .read_address(read_job_address),
    .read_frames, .write_valid(write_job_valid), .write_ready(write_job_ready),
    .write_address(write_job_address), .write_frames, .done(job_counts),
    .full(queue_full), .open(jobs_open), .accepted_jobs, .done_jobs
  );

  bnn_read_master #(
    .FRAME_WORDS(FRAME_STRIDE / 8), .FIFO_WORDS(READ_FIFO_WORDS), .OPEN(OPEN)
  ) u_read (
    .clk, .rst_n(engine_rst_n), .job_valid(read_job_valid), .job_ready(read_job_ready),
    .job_address(read_job_address), .job_frames(read_frames), .halt,
    .m_arvalid(hp_arvalid), .m_arready(hp_arready), .m_araddr(hp_araddr), .m_arlen(hp_arlen),
    .m_rvalid(hp_rvalid), .m_rready(hp_rready), .m_rdata(hp_rdata), .m_rresp(hp_rresp),
    .m_rlast(hp_rlast), .out_valid(word_valid), .out_ready(word_ready), .out_data(word_data),
    .idle(read_idle), .open(reads_open), .slverr(read_slverr), .decerr(read_decerr),
    .past_end(read_past_end), .error_address(read_error_address), .moved(read_moved)
  );

  if (WORD_BYTES > 8) begin : g_widen
    bnn_gather #(.WIDTH(64), .BEATS(WORD_BYTES / 8)) u_gather (
      .clk, .rst_n(engine_rst_n), .in_valid(word_valid), .in_ready(word_ready), .in_data(word_data),
      .out_valid(wide_valid), .out_ready(wide_ready), .out_data(wide_data)
    );
  end else begin : g_same
    assign wide_valid = word_valid;
    assign word_ready = wide_ready;
    assign wide_data  = word_data;
  end

  bnn_unpack #(.WORD_BYTES(WORD_BYTES), .BEAT_BYTES(BEAT_BYTES), .BEATS(BEATS)) u_unpack (
    .clk, .rst_n(engine_rst_n), .in_valid(wide_valid), .in_ready(wide_ready), .in_data(wide_data),
    .out_valid(beat_valid), .out_ready(beat_ready), .out_data(core_s_data), .out_first(beat_first)
  );

  bnn_core_port u_port (
    .clk, .rst_n(engine_rst_n), .gate, .linger, .wake(config_rest != '0), .clock_on,
    .in_valid(beat_valid), .in_ready(beat_ready), .in_first(beat_first),
    .s_valid(core_s_valid), .s_ready(core_s_ready), .m_valid(core_m_valid), .m_ready(core_m_ready),
    .m_last(core_m_last), .out_valid, .out_ready,
    .beat, .first_beat, .word(out_word), .last_word, .frames_inside
  );

  bnn_pack #(.WORDS(RESULT_WORDS)) u_pack (
    .clk, .rst_n(engine_rst_n), .in_valid(out_valid), .in_ready(out_ready), .in_data(core_m_data),
    .in_last(core_m_last), .out_valid(packed_valid), .out_ready(packed_ready),
    .out_data(packed_data), .framing
  );

  bnn_write_master #(.FRAME_WORDS(RESULT_BEATS), .FIFO_WORDS(32), .OPEN(OPEN)) u_write (
    .clk, .rst_n(engine_rst_n), .job_valid(write_job_valid), .job_ready(write_job_ready),
    .job_address(write_job_address), .job_frames(write_frames), .job_done, .halt,
    .in_valid(packed_valid), .in_ready(packed_ready), .in_data(packed_data),
    .m_awvalid(hp_awvalid), .m_awready(hp_awready), .m_awaddr(hp_awaddr), .m_awlen(hp_awlen),
    .m_wvalid(hp_wvalid), .m_wready(hp_wready), .m_wdata(hp_wdata), .m_wlast(hp_wlast),
    .m_bvalid(hp_bvalid), .m_bready(hp_bready), .m_bresp(hp_bresp),
    .idle(write_idle), .open(writes_open), .slverr(write_slverr), .decerr(write_decerr),
    .past_end(write_past_end), .error_address(write_error_address), .moved(write_moved)
  );

  bnn_counters u_counters (
    .clk, .rst_n, .clear(clear_counters), .snapshot, .resting(!busy), .busy,
    .starved(busy && clock_on && core_s_ready && !core_s_valid), .blocked(out_valid && !out_ready),
    .clocked(clock_on), .beat(first_beat), .last_word,
    .cycles, .busy_cycles, .starved_cycles, .blocked_cycles, .clocked_cycles, .frames, .first_to_last
  );

  bnn_clock_gate #(.STYLE(CLOCK_GATE)) u_gate (.clk, .clk_root, .enable(clock_on), .gated_clk(core_clk));

  // The core's reset ends a cycle after that of the shell, long before a picture comes. It is held
  // high while it lasts, as flip-flops want it, so that no inverter stands before a great fan-out.
  logic core_rst;
  initial core_rst = 1'b1;
  always_ff @(posedge clk) core_rst <= !engine_rst_n;

  assign core_rst_n = !core_rst;
  assign busy       = jobs_open != '0;
  assign drained    = read_idle && write_idle;
  // A result that was lost to a fault must not count its job as done.
  assign job_counts = job_done && !fault;

  always_ff @(posedge clk) begin
    moved <= read_moved || write_moved || beat || out_word;
  end

  // The configuration port answers within a few cycles of its clock.
  assign core_config_valid = config_valid;
  assign config_ready      = core_config_ready && clock_on;
  assign config_read_valid = core_config_read_valid && clock_on;
  always_ff @(posedge clk) begin
    if (!rst_n) config_rest <= '0;
    else if (config_valid) config_rest <= '1;
    else if (config_rest != '0) config_rest <= config_rest - 1'b1;
  end

  always_comb begin
    status = '0;
    status[bnn_registers_pkg::B_STATUS_BUSY]              = busy;
    status[bnn_registers_pkg::B_STATUS_FAULT]             = fault;
    status[bnn_registers_pkg::B_STATUS_RESETTING]         = resetting;
    status[bnn_registers_pkg::B_STATUS_QUEUE_FULL]        = queue_full;
    status[bnn_registers_pkg::B_STATUS_CLOCK_ON]          = clock_on;
    status[bnn_registers_pkg::B_STATUS_INPUT_WAITS]       = beat_valid && !beat_ready;
    status[bnn_registers_pkg::B_STATUS_OUTPUT_WAITS]      = out_valid && !out_ready;
    status[bnn_registers_pkg::B_STATUS_READS_OPEN +: 4]   = reads_open;
    status[bnn_registers_pkg::B_STATUS_WRITES_OPEN +: 4]  = writes_open;
    status[bnn_registers_pkg::B_STATUS_JOBS_OPEN +: 8]    = 8'(jobs_open);
    status[bnn_registers_pkg::B_STATUS_FRAMES_INSIDE +: 8] = frames_inside;
  end
endmodule
