"""What the memory of a board can feed: pictures in and results out through one high-performance port.

The shell reads and writes memory through one port of 64 bits at the fabric's clock, a word a
cycle each way (bnn_hw/soc). Behind it is the DDR memory of the board, which both
share: DDR3 at 1,050 million transfers a second. Refresh and changes of row and direction
take some of them; that DDR_SHARE is left is an assumption, not a measurement.
"""

from __future__ import annotations

import math

from bnn_hw.board import Board
from bnn_hw.pipeline.chain import Chain

WORD_BYTES = 8
DDR_TRANSFERS_HZ = 1_050e6
DDR_SHARE = 0.7


def port_cycles(chain: Chain, board: Board, clock_hz: int) -> int:
    """Cycles a frame takes the port or the memory behind it, whichever is slower."""
    source = chain.input
    read = math.ceil(source.size * math.ceil(source.dtype.bits / 8) / WORD_BYTES)
    written = math.ceil(4 * (chain.classes + 1) / WORD_BYTES)
    ddr_bytes = board.ddr_bits / 8 * DDR_TRANSFERS_HZ * DDR_SHARE
    memory = math.ceil((read + written) * WORD_BYTES * clock_hz / ddr_bytes)
    return max(read, written, memory)


def port_pixels(chain: Chain) -> int:
    """Pixels that a word of the port holds, one at least."""
    return max(1, WORD_BYTES // (chain.input.channels * math.ceil(chain.input.dtype.bits / 8)))
