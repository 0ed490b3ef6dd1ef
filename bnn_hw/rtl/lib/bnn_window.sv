`include "bnn_assert.svh"
// Folded sliding window over a ring buffer; also the input buffer of a folded dense layer.
//
// Purpose    turns a map of HEIGHT x WIDTH pixels into windows of KERNEL_H x KERNEL_W
//            pixels, row by row, each REPLAY times, SIMD values a beat: kernel row,
//            kernel column, then the pixel's channels.
// BITS       bits of a value; CHANNELS values a pixel; SIMD divides CHANNELS.
// STRIDE_*   step between windows. PAD_* pixels of PAD_VALUE around the map; PAD_VALUE is
//            the field's content (for bipolar values 1 for +1, 0 for -1). Padding is put out
//            as soon as its turn comes, that of a frame's start even before the frame's
//            first pixel is there; no window is all padding.
// DEPTH      beats the ring holds, at least those a window spans plus one pixel. With
//            2 * ((KERNEL_H - 1) * WIDTH + KERNEL_W) * CHANNELS / SIMD (a dense layer: two
//            frames) the output never pauses as long as the input is fast enough. A power
//            of two saves the wrap-around adder.
// RAM_STYLE  "auto" leaves the choice to the tool, else "distributed" or "block".
// Handshake  in_ready and out_valid depend on registers only. Reads and writes are
//            concurrent, also of different frames.
// Rate       one beat a cycle, no pause between windows, rows and frames.
// Latency    2 cycles from the input beat that holds a word to the word's first offer.
//
// Addresses. Words are numbered through without end, row by row, frame by frame; a word
// lies in the RAM at its number modulo DEPTH. Padding has numbers too: they belong to
// other pixels, which are not read there. Two differences of such numbers decide all:
//   ahead   words written minus the number being read:               > 0 when it is there
//   filled  words written minus the start of the window, less DEPTH: < 0 when there is a free place
// ahead is kept less one: then both times the sign bit tells. Every move of the reader is one
// of six constants. What the present move adds lies in registers (back, freed, ring_move), made
// by counters that are one move ahead, because the decision to read comes late in a cycle: only
// one adder is behind it.
module bnn_window #(
  parameter int BITS = 1,
  parameter int HEIGHT = 6,
  parameter int WIDTH = 6,
  parameter int CHANNELS = 16,
  parameter int KERNEL_H = 3,
  parameter int KERNEL_W = 3,
  parameter int STRIDE_H = 1,
  parameter int STRIDE_W = 1,
  parameter int PAD_TOP = 0,
  parameter int PAD_LEFT = 0,
  parameter int PAD_BOTTOM = 0,
  parameter int PAD_RIGHT = 0,
  parameter int PAD_VALUE = 0,
  parameter int SIMD = 8,
  parameter int REPLAY = 1,
  parameter int DEPTH = 64,
  parameter RAM_STYLE = "auto"
) (
  input  logic                 clk,
  input  logic                 rst_n,
  input  logic                 in_valid,
  output logic                 in_ready,
  input  logic [SIMD*BITS-1:0] in_data,
  output logic                 out_valid,
  input  logic                 out_ready,
  output logic [SIMD*BITS-1:0] out_data
);
  localparam int WORD_BITS = SIMD * BITS;
  localparam int OUT_H = (HEIGHT + PAD_TOP + PAD_BOTTOM - KERNEL_H) / STRIDE_H + 1;
  localparam int OUT_W = (WIDTH + PAD_LEFT + PAD_RIGHT - KERNEL_W) / STRIDE_W + 1;
  localparam bit PADDED = PAD_TOP + PAD_LEFT + PAD_BOTTOM + PAD_RIGHT > 0;

  // Distances in words.
  localparam int PIXEL = CHANNELS / SIMD;
  localparam int ROW = WIDTH * PIXEL;
  localparam int FRAME = HEIGHT * ROW;
  localparam int SPAN = (KERNEL_H - 1) * ROW + KERNEL_W * PIXEL;    // window's first word to its end
  localparam int BEFORE = PAD_TOP * ROW + PAD_LEFT * PIXEL;         // first window's start to the map's
  localparam int STEP_COLUMN = STRIDE_W * PIXEL;                    // start to start of the next window
  localparam int STEP_ROW = STRIDE_H * ROW - (OUT_W - 1) * STEP_COLUMN;
  localparam int STEP_FRAME = FRAME - (OUT_H - 1) * STRIDE_H * ROW - (OUT_W - 1) * STEP_COLUMN;

  // Words of a window that adjoin are one run: a kernel row, or all where rows adjoin.
  localparam bit ROWS_ADJOIN = KERNEL_W == WIDTH && !PADDED;
  localparam int RUN = (ROWS_ADJOIN ? KERNEL_H : 1) * KERNEL_W * PIXEL;
  localparam int RUNS = ROWS_ADJOIN ? 1 : KERNEL_H;
  localparam int MOVE_RUN = ROW - RUN + 1;
  localparam int MOVE_REPLAY = 1 - SPAN;    // from the window's last word back to its first
  localparam int MOVE_COLUMN = MOVE_REPLAY + STEP_COLUMN;
  localparam int MOVE_ROW = MOVE_REPLAY + STEP_ROW;
  localparam int MOVE_FRAME = MOVE_REPLAY + STEP_FRAME;

  `BNN_REQUIRE(require_simd, SIMD >= 1 && CHANNELS % SIMD == 0, "SIMD must divide CHANNELS")
  `BNN_REQUIRE(require_positive, KERNEL_H >= 1 && KERNEL_W >= 1 && STRIDE_H >= 1 && STRIDE_W >= 1 && REPLAY >= 1,
    "KERNEL, STRIDE and REPLAY must be at least 1")
  `BNN_REQUIRE(require_fit, KERNEL_H <= HEIGHT + PAD_TOP + PAD_BOTTOM && KERNEL_W <= WIDTH + PAD_LEFT + PAD_RIGHT,
    "the kernel must not exceed the padded map")
  `BNN_REQUIRE(require_padding, PAD_TOP + PAD_BOTTOM < KERNEL_H && PAD_LEFT + PAD_RIGHT < KERNEL_W,
    "the padding of two opposite sides must be less than the kernel")
  `BNN_REQUIRE(require_depth, DEPTH >= SPAN + PIXEL, "DEPTH must hold the span of a window and one pixel")
  // Strings of different length are compared.
  // verilator lint_off WIDTHEXPAND
  `BNN_REQUIRE(require_ram_style, RAM_STYLE == "auto" || RAM_STYLE == "distributed" || RAM_STYLE == "block",
    "RAM_STYLE must be auto, distributed or block")
  // verilator lint_on WIDTHEXPAND

  localparam int ADDRESS_BITS = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  localparam int STEP_XY = (STEP_COLUMN > STEP_ROW) ? STEP_COLUMN : STEP_ROW;
  localparam int STEP_MOST = (STEP_XY > STEP_FRAME) ? STEP_XY : STEP_FRAME;
  localparam int COUNT_BITS = $clog2(DEPTH + STEP_MOST + 2) + 1;    // ahead and room, signed
  localparam int RUN_BITS = (RUN > 1) ? $clog2(RUN) : 1;
  localparam int RUNS_BITS = (RUNS > 1) ? $clog2(RUNS) : 1;
  localparam int REPLAY_BITS = (REPLAY > 1) ? $clog2(REPLAY) : 1;
  localparam int COLUMN_BITS = (OUT_W > 1) ? $clog2(OUT_W) : 1;
  localparam int ROW_BITS = (OUT_H > 1) ? $clog2(OUT_H) : 1;

  // The flags of the first place, and the place behind it.
  localparam bit END_RUN_0 = RUN == 1;
  localparam bit END_WINDOW_0 = END_RUN_0 && RUNS == 1;
  localparam bit END_REPLAY_0 = END_WINDOW_0 && REPLAY == 1;
  localparam bit END_ROW_0 = END_REPLAY_0 && OUT_W == 1;
  localparam bit END_FRAME_0 = END_ROW_0 && OUT_H == 1;
  localparam logic [RUN_BITS-1:0]    WORD_1 = RUN_BITS'(!END_RUN_0);
  localparam logic [RUNS_BITS-1:0]   RUN_1 = RUNS_BITS'(END_RUN_0 && !END_WINDOW_0);
  localparam logic [REPLAY_BITS-1:0] REPLAY_1 = REPLAY_BITS'(END_WINDOW_0 && !END_REPLAY_0);
  localparam logic [COLUMN_BITS-1:0] COLUMN_1 = COLUMN_BITS'(END_REPLAY_0 && !END_ROW_0);
  localparam logic [ROW_BITS-1:0]    ROW_1 = ROW_BITS'(END_ROW_0 && !END_FRAME_0);

  // The place behind the reader's: word within the run, run, replay, window column, window row.
  logic [RUN_BITS-1:0]    word;
  logic [RUNS_BITS-1:0]   run;
  logic [REPLAY_BITS-1:0] replay;
  logic [COLUMN_BITS-1:0] column;
  logic [ROW_BITS-1:0]    row;
  logic end_run, end_window, end_replay, end_row, end_frame;    // each includes those before it

  assign end_run    = word == RUN_BITS'(RUN - 1);
  assign end_window = end_run && run == RUNS_BITS'(RUNS - 1);
  assign end_replay = end_window && replay == REPLAY_BITS'(REPLAY - 1);
  assign end_row    = end_replay && column == COLUMN_BITS'(OUT_W - 1);
  assign end_frame  = end_row && row == ROW_BITS'(OUT_H - 1);

  logic                         write, read, padding;
  logic signed [COUNT_BITS-1:0] ahead_less_1, filled;

  assign in_ready = filled[COUNT_BITS-1];
  assign write    = in_valid && in_ready;
  assign read     = (out_ready || !out_valid) && (padding || !ahead_less_1[COUNT_BITS-1]);

  // Minus the move from a place with these flags to the next one, and minus that of the window's start.
  function automatic integer back_from(
    input logic at_run, input logic at_window, input logic at_replay, input logic at_row, input logic at_frame
  );
    begin
      if (!at_run) back_from = -1;
      else if (!at_window) back_from = -MOVE_RUN;
      else if (!at_replay) back_from = -MOVE_REPLAY;
      else if (!at_row) back_from = -MOVE_COLUMN;
      else if (!at_frame) back_from = -MOVE_ROW;
      else back_from = -MOVE_FRAME;
    end
  endfunction
  function automatic integer freed_from(input logic at_replay, input logic at_row, input logic at_frame);
    begin
      if (!at_replay) freed_from = 0;
      else if (!at_row) freed_from = -STEP_COLUMN;
      else if (!at_frame) freed_from = -STEP_ROW;
      else freed_from = -STEP_FRAME;
    end
  endfunction
  localparam int BACK_0 = back_from(END_RUN_0, END_WINDOW_0, END_REPLAY_0, END_ROW_0, END_FRAME_0);
  localparam int FREED_0 = freed_from(END_REPLAY_0, END_ROW_0, END_FRAME_0);
  localparam bit POWER_OF_TWO = DEPTH == 1 << ADDRESS_BITS;

  logic signed [COUNT_BITS-1:0] back, freed;    // of the present place
  logic [ADDRESS_BITS-1:0]      write_address, read_address, next_address;

  // The written word comes in as the carry of one adder.
  logic [COUNT_BITS:0] ahead_sum, filled_sum;
  assign ahead_sum  = {ahead_less_1, 1'b1} + {back & {COUNT_BITS{read}}, write};
  assign filled_sum = {filled, 1'b1} + {freed & {COUNT_BITS{read}}, write};
  logic unused_carries;
  assign unused_carries = ahead_sum[0] ^ filled_sum[0];

  if (POWER_OF_TWO) begin : g_wrap_free
    assign next_address = read_address - back[ADDRESS_BITS-1:0];
  end else begin : g_wrap
    // The move as a positive remainder: what to add to an address of the ring.
    logic [ADDRESS_BITS-1:0] ring_move;
    logic [ADDRESS_BITS:0]   sum, wrapped;
    always_ff @(posedge clk) begin
      if (!rst_n) ring_move <= ADDRESS_BITS'(((-BACK_0 % DEPTH) + DEPTH) % DEPTH);
      else if (read) begin
        if (!end_run) ring_move <= ADDRESS_BITS'(1 % DEPTH);
        else if (!end_window) ring_move <= ADDRESS_BITS'(((MOVE_RUN % DEPTH) + DEPTH) % DEPTH);
        else if (!end_replay) ring_move <= ADDRESS_BITS'(((MOVE_REPLAY % DEPTH) + DEPTH) % DEPTH);
        else if (!end_row) ring_move <= ADDRESS_BITS'(((MOVE_COLUMN % DEPTH) + DEPTH) % DEPTH);
        else if (!end_frame) ring_move <= ADDRESS_BITS'(((MOVE_ROW % DEPTH) + DEPTH) % DEPTH);
        else ring_move <= ADDRESS_BITS'(((MOVE_FRAME % DEPTH) + DEPTH) % DEPTH);
      end
    end
    assign sum          = {1'b0, read_address} + {1'b0, ring_move};
    assign wrapped      = sum - (ADDRESS_BITS + 1)'(DEPTH);
    assign next_address = wrapped[ADDRESS_BITS] ? sum[ADDRESS_BITS-1:0] : wrapped[ADDRESS_BITS-1:0];
  end

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      word          <= WORD_1;
      run           <= RUN_1;
      replay        <= REPLAY_1;
      column        <= COLUMN_1;
      row           <= ROW_1;
      back          <= COUNT_BITS'(BACK_0);
      freed         <= COUNT_BITS'(FREED_0);
      read_address  <= ADDRESS_BITS'((DEPTH - BEFORE % DEPTH) % DEPTH);
      write_address <= '0;
      ahead_less_1  <= COUNT_BITS'(BEFORE - 1);
      filled        <= COUNT_BITS'(BEFORE - DEPTH);
    end else begin
      if (write) begin
        write_address <= (write_address == ADDRESS_BITS'(DEPTH - 1)) ? '0 : write_address + 1'b1;
      end
      if (read) begin
        word <= end_run ? '0 : word + 1'b1;
        if (end_run) run <= end_window ? '0 : run + 1'b1;
        if (end_window) replay <= end_replay ? '0 : replay + 1'b1;
        if (end_replay) column <= end_row ? '0 : column + 1'b1;
        if (end_row) row <= end_frame ? '0 : row + 1'b1;
        back         <= COUNT_BITS'(back_from(end_run, end_window, end_replay, end_row, end_frame));
        freed        <= COUNT_BITS'(freed_from(end_replay, end_row, end_frame));
        read_address <= next_address;
      end
      ahead_less_1 <= ahead_sum[COUNT_BITS:1];
      filled       <= filled_sum[COUNT_BITS:1];
    end
  end

  // A place is freed only after its last read, and read only after it was written.
  (* ram_style = RAM_STYLE, no_rw_check *)
  logic [WORD_BITS-1:0] ram [0:DEPTH-1];
  logic [WORD_BITS-1:0] ram_data;

  always_ff @(posedge clk) begin
    if (write) ram[write_address] <= in_data;
    if (out_ready || !out_valid) ram_data <= ram[read_address];
  end

  always_ff @(posedge clk) begin
    if (!rst_n) out_valid <= 1'b0;
    else if (out_ready || !out_valid) out_valid <= read;
  end

  if (PADDED) begin : g_padding
    // The pixel of the place behind the reader's, negative or too great in the padding.
    localparam int CHUNK_BITS = (PIXEL > 1) ? $clog2(PIXEL) : 1;
    localparam int X_BITS = $clog2(WIDTH + KERNEL_W + STRIDE_W) + 1;
    localparam int Y_BITS = $clog2(HEIGHT + KERNEL_H + STRIDE_H) + 1;
    localparam int X_MOVE_0 = END_ROW_0 ? 0 : END_REPLAY_0 ? STRIDE_W - (KERNEL_W - 1)
        : END_RUN_0 ? 1 - KERNEL_W : PIXEL == 1 ? 1 : 0;
    localparam int Y_MOVE_0 = END_FRAME_0 ? 0 : END_ROW_0 ? STRIDE_H - (KERNEL_H - 1)
        : END_WINDOW_0 ? 1 - KERNEL_H : END_RUN_0 ? 1 : 0;
    logic [CHUNK_BITS-1:0]    chunk;
    logic signed [X_BITS-1:0] x;
    logic signed [Y_BITS-1:0] y;
    logic                     end_pixel, padding_out;

    assign end_pixel = chunk == CHUNK_BITS'(PIXEL - 1);

    always_ff @(posedge clk) begin
      if (!rst_n) begin
        chunk   <= CHUNK_BITS'(PIXEL > 1);
        x       <= X_BITS'(X_MOVE_0 - PAD_LEFT);
        y       <= Y_BITS'(Y_MOVE_0 - PAD_TOP);
        padding <= PAD_LEFT > 0 || PAD_TOP > 0;
      end else if (read) begin
        chunk <= end_pixel ? '0 : chunk + 1'b1;
        if (end_row) x <= X_BITS'(-PAD_LEFT);
        else if (end_replay) x <= x + X_BITS'(STRIDE_W - (KERNEL_W - 1));
        else if (end_run) x <= x - X_BITS'(KERNEL_W - 1);
        else if (end_pixel) x <= x + X_BITS'(1);
        if (end_frame) y <= Y_BITS'(-PAD_TOP);
        else if (end_row) y <= y + Y_BITS'(STRIDE_H - (KERNEL_H - 1));
        else if (end_window) y <= y - Y_BITS'(KERNEL_H - 1);
        else if (end_run) y <= y + Y_BITS'(1);
        padding <= x[X_BITS-1] || x >= X_BITS'(WIDTH) || y[Y_BITS-1] || y >= Y_BITS'(HEIGHT);
      end
      if (out_ready || !out_valid) padding_out <= padding;
    end

    assign out_data = padding_out ? {SIMD{BITS'(PAD_VALUE)}} : ram_data;
  end else begin : g_no_padding
    assign padding  = 1'b0;
    assign out_data = ram_data;
  end

  `BNN_ASSERT_STREAM(stable_output, out_valid, out_ready, out_data)
endmodule
