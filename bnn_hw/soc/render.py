"""Texts made from the register map: SystemVerilog package, the driver's constants, documentation.

The texts are kept in the repository; ``python -m bnn_hw.soc.render`` writes them anew
after a change of the table, and a test proves them equal to it.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from bnn_hw.soc import registers as table

PACKAGE = Path(__file__).resolve().parent.parent
SV_PACKAGE = "bnn_registers_pkg"

_LIMITS = (
    ("MAGIC", table.MAGIC, "value of the register MAGIC"),
    ("VERSION_MAJOR", table.VERSION_MAJOR, "of this map; a driver refuses another one"),
    ("VERSION_MINOR", table.VERSION_MINOR, "of this map"),
    ("SPAN_BYTES", table.SPAN_BYTES, "size of the register file"),
    ("BASE_ADDRESS", table.BASE_ADDRESS, "where the processor sees it"),
    ("RANGE_BYTES", table.RANGE_BYTES, "range of addresses set aside for it"),
    ("ALIGNMENT_BYTES", table.ALIGNMENT_BYTES, "of a job's addresses"),
    ("MAX_FRAMES", table.MAX_FRAMES, "of a job"),
    ("QUEUE_JOBS", table.QUEUE_JOBS, "jobs open at once"),
    ("MEMORY_BYTES", table.MEMORY_BYTES, "a job's addresses lie below"),
)
_NOTICE = "Made from bnn_hw/soc/registers.py by python -m bnn_hw.soc.render; changes are lost."
_LINE = 110  # of the code style


def systemverilog() -> str:
    """Return the package of offsets, bit numbers, reset values and error codes."""
    out = [
        f"// {_NOTICE}",
        "//",
        "// Purpose  the register map, for the decode in bnn_registers.sv.",
        "// A_x      byte offset of register x; R_x its value after power-up; B_x_y lowest bit of",
        "//          its field y; E_x a code of the register ERROR; L_x a limit.",
        "",
        "// verilator lint_off UNUSEDPARAM",
        f"package {SV_PACKAGE};",
    ]
    for name, value, text in _LIMITS:
        out.append(f"  localparam logic [31:0] L_{name} = 32'h{value:08x};  // {text}")
    out.append("")
    for register in table.REGISTERS:
        note = f"  // {register.access}"
        out.append(f"  localparam logic [11:0] A_{register.name} = 12'h{register.offset:03x};{note}")
        if register.access == table.RW:
            out.append(f"  localparam logic [31:0] R_{register.name} = 32'h{register.reset or 0:08x};")
        out += [
            f"  localparam int B_{register.name}_{field.name} = {field.low};" for field in register.fields
        ]
    out.append("")
    for error in table.ERROR_CODES:
        out.append(f"  localparam logic [7:0] E_{error.name} = 8'd{error.code};  // {error.meaning}")
    return "\n".join([*out, "endpackage", "// verilator lint_on UNUSEDPARAM", ""])


_DRIVER_HEAD = f'''"""The register map of the shell: offsets, fields, error codes.

{_NOTICE}
Python 3.8 and its standard library, for the board.

REGISTERS: each register by its name. ERROR_CODES: what the codes of the register
ERROR mean.
"""

from typing import Dict, NamedTuple, Optional


class Field(NamedTuple):
    """Bits ``low`` to ``low + width - 1`` of a register."""

    low: int
    width: int
    description: str

    @property
    def mask(self) -> int:
        """The field's bits in the register."""
        return ((1 << self.width) - 1) << self.low

    def get(self, value: int) -> int:
        """Take the field out of a register's value."""
        return (value & self.mask) >> self.low


class Register(NamedTuple):
    """A 32-bit word at byte ``offset``.

    access: ro, rw, wo or w1c (bits written as 1 are cleared); reset: value after
    power-up, None where the build or the state decides; fields by name.
    """

    offset: int
    access: str
    reset: Optional[int]
    description: str
    fields: Dict[str, Field]


class ErrorCode(NamedTuple):
    """fault: the shell stopped and needs a soft reset; else only a job was refused."""

    name: str
    fault: bool
    meaning: str


'''


def driver_constants() -> str:
    """Return the driver's module: Python 3.8, standard library only."""
    out = []
    for name, value, text in _LIMITS:
        shown = f"0x{value:08X}" if value > 0xFFFF else str(value)
        out.append(f"{name} = {shown}  # {text}")
    out += ["", *(f"{item.name}_OFFSET = 0x{item.offset:03X}" for item in table.REGISTERS), ""]
    out += ["REGISTERS = {", *(_entry(item) for item in table.REGISTERS), "}", ""]
    out += ["ERROR_CODES = {"]
    out += [f'    {e.code}: ErrorCode("{e.name}", {e.fault}, "{e.meaning}"),' for e in table.ERROR_CODES]
    return _DRIVER_HEAD + "\n".join([*out, "}", ""])


def _entry(register: table.Register) -> str:
    reset = "None" if register.reset is None else f"0x{register.reset:08X}"
    start = f'    "{register.name}": Register(0x{register.offset:03X}, "{register.access}", {reset}, '
    short = f'{start}"{register.description}", {{}}),'
    if not register.fields and len(short) <= _LINE:
        return short
    lines = [
        f'    "{register.name}": Register(',
        f"        0x{register.offset:03X},",
        f'        "{register.access}",',
        f"        {reset},",
        *_string(register.description, 8),
    ]
    if not register.fields:
        return "\n".join([*lines, "        {},", "    ),"])
    lines.append("        {")
    for field in register.fields:
        line = f'            "{field.name}": Field({field.low}, {field.width}, "{field.description}"),'
        if len(line) <= _LINE:
            lines.append(line)
            continue
        lines.append(f'            "{field.name}": Field(')
        lines += [f"                {field.low},", f"                {field.width},"]
        lines += [*_string(field.description, 16), "            ),"]
    return "\n".join([*lines, "        },", "    ),"])


def _string(text: str, indent: int) -> list[str]:
    """A string argument on as many lines as it takes."""
    room = _LINE - indent - len('"",')
    parts = [text] if len(text) <= room else textwrap.wrap(text, room - 1)
    spaced = [f"{part} " for part in parts[:-1]] + parts[-1:]
    lines = [f'{" " * indent}"{part}"' for part in spaced]
    return [*lines[:-1], lines[-1] + ","]


def documentation() -> str:
    """Return the Markdown page: registers, fields, error codes."""
    out = ["# Registers of the shell", "", f"<!-- {_NOTICE} -->", ""]
    out += [
        f"32-bit words at 0x{table.BASE_ADDRESS:08X} on M_AXI_GP0. Read and write whole words; unassigned",
        "addresses read as zero and ignore writes.",
        "",
        "| access | meaning |",
        "|---|---|",
        *(f"| {key} | {text} |" for key, text in table.ACCESS.items()),
        "",
        "| offset | register | access | reset | description |",
        "|---|---|---|---|---|",
    ]
    for item in table.REGISTERS:
        reset = "" if item.reset is None else f"0x{item.reset:X}"
        out.append(f"| 0x{item.offset:03X} | `{item.name}` | {item.access} | {reset} | {item.description} |")
        for field in item.fields:
            high = field.low + field.width - 1
            bits = f"{field.low}" if field.width == 1 else f"{high}:{field.low}"
            out.append(f"| | `.{field.name}` [{bits}] | | | {field.description} |")
    out += [
        "",
        "## Error codes",
        "",
        "A fault stops the shell until a soft reset; else only a job was refused.",
        "",
    ]
    out += ["| code | name | fault | meaning |", "|---|---|---|---|"]
    for error in table.ERROR_CODES:
        out.append(f"| {error.code} | `{error.name}` | {'yes' if error.fault else ''} | {error.meaning} |")
    return "\n".join([*out, ""])


TEXTS = {
    f"soc/lib/{SV_PACKAGE}.sv": systemverilog,
    "runtime/registers.py": driver_constants,
    "soc/REGISTERS.md": documentation,
}


def main() -> None:
    """Write the texts into the package."""
    for path, text in TEXTS.items():
        (PACKAGE / path).write_text(text())


if __name__ == "__main__":
    main()
