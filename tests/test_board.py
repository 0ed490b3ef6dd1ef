import pytest

from bnn_hw.board import board_names, load_board, load_parts
from bnn_hw.errors import ConfigError

SHIPPED = ["arty-z7-20", "pynq-z1", "pynq-z2", "zedboard", "zybo-z7-10", "zybo-z7-20"]


def test_all_shipped_boards_load():
    assert board_names() == SHIPPED
    for name in SHIPPED:
        board = load_board(name)
        assert board.name == name
        assert board.default_clock_hz == 100_000_000
        assert board.has_open_flow
        assert board.power_sensor is None


def test_figures_of_two_boards():
    pynq, zybo = load_board("pynq-z1"), load_board("zybo-z7-10")
    assert pynq.device == "xc7z020clg400-1"
    assert (pynq.part.lut, pynq.part.ff, pynq.part.bram36, pynq.part.dsp) == (53200, 106400, 140, 220)
    assert (pynq.ps_crystal_hz, pynq.ddr_bytes, pynq.ddr_bits) == (50_000_000, 512 << 20, 16)
    assert (zybo.part.lut, zybo.part.ff, zybo.part.bram36, zybo.part.dsp) == (17600, 35200, 60, 80)
    assert zybo.ps_crystal_hz == 33_333_333


def test_unknown_board_offers_the_nearest():
    with pytest.raises(ConfigError) as caught:
        load_board("pynqz2")
    assert str(caught.value) == (
        "board pynqz2: is unknown\n"
        "    remedy: did you mean pynq-z2? known: arty-z7-20, pynq-z1, pynq-z2, zedboard, zybo-z7-10, "
        "zybo-z7-20; or give the path of a board's TOML file"
    )
    assert caught.value.exit_status == 5


def test_all_faults_of_a_file_together(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'title = "Mine"\npart = "xc7z02"\npackage = "clg400-1"\nps_crystal_hz = "50 MHz"\n'
        "cpu_hz = 0\nddr_bytes = 1\nddr_bits = true\npl_clock_pin = 'H16'\ncolour = 'red'\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_board(path)
    faults = {fault.place.removeprefix(f"{path}, "): fault for fault in caught.value.faults}
    assert set(faults) == {"part", "ps_crystal_hz", "cpu_hz", "ddr_bits", "pl_clock_hz", "colour"}
    assert faults["part"].cause == "xc7z02 is not in parts.toml"
    assert faults["part"].remedy == "did you mean xc7z020? known: xc7z010, xc7z020"
    assert faults["ps_crystal_hz"].cause == "is '50 MHz'"
    assert faults["pl_clock_hz"].cause == "is missing"
    assert faults["colour"].cause == "is an unknown field"


def test_a_board_of_ones_own_with_its_own_parts(tmp_path):
    (tmp_path / "parts.toml").write_text('[xc7z0]\nlut=1\nff=2\nbram36=3\ndsp=4\nopen_packages=["a"]\n')
    path = tmp_path / "mine.toml"
    path.write_text(
        'title="Mine"\npart="xc7z0"\npackage="b-1"\nps_crystal_hz=1\ncpu_hz=1\nddr_bytes=1\nddr_bits=1\n'
    )
    board = load_board(str(path))
    assert (board.name, board.part.dsp, board.has_open_flow, board.pl_clock_pin) == ("mine", 4, False, None)


def test_wrong_toml_names_line_and_column(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("title = \n")
    with pytest.raises(ConfigError, match=r"mine.toml: is no TOML: .*line 1, column 9"):
        load_board(path)
    with pytest.raises(ConfigError, match=r"none.toml: cannot be read"):
        load_board(tmp_path / "none.toml")


def test_parts_file_with_faults(tmp_path):
    path = tmp_path / "parts.toml"
    path.write_text("[a]\nlut=-3\nff=2\nbram36=3\ndsp=4\nopen_packages=[1]\n[b]\nlut=1\n")
    with pytest.raises(ConfigError) as caught:
        load_parts(path)
    text = str(caught.value)
    assert "parts.toml, a, lut: is -3" in text
    assert "parts.toml, a, open_packages: is [1]" in text
    assert "parts.toml, b, dsp: is missing" in text
