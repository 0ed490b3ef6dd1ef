// Top for a Zynq-7000: processing system, clock, reset, and the accelerator between its ports.
//
// Purpose   FCLK0 clocks everything; M_AXI_GP0 reaches the registers, S_AXI_HP0 the memory,
//           IRQF2P[0] carries the interrupt. No pin of the fabric is used.
// Ports     none: all of them belong to the processing system.
module bnn_zynq ();
  wire  [3:0]  fclk, fclk_reset_n;
  logic        clk, rst_n, irq;
  logic [3:0]  reset_chain;

  BUFG u_clock (.I(fclk[0]), .O(clk));

  // The reset comes from another clock; a chain of registers brings it into this one.
  initial reset_chain = '0;
  always_ff @(posedge clk) reset_chain <= {reset_chain[2:0], fclk_reset_n[0]};
  assign rst_n = reset_chain[3];

  logic        gp_awvalid, gp_awready, gp_wvalid, gp_wready, gp_wlast, gp_bvalid, gp_bready;
  logic        gp_arvalid, gp_arready, gp_rvalid, gp_rready, gp_rlast;
  logic [31:0] gp_awaddr, gp_wdata, gp_araddr, gp_rdata;
  logic [11:0] gp_awid, gp_bid, gp_arid, gp_rid;
  logic [3:0]  gp_wstrb, gp_arlen;
  logic [1:0]  gp_awsize, gp_awburst, gp_bresp, gp_arsize, gp_arburst, gp_rresp;
  logic        hp_arvalid, hp_arready, hp_rvalid, hp_rready, hp_rlast;
  logic        hp_awvalid, hp_awready, hp_wvalid, hp_wready, hp_wlast, hp_bvalid, hp_bready;
  logic [31:0] hp_araddr, hp_awaddr;
  logic [3:0]  hp_arlen, hp_awlen;
  logic [63:0] hp_rdata, hp_wdata;
  logic [1:0]  hp_rresp, hp_bresp;

  bnn_accelerator #(.CLOCK_GATE("bufgce")) u_accelerator (
    .clk, .clk_root(fclk[0]), .rst_n, .irq,
    .gp_awvalid, .gp_awready, .gp_awaddr(gp_awaddr[11:0]), .gp_awid, .gp_awsize, .gp_awburst,
    .gp_wvalid, .gp_wready, .gp_wdata, .gp_wstrb, .gp_wlast, .gp_bvalid, .gp_bready, .gp_bid, .gp_bresp,
    .gp_arvalid, .gp_arready, .gp_araddr(gp_araddr[11:0]), .gp_arid, .gp_arlen, .gp_arsize, .gp_arburst,
    .gp_rvalid, .gp_rready, .gp_rid, .gp_rdata, .gp_rresp, .gp_rlast,
    .hp_arvalid, .hp_arready, .hp_araddr, .hp_arlen, .hp_rvalid, .hp_rready, .hp_rdata, .hp_rresp, .hp_rlast,
    .hp_awvalid, .hp_awready, .hp_awaddr, .hp_awlen, .hp_wvalid, .hp_wready, .hp_wdata, .hp_wlast,
    .hp_bvalid, .hp_bready, .hp_bresp
  );

  (* keep *)
  PS7 u_ps (
    .FCLKCLK(fclk), .FCLKRESETN(fclk_reset_n), .FCLKCLKTRIGN(4'b0), .FPGAIDLEN(1'b1),
    .IRQF2P({19'b0, irq}),

    .MAXIGP0ACLK(clk),
    .MAXIGP0AWVALID(gp_awvalid), .MAXIGP0AWREADY(gp_awready), .MAXIGP0AWADDR(gp_awaddr),
    .MAXIGP0AWID(gp_awid), .MAXIGP0AWSIZE(gp_awsize), .MAXIGP0AWBURST(gp_awburst),
    .MAXIGP0WVALID(gp_wvalid), .MAXIGP0WREADY(gp_wready), .MAXIGP0WDATA(gp_wdata),
    .MAXIGP0WSTRB(gp_wstrb), .MAXIGP0WLAST(gp_wlast),
    .MAXIGP0BVALID(gp_bvalid), .MAXIGP0BREADY(gp_bready), .MAXIGP0BID(gp_bid), .MAXIGP0BRESP(gp_bresp),
    .MAXIGP0ARVALID(gp_arvalid), .MAXIGP0ARREADY(gp_arready), .MAXIGP0ARADDR(gp_araddr),
    .MAXIGP0ARID(gp_arid), .MAXIGP0ARLEN(gp_arlen), .MAXIGP0ARSIZE(gp_arsize),
    .MAXIGP0ARBURST(gp_arburst),
    .MAXIGP0RVALID(gp_rvalid), .MAXIGP0RREADY(gp_rready), .MAXIGP0RID(gp_rid), .MAXIGP0RDATA(gp_rdata),
    .MAXIGP0RRESP(gp_rresp), .MAXIGP0RLAST(gp_rlast),

    // Bursts that increment, 8 bytes a beat, bufferable; everything under one id, hence in order.
    .SAXIHP0ACLK(clk), .SAXIHP0RDISSUECAP1EN(1'b0), .SAXIHP0WRISSUECAP1EN(1'b0),
    .SAXIHP0ARVALID(hp_arvalid), .SAXIHP0ARREADY(hp_arready), .SAXIHP0ARADDR(hp_araddr),
    .SAXIHP0ARLEN(hp_arlen), .SAXIHP0ARSIZE(2'b11), .SAXIHP0ARBURST(2'b01), .SAXIHP0ARCACHE(4'b0011),
    .SAXIHP0ARPROT(3'b000), .SAXIHP0ARLOCK(2'b00), .SAXIHP0ARQOS(4'b0000), .SAXIHP0ARID(6'b0),
    .SAXIHP0RVALID(hp_rvalid), .SAXIHP0RREADY(hp_rready), .SAXIHP0RDATA(hp_rdata),
    .SAXIHP0RRESP(hp_rresp), .SAXIHP0RLAST(hp_rlast),
    .SAXIHP0AWVALID(hp_awvalid), .SAXIHP0AWREADY(hp_awready), .SAXIHP0AWADDR(hp_awaddr),
    .SAXIHP0AWLEN(hp_awlen), .SAXIHP0AWSIZE(2'b11), .SAXIHP0AWBURST(2'b01), .SAXIHP0AWCACHE(4'b0011),
    .SAXIHP0AWPROT(3'b000), .SAXIHP0AWLOCK(2'b00), .SAXIHP0AWQOS(4'b0000), .SAXIHP0AWID(6'b0),
    .SAXIHP0WVALID(hp_wvalid), .SAXIHP0WREADY(hp_wready), .SAXIHP0WDATA(hp_wdata), .SAXIHP0WID(6'b0),
    .SAXIHP0WSTRB(8'hFF), .SAXIHP0WLAST(hp_wlast),
    .SAXIHP0BVALID(hp_bvalid), .SAXIHP0BREADY(hp_bready), .SAXIHP0BRESP(hp_bresp)
  );
endmodule
