// The register file: decode of the register map, settings, interrupt.
//
// Purpose   everything the processor sees; bnn_registers_pkg holds offsets and bits. Unassigned
//           addresses read as zero and ignore writes.
// DIGEST    of the build, its first hexadecimal digit in the highest bits; the others are what
//           the registers of the same name say.
// Ports     write_*, read_*: from bnn_axi3_slave. Commands (soft_reset, clear_counters, snapshot,
//           clear_error, push) are one cycle each, events likewise. irq: level.
//           config_*: to the core's configuration port, where CONFIG is 1.
// Latency   a read is answered 1 cycle after read_valid, of CONFIG_DATA when the core answers.
module bnn_registers #(
  parameter bit [127:0] DIGEST = '0,
  parameter int         FRAME_BYTES = 3072,
  parameter int         FRAME_STRIDE = 3072,
  parameter int         RESULT_WORDS = 5,
  parameter int         RESULT_STRIDE = 24,
  parameter int         CLOCK_HZ = 100000000,
  parameter bit         CLOCK_GATE = 1'b1,
  parameter bit         CONFIG = 1'b0
) (
  input  logic        clk,
  input  logic        rst_n,

  input  logic        write_valid,
  input  logic [11:0] write_address,
  input  logic [31:0] write_data,
  output logic        write_stall,
  input  logic        read_valid,
  input  logic [11:0] read_address,
  output logic        read_done,
  output logic [31:0] read_data,
  output logic        irq,

  output logic        soft_reset,
  output logic        clear_counters,
  output logic        snapshot,
  output logic        clear_error,
  output logic        push,
  output logic [15:0] push_frames,
  output logic        push_none,
  output logic [31:0] source,
  output logic [31:0] target,
  output logic        gate,
  output logic [31:0] timeout,
  output logic [15:0] linger,

  input  logic        job_done,
  input  logic        error_event,
  input  logic        reset_done,
  input  logic [31:0] status,
  input  logic [7:0]  error_code,
  input  logic [31:0] error_address,
  input  logic [15:0] accepted_jobs,
  input  logic [15:0] done_jobs,
  input  logic [47:0] cycles,
  input  logic [31:0] busy_cycles,
  input  logic [31:0] starved_cycles,
  input  logic [31:0] blocked_cycles,
  input  logic [31:0] clocked_cycles,
  input  logic [31:0] frames,
  input  logic [31:0] first_to_last,

  output logic        config_valid,
  input  logic        config_ready,
  output logic        config_write,
  output logic [23:0] config_address,
  output logic [31:0] config_write_data,
  input  logic        config_read_valid,
  input  logic [31:0] config_read_data
);
  localparam int IRQS = 3;

  logic [31:0]     owner, value;
  logic [IRQS-1:0] irq_enable, irq_status, irq_events, irq_cleared;
  logic            config_read, read_now;

  // ---- commands
  logic command;

  assign command = rst_n && write_valid && write_address == bnn_registers_pkg::A_CONTROL;

  always_ff @(posedge clk) begin
    soft_reset     <= command && write_data[bnn_registers_pkg::B_CONTROL_SOFT_RESET];
    clear_counters <= command && write_data[bnn_registers_pkg::B_CONTROL_CLEAR_COUNTERS];
    snapshot       <= command && write_data[bnn_registers_pkg::B_CONTROL_SNAPSHOT];
    clear_error    <= rst_n && write_valid && write_address == bnn_registers_pkg::A_ERROR;
    push           <= rst_n && write_valid && write_address == bnn_registers_pkg::A_JOB_FRAMES;
    push_frames    <= write_data[15:0];
    push_none      <= write_data == '0 || write_data[31:16] != '0;
  end

  // ---- settings
  always_ff @(posedge clk) begin
    if (!rst_n) begin
      gate       <= bnn_registers_pkg::R_MODE[bnn_registers_pkg::B_MODE_GATE];
      timeout    <= bnn_registers_pkg::R_TIMEOUT;
      linger     <= bnn_registers_pkg::R_GATE_LINGER[15:0];
      irq_enable <= bnn_registers_pkg::R_IRQ_ENABLE[IRQS-1:0];
      owner      <= bnn_registers_pkg::R_OWNER;
      source     <= bnn_registers_pkg::R_JOB_SOURCE;
      target     <= bnn_registers_pkg::R_JOB_TARGET;
    end else if (write_valid) begin
      case (write_address)
        bnn_registers_pkg::A_MODE:        gate <= write_data[bnn_registers_pkg::B_MODE_GATE] && CLOCK_GATE;
        bnn_registers_pkg::A_TIMEOUT:     timeout <= write_data;
        bnn_registers_pkg::A_GATE_LINGER: linger <= write_data[15:0];
        bnn_registers_pkg::A_IRQ_ENABLE:  irq_enable <= write_data[IRQS-1:0];
        bnn_registers_pkg::A_OWNER:       owner <= write_data;
        bnn_registers_pkg::A_JOB_SOURCE:  source <= write_data;
        bnn_registers_pkg::A_JOB_TARGET:  target <= write_data;
        default:          ;
      endcase
    end
  end

  // ---- interrupt
  always_comb begin
    irq_events = '0;
    irq_events[bnn_registers_pkg::B_IRQ_STATUS_JOB_DONE]   = job_done;
    irq_events[bnn_registers_pkg::B_IRQ_STATUS_ERROR]      = error_event;
    irq_events[bnn_registers_pkg::B_IRQ_STATUS_RESET_DONE] = reset_done;
  end
  assign irq_cleared = (write_valid && write_address == bnn_registers_pkg::A_IRQ_STATUS) ? write_data[IRQS-1:0] : '0;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      irq_status <= '0;
      irq        <= 1'b0;
    end else begin
      irq_status <= (irq_status & ~irq_cleared) | irq_events;
      irq        <= (irq_status & irq_enable) != '0;
    end
  end

  // ---- reads
  always_comb begin
    case (read_address)
      bnn_registers_pkg::A_MAGIC:          value = bnn_registers_pkg::L_MAGIC;
      bnn_registers_pkg::A_VERSION:        value = {bnn_registers_pkg::L_VERSION_MAJOR[15:0], bnn_registers_pkg::L_VERSION_MINOR[15:0]};
      bnn_registers_pkg::A_BUILD_DIGEST_0: value = DIGEST[127:96];
      bnn_registers_pkg::A_BUILD_DIGEST_1: value = DIGEST[95:64];
      bnn_registers_pkg::A_BUILD_DIGEST_2: value = DIGEST[63:32];
      bnn_registers_pkg::A_BUILD_DIGEST_3: value = DIGEST[31:0];
      bnn_registers_pkg::A_FRAME_BYTES:    value = 32'(FRAME_BYTES);
      bnn_registers_pkg::A_FRAME_STRIDE:   value = 32'(FRAME_STRIDE);
      bnn_registers_pkg::A_RESULT_WORDS:   value = 32'(RESULT_WORDS);
      bnn_registers_pkg::A_RESULT_STRIDE:  value = 32'(RESULT_STRIDE);
      bnn_registers_pkg::A_FEATURES:       value = bnn_registers_pkg::L_QUEUE_JOBS | (32'(CLOCK_GATE) << bnn_registers_pkg::B_FEATURES_CLOCK_GATE)
                                | (32'(CONFIG) << bnn_registers_pkg::B_FEATURES_CONFIG);
      bnn_registers_pkg::A_CLOCK_HZ:       value = 32'(CLOCK_HZ);
      bnn_registers_pkg::A_MODE:           value = 32'(gate) << bnn_registers_pkg::B_MODE_GATE;
      bnn_registers_pkg::A_STATUS:         value = status;
      bnn_registers_pkg::A_ERROR:          value = 32'(error_code);
      bnn_registers_pkg::A_ERROR_ADDRESS:  value = error_address;
      bnn_registers_pkg::A_TIMEOUT:        value = timeout;
      bnn_registers_pkg::A_GATE_LINGER:    value = 32'(linger);
      bnn_registers_pkg::A_IRQ_ENABLE:     value = 32'(irq_enable);
      bnn_registers_pkg::A_IRQ_STATUS:     value = 32'(irq_status);
      bnn_registers_pkg::A_OWNER:          value = owner;
      bnn_registers_pkg::A_JOB_SOURCE:     value = source;
      bnn_registers_pkg::A_JOB_TARGET:     value = target;
      bnn_registers_pkg::A_JOBS_ACCEPTED:  value = 32'(accepted_jobs);
      bnn_registers_pkg::A_JOBS_DONE:      value = 32'(done_jobs);
      bnn_registers_pkg::A_CYCLES_LOW:     value = cycles[31:0];
      bnn_registers_pkg::A_CYCLES_HIGH:    value = 32'(cycles[47:32]);
      bnn_registers_pkg::A_BUSY_CYCLES:    value = busy_cycles;
      bnn_registers_pkg::A_STALLED_IN:     value = starved_cycles;
      bnn_registers_pkg::A_STALLED_OUT:    value = blocked_cycles;
      bnn_registers_pkg::A_FRAMES_DONE:    value = frames;
      bnn_registers_pkg::A_FIRST_TO_LAST:  value = first_to_last;
      bnn_registers_pkg::A_CLOCKED_CYCLES: value = clocked_cycles;
      bnn_registers_pkg::A_CONFIG_ADDRESS: value = 32'(config_address);
      default:          value = '0;
    endcase
  end

  assign config_read = CONFIG && read_valid && read_address == bnn_registers_pkg::A_CONFIG_DATA;
  assign read_now    = read_valid && !config_read;

  // ---- the core's configuration port
  if (CONFIG) begin : g_config
    logic       reading;     // a read is under way
    logic       writing, expired;
    logic [4:0] patience;    // cycles left before a core that does not answer is given up

    assign writing     = write_valid && write_address == bnn_registers_pkg::A_CONFIG_DATA;
    assign write_stall = config_valid;
    assign expired     = patience == '0 && (config_valid || reading);

    always_ff @(posedge clk) begin
      if (!rst_n) begin
        config_valid   <= 1'b0;
        reading        <= 1'b0;
        config_address <= '0;
        patience       <= '0;
      end else begin
        if (config_valid && config_ready) begin
          config_valid   <= 1'b0;
          config_address <= config_address + 1'b1;
        end
        if (write_valid && write_address == bnn_registers_pkg::A_CONFIG_ADDRESS)
          config_address <= write_data[23:0];
        if (writing || config_read) config_valid <= 1'b1;
        if (config_read) reading <= 1'b1;
        if (config_read_valid || expired) reading <= 1'b0;
        if (expired) config_valid <= 1'b0;
        if (writing || config_read) patience <= '1;
        else if (patience != '0) patience <= patience - 1'b1;
      end
      if (!config_valid) config_write <= !config_read;
      if (writing) config_write_data <= write_data;
    end

    always_ff @(posedge clk) begin
      read_done <= rst_n && (read_now || (reading && (config_read_valid || expired)));
      read_data <= !reading ? value : config_read_valid ? config_read_data : '0;
    end
  end else begin : g_no_config
    logic unused;
    assign unused = &{1'b0, config_ready, config_read_valid, config_read_data};
    assign {write_stall, config_valid, config_write, config_address, config_write_data} = '0;

    always_ff @(posedge clk) begin
      read_done <= rst_n && read_now;
      read_data <= value;
    end
  end
endmodule
