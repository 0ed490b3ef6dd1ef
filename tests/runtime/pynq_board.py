"""Runs a package through the real pynq, by pynq_board.py PACKAGE CRYSTAL_HZ [SIMULATION].

pynq finds a board whose registers and memory are those of the software device, or of the
Verilated board (SIMULATION: its program, folder and memory model as JSON), with a system
clock that really follows its dividers and the given crystal. It prints what pynq read of
the .hwh and .bit files and what the accelerator answered, as JSON. Python 3.8, and
nothing of bnn_hw but what the package itself holds.
"""

import json
import platform
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pynq
import pynq.pl_server.device
from pynq.buffer import PynqBuffer

pynq.ps.CPU_ARCH = "armv7l"  # 2.7 and 3.0 ask the machine
platform.machine = lambda: "armv7l"
FOLDER, CRYSTAL_HZ = Path(sys.argv[1]), float(sys.argv[2])
sys.path.insert(0, str(FOLDER))

from verilated import Verilated  # noqa: E402

from bnn_hw.runtime import Accelerator  # noqa: E402
from bnn_hw.runtime import registers as regs  # noqa: E402
from bnn_hw.runtime.bitheader import read_bit_header  # noqa: E402
from bnn_hw.runtime.clock_check import measure_clock  # noqa: E402
from bnn_hw.runtime.network import load_network  # noqa: E402
from bnn_hw.runtime.opening import read_manifest  # noqa: E402
from bnn_hw.runtime.software import SoftwareDevice  # noqa: E402

SLCR, IO_PLL, FCLK0, IDCODE = 0xF8000000, 0x108, 0x170, 0x530
PORT, PORT_READ, PORT_WRITE = 0xF8008000, 0x00, 0x14


class Memory:
    """What pynq.allocate asks: buffers over the software device's memory."""

    def __init__(self, board):
        self.board = board

    def allocate(self, shape, dtype, **_):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = self.board.software.allocate(size)
        self.board.buffers[memory.address] = memory
        return PynqBuffer(
            shape,
            dtype,
            device=self.board,
            device_address=memory.address,
            bo=memory.address,
            buffer=memory.array,
            coherent=False,
        )


class StandIn(pynq.pl_server.device.Device):
    """A board for pynq: the accelerator's registers, the system's, and nothing else."""

    _probe_priority_ = 5000
    arch = "armv7l"

    def __init__(self, software):
        super().__init__("stand-in")
        self.software, self.buffers, self.downloads = software, {}, []
        self.capabilities = {"REGISTER_RW": True}
        self.default_memory = Memory(self)
        # The boot loader sets the I/O PLL to 1 GHz with either crystal; 50 MHz at the fabric.
        self.system = {IO_PLL: round(1e9 / CRYSTAL_HZ) << 12, FCLK0: 20 << 8 | 1 << 20, IDCODE: 0x23727093}
        self.port = {PORT_READ: 0xF, PORT_WRITE: 0xF}  # a boot loader's that has 32 bits
        self.cycles, self.since = 0.0, time.monotonic()

    @classmethod
    def _probe_(cls):
        return []

    @property
    def name(self):
        return "stand-in"

    def has_capability(self, name):
        return self.capabilities.get(name, False)

    def clock_hz(self):
        control = self.system[FCLK0]
        pll = CRYSTAL_HZ * (self.system[IO_PLL] >> 12)
        return pll / (control >> 8 & 0x3F) / (control >> 20 & 0x3F)

    def count(self):
        now = time.monotonic()
        self.cycles += (now - self.since) * self.clock_hz()
        self.since = now

    def read_word(self, address):
        if SLCR <= address < SLCR + 0x1000:
            return self.system.get(address - SLCR, 0)
        if PORT <= address < PORT + 0x1000:
            assert self.downloads, "the memory port was read before a bit file was loaded"
            return self.port.get(address - PORT, 0)
        offset = address - regs.BASE_ADDRESS
        assert 0 <= offset < regs.RANGE_BYTES, hex(address)
        if offset in (regs.CYCLES_LOW_OFFSET, regs.CYCLES_HIGH_OFFSET):
            return int(self.cycles) >> (0 if offset == regs.CYCLES_LOW_OFFSET else 32) & 0xFFFFFFFF
        return self.software.read_register(offset)

    def write_word(self, address, value):
        if SLCR <= address < SLCR + 0x1000:
            self.count()
            self.system[address - SLCR] = value
            return
        if PORT <= address < PORT + 0x1000:
            self.port[address - PORT] = value
            return
        offset = address - regs.BASE_ADDRESS
        assert 0 <= offset < regs.RANGE_BYTES, hex(address)
        if offset == regs.CONTROL_OFFSET and value & 4:
            self.count()
        self.software.write_register(offset, value)

    def read_registers(self, address, length):
        return b"".join(self.read_word(address + at).to_bytes(4, "little") for at in range(0, length, 4))

    def write_registers(self, address, data):
        raw = bytes(data)
        for at in range(0, len(raw), 4):
            self.write_word(address + at, int.from_bytes(raw[at : at + 4], "little"))

    def flush(self, bo, offset, address, size):
        self.buffers[bo].flush(offset + size)

    def invalidate(self, bo, offset, address, size):
        self.buffers[bo].invalidate(offset + size)

    def get_bitfile_metadata(self, name, partial=False):
        hwh = Path(name).with_suffix(".hwh")
        try:
            from pynq.metadata.runtime_metadata_parser import RuntimeMetadataParser
            from pynqmetadata.frontends import Metadata

            return RuntimeMetadataParser(Metadata(input=hwh))
        except ImportError:  # 2.7
            from pynq.pl_server.hwh_parser import _HWHZynq

            return _HWHZynq(str(hwh))

    def download(self, bitstream, parser=None):
        self.downloads.append(Path(bitstream.bitfile_name).name)
        if pynq.__version__.startswith("2."):  # remembers what is loaded by the time of loading
            super().post_download(bitstream, parser)

    def gen_cache(self, bitstream, parser=None):
        pass


def parsed_header(bit):
    try:
        from pynq.pl_server.embedded_device import parse_bit_header
    except ImportError:
        from pynq.pl_server.xrt_device import parse_bit_header
    return parse_bit_header(bit.read_bytes())


def fields_of(register):
    return {name: [field["bit_offset"], field["bit_width"]] for name, field in register["fields"].items()}


def main():
    warnings.simplefilter("ignore")
    manifest = read_manifest(FOLDER)
    if len(sys.argv) > 3:
        fabric = Verilated(**json.loads(sys.argv[3]))
    else:
        fabric = SoftwareDevice(manifest, load_network(FOLDER / "network"))
    board = StandIn(fabric)
    pynq.pl_server.device.Device.active_device = board
    bit = FOLDER / manifest.named(".bit").path
    metadata = board.get_bitfile_metadata(str(bit))
    header = parsed_header(bit)
    ours = read_bit_header(bit)
    overlay = pynq.Overlay(str(bit))
    record = overlay.ip_dict["accelerator"]
    register_map = overlay.accelerator.register_map
    with Accelerator.load(FOLDER) as accelerator:
        golden = np.load(str(FOLDER / "golden.npz"))
        answers = accelerator.classify(golden["images"])
        gated = accelerator.gate(golden["images"][0])
        measured = measure_clock(accelerator.device, accelerator.engine, 0.05)
    result = {
        "pynq": pynq.__version__,
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "vlnv": record["type"],
        "address": record["phys_addr"],
        "range": record["addr_range"],
        "registers": {
            name: [item["address_offset"], fields_of(item)] for name, item in record["registers"].items()
        },
        "clock0": metadata.clock_dict[0],
        "clock1": metadata.clock_dict[1],
        "magic": int(register_map.MAGIC),
        "queue_jobs": int(register_map.FEATURES.QUEUE_JOBS),
        "downloads": board.downloads,
        "design": header["design"],
        "part": header["part"],
        "length": int(header["length"]),
        "ours": [ours.design.split(";")[0], ours.part, ours.size_bytes],
        "golden": bool(np.array_equal(answers.raw, golden["raw"])),
        "gate": bool(np.array_equal(gated.raw, golden["raw"][0])),
        "port": [board.port[PORT_READ], board.port[PORT_WRITE]],
        "clock_hz": board.clock_hz(),
        "measured_hz": measured.hz,
    }
    result["cycles"] = getattr(fabric, "cycle", None)
    fabric.close()
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main()
