"""Test bench of the RTL library: several stream units in one Verilated model, any stimulus."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import bnn_hw
from bnn_hw import tools
from bnn_hw.bits import words_to_bytes
from bnn_hw.errors import ToolError

LIBRARY = Path(bnn_hw.__file__).parent / "rtl" / "lib"
HARNESS = Path(__file__).with_name("bench.cpp")
CACHE = Path(tempfile.gettempdir()) / f"bnn_hw_bench_{os.getuid()}"

Value = int | str


def run_verilator(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Verilator in ``folder``; skip the test where there is none."""
    try:
        found = tools.find(tools.VERILATOR)
    except ToolError as err:
        pytest.skip(str(err))
    return subprocess.run(
        [str(found.path), *arguments],
        cwd=folder,
        env=os.environ | found.environment,
        capture_output=True,
        text=True,
    )


def parameter_list(parameters: dict[str, Value]) -> str:
    """Return the text of a parameter assignment, strings quoted."""
    values = (
        f'.{name}("{value}")' if isinstance(value, str) else f".{name}({value})"
        for name, value in parameters.items()
    )
    return ", ".join(values)


@dataclass
class Dut:
    """One unit under test: module ``bnn_<kind>`` with its parameters and stream widths.

    inputs: the words of one stimulus; expected: the words that must come out;
    outputs: the ports that together are an output word, the first in the low bits;
    mask: bits of an output word that have a meaning, one entry a word or one for all;
    pins: further connections.
    """

    name: str
    kind: str
    parameters: dict[str, Value]
    in_bits: int
    out_bits: int
    inputs: list[int]
    expected: list[int]
    outputs: tuple[str, ...] = ("out_data",)
    port_bits: tuple[int, ...] = ()
    mask: list[int] | int | None = None
    files: dict[str, str] = field(default_factory=dict)
    pins: tuple[str, ...] = ()


@dataclass
class Result:
    """What came out: words, and the cycles in which words were accepted at either end."""

    words: list[int]
    in_cycles: np.ndarray
    out_cycles: np.ndarray


@dataclass(frozen=True)
class Mode:
    """Idle and stall probability in permille; ``reset`` makes a reset after a third of the output."""

    name: str
    idle: int = 0
    stall: int = 0
    reset: bool = False


MODES = (
    Mode("full_rate"),
    Mode("idle", idle=500),
    Mode("stall", stall=500),
    Mode("idle_and_stall", idle=400, stall=400),
    Mode("rare_stall", idle=50, stall=50),
    Mode("reset", idle=200, stall=200, reset=True),
)


def _wrapper(duts: list[Dut]) -> str:
    ports, instances = ["input logic clk"], []
    for i, dut in enumerate(duts):
        ports += [
            f"input logic rst_n_{i}, input logic in_valid_{i}, output logic in_ready_{i}",
            f"input logic [{dut.in_bits - 1}:0] in_data_{i}",
            f"output logic out_valid_{i}, input logic out_ready_{i}",
            f"output logic [{dut.out_bits - 1}:0] out_data_{i}",
        ]
        low, connections = 0, []
        for port, bits in zip(dut.outputs, dut.port_bits or (dut.out_bits,), strict=True):
            connections.append(f".{port}(out_data_{i}[{low} +: {bits}])")
            low += bits
        instances.append(
            f"  bnn_{dut.kind} #({parameter_list(dut.parameters)}) u_{i} (\n"
            f"    .clk, .rst_n(rst_n_{i}), .in_valid(in_valid_{i}), .in_ready(in_ready_{i}),\n"
            f"    .in_data(in_data_{i}), .out_valid(out_valid_{i}), .out_ready(out_ready_{i}),\n"
            f"    {', '.join([*connections, *dut.pins])});\n"
        )
    return f"module bench ({', '.join(ports)});\n{''.join(instances)}endmodule\n"


def _ports_header(duts: list[Dut]) -> str:
    rows = [
        f'    {{"{dut.name}", &t.rst_n_{i}, &t.in_valid_{i}, &t.in_ready_{i}, &t.out_valid_{i}, '
        f"&t.out_ready_{i}, &t.in_data_{i}, &t.out_data_{i}, "
        f"{(dut.in_bits + 7) // 8}, {(dut.out_bits + 7) // 8}}},\n"
        for i, dut in enumerate(duts)
    ]
    return (
        "struct Ports { const char* name; CData *rst_n, *in_valid, *in_ready, *out_valid, *out_ready; "
        "void *in_data, *out_data; long in_bytes, out_bytes; };\n"
        "inline std::vector<Ports> all_ports(Vbench& t) {\n  return {\n" + "".join(rows) + "  };\n}\n"
    )


class Bench:
    """A Verilated model of several units; equal sources are built once and kept in a temporary folder."""

    def __init__(self, duts: list[Dut]) -> None:
        self.duts = duts
        self._results: dict[Mode, dict[str, Result]] = {}
        sources = {
            "bench.sv": _wrapper(duts),
            "ports.h": _ports_header(duts),
            "bench.cpp": HARNESS.read_text(),
        }
        sources |= {path.name: path.read_text() for path in sorted(LIBRARY.glob("*.sv*"))}
        for dut in duts:
            sources |= dut.files
        digest = hashlib.sha256(repr(sorted(sources.items())).encode()).hexdigest()[:20]
        self.folder = CACHE / digest
        if not (self.folder / "complete").exists():
            self._build(sources)

    def _build(self, sources: dict[str, str]) -> None:
        CACHE.mkdir(exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=CACHE))
        for name, text in sources.items():
            (work / name).write_text(text)
        arguments = [
            *("--cc", "--exe", "--build", "-j", "2", "--assert", "-Wall", "-I."),
            *("-Wno-PINCONNECTEMPTY", "-Wno-MULTITOP", "--top-module", "bench", "-CFLAGS", "-I.. -O1"),
            *("-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include CFG_GCH_IF_CLANG= OPT_FAST=-O1 OPT_GLOBAL=-O1"),
            *("bench.sv", "bench.cpp"),
        ]
        done = run_verilator(arguments, work)
        assert done.returncode == 0, done.stdout + done.stderr
        (work / "complete").touch()
        try:
            work.rename(self.folder)
        except OSError:  # another process was first
            shutil.rmtree(work)

    def run(self, mode: Mode, seed: int = 1) -> dict[str, Result]:
        """Run all units in one mode; results by unit name. Repeated calls reuse the first."""
        if mode not in self._results:
            with tempfile.TemporaryDirectory() as scratch:
                self._results[mode] = self._run(mode, seed, Path(scratch))
        return self._results[mode]

    def _run(self, mode: Mode, seed: int, scratch: Path) -> dict[str, Result]:
        lines = []
        for i, dut in enumerate(self.duts):
            (scratch / f"{i}.words").write_bytes(words_to_bytes(dut.inputs, dut.in_bits))
            reset_after = max(1, len(dut.expected) // 3) if mode.reset else -1
            lines.append(
                f"{scratch}/{i}.words {len(dut.inputs)} {scratch}/{i} {len(dut.expected)} "
                f"{mode.idle} {mode.stall} {reset_after} {seed * 1000 + i}\n"
            )
        done = subprocess.run(
            [str(self.folder / "obj_dir" / "Vbench")],
            cwd=self.folder,
            input="".join(lines),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return {dut.name: self._read(scratch / str(i), dut) for i, dut in enumerate(self.duts)}

    @staticmethod
    def _read(stem: Path, dut: Dut) -> Result:
        size = (dut.out_bits + 7) // 8
        data = Path(f"{stem}.data").read_bytes()
        words = [int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size)]
        cycles = [
            np.frombuffer(Path(f"{stem}.{end}").read_bytes(), np.uint64).astype(int) for end in ("in", "out")
        ]
        return Result(words, *cycles)


def check(dut: Dut, result: Result) -> None:
    """Fail at the first word that differs from the expected one, or on a wrong number of words."""
    masks = dut.mask if isinstance(dut.mask, list) else [dut.mask] * len(dut.expected)
    for i, (got, want, mask) in enumerate(zip(result.words, dut.expected, masks, strict=False)):
        if mask is not None:
            got, want = got & mask, want & mask
        assert got == want, f"{dut.name}: word {i} is {got:x}, not {want:x}"
    assert len(result.words) == len(dut.expected), dut.name
