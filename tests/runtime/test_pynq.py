"""The real pynq reads the .hwh and .bit files, binds the accelerator and runs the driver.

Name Pythons that have pynq in BNN_HW_PYNQ_PYTHON, separated by colons.
"""

import json
import os
import re
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bnn_hw.package.write import write_package
from bnn_hw.sim.board import MemoryModel
from bnn_hw.soc import registers
from bnn_hw.synth.xc7 import bitfile
from tests.packages import DIGEST, bit_bytes, contents, make_package
from tests.runtime.finn_package import make_finn_package

HERE = Path(__file__).parent
PYTHONS = [item for item in os.environ.get("BNN_HW_PYNQ_PYTHON", "").split(":") if item]
HOW = (
    "no Python with pynq: make environments with Python 3.8 and 3.10, pip install 'pycparser<3' 'numpy<2' "
    "'setuptools<60', then pip install --no-build-isolation pynq==2.7.0 (3.8) or 3.0.1, 3.1.2 (3.10), and "
    "name their Pythons in BNN_HW_PYNQ_PYTHON"
)


@pytest.fixture(scope="module", params=PYTHONS or [None])
def python(request):
    if request.param is None:
        pytest.skip(HOW)
    return request.param


def run(python, package, crystal_hz, simulation=None, script="pynq_board.py"):
    """Run the stand-in board with this crystal; return the process. simulation: of the fabric, else numpy."""
    command = [python, str(HERE / script), str(package), str(crystal_hz)]
    command += [json.dumps(simulation)] if simulation else []
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)


def result_of(process):
    lines = [line for line in process.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, process.stdout + process.stderr
    return json.loads(lines[0].removeprefix("RESULT "))


def write_bit(path, digest):
    file = bitfile.make(f"small;Digest={digest}", "7z020clg400", np.zeros(16, np.uint32), datetime.now(UTC))
    bitfile.write(file, path)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")
    write_bit(folder / "x.bit", DIGEST)
    return make_package(folder, folder / "x.bit")


def test_pynq_reads_the_handoff_and_runs_the_golden_vectors(python, package):
    result = result_of(run(python, package, 50e6))
    assert result["vlnv"] == "bnn-hw.org:user:bnn_accelerator:1.0"
    assert (result["address"], result["range"]) == (0x43C0_0000, 0x1_0000)
    assert result["registers"] == {
        item.name: [item.offset, {field.name: [field.low, field.width] for field in item.fields}]
        for item in registers.REGISTERS
    }
    assert result["clock0"] == {"enable": 1, "divisor0": 10, "divisor1": 1}
    assert result["clock1"]["enable"] == 0
    assert result["magic"] == registers.MAGIC
    assert result["queue_jobs"] == registers.QUEUE_JOBS
    assert set(result["downloads"]) == {"small-pynq-z1.bit"}
    assert (result["design"], result["part"], result["length"]) == ("small", "7z020clg400", 64)
    assert result["ours"] == ["small", "7z020clg400", 64]
    assert result["port"] == [0xE, 0xE]  # 64 bits, the rest as it was
    assert result["golden"]
    assert result["gate"]
    assert result["clock_hz"] == pytest.approx(100e6)
    assert result["measured_hz"] == pytest.approx(100e6, rel=0.01)


def test_pynq_drives_the_verilated_board(python, built, tmp_path):
    """Overlay, MMIO and allocate of the real pynq against shell and core, cycle by cycle."""
    shell = built[1].shell
    file = bitfile.make(
        f"small;Digest={shell.digest}", "7z020clg400", np.zeros(16, np.uint32), datetime.now(UTC)
    )
    bitfile.write(file, tmp_path / "x.bit")
    folder = tmp_path / "small-pynq-z1"
    write_package(contents(tmp_path / "x.bit", digest=shell.digest), folder)
    program, model = str(built[1].program), asdict(MemoryModel())
    simulation = {"program": program, "folder": str(shell.folder), "model": model}
    result = result_of(run(python, folder, 50e6, simulation))
    assert result["golden"]
    assert result["gate"]
    assert result["magic"] == registers.MAGIC
    assert result["cycles"] > len(np.load(folder / "golden.npz")["raw"]) * contents().plan.interval_cycles


def test_a_board_with_another_crystal_than_the_package_says_is_refused(python, package):
    """By a crystal of 50 MHz the dividers give 100 MHz; the board's own makes two thirds of it."""
    process = run(python, package, 33_333_333)
    assert process.returncode != 0
    found = re.search(r"runs at ([0-9.]+) MHz by the cycle counter, not at 100 MHz", process.stderr)
    assert found, process.stderr
    assert 50 < float(found[1]) < 90  # a loaded computer measures loosely
    assert "check ps_crystal_hz" in process.stderr


def test_a_crystal_of_33_mhz_gives_the_clock_the_package_is_built_for(python, tmp_path):
    (tmp_path / "x.bit").write_bytes(bit_bytes())
    package = make_package(tmp_path, tmp_path / "x.bit", board="zybo-z7-20")
    result = result_of(run(python, package, 33_333_333))
    assert result["golden"]
    assert result["clock_hz"] == pytest.approx(100e6, rel=1e-4)


def test_a_package_for_another_part_is_refused_before_loading(python, tmp_path):
    (tmp_path / "x.bit").write_bytes(bit_bytes("7z010clg400"))
    package = make_package(tmp_path, tmp_path / "x.bit", board="zybo-z7-10")
    process = run(python, package, 33_333_333)
    assert process.returncode != 0
    assert "has a xc7z020, the package is made for" in process.stderr


def test_pynq_binds_finns_two_dmas_and_runs_the_golden_vectors(python, tmp_path):
    """A package built for 150 MHz: FCLK0 stays at 100 MHz, from which FINN's shell makes its clock."""
    package = make_finn_package(tmp_path, clock_hz=150_000_000)
    result = result_of(run(python, package, 50e6, script="pynq_finn.py"))
    assert set(result["downloads"]) == {"small-pynq-z1.bit"}
    assert result["golden"]
    assert result["gate"]
    assert result["reference_hz"] == pytest.approx(100e6)
    assert result["clock_hz"] == pytest.approx(150e6)
