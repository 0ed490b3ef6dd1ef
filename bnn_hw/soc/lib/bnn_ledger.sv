// Remembers what is known of each open burst until its answer comes.
//
// Purpose   answers come in the order of the requests, so that the oldest entry is theirs.
// WIDTH     bits of an entry; OPEN: entries at most, a power of two.
// Ports     push writes an entry (never while full), pop removes the oldest (never while empty);
//           oldest stands while open is not zero.
// Latency   an entry is readable in the cycle after its push.
module bnn_ledger #(
  parameter int WIDTH = 28,
  parameter int OPEN = 8
) (
  input  logic                  clk,
  input  logic                  rst_n,
  input  logic                  push,
  input  logic [WIDTH-1:0]      entry,
  input  logic                  pop,
  output logic [WIDTH-1:0]      oldest,
  output logic [$clog2(OPEN):0] open,
  output logic                  full
);
  localparam int INDEX_BITS = $clog2(OPEN);

  (* ram_style = "distributed" *)
  logic [WIDTH-1:0]      entries [0:OPEN-1];
  logic [INDEX_BITS-1:0] first, next;

  assign oldest = entries[first];
  assign full   = open[INDEX_BITS];

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      first <= '0;
      next  <= '0;
      open  <= '0;
    end else begin
      if (push) next <= next + 1'b1;
      if (pop) first <= first + 1'b1;
      if (push && !pop) open <= open + 1'b1;
      if (pop && !push) open <= open - 1'b1;
    end
  end

  always_ff @(posedge clk) begin
    if (push) entries[next] <= entry;
  end

`ifndef SYNTHESIS
  never_over : assert property (@(posedge clk) disable iff (!rst_n) push |-> !full)
    else $error("more bursts than the ledger holds");
  never_under : assert property (@(posedge clk) disable iff (!rst_n) pop |-> open != '0)
    else $error("an answer to a burst that was never asked for");
`endif
endmodule
