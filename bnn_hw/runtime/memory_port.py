"""The width of the high-performance port between fabric and memory (Python 3.8).

Boot loaders set it for the design they were made with, and loading another bit file
changes nothing of it: a port that was left at 32 bits gives an accelerator of 64 bits
half of each word. Registers: AFI_RDCHAN_CTRL and AFI_WRCHAN_CTRL, bit 0, as Xilinx' Linux
driver zynq-afi has them. They are clocked by the fabric: only with a design loaded
and its clock running may they be touched.
"""

from bnn_hw.runtime.clock import Words
from bnn_hw.runtime.errors import WrongHardwareError

PORT_BASE, PORT_BYTES = 0xF800_8000, 0x1000  # of S_AXI_HP0, which the shell uses
READ_CONTROL, WRITE_CONTROL = 0x00, 0x14
NARROW = 1  # bit 0: the channel has 32 bits


def set_64_bits(port: Words) -> bool:
    """Make both channels of the port 64 bits wide, the rest unchanged; tell whether one was not.

    WrongHardwareError where a register does not keep it.
    """
    changed = False
    for offset in (READ_CONTROL, WRITE_CONTROL):
        control = port.read(offset)
        if not control & NARROW:
            continue
        port.write(offset, control & ~NARROW)
        found = port.read(offset)
        if found & NARROW:
            cause = "register 0x{:08X} keeps 0x{:08X}: a channel of 32 bits, the accelerator has 64".format(
                PORT_BASE + offset, found
            )
            remedy = "run as root; set the width of S_AXI_HP0 to 64 in the boot loader (FSBL)"
            raise WrongHardwareError("memory port S_AXI_HP0", cause, remedy)
        changed = True
    return changed
