// Behaviour of a 7-series block RAM (7 Series FPGAs Memory Resources, UG473): what RAMB18E1 and RAMB36E1 share.
//
// Ports of 9, 18, 36 and 72 bits carry 8 data bits and a parity bit a byte, ports of 1, 2 and 4
// bits data only. Addresses count data bits; the low ones that a port's width leaves over are
// ignored. In the simple dual-port mode port A reads and port B writes, up to twice as wide as in
// the true dual-port mode. Output registers, cascades, error correction and inverted pins are not
// here, because logic synthesis does not ask for them; they fail when the netlist is compiled.

// Modes are compared with texts of other lengths.
/* verilator lint_off WIDTHEXPAND */
module bnn_cell_block_ram #(
    parameter int ADDRESS_BITS = 14,
    parameter int LANES = 2,  // bytes of a port in the true dual-port mode
    parameter RAM_MODE = "TDP",
    parameter int READ_WIDTH_A = 0,
    parameter int READ_WIDTH_B = 0,
    parameter int WRITE_WIDTH_A = 0,
    parameter int WRITE_WIDTH_B = 0,
    parameter WRITE_MODE_A = "WRITE_FIRST",
    parameter WRITE_MODE_B = "WRITE_FIRST",
    parameter int DOA_REG = 0,
    parameter int DOB_REG = 0,
    parameter logic [9*LANES-1:0] INIT_A = 0,  // of the outputs at power-up: parity bits above data bits
    parameter logic [9*LANES-1:0] INIT_B = 0,
    parameter logic [9*LANES-1:0] SRVAL_A = 0,  // of the outputs after a reset
    parameter logic [9*LANES-1:0] SRVAL_B = 0,
    parameter logic [(1<<ADDRESS_BITS)-1:0] DATA = 0,
    parameter logic [(1<<(ADDRESS_BITS-3))-1:0] PARITY = 0
) (
    input  logic clk_a,
    input  logic clk_b,
    input  logic en_a,
    input  logic en_b,
    input  logic rst_a,
    input  logic rst_b,
    input  logic [ADDRESS_BITS-1:0] addr_a,
    input  logic [ADDRESS_BITS-1:0] addr_b,
    input  logic [LANES-1:0] we_a,
    input  logic [2*LANES-1:0] we_b,
    input  logic [8*LANES-1:0] di_a,
    input  logic [8*LANES-1:0] di_b,
    input  logic [LANES-1:0] dip_a,
    input  logic [LANES-1:0] dip_b,
    output logic [8*LANES-1:0] do_a,
    output logic [8*LANES-1:0] do_b,
    output logic [LANES-1:0] dop_a,
    output logic [LANES-1:0] dop_b
);
  localparam bit SIMPLE = RAM_MODE == "SDP";
  localparam int BYTES = 1 << (ADDRESS_BITS - 3);
  localparam int INDEX_BITS = ADDRESS_BITS - 3;

  // Bytes that a port of a width moves; 0 for a port that is not used.
  function automatic int bytes(int width);
    return width == 0 ? 0 : width < 9 ? 1 : width / 9;
  endfunction
  // Which bits of a byte a port narrower than a byte moves.
  function automatic logic [7:0] mask(int width, logic [2:0] bit_address);
    return width >= 9 ? 8'hFF : 8'((1 << width) - 1) << shift(width, bit_address);
  endfunction
  function automatic logic [2:0] shift(int width, logic [2:0] bit_address);
    return width >= 9 ? 3'd0 : bit_address & ~3'(width - 1);
  endfunction
  // Byte number i of the word at an address.
  function automatic logic [INDEX_BITS-1:0] place(int width, logic [INDEX_BITS-1:0] address, int i);
    return width < 9 ? address : (address & ~INDEX_BITS'(width / 9 - 1)) | INDEX_BITS'(i);
  endfunction

  if (DOA_REG != 0 || DOB_REG != 0) begin : g_no_registers
    $error("this model of a block RAM has no output registers");
  end
  if (RAM_MODE != "SDP" && RAM_MODE != "TDP") begin : g_no_mode
    $error("RAM_MODE is neither SDP nor TDP");
  end
  if (!SIMPLE && WRITE_MODE_A == "WRITE_FIRST" && READ_WIDTH_A * WRITE_WIDTH_A != 0 &&
      READ_WIDTH_A != WRITE_WIDTH_A) begin : g_no_widths_a
    $error("this model writes first only where port A reads and writes the same width");
  end
  if (!SIMPLE && WRITE_MODE_B == "WRITE_FIRST" && READ_WIDTH_B * WRITE_WIDTH_B != 0 &&
      READ_WIDTH_B != WRITE_WIDTH_B) begin : g_no_widths_b
    $error("this model writes first only where port B reads and writes the same width");
  end

  logic [7:0] data[BYTES];
  logic parity[BYTES];
  initial
    for (int i = 0; i < BYTES; i++) begin
      data[i] = DATA[8*i+:8];
      parity[i] = PARITY[i];
    end

  logic [16*LANES-1:0] read_a, read_b, write_a, write_b;
  logic [2*LANES-1:0] readp_a, readp_b, writep_a, writep_b, byte_a, byte_b;
  logic wide;
  assign wide = WRITE_WIDTH_B > 9 * LANES;
  assign write_a = {{8 * LANES{1'b0}}, di_a};
  assign writep_a = {{LANES{1'b0}}, dip_a};
  assign write_b = wide ? {di_b, di_a} : {{8 * LANES{1'b0}}, di_b};
  assign writep_b = wide ? {dip_b, dip_a} : {{LANES{1'b0}}, dip_b};
  assign byte_a = {{LANES{1'b0}}, we_a};
  assign byte_b = we_b;
  assign do_a = read_a[8*LANES-1:0];
  assign dop_a = readp_a[LANES-1:0];
  assign do_b = SIMPLE ? read_a[16*LANES-1:8*LANES] : read_b[8*LANES-1:0];
  assign dop_b = SIMPLE ? readp_a[2*LANES-1:LANES] : readp_b[LANES-1:0];

`define BNN_BLOCK_RAM_PORT(ab, READ, WRITE, MODE, POWER_UP, RESET) \
  for (genvar i = 0; i < bytes(WRITE); i++) begin : g_write_``ab \
    always @(posedge clk_``ab) \
      if (en_``ab && byte_``ab[i]) begin \
        data[place(WRITE, addr_``ab[ADDRESS_BITS-1:3], i)] <= \
            (data[place(WRITE, addr_``ab[ADDRESS_BITS-1:3], i)] & ~mask(WRITE, addr_``ab[2:0])) | \
            ((write_``ab[8*i+:8] << shift(WRITE, addr_``ab[2:0])) & mask(WRITE, addr_``ab[2:0])); \
        if (WRITE >= 9) parity[place(WRITE, addr_``ab[ADDRESS_BITS-1:3], i)] <= writep_``ab[i]; \
      end \
  end \
  for (genvar i = 0; i < 2 * LANES; i++) begin : g_read_``ab \
    if (i >= bytes(READ)) begin : g_none \
      assign {readp_``ab[i], read_``ab[8*i+:8]} = 9'd0; \
    end else begin : g_byte \
      logic [7:0] word; \
      logic check; \
      localparam bit [18*LANES-1:0] FIRST = (18*LANES)'(POWER_UP), CLEAR = (18*LANES)'(RESET); \
      assign {readp_``ab[i], read_``ab[8*i+:8]} = {check, word}; \
      initial {check, word} = {FIRST[8*bytes(READ)+i], FIRST[8*i+:8]}; \
      always @(posedge clk_``ab) \
        if (en_``ab) begin \
          if (rst_``ab) {check, word} <= {CLEAR[8*bytes(READ)+i], CLEAR[8*i+:8]}; \
          else if (!(WRITE != 0 && byte_``ab[i] && MODE == "NO_CHANGE")) begin \
            if (WRITE != 0 && byte_``ab[i] && MODE == "WRITE_FIRST") \
              {check, word} <= {writep_``ab[i], write_``ab[8*i+:8]}; \
            else \
              {check, word} <= {parity[place(READ, addr_``ab[ADDRESS_BITS-1:3], i)], \
                  (data[place(READ, addr_``ab[ADDRESS_BITS-1:3], i)] & mask(READ, addr_``ab[2:0])) >> \
                  shift(READ, addr_``ab[2:0])}; \
          end \
        end \
    end \
  end

  localparam bit [18*LANES-1:0] POWER_UP_A =
      READ_WIDTH_A > 9 * LANES ? interleave(INIT_B, INIT_A) : (18 * LANES)'(INIT_A);
  localparam bit [18*LANES-1:0] RESET_A =
      READ_WIDTH_A > 9 * LANES ? interleave(SRVAL_B, SRVAL_A) : (18 * LANES)'(SRVAL_A);
  // A wide word from the two halves' values: all data bits, then all parity bits.
  function automatic logic [18*LANES-1:0] interleave(logic [9*LANES-1:0] high, logic [9*LANES-1:0] low);
    return {high[9*LANES-1:8*LANES], low[9*LANES-1:8*LANES], high[8*LANES-1:0], low[8*LANES-1:0]};
  endfunction

  `BNN_BLOCK_RAM_PORT(a, READ_WIDTH_A, (SIMPLE ? 0 : WRITE_WIDTH_A), WRITE_MODE_A, POWER_UP_A, RESET_A)
  `BNN_BLOCK_RAM_PORT(b, (SIMPLE ? 0 : READ_WIDTH_B), WRITE_WIDTH_B, WRITE_MODE_B, INIT_B, SRVAL_B)
endmodule
