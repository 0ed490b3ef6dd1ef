"""A made-up part with a database in the X-Ray format: four tiles in two clock regions.

Row 0 of the top half: a logic column of 4 frames with INT_L_X0Y0, CLB_L_X0Y0 and the
aliased CLB_S_X0Y1, and one block RAM column of 128 frames. Row 0 of the bottom half:
one logic column of 2 frames.
"""

from __future__ import annotations

import json
from pathlib import Path

NAME = "xc7z001clg9-1"
FABRIC = "xc7z001"
IDCODE = 0x03727093

_FRAMES = {
    "top": {"CLB_IO_CLK": {"0": 4}, "BLOCK_RAM": {"0": 128}},
    "bottom": {"CLB_IO_CLK": {"0": 2}},
}
FRAME_COUNT = 4 + 128 + 2

_LOGIC = "0x00000000"
_MEMORY = "0x00800000"


def _place(address: str, frames: int, offset: int, words: int) -> dict:
    return {"baseaddr": address, "frames": frames, "offset": offset, "words": words}


def _grid() -> dict:
    clb = _place(_LOGIC, 4, 2, 2)
    single = {**_place(_LOGIC, 4, 4, 1), "alias": {"type": "CLB_L", "start_offset": 1, "sites": {"S": "B"}}}
    bram = {"CLB_IO_CLK": _place(_LOGIC, 4, 10, 10), "BLOCK_RAM": _place(_MEMORY, 128, 0, 10)}
    int_l = {"CLB_IO_CLK": _place(_LOGIC, 4, 0, 2)}
    return {
        "INT_L_X0Y0": {"type": "INT_L", "bits": int_l, "sites": {}},
        "CLB_L_X0Y0": {"type": "CLB_L", "bits": {"CLB_IO_CLK": clb}, "sites": {"SLICE_X0Y0": "SLICEL"}},
        "CLB_S_X0Y1": {"type": "CLB_S", "bits": {"CLB_IO_CLK": single}, "sites": {}},
        "BRAM_L_X2Y0": {
            "type": "BRAM_L",
            "bits": bram,
            "sites": {"RAMB18_X0Y0": "R", "RAMB18_X0Y1": "R", "RAMB36_X0Y0": "R"},
        },
    }


def _segbits() -> dict[str, list[str]]:
    lut = [f"CLB_L.A.ALUT.INIT[{i:02d}] {i // 32:02d}_{i % 32:02d}" for i in range(64)]
    bram = []
    for half in (0, 1):
        for row in range(2):
            for bit in range(256):
                place = f"{2 * half + row:02d}_{bit + 7:03d}"
                bram.append(f"BRAM_L.RAMB18_Y{half}.INIT_{row:02X}[{bit:03d}] {place}")
        bram += [f"BRAM_L.RAMB18_Y{half}.INITP_00[{i:03d}] {8 + half:02d}_{i:03d}" for i in range(256)]
    return {
        "segbits_int_l.db": ["INT_L.A0.B0 00_01 !00_02", "INT_L.A0.B1 00_01 00_02", "INT_L.NONE !03_07"],
        "ppips_int_l.db": ["INT_L.A9.B9 always"],
        "segbits_clb_l.db": [
            *lut,
            "CLB_L.A.AFF.ZINI 02_03",
            "CLB_L.A.NOCLKINV !02_09",
            "CLB_L.A.CLKINV 02_09",
            "CLB_L.B.ON 03_40",
        ],
        "segbits_bram_l.db": ["BRAM_L.RAMB18_Y0.IN_USE 01_310 01_311", "BRAM_L.RAMB18_Y0.ZINIT_A[2] 02_300"],
        "segbits_bram_l.block_ram.db": bram,
    }


def write(root: Path) -> Path:
    """Write the database into ``root`` and return it."""
    regions = {}
    for half, buses in _FRAMES.items():
        columns = {
            kind: {"configuration_columns": {n: {"frame_count": count} for n, count in frames.items()}}
            for kind, frames in buses.items()
        }
        regions[half] = {"rows": {"0": {"configuration_buses": columns}}}
    for folder in (NAME, FABRIC):
        (root / folder).mkdir(parents=True)
    part = {"idcode": IDCODE, "global_clock_regions": regions, "iobanks": {}}
    (root / NAME / "part.json").write_text(json.dumps(part))
    (root / NAME / "required_features.fasm").write_text("INT_L_X0Y0.A0.B0\n")
    (root / FABRIC / "tilegrid.json").write_text(json.dumps(_grid()))
    for name, lines in _segbits().items():
        (root / name).write_text("\n".join(lines) + "\n")
    return root
