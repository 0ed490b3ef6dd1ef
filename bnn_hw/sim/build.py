"""Compile a core and the harness with Verilator; programs are kept by the digest of what they depend on."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bnn_hw import tools
from bnn_hw.errors import ConfigError
from bnn_hw.folders import whole_folder
from bnn_hw.pipeline.core import Core

HARNESS = Path(__file__).parent / "harness.cpp"
TIMEOUT_S = 900

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
class Simulator:
    """A compiled simulation of one core. The memory images are read when it runs, not when it is built."""

    program: Path
    core: Core
    reused: bool


def default_cache(folder: Path) -> Path:
    """Where simulations of the core in ``folder`` are kept unless the caller says otherwise."""
    return folder.parent / "simulators"


def build(
    core: Core, cache: Path | None = None, timeout_s: float = TIMEOUT_S, optimise: str = OPT_FAST
) -> Simulator:
    """Return the compiled simulation of ``core``, from ``cache`` if it is there.

    optimise: the compiler's level for what runs every cycle.

    Takes 5 to 60 s the first time. Raises ToolError when Verilator, make or a
    C++ compiler is missing or fails (its first error line is quoted), ConfigError
    when a source file of the core is missing.
    """
    cache = (cache or default_cache(core.folder)).absolute()
    verilator, compiler, make = (tools.find(t) for t in (tools.VERILATOR, tools.COMPILER, tools.MAKE))
    digest = _digest(core, verilator, compiler, optimise)
    program = cache / digest / "simulate"
    if program.is_file():
        return Simulator(program, core, reused=True)
    with whole_folder(cache / digest) as scratch:
        (scratch / "stages.h").write_text(stage_table(core))
        (scratch / "access.vlt").write_text(access_rules(core))
        shutil.copy(HARNESS, scratch / "harness.cpp")
        tools.run(
            _verilate(core, verilator, scratch),
            what="verilator",
            log=cache / "verilator.log",
            cwd=core.folder,
            environment=verilator.environment,
            timeout_s=timeout_s,
            error_pattern="%Error",
            remedy="this is a fault of the generated core; read the log",
        )
        runtime = cache / f"runtime_{_runtime_digest(verilator, compiler)}"
        _take_runtime(runtime, scratch / "obj")
        tools.run(
            _compile(make, compiler, optimise),
            what="compiling the simulation",
            log=cache / "make.log",
            cwd=scratch / "obj",
            environment=verilator.environment,
            timeout_s=timeout_s,
            error_pattern=r"\berror\b|\*\*\*",
            remedy="read the log",
            check=(scratch / "obj" / "simulate").is_file,
        )
        _keep_runtime(runtime, scratch / "obj")
        shutil.move(scratch / "obj" / "simulate", scratch / "simulate")
        shutil.rmtree(scratch / "obj")
    return Simulator(program, core, reused=False)


def stage_table(core: Core) -> str:
    """Return stages.h: one line a stream for the harness."""
    lines = ["#define BNN_CONFIG\n"] if core.config else []
    for stage in core.stages:
        width = _data_bits(core, stage.name)
        wires = ", ".join(_member(core.top, wire) for wire in (stage.valid, stage.ready, stage.data))
        lines.append(f'BNN_STAGE("{stage.name}", {wires}, {(width + 7) // 8})\n')
    return "".join(lines)


def access_rules(core: Core) -> str:
    """Return the Verilator configuration that lets the harness read every stream."""
    lines = ["`verilator_config\n"]
    for stage in core.stages:
        for wire in (stage.valid, stage.ready, stage.data):
            lines.append(f'public_flat_rd -module "{core.top}" -var "{wire}"\n')
    return "".join(lines)


def _data_bits(core: Core, name: str) -> int:
    return core.stage(name).output.width_bits


def _member(top: str, wire: str) -> str:
    """The C++ name Verilator gives a wire of the top module; it escapes double underscores."""
    return f"{top}__DOT__{wire.replace('__', '___05F')}"


def _verilate(core: Core, verilator: tools.FoundTool, scratch: Path) -> list[str | Path]:
    return [
        verilator.path,
        *VERILATOR_FLAGS,
        "--top-module",
        core.top,
        "--prefix",
        "Vbnn_core",
        "--Mdir",
        scratch / "obj",
        "-I.",
        "-o",
        "simulate",
        "-CFLAGS",
        "-I..",
        scratch / "access.vlt",
        *core.simulation_sources,
        *core.sources,
        scratch / "harness.cpp",
    ]


def _compile(make: tools.FoundTool, compiler: tools.FoundTool, optimise: str) -> list[str | Path]:
    return [
        make.path,
        "-f",
        "Vbnn_core.mk",
        f"-j{os.cpu_count() or 1}",
        f"CXX={compiler.path}",
        f"LINK={compiler.path}",
        f"PYTHON3={sys.executable}",
        f"OPT_FAST={optimise}",
        f"OPT_SLOW={OPT_ONCE}",
        f"OPT_GLOBAL={OPT_ONCE}",
        # Precompiled headers of this Verilator fail with some releases of g++.
        "CFG_CXXFLAGS_PCH_I=-include",
        "CFG_GCH_IF_CLANG=",
    ]


def _digest(core: Core, verilator: tools.FoundTool, compiler: tools.FoundTool, optimise: str) -> str:
    sha = hashlib.sha256()
    sha.update(_runtime_digest(verilator, compiler).encode())
    for text in (*VERILATOR_FLAGS, optimise, OPT_ONCE, stage_table(core), access_rules(core)):
        sha.update(text.encode() + b"\0")
    sha.update(HARNESS.read_bytes())
    headers = (path.name for path in core.folder.glob("*.svh"))
    for path in sorted({*core.simulation_sources, *core.sources, *headers}):
        try:
            sha.update(path.encode() + b"\0" + (core.folder / path).read_bytes())
        except FileNotFoundError as err:
            raise ConfigError.at(
                core.folder / path, "is missing from the core", "make it again with bnn-hw generate"
            ) from err
    return sha.hexdigest()[:20]


def _runtime_digest(verilator: tools.FoundTool, compiler: tools.FoundTool) -> str:
    names = (str(verilator.path), verilator.version_text, str(compiler.path), compiler.version_text, OPT_ONCE)
    return hashlib.sha256("\0".join(names).encode()).hexdigest()[:12]


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
