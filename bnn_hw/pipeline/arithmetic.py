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

LUT = "lut"
"""Accumulators, or XNORs, are built of LUTs and carry chains."""

DSP = "dsp"
"""Accumulators of binary layers are built of DSP slices, four in one; XNORs, 48 in one; the last sums
of an integer layer that is not folded, two neurons in two."""

PLACES = (LUT, DSP)

DSP_LANES = 48
"""Inputs that a DSP slice compares with weights."""

MAX_DSP_SYNAPSES = 2047
"""Inputs of a neuron that an accumulator of 12 bits holds: minus the threshold to the count of matches."""

DSP_SUM_SYNAPSES = range(10, 28)
"""Integer inputs of a neuron whose last sums can be in DSP slices: three sums of up to three triples."""
