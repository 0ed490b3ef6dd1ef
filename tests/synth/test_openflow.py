"""Finding the open tools: settings, openXC7's variables, beside the program; faults come together."""

from __future__ import annotations

from pathlib import Path

import pytest

from bnn_hw import settings
from bnn_hw.errors import ToolError
from bnn_hw.synth import openflow
from tests.synth import tiny_part

DEVICE = "xc7z020clg400-1"
BANNER = '"nextpnr-xilinx" -- Next Generation Place and Route (Version 0.8.2-25-ge22bcf69)'


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No tool and no setting of this machine is seen."""
    for name in settings.KNOWN:
        monkeypatch.delenv(f"BNN_HW_{name.upper()}", raising=False)
    for name in ("CHIPDB", "PRJXRAY_DB_DIR", "NEXTPNR_XILINX_DIR", "BNN_HW_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def program(folder: Path, banner: str = BANNER) -> Path:
    path = folder / "bin" / "nextpnr-xilinx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{banner}'\n")
    path.chmod(0o755)
    return path


def xray(folder: Path, device: str = DEVICE) -> Path:
    for name in (f"{device}/part.json", f"{device[:7]}/tilegrid.json", "segbits_int_l.db"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_all_that_is_missing_is_told_at_once():
    with pytest.raises(ToolError) as caught:
        openflow.find(DEVICE)
    first, second, third = caught.value.faults
    assert first.place == "nextpnr-xilinx"
    assert "nix develop github:openXC7/toolchain-nix" in first.remedy
    assert second.place == f"chip database {DEVICE}"
    assert "none of xc7z020clg400-1.bin, xc7z020clg400.bin, xc7z020.bin is beside" in second.cause
    assert "bbaexport.py --device xc7z020clg400-1" in second.remedy
    assert third.place == f"X-Ray database {DEVICE}"
    assert "BNN_HW_PRJXRAY_DB" in third.remedy


def test_an_installation_is_found_whole(tmp_path):
    path = program(tmp_path)
    (tmp_path / "chipdb").mkdir()
    (tmp_path / "chipdb" / "xc7z020clg400.bin").touch()
    root = xray(tmp_path / "share/nextpnr/external/prjxray-db/zynq7")
    found = openflow.find(DEVICE)
    assert found.program == openflow.Program(path, "0.8.2-25-ge22bcf69")
    assert found.chip_database == tmp_path / "chipdb" / "xc7z020clg400.bin"
    assert found.xray_database == root


def test_variables_of_the_packages_and_settings_before_them(tmp_path, monkeypatch):
    program(tmp_path)
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    for folder in (theirs, ours):
        folder.mkdir()
        (folder / "xc7z020.bin").touch()
        xray(folder / "db/zynq7")
    monkeypatch.setenv("CHIPDB", str(theirs))
    monkeypatch.setenv("PRJXRAY_DB_DIR", str(theirs / "db"))
    found = openflow.find(DEVICE)
    assert (found.chip_database, found.xray_database) == (theirs / "xc7z020.bin", theirs / "db/zynq7")
    monkeypatch.setenv("BNN_HW_CHIPDB", str(ours / "xc7z020.bin"))
    monkeypatch.setenv("BNN_HW_PRJXRAY_DB", str(ours / "db/zynq7"))
    found = openflow.find(DEVICE)
    assert (found.chip_database, found.xray_database) == (ours / "xc7z020.bin", ours / "db/zynq7")


def test_another_package_of_the_die_serves_a_design_without_pins(tmp_path, monkeypatch):
    (tmp_path / "xc7z020clg400.bin").touch()
    monkeypatch.setenv("BNN_HW_CHIPDB", str(tmp_path))
    found = openflow.chip_database("xc7z020clg484-1", None)
    assert found == tmp_path / "xc7z020clg400.bin"
    with pytest.raises(ToolError, match=r"none of xc7z020clg484-1.bin, xc7z020clg484.bin is in"):
        openflow.chip_database("xc7z020clg484-1", None, pins=True)
    with pytest.raises(ToolError, match=r"none of xc7z010clg400-1.bin, "):
        openflow.chip_database("xc7z010clg400-1", None)


@pytest.mark.parametrize(
    ("banner", "cause"),
    [
        ('"nextpnr-xilinx" (Version 0.7.0)', "has version 0.7.0; 0.8 or newer is needed"),
        ('"nextpnr-ice40" (Version 0.8)', "does not answer --version as nextpnr-xilinx does"),
        ("hello", "does not answer --version as nextpnr-xilinx does"),
    ],
)
def test_version_that_does_not_fit(tmp_path, banner, cause):
    program(tmp_path, banner)
    with pytest.raises(ToolError, match=cause):
        openflow.find_program()


def test_version_that_is_a_commit_is_taken(tmp_path):
    program(tmp_path, '"nextpnr-xilinx" (Version ece39e17)')
    assert openflow.find_program().version == "ece39e17"


def test_named_program_that_does_not_start(tmp_path, monkeypatch):
    monkeypatch.setenv("BNN_HW_NEXTPNR", str(tmp_path / "none"))
    with pytest.raises(ToolError, match=r"\(BNN_HW_NEXTPNR = .*/none\): cannot be started: No such file"):
        openflow.find_program()


def test_incomplete_database_tells_what_it_lacks(tmp_path, monkeypatch):
    root = tiny_part.write(tmp_path / "db")
    (root / tiny_part.FABRIC / "tilegrid.json").unlink()
    monkeypatch.setenv("BNN_HW_PRJXRAY_DB", str(root))
    with pytest.raises(ToolError, match=f"db has no {tiny_part.FABRIC}/tilegrid.json"):
        openflow.xray_database(tiny_part.NAME, None)
