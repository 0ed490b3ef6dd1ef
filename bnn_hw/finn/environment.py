"""Finds FINN's own Python environment and checks its versions before work starts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bnn_hw import settings
from bnn_hw.errors import FaultList, ToolError

SETTING = "finn_env"
VARIABLE = f"{settings.PREFIX}{SETTING.upper()}"
FOLDER = ".venv-finn"
REMEDY = f"make finn-env, or name an environment that has FINN with {VARIABLE}"
WANTED = {"finn-plus": "1.6.1", "qonnx": "1.0.0"}
"""Versions the adapter was written for; it relies on FINN's step names, attributes and reports."""
WORKER = Path(__file__).with_name("worker.py")
_ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Environment:
    """FINN's Python and the versions that its packages state."""

    python: Path
    versions: Mapping[str, str]

    @property
    def folder(self) -> Path:
        return self.python.parent.parent


def places() -> list[Path]:
    """Folders that are looked at: the named one alone, else ``.venv-finn`` here and in the checkout."""
    named = settings.get(SETTING)
    if named:
        return [named[0]]
    return list(dict.fromkeys([Path.cwd() / FOLDER, _ROOT / FOLDER]))


def find_environment() -> Environment:
    """Return FINN's environment; ToolError where there is none, or one of other versions."""
    for folder in places():
        python = folder / "bin" / "python"
        if python.is_file():
            return _checked(python.absolute())
    looked = ", ".join(str(folder) for folder in places())
    raise ToolError.at("FINN", f"has no environment; looked for {looked}", REMEDY)


def _checked(python: Path) -> Environment:
    versions = _ask(python)
    faults = FaultList()
    for name, wanted in WANTED.items():
        found = versions.get(name, "")
        if found != wanted:
            state = f"is {found}" if found else "is not installed"
            faults.add(
                f"FINN, {name}",
                f"{state} in {python.parent.parent}; this back end works with {wanted}",
                REMEDY,
            )
    faults.raise_if_any(ToolError)
    return Environment(python, versions)


def _ask(python: Path) -> dict[str, str]:
    try:
        answer = subprocess.run(
            [python, WORKER, "version"], capture_output=True, text=True, timeout=60, check=True
        )
        found: dict[str, str] = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ToolError.at("FINN", f"{python} does not run: {error}", REMEDY) from error
    return found
