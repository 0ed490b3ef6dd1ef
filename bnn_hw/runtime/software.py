"""The shell's registers and queue of jobs without hardware: numpy does the accelerator's work (Python 3.8).

Its answers are the accelerator's, bit by bit; its speed is this computer's and
says nothing about hardware, so the cycle counters read zero. Memory behaves as
on the board: what is not flushed the accelerator does not see.
"""

import threading
import time
from collections import deque
from typing import Deque, Dict, List, Optional, Tuple

import numpy as np

from bnn_hw.manifest import Manifest
from bnn_hw.runtime import registers as regs
from bnn_hw.runtime.device import Buffer, Device
from bnn_hw.runtime.network import Network

FIRST_ADDRESS = 0x1000_0000
ALIGNMENT = 64
CHUNK_FRAMES = 4
OFFSET = {name: item.offset for name, item in regs.REGISTERS.items()}
NAMES = {item.offset: name for name, item in regs.REGISTERS.items()}
CODES = {item.name: code for code, item in regs.ERROR_CODES.items()}
JOB_DONE, IRQ_ERROR, RESET_DONE = 1, 2, 4


class JobFaultError(Exception):
    """A job meets an error of the register ERROR, by its name."""

    def __init__(self, name: str, address: int = 0) -> None:
        super().__init__(name)
        self.name, self.address = name, address


class SoftwareBuffer(Buffer):
    """memory: what the accelerator sees, until flush and invalidate carry it over."""

    def __init__(self, device: "SoftwareDevice", address: int, size_bytes: int) -> None:
        self._device, self.address = device, address
        self.array = np.zeros(size_bytes, np.uint8)
        self.memory = np.zeros(size_bytes, np.uint8)

    def flush(self, size_bytes: int) -> None:
        self.memory[:size_bytes] = self.array[:size_bytes]

    def invalidate(self, size_bytes: int) -> None:
        self.array[:size_bytes] = self.memory[:size_bytes]

    def free(self) -> None:
        self._device.buffers.pop(self.address, None)


class SoftwareDevice(Device):
    """A thread takes the jobs in order, as the hardware does beside the processor.

    memory_bytes: what :meth:`allocate` gives out at most, in all.
    """

    name = "software"
    kind = "software"
    time_source = "monotonic clock of this computer (no hardware)"
    counts_cycles = False
    has_interrupt = True
    timeout_s = 60.0

    def __init__(self, manifest: Manifest, network: Network, memory_bytes: int = 128 << 20) -> None:
        self.network, self.memory_bytes = network, memory_bytes
        self.buffers: Dict[int, SoftwareBuffer] = {}
        self.frame_bytes = int(np.prod(manifest.input.shape))
        self.words = len(manifest.output.classes) + 1
        self._shape = manifest.input.shape
        self._signed = manifest.input.dtype.startswith("INT")
        self._values = {name: item.reset or 0 for name, item in regs.REGISTERS.items()}
        self._values.update(self._identity(manifest))
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._interrupt = threading.Condition(self._lock)
        self._jobs: Deque[Tuple[int, int, int]] = deque()
        self._running: Optional[int] = None  # epoch of the job under way
        self._epoch = 0  # grows with every reset: a job of an older one is dropped
        self._frames = 0
        self._closed = False
        self._thread: Optional[threading.Thread] = None

    def _identity(self, manifest: Manifest) -> Dict[str, int]:
        digest = {"BUILD_DIGEST_{}".format(i): int(manifest.digest[8 * i : 8 * i + 8], 16) for i in range(4)}
        return {
            **digest,
            "FRAME_BYTES": self.frame_bytes,
            "FRAME_STRIDE": -(-self.frame_bytes // 8) * 8,
            "RESULT_WORDS": self.words,
            "RESULT_STRIDE": -(-4 * self.words // 8) * 8,
            "FEATURES": regs.QUEUE_JOBS | 1 << 8,
            "CLOCK_HZ": manifest.clock_hz,
        }

    # Registers

    def read_register(self, offset: int) -> int:
        with self._lock:
            if offset == OFFSET["STATUS"]:
                return self._status()
            name = NAMES.get(offset)
            if name is None or regs.REGISTERS[name].access == "wo":
                return 0
            return self._values[name]

    def _status(self) -> int:
        open_jobs = self._open_jobs()
        fault = self._is_fault()
        full = open_jobs >= regs.QUEUE_JOBS
        flags = int(open_jobs > 0) | int(fault) << 1 | int(self._is_resetting()) << 2 | int(full) << 3
        return flags | 1 << 4 | open_jobs << 16

    def _open_jobs(self) -> int:
        return len(self._jobs) + (self._running == self._epoch)

    def _is_resetting(self) -> bool:
        """A reset waits for the job that was under way, as the shell does for its open bursts."""
        return self._running is not None and self._running != self._epoch

    def _is_fault(self) -> bool:
        return regs.ERROR_CODES[self._values["ERROR"]].fault

    def write_register(self, offset: int, value: int) -> None:
        name = NAMES.get(offset)
        if name is None:
            return
        with self._lock:
            if name == "CONTROL":
                self._control(value)
            elif name == "JOB_FRAMES":
                self._push(value)
            elif name == "IRQ_STATUS":
                self._values[name] &= ~value
            elif name == "ERROR":
                if not self._is_fault():
                    self._values["ERROR"] = self._values["ERROR_ADDRESS"] = 0
            elif regs.REGISTERS[name].access == "rw":
                self._values[name] = value & 0xFFFF_FFFF

    def _control(self, value: int) -> None:
        if value & 1:
            self._epoch += 1
            self._jobs.clear()
            for name in ("ERROR", "ERROR_ADDRESS", "JOBS_ACCEPTED", "JOBS_DONE"):
                self._values[name] = 0
            self._raise(RESET_DONE)
        if value & 2:
            self._frames = 0
        if value & 4:
            self._values["FRAMES_DONE"] = self._frames & 0xFFFF_FFFF

    def _push(self, frames: int) -> None:
        source, target = self._values["JOB_SOURCE"], self._values["JOB_TARGET"]
        odd = [a for a in (source, target) if a % regs.ALIGNMENT_BYTES]
        far = [a for a in (source, target) if a >= regs.MEMORY_BYTES]
        if self._is_fault() or self._is_resetting():
            self._error("NOT_READY", 0)
        elif self._open_jobs() >= regs.QUEUE_JOBS:
            self._error("QUEUE_OVERFLOW", 0)
        elif not 1 <= frames <= regs.MAX_FRAMES:
            self._error("FRAME_COUNT", 0)
        elif odd or far:
            self._error("MISALIGNED" if odd else "ADDRESS_RANGE", (odd or far)[0])
        else:
            self._values["JOBS_ACCEPTED"] = (self._values["JOBS_ACCEPTED"] + 1) & 0xFFFF
            self._jobs.append((source, target, frames))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="software-device", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def _error(self, name: str, address: int) -> None:
        """Keep the first error; a fault takes the place of a refusal."""
        code = CODES[name]
        first = self._values["ERROR"] == 0
        if first or (regs.ERROR_CODES[code].fault and not self._is_fault()):
            self._values["ERROR"], self._values["ERROR_ADDRESS"] = code, address
        self._raise(IRQ_ERROR)

    def _raise(self, cause: int) -> None:
        self._values["IRQ_STATUS"] |= cause
        self._interrupt.notify_all()

    # The accelerator

    def _work(self) -> None:
        while True:
            with self._lock:
                while not self._closed and (not self._jobs or self._is_fault()):
                    self._wake.wait()
                if self._closed:
                    return
                job, epoch = self._jobs.popleft(), self._epoch
                self._running = epoch
            fault: Optional[JobFaultError] = None
            try:
                self.run_job(*job, epoch=epoch)
            except JobFaultError as error:
                fault = error
            with self._lock:
                self._running = None
                if epoch != self._epoch:
                    continue
                if fault is not None:
                    self._jobs.clear()
                    self._error(fault.name, fault.address)
                else:
                    self._values["JOBS_DONE"] = (self._values["JOBS_DONE"] + 1) & 0xFFFF
                    self._raise(JOB_DONE)

    def is_current(self, epoch: int) -> bool:
        """Tell whether no reset came since a job began."""
        with self._lock:
            return epoch == self._epoch and not self._closed

    def run_job(self, source: int, target: int, frames: int, epoch: int) -> None:
        """Classify the pictures at ``source``, results to ``target``; JobFaultError where it fails."""
        stride, result = self._values["FRAME_STRIDE"], self._values["RESULT_STRIDE"]
        for start in range(0, frames, CHUNK_FRAMES):
            count = min(CHUNK_FRAMES, frames - start)
            raw = self._memory(source + start * stride, count * stride, "READ_DECERR")
            pixels = raw.reshape(count, stride)[:, : self.frame_bytes]
            pixels = pixels.view(np.int8) if self._signed else pixels
            scores, winners = self.network.classify(pixels.reshape((count, *self._shape)))
            answer = np.zeros((count, result // 4), np.int32)
            answer[:, : self.words - 1] = scores
            answer[:, self.words - 1] = winners
            if not self.is_current(epoch):
                return
            place = self._memory(target + start * result, count * result, "WRITE_DECERR")
            place[:] = answer.view(np.uint8).reshape(-1)
            with self._lock:
                self._frames += count

    def _memory(self, address: int, size: int, fault: str) -> np.ndarray:
        for start, item in list(self.buffers.items()):
            if start <= address and address + size <= start + len(item.memory):
                return item.memory[address - start : address - start + size]
        raise JobFaultError(fault, address)

    # Memory, time

    def allocate(self, size_bytes: int) -> Buffer:
        taken = sum(len(item.memory) for item in self.buffers.values())
        if taken + size_bytes > self.memory_bytes:
            raise MemoryError("{} of {} bytes are taken".format(taken, self.memory_bytes))
        ends: List[int] = [start + len(item.memory) for start, item in self.buffers.items()]
        address = -(-max([FIRST_ADDRESS, *ends]) // ALIGNMENT) * ALIGNMENT
        self.buffers[address] = SoftwareBuffer(self, address, size_bytes)
        return self.buffers[address]

    def _interrupted(self) -> bool:
        return bool(self._values["IRQ_STATUS"] & self._values["IRQ_ENABLE"])

    def wait(self, seconds: float) -> bool:
        with self._lock:
            return self._interrupt.wait_for(self._interrupted, timeout=max(seconds, 0.0))

    def seconds(self) -> float:
        return time.monotonic()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._jobs.clear()
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=5.0)
        self.buffers.clear()
