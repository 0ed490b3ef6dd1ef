// Block RAM of 16,384 data and 2,048 parity bits; what the model covers is told in bnn_cell_block_ram.sv.
`include "block_ram.svh"

module RAMB18E1 #(
    `BNN_INIT_16(INIT_0),
    `BNN_INIT_16(INIT_1),
    `BNN_INIT_16(INIT_2),
    `BNN_INIT_16(INIT_3),
    `BNN_INIT_8(INITP_0),
    `BNN_PORT_PARAMETERS(18)
) (
    input  CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB,
    input  RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
    input  [13:0] ADDRARDADDR, ADDRBWRADDR,
    input  [15:0] DIADI, DIBDI,
    input  [1:0] DIPADIP, DIPBDIP,
    input  [1:0] WEA,
    input  [3:0] WEBWE,
    output [15:0] DOADO, DOBDO,
    output [1:0] DOPADOP, DOPBDOP
);
  bnn_cell_block_ram #(
      .ADDRESS_BITS(14),
      .LANES(2),
      .DATA({`BNN_WORDS_16(INIT_3), `BNN_WORDS_16(INIT_2), `BNN_WORDS_16(INIT_1), `BNN_WORDS_16(INIT_0)}),
      .PARITY({`BNN_WORDS_8(INITP_0)}),
      `BNN_PORT_VALUES
  ) u_ram (
      .addr_a(ADDRARDADDR), .addr_b(ADDRBWRADDR), `BNN_PORT_WIRES
  );
endmodule
