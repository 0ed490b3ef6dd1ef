`include "bnn_assert.svh"
// Adder of an accumulator, combinational. This is the behavioural form for every family. The
// structural form is made for the sizes of a plan and takes one LUT site a bit.
//
//   sum = (row0 ^ invert) + row1 + (value | ~threshold) + first
//
// Purpose    the first beat of a neuron subtracts the threshold (value 0, first 1), the others
//            add to the value (threshold all ones, first 0), so the sum's sign is the comparison.
// ROW0_BITS  bits of row0; SIGNED 1: two's complement, else unsigned.
// INVERT     1: row0 is inverted where invert is 1; with a one in row1 that is minus row0.
// ROW1_BITS  bits of row1, unsigned; 1 if INVERT.
// SUM_BITS   bits of value, threshold and sum, two's complement.
module bnn_accumulate #(
  parameter int ROW0_BITS = 5,
  parameter bit SIGNED = 0,
  parameter bit INVERT = 0,
  parameter int ROW1_BITS = 5,
  parameter int SUM_BITS = 9
) (
  input  logic [ROW0_BITS-1:0] row0,
  input  logic                 invert,
  input  logic [ROW1_BITS-1:0] row1,
  input  logic [SUM_BITS-1:0]  value,
  input  logic [SUM_BITS-1:0]  threshold,
  input  logic                 first,
  output logic [SUM_BITS-1:0]  sum
);
  `BNN_REQUIRE(require_bits, ROW0_BITS <= SUM_BITS && ROW1_BITS <= SUM_BITS, "SUM_BITS must hold the rows")
  `BNN_REQUIRE(require_invert, !INVERT || (SIGNED && ROW1_BITS == 1), "INVERT needs SIGNED and ROW1_BITS 1")

  logic [SUM_BITS-1:0] wide_row0, operand;
  logic                low, unused_carry;

  if (SIGNED) begin : g_signed
    assign wide_row0 = SUM_BITS'($signed(row0)) ^ {SUM_BITS{INVERT && invert}};
  end else begin : g_unsigned
    assign wide_row0 = SUM_BITS'(row0);
  end
  if (!INVERT) begin : g_no_invert
    logic unused_invert;
    assign unused_invert = invert;
  end

  // A one below the operands carries in and completes the two's complement of the threshold.
  assign operand = value | ~threshold;
  assign {sum, low} = {operand, first} + {wide_row0, first} + {SUM_BITS'(row1), 1'b0};
  assign unused_carry = low;
endmodule
