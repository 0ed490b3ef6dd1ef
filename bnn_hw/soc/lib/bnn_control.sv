// Faults, time-out and soft reset.
//
// Purpose   stops the shell at the first fault and leaves a readable code; ends open memory
//           transactions properly before anything is reset, since a burst may not be abandoned.
// Ports     reset: one cycle, begins a soft reset. halt: the masters begin no burst. drained: they
//           have none open. engine_rst_n: reset of everything but the registers and counters.
//           moved: a beat was transferred anywhere. waiting_*: who the shell waits for.
//           Faults are one cycle or longer; the first counts. fault: stopped until the next soft
//           reset. clear: clears the code of a refused job. timeout: cycles, 0 for none.
module bnn_control (
  input  logic        clk,
  input  logic        rst_n,
  input  logic        reset,
  input  logic        clear,
  input  logic [31:0] timeout,
  input  logic        drained,
  output logic        resetting,
  output logic        reset_done,
  output logic        engine_rst_n,
  output logic        halt,

  input  logic        busy,
  input  logic        moved,
  input  logic        waiting_write,
  input  logic        waiting_read,
  input  logic        read_slverr,
  input  logic        read_decerr,
  input  logic        read_past_end,
  input  logic [31:0] read_address,
  input  logic        write_slverr,
  input  logic        write_decerr,
  input  logic        write_past_end,
  input  logic [31:0] write_address,
  input  logic        framing,
  input  logic        refused,
  input  logic [7:0]  refused_code,

  output logic        fault,
  output logic        error_event,
  output logic [7:0]  error_code,
  output logic [31:0] error_address
);
  localparam int FLUSH_CYCLES = 16;    // more than any register chain behind engine_rst_n

  logic       draining, flushing, asked;    // asked: not the reset of power-up
  logic [3:0] flush_left;

  // From power-up on, so that nothing behind it works with undefined contents. A register that is
  // high while the reset lasts drives the flip-flops without an inverter.
  logic engine_rst;
  initial engine_rst = 1'b1;
  assign engine_rst_n = !engine_rst;

  assign resetting = draining || flushing;
  assign halt      = fault || resetting;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      draining     <= 1'b0;
      flushing     <= 1'b1;
      asked        <= 1'b0;
      flush_left   <= 4'(FLUSH_CYCLES - 1);
      reset_done   <= 1'b0;
      engine_rst   <= 1'b1;
    end else begin
      if (reset && !resetting) draining <= 1'b1;
      if (draining) asked <= 1'b1;
      if (draining && drained) begin
        draining <= 1'b0;
        flushing <= 1'b1;
      end
      flush_left <= flushing ? flush_left - 1'b1 : 4'(FLUSH_CYCLES - 1);
      if (flushing && flush_left == '0) flushing <= 1'b0;
      reset_done   <= flushing && flush_left == '0 && asked;
      engine_rst   <= flushing;
    end
  end

  // ---- time-out
  logic [31:0] waited;    // cycles without a beat
  logic        stuck;

  always_ff @(posedge clk) begin
    if (!rst_n || moved || !(busy || draining)) waited <= '0;
    else waited <= waited + 1'b1;
    stuck <= waited == timeout && timeout != '0;
  end

  // ---- the first error
  logic        new_fault;
  logic [7:0]  new_code;
  logic [31:0] new_address;

  always_comb begin
    new_fault   = 1'b1;
    new_address = '0;
    if (read_slverr || read_decerr) begin
      new_code    = read_slverr ? bnn_registers_pkg::E_READ_SLVERR : bnn_registers_pkg::E_READ_DECERR;
      new_address = read_address;
    end else if (write_slverr || write_decerr) begin
      new_code    = write_slverr ? bnn_registers_pkg::E_WRITE_SLVERR : bnn_registers_pkg::E_WRITE_DECERR;
      new_address = write_address;
    end else if (read_past_end || write_past_end) begin
      new_code    = bnn_registers_pkg::E_MEMORY_END;
      new_address = read_past_end ? read_address : write_address;
    end else if (framing) begin
      new_code = bnn_registers_pkg::E_FRAMING;
    end else if (stuck) begin
      new_code = waiting_write ? bnn_registers_pkg::E_WRITE_TIMEOUT : waiting_read ? bnn_registers_pkg::E_READ_TIMEOUT : bnn_registers_pkg::E_CORE_TIMEOUT;
    end else begin
      new_fault   = 1'b0;
      new_code    = refused_code;
    end
  end

  always_ff @(posedge clk) begin
    error_event <= rst_n && ((new_fault && !fault) || refused);
    if (!rst_n || flushing) begin
      fault         <= 1'b0;
      error_code    <= bnn_registers_pkg::E_NONE;
      error_address <= '0;
    end else if (new_fault && !fault) begin
      fault         <= 1'b1;
      error_code    <= new_code;
      error_address <= new_address;
    end else if (refused && error_code == bnn_registers_pkg::E_NONE) begin
      error_code <= new_code;
    end else if (clear && !fault) begin
      error_code <= bnn_registers_pkg::E_NONE;
    end
  end
endmodule
