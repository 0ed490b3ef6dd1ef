// Made from bnn_hw/soc/registers.py by python -m bnn_hw.soc.render; changes are lost.
//
// Purpose  the register map, for the decode in bnn_registers.sv.
// A_x      byte offset of register x; R_x its value after power-up; B_x_y lowest bit of
//          its field y; E_x a code of the register ERROR; L_x a limit.

// verilator lint_off UNUSEDPARAM
package bnn_registers_pkg;
  localparam logic [31:0] L_MAGIC = 32'h424e4e48;  // value of the register MAGIC
  localparam logic [31:0] L_VERSION_MAJOR = 32'h00000001;  // of this map; a driver refuses another one
  localparam logic [31:0] L_VERSION_MINOR = 32'h00000000;  // of this map
  localparam logic [31:0] L_SPAN_BYTES = 32'h00001000;  // size of the register file
  localparam logic [31:0] L_BASE_ADDRESS = 32'h43c00000;  // where the processor sees it
  localparam logic [31:0] L_RANGE_BYTES = 32'h00010000;  // range of addresses set aside for it
  localparam logic [31:0] L_ALIGNMENT_BYTES = 32'h00000008;  // of a job's addresses
  localparam logic [31:0] L_MAX_FRAMES = 32'h0000ffff;  // of a job
  localparam logic [31:0] L_QUEUE_JOBS = 32'h00000008;  // jobs open at once
  localparam logic [31:0] L_MEMORY_BYTES = 32'h40000000;  // a job's addresses lie below

  localparam logic [11:0] A_MAGIC = 12'h000;  // ro
  localparam logic [11:0] A_VERSION = 12'h004;  // ro
  localparam int B_VERSION_MINOR = 0;
  localparam int B_VERSION_MAJOR = 16;
  localparam logic [11:0] A_BUILD_DIGEST_0 = 12'h008;  // ro
  localparam logic [11:0] A_BUILD_DIGEST_1 = 12'h00c;  // ro
  localparam logic [11:0] A_BUILD_DIGEST_2 = 12'h010;  // ro
  localparam logic [11:0] A_BUILD_DIGEST_3 = 12'h014;  // ro
  localparam logic [11:0] A_FRAME_BYTES = 12'h018;  // ro
  localparam logic [11:0] A_FRAME_STRIDE = 12'h01c;  // ro
  localparam logic [11:0] A_RESULT_WORDS = 12'h020;  // ro
  localparam logic [11:0] A_RESULT_STRIDE = 12'h024;  // ro
  localparam logic [11:0] A_FEATURES = 12'h028;  // ro
  localparam int B_FEATURES_QUEUE_JOBS = 0;
  localparam int B_FEATURES_CLOCK_GATE = 8;
  localparam int B_FEATURES_CONFIG = 9;
  localparam logic [11:0] A_CLOCK_HZ = 12'h02c;  // ro
  localparam logic [11:0] A_CONTROL = 12'h040;  // wo
  localparam int B_CONTROL_SOFT_RESET = 0;
  localparam int B_CONTROL_CLEAR_COUNTERS = 1;
  localparam int B_CONTROL_SNAPSHOT = 2;
  localparam logic [11:0] A_MODE = 12'h044;  // rw
  localparam logic [31:0] R_MODE = 32'h00000000;
  localparam int B_MODE_GATE = 0;
  localparam logic [11:0] A_STATUS = 12'h048;  // ro
  localparam int B_STATUS_BUSY = 0;
  localparam int B_STATUS_FAULT = 1;
  localparam int B_STATUS_RESETTING = 2;
  localparam int B_STATUS_QUEUE_FULL = 3;
  localparam int B_STATUS_CLOCK_ON = 4;
  localparam int B_STATUS_INPUT_WAITS = 5;
  localparam int B_STATUS_OUTPUT_WAITS = 6;
  localparam int B_STATUS_READS_OPEN = 8;
  localparam int B_STATUS_WRITES_OPEN = 12;
  localparam int B_STATUS_JOBS_OPEN = 16;
  localparam int B_STATUS_FRAMES_INSIDE = 24;
  localparam logic [11:0] A_ERROR = 12'h04c;  // w1c
  localparam int B_ERROR_CODE = 0;
  localparam logic [11:0] A_ERROR_ADDRESS = 12'h050;  // ro
  localparam logic [11:0] A_TIMEOUT = 12'h054;  // rw
  localparam logic [31:0] R_TIMEOUT = 32'h05f5e100;
  localparam logic [11:0] A_GATE_LINGER = 12'h058;  // rw
  localparam logic [31:0] R_GATE_LINGER = 32'h00000400;
  localparam int B_GATE_LINGER_CYCLES = 0;
  localparam logic [11:0] A_IRQ_ENABLE = 12'h05c;  // rw
  localparam logic [31:0] R_IRQ_ENABLE = 32'h00000000;
  localparam int B_IRQ_ENABLE_JOB_DONE = 0;
  localparam int B_IRQ_ENABLE_ERROR = 1;
  localparam int B_IRQ_ENABLE_RESET_DONE = 2;
  localparam logic [11:0] A_IRQ_STATUS = 12'h060;  // w1c
  localparam int B_IRQ_STATUS_JOB_DONE = 0;
  localparam int B_IRQ_STATUS_ERROR = 1;
  localparam int B_IRQ_STATUS_RESET_DONE = 2;
  localparam logic [11:0] A_OWNER = 12'h064;  // rw
  localparam logic [31:0] R_OWNER = 32'h00000000;
  localparam logic [11:0] A_JOB_SOURCE = 12'h080;  // rw
  localparam logic [31:0] R_JOB_SOURCE = 32'h00000000;
  localparam logic [11:0] A_JOB_TARGET = 12'h084;  // rw
  localparam logic [31:0] R_JOB_TARGET = 32'h00000000;
  localparam logic [11:0] A_JOB_FRAMES = 12'h088;  // wo
  localparam logic [11:0] A_JOBS_ACCEPTED = 12'h090;  // ro
  localparam logic [11:0] A_JOBS_DONE = 12'h094;  // ro
  localparam logic [11:0] A_CYCLES_LOW = 12'h0c0;  // ro
  localparam logic [11:0] A_CYCLES_HIGH = 12'h0c4;  // ro
  localparam logic [11:0] A_BUSY_CYCLES = 12'h0c8;  // ro
  localparam logic [11:0] A_STALLED_IN = 12'h0cc;  // ro
  localparam logic [11:0] A_STALLED_OUT = 12'h0d0;  // ro
  localparam logic [11:0] A_FRAMES_DONE = 12'h0d4;  // ro
  localparam logic [11:0] A_FIRST_TO_LAST = 12'h0d8;  // ro
  localparam logic [11:0] A_CLOCKED_CYCLES = 12'h0dc;  // ro
  localparam logic [11:0] A_CONFIG_ADDRESS = 12'h100;  // rw
  localparam logic [31:0] R_CONFIG_ADDRESS = 32'h00000000;
  localparam int B_CONFIG_ADDRESS_WORD = 0;
  localparam logic [11:0] A_CONFIG_DATA = 12'h104;  // rw
  localparam logic [31:0] R_CONFIG_DATA = 32'h00000000;

  localparam logic [7:0] E_NONE = 8'd0;  // no error
  localparam logic [7:0] E_READ_SLVERR = 8'd1;  // the memory answered a read with SLVERR
  localparam logic [7:0] E_READ_DECERR = 8'd2;  // nothing answers at an address that was read (DECERR)
  localparam logic [7:0] E_WRITE_SLVERR = 8'd3;  // the memory answered a write with SLVERR
  localparam logic [7:0] E_WRITE_DECERR = 8'd4;  // nothing answers at an address that was written (DECERR)
  localparam logic [7:0] E_READ_TIMEOUT = 8'd5;  // the memory did not deliver pictures within TIMEOUT
  localparam logic [7:0] E_WRITE_TIMEOUT = 8'd6;  // the memory did not take or confirm results within TIMEOUT
  localparam logic [7:0] E_CORE_TIMEOUT = 8'd7;  // the core neither took a beat nor gave a word within TIMEOUT
  localparam logic [7:0] E_FRAMING = 8'd8;  // the core ended a frame at another word than RESULT_WORDS
  localparam logic [7:0] E_MEMORY_END = 8'd9;  // the job went beyond the end of the memory's addresses
  localparam logic [7:0] E_MISALIGNED = 8'd16;  // an address of the job is not a multiple of 8
  localparam logic [7:0] E_FRAME_COUNT = 8'd17;  // the job has no frames or more than 65,535
  localparam logic [7:0] E_ADDRESS_RANGE = 8'd18;  // an address of the job is outside the memory
  localparam logic [7:0] E_QUEUE_OVERFLOW = 8'd19;  // the queue was full
  localparam logic [7:0] E_NOT_READY = 8'd20;  // a fault or a soft reset stands in the way
endpackage
// verilator lint_on UNUSEDPARAM
