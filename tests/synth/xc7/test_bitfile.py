"""The .bit header, read by a parser written as PYNQ's is, and its faults."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from bnn_hw.errors import InputError, OutputError, ToolError
from bnn_hw.synth.xc7 import bitfile

WORDS = np.array([0xFFFFFFFF, 0xAA995566, 0x20000000], np.uint32)
WHEN = datetime(2026, 1, 31, 23, 59, 58)


def pynq_fields(data: bytes) -> dict[str, object]:
    """Read the header field by field in the manner of pynq's parse_bit_header."""
    found: dict[str, object] = {}
    offset = 2 + int.from_bytes(data[0:2], "big") + 2
    while offset < len(data):
        key = chr(data[offset])
        size = 4 if key == "e" else 2
        length = int.from_bytes(data[offset + 1 : offset + 1 + size], "big")
        value = data[offset + 1 + size : offset + 1 + size + length]
        found[key] = value if key == "e" else value.decode("ascii")[:-1]
        offset += 1 + size + length
    return found


def test_header_has_the_classic_fields():
    data = bitfile.make("bnn_zynq;Generator=bnn_hw", "xc7z020clg400-1", WORDS, WHEN).to_bytes()
    assert pynq_fields(data) == {
        "a": "bnn_zynq;Generator=bnn_hw",
        "b": "xc7z020clg400-1",
        "c": "2026/01/31",
        "d": "23:59:58",
        "e": bytes.fromhex("ffffffff aa995566 20000000"),
    }


def test_reads_what_it_writes(tmp_path):
    file = bitfile.make("top", "xc7z010clg400-1", WORDS, WHEN)
    bitfile.write(file, tmp_path / "top.bit", tmp_path / "top.bin")
    again = bitfile.read(tmp_path / "top.bit")
    assert again.to_bytes() == file.to_bytes()
    assert (again.design, again.part, again.date, again.time) == (
        "top",
        "xc7z010clg400-1",
        "2026/01/31",
        "23:59:58",
    )
    assert (tmp_path / "top.bin").read_bytes() == bytes.fromhex("ffffffff 665599aa 00000020")


@pytest.mark.parametrize(
    ("cut", "cause"),
    [
        (slice(5, None), "does not begin like a .bit file"),
        (slice(0, 19), r"has no field a \(design\) at byte 13"),
        (slice(0, 20), r"has no field b \(part\) at byte 20"),
        (slice(0, -1), "holds 11 bytes of configuration, its header says 12"),
        (slice(0, -13), r"has no field e \(data\) at byte"),
    ],
)
def test_truncated_file_tells_where_it_ends(cut, cause):
    data = bitfile.make("top", "xc7z010clg400-1", WORDS, WHEN).to_bytes()
    with pytest.raises(ToolError, match=f"x.bit: {cause}.*\n.*truncated or is no .bit"):
        bitfile.parse(data[cut], "x.bit")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ToolError, match="cannot be read: No such file"):
        bitfile.read(tmp_path / "none.bit")
    with pytest.raises(OutputError, match="cannot be written"):
        bitfile.write(bitfile.make("t", "p", WORDS, WHEN), tmp_path / "none" / "t.bit")


def test_name_that_the_header_cannot_hold():
    with pytest.raises(InputError, match=r"design name: is 'ä', which a \.bit header cannot hold"):
        bitfile.make("ä", "p", WORDS, WHEN)
