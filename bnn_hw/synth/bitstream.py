"""From the routed design to the files that configure the part, and the proof that they hold it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bnn_hw.synth.xc7 import bitfile, memories, packets
from bnn_hw.synth.xc7.assemble import assemble
from bnn_hw.synth.xc7.database import Database
from bnn_hw.synth.xc7.fasm import read_fasm
from bnn_hw.synth.xc7.readback import ReadBack, compare

REPORT = "bitstream.json"
FORMAT = "bnn_hw.bitstream/1"


@dataclass(frozen=True)
class Bitstream:
    """The files that were written, beside each other, and what their read-back found.

    readback: None for a bitstream of Vivado, of which no placement is known to compare with.
    """

    device: str
    design: str
    bit: str
    bin: str
    bytes: int
    readback: ReadBack | None

    def to_record(self) -> dict[str, Any]:
        return {"format": FORMAT, **dataclasses.asdict(self)}


def make(
    fasm: Path,
    out: Path,
    database: Database,
    name: str,
    *,
    netlist: Path | None = None,
    placed: Path | None = None,
    top: str = "",
    notes: dict[str, str] | None = None,
    when: datetime | None = None,
) -> Bitstream:
    """Write ``out``/NAME.bit and NAME.bin from the routed FASM, then read the .bit back and compare.

    netlist, placed: the netlist of ``top`` and the router's placement of it; with
    them the contents of all block RAMs are compared with the netlist's. notes: go
    into the .bit's header as Key=value. Raises ToolError for features that the
    database does not know, MismatchError if the read-back finds a difference; then
    neither file is left.
    """
    features = read_fasm(fasm)
    words = packets.to_words(assemble(features, database), database.device)
    header = ";".join((name, *(f"{key}={value}" for key, value in (notes or {}).items())))
    file = bitfile.make(header, header_part(database.device.name), words, when or datetime.now(UTC))
    bit, bin_ = out / f"{name}.bit", out / f"{name}.bin"
    try:
        bitfile.write(file, bit, bin_)
        blocks = memories.blocks(netlist, placed, top) if netlist and placed else []
        found = compare(features, bit, database, blocks)
    except BaseException:
        for path in (bit, bin_):
            path.unlink(missing_ok=True)
        raise
    result = Bitstream(database.device.name, header, bit.name, bin_.name, bit.stat().st_size, found)
    (out / REPORT).write_text(json.dumps(result.to_record(), indent=1) + "\n")
    return result


def header_part(device: str) -> str:
    """Return a device's name as a .bit header has it: 7z020clg400 of xc7z020clg400-1."""
    return device.removeprefix("xc").rpartition("-")[0] or device


def to_text(record: dict[str, Any]) -> str:
    """The figures of a bitstream.json for a person."""
    found = record["readback"]
    lines = [f"{record['bit']} and {record['bin']} for {record['device']}: {record['bytes']:,} bytes"]
    if found is None:
        return f"{lines[0]}, not read back"
    lines += [
        f"read back: {found['features']:,} features as placed ({found['decoded']:,} decoded, "
        f"{found['pseudo']:,} need no bits, {found['defaults']:,} are defaults)",
        f"read back: {found['lut_inits']:,} LUT tables, {found['memory_rows']:,} rows of block RAM that are "
        "not zero, all equal",
    ]
    if found["blocks"]:
        lines.append(
            f"contents of all {found['blocks']} block RAMs are the netlist's: {found['netlist_rows']:,} rows"
        )
    return "\n".join(lines)
