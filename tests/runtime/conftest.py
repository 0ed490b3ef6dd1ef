from __future__ import annotations

import pytest

from bnn_hw import tools
from bnn_hw.errors import ToolError
from bnn_hw.package.write import write_package
from bnn_hw.rtl.emit import emit
from bnn_hw.sim.board import SimulatedBoard, build_board
from bnn_hw.simulated import SimulatedDevice
from bnn_hw.soc.emit import emit_shell
from tests.packages import contents, make_package, small_graph


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The folder of a package without a bit file."""
    return make_package(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Package folder and compiled simulation of the small network, laid out as a build does."""
    try:
        for tool in (tools.VERILATOR, tools.COMPILER, tools.MAKE):
            tools.find(tool)
    except ToolError as error:
        pytest.skip(f"no simulator here: {error}")
    folder = tmp_path_factory.mktemp("simulated")
    made = contents()
    core = emit(made.plan, small_graph(), folder / "rtl" / "core")
    shell = emit_shell(core, folder / "soc" / "soc", made.plan.clock_hz)
    package = folder / "package" / made.name
    write_package(contents(digest=shell.digest), package)
    return package, build_board(shell)


@pytest.fixture
def device(built):
    """A simulated board whose registers start with random contents."""
    made = SimulatedDevice(SimulatedBoard(built[1], seed_registers=7))
    yield made
    made.close()
