// Configuration port of a core: takes one request at a time to the memories that hold weights.
//
// Purpose   loading and reading back bnn_config_ram memories, and words that tell whose they are:
//           address 0 FORMAT (read only), 1 LAYOUT, the digest of the memory map and of all that
//           cannot be loaded (read only), 2 TAG, which names the contents: the loader writes it.
// Ports     a request is taken when config_valid && config_ready; config_read_valid then stands
//           for one cycle with the word that was read. Addresses count words of 32 bits.
// request   {write, read, address, data} to every memory; answer: the OR of their answers.
// Rate      a request every 5 cycles, the answer to a read after 6.
module bnn_config #(
  parameter bit [31:0] FORMAT = 32'h0,
  parameter bit [31:0] LAYOUT = 32'h0,
  parameter bit [31:0] TAG = 32'h0
) (
  input  logic        clk,
  input  logic        rst_n,
  input  logic        config_valid,
  output logic        config_ready,
  input  logic        config_write,
  input  logic [23:0] config_address,
  input  logic [31:0] config_write_data,
  output logic        config_read_valid,
  output logic [31:0] config_read_data,
  output logic [57:0] request,
  input  logic [31:0] answer
);
  logic [4:0]  step;    // one-hot: cycles since the request was taken
  logic        write, accept;
  logic [23:0] address;
  logic [31:0] data, own, tag;

  initial tag = TAG;

  assign accept  = config_valid && config_ready;
  assign request = {step[0] && write, step[0] && !write, address, data};

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      step              <= '0;
      config_ready      <= 1'b1;
      config_read_valid <= 1'b0;
    end else begin
      step              <= {step[3:0], accept};
      config_ready      <= !accept && (config_ready || step[3]);
      config_read_valid <= step[4] && !write;
    end
    if (accept) begin
      write   <= config_write;
      address <= config_address;
      data    <= config_write_data;
    end
    if (step[0] && write && address == 24'd2) tag <= data;
    own <= address == 24'd0 ? FORMAT : address == 24'd1 ? LAYOUT : address == 24'd2 ? tag : '0;
    config_read_data <= own | answer;
  end
endmodule
