// AXI3 slave to a register bus: one write and one read transaction at a time.
//
// Purpose   lets a general-purpose port reach registers. Bursts that increment or stay at one
//           address are taken beat by beat; wrapping bursts, bursts of less than words and
//           writes of parts of a word change nothing and are answered with SLVERR.
// Ports     s_*: AXI3, 32 bits, ids returned as they came.
//           write_valid: one cycle a word, with write_address and write_data; write_stall holds
//           the next word back.
//           read_valid: one cycle a word, with read_address; the word comes back with
//           read_done, one cycle, any time later.
// Latency   a single read is answered 2 cycles after read_done, a write 2 after its data.
module bnn_axi3_slave #(
  parameter int ADDRESS_BITS = 12,
  parameter int ID_BITS = 12
) (
  input  logic                    clk,
  input  logic                    rst_n,

  input  logic                    s_awvalid,
  output logic                    s_awready,
  input  logic [ADDRESS_BITS-1:0] s_awaddr,
  input  logic [ID_BITS-1:0]      s_awid,
  input  logic [1:0]              s_awsize,
  input  logic [1:0]              s_awburst,
  input  logic                    s_wvalid,
  output logic                    s_wready,
  input  logic [31:0]             s_wdata,
  input  logic [3:0]              s_wstrb,
  input  logic                    s_wlast,
  output logic                    s_bvalid,
  input  logic                    s_bready,
  output logic [ID_BITS-1:0]      s_bid,
  output logic [1:0]              s_bresp,

  input  logic                    s_arvalid,
  output logic                    s_arready,
  input  logic [ADDRESS_BITS-1:0] s_araddr,
  input  logic [ID_BITS-1:0]      s_arid,
  input  logic [3:0]              s_arlen,
  input  logic [1:0]              s_arsize,
  input  logic [1:0]              s_arburst,
  output logic                    s_rvalid,
  input  logic                    s_rready,
  output logic [ID_BITS-1:0]      s_rid,
  output logic [31:0]             s_rdata,
  output logic [1:0]              s_rresp,
  output logic                    s_rlast,

  output logic                    write_valid,
  output logic [ADDRESS_BITS-1:0] write_address,
  output logic [31:0]             write_data,
  input  logic                    write_stall,
  output logic                    read_valid,
  output logic [ADDRESS_BITS-1:0] read_address,
  input  logic                    read_done,
  input  logic [31:0]             read_data
);
  localparam logic [1:0] OKAY = 2'b00;
  localparam logic [1:0] SLVERR = 2'b10;
  localparam logic [1:0] FIXED = 2'b00;
  localparam logic [1:0] WRAP = 2'b10;
  localparam logic [1:0] WORD = 2'b10;

  // ---- write
  logic                    write_fixed, write_legal, write_taken;
  logic [ADDRESS_BITS-1:0] next_write;

  assign s_wready    = !s_awready && !s_bvalid && !write_valid && !write_stall;
  assign write_taken = s_wvalid && s_wready;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      s_awready   <= 1'b1;
      s_bvalid    <= 1'b0;
      write_valid <= 1'b0;
    end else begin
      if (s_awvalid && s_awready) s_awready <= 1'b0;
      if (write_taken && s_wlast) s_bvalid <= 1'b1;
      if (s_bvalid && s_bready) begin
        s_bvalid  <= 1'b0;
        s_awready <= 1'b1;
      end
      write_valid <= write_taken && write_legal && s_wstrb == 4'hF;
    end
  end

  always_ff @(posedge clk) begin
    if (s_awready) begin
      s_bid       <= s_awid;
      next_write  <= s_awaddr;
      write_fixed <= s_awburst == FIXED;
      write_legal <= s_awsize == WORD && s_awburst != WRAP;
      s_bresp     <= (s_awsize == WORD && s_awburst != WRAP) ? OKAY : SLVERR;
    end
    if (write_taken) begin
      write_address <= next_write;
      write_data    <= s_wdata;
      if (!write_fixed) next_write <= next_write + ADDRESS_BITS'(4);
      // A beat without any strobe writes nothing, which is legal.
      if (s_wstrb != 4'hF && s_wstrb != 4'h0) s_bresp <= SLVERR;
    end
  end

  // ---- read
  logic       read_fixed, read_start, read_next;
  logic [3:0] read_left;    // beats after the one under way

  assign read_start = s_arvalid && s_arready;
  assign read_next  = s_rvalid && s_rready && !s_rlast;
  assign s_rlast    = read_left == '0;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      s_arready  <= 1'b1;
      s_rvalid   <= 1'b0;
      read_valid <= 1'b0;
    end else begin
      if (read_start) s_arready <= 1'b0;
      if (s_rvalid && s_rready) begin
        s_rvalid <= 1'b0;
        if (s_rlast) s_arready <= 1'b1;
      end
      if (read_done) s_rvalid <= 1'b1;
      read_valid <= read_start || read_next;
    end
  end

  always_ff @(posedge clk) begin
    if (s_arready) begin
      s_rid        <= s_arid;
      read_address <= s_araddr;
      read_left    <= s_arlen;
      read_fixed   <= s_arburst == FIXED;
      // Less than a word is read as the whole word, of which the processor takes its part.
      s_rresp      <= (s_arburst != WRAP && (s_arsize == WORD || s_arlen == '0)) ? OKAY : SLVERR;
    end else if (read_next) begin
      read_left <= read_left - 1'b1;
      if (!read_fixed) read_address <= read_address + ADDRESS_BITS'(4);
    end
    if (read_done) s_rdata <= read_data;
  end
endmodule
