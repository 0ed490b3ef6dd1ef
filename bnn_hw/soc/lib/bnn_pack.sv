`include "bnn_assert.svh"
// Words of a core to words of memory: two by two, each frame at the start of a 64-bit word.
//
// Purpose   collects results for the write master. Where a frame has an odd number of words, the
//           upper half of its last one is zero.
// WORDS     32-bit words of a frame; in_last must stand with the last of them and no other.
// Handshake valid/ready; in_ready follows out_ready combinationally (the FIFO behind it registers).
// Ports     framing: one cycle after a word whose in_last was wrong.
module bnn_pack #(
  parameter int WORDS = 5
) (
  input  logic        clk,
  input  logic        rst_n,
  input  logic        in_valid,
  output logic        in_ready,
  input  logic [31:0] in_data,
  input  logic        in_last,
  output logic        out_valid,
  input  logic        out_ready,
  output logic [63:0] out_data,
  output logic        framing
);
  `BNN_REQUIRE(require_words, WORDS >= 1, "WORDS must be at least 1")

  localparam int COUNT_BITS = WORDS > 1 ? $clog2(WORDS) : 1;

  logic [COUNT_BITS-1:0] count;
  logic [31:0]           lower;
  logic                  upper_half, last;

  assign last      = count == COUNT_BITS'(WORDS - 1);
  assign out_valid = in_valid && (upper_half || last);
  assign out_data  = upper_half ? {in_data, lower} : {32'b0, in_data};
  assign in_ready  = out_ready;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      count      <= '0;
      upper_half <= 1'b0;
      framing    <= 1'b0;
    end else begin
      framing <= in_valid && in_ready && in_last != last;
      if (in_valid && in_ready) begin
        count      <= last ? '0 : count + 1'b1;
        upper_half <= !upper_half && !last;
      end
    end
  end

  always_ff @(posedge clk) begin
    if (in_valid && in_ready) lower <= in_data;
  end
endmodule
