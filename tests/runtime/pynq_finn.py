"""As pynq_board.py, for a package with FINN's shell: the real pynq, a stand-in with FINN's two DMAs.

Python 3.8, and nothing of bnn_hw but what the package itself holds.
"""

import json
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pynq_board

from bnn_hw.runtime.finn_shell import WINDOW_BYTES
from bnn_hw.runtime.finn_software import FinnSoftwareDevice

ADDRESSES = {0x40000000: 0, 0x40010000: WINDOW_BYTES}


class FinnBoard(pynq_board.StandIn):
    """The registers of both DMAs at the addresses of the .hwh, and the system's."""

    def offset(self, address):
        return ADDRESSES[address & 0xFFFF0000] + (address & 0xFFFF)

    def read_word(self, address):
        if address >= pynq_board.SLCR:
            return super().read_word(address)
        return self.software.read_register(self.offset(address))

    def write_word(self, address, value):
        if address >= pynq_board.SLCR:
            super().write_word(address, value)
        else:
            self.software.write_register(self.offset(address), value)


def main():
    warnings.simplefilter("ignore")
    folder, np, pynq = pynq_board.FOLDER, pynq_board.np, pynq_board.pynq
    manifest = pynq_board.read_manifest(folder)
    board = FinnBoard(FinnSoftwareDevice(manifest, pynq_board.load_network(folder / "network")))
    pynq.pl_server.device.Device.active_device = board
    golden = np.load(str(folder / "golden.npz"))
    with pynq_board.Accelerator.load(folder, batch=5) as accelerator:
        answers = accelerator.classify(golden["images"])
        gated = accelerator.gate(golden["images"][0])
        clock_hz = accelerator.device.clock_hz
    result = {
        "downloads": board.downloads,
        "golden": bool(np.array_equal(answers.classes, golden["classes"])),
        "gate": int(gated.number) == int(golden["classes"][0]),
        "reference_hz": board.clock_hz(),
        "clock_hz": clock_hz,
    }
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main()
