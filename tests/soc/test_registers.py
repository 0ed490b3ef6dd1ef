"""The register map: consistent in itself, and the texts made from it are what the table says."""

import ast
import importlib
import sys

import pytest

from bnn_hw.runtime import registers as driver
from bnn_hw.soc import registers as table
from bnn_hw.soc.render import PACKAGE, TEXTS


def test_addresses_are_words_of_the_span_and_used_once():
    offsets = [register.offset for register in table.REGISTERS]
    assert len(set(offsets)) == len(offsets)
    assert all(offset % 4 == 0 and 0 <= offset < table.SPAN_BYTES for offset in offsets)
    assert table.BASE_ADDRESS % table.RANGE_BYTES == 0


@pytest.mark.parametrize("register", table.REGISTERS, ids=lambda item: item.name)
def test_fields_share_no_bits(register):
    used = 0
    for field in register.fields:
        mask = ((1 << field.width) - 1) << field.low
        assert field.width >= 1
        assert mask < 1 << 32
        assert used & mask == 0
        used |= mask
    assert register.access in table.ACCESS
    assert (register.reset or 0) < 1 << 32


def test_error_codes_are_unique_and_fit_their_field():
    codes = [error.code for error in table.ERROR_CODES]
    assert len(set(codes)) == len(codes)
    assert max(codes) < 1 << table.register("ERROR").fields[0].width
    assert [error.name for error in table.ERROR_CODES if error.code == 0] == ["NONE"]


@pytest.mark.parametrize("path", sorted(TEXTS))
def test_text_in_the_repository_is_made_from_the_table(path):
    assert (PACKAGE / path).read_text() == TEXTS[path](), "run python -m bnn_hw.soc.render"


def test_driver_has_every_register_field_and_error():
    assert set(driver.REGISTERS) == {register.name for register in table.REGISTERS}
    for register in table.REGISTERS:
        known = driver.REGISTERS[register.name]
        assert known[:4] == (register.offset, register.access, register.reset, register.description)
        assert getattr(driver, f"{register.name}_OFFSET") == register.offset
        fields = [(name, *field) for name, field in known.fields.items()]
        assert fields == [(f.name, f.low, f.width, f.description) for f in register.fields]
    assert {code: tuple(error) for code, error in driver.ERROR_CODES.items()} == {
        error.code: (error.name, error.fault, error.meaning) for error in table.ERROR_CODES
    }


def test_field_takes_its_bits():
    field = driver.REGISTERS["STATUS"].fields["WRITES_OPEN"]
    assert field.mask == 0xF000
    assert field.get(0xABCD_5678) == 0x5


def test_driver_is_python_3_8_with_the_standard_library_only():
    source = (PACKAGE / "runtime" / "registers.py").read_text()
    tree = ast.parse(source, feature_version=(3, 8))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert names <= set(sys.stdlib_module_names)
    importlib.reload(driver)
