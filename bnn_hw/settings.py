"""Where this machine keeps optional tools: environment variables first, then one settings file.

The file is TOML with one ``name = "path"`` a line; it is the one that
BNN_HW_SETTINGS names, else ``~/.config/bnn_hw/settings.toml``
(``$XDG_CONFIG_HOME/bnn_hw/settings.toml`` where that is set). A setting ``chipdb`` is
overridden by the environment variable BNN_HW_CHIPDB, and so on.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from bnn_hw.errors import ConfigError, FaultList, suggest

KNOWN = ("nextpnr", "chipdb", "prjxray_db", "vivado", "finn_env", "finn_deps")
PREFIX = "BNN_HW_"


def settings_file() -> Path:
    """Return the settings file's place, whether it exists or not."""
    named = os.environ.get(f"{PREFIX}SETTINGS")
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "bnn_hw" / "settings.toml"


def load() -> dict[str, str]:
    """Read the settings file; {} without one. ConfigError lists every unknown name and wrong type."""
    path = settings_file()
    if not path.is_file():
        if os.environ.get(f"{PREFIX}SETTINGS"):
            raise ConfigError.at(path, "is named by BNN_HW_SETTINGS but does not exist", "create or unset it")
        return {}
    try:
        record = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError.at(path, f"is no TOML: {error}", 'write lines such as chipdb = "/path"') from error
    faults = FaultList()
    for name, value in record.items():
        if name not in KNOWN:
            faults.add(f"{path}, {name}", "is unknown", suggest(name, KNOWN))
        elif not isinstance(value, str):
            faults.add(f"{path}, {name}", f"is {value!r}, not a path", f'write {name} = "/path"')
    faults.raise_if_any(ConfigError)
    return record


def get(name: str) -> tuple[Path, str] | None:
    """Return a setting's path and where it was set; None if it was not."""
    if name not in KNOWN:
        raise ValueError(f"{name} is no setting")
    variable = PREFIX + name.upper()
    value = os.environ.get(variable)
    if value:
        return Path(value).expanduser(), variable
    stored = load().get(name)
    return (Path(stored).expanduser(), str(settings_file())) if stored else None
