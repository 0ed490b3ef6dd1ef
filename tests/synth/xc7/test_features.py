"""FASM to frames and back on a made-up part, and on recorded runs of the open tools."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pytest

from bnn_hw.errors import MismatchError, ToolError
from bnn_hw.synth import bitstream
from bnn_hw.synth.xc7 import bitfile, memories, packets, readback
from bnn_hw.synth.xc7.assemble import assemble
from bnn_hw.synth.xc7.database import Database
from bnn_hw.synth.xc7.disassemble import disassemble
from bnn_hw.synth.xc7.fasm import Feature, parse_fasm
from tests.synth import recorded, tiny_part

WHEN = datetime(2026, 1, 31)
MEMORY = "256'h8" + "0" * 58 + "1_0002"
FASM = f"""
# A design on the made-up part.
CLB_L_X0Y0.A.ALUT.INIT[63:0] = 64'b1000000000000000000000000000000000000000000000000000000000000011
CLB_L_X0Y0.A.AFF.ZINI
CLB_L_X0Y0.A.NOCLKINV  # only clears a bit
CLB_S_X0Y1.S.ON
INT_L_X0Y0.A9.B9
BRAM_L_X2Y0.RAMB18_Y0.IN_USE
BRAM_L_X2Y0.RAMB18_Y0.ZINIT_A[2]
BRAM_L_X2Y0.RAMB18_Y1.INIT_01[255:0] = {MEMORY}
"""


@pytest.fixture
def database(tmp_path) -> Database:
    return Database(tiny_part.write(tmp_path / "db"), tiny_part.NAME)


def set_bits(frames) -> set[tuple[int, int]]:
    """Row of the frame and number of the bit in it, of all set bits."""
    return {
        (row, 32 * word + bit)
        for row, word in np.argwhere(frames).tolist()
        for bit in range(32)
        if frames[row, word] >> bit & 1
    }


def test_features_set_their_bits_and_no_other(database):
    frames = assemble(parse_fasm(FASM), database)
    lut = {(0, 64), (0, 65), (1, 64 + 31)}  # words 2 and 3 of the column
    clb = {(2, 64 + 3), (3, 32 * 3 + 40)}  # the aliased tile's word 4 is the type's word 1
    bram = {(1, 320 + 310), (1, 320 + 311), (2, 320 + 300)}
    memory = {(6 + 3, 7 + bit) for bit in (1, 16, 255)}  # the 7th frame is the first of block RAM
    required = {(0, 1)}
    assert set_bits(frames) == lut | clb | bram | memory | required


def test_decoding_gives_the_features_again(database):
    decoded = readback.merged(disassemble(assemble(parse_fasm(FASM), database), database))
    assert decoded == {
        ("INT_L_X0Y0", "A0.B0"): 1,
        ("CLB_L_X0Y0", "A.ALUT.INIT"): 1 << 63 | 3,
        ("CLB_L_X0Y0", "A.AFF.ZINI"): 1,
        # The bit lies in both tiles' descriptions of that word; the grid of a real part has no such overlap.
        ("CLB_S_X0Y1", "S.ON"): 1,
        ("BRAM_L_X2Y0", "RAMB18_Y0.IN_USE"): 1,
        ("BRAM_L_X2Y0", "RAMB18_Y0.ZINIT_A"): 4,
        ("BRAM_L_X2Y0", "RAMB18_Y1.INIT_01"): 1 << 255 | 1 << 16 | 2,
    }


def write_bit(folder, database, features) -> None:
    words = packets.to_words(assemble(features, database), database.device)
    bitfile.write(bitfile.make("t", tiny_part.NAME, words, WHEN), folder / "t.bit")


def test_readback_counts_what_it_compared(tmp_path, database):
    features = parse_fasm(FASM)
    write_bit(tmp_path, database, features)
    found = readback.compare(features, tmp_path / "t.bit", database)
    assert (found.features, found.decoded, found.pseudo, found.defaults) == (8, 6, 1, 1)
    assert (found.lut_inits, found.memory_rows, found.crc) == (1, 1, True)


@pytest.mark.parametrize(
    ("line", "other", "text"),
    [
        ("0011\n", "0111\n", "frame 0x00000000: bit 66 is set; placed otherwise"),
        ("1_0002", "1_0000", "RAMB18_Y1.INIT_01: placed .*10002, read back .*10000"),
        ("CLB_S_X0Y1.S.ON\n", "", "S.ON: placed 1, read back nothing"),
        ("A.NOCLKINV", "A.CLKINV", "frame 0x00000002: bit 73 is set; placed otherwise"),
    ],
)
def test_readback_names_each_difference(tmp_path, database, line, other, text):
    assert line in FASM
    write_bit(tmp_path, database, parse_fasm(FASM.replace(line, other)))
    with pytest.raises(MismatchError, match=text):
        readback.compare(parse_fasm(FASM), tmp_path / "t.bit", database)


def test_wrong_ecc_is_named(tmp_path, database):
    features = parse_fasm(FASM)
    words = packets.to_words(assemble(features, database), database.device, crc=False)
    start = int(np.nonzero(words >> 27 == 0x0A)[0][0]) + 1
    words[start + 50] ^= 1
    bitfile.write(bitfile.make("t", tiny_part.NAME, words, WHEN), tmp_path / "t.bit")
    with pytest.raises(MismatchError, match="has frames whose ECC is wrong"):
        readback.compare(features, tmp_path / "t.bit", database)


def test_contradicting_features_are_named(database):
    lines = parse_fasm("CLB_L_X0Y0.A.NOCLKINV\nCLB_L_X0Y0.A.CLKINV\n")
    expected = "A.NOCLKINV: clears bit 73 of frame 0x00000002, which CLB_L_X0Y0.A.CLKINV sets"
    with pytest.raises(ToolError, match=expected):
        assemble(lines, database)


def test_unknown_features_are_listed_together(database):
    lines = [
        Feature("NO_X1Y1", "A"),
        Feature("CLB_L_X0Y0", "A.ALUT.INIT", 64, 1),
        Feature("CLB_L_X0Y0", "A.ALUT.INIT", 0, 1 << 70),
    ]
    with pytest.raises(ToolError) as caught:
        assemble(lines, database)
    assert [fault.cause for fault in caught.value.faults] == [
        f"{tiny_part.NAME} has no tile NO_X1Y1",
        "is not in the database",
        "is not in the database",
    ]


def test_fasm_values_and_faults():
    assert parse_fasm("T.F[3:2] = 2'b10\nT.F = 0\nT.G[5]\nT.H[3:0]=4'hA {x=\"y\"} # c") == [
        Feature("T", "F", 2, 2),
        Feature("T", "F", None, 0),
        Feature("T", "G", 5, 1),
        Feature("T", "H", 0, 10),
    ]
    assert str(Feature("T", "F", 2, 2)) == "T.F[3:2] = 2'b10"
    with pytest.raises(ToolError) as caught:
        parse_fasm("T.F\nnonsense\nT.F[1:0] = 2'b111\nT.F[0:1] = 1\nT.F = 1'b2\n", "x.fasm")
    assert [fault.place for fault in caught.value.faults] == [f"x.fasm, line {n}" for n in (2, 3, 4, 5)]


@pytest.mark.parametrize("name", [f"{tiny_part.NAME}/part.json", f"{tiny_part.FABRIC}/tilegrid.json"])
def test_damaged_database_is_named(tmp_path, name):
    root = tiny_part.write(tmp_path)
    (root / name).write_text("{}" if "part" in name else '{"T": {}}')
    with pytest.raises(ToolError, match=f"{name}: (is no description of a part|does not fit)"):
        Database(root, tiny_part.NAME)
    (root / name).write_text("{")
    with pytest.raises(ToolError, match="is no JSON"):
        Database(root, tiny_part.NAME)
    (root / name).unlink()
    with pytest.raises(ToolError, match=r"cannot be read: No such file.*\n.*BNN_HW_PRJXRAY_DB"):
        Database(root, tiny_part.NAME)


# Contents of block RAM against the netlist.


def netlists(folder, site: str, kind: str, rows: dict[str, int]) -> None:
    values = {name: f"{value:0256b}" for name, value in rows.items()}
    cell = {"type": kind, "parameters": {**values, "INIT_A": "0" * 36, "DOA_REG": "0"}, "attributes": {}}
    (folder / "netlist.json").write_text(
        json.dumps({"modules": {"PS7": {"cells": {}}, "t": {"cells": {"m.0": cell}}}})
    )
    placed = {"type": f"{kind}_{kind}", "attributes": {"NEXTPNR_BEL": f"{site}/{kind}"}}
    (folder / "placed.json").write_text(json.dumps({"modules": {"top": {"cells": {"m.0": placed}}}}))


def make(folder, database, fasm: str) -> bitstream.Bitstream:
    (folder / "r.fasm").write_text(fasm)
    files = {"netlist": folder / "netlist.json", "placed": folder / "placed.json"}
    return bitstream.make(folder / "r.fasm", folder, database, "t", top="t", when=WHEN, **files)


def test_block_ram_of_36_kbit_is_spread_over_its_halves(tmp_path, database):
    # Bits 0, 2, 4 and 255 of row 0, bit 3 of row 1: even ones below, odd ones above.
    netlists(tmp_path, "RAMB36_X0Y0", "RAMB36E1", {"INIT_00": 1 << 255 | 0b10101, "INIT_01": 8})
    lower = "BRAM_L_X2Y0.RAMB18_Y0.INIT_00[255:0] = 256'b111\n"
    upper = f"BRAM_L_X2Y0.RAMB18_Y1.INIT_00[255:0] = 256'h{1 << 127 | 1 << 129:x}\n"
    result = make(tmp_path, database, lower + upper)
    assert (result.readback.blocks, result.readback.netlist_rows) == (1, 2)
    assert json.loads((tmp_path / "bitstream.json").read_text())["readback"]["memory_rows"] == 2
    assert "contents of all 1 block RAMs are the netlist's: 2 rows" in bitstream.to_text(result.to_record())
    with pytest.raises(MismatchError, match=r"block RAM m.0 at RAMB36_X0Y0: row RAMB18_Y1.INIT_00 reads"):
        make(tmp_path, database, lower)
    assert not (tmp_path / "t.bit").exists()
    assert not (tmp_path / "t.bin").exists()


def test_block_ram_of_18_kbit_lies_in_the_half_of_its_site(tmp_path, database):
    netlists(tmp_path, "RAMB18_X0Y1", "RAMB18E1", {"INIT_01": 5, "INITP_00": 9})
    fasm = "BRAM_L_X2Y0.RAMB18_Y1.INIT_01[2:0] = 3'b101\nBRAM_L_X2Y0.RAMB18_Y1.INITP_00[3:0] = 4'b1001\n"
    assert make(tmp_path, database, fasm).readback.netlist_rows == 2
    with pytest.raises(MismatchError, match=r"RAMB18_Y1\.INITP_00 reads back 0+8, the netlist has 0+9"):
        make(tmp_path, database, fasm.replace("4'b1001", "4'b1000"))


def test_block_ram_without_a_place(tmp_path):
    netlists(tmp_path, "", "RAMB18E1", {"INIT_01": 5})
    with pytest.raises(ToolError, match=r"placed.json, m.0: RAMB18E1 has no place"):
        memories.blocks(tmp_path / "netlist.json", tmp_path / "placed.json", "t")


# Recorded runs.


def test_recorded_fasm_becomes_the_recorded_bit(tmp_path):
    fasm = recorded.read("z010_demo.fasm").decode()
    features = parse_fasm(fasm, "z010_demo.fasm")
    assert len(features) == 17374
    database = Database(recorded.xray_database(recorded.Z010), recorded.Z010)
    file = bitfile.parse(recorded.read("z010_demo.bit"), "z010_demo.bit")
    words = packets.to_words(assemble(features, database), database.device, crc=False)
    assert np.array_equal(words, file.words)
    (tmp_path / "z.bit").write_bytes(file.to_bytes())
    found = readback.compare(features, tmp_path / "z.bit", database)
    assert (found.features, found.lut_inits, found.memory_rows) == (17327, 219, 344)
