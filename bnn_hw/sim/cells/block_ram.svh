// Parameters that RAMB18E1 and RAMB36E1 share, and their contents: 256 bits a parameter, low words first.
`ifndef BNN_BLOCK_RAM_SVH
`define BNN_BLOCK_RAM_SVH

`define BNN_INIT_8(name) \
    parameter [255:0] name``0 = 0, parameter [255:0] name``1 = 0, \
    parameter [255:0] name``2 = 0, parameter [255:0] name``3 = 0, \
    parameter [255:0] name``4 = 0, parameter [255:0] name``5 = 0, \
    parameter [255:0] name``6 = 0, parameter [255:0] name``7 = 0

`define BNN_INIT_16(name) \
    `BNN_INIT_8(name), \
    parameter [255:0] name``8 = 0, parameter [255:0] name``9 = 0, \
    parameter [255:0] name``A = 0, parameter [255:0] name``B = 0, \
    parameter [255:0] name``C = 0, parameter [255:0] name``D = 0, \
    parameter [255:0] name``E = 0, parameter [255:0] name``F = 0

`define BNN_WORDS_8(name) \
    name``7, name``6, name``5, name``4, name``3, name``2, name``1, name``0

`define BNN_WORDS_16(name) \
    name``F, name``E, name``D, name``C, name``B, name``A, name``9, name``8, `BNN_WORDS_8(name)

`define BNN_PORT_PARAMETERS(bits) \
    parameter RAM_MODE = "TDP", \
    parameter [31:0] READ_WIDTH_A = 0, parameter [31:0] READ_WIDTH_B = 0, \
    parameter [31:0] WRITE_WIDTH_A = 0, parameter [31:0] WRITE_WIDTH_B = 0, \
    parameter WRITE_MODE_A = "WRITE_FIRST", parameter WRITE_MODE_B = "WRITE_FIRST", \
    parameter [31:0] DOA_REG = 0, parameter [31:0] DOB_REG = 0, \
    parameter [bits-1:0] INIT_A = 0, parameter [bits-1:0] INIT_B = 0, \
    parameter [bits-1:0] SRVAL_A = 0, parameter [bits-1:0] SRVAL_B = 0

`define BNN_PORT_VALUES \
    .RAM_MODE(RAM_MODE), .READ_WIDTH_A(READ_WIDTH_A), .READ_WIDTH_B(READ_WIDTH_B), \
    .WRITE_WIDTH_A(WRITE_WIDTH_A), .WRITE_WIDTH_B(WRITE_WIDTH_B), \
    .WRITE_MODE_A(WRITE_MODE_A), .WRITE_MODE_B(WRITE_MODE_B), .DOA_REG(DOA_REG), .DOB_REG(DOB_REG), \
    .INIT_A(INIT_A), .INIT_B(INIT_B), .SRVAL_A(SRVAL_A), .SRVAL_B(SRVAL_B)

`define BNN_PORT_WIRES \
    .clk_a(CLKARDCLK), .clk_b(CLKBWRCLK), .en_a(ENARDEN), .en_b(ENBWREN), \
    .rst_a(RSTRAMARSTRAM), .rst_b(RSTRAMB), .we_a(WEA), .we_b(WEBWE), \
    .di_a(DIADI), .di_b(DIBDI), .dip_a(DIPADIP), .dip_b(DIPBDIP), \
    .do_a(DOADO), .do_b(DOBDO), .dop_a(DOPADOP), .dop_b(DOPBDOP)

`endif
