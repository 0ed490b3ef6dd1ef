`include "bnn_assert.svh"
// First-in first-out buffer with a registered output.
//
// Purpose    evens out rates between units; full throughput at any depth.
// WIDTH      data bits of a beat.
// DEPTH      beats it holds at least. Up to 2 it is a skid buffer of 2 beats, above
//            it is a RAM of DEPTH beats and the output register.
// RAM_STYLE  "auto" leaves the choice to the tool, else "distributed" or "block".
// Latency    from an empty FIFO 2 cycles, 1 where DEPTH <= 2.
module bnn_fifo #(
  parameter int WIDTH = 8,
  parameter int DEPTH = 16,
  parameter RAM_STYLE = "auto"
) (
  input  logic             clk,
  input  logic             rst_n,
  input  logic             in_valid,
  output logic             in_ready,
  input  logic [WIDTH-1:0] in_data,
  output logic             out_valid,
  input  logic             out_ready,
  output logic [WIDTH-1:0] out_data
);
  `BNN_REQUIRE(require_depth, DEPTH >= 1, "DEPTH must be at least 1")
  // Strings of different length are compared.
  // verilator lint_off WIDTHEXPAND
  `BNN_REQUIRE(require_ram_style, RAM_STYLE == "auto" || RAM_STYLE == "distributed" || RAM_STYLE == "block",
    "RAM_STYLE must be auto, distributed or block")
  // verilator lint_on WIDTHEXPAND

  if (DEPTH <= 2) begin : g_registers
    bnn_skid #(.WIDTH(WIDTH)) u_skid (.*);
  end else begin : g_ram
    localparam int ADDRESS_BITS = $clog2(DEPTH);
    localparam int COUNT_BITS = $clog2(DEPTH + 1);
    localparam logic [ADDRESS_BITS-1:0] LAST = ADDRESS_BITS'(DEPTH - 1);

    // Reads and writes never meet at one address, so no bypass logic is wanted.
    (* ram_style = RAM_STYLE, no_rw_check *)
    logic [WIDTH-1:0]        ram [0:DEPTH-1];
    logic [ADDRESS_BITS-1:0] write_address, read_address;
    logic [COUNT_BITS-1:0]   count;    // beats in the RAM, the output register not counted
    logic                    write, read, advance;

    assign in_ready = count != COUNT_BITS'(DEPTH);
    assign write    = in_valid && in_ready;
    assign advance  = out_ready || !out_valid;
    assign read     = advance && count != '0;

    always_ff @(posedge clk) begin
      if (!rst_n) begin
        write_address <= '0;
        read_address  <= '0;
        count         <= '0;
        out_valid     <= 1'b0;
      end else begin
        if (write) write_address <= (write_address == LAST) ? '0 : write_address + 1'b1;
        if (read) read_address <= (read_address == LAST) ? '0 : read_address + 1'b1;
        if (write && !read) count <= count + 1'b1;
        if (read && !write) count <= count - 1'b1;
        if (advance) out_valid <= read;
      end
    end

    always_ff @(posedge clk) begin
      if (write) ram[write_address] <= in_data;
      if (advance) out_data <= ram[read_address];
    end

    `BNN_ASSERT_STREAM(stable_output, out_valid, out_ready, out_data)
  end
endmodule
