"""Compiled simulations are shared by all tests of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from bnn_hw import tools
from bnn_hw.errors import ToolError


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        for tool in (tools.VERILATOR, tools.COMPILER, tools.MAKE):
            tools.find(tool)
    except ToolError as err:
        pytest.skip(f"no simulator here: {err}")
    return tmp_path_factory.mktemp("simulators")
