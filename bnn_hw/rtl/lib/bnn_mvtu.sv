`include "bnn_assert.svh"
// Matrix-vector-threshold unit: binary weights, PE neurons at a time, SIMD inputs a cycle.
//
// Purpose    a dense layer, or a convolution behind a sliding window. The unit does not store
//            its input: the window unit replays each vector NF times.
// IN_BITS    bits of an input; IN_SIGNED 1 for two's complement.
// BIPOLAR    1: inputs are bits for +-1, the accumulator counts the matches p of input and
//            weight (sum = 2 p - MW). 0: the accumulator is the signed sum of +-input.
// MW, MH     inputs and neurons of the matrix. SIMD divides MW: SF = MW / SIMD input beats a
//            vector. PE need not divide MH: NF = ceil(MH / PE) neuron folds; neuron n is done
//            by PE n % PE in fold n / PE; lanes beyond MH in the last fold have no meaning.
// ACC_BITS   bits of accumulator and threshold (unsigned if BIPOLAR, else two's complement);
//            they hold every sum and a threshold one above the greatest.
// THRESHOLD  1: a neuron gives one bit, accumulator >= threshold (OUT_BITS 1). 0: it gives the
//            signed sum in OUT_BITS bits.
// WEIGHT_FILE     NF*SF words of PE*SIMD bits, word nf*SF+sf; bit p*SIMD+s is the weight of
//                 neuron nf*PE+p and input sf*SIMD+s, 1 for +1 and 0 for -1.
// THRESHOLD_FILE  NF words of PE*ACC_BITS bits, PE p at p*ACC_BITS. With ACCUMULATE "dsp" they hold
//            minus the threshold in ACC_BITS + 1 bits each.
// ACCUMULATE "lut", or "dsp": four accumulators of a binary layer in a DSP slice, MW up to 2047.
// WEIGHT_STYLE    "logic" (LUTs) or "block" (block RAM).
// MATCH      "lut", or "dsp": inputs and weights of a binary layer are compared in DSP slices, 48
//            lanes in each.
// CHAINS     0: matches are counted without carry chains, where ACCUMULATE and MATCH are "lut".
// DOT_CUTS   registers within the counting of matches of a binary layer, as the clock asks for, and
//            JOIN_CUTS within the joining of groups where SIMD exceeds DOT_GROUP.
// PIXELS     vectors a beat, those of neighbouring windows; more than one needs SIMD = MW. A vector
//            has ROWS parts of MW / ROWS inputs. The parts of the next vector start STEP inputs
//            later, so the beat holds ROWS times MW / ROWS + (PIXELS - 1) * STEP inputs. The output
//            has PE neurons of each vector, those of the first one in the low bits.
// RUNTIME    1: weights and thresholds can be loaded: WEIGHT_BASE and THRESHOLD_BASE are their
//            first addresses, config_request and config_answer join bnn_config_ram with
//            bnn_config. What a frame gives while it is written to has no meaning; reading holds
//            the unit for a cycle or two and changes nothing.
// Handshake  in_ready and out_valid depend on registers only (skid buffer at the output).
// Rate       one input beat a cycle, NF output beats of PE values a vector.
// Latency    from the last input beat of a fold: 3 cycles, one more each with WEIGHT_STYLE
//            "block", with ACCUMULATE "dsp", with MATCH "dsp" and where SIMD exceeds DOT_GROUP, and one a cut.
// The stages: memory and input register, dot product, accumulate and compare into the output.
module bnn_mvtu #(
  parameter int IN_BITS = 1,
  parameter bit IN_SIGNED = 0,
  parameter bit BIPOLAR = 1,
  parameter int MW = 144,
  parameter int MH = 16,
  parameter int PE = 4,
  parameter int SIMD = 16,
  parameter int ACC_BITS = 8,
  parameter bit THRESHOLD = 1,
  parameter int OUT_BITS = 1,
  parameter WEIGHT_FILE = "",
  parameter THRESHOLD_FILE = "",
  parameter WEIGHT_STYLE = "logic",
  parameter ACCUMULATE = "lut",
  parameter MATCH = "lut",
  parameter bit CHAINS = 1,
  parameter int DOT_CUTS = 0,
  parameter int JOIN_CUTS = 0,
  parameter bit RUNTIME = 0,
  parameter int WEIGHT_BASE = 0,
  parameter int THRESHOLD_BASE = 0,
  parameter int PIXELS = 1,
  parameter int ROWS = 1,
  parameter int STEP = 1,
  parameter int SEEN = SIMD + ROWS * (PIXELS - 1) * STEP
) (
  input  logic                          clk,
  input  logic                          rst_n,
  input  logic                          in_valid,
  output logic                          in_ready,
  input  logic [SEEN*IN_BITS-1:0]       in_data,
  output logic                          out_valid,
  input  logic                          out_ready,
  output logic [PIXELS*PE*OUT_BITS-1:0] out_data,
  input  logic [57:0]                   config_request,
  output logic [31:0]                   config_answer
);
  localparam int SF = MW / SIMD;
  localparam int NF = (MH + PE - 1) / PE;
  localparam int WORDS = NF * SF;
  localparam int DOT_GROUP = BIPOLAR ? 64 : 9;    // lanes summed up within a cycle at 100 MHz
  localparam int ROM_LATENCY = (WEIGHT_STYLE == "block") ? 2 : 1;
  localparam int DOT_LATENCY = DOT_CUTS + ((SIMD > DOT_GROUP) ? 2 + JOIN_CUTS : 1);
  localparam bit DSP = ACCUMULATE == "dsp";
  localparam bit MATCH_DSP = MATCH == "dsp";
  localparam int SUMMING = ROM_LATENCY + DOT_LATENCY + (MATCH_DSP ? 1 : 0);    // from acceptance to the accumulator
  localparam int STAGES = SUMMING + (DSP ? 1 : 0);       // to the result

  `BNN_REQUIRE(require_simd, SIMD >= 1 && MW % SIMD == 0, "SIMD must divide MW")
  `BNN_REQUIRE(require_pe, PE >= 1 && PE <= MH, "PE must be 1 to MH")
  `BNN_REQUIRE(require_bipolar, !BIPOLAR || (IN_BITS == 1 && !IN_SIGNED), "a bipolar input has one unsigned bit")
  `BNN_REQUIRE(require_out_bits, !THRESHOLD || OUT_BITS == 1, "OUT_BITS must be 1 behind a threshold")
  `BNN_REQUIRE(require_acc_bits, !(BIPOLAR && THRESHOLD) || ACC_BITS >= $clog2(MW + 2),
    "ACC_BITS must hold MW + 1")
  `BNN_REQUIRE(require_accumulate, ACCUMULATE == "lut" || ACCUMULATE == "dsp", "ACCUMULATE must be lut or dsp")
  `BNN_REQUIRE(require_match, MATCH == "lut" || (MATCH_DSP && BIPOLAR), "MATCH must be lut, or dsp with BIPOLAR")
  `BNN_REQUIRE(require_dsp, !DSP || (BIPOLAR && MW <= 2047), "ACCUMULATE dsp needs BIPOLAR and MW up to 2047")
  `BNN_REQUIRE(require_chains, CHAINS || (BIPOLAR && !DSP && !MATCH_DSP), "CHAINS 0 needs BIPOLAR without DSP slices")
  `BNN_REQUIRE(require_pixels, PIXELS == 1 || (PIXELS > 1 && SIMD == MW), "several PIXELS need SIMD = MW")
  `BNN_REQUIRE(require_rows, ROWS >= 1 && MW % ROWS == 0 && STEP >= 1, "ROWS must divide MW")

  // Place of the input beat to be accepted.
  localparam int SF_BITS = (SF > 1) ? $clog2(SF) : 1;
  localparam int NF_BITS = (NF > 1) ? $clog2(NF) : 1;
  localparam int WORD_BITS = (WORDS > 1) ? $clog2(WORDS) : 1;
  logic [SF_BITS-1:0]   synapse_fold;
  logic [NF_BITS-1:0]   neuron_fold;
  logic [WORD_BITS-1:0] weight_address;
  logic                 accept, advance, end_fold, end_vector;

  assign accept     = in_valid && in_ready;
  assign end_fold   = synapse_fold == SF_BITS'(SF - 1);
  assign end_vector = end_fold && neuron_fold == NF_BITS'(NF - 1);

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      synapse_fold   <= '0;
      neuron_fold    <= '0;
      weight_address <= '0;
    end else if (accept) begin
      synapse_fold   <= end_fold ? '0 : synapse_fold + 1'b1;
      weight_address <= end_vector ? '0 : weight_address + 1'b1;
      if (end_fold) neuron_fold <= end_vector ? '0 : neuron_fold + 1'b1;
    end
  end

  // What goes along with the data through the stages; element 0 is the newest.
  logic [STAGES-1:0] valid, first, last;

  always_ff @(posedge clk) begin
    if (!rst_n) valid <= '0;
    else if (advance) valid <= {valid[STAGES-2:0], accept};
    if (advance) begin
      first <= {first[STAGES-2:0], synapse_fold == '0};
      last  <= {last[STAGES-2:0], end_fold};
    end
  end

  // Memory and input register.
  localparam int TERM_BITS = IN_BITS + 2 + (IN_SIGNED ? 0 : 1);    // sum of three inputs
  localparam int VECTOR_BITS = BIPOLAR ? SIMD : (SIMD + 2) / 3 * 4 * TERM_BITS;
  logic [PE*SIMD-1:0]            weights;
  logic [PIXELS*VECTOR_BITS-1:0] vectors;

  logic        weights_hold, thresholds_hold;    // the memory's read port is not free
  logic [31:0] weights_answer, thresholds_answer;
  assign config_answer = weights_answer | thresholds_answer;

  bnn_memory #(
    .WIDTH(PE * SIMD), .DEPTH(WORDS), .FILE(WEIGHT_FILE), .STYLE(WEIGHT_STYLE), .RUNTIME(RUNTIME), .BASE(WEIGHT_BASE)
  ) u_weights (
    .clk, .rst_n, .enable(advance), .address(weight_address), .data(weights),
    .request(config_request), .answer(weights_answer), .hold(weights_hold)
  );
  bnn_mvtu_inputs #(
    .IN_BITS(IN_BITS), .IN_SIGNED(IN_SIGNED), .BIPOLAR(BIPOLAR), .SIMD(SIMD), .PIXELS(PIXELS), .ROWS(ROWS),
    .STEP(STEP), .DELAY(ROM_LATENCY - 1), .SEEN(SEEN)
  ) u_inputs (
    .clk, .enable(advance), .in_data, .vectors
  );

  // In a neuron's first beat the accumulator's adder subtracts the threshold instead of adding
  // to the sum so far: the sign of the last sum is the comparison. Without a threshold a binary
  // layer's sum is 2 p - MW = 2 (p - ceil(MW / 2)) + MW % 2.
  localparam int SUM_BITS = THRESHOLD ? ACC_BITS + 1 : BIPOLAR ? OUT_BITS - 1 : OUT_BITS;
  localparam int OFFSET = BIPOLAR ? (MW + 1) / 2 : 0;
  // Weights that never change make shared counts worth while; bnn_constant_dot tells what it adds.
  localparam bit CONSTANT = BIPOLAR && WORDS == 1 && PE >= 2 && !RUNTIME && !DSP && !MATCH_DSP;
  // So few words that lanes have weight signals in common.
  localparam bit SEQUENCED = BIPOLAR && WORDS >= 2 && WORDS <= 16 && (1 << (WORDS - 1)) <= SIMD && !RUNTIME
    && !DSP && !MATCH_DSP;
  `BNN_REQUIRE(require_cuts, DOT_CUTS == 0 || (BIPOLAR && !CONSTANT),
    "only counts of matches with weights that change have DOT_CUTS")
  logic [PE*SUM_BITS-1:0] next_withheld, withheld;    // what is subtracted; all ones for nothing
  logic [PE*SUM_BITS-1:0] subtracted;                 // of that: the threshold; with DSP minus it
  logic                   is_first, next_is_first;

  assign is_first      = (SF == 1) || first[SUMMING-1];
  assign next_is_first = (SF == 1) || first[SUMMING-2];

  if (THRESHOLD) begin : g_thresholds
    logic [NF_BITS-1:0]     fold;    // that reaches the accumulator in two cycles
    localparam int FIELD = DSP ? SUM_BITS : ACC_BITS;
    logic [PE*FIELD-1:0] thresholds;
    bnn_delay #(.WIDTH(NF_BITS), .LENGTH(SUMMING - 2)) u_fold (
      .clk, .enable(advance), .in_data(neuron_fold), .out_data(fold)
    );
    bnn_memory #(
      .WIDTH(PE * FIELD), .DEPTH(NF), .FILE(THRESHOLD_FILE), .RUNTIME(RUNTIME), .BASE(THRESHOLD_BASE)
    ) u_thresholds (
      .clk, .rst_n, .enable(advance), .address(fold), .data(thresholds),
      .request(config_request), .answer(thresholds_answer), .hold(thresholds_hold)
    );
    for (genvar p = 0; p < PE; p++) begin : g_withheld
      if (DSP) begin : g_start
        assign subtracted[p*SUM_BITS +: SUM_BITS] = thresholds[p*FIELD +: FIELD];
      end else begin : g_threshold
        assign subtracted[p*SUM_BITS +: SUM_BITS] = {
          !BIPOLAR && thresholds[p*FIELD + FIELD - 1], thresholds[p*FIELD +: FIELD]
        };
      end
    end
  end else begin : g_no_thresholds
    assign {thresholds_hold, thresholds_answer} = '0;
    assign subtracted = {PE{SUM_BITS'(DSP ? -OFFSET : OFFSET)}};
  end

  if (CONSTANT) begin : g_correction
    for (genvar p = 0; p < PE; p++) begin : g_pe
      assign next_withheld[p*SUM_BITS +: SUM_BITS] = subtracted[p*SUM_BITS +: SUM_BITS]
          + SUM_BITS'((1 << $clog2(SIMD + 1)) - 1) - SUM_BITS'($countones(~weights[p*SIMD +: SIMD]));
    end
  end else begin : g_no_correction
    assign next_withheld = subtracted;
  end

  always_ff @(posedge clk) begin
    if (advance) withheld <= next_is_first ? next_withheld : '1;
  end

  logic emit, emit_ready, hold;
  logic [PIXELS*PE*OUT_BITS-1:0] emitted;

  // Whether the stages advance is worked out a cycle ahead (free: nothing is to be emitted, or there
  // is room for it), since it enables most of the unit and decides about the window before it.
  // free_ahead equals free; a register of its own can lie near the window.
  logic emits_next, free_next, free, free_ahead;
  assign emits_next = advance ? valid[STAGES-2] && last[STAGES-2] : emit;
  assign free_next  = !emits_next || !out_valid || out_ready || (emit_ready && !(emit && !hold));
  assign hold       = weights_hold || thresholds_hold;
  assign advance    = free && !hold;
  assign in_ready   = free_ahead && !hold;

  always_ff @(posedge clk) begin
    if (!rst_n) {emit, free} <= 2'b01;
    else {emit, free} <= {emits_next, free_next};
    // Without a reset, so that tools do not take it for a copy of the other one.
    free_ahead <= free_next;
  end

  localparam int COUNT_BITS = $clog2(SIMD + 1) + 1;
  logic [PIXELS*PE*COUNT_BITS-1:0] counts0, counts1;
  logic                            unused_counts;    // a high bit where the sum needs fewer
  assign unused_counts = ^{counts0, counts1};

  if (CONSTANT) begin : g_constant_dot
    for (genvar v = 0; v < PIXELS; v++) begin : g_vector
      bnn_constant_dot #(.SIMD(SIMD), .PE(PE), .GROUP(DOT_GROUP), .FILE(WEIGHT_FILE)) u_dot (
        .clk, .enable(advance), .inputs(vectors[v*SIMD +: SIMD]), .weights,
        .row0(counts0[v*PE*COUNT_BITS +: PE*COUNT_BITS]), .row1(counts1[v*PE*COUNT_BITS +: PE*COUNT_BITS])
      );
    end
  end else if (SEQUENCED) begin : g_sequence_dot
    logic [PIXELS*PE*(COUNT_BITS-1)-1:0] rows0, rows1;
    for (genvar v = 0; v < PIXELS; v++) begin : g_vector
      localparam int BITS = PE * (COUNT_BITS - 1);
      bnn_sequence_dot #(
        .SIMD(SIMD), .PE(PE), .GROUP(DOT_GROUP), .FILE(WEIGHT_FILE), .CUTS(DOT_CUTS), .JOIN_CUTS(JOIN_CUTS)
      ) u_dot (
        .clk, .enable(advance), .inputs(vectors[v*SIMD +: SIMD]), .weights,
        .row0(rows0[v*BITS +: BITS]), .row1(rows1[v*BITS +: BITS])
      );
    end
    for (genvar i = 0; i < PIXELS * PE; i++) begin : g_counts
      assign counts0[i*COUNT_BITS +: COUNT_BITS] = {1'b0, rows0[i*(COUNT_BITS-1) +: COUNT_BITS-1]};
      assign counts1[i*COUNT_BITS +: COUNT_BITS] = {1'b0, rows1[i*(COUNT_BITS-1) +: COUNT_BITS-1]};
    end
  end else begin : g_no_counts
    assign {counts0, counts1} = '0;
  end

  localparam int UNITS = PIXELS * PE;
  logic [UNITS*SIMD-1:0] equal;    // matches of all PEs side by side
  if (MATCH_DSP) begin : g_match_dsp
    logic [UNITS*SIMD-1:0] lanes;
    for (genvar i = 0; i < UNITS; i++) begin : g_unit
      assign lanes[i*SIMD +: SIMD] = vectors[i/PE*SIMD +: SIMD];
    end
    bnn_match_slices #(.LANES(UNITS * SIMD)) u_slices (
      .clk, .enable(advance), .inputs(lanes), .weights({PIXELS{weights}}), .equal
    );
  end else begin : g_no_match_dsp
    logic unused_equal;
    assign unused_equal = ^equal;
    assign equal = '0;
  end

  localparam int FOURS = (UNITS + 3) / 4;
  logic [FOURS*48-1:0] dsp_counts, dsp_starts, dsp_sums;
  logic                unused_dsp;    // bits above a sum's, PEs that are not there, and what DSPs hold themselves
  assign unused_dsp = ^{dsp_counts, dsp_starts, dsp_sums, withheld, is_first};
  if (DSP) begin : g_dsp
    for (genvar f = 0; f < FOURS; f++) begin : g_four
      bnn_accumulate_four u_accumulate (
        .clk, .enable(advance), .update(advance && valid[SUMMING-1]), .first(next_is_first),
        .counts(dsp_counts[48*f +: 48]), .starts(dsp_starts[48*f +: 48]), .sums(dsp_sums[48*f +: 48])
      );
    end
    for (genvar i = UNITS; i < 4 * FOURS; i++) begin : g_idle
      assign {dsp_counts[12*i +: 12], dsp_starts[12*i +: 12]} = '0;
    end
  end else begin : g_no_dsp
    assign {dsp_counts, dsp_starts, dsp_sums} = '0;
  end

  for (genvar i = 0; i < PIXELS * PE; i++) begin : g_pe
    localparam int V = i / PE;    // its vector
    localparam int P = i % PE;
    logic [SUM_BITS-1:0] accumulator, sum;

    if (DSP) begin : g_dsp_sum
      logic [COUNT_BITS-2:0] count;
      logic                  unused_accumulator;
      assign unused_accumulator = ^accumulator;
      bnn_match_sum #(
        .SIMD(SIMD), .GROUP(DOT_GROUP), .MATCHED(MATCH_DSP), .CUTS(DOT_CUTS), .JOIN_CUTS(JOIN_CUTS)
      ) u_dot (
        .clk, .enable(advance), .inputs(MATCH_DSP ? equal[i*SIMD +: SIMD] : vectors[V*SIMD +: SIMD]),
        .weights(weights[P*SIMD +: SIMD]), .count
      );
      assign dsp_counts[12*i +: 12] = 12'(count);
      assign dsp_starts[12*i +: 12] = 12'($signed(subtracted[P*SUM_BITS +: SUM_BITS]));
      assign sum = SUM_BITS'($signed(dsp_sums[12*i +: 12]));
    end else if (CONSTANT) begin : g_constant
      localparam int KEPT_BITS = (COUNT_BITS < SUM_BITS) ? COUNT_BITS : SUM_BITS;
      bnn_accumulate #(
        .ROW0_BITS(KEPT_BITS), .SIGNED(0), .INVERT(0), .ROW1_BITS(KEPT_BITS), .SUM_BITS(SUM_BITS)
      ) u_accumulate (
        .row0(counts0[i*COUNT_BITS +: KEPT_BITS]), .invert(1'b0), .row1(counts1[i*COUNT_BITS +: KEPT_BITS]),
        .value(accumulator), .threshold(withheld[P*SUM_BITS +: SUM_BITS]), .first(is_first), .sum
      );
    end else if (BIPOLAR) begin : g_matches
      localparam int ROW_BITS = $clog2(SIMD + 1);
      logic [ROW_BITS-1:0] row0, row1;
      if (SEQUENCED) begin : g_sequence
        assign row0 = counts0[i*COUNT_BITS +: ROW_BITS];
        assign row1 = counts1[i*COUNT_BITS +: ROW_BITS];
      end else begin : g_dot
        bnn_match_dot #(
          .SIMD(SIMD), .GROUP(DOT_GROUP), .MATCHED(MATCH_DSP), .CHAINS(CHAINS), .CUTS(DOT_CUTS), .JOIN_CUTS(JOIN_CUTS)
        ) u_dot (
          .clk, .enable(advance), .inputs(MATCH_DSP ? equal[i*SIMD +: SIMD] : vectors[V*SIMD +: SIMD]),
          .weights(weights[P*SIMD +: SIMD]), .row0, .row1
        );
      end
      bnn_accumulate #(
        .ROW0_BITS(ROW_BITS), .SIGNED(0), .INVERT(0), .ROW1_BITS(ROW_BITS), .SUM_BITS(SUM_BITS)
      ) u_accumulate (
        .row0, .invert(1'b0), .row1, .value(accumulator),
        .threshold(withheld[P*SUM_BITS +: SUM_BITS]), .first(is_first), .sum
      );
    end else begin : g_signed
      localparam int TRIPLES = (SIMD + 2) / 3;
      localparam int ROW0_BITS = TERM_BITS + $clog2(TRIPLES);
      localparam int ROW1_BITS = $clog2(TRIPLES + 1);
      localparam int KEPT_BITS = (ROW0_BITS < SUM_BITS) ? ROW0_BITS : SUM_BITS;
      logic [ROW0_BITS-1:0] row0;
      logic [ROW1_BITS-1:0] row1;
      logic                 invert, unused_row0;
      assign unused_row0 = ^row0;    // its high bits where the sum needs fewer
      bnn_signed_dot #(.SIMD(SIMD), .TERM_BITS(TERM_BITS), .GROUP(DOT_GROUP)) u_dot (
        .clk, .enable(advance), .sums(vectors[V*VECTOR_BITS +: VECTOR_BITS]),
        .weights(weights[P*SIMD +: SIMD]), .row0, .invert, .row1
      );
      bnn_accumulate #(
        .ROW0_BITS(KEPT_BITS), .SIGNED(1), .INVERT(TRIPLES == 1), .ROW1_BITS(ROW1_BITS),
        .SUM_BITS(SUM_BITS)
      ) u_accumulate (
        .row0(row0[KEPT_BITS-1:0]), .invert, .row1, .value(accumulator),
        .threshold(withheld[P*SUM_BITS +: SUM_BITS]), .first(is_first), .sum
      );
    end

    if (SF == 1 || DSP) begin : g_no_accumulator
      assign accumulator = '0;
    end else begin : g_accumulator
      // One condition clears, so that flip-flops do it by their reset and no LUT stands behind the adder.
      logic clear;
      assign clear = !rst_n || (emit && advance);
      always_ff @(posedge clk) begin
        if (clear) accumulator <= '0;
        else if (advance && valid[STAGES-1]) accumulator <= sum;
      end
    end

    if (THRESHOLD) begin : g_compare
      assign emitted[i] = !sum[SUM_BITS-1];
    end else if (BIPOLAR) begin : g_twice
      assign emitted[i*OUT_BITS +: OUT_BITS] = {sum, 1'(MW % 2)};
    end else begin : g_sum
      assign emitted[i*OUT_BITS +: OUT_BITS] = sum;
    end
  end

  bnn_skid #(.WIDTH(PIXELS * PE * OUT_BITS)) u_skid (
    .clk, .rst_n, .in_valid(emit && !hold), .in_ready(emit_ready), .in_data(emitted),
    .out_valid, .out_ready, .out_data
  );
endmodule
