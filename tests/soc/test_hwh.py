"""The hardware handoff file: what PYNQ looks for, by its paths."""

from xml.etree import ElementTree as ET

import pytest

from bnn_hw.errors import ConfigError
from bnn_hw.soc import registers
from bnn_hw.soc.hwh import Handoff, divisors, hwh


@pytest.fixture
def root():
    return ET.fromstring(hwh(Handoff("ncnv-pynq-z1", "xc7z020clg400-1", 100_000_000)))


def test_names_design_part_and_package(root):
    info = root.find("SYSTEMINFO").attrib
    assert info["NAME"] == "ncnv-pynq-z1"
    assert (info["DEVICE"], info["PACKAGE"], info["SPEEDGRADE"]) == ("7z020", "clg400", "-1")


def test_one_range_of_addresses_joins_processor_and_accelerator(root):
    memory = root.find("MODULES/MODULE[@MODTYPE='processing_system7']/MEMORYMAP/MEMRANGE").attrib
    assert (memory["BASEVALUE"], memory["HIGHVALUE"]) == ("0x43C00000", "0x43C0FFFF")
    module = root.find(f"MODULES/MODULE[@INSTANCE='{memory['INSTANCE']}']")
    assert module.get("VLNV") == "bnn-hw.org:user:bnn_accelerator:1.0"
    names = [item.get("NAME") for item in module.findall("BUSINTERFACES/BUSINTERFACE")]
    assert names == [memory["SLAVEBUSINTERFACE"]]


def test_lists_every_register(root):
    found = root.findall(".//REGISTERS/REGISTER")
    assert [item.get("NAME") for item in found] == [item.name for item in registers.REGISTERS]


@pytest.mark.parametrize(
    ("clock_hz", "pair"),
    [(100_000_000, (10, 1)), (150_000_000, (7, 1)), (1_000_000, (50, 20)), (10**9, (1, 1))],
)
def test_dividers_make_the_highest_clock_that_is_not_above(clock_hz, pair):
    first, second = divisors(clock_hz)
    assert first * second == pair[0] * pair[1]
    assert 10**9 / (first * second) <= clock_hz


@pytest.mark.parametrize("clock_hz", [200_000, 1_200_000_000])
def test_clocks_out_of_reach_are_refused(clock_hz):
    with pytest.raises(ConfigError, match=r"choose 0\.252 to 1000 MHz"):
        divisors(clock_hz)


def test_other_families_are_refused():
    with pytest.raises(ConfigError, match="is 'xczu3eg-sbva484-1-e'"):
        hwh(Handoff("x", "xczu3eg-sbva484-1-e", 100_000_000))
