"""Compile a core and the harness with Verilator; programs are kept by the digest of what they depend on."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from bnn_hw.folders import whole_folder
from bnn_hw.pipeline.core import Core
from bnn_hw.sim import compiler

HARNESS = Path(__file__).parent / "harness.cpp"
PREFIX = "Vbnn_core"
# Toggles of every net, however wide; parameters are none.
ACTIVITY_FLAGS = (
    *("--trace-saif", "--no-trace-params"),
    *("--trace-max-width", "1000000"),
    *("-CFLAGS", "-DBNN_SAIF"),
)


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
    core: Core,
    cache: Path | None = None,
    timeout_s: float = compiler.TIMEOUT_S,
    optimise: str = compiler.OPT_FAST,
    activity: bool = False,
) -> Simulator:
    """Return the compiled simulation of ``core``, from ``cache`` if it is there.

    optimise: the compiler's level for what runs every cycle. activity: its runs also
    count how often every net changes, which makes them slower.

    Takes 5 to 60 s the first time. Raises ToolError when Verilator, make or a
    C++ compiler is missing or fails (its first error line is quoted), ConfigError
    when a source file of the core is missing.
    """
    cache = (cache or default_cache(core.folder)).absolute()
    chain = compiler.find_chain()
    rules = (stage_table(core), access_rules(core))
    flags = ACTIVITY_FLAGS if activity else ()
    texts = [HARNESS.read_text(), *rules, *flags]
    digest = compiler.digest(core.folder, (*core.simulation_sources, *core.sources), texts, chain, optimise)
    program = cache / digest / compiler.PROGRAM
    if program.is_file():
        return Simulator(program, core, reused=True)
    with whole_folder(cache / digest) as scratch:
        (scratch / "stages.h").write_text(rules[0])
        (scratch / "access.vlt").write_text(rules[1])
        shutil.copy(HARNESS, scratch / HARNESS.name)
        sources: list[str | Path] = [scratch / "access.vlt", *core.simulation_sources, *core.sources]
        sources.append(scratch / HARNESS.name)
        compiler.compile_program(
            core.folder, core.top, PREFIX, sources, scratch, chain, cache, timeout_s, optimise, flags
        )
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
