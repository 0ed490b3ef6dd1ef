"""The RTL back end: a library of hand-written SystemVerilog modules and the emitter that joins them."""
