"""A stand-in for FINN's environment, and the real one where it is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bnn_hw.errors import ToolError
from bnn_hw.finn.environment import VARIABLE, WANTED, Environment, find_environment

FAKE = """#!{python}
import json, pathlib, sys
argument = sys.argv[2]
if argument == "version":
    print(json.dumps({versions}))
    sys.exit(0)
job = json.loads(pathlib.Path(argument).read_text())
out, work = pathlib.Path(job["out"]), pathlib.Path(job["work"])
{body}
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A function that makes an environment whose worker runs ``body``; it sees job, out and work."""

    def make(body: str = "", versions: dict[str, str] | None = None) -> Environment:
        folder = tmp_path / "finn-env"
        python = folder / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        stated = json.dumps({"python": "3.11.0", **WANTED, **(versions or {})})
        python.write_text(FAKE.format(python=sys.executable, versions=stated, body=body))
        python.chmod(0o755)
        monkeypatch.setenv(VARIABLE, str(folder))
        return Environment(python, WANTED)

    return make


@pytest.fixture(scope="session")
def environment() -> Environment:
    """FINN's own environment; without it the test is skipped."""
    try:
        return find_environment()
    except ToolError as error:
        fault = error.faults[0]
        pytest.skip(f"{fault.place}: {fault.cause}; {fault.remedy}")


def script(path: Path, body: str) -> Path:
    """Write an executable Python script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(0o755)
    return path
