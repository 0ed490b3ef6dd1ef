"""Headers of .bit files, whole and damaged, and the build they name."""

from datetime import datetime

import numpy as np
import pytest

from bnn_hw.errors import ToolError
from bnn_hw.runtime.bitheader import BitHeader, read_bit_header
from bnn_hw.runtime.errors import PackageError
from bnn_hw.synth.xc7 import bitfile
from tests.packages import bit_bytes
from tests.synth import recorded


def test_the_fields_of_a_whole_file(tmp_path):
    (tmp_path / "a.bit").write_bytes(bit_bytes("7z010clg400", 128))
    header = read_bit_header(tmp_path / "a.bit")
    assert header == ("small;Version=1", "7z010clg400", "2026/01/31", "12:00:00", 128)


def test_every_truncation_and_growth_is_noticed(tmp_path):
    whole, path = bit_bytes(), tmp_path / "a.bit"
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(PackageError, match="copy the whole package again"):
            read_bit_header(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(PackageError, match="holds 65 bytes of configuration, its header says 64"):
        read_bit_header(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(PackageError, match="cannot be read: No such file"):
        read_bit_header(tmp_path / "none.bit")


# The same format written and read by the synthesis side, which shares no code with the driver's.

WORDS = np.arange(16, dtype=np.uint32) * 0x0101_0101
WHEN = datetime(2026, 1, 31, 12, 0, 0)


def test_what_synthesis_writes_the_driver_reads(tmp_path):
    file = bitfile.make("ncnv-pynq-z1;Digest=" + "ab" * 16, "7z020clg400", WORDS, WHEN)
    bitfile.write(file, tmp_path / "a.bit", tmp_path / "a.bin")
    header = read_bit_header(tmp_path / "a.bit")
    assert header == (file.design, "7z020clg400", "2026/01/31", "12:00:00", 64)
    assert header.notes() == {"Digest": "ab" * 16}
    assert (tmp_path / "a.bin").stat().st_size == header.size_bytes


def test_what_is_written_by_hand_both_read(tmp_path):
    data = bit_bytes("7z010clg400", 128)
    (tmp_path / "a.bit").write_bytes(data)
    header, file = read_bit_header(tmp_path / "a.bit"), bitfile.read(tmp_path / "a.bit")
    assert tuple(header)[:4] == (file.design, file.part, file.date, file.time)
    assert header.size_bytes == 4 * len(file.words) == 128
    assert file.to_bytes() == data


def test_both_refuse_every_truncation(tmp_path):
    whole, path = bit_bytes(), tmp_path / "a.bit"
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(PackageError):
            read_bit_header(path)
        with pytest.raises(ToolError):
            bitfile.read(path)


@pytest.mark.parametrize("name", ["z010_demo.bit"])
def test_both_read_a_bit_file_of_other_tools_alike(tmp_path, name):
    (tmp_path / name).write_bytes(recorded.read(name))
    header, file = read_bit_header(tmp_path / name), bitfile.read(tmp_path / name)
    assert tuple(header) == (file.design, file.part, file.date, file.time, 4 * len(file.words))
    assert header.is_of("ab" * 16)  # it names no build


@pytest.mark.parametrize(
    ("design", "build", "of_abcd"),
    [
        ("net", None, True),
        ("net;Digest=abcd", "abcd", True),
        ("net;Generator=x;Digest=abce", "abce", False),
        ("top;UserID=0XABCD0000;Version=2022.1", "abcd0000", True),
        ("top;UserID=0X12345678;Version=2022.1", "12345678", False),
        ("top;UserID=0XFFFFFFFF;Version=2022.1", None, True),
        ("top;UserID=ffffffff", None, True),
    ],
)
def test_the_build_that_a_header_names(design, build, of_abcd):
    header = BitHeader(design, "7z020clg400", "2026/01/31", "12:00:00", 64)
    assert header.build() == build
    assert header.is_of("abcd0000" + "0" * 24) == of_abcd
