"""How dot products, accumulators and weights are written; no imports: the command line starts fast."""

STRUCTURAL = "structural"
"""Instantiated 7-series primitives, two LUTs of the same inputs for a site: every flow takes them."""

STRUCTURAL_LUT6_2 = "structural-lut6_2"
"""Instantiated 7-series primitives, LUT6_2 for a site of two functions: Vivado."""

BEHAVIOURAL = "behavioural"
"""Plain SystemVerilog, for any family."""

ARITHMETIC = (STRUCTURAL, STRUCTURAL_LUT6_2, BEHAVIOURAL)

FIXED = "fixed"
"""Weights and thresholds are part of the hardware."""

RUNTIME = "runtime"
"""Weights and thresholds lie in RAM and can be loaded."""

WEIGHTS = (FIXED, RUNTIME)
