"""Batches under way: one runs, the next is laid into memory, the one before is read back (Python 3.8)."""

from collections import deque
from typing import Deque, Generator, Iterable, List, NamedTuple, Optional, Tuple

import numpy as np

from bnn_hw.runtime.device import Buffer, Device
from bnn_hw.runtime.engine import Engine
from bnn_hw.runtime.errors import MemoryShortError

Batch = Tuple[np.ndarray, np.ndarray]  # integer scores (frames, classes), winners (frames,)


class Slot(NamedTuple):
    """Memory of one job: its pictures and its results."""

    source: Buffer
    target: Buffer


class OpenJob(NamedTuple):
    """A job that was queued; expected_s: how long it should take."""

    slot: Slot
    ticket: int
    frames: int
    expected_s: float


class Batches:
    """The slots of memory and the jobs in them.

    frames: pictures a slot holds; frame_s: seconds a picture should take.
    """

    def __init__(self, device: Device, engine: Engine, frames: int, slots: int, frame_s: float) -> None:
        self.device, self.engine, self.frames, self.frame_s = device, engine, frames, frame_s
        self._all: List[Slot] = []
        self._open: Deque[OpenJob] = deque()
        try:
            for _ in range(slots):
                source = self._allocate(frames * engine.frame_stride, slots)
                try:
                    target = self._allocate(frames * engine.result_stride, slots)
                except BaseException:
                    source.free()
                    raise
                self._all.append(Slot(source, target))
        except BaseException:
            self.free()
            raise
        self._free = list(self._all)

    def _allocate(self, size_bytes: int, slots: int) -> Buffer:
        try:
            return self.device.allocate(size_bytes)
        except (MemoryError, RuntimeError, OSError) as error:
            cause = "{} bytes of contiguous memory cannot be had for batches of {} in {} slots: {}".format(
                size_bytes, self.frames, slots, error
            )
            remedy = "load with a smaller batch; end other programs (and notebooks) that hold buffers"
            raise MemoryShortError(self.device.name, cause, remedy) from error

    def run(self, chunks: Iterable[np.ndarray]) -> Generator[Batch, None, None]:
        """Yield the answers of each chunk of pictures, in order; a chunk has ``frames`` pictures at most.

        When the chunks end with an exception, the answers of those before come first.
        After any exception, a Ctrl-C among them, the accelerator is at rest and the
        next call works.
        """
        failure: Optional[Exception] = None
        source = iter(chunks)
        try:
            while True:
                try:
                    chunk = next(source)
                except StopIteration:
                    break
                except Exception as error:  # the pictures before it are still answered
                    failure = error
                    break
                if not self._free:
                    yield self._collect()
                self._submit(chunk)
                while self._open and self.engine.is_done(self._open[0].ticket):
                    yield self._collect()
            while self._open:
                yield self._collect()
        except BaseException:
            self._drop_quietly()
            raise
        if failure is not None:
            raise failure

    def _submit(self, images: np.ndarray) -> None:
        slot = self._free.pop()  # first, so that an interrupt anywhere below is known to leave a job
        self.engine.encode(images, slot.source.array)
        ticket = self.engine.submit(slot.source, slot.target, len(images))
        self._open.append(OpenJob(slot, ticket, len(images), len(images) * self.frame_s))

    def _collect(self) -> Batch:
        job = self._open[0]
        self.engine.wait(job.ticket, job.expected_s)
        job.slot.target.invalidate(job.frames * self.engine.result_stride)
        answer = self.engine.decode(job.slot.target.array, job.frames)
        self._open.popleft()
        self._free.append(job.slot)
        return answer

    def _drop_quietly(self) -> None:
        """Drop what is open after an error; that error counts, not one of a device that is gone."""
        if len(self._free) < len(self._all):
            try:
                self.drop()
            except Exception:
                return

    def drop(self) -> None:
        """Give up all open jobs; the accelerator no longer touches the memory when this returns."""
        self._open.clear()
        self._free = list(self._all)
        self.engine.reset()

    def free(self) -> None:
        """Give the memory back; a second call does nothing."""
        for slot in self._all:
            slot.source.free()
            slot.target.free()
        self._all, self._free = [], []
        self._open.clear()
