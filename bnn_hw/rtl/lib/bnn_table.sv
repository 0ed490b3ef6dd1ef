// Table of constants, combinational: the contents of a ROM in LUTs.
//
// Purpose  word[w] = bit w of the word at the address. This is the behavioural form, in which
//          synthesis decides on the LUTs; a core for 7-series parts has a module of the same
//          ports in its place, which knows the contents (see bnn_lut_table).
// WIDTH    bits of a word; DEPTH words; FILE in $readmemh form, address 0
//          first; without a FILE all words are zero.
module bnn_table #(
  parameter int WIDTH = 8,
  parameter int DEPTH = 16,
  parameter FILE = "",
  parameter int ADDRESS_BITS = (DEPTH > 1) ? $clog2(DEPTH) : 1
) (
  input  logic [ADDRESS_BITS-1:0] address,
  output logic [WIDTH-1:0]        word
);
  // Vivado and Yosys have different names for a ROM made of LUTs.
`ifdef YOSYS
  (* rom_style = "logic" *) logic [WIDTH-1:0] rom [0:DEPTH-1];
`else
  (* rom_style = "distributed" *) logic [WIDTH-1:0] rom [0:DEPTH-1];
`endif

  if (FILE != "") begin : g_content
    initial $readmemh(FILE, rom);
  end else begin : g_zero
    initial for (int i = 0; i < DEPTH; i++) rom[i] = '0;
  end

  assign word = rom[address];
endmodule
