// Weights or thresholds of a matrix unit: part of the hardware, or loaded.
//
// Purpose    one port for both kinds of memory, bnn_rom and bnn_config_ram.
// WIDTH, DEPTH, FILE, STYLE  of a word, in words, image, "logic" or "block", as in bnn_rom.
// RUNTIME    1: can be loaded and read back through request and answer; BASE is its first address.
// hold       1: the read port is not free in this cycle, and data not of the address (RUNTIME only).
// Latency    1 enabled cycle from address to data, 2 with STYLE "block".
module bnn_memory #(
  parameter int WIDTH = 16,
  parameter int DEPTH = 16,
  parameter FILE = "",
  parameter STYLE = "logic",
  parameter bit RUNTIME = 0,
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
  if (RUNTIME) begin : g_loaded
    bnn_config_ram #(.WIDTH(WIDTH), .DEPTH(DEPTH), .FILE(FILE), .STYLE(STYLE), .BASE(BASE)) u_ram (
      .clk, .rst_n, .enable, .address, .data, .request, .answer, .hold
    );
  end else begin : g_fixed
    logic unused;
    assign unused = ^{rst_n, request};
    assign {hold, answer} = '0;
    bnn_rom #(.WIDTH(WIDTH), .DEPTH(DEPTH), .FILE(FILE), .STYLE(STYLE)) u_rom (
      .clk, .enable, .address, .data
    );
  end
endmodule
