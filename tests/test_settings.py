"""Settings of optional tools: environment before file, and faults of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bnn_hw import settings
from bnn_hw.errors import ConfigError


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    for name in ("SETTINGS", *(item.upper() for item in settings.KNOWN)):
        monkeypatch.delenv(f"BNN_HW_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def write(tmp_path, text: str) -> Path:
    path = tmp_path / "bnn_hw" / "settings.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_environment_goes_before_the_file(tmp_path, monkeypatch):
    assert settings.get("chipdb") is None
    path = write(tmp_path, 'chipdb = "/from/file"\nvivado = "~/vivado"\n')
    assert settings.get("chipdb") == (Path("/from/file"), str(path))
    assert settings.get("vivado") == (Path.home() / "vivado", str(path))
    monkeypatch.setenv("BNN_HW_CHIPDB", "/from/environment")
    assert settings.get("chipdb") == (Path("/from/environment"), "BNN_HW_CHIPDB")


def test_file_may_be_named(tmp_path, monkeypatch):
    other = tmp_path / "mine.toml"
    monkeypatch.setenv("BNN_HW_SETTINGS", str(other))
    with pytest.raises(ConfigError, match="is named by BNN_HW_SETTINGS but does not exist"):
        settings.get("chipdb")
    other.write_text('nextpnr = "/n"')
    assert settings.get("nextpnr") == (Path("/n"), str(other))


def test_faults_of_the_file_come_together(tmp_path):
    path = write(tmp_path, 'chip_db = "/x"\nvivado = 3\n')
    with pytest.raises(ConfigError) as caught:
        settings.get("chipdb")
    first, second = caught.value.faults
    assert (first.place, first.cause) == (f"{path}, chip_db", "is unknown")
    assert "did you mean chipdb?" in first.remedy
    assert (second.place, second.cause) == (f"{path}, vivado", "is 3, not a path")
    write(tmp_path, "chipdb = ")
    with pytest.raises(ConfigError, match=r"is no TOML: .*\n.*write lines such as chipdb"):
        settings.get("chipdb")
