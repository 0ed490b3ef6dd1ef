"""The simulated board: an accelerator with its shell in Verilator, beside a model of port and memory.

Time is clock cycles. It passes while registers are accessed and in :meth:`SimulatedBoard.run`
and :meth:`SimulatedBoard.wait_interrupt`; memory is read and written in no time.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from bnn_hw import tools
from bnn_hw.errors import MismatchError, ToolError
from bnn_hw.folders import whole_folder
from bnn_hw.pipeline.shell import Shell
from bnn_hw.sim import compiler

SOURCES = tuple(Path(__file__).parent / name for name in ("board.cpp", "board.h", "board_memory.h"))
PREFIX = "Vbnn_accelerator"
SLVERR = 2
DECERR = 3


@dataclass(frozen=True)
class MemoryModel:
    """The memory behind the high-performance port, all times in clock cycles.

    read_latency: from a read burst to its first beat; write_latency: from a write
    burst's last beat to its answer; bandwidth_permille: of 8 bytes a cycle, reads and
    writes together; every refresh_interval cycles nothing moves for refresh_cycles;
    pause_permille: chance in each cycle that a channel that could move does not, drawn
    with seed; memory_base, memory_bytes: addresses that answer, others are decode
    errors; access_cycles: that pass after each register access besides its own.

    The defaults stand for a 16-bit DDR3 at 100 MHz fabric clock, as an assumption.
    """

    read_latency: int = 40
    write_latency: int = 20
    bandwidth_permille: int = 800
    refresh_interval: int = 780
    refresh_cycles: int = 35
    pause_permille: int = 0
    seed: int = 1
    memory_base: int = 0x10_0000
    memory_bytes: int = 0x1FF0_0000
    access_cycles: int = 100


@dataclass(frozen=True)
class BoardProgram:
    """A compiled simulation of an accelerator with its shell."""

    program: Path
    shell: Shell
    reused: bool


def build_board(
    shell: Shell,
    cache: Path | None = None,
    timeout_s: float = compiler.TIMEOUT_S,
    optimise: str = compiler.OPT_FAST,
) -> BoardProgram:
    """Return the compiled simulation of ``shell``, from ``cache`` if it is there.

    Takes 10 to 100 s the first time. Raises ToolError when Verilator, make or a C++
    compiler is missing or fails, ConfigError when a source file is missing.
    """
    cache = (cache or shell.folder.parent / "simulators").absolute()
    chain = compiler.find_chain()
    names = (*shell.simulation_sources, *shell.sources)
    texts = [path.read_text() for path in SOURCES]
    digest = compiler.digest(shell.folder, names, texts, chain, optimise)
    program = cache / digest / compiler.PROGRAM
    if program.is_file():
        return BoardProgram(program, shell, reused=True)
    with whole_folder(cache / digest) as scratch:
        for path in SOURCES:
            shutil.copy(path, scratch / path.name)
        # The package comes first: other files name what it holds.
        sources: list[str | Path] = [
            *shell.sources[:1],
            *shell.simulation_sources,
            *shell.sources[1:],
            scratch / SOURCES[0].name,
        ]
        compiler.compile_program(
            shell.folder, shell.accelerator, PREFIX, sources, scratch, chain, cache, timeout_s, optimise
        )
    return BoardProgram(program, shell, reused=False)


class SimulatedBoard:
    """One running simulation; a context manager that ends it.

    program: from :func:`build_board`; model: the memory. seed_registers: registers
    start with random contents drawn with it, None leaves them at zero. Not thread-safe.

    All methods raise MismatchError when the accelerator breaks a rule of AXI or an assertion
    of its own, ToolError when the simulation dies otherwise.
    """

    def __init__(
        self, program: BoardProgram, model: MemoryModel | None = None, seed_registers: int | None = None
    ) -> None:
        self.program = program
        self.shell = program.shell
        self.model = model or MemoryModel()
        self._cycle = 0
        command = [str(program.program)]
        if seed_registers is not None:
            command += ["+verilator+rand+reset+2", f"+verilator+seed+{seed_registers + 1}"]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            command,
            cwd=self.shell.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self._answer()
        for key, value in asdict(self.model).items():
            self.set(key, value)

    def __enter__(self) -> SimulatedBoard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the simulation; further calls fail."""
        if self._process.poll() is None:
            tools.stop_group(self._process)
        for stream in (self._process.stdin, self._process.stdout):
            # A command that the simulation died on is still in the buffer; closing sends it again.
            with contextlib.suppress(BrokenPipeError):
                if stream:
                    stream.close()
        self._process.wait()
        self._errors.close()

    @property
    def cycle(self) -> int:
        """Clock cycles since the reset after power-up."""
        return self._cycle

    def read_register(self, offset: int) -> int:
        """Read a word of the register map with a transaction on the general-purpose port."""
        return int(self._command(f"read {offset:x}")[0])

    def write_register(self, offset: int, value: int) -> None:
        """Write a word of the register map with a transaction on the general-purpose port."""
        self._command(f"write {offset:x} {value & 0xFFFF_FFFF:x}")

    def read_memory(self, address: int, size: int) -> bytes:
        """Return ``size`` bytes of the memory; what was never written is zero."""
        self._command(f"dump {address:x} {size:x}")
        return self._exactly(size)

    def write_memory(self, address: int, data: bytes) -> None:
        """Put bytes into the memory."""
        self._command(f"load {address:x} {len(data):x}", data)

    def run(self, cycles: int) -> None:
        """Let clock cycles pass."""
        self._command(f"run {cycles}")

    def wait_interrupt(self, limit_cycles: int) -> bool:
        """Let cycles pass until the interrupt is high, at most so many; tell whether it is."""
        return self._command(f"irq {limit_cycles}")[0] == "1"

    def burst(
        self,
        address: int,
        write: Sequence[int] | None = None,
        *,
        beats: int = 1,
        size: int = 2,
        kind: int = 1,
        strobes: int = 15,
        data_first: bool = False,
    ) -> tuple[int, list[int]]:
        """Do one AXI3 transaction on the general-purpose port as told; return response and words read.

        size: log2 of the bytes a beat; kind: 0 fixed, 1 incrementing, 2 wrapping;
        data_first: write data is offered before its address.
        """
        words = list(write or [])
        numbers = [int(write is not None), address, size, kind, strobes, int(data_first)]
        numbers += [len(words) if write is not None else beats, *words]
        answer = self._command("burst " + " ".join(f"{number:x}" for number in numbers))
        return int(answer[0]), [int(word) for word in answer[1:]]

    def set(self, name: str, value: int) -> None:
        """Change a field of the MemoryModel while it runs."""
        self._command(f"set {name} {value}")

    # Faults

    def stall_reads(self, stalled: bool = True) -> None:
        """The memory takes no read bursts and gives no data, until called with False."""
        self.set("stall_reads", int(stalled))

    def stall_writes(self, stalled: bool = True) -> None:
        """The memory takes no writes and confirms none, until called with False."""
        self.set("stall_writes", int(stalled))

    def hide_interrupt(self, hidden: bool = True) -> None:
        """The interrupt never reaches the processor, until called with False."""
        self.set("hide_irq", int(hidden))

    def fail_reads(self, first: int, size: int = 8, response: int = SLVERR) -> None:
        """Reads of these addresses are answered with an error."""
        self._command(f"bad read {first:x} {first + size - 1:x} {response:x}")

    def fail_writes(self, first: int, size: int = 8, response: int = SLVERR) -> None:
        """Writes to these addresses are answered with an error and change nothing."""
        self._command(f"bad write {first:x} {first + size - 1:x} {response:x}")

    def heal(self) -> None:
        """Take all injected faults away."""
        self._command("bad none")
        for name in ("stall_reads", "stall_writes", "hide_irq"):
            self.set(name, 0)

    @property
    def drained(self) -> bool:
        """Tell whether no transaction of the accelerator is open in the memory."""
        return self._command("drained")[0] == "1"

    # The pipe

    def _command(self, text: str, data: bytes = b"") -> list[str]:
        pipe = self._process.stdin
        assert pipe
        try:
            pipe.write(text.encode() + b"\n" + data)
            pipe.flush()
        except (BrokenPipeError, ValueError):
            self._explain("", "ended before")
        return self._answer()

    def _output(self) -> IO[bytes]:
        assert self._process.stdout
        return self._process.stdout

    def _answer(self) -> list[str]:
        """Read an answer; return its values without the cycle."""
        line = self._output().readline().decode(errors="replace").rstrip("\n")
        first, _, rest = line.partition(" ")
        if first != "ok":
            self._explain(line, "does not answer")
        *values, cycle = rest.split()
        self._cycle = int(cycle)
        return values

    def _exactly(self, size: int) -> bytes:
        data = self._output().read(size)
        if len(data) != size:
            self._explain("", "ended in mid-answer")
        return data

    def _explain(self, line: str, cause: str) -> None:
        """Raise the error that fits a simulation that did not answer as it should."""
        rest = line + "\n" + self._output().read().decode(errors="replace")
        self._process.wait(timeout=10)
        self._errors.seek(0)
        text = rest + self._errors.read()
        quoted = tools.first_error(text, r"Assertion failed|%Error|%Fatal|^error ")
        if line.startswith("error ") or "ssertion" in text or "%Error" in text:
            raise MismatchError.at(
                f"simulated board, cycle {self._cycle}",
                f"the hardware reports: {quoted}",
                "this is a fault of the generated accelerator; report it",
            )
        raise ToolError.at(
            "simulated board",
            f"{cause}: {quoted or self._process.returncode}",
            "check free memory and disk space",
        )
