// Block RAM of 32,768 data and 4,096 parity bits; what the model covers is told in bnn_cell_block_ram.sv.
`include "block_ram.svh"

module RAMB36E1 #(
    `BNN_INIT_16(INIT_0),
    `BNN_INIT_16(INIT_1),
    `BNN_INIT_16(INIT_2),
    `BNN_INIT_16(INIT_3),
    `BNN_INIT_16(INIT_4),
    `BNN_INIT_16(INIT_5),
    `BNN_INIT_16(INIT_6),
    `BNN_INIT_16(INIT_7),
    `BNN_INIT_16(INITP_0),
    `BNN_PORT_PARAMETERS(36),
    parameter RAM_EXTENSION_A = "NONE",
    parameter RAM_EXTENSION_B = "NONE"
) (
    input  CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB,
    input  RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
    input  [15:0] ADDRARDADDR, ADDRBWRADDR,
    input  [31:0] DIADI, DIBDI,
    input  [3:0] DIPADIP, DIPBDIP,
    input  [3:0] WEA,
    input  [7:0] WEBWE,
    output [31:0] DOADO, DOBDO,
    output [3:0] DOPADOP, DOPBDOP
);
  if (RAM_EXTENSION_A != "NONE" || RAM_EXTENSION_B != "NONE") begin : g_no_cascade
    $error("this model of a block RAM has no cascade");
  end

  bnn_cell_block_ram #(
      .ADDRESS_BITS(15),
      .LANES(4),
      .DATA({
        `BNN_WORDS_16(INIT_7), `BNN_WORDS_16(INIT_6), `BNN_WORDS_16(INIT_5), `BNN_WORDS_16(INIT_4),
        `BNN_WORDS_16(INIT_3), `BNN_WORDS_16(INIT_2), `BNN_WORDS_16(INIT_1), `BNN_WORDS_16(INIT_0)
      }),
      .PARITY({`BNN_WORDS_16(INITP_0)}),
      `BNN_PORT_VALUES
  ) u_ram (
      .addr_a(ADDRARDADDR[14:0]), .addr_b(ADDRBWRADDR[14:0]), `BNN_PORT_WIRES
  );
endmodule
