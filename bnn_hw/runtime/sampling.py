"""Power over a stretch of time, sampled beside the work (Python 3.8)."""

import threading
import time
from typing import Callable, List, NamedTuple, Optional

from bnn_hw.runtime.errors import AcceleratorError, MeterError
from bnn_hw.runtime.meters import Meter

INTERVAL_SECONDS = 0.05


class Power(NamedTuple):
    """Mean, least and greatest power in watts of a number of samples."""

    mean_w: float
    least_w: float
    greatest_w: float
    samples: int


def sample_during(meter: Meter, work: Callable[[], None], interval_s: float = INTERVAL_SECONDS) -> Power:
    """Read the meter while ``work`` runs; MeterError, after the work's end, where it went silent."""
    readings: List[float] = []
    failures: List[AcceleratorError] = []
    stop = threading.Event()

    def sample() -> None:
        while True:
            try:
                readings.append(meter.watts())
            except AcceleratorError as error:
                failures.append(error)
                return
            if stop.wait(interval_s):
                return

    thread = threading.Thread(target=sample, name="power-meter", daemon=True)
    thread.start()
    try:
        work()
    finally:
        stop.set()
        thread.join(timeout=10.0)
    if failures:
        raise failures[0]
    if thread.is_alive() or not readings:
        raise MeterError(meter.source, "gave no reading", "check the meter")
    return Power(sum(readings) / len(readings), min(readings), max(readings), len(readings))


def for_seconds(seconds: float, step: Optional[Callable[[], None]] = None) -> Callable[[], None]:
    """Return work that repeats ``step`` for some seconds, or only waits."""

    def work() -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if step is None:
                time.sleep(min(0.05, max(0.0, end - time.monotonic())))
            else:
                step()

    return work
