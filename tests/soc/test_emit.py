"""The accelerator's folder: complete, its digest, what is refused; tools read it."""

from __future__ import annotations

import dataclasses
import importlib.util
import subprocess
import sys

import pytest

from bnn_hw.errors import ConfigError, ModelError
from bnn_hw.ir import BIPOLAR
from bnn_hw.pipeline import shell as shell_record
from bnn_hw.pipeline.stages import Stream
from bnn_hw.soc.emit import LIBRARY, check_core, emit_shell
from tests.rtl.lib.bench import run_verilator
from tests.soc.cores import write_core


@pytest.fixture
def core(tmp_path):
    return write_core(tmp_path / "core", 4, 3, 3, 2)


def test_folder_is_complete_and_its_record_is_read_back(core, tmp_path):
    shell = emit_shell(core, tmp_path / "soc", 100_000_000)
    assert shell_record.load(tmp_path / "soc") == shell
    listed = (tmp_path / "soc" / "files.f").read_text().split()
    assert listed == [*shell.sources, "bnn_zynq.sv"]
    assert all((tmp_path / "soc" / name).is_file() for name in listed)
    assert len(set(listed)) == len(listed)
    assert {path.name for path in LIBRARY.glob("*.sv")} <= set(listed)
    assert (shell.frame_bytes, shell.frame_stride) == (36, 40)
    assert (shell.result_words, shell.result_stride) == (3, 16)
    assert (tmp_path / "soc" / "REGISTERS.md").is_file()


def test_digest_changes_with_core_and_clock_and_with_nothing_else(core, tmp_path):
    first = emit_shell(core, tmp_path / "a", 100_000_000).digest
    assert emit_shell(core, tmp_path / "b", 100_000_000).digest == first
    assert emit_shell(core, tmp_path / "c", 50_000_000).digest != first
    source = core.folder / "bnn_core.sv"
    source.write_text(source.read_text() + "\n// changed\n")
    assert emit_shell(core, tmp_path / "d", 100_000_000).digest != first


def test_inputs_that_are_not_whole_bytes_are_refused(core):
    bits = dataclasses.replace(core, input=Stream(BIPOLAR, 4, 3, 3, 3))
    with pytest.raises(ModelError, match=r"input, which .* reads: the input is .*; the shell sends UINT8"):
        check_core(bits)
    odd = dataclasses.replace(core, input=dataclasses.replace(core.input, lanes=2))
    with pytest.raises(ModelError, match="24 beats of 2 bytes do not make a picture's 36 bytes"):
        check_core(odd)
    wide = dataclasses.replace(core, input=dataclasses.replace(core.input, pixels=2))
    with pytest.raises(
        ModelError, match=r"which \S+ reads: rows of 3 pixels do not fill beats of 2 pixels"
    ) as caught:
        check_core(wide)
    assert "so that the pixels of a beat divide a row of 3" in caught.value.faults[0].remedy


def test_missing_files_are_named(core, tmp_path):
    (core.folder / "bnn_core.sv").unlink()
    with pytest.raises(ConfigError, match=r"bnn_core\.sv: is missing from the core"):
        emit_shell(core, tmp_path / "soc", 100_000_000)
    assert not (tmp_path / "soc").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"format": "bnn_hw.shell/0"}', '{"format": "bnn_hw.shell/1"}'])
def test_damaged_record_is_refused(tmp_path, text):
    (tmp_path / "shell.json").write_text(text)
    with pytest.raises(ConfigError, match=r"shell.json: is no accelerator.*\n.*bnn-hw shell"):
        shell_record.load(tmp_path)


def test_shell_is_free_of_lint(core, tmp_path):
    shell = emit_shell(core, tmp_path / "soc", 100_000_000)
    units = [name for name in shell.sources if name not in ("bnn_core.sv", "bnn_accelerator.sv")]
    arguments = ["--lint-only", "-Wall", "-I.", "--top-module", "bnn_shell", *units]
    done = run_verilator(arguments, tmp_path / "soc")
    assert done.returncode == 0, done.stderr


ELABORATE = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for name in open("files.f").read().split():
    libyosys.run_pass("read_verilog -sv -defer -I. " + name, design)
libyosys.run_pass("read_verilog -lib +/xilinx/cells_sim.v +/xilinx/cells_xtra.v", design)
libyosys.run_pass("hierarchy -check -top bnn_zynq; proc; flatten; check -assert", design)
for kind, count in (("PS7", 1), ("BUFG", 1), ("BUFGCE", 1), ("$dlatch", 0)):
    libyosys.run_pass(f"select -assert-count {count} t:{kind}", design)
"""


@pytest.mark.skipif(not importlib.util.find_spec("pyosys"), reason="needs pyosys: pip install pyosys")
def test_yosys_elaborates_the_whole_with_one_processing_system_and_clock_gate(core, tmp_path):
    emit_shell(core, tmp_path / "soc", 100_000_000)
    done = subprocess.run(
        [sys.executable, "-c", ELABORATE], cwd=tmp_path / "soc", capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
