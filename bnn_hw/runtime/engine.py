"""Engines: how pictures become jobs of one kind of accelerator (Python 3.8).

The driver above an engine is the same for every kind; the manifest's
``backend.kind`` chooses it. :class:`Shell` drives bnn_hw's own shell.
"""

import warnings
from abc import ABC, abstractmethod
from typing import NamedTuple, Optional, Tuple

import numpy as np

from bnn_hw.manifest import Manifest
from bnn_hw.runtime import registers as regs
from bnn_hw.runtime.device import Buffer, Device
from bnn_hw.runtime.errors import (
    AcceleratorError,
    BusError,
    ClockError,
    JobError,
    LostInterruptWarning,
    StallError,
    WrongHardwareError,
)

NO_ANSWER = 0xFF  # fills the memory of results before a job: no class has this number
SPIN_SECONDS = 2e-3  # shorter jobs are polled without sleeping: a sleep costs more than they last
JOB_DONE, IRQ_ERROR = 1, 2
SOFT_RESET, CLEAR_COUNTERS, SNAPSHOT = 1, 2, 4


class Counters(NamedTuple):
    """Counters of the hardware, in clock cycles where not frames; see the register map."""

    cycles: int
    busy_cycles: int
    stalled_in: int
    stalled_out: int
    frames_done: int
    first_to_last: int
    clocked_cycles: int


class Engine(ABC):
    """What the driver asks of an accelerator.

    frame_stride, result_stride: bytes of one picture and one result in memory;
    queue_jobs: jobs that may be open at once; max_frames: of a job; gives_scores: False
    where the hardware tells the class alone, scores then have no columns.
    """

    frame_stride: int
    result_stride: int
    queue_jobs: int = 1
    max_frames: int = 1
    gives_scores = True

    @abstractmethod
    def prepare(self, timeout_s: float) -> None:
        """Check that this is the manifest's accelerator and bring it to rest."""

    @abstractmethod
    def encode(self, images: np.ndarray, source: np.ndarray) -> None:
        """Lay pictures (frames, height, width, channels) into a job's memory, (bytes,) uint8."""

    @abstractmethod
    def decode(self, target: np.ndarray, frames: int) -> Tuple[np.ndarray, np.ndarray]:
        """Take integer scores (frames, classes) and winners (frames,) out of a job's memory."""

    @abstractmethod
    def submit(self, source: Buffer, target: Buffer, frames: int) -> int:
        """Queue a job and return its ticket; JobError if it is refused."""

    @abstractmethod
    def is_done(self, ticket: int) -> bool:
        """Tell whether a job's results are all in memory."""

    @abstractmethod
    def wait(self, ticket: int, expected_s: float) -> None:
        """Return when a job is done; BusError, StallError or JobError where it will never be."""

    @abstractmethod
    def reset(self) -> None:
        """Drop all jobs and bring the accelerator to rest; StallError if it does not come to rest."""

    @abstractmethod
    def status(self) -> str:
        """State of the hardware for a person."""

    def set_gate(self, gate: bool) -> None:  # noqa: B027
        """Stop the accelerator's clock between frames, where it can."""

    def counters(self) -> Optional[Counters]:
        """Read the counters in one moment; None where there are none."""
        return None

    def clear_counters(self) -> None:  # noqa: B027
        """Set the counters to zero."""


class Shell(Engine):
    """bnn_hw's own shell. lost_interrupts: how often a job was done and no interrupt told."""

    def __init__(self, device: Device, manifest: Manifest) -> None:
        self.device, self.manifest = device, manifest
        self.timeout_s = 1.0
        self.lost_interrupts = 0
        self._tickets = 0
        self._gate: Optional[bool] = None

    def read(self, name: str, field: Optional[str] = None) -> int:
        """Read a register, or one of its fields, by its name."""
        register = regs.REGISTERS[name]
        value = self.device.read_register(register.offset)
        return register.fields[field].get(value) if field else value

    def write(self, name: str, value: int) -> None:
        """Write a register by its name."""
        self.device.write_register(regs.REGISTERS[name].offset, value)

    # Identity

    def prepare(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._check_identity()
        self.frame_stride, self.result_stride = self.read("FRAME_STRIDE"), self.read("RESULT_STRIDE")
        self.queue_jobs, self.max_frames = max(1, self.read("FEATURES", "QUEUE_JOBS")), regs.MAX_FRAMES
        self.words, self.frame_bytes = self.read("RESULT_WORDS"), self.read("FRAME_BYTES")
        self._check_sizes()
        # The shell's own time-out comes first, because only it knows who did not move.
        self.write("TIMEOUT", max(1, min(0xFFFF_FFFF, int(timeout_s / 2 * self.manifest.clock_hz))))
        self.reset()
        self.write("IRQ_STATUS", 0xFFFF_FFFF)
        self.write("IRQ_ENABLE", JOB_DONE | IRQ_ERROR)
        self.set_gate(False)

    def _check_identity(self) -> None:
        place, remedy = self.device.name, "load the package's own bit file; copy the whole package again"
        magic = self.read("MAGIC")
        if magic != regs.MAGIC:
            cause = "reads 0x{:08X} where the accelerator says 0x{:08X}".format(magic, regs.MAGIC)
            raise WrongHardwareError(place, cause, remedy)
        major = self.read("VERSION", "MAJOR")
        if major != regs.VERSION_MAJOR:
            cause = "has a register map of version {}, the driver one of version {}".format(
                major, regs.VERSION_MAJOR
            )
            raise WrongHardwareError(place, cause, "use the driver that came with the bit file")
        digest = "".join("{:08x}".format(self.read("BUILD_DIGEST_{}".format(i))) for i in range(4))
        if digest != self.manifest.digest:
            cause = "holds the build {}, the manifest is of {}".format(digest, self.manifest.digest)
            raise WrongHardwareError(place, cause, remedy)
        clock = self.read("CLOCK_HZ")
        if clock != self.manifest.clock_hz:
            cause = "is built for {:.6g} MHz, the manifest for {:.6g}".format(
                clock / 1e6, self.manifest.clock_hz / 1e6
            )
            raise ClockError(place, cause, remedy)

    def _check_sizes(self) -> None:
        wanted = (int(np.prod(self.manifest.input.shape)), len(self.manifest.output.classes) + 1)
        found = (self.frame_bytes, self.words)
        if found != wanted or self.frame_stride < found[0] or self.result_stride < 4 * found[1]:
            cause = "takes {} bytes and gives {} words a picture, the manifest says {} and {}".format(
                *found, *wanted
            )
            raise WrongHardwareError(self.device.name, cause, "copy the whole package again")

    # Jobs

    def encode(self, images: np.ndarray, source: np.ndarray) -> None:
        frames = len(images)
        rows = source[: frames * self.frame_stride].reshape(frames, self.frame_stride)
        rows[:, : self.frame_bytes] = images.reshape(frames, -1).view(np.uint8)

    def decode(self, target: np.ndarray, frames: int) -> Tuple[np.ndarray, np.ndarray]:
        words = target[: frames * self.result_stride].view(np.int32).reshape(frames, -1)
        scores, winners = words[:, : self.words - 1].copy(), words[:, self.words - 1].copy()
        wrong = np.flatnonzero((winners < 0) | (winners >= self.words - 1))
        if len(wrong):
            cause = "has the class {}, of {} classes".format(winners[wrong[0]], self.words - 1)
            if winners[wrong[0]] == -1:
                cause = "was never written, though the job is done"
            remedy = "call again; if it stays, the memory port or its clock is at fault"
            raise JobError("result {}".format(wrong[0]), cause, remedy, self.status())
        return scores, winners

    def submit(self, source: Buffer, target: Buffer, frames: int) -> int:
        target.array[: frames * self.result_stride] = NO_ANSWER
        target.flush(frames * self.result_stride)
        source.flush(frames * self.frame_stride)
        self.write("JOB_SOURCE", source.address)
        self.write("JOB_TARGET", target.address)
        self.write("JOB_FRAMES", frames)
        ticket = (self._tickets + 1) & 0xFFFF
        if self.read("JOBS_ACCEPTED") != ticket:
            self._raise_fault()
            code = regs.ERROR_CODES.get(self.read("ERROR", "CODE"))
            meaning = code.meaning if code else "unknown error"
            status = self.status()
            self.write("ERROR", 0xFF)
            raise JobError("job of {} frames".format(frames), "was refused: " + meaning, "call again", status)
        self._tickets = ticket
        return ticket

    def is_done(self, ticket: int) -> bool:
        return (self.read("JOBS_DONE") - ticket) & 0xFFFF < 0x8000

    def wait(self, ticket: int, expected_s: float) -> None:
        start = moved = self.device.seconds()
        progress = -1
        while True:
            self.write("IRQ_STATUS", JOB_DONE | IRQ_ERROR)
            if self.is_done(ticket):
                return
            self._raise_fault()
            self._check_own_jobs()
            now = self.device.seconds()
            told = self.device.wait(self._pause(now - start, expected_s))
            if not told and self.device.has_interrupt and self.is_done(ticket):
                self._interrupt_lost()
                return
            found = self._progress()
            if found != progress:
                progress, moved = found, self.device.seconds()
            elif self.device.seconds() - moved > self.timeout_s:
                self._stalled("no frame came out for {:g} s".format(self.timeout_s))

    def _pause(self, waited_s: float, expected_s: float) -> float:
        """How long to sleep between two looks, in seconds."""
        if self.device.has_interrupt and not self.lost_interrupts:  # a look now and then finds a lost one
            return min(max(2 * expected_s, 0.01), self.timeout_s / 4)
        if expected_s <= SPIN_SECONDS and waited_s <= SPIN_SECONDS:
            return 0.0
        return min(max(expected_s / 20, 1e-4), 5e-3)

    def _interrupt_lost(self) -> None:
        """From here on it looks often by itself, so that the next loss costs no time."""
        self.lost_interrupts += 1
        if self.lost_interrupts == 1:
            text = "{}: a job was done but no interrupt came; going on by looking at the registers"
            warnings.warn(text.format(self.device.name), LostInterruptWarning, stacklevel=2)

    def _progress(self) -> int:
        self.write("CONTROL", SNAPSHOT)
        return self.read("FRAMES_DONE") << 16 | self.read("JOBS_DONE")

    def _check_own_jobs(self) -> None:
        """JobError where the jobs are gone because somebody else reset the accelerator."""
        accepted = self.read("JOBS_ACCEPTED")
        if accepted == self._tickets:
            return
        status, queued = self.status(), self._tickets
        self.reset()
        cause = "knows {} jobs where {} were queued: something else reset it".format(accepted, queued)
        raise JobError(self.device.name, cause, "end the other program; call again", status)

    def _stalled(self, cause: str) -> None:
        status = self.status()
        self.reset()
        remedy = (
            "call again; with other work on the memory give a longer timeout_s; else load the bit file anew"
        )
        raise StallError(self.device.name, cause, remedy, status)

    def _raise_fault(self) -> None:
        """Turn a fault of the shell into an error, after a reset that makes the next call work."""
        if not self.read("STATUS", "FAULT"):
            return
        code, address = self.read("ERROR", "CODE"), self.read("ERROR_ADDRESS")
        status = self.status()
        self.reset()
        raise _fault_error(self.device.name, code, address, status)

    def reset(self) -> None:
        self._tickets = 0
        self.write("CONTROL", SOFT_RESET)
        end = self.device.seconds() + self.timeout_s
        while self.read("STATUS", "RESETTING"):
            if self.device.seconds() > end:
                remedy = "load the bit file anew; restart the board if that fails too"
                cause = "does not come to rest within {:g} s of a soft reset".format(self.timeout_s)
                raise StallError(self.device.name, cause, remedy, self.status())
            self.device.wait(1e-4)

    def set_gate(self, gate: bool) -> None:
        if gate != self._gate:
            self.write("MODE", int(gate))
            self._gate = gate

    # What it tells

    def status(self) -> str:
        word = self.read("STATUS")
        fields = regs.REGISTERS["STATUS"].fields
        flags = [n for n, f in fields.items() if f.width == 1 and f.get(word)]
        counts = ["{} {}".format(n, f.get(word)) for n, f in fields.items() if f.width > 1]
        code = regs.ERROR_CODES.get(self.read("ERROR", "CODE"))
        error = "{} ({})".format(code.name, code.meaning) if code else "unknown"
        return "\n".join(
            [
                "{}; {}".format(", ".join(flags) or "at rest", ", ".join(counts)),
                "error {} at 0x{:08X}".format(error, self.read("ERROR_ADDRESS")),
                "jobs accepted {}, done {}".format(self.read("JOBS_ACCEPTED"), self.read("JOBS_DONE")),
            ]
        )

    def counters(self) -> Optional[Counters]:
        self.write("CONTROL", SNAPSHOT)
        names = ("BUSY_CYCLES", "STALLED_IN", "STALLED_OUT", "FRAMES_DONE", "FIRST_TO_LAST", "CLOCKED_CYCLES")
        cycles = self.read("CYCLES_HIGH") << 32 | self.read("CYCLES_LOW")
        return Counters(cycles, *(self.read(name) for name in names))

    def clear_counters(self) -> None:
        self.write("CONTROL", CLEAR_COUNTERS)


def _fault_error(place: str, number: int, address: int, status: str) -> AcceleratorError:
    code = regs.ERROR_CODES.get(number)
    cause = code.meaning if code else "stopped with the unknown error {}".format(number)
    name = code.name if code else ""
    if name.endswith("ERR"):
        cause += " at address 0x{:08X}".format(address)
        return BusError(place, cause, "call again; if it stays, restart the board", status)
    if name.endswith("TIMEOUT"):
        remedy = "call again; with other work on the memory give a longer timeout_s"
        return StallError(place, cause, remedy, status)
    return JobError(place, cause, "call again; if it stays, load the bit file anew", status)
