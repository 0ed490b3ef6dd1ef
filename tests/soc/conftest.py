"""Simulated boards are compiled once a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from bnn_hw import tools
from bnn_hw.errors import ToolError
from bnn_hw.sim.board import BoardProgram, build_board
from bnn_hw.soc.emit import emit_shell
from tests.soc.cores import write_core


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        for tool in (tools.VERILATOR, tools.COMPILER, tools.MAKE):
            tools.find(tool)
    except ToolError as err:
        pytest.skip(f"no simulator here: {err}")
    return tmp_path_factory.mktemp("boards")


@pytest.fixture(scope="session")
def sums(cache: Path) -> BoardProgram:
    """Five pixels of 3 bytes a frame, which is no whole word; three words a result."""
    core = write_core(cache / "sums" / "core", 5, 1, 3, 2)
    return build_board(emit_shell(core, cache / "sums" / "soc", 100_000_000), cache / "programs")


@pytest.fixture(scope="session")
def wide(cache: Path) -> BoardProgram:
    """Six beats of 12 bytes a frame; 12 words a result."""
    core = write_core(cache / "wide" / "core", 3, 2, 12, 11)
    return build_board(emit_shell(core, cache / "wide" / "soc", 50_000_000), cache / "programs")
