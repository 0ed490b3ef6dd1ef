"""Power of a board with the accelerator at work: an estimate, never a measurement.

    power = IDLE_W + BASE_W + LUT_W_PER_HZ * LUT * clock

IDLE_W is the board's idle power, which BinaryCoP (N. Fasfous et al., 2021, Table II)
gives for a PYNQ-Z1. BASE_W and LUT_W_PER_HZ are a least-squares fit to its three
designs at 100 MHz:

    CNV 26,060 LUT 2.212 W; n-CNV 20,425 LUT 2.122 W; u-CNV 11,738 LUT 2.028 W

which it meets within 12 mW. Those are FINN's designs implemented with Vivado; another
activity of the logic, another board, or another processor load differ by more. Block
RAM and DSP show no effect of their own in three points.
"""

from __future__ import annotations

from bnn_hw.pipeline.record import Resources

IDLE_W = 1.65
BASE_W = 0.2246
LUT_W_PER_HZ = 1.268e-5 / 100e6

ERROR = "estimate: within 12 mW of BinaryCoP's three designs on a PYNQ-Z1, elsewhere unknown"


def dynamic_w(lut: float, clock_hz: float) -> float:
    """Estimated power of the core's own logic, in proportion to its LUTs and its clock."""
    return LUT_W_PER_HZ * lut * clock_hz


def board_w(resources: Resources, clock_hz: float) -> float:
    """Estimated power of the whole board while the core works without a pause."""
    return IDLE_W + BASE_W + dynamic_w(resources.lut, clock_hz)
