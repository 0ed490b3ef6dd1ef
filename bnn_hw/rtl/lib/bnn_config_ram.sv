`include "bnn_assert.svh"
// Memory of weights or thresholds that is read like a bnn_rom and can be loaded and read back.
//
// Purpose  a network trained anew needs no new bitstream. The contents at power-up are FILE's.
// WIDTH    bits of a row; DEPTH rows; FILE in $readmemh form, row 0 first.
// STYLE    "logic": LUTs, "block": block RAM with a second register at its output; a memory of
//          one row is made of flip-flops.
// BASE     first configuration address. A row lies in ceil(WIDTH / 32) words of 32 bits, lowest
//          bits first, and rows are 2**clog2 of that apart: word w of row r has the address
//          BASE + (r << clog2(words)) + w. BASE is a multiple of the addresses so covered.
// request  {write, read, address, data} of bnn_config: write and read last one cycle, address
//          and data stay for four. Writing outside the memory has no effect.
// answer   the word read, from 4 cycles after the read until the next one; else zero.
// hold     the memory's only read port serves a request: enable must be low.
// Latency  of data: 1 enabled cycle for "logic", 2 for "block".
module bnn_config_ram #(
  parameter int WIDTH = 8,
  parameter int DEPTH = 16,
  parameter FILE = "",
  parameter STYLE = "logic",
  parameter int BASE = 0,
  parameter int ADDRESS_BITS = (DEPTH > 1) ? $clog2(DEPTH) : 1
) (
  input  logic                    clk,
  input  logic                    rst_n,
  input  logic                    enable,
  input  logic [ADDRESS_BITS-1:0] address,
  output logic [WIDTH-1:0]        data,
  input  logic [57:0]             request,
  output logic [31:0]             answer,
  output logic                    hold
);
  localparam int WORDS = (WIDTH + 31) / 32;
  localparam int WORD_BITS = $clog2(WORDS);
  localparam int ROW_BITS = $clog2(DEPTH);
  localparam int SPAN_BITS = WORD_BITS + ROW_BITS;

  `BNN_REQUIRE(require_size, WIDTH >= 1 && DEPTH >= 1, "WIDTH and DEPTH must be at least 1")
  `BNN_REQUIRE(require_style, STYLE == "logic" || STYLE == "block", "STYLE must be logic or block")
  `BNN_REQUIRE(require_base, BASE % (1 << SPAN_BITS) == 0, "BASE must be a multiple of the memory's span")

  logic        request_write, request_read;
  logic [23:0] request_address, word, row;
  logic [31:0] request_data;
  logic        wanted;

  assign {request_write, request_read, request_address, request_data} = request;
  assign word   = request_address & 24'((1 << WORD_BITS) - 1);
  assign row    = (request_address & 24'((1 << SPAN_BITS) - 1)) >> WORD_BITS;
  assign wanted = request_address >> SPAN_BITS == 24'(BASE >> SPAN_BITS) && row < 24'(DEPTH);

  logic [WORDS-1:0] write_word;
  logic             read_row, unused;
  assign unused = ^{row, enable, address, request_data};    // in small memories

  // Nothing is written before the reset, either.
  initial write_word = '0;

  always_ff @(posedge clk) begin
    for (int w = 0; w < WORDS; w++)
      write_word[w] <= rst_n && request_write && wanted && word == 24'(w);
    read_row <= rst_n && request_read && wanted;
  end

  logic [WIDTH-1:0]    found;    // the row asked for, in the cycle in which it is taken
  logic [32*WORDS-1:0] padded;
  logic                take;
  assign padded = (32 * WORDS)'(found);

  always_ff @(posedge clk) begin
    if (request_read) answer <= '0;
    else if (take) answer <= padded[32*word[WORD_BITS:0] +: 32];
  end

  if (DEPTH == 1) begin : g_registers
    (* ram_style = "registers" *) logic [WIDTH-1:0] rows [0:0];
    if (FILE != "") begin : g_content
      initial $readmemh(FILE, rows);
    end else begin : g_zero
      initial for (int r = 0; r < DEPTH; r++) rows[r] = '0;
    end
    for (genvar w = 0; w < WORDS; w++) begin : g_word
      localparam int BITS = (WIDTH - 32 * w < 32) ? WIDTH - 32 * w : 32;
      always_ff @(posedge clk) if (write_word[w]) rows[0][32*w +: BITS] <= request_data[BITS-1:0];
    end
    assign data  = rows[0];
    assign found = rows[0];
    assign take  = read_row;
    assign hold  = 1'b0;
  end else if (STYLE == "block") begin : g_block
    (* ram_style = "block" *) logic [WIDTH-1:0] rows [0:DEPTH-1];
    if (FILE != "") begin : g_content
      initial $readmemh(FILE, rows);
    end else begin : g_zero
      initial for (int r = 0; r < DEPTH; r++) rows[r] = '0;
    end
    for (genvar w = 0; w < WORDS; w++) begin : g_word
      localparam int BITS = (WIDTH - 32 * w < 32) ? WIDTH - 32 * w : 32;
      always_ff @(posedge clk)
        if (write_word[w]) rows[row[ADDRESS_BITS-1:0]][32*w +: BITS] <= request_data[BITS-1:0];
    end

    // The row that the unit read last is read once more behind the request's.
    logic [ADDRESS_BITS-1:0] last_address, read_address;
    logic [WIDTH-1:0]        fetched;
    logic                    restore;
    assign read_address = read_row ? row[ADDRESS_BITS-1:0] : restore ? last_address : address;
    assign hold  = read_row || restore;
    assign take  = restore;
    assign found = fetched;

    always_ff @(posedge clk) begin
      restore <= read_row;
      if (enable) last_address <= address;
      if (enable || hold) fetched <= rows[read_address];
      if (enable) data <= fetched;
    end
  end else begin : g_logic
    (* ram_style = "distributed" *) logic [WIDTH-1:0] rows [0:DEPTH-1];
    if (FILE != "") begin : g_content
      initial $readmemh(FILE, rows);
    end else begin : g_zero
      initial for (int r = 0; r < DEPTH; r++) rows[r] = '0;
    end
    for (genvar w = 0; w < WORDS; w++) begin : g_word
      localparam int BITS = (WIDTH - 32 * w < 32) ? WIDTH - 32 * w : 32;
      always_ff @(posedge clk)
        if (write_word[w]) rows[row[ADDRESS_BITS-1:0]][32*w +: BITS] <= request_data[BITS-1:0];
    end
    assign found = rows[read_row ? row[ADDRESS_BITS-1:0] : address];
    assign take  = read_row;
    assign hold  = read_row;

    always_ff @(posedge clk) if (enable) data <= found;
  end
endmodule
