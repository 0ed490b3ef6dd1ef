"""FINN's shell without hardware: the registers of its two DMAs, numpy for the network (Python 3.8).

As on the board a DMA moves only what was flushed, has no queue, and done is cleared by
reading it. An address outside the memory leaves it busy for ever: HLS ignores the
memory's errors, and a frame that never came is never answered.
"""

import threading
import time
from typing import Dict

import numpy as np

from bnn_hw.manifest import Manifest
from bnn_hw.runtime.finn_shell import (
    ADDRESS_HIGH,
    ADDRESS_LOW,
    CONTROL,
    DONE,
    FRAMES,
    IDLE,
    INPUT,
    OUTPUT,
    START,
    WINDOW_BYTES,
)
from bnn_hw.runtime.network import Network
from bnn_hw.runtime.software import CHUNK_FRAMES, JobFaultError, SoftwareDevice


class DmaRegisters:
    """Registers of one DMA. busy: from its start to its last frame."""

    def __init__(self) -> None:
        self.busy = self.done = False
        self._words: Dict[int, int] = {ADDRESS_LOW: 0, ADDRESS_HIGH: 0, FRAMES: 0}

    @property
    def address(self) -> int:
        return self._words[ADDRESS_HIGH] << 32 | self._words[ADDRESS_LOW]

    @property
    def frames(self) -> int:
        return self._words[FRAMES]

    def read(self, offset: int) -> int:
        if offset != CONTROL:
            return self._words.get(offset, 0)
        word = (DONE if self.done else 0) | (START if self.busy else IDLE)
        self.done = False
        return word

    def write(self, offset: int, value: int) -> None:
        if offset == CONTROL:
            self.busy = self.busy or bool(value & START)
        elif offset in self._words:
            self._words[offset] = value & 0xFFFF_FFFF

    def finish(self) -> None:
        self.busy, self.done = False, True


class FinnSoftwareDevice(SoftwareDevice):
    """A thread does the work of one job once both DMAs are started."""

    has_interrupt = False

    def __init__(self, manifest: Manifest, network: Network, memory_bytes: int = 128 << 20) -> None:
        super().__init__(manifest, network, memory_bytes)
        self.result_bytes = int(manifest.backend.settings["result_bytes"])
        self.input, self.output = DmaRegisters(), DmaRegisters()

    def _dma(self, offset: int) -> DmaRegisters:
        return {INPUT: self.input, OUTPUT: self.output}[offset // WINDOW_BYTES * WINDOW_BYTES]

    def read_register(self, offset: int) -> int:
        with self._lock:
            return self._dma(offset).read(offset % WINDOW_BYTES)

    def write_register(self, offset: int, value: int) -> None:
        with self._lock:
            self._dma(offset).write(offset % WINDOW_BYTES, value)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="finn-software", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def _work(self) -> None:
        while True:
            with self._lock:
                while not self._closed and not (self.input.busy and self.output.busy):
                    self._wake.wait()
                if self._closed:
                    return
            try:
                self.move(min(self.input.frames, self.output.frames))
            except JobFaultError:
                return
            with self._lock:
                self.input.finish()
                self.output.finish()

    def move(self, frames: int) -> None:
        """Classify the pictures at the input's address, classes to the output's; JobFaultError outside."""
        for start in range(0, frames, CHUNK_FRAMES):
            if self._closed:
                return
            count = min(CHUNK_FRAMES, frames - start)
            place = self.input.address + start * self.frame_bytes
            pixels = self._memory(place, count * self.frame_bytes, "READ_DECERR")
            pixels = pixels.view(np.int8) if self._signed else pixels
            _, winners = self.network.classify(pixels.reshape((count, *self._shape)))
            answer = winners.astype("<i8").view(np.uint8).reshape(count, 8)[:, : self.result_bytes]
            place = self.output.address + start * self.result_bytes
            self._memory(place, count * self.result_bytes, "WRITE_DECERR")[:] = answer.reshape(-1)

    def wait(self, seconds: float) -> bool:
        time.sleep(max(seconds, 0.0))
        return False
