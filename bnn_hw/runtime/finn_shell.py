"""FINN's shell: one DMA for pictures and one for answers, each with its own registers (Python 3.8).

Both are FINN's IODMA_hls. Its registers are those of Vitis HLS's ap_ctrl_hs (UG1399):
CONTROL has start (bit 0), done (bit 1, cleared by reading) and idle (bit 2), then follow
the 64-bit address of the memory and the number of frames. There is no reset, no
interrupt, no queue and no counter, and the answer is the class alone, without scores.

Offsets here are one space for the driver: windows of WINDOW_BYTES, in the order of
the manifest's ``windows``. They are bound by their names in PYNQ's ip_dict.
"""

from collections import deque
from typing import Any, Deque, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from bnn_hw.manifest import Manifest
from bnn_hw.runtime.clock import Words
from bnn_hw.runtime.device import Buffer, Device
from bnn_hw.runtime.engine import NO_ANSWER, SPIN_SECONDS, Engine
from bnn_hw.runtime.errors import JobError, PackageError, StallError, WrongHardwareError

KIND = "finn"
CONTROL, ADDRESS_LOW, ADDRESS_HIGH, FRAMES = 0x00, 0x10, 0x14, 0x1C
START, DONE, IDLE, READY = 1, 2, 4, 8
KNOWN_BITS = 0x29F  # the above, continue, auto_restart and interrupt; all others read zero
WINDOW_BYTES = 0x1_0000
INPUT, OUTPUT = 0, WINDOW_BYTES
MAX_FRAMES = 0x10000
RELOAD = "load the package again: FINN's shell has no reset, a loaded bit file is at rest"


class Waiting(NamedTuple):
    """A job that was handed over: memory addresses of pictures and answers."""

    ticket: int
    source: int
    target: int
    frames: int


class Windows(Words):
    """Several windows of registers as one space."""

    def __init__(self, windows: Sequence[Any]) -> None:
        self._windows = windows

    def read(self, offset: int) -> int:
        return int(self._windows[offset // WINDOW_BYTES].read(offset % WINDOW_BYTES))

    def write(self, offset: int, value: int) -> None:
        self._windows[offset // WINDOW_BYTES].write(offset % WINDOW_BYTES, value)


def bind(mmio: Any, ip_dict: Dict[str, Any], names: Sequence[str]) -> Words:
    """Return the registers of the named blocks; WrongHardwareError where the overlay lacks one.

    mmio: PYNQ's class of that name; ip_dict: of the overlay.
    """
    missing = [name for name in names if name not in ip_dict]
    if missing:
        cause = "has no {}; it has {}".format(", ".join(missing), ", ".join(ip_dict) or "none")
        raise WrongHardwareError("overlay", cause, "copy the whole package again")
    records = [ip_dict[name] for name in names]
    return Windows([mmio(record["phys_addr"], record["addr_range"]) for record in records])


class FinnShell(Engine):
    """Drives FINN's shell: one job at a time runs, the next waits here.

    result_bits: of the class within its result_stride bytes, little-endian.
    """

    queue_jobs = 2
    max_frames = MAX_FRAMES
    gives_scores = False

    def __init__(self, device: Device, manifest: Manifest) -> None:
        self.device, self.manifest = device, manifest
        self.timeout_s = 1.0
        settings = manifest.backend.settings
        try:
            self.frame_stride = int(settings["frame_bytes"])
            self.result_stride = int(settings["result_bytes"])
            self.result_bits = int(settings["result_bits"])
        except (KeyError, TypeError, ValueError) as error:
            place = "manifest.json, backend, settings"
            raise PackageError(place, "lack a field: {}".format(error), "make the package again") from error
        self._waiting: Deque[Waiting] = deque()
        self._running: Optional[Waiting] = None
        self._since = 0.0
        self._tickets = self._done = 0
        self._stuck = False

    # Identity

    def prepare(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        wanted = int(np.prod(self.manifest.input.shape))
        if self.frame_stride != wanted:
            cause = "takes {} bytes a picture, the manifest says {}".format(self.frame_stride, wanted)
            raise WrongHardwareError(self.device.name, cause, "copy the whole package again")
        for name, base in (("input", INPUT), ("output", OUTPUT)):
            word = self.device.read_register(base + CONTROL)
            if word & ~KNOWN_BITS or not word & IDLE or word & START:
                cause = "{} DMA reads 0x{:08X}, which no DMA at rest says".format(name, word)
                raise WrongHardwareError(self.device.name, cause, RELOAD)

    # Jobs

    def encode(self, images: np.ndarray, source: np.ndarray) -> None:
        rows = source[: len(images) * self.frame_stride].reshape(len(images), self.frame_stride)
        rows[:] = images.reshape(len(images), -1).view(np.uint8)

    def decode(self, target: np.ndarray, frames: int) -> Tuple[np.ndarray, np.ndarray]:
        rows = target[: frames * self.result_stride].reshape(frames, self.result_stride)
        values = np.zeros(frames, np.int64)
        for place in range(self.result_stride):
            values |= rows[:, place].astype(np.int64) << 8 * place
        winners = values & ((1 << self.result_bits) - 1)
        classes = len(self.manifest.output.classes)
        unwritten = (rows == NO_ANSWER).all(axis=1) & (self.result_bits < 8 * self.result_stride)
        wrong = np.flatnonzero(unwritten | (winners >= classes))
        if len(wrong):
            index = wrong[0]
            cause = "has the class {}, of {} classes".format(winners[index], classes)
            if unwritten[index]:
                cause = "was never written, though the job is done"
            remedy = "call again; if it stays, the memory port or its clock is at fault"
            raise JobError("result {}".format(index), cause, remedy, self.status())
        return np.zeros((frames, 0), np.int32), winners.astype(np.int32)

    def submit(self, source: Buffer, target: Buffer, frames: int) -> int:
        if self._stuck:
            self.reset()
        if not 1 <= frames <= self.max_frames:
            cause = "is not 1 to {}".format(self.max_frames)
            raise JobError("job of {} frames".format(frames), cause, "give smaller batches")
        target.array[: frames * self.result_stride] = NO_ANSWER
        target.flush(frames * self.result_stride)
        source.flush(frames * self.frame_stride)
        self._tickets += 1
        self._waiting.append(Waiting(self._tickets, source.address, target.address, frames))
        self._advance()
        return self._tickets

    def _advance(self) -> None:
        """Take note of a job that is done, and start the next."""
        if self._running is not None and self._at_rest():
            self._done, self._running = self._running.ticket, None
        if self._running is None and self._waiting:
            job = self._running = self._waiting.popleft()
            self._since = self.device.seconds()
            self._start(OUTPUT, job.target, job.frames)  # first, so that no answer waits for it
            self._start(INPUT, job.source, job.frames)

    def _start(self, base: int, address: int, frames: int) -> None:
        self.device.write_register(base + ADDRESS_LOW, address & 0xFFFF_FFFF)
        self.device.write_register(base + ADDRESS_HIGH, address >> 32)
        self.device.write_register(base + FRAMES, frames)
        self.device.write_register(base + CONTROL, START)

    def _at_rest(self) -> bool:
        """Tell whether both DMAs are idle. Done is cleared by whoever reads it; idle stays."""
        words = [self.device.read_register(base + CONTROL) for base in (OUTPUT, INPUT)]
        return all(word & (IDLE | START) == IDLE for word in words)

    def is_done(self, ticket: int) -> bool:
        self._advance()
        return self._done >= ticket

    def wait(self, ticket: int, expected_s: float) -> None:
        start = self.device.seconds()
        limit_s = self.timeout_s + 2 * expected_s  # nothing is seen of a job between its ends
        while not self.is_done(ticket):
            now = self.device.seconds()
            if now - max(self._since, start) > limit_s:
                self._stalled("no answer came within {:.3g} s".format(limit_s))
            short = expected_s <= SPIN_SECONDS and now - start <= SPIN_SECONDS
            self.device.wait(0.0 if short else min(max(expected_s / 20, 1e-4), 5e-3))

    def _stalled(self, cause: str) -> None:
        status = self.status()
        self._waiting.clear()
        self._stuck = True
        raise StallError(self.device.name, cause, RELOAD, status)

    def reset(self) -> None:
        """Drop what waits here and let the running job end; StallError where it does not."""
        self._waiting.clear()
        end = self.device.seconds() + (0.0 if self._stuck else self.timeout_s)
        while not self._at_rest():
            if self.device.seconds() > end:
                self._stalled("does not come to rest")
            self.device.wait(1e-4)
        self._running, self._stuck = None, False

    # What it tells

    def status(self) -> str:
        texts = []
        for name, base in (("input", INPUT), ("output", OUTPUT)):
            word = self.device.read_register(base + CONTROL)
            state = "idle" if word & IDLE else "busy"
            texts.append("{} DMA {} (0x{:02X})".format(name, state, word))
        jobs = "jobs handed over {}, done {}".format(self._tickets, self._done)
        return "\n".join([", ".join(texts), jobs])
