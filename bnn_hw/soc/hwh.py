"""The hardware handoff file (.hwh) by which PYNQ finds the accelerator, without Vivado.

PYNQ 2.7, 3.0 and 3.1 read from it: the processing system with its fabric clocks, the
address range and type (VLNV) of each module on M_AXI_GP0, its registers and their
fields, and the interrupt. Everything else that Vivado would write is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from bnn_hw.errors import ConfigError
from bnn_hw.soc import registers

VENDOR, LIBRARY, IP, VERSION = "bnn-hw.org", "user", "bnn_accelerator", "1.0"
VLNV = f"{VENDOR}:{LIBRARY}:{IP}:{VERSION}"
INSTANCE = "accelerator"
PORT = "M_AXI_GP0"
IO_PLL_HZ = 1_000_000_000  # what PYNQ's boot loaders set, with either crystal
MAX_DIVISOR = 63
_AXIMM = "xilinx.com:interface:aximm:1.0"
_PS_VLNV = "xilinx.com:ip:processing_system7:5.5"
_ACCESS = {
    registers.RO: "read-only",
    registers.RW: "read-write",
    registers.WO: "write-only",
    registers.W1C: "read-write",
}


@dataclass(frozen=True)
class Handoff:
    """What the file says of one build.

    name: of the design; device: such as xc7z020clg400-1; clock_hz: of FCLK0, rounded
    down to what the dividers reach; span_bytes: of the address range.
    """

    name: str
    device: str
    clock_hz: int
    base_address: int = registers.BASE_ADDRESS
    span_bytes: int = registers.RANGE_BYTES


def divisors(clock_hz: int) -> tuple[int, int]:
    """Return FCLK0's two dividers for the highest clock not above ``clock_hz``.

    ConfigError where the clock is out of their reach.
    """
    found: tuple[int, int] | None = None
    for second in range(1, MAX_DIVISOR + 1):
        first = max(1, -(-IO_PLL_HZ // (clock_hz * second)))
        if first <= MAX_DIVISOR and (found is None or first * second < found[0] * found[1]):
            found = (first, second)
    if found is None or clock_hz > IO_PLL_HZ:
        cause = f"{clock_hz / 1e6:g} MHz cannot be divided down from {IO_PLL_HZ / 1e6:g} MHz"
        least = -(-IO_PLL_HZ // MAX_DIVISOR**2)
        raise ConfigError.at("clock", cause, f"choose {least / 1e6:.3f} to {IO_PLL_HZ / 1e6:g} MHz")
    return found


def hwh(handoff: Handoff) -> str:
    """Return the text of the .hwh file; ConfigError for another family or a clock out of reach."""
    match = re.fullmatch(r"xc(7z\d{3}s?)([a-z]+\d+)-(\d\w*)", handoff.device)
    if not match:
        raise ConfigError.at("device", f"is {handoff.device!r}", "give a Zynq-7000 such as xc7z020clg400-1")
    system = ET.Element(
        "EDKSYSTEM", EDWVERSION="1.2", TIMESTAMP="", VIVADOVERSION="2020.2", GENERATOR="bnn_hw"
    )
    ET.SubElement(
        system,
        "SYSTEMINFO",
        ARCH="zynq",
        NAME=handoff.name,
        DEVICE=match[1],
        PACKAGE=match[2],
        SPEEDGRADE=f"-{match[3]}",
    )
    ET.SubElement(system, "EXTERNALPORTS")
    ET.SubElement(system, "EXTERNALINTERFACES")
    modules = ET.SubElement(system, "MODULES")
    _processing_system(modules, handoff)
    _accelerator(modules, handoff)
    ET.indent(system)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(system, encoding="unicode") + "\n"


def _module(parent: ET.Element, instance: str, vlnv: str, kind: str, **attributes: str) -> ET.Element:
    return ET.SubElement(
        parent,
        "MODULE",
        {
            "COREREVISION": "1",
            "FULLNAME": f"/{instance}",
            "HWVERSION": vlnv.rsplit(":", 1)[1],
            "INSTANCE": instance,
            "IPTYPE": "PERIPHERAL",
            "IS_ENABLE": "1",
            "MODTYPE": kind,
            "VLNV": vlnv,
            **attributes,
        },
    )


def _parameter(parent: ET.Element, name: str, value: object) -> None:
    ET.SubElement(parent, "PARAMETER", NAME=name, VALUE=str(value))


def _interface(parent: ET.Element, name: str, kind: str) -> None:
    interface = ET.SubElement(
        parent, "BUSINTERFACE", BUSNAME="accelerator_axi", DATAWIDTH="32", NAME=name, TYPE=kind, VLNV=_AXIMM
    )
    ET.SubElement(interface, "PORTMAPS")


def _processing_system(modules: ET.Element, handoff: Handoff) -> None:
    module = _module(modules, "ps7", _PS_VLNV, "processing_system7", IS_PL="FALSE")
    parameters = ET.SubElement(module, "PARAMETERS")
    dividers = [divisors(handoff.clock_hz), (1, 1), (1, 1), (1, 1)]
    for index, (first, second) in enumerate(dividers):
        _parameter(parameters, f"PCW_FPGA_FCLK{index}_ENABLE", int(index == 0))
        _parameter(parameters, f"PCW_FCLK{index}_PERIPHERAL_DIVISOR0", first)
        _parameter(parameters, f"PCW_FCLK{index}_PERIPHERAL_DIVISOR1", second)
        _parameter(parameters, f"PCW_FCLK{index}_PERIPHERAL_CLKSRC", "IO PLL")
    ports = ET.SubElement(module, "PORTS")
    port = ET.SubElement(
        ports,
        "PORT",
        DIR="I",
        LEFT="0",
        NAME="IRQ_F2P",
        RIGHT="0",
        SENSITIVITY="LEVEL_HIGH",
        SIGIS="INTERRUPT",
    )
    port.set("SIGNAME", "accelerator_irq")
    connections = ET.SubElement(port, "CONNECTIONS")
    ET.SubElement(connections, "CONNECTION", INSTANCE=INSTANCE, PORT="irq")
    _interface(ET.SubElement(module, "BUSINTERFACES"), PORT, "MASTER")
    last = handoff.base_address + handoff.span_bytes - 1
    ET.SubElement(
        ET.SubElement(module, "MEMORYMAP"),
        "MEMRANGE",
        ADDRESSBLOCK="registers",
        BASENAME="C_BASEADDR",
        BASEVALUE=f"0x{handoff.base_address:08X}",
        HIGHNAME="C_HIGHADDR",
        HIGHVALUE=f"0x{last:08X}",
        INSTANCE=INSTANCE,
        IS_DATA="TRUE",
        IS_INSTRUCTION="TRUE",
        MASTERBUSINTERFACE=PORT,
        MEMTYPE="REGISTER",
        SLAVEBUSINTERFACE="s_axi",
    )


def _accelerator(modules: ET.Element, handoff: Handoff) -> None:
    module = _module(modules, INSTANCE, VLNV, IP, IS_PL="TRUE")
    blocks = ET.SubElement(module, "ADDRESSBLOCKS")
    block = ET.SubElement(
        blocks,
        "ADDRESSBLOCK",
        ACCESS="read-write",
        INTERFACE="s_axi",
        NAME="registers",
        RANGE=str(handoff.span_bytes),
        USAGE="register",
    )
    table = ET.SubElement(block, "REGISTERS")
    for register in registers.REGISTERS:
        _register(table, register)
    parameters = ET.SubElement(module, "PARAMETERS")
    _parameter(parameters, "C_BASEADDR", f"0x{handoff.base_address:08X}")
    _parameter(parameters, "C_HIGHADDR", f"0x{handoff.base_address + handoff.span_bytes - 1:08X}")
    ports = ET.SubElement(module, "PORTS")
    port = ET.SubElement(ports, "PORT", DIR="O", NAME="irq", SENSITIVITY="LEVEL_HIGH", SIGIS="INTERRUPT")
    port.set("SIGNAME", "accelerator_irq")
    connections = ET.SubElement(port, "CONNECTIONS")
    ET.SubElement(connections, "CONNECTION", INSTANCE="ps7", PORT="IRQ_F2P")
    _interface(ET.SubElement(module, "BUSINTERFACES"), "s_axi", "SLAVE")


def _register(table: ET.Element, register: registers.Register) -> None:
    access = _ACCESS[register.access]
    item = ET.SubElement(table, "REGISTER", NAME=register.name)
    for name, value in (
        ("DESCRIPTION", register.description),
        ("ADDRESS_OFFSET", f"0x{register.offset:03X}"),
        ("SIZE", 32),
        ("ACCESS", access),
        ("IS_ENABLED", "true"),
        ("RESET_VALUE", f"0x{register.reset or 0:X}"),
    ):
        ET.SubElement(item, "PROPERTY", NAME=name, VALUE=str(value))
    if not register.fields:
        return
    fields = ET.SubElement(item, "FIELDS")
    for field in register.fields:
        entry = ET.SubElement(fields, "FIELD", NAME=field.name)
        for name, value in (
            ("DESCRIPTION", field.description),
            ("BIT_OFFSET", field.low),
            ("BIT_WIDTH", field.width),
            ("ACCESS", access),
        ):
            ET.SubElement(entry, "PROPERTY", NAME=name, VALUE=str(value))
