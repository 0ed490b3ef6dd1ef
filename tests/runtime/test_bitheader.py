"""Headers of .bit files, whole and damaged."""

import pytest

from bnn_hw.runtime.bitheader import read_bit_header
from bnn_hw.runtime.errors import PackageError
from tests.packages import bit_bytes


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
