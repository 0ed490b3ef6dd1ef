`include "bnn_assert.svh"
// Input register of a matrix unit: what each vector of a beat has for its PEs.
//
// Purpose    of one-bit inputs the bits; of integers the sums of three up to sign (bnn_triple_sums),
//            which all PEs share.
// IN_BITS, IN_SIGNED, BIPOLAR, SIMD, PIXELS, ROWS, STEP, SEEN  as in bnn_mvtu.
// DELAY      registers before the last one, for memories with a late answer.
// vectors    of PIXELS vectors, the first in the low bits: SIMD bits, or four sums of each triple.
// Latency    1 + DELAY enabled cycles.
module bnn_mvtu_inputs #(
  parameter int IN_BITS = 1,
  parameter bit IN_SIGNED = 0,
  parameter bit BIPOLAR = 1,
  parameter int SIMD = 16,
  parameter int PIXELS = 1,
  parameter int ROWS = 1,
  parameter int STEP = 1,
  parameter int DELAY = 0,
  parameter int SEEN = SIMD + ROWS * (PIXELS - 1) * STEP,
  parameter int TERM_BITS = IN_BITS + 2 + (IN_SIGNED ? 0 : 1),    // sum of three inputs
  parameter int VECTOR_BITS = BIPOLAR ? SIMD : (SIMD + 2) / 3 * 4 * TERM_BITS
) (
  input  logic                          clk,
  input  logic                          enable,
  input  logic [SEEN*IN_BITS-1:0]       in_data,
  output logic [PIXELS*VECTOR_BITS-1:0] vectors
);
  `BNN_REQUIRE(require_rows, ROWS >= 1 && SIMD % (PIXELS > 1 ? ROWS : 1) == 0, "ROWS must divide SIMD")

  // Inputs of a vector, or of all vectors of a beat, that lie together.
  localparam int PARTS = (PIXELS > 1) ? ROWS : 1;
  localparam int PART = SIMD / PARTS;
  localparam int SEEN_PART = SEEN / PARTS;
  // Triples that start where windows do belong to several vectors and are added up once.
  localparam bit SHARED = PIXELS > 1 && STEP % 3 == 0 && PART % 3 == 0;
  localparam int OPERAND_BITS = BIPOLAR ? SEEN : SHARED ? SEEN / 3 * 4 * TERM_BITS : PIXELS * VECTOR_BITS;
  logic [SEEN*IN_BITS-1:0] inputs;
  logic [OPERAND_BITS-1:0] operands, next_operands;

  bnn_delay #(.WIDTH(SEEN * IN_BITS), .LENGTH(DELAY)) u_inputs (.clk, .enable, .in_data, .out_data(inputs));

  if (BIPOLAR) begin : g_bits
    assign next_operands = inputs;
  end else if (SHARED) begin : g_shared_sums
    bnn_triple_sums #(.COUNT(SEEN), .BITS(IN_BITS), .IS_SIGNED(IN_SIGNED)) u_sums (
      .values(inputs), .sums(next_operands)
    );
  end else begin : g_sums
    for (genvar v = 0; v < PIXELS; v++) begin : g_vector
      logic [SIMD*IN_BITS-1:0] own;
      for (genvar r = 0; r < PARTS; r++) begin : g_row
        assign own[r*PART*IN_BITS +: PART*IN_BITS] = inputs[(r*SEEN_PART + v*STEP)*IN_BITS +: PART*IN_BITS];
      end
      bnn_triple_sums #(.COUNT(SIMD), .BITS(IN_BITS), .IS_SIGNED(IN_SIGNED)) u_sums (
        .values(own), .sums(next_operands[v*VECTOR_BITS +: VECTOR_BITS])
      );
    end
  end

  always_ff @(posedge clk) begin
    if (enable) operands <= next_operands;
  end

  if (BIPOLAR || SHARED) begin : g_cut
    for (genvar v = 0; v < PIXELS; v++) begin : g_vector
      for (genvar r = 0; r < PARTS; r++) begin : g_row
        // An operand is an input, or the sums of three of them.
        localparam int INPUTS = BIPOLAR ? 1 : 3;
        localparam int BITS = BIPOLAR ? 1 : 4 * TERM_BITS;
        localparam int COUNT = PART / INPUTS;
        assign vectors[v*VECTOR_BITS + r*COUNT*BITS +: COUNT*BITS] =
            operands[(r*SEEN_PART + v*STEP)/INPUTS*BITS +: COUNT*BITS];
      end
    end
  end else begin : g_own
    assign vectors = operands;
  end
endmodule
