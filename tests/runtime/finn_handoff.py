"""A .hwh file with FINN's two DMAs, as PYNQ reads it of Vivado's: made of our own by hand."""

from __future__ import annotations

import copy
from xml.etree import ElementTree as ET

from bnn_hw.soc.hwh import INSTANCE, Handoff, hwh

ADDRESSES = {"idma0": 0x4000_0000, "odma0": 0x4001_0000}  # where FINN's Tcl puts the first two
RANGE_BYTES = 0x1_0000
AXI = "s_axi_control_0"


def finn_hwh(name: str, device: str = "xc7z020clg400-1") -> str:
    """Return the text: the processing system of our own, both DMAs in the place of our accelerator."""
    system = ET.fromstring(hwh(Handoff(name, device, 100_000_000)))
    modules = system.find("MODULES")
    assert modules is not None
    ours = next(item for item in modules if item.get("INSTANCE") == INSTANCE)
    processor = next(item for item in modules if item is not ours)
    modules.remove(ours)
    ports = processor.find("PORTS")
    memory = processor.find("MEMORYMAP")
    assert ports is not None
    assert memory is not None
    ports.clear()
    pattern = memory[0]
    memory.clear()
    for number, (block, base) in enumerate(ADDRESSES.items()):
        vlnv = f"xilinx_finn:finn:StreamingDataflowPartition_{2 * number}:1.0"
        module = copy.deepcopy(ours)
        module.attrib |= {"INSTANCE": block, "FULLNAME": f"/{block}", "VLNV": vlnv}
        module.set("MODTYPE", vlnv.split(":")[2])
        for part in ("ADDRESSBLOCKS", "PORTS"):
            found = module.find(part)
            assert found is not None
            found.clear()
        interface = module.find("BUSINTERFACES/BUSINTERFACE")
        assert interface is not None
        interface.set("NAME", AXI)
        for parameter, value in (("C_BASEADDR", base), ("C_HIGHADDR", base + RANGE_BYTES - 1)):
            element = module.find(f"PARAMETERS/PARAMETER[@NAME='{parameter}']")
            assert element is not None
            element.set("VALUE", f"0x{value:08X}")
        modules.append(module)
        entry = copy.deepcopy(pattern)
        entry.attrib |= {"INSTANCE": block, "SLAVEBUSINTERFACE": AXI}
        entry.set("BASEVALUE", f"0x{base:08X}")
        entry.set("HIGHVALUE", f"0x{base + RANGE_BYTES - 1:08X}")
        memory.append(entry)
    return ET.tostring(system, encoding="unicode")
