"""The Zynq shell around a core: register map, AXI masters, clock gate, emitter."""
