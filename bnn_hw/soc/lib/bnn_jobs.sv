// Queue of jobs: checks what is pushed, hands it to both masters, counts what is done.
//
// Purpose   the next batch begins while the one before is still under way.
// JOBS      jobs open (waiting or running) at once, a power of two.
// Ports     push: one cycle, with source, target (byte addresses) and frames; none: there are no
//           frames, or more than 16 bits tell. accepting: no fault and no reset stands in the way.
//           refused: one cycle after a push that was not taken, with code. done: one cycle a job,
//           from the write master.
//           read_*, write_*: valid/ready, addresses in 64-bit words.
module bnn_jobs #(
  parameter int JOBS = 8
) (
  input  logic                  clk,
  input  logic                  rst_n,
  input  logic                  push,
  input  logic [31:0]           source,
  input  logic [31:0]           target,
  input  logic [15:0]           frames,
  input  logic                  none,
  input  logic                  accepting,
  output logic                  refused,
  output logic [7:0]            code,

  output logic                  read_valid,
  input  logic                  read_ready,
  output logic [26:0]           read_address,
  output logic [15:0]           read_frames,
  output logic                  write_valid,
  input  logic                  write_ready,
  output logic [26:0]           write_address,
  output logic [15:0]           write_frames,
  input  logic                  done,

  output logic                  full,
  output logic [$clog2(JOBS):0] open,
  output logic [15:0]           accepted_jobs,
  output logic [15:0]           done_jobs
);
  logic source_odd, target_odd, source_far, target_far, taken, read_space, write_space;

  assign source_odd = source[2:0] != '0;
  assign target_odd = target[2:0] != '0;
  assign source_far = source[31:30] != '0;
  assign target_far = target[31:30] != '0;
  assign full       = open == ($clog2(JOBS) + 1)'(JOBS);
  assign taken      = push && accepting && !full && !source_odd && !target_odd && !source_far
                      && !target_far && !none;

  always_ff @(posedge clk) begin
    refused <= rst_n && push && !taken;
    if (!accepting) code <= bnn_registers_pkg::E_NOT_READY;
    else if (full) code <= bnn_registers_pkg::E_QUEUE_OVERFLOW;
    else if (none) code <= bnn_registers_pkg::E_FRAME_COUNT;
    else if (source_odd || target_odd) code <= bnn_registers_pkg::E_MISALIGNED;
    else code <= bnn_registers_pkg::E_ADDRESS_RANGE;
  end

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      open          <= '0;
      accepted_jobs <= '0;
      done_jobs     <= '0;
    end else begin
      if (taken) accepted_jobs <= accepted_jobs + 1'b1;
      if (done) done_jobs <= done_jobs + 1'b1;
      if (taken && !done) open <= open + 1'b1;
      if (done && !taken) open <= open - 1'b1;
    end
  end

  bnn_fifo #(.WIDTH(43), .DEPTH(JOBS), .RAM_STYLE("distributed")) u_read (
    .clk, .rst_n, .in_valid(taken), .in_ready(read_space), .in_data({source[29:3], frames}),
    .out_valid(read_valid), .out_ready(read_ready), .out_data({read_address, read_frames})
  );
  bnn_fifo #(.WIDTH(43), .DEPTH(JOBS), .RAM_STYLE("distributed")) u_write (
    .clk, .rst_n, .in_valid(taken), .in_ready(write_space), .in_data({target[29:3], frames}),
    .out_valid(write_valid), .out_ready(write_ready), .out_data({write_address, write_frames})
  );

`ifndef SYNTHESIS
  room : assert property (@(posedge clk) disable iff (!rst_n) taken |-> read_space && write_space)
    else $error("a job was accepted for which there is no room");
`else
  logic unused;
  assign unused = read_space ^ write_space;
`endif
endmodule
