// bnn_core: tiny for any part, goal folding. Made by bnn-hw; changes are lost.
//
// A frame: 6x7 pixels of 2 UINT8 in, 4 words out, namely
// the signed score of each of 3 classes, then the winning class with m_last.
// Plan: a frame every 240 cycles, latency 249 cycles.
// Memory images are read relative to this folder.

`default_nettype none

module bnn_core (
    input  wire          clk,
    input  wire          rst_n,    // synchronous, active low
    input  wire          s_valid,
    output wire          s_ready,
    input  wire [15:0]   s_data,
    output wire          m_valid,
    input  wire          m_ready,
    output wire [31:0]   m_data,
    output wire          m_last
);

  // ---- conv1 (PE 4, SIMD 2, 240 cycles a frame) -------------------------------------------------

  // conv1_window: each 2x2 window of 6x7 pixels of 2 UINT8, in 4 words, 2 times.
  wire          conv1_window_valid;
  wire          conv1_window_ready;
  wire [15:0]   conv1_window_data;
  bnn_window #(
      .BITS(8),
      .HEIGHT(6),
      .WIDTH(7),
      .CHANNELS(2),
      .KERNEL_H(2),
      .KERNEL_W(2),
      .STRIDE_H(1),
      .STRIDE_W(1),
      .PAD_TOP(0),
      .PAD_LEFT(0),
      .PAD_BOTTOM(0),
      .PAD_RIGHT(0),
      .PAD_VALUE(0),
      .REPLAY(2),
      .SIMD(2),
      .DEPTH(32),
      .RAM_STYLE("distributed")
  ) u_conv1_window (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(s_valid),
      .in_ready(s_ready),
      .in_data(s_data),
      .out_valid(conv1_window_valid),
      .out_ready(conv1_window_ready),
      .out_data(conv1_window_data)
  );

  // conv1_mvtu: 6 neurons of 8 synapses in 2 folds of 4 cycles; makes 5x6 pixels of 6 BIPOLAR, 4 a
  // beat.
  wire          conv1_mvtu_valid;
  wire          conv1_mvtu_ready;
  wire [3:0]    conv1_mvtu_data;
  wire [31:0]   unused_conv1_mvtu_config;
  bnn_mvtu #(
      .IN_BITS(8),
      .IN_SIGNED(0),
      .BIPOLAR(0),
      .MW(8),
      .MH(6),
      .PE(4),
      .SIMD(2),
      .ACC_BITS(12),
      .THRESHOLD(1),
      .OUT_BITS(1),
      .WEIGHT_FILE("mem/conv1_weights.hex"),
      .THRESHOLD_FILE("mem/conv1_thresholds.hex"),
      .WEIGHT_STYLE("logic")
  ) u_conv1_mvtu (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(conv1_window_valid),
      .in_ready(conv1_window_ready),
      .in_data(conv1_window_data),
      .out_valid(conv1_mvtu_valid),
      .out_ready(conv1_mvtu_ready),
      .out_data(conv1_mvtu_data),
      .config_request('0),
      .config_answer(unused_conv1_mvtu_config)
  );

  // ---- pool1 ------------------------------------------------------------------------------------

  // pool1: 2x2 maximum; makes 2x3 pixels of 6 BIPOLAR, 4 a beat.
  wire          pool1_valid;
  wire          pool1_ready;
  wire [3:0]    pool1_data;
  bnn_pool #(
      .HEIGHT(5),
      .WIDTH(6),
      .CHANNELS(6),
      .LANES(4),
      .KERNEL_H(2),
      .KERNEL_W(2)
  ) u_pool1 (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(conv1_mvtu_valid),
      .in_ready(conv1_mvtu_ready),
      .in_data(conv1_mvtu_data),
      .out_valid(pool1_valid),
      .out_ready(pool1_ready),
      .out_data(pool1_data)
  );

  // ---- fc1 (PE 2, SIMD 3, 36 cycles a frame) ----------------------------------------------------

  // fc1_converter: from 4 to 3 channels a beat.
  wire          fc1_converter_valid;
  wire          fc1_converter_ready;
  wire [2:0]    fc1_converter_data;
  bnn_converter #(
      .BITS(1),
      .CHANNELS(6),
      .LANES_IN(4),
      .LANES_OUT(3)
  ) u_fc1_converter (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(pool1_valid),
      .in_ready(pool1_ready),
      .in_data(pool1_data),
      .out_valid(fc1_converter_valid),
      .out_ready(fc1_converter_ready),
      .out_data(fc1_converter_data)
  );

  // fc1_window: the frame's 36 BIPOLAR values in 12 words, 3 times.
  wire          fc1_window_valid;
  wire          fc1_window_ready;
  wire [2:0]    fc1_window_data;
  bnn_window #(
      .BITS(1),
      .HEIGHT(1),
      .WIDTH(1),
      .CHANNELS(36),
      .KERNEL_H(1),
      .KERNEL_W(1),
      .STRIDE_H(1),
      .STRIDE_W(1),
      .PAD_TOP(0),
      .PAD_LEFT(0),
      .PAD_BOTTOM(0),
      .PAD_RIGHT(0),
      .PAD_VALUE(0),
      .REPLAY(3),
      .SIMD(3),
      .DEPTH(32),
      .RAM_STYLE("distributed")
  ) u_fc1_window (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(fc1_converter_valid),
      .in_ready(fc1_converter_ready),
      .in_data(fc1_converter_data),
      .out_valid(fc1_window_valid),
      .out_ready(fc1_window_ready),
      .out_data(fc1_window_data)
  );

  // fc1_mvtu: 5 neurons of 36 synapses in 3 folds of 12 cycles; makes one pixel of 5 BIPOLAR, 2 a
  // beat.
  wire          fc1_mvtu_valid;
  wire          fc1_mvtu_ready;
  wire [1:0]    fc1_mvtu_data;
  wire [31:0]   unused_fc1_mvtu_config;
  bnn_mvtu #(
      .IN_BITS(1),
      .IN_SIGNED(0),
      .BIPOLAR(1),
      .MW(36),
      .MH(5),
      .PE(2),
      .SIMD(3),
      .ACC_BITS(6),
      .THRESHOLD(1),
      .OUT_BITS(1),
      .WEIGHT_FILE("mem/fc1_weights.hex"),
      .THRESHOLD_FILE("mem/fc1_thresholds.hex"),
      .WEIGHT_STYLE("logic")
  ) u_fc1_mvtu (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(fc1_window_valid),
      .in_ready(fc1_window_ready),
      .in_data(fc1_window_data),
      .out_valid(fc1_mvtu_valid),
      .out_ready(fc1_mvtu_ready),
      .out_data(fc1_mvtu_data),
      .config_request('0),
      .config_answer(unused_fc1_mvtu_config)
  );

  // ---- fc2 (PE 3, SIMD 5, 4 cycles a frame) -----------------------------------------------------

  // fc2_converter: from 2 to 5 channels a beat.
  wire          fc2_converter_valid;
  wire          fc2_converter_ready;
  wire [4:0]    fc2_converter_data;
  bnn_converter #(
      .BITS(1),
      .CHANNELS(5),
      .LANES_IN(2),
      .LANES_OUT(5)
  ) u_fc2_converter (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(fc1_mvtu_valid),
      .in_ready(fc1_mvtu_ready),
      .in_data(fc1_mvtu_data),
      .out_valid(fc2_converter_valid),
      .out_ready(fc2_converter_ready),
      .out_data(fc2_converter_data)
  );

  // fc2_fifo: room for 2 beats, where the rates of its neighbours differ.
  wire          fc2_fifo_valid;
  wire          fc2_fifo_ready;
  wire [4:0]    fc2_fifo_data;
  bnn_fifo #(
      .WIDTH(5),
      .DEPTH(2),
      .RAM_STYLE("distributed")
  ) u_fc2_fifo (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(fc2_converter_valid),
      .in_ready(fc2_converter_ready),
      .in_data(fc2_converter_data),
      .out_valid(fc2_fifo_valid),
      .out_ready(fc2_fifo_ready),
      .out_data(fc2_fifo_data)
  );

  // fc2_window: the frame's 5 BIPOLAR values in 1 word, once.
  wire          fc2_window_valid;
  wire          fc2_window_ready;
  wire [4:0]    fc2_window_data;
  bnn_window_full #(
      .BITS(1),
      .HEIGHT(1),
      .WIDTH(1),
      .CHANNELS(5),
      .KERNEL_H(1),
      .KERNEL_W(1),
      .STRIDE_H(1),
      .STRIDE_W(1),
      .PAD_TOP(0),
      .PAD_LEFT(0),
      .PAD_BOTTOM(0),
      .PAD_RIGHT(0),
      .PAD_VALUE(0),
      .REPLAY(1)
  ) u_fc2_window (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(fc2_fifo_valid),
      .in_ready(fc2_fifo_ready),
      .in_data(fc2_fifo_data),
      .out_valid(fc2_window_valid),
      .out_ready(fc2_window_ready),
      .out_data(fc2_window_data)
  );

  // fc2_mvtu: 3 neurons of 5 synapses in 1 fold of 1 cycle; makes one pixel of 3 INT4.
  wire          fc2_mvtu_valid;
  wire          fc2_mvtu_ready;
  wire [11:0]   fc2_mvtu_data;
  wire [31:0]   unused_fc2_mvtu_config;
  bnn_mvtu #(
      .IN_BITS(1),
      .IN_SIGNED(0),
      .BIPOLAR(1),
      .MW(5),
      .MH(3),
      .PE(3),
      .SIMD(5),
      .ACC_BITS(3),
      .THRESHOLD(0),
      .OUT_BITS(4),
      .WEIGHT_FILE("mem/fc2_weights.hex"),
      .WEIGHT_STYLE("logic")
  ) u_fc2_mvtu (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(fc2_window_valid),
      .in_ready(fc2_window_ready),
      .in_data(fc2_window_data),
      .out_valid(fc2_mvtu_valid),
      .out_ready(fc2_mvtu_ready),
      .out_data(fc2_mvtu_data),
      .config_request('0),
      .config_answer(unused_fc2_mvtu_config)
  );

  // scores: collects 3 scores, finds the greatest and sends them as words.
  wire          scores_valid;
  wire          scores_ready;
  wire [31:0]   scores_data;
  bnn_scores #(
      .CLASSES(3),
      .LANES(3),
      .IN_BITS(4)
  ) u_scores (
      .clk(clk),
      .rst_n(rst_n),
      .in_valid(fc2_mvtu_valid),
      .in_ready(fc2_mvtu_ready),
      .in_data(fc2_mvtu_data),
      .out_valid(scores_valid),
      .out_ready(scores_ready),
      .out_data(scores_data),
      .out_last(m_last)
  );

  assign m_valid = scores_valid;
  assign m_data  = scores_data;
  assign scores_ready = m_ready;

endmodule

`default_nettype wire
