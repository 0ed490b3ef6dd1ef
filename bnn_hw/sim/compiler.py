"""Verilator and a C++ compiler: from SystemVerilog and a main program to an executable, kept by digest."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bnn_hw import tools
from bnn_hw.errors import ConfigError
from bnn_hw.folders import whole_folder

TIMEOUT_S = 3600
PROGRAM = "simulate"

# Unknown values are random in runs that ask for it, so nothing may rest on power-up contents.
VERILATOR_FLAGS = (
    "--cc",
    "--exe",
    "-O3",
    "--assert",
    "--x-assign",
    "fast",
    "--x-initial",
    "unique",
    "-Wno-fatal",
)
# Higher levels double the time to compile and simulate no faster.
OPT_FAST = "-O1"
OPT_ONCE = "-O0"  # code that runs once, and Verilator's runtime


@dataclass(frozen=True)
class ToolChain:
    """The tools that a simulation is built with."""

    verilator: tools.FoundTool
    compiler: tools.FoundTool
    make: tools.FoundTool

    @property
    def digest(self) -> str:
        """Stands for what Verilator's compiled runtime depends on."""
        names = (
            str(self.verilator.path),
            self.verilator.version_text,
            str(self.compiler.path),
            self.compiler.version_text,
            OPT_ONCE,
        )
        return hashlib.sha256("\0".join(names).encode()).hexdigest()[:12]


def find_chain() -> ToolChain:
    """Find the tools; ToolError when Verilator, make or a C++ compiler is missing."""
    return ToolChain(*(tools.find(tool) for tool in (tools.VERILATOR, tools.COMPILER, tools.MAKE)))


def digest(
    folder: Path, sources: Iterable[str], texts: Iterable[str], chain: ToolChain, optimise: str
) -> str:
    """Return what a program's folder is called: the digest of all it is made from.

    sources: files in ``folder``; the .svh files there count too. texts: what is
    compiled with them. Raises ConfigError when a source file is missing.
    """
    sha = hashlib.sha256(chain.digest.encode())
    for text in (*VERILATOR_FLAGS, optimise, OPT_ONCE, *texts):
        sha.update(text.encode() + b"\0")
    headers = (path.name for path in folder.glob("*.svh"))
    for path in sorted({*sources, *headers}):
        try:
            sha.update(path.encode() + b"\0" + (folder / path).read_bytes())
        except FileNotFoundError as err:
            raise ConfigError.at(
                folder / path, "is missing from the core", "make it again with bnn-hw generate"
            ) from err
    return sha.hexdigest()[:20]


def runtime_folder(cache: Path, chain: ToolChain, flags: Sequence[str] = ()) -> Path:
    """Where Verilator's own compiled runtime is kept; it depends on some flags."""
    kind = "_" + hashlib.sha256("\0".join(flags).encode()).hexdigest()[:8] if flags else ""
    return cache / f"runtime_{chain.digest}{kind}"


def compile_program(
    folder: Path,
    top: str,
    prefix: str,
    sources: Sequence[str | Path],
    scratch: Path,
    chain: ToolChain,
    cache: Path,
    timeout_s: float,
    optimise: str,
    flags: Sequence[str] = (),
) -> None:
    """Leave the program ``simulate`` in ``scratch``; takes 5 to 60 s.

    folder: where the tools run, to which relative names refer; prefix: of Verilator's
    C++ class; sources: SystemVerilog and C++, in order; cache: keeps Verilator's own
    compiled runtime and the logs; flags: more of Verilator's. Raises ToolError when a
    tool fails (its first error line is quoted).
    """
    tools.run(
        _verilate(top, prefix, [*flags, *sources], chain.verilator, scratch),
        what="verilator",
        log=cache / "verilator.log",
        cwd=folder,
        environment=chain.verilator.environment,
        timeout_s=timeout_s,
        error_pattern="%Error",
        remedy="this is a fault of the generated core; read the log",
        whole_stack=True,  # as Verilator's own wrapper does: large cores are deep trees
    )
    runtime = runtime_folder(cache, chain, flags)
    _take_runtime(runtime, scratch / "obj")
    tools.run(
        _compile(prefix, chain, optimise),
        what="compiling the simulation",
        log=cache / "make.log",
        cwd=scratch / "obj",
        environment=chain.verilator.environment,
        timeout_s=timeout_s,
        error_pattern=r"\berror\b|\*\*\*",
        remedy="read the log",
        check=(scratch / "obj" / PROGRAM).is_file,
    )
    _keep_runtime(runtime, scratch / "obj")
    shutil.move(scratch / "obj" / PROGRAM, scratch / PROGRAM)
    shutil.rmtree(scratch / "obj")


def _verilate(
    top: str, prefix: str, sources: Sequence[str | Path], verilator: tools.FoundTool, scratch: Path
) -> list[str | Path]:
    return [
        verilator.path,
        *VERILATOR_FLAGS,
        "--top-module",
        top,
        "--prefix",
        prefix,
        "--Mdir",
        scratch / "obj",
        "-I.",
        "-o",
        PROGRAM,
        "-CFLAGS",
        "-I..",
        *sources,
    ]


def _compile(prefix: str, chain: ToolChain, optimise: str) -> list[str | Path]:
    return [
        chain.make.path,
        "-f",
        f"{prefix}.mk",
        f"-j{os.cpu_count() or 1}",
        f"CXX={chain.compiler.path}",
        f"LINK={chain.compiler.path}",
        f"PYTHON3={sys.executable}",
        f"OPT_FAST={optimise}",
        f"OPT_SLOW={OPT_ONCE}",
        f"OPT_GLOBAL={OPT_ONCE}",
        # Precompiled headers of this Verilator fail with some releases of g++.
        "CFG_CXXFLAGS_PCH_I=-include",
        "CFG_GCH_IF_CLANG=",
    ]


def _take_runtime(runtime: Path, objects: Path) -> None:
    """Put Verilator's own compiled runtime in place, so that make need not compile it for every core."""
    for path in runtime.glob("verilated*.o"):
        shutil.copy(path, objects / path.name)


def _keep_runtime(runtime: Path, objects: Path) -> None:
    if runtime.exists():
        return
    with whole_folder(runtime) as scratch:
        for path in objects.glob("verilated*.o"):
            shutil.copy(path, scratch / path.name)
