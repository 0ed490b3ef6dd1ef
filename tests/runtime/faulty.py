"""A software device whose memory, core, interrupt and reset can be made to fail."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from bnn_hw.runtime.network import load_network
from bnn_hw.runtime.opening import read_manifest
from bnn_hw.runtime.software import JobFaultError, SoftwareDevice


class FaultyDevice(SoftwareDevice):
    """faults: names of errors that the next jobs meet, one each, "" for none.

    hang: jobs never end until a reset; deaf: the interrupt is lost; stuck: a reset never
    ends; seconds_a_job: how long a job takes at least.
    """

    timeout_s = 0.3

    def __init__(self, folder: Path, **kwargs):
        super().__init__(read_manifest(folder), load_network(folder / "network"), **kwargs)
        self.faults: list[str] = []
        self.hang = self.deaf = self.stuck = False
        self.seconds_a_job = 0.0
        self.resets = 0
        self.most_open = 0
        self.unblock = threading.Event()

    def run_job(self, source, target, frames, epoch):
        time.sleep(self.seconds_a_job)
        while self.hang and self.is_current(epoch):
            time.sleep(0.001)
        if not self.is_current(epoch):
            return
        name = self.faults.pop(0) if self.faults else ""
        if name:
            raise JobFaultError(name, source if name.startswith("READ") else target)
        super().run_job(source, target, frames, epoch)

    def _interrupted(self):
        return not self.deaf and super()._interrupted()

    def _is_resetting(self):
        return self.stuck or super()._is_resetting()

    def _push(self, frames):
        super()._push(frames)
        self.most_open = max(self.most_open, self._open_jobs())

    def _control(self, value):
        self.resets += value & 1
        super()._control(value)
