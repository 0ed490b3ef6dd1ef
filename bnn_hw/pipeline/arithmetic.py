"""How dot products and accumulators are written; no imports, so that the command line starts fast."""

STRUCTURAL = "structural"
"""Instantiated 7-series primitives, two LUTs of the same inputs for a site: every flow takes them."""

STRUCTURAL_LUT6_2 = "structural-lut6_2"
"""Instantiated 7-series primitives, LUT6_2 for a site of two functions: Vivado."""

BEHAVIOURAL = "behavioural"
"""Plain SystemVerilog, for any family."""

ARITHMETIC = (STRUCTURAL, STRUCTURAL_LUT6_2, BEHAVIOURAL)
