"""The clock as the accelerator counts it, against the time of the computer (Python 3.8)."""

from typing import NamedTuple, Optional

from bnn_hw.runtime.device import Device
from bnn_hw.runtime.engine import Engine
from bnn_hw.runtime.errors import ClockError

TOLERANCE = 0.01  # a wrong crystal is off by a third; the monotonic clock by parts per million
ATTEMPTS = 3


class Measured(NamedTuple):
    """Clock in Hz, and how far it may be off because reading takes time."""

    hz: float
    uncertainty_hz: float


def measure_clock(device: Device, engine: Engine, seconds: float) -> Optional[Measured]:
    """Count cycles over some seconds; None where cycles and time are not two independent things."""
    if not device.counts_cycles or device.kind != "board":
        return None
    first = _moment(device, engine)
    end = device.seconds() + seconds
    while device.seconds() < end:
        device.wait(end - device.seconds())
    last = _moment(device, engine)
    if first is None or last is None:
        return None
    elapsed = (last[0] + last[1] - first[0] - first[1]) / 2
    hz = (last[2] - first[2]) / elapsed
    spread = ((first[1] - first[0]) + (last[1] - last[0])) / 2
    return Measured(hz, hz * spread / elapsed)


def _moment(device: Device, engine: Engine) -> Optional[tuple]:
    """Time before and after a reading of the cycle counter, and the reading."""
    before = device.seconds()
    counters = engine.counters()
    return None if counters is None else (before, device.seconds(), counters.cycles)


def check_clock(device: Device, engine: Engine, wanted_hz: float, seconds: float = 0.02) -> None:
    """ClockError where the measured clock is off from what it should be by more than 1 %."""
    best: Optional[Measured] = None
    for _ in range(ATTEMPTS):  # another program may take the processor in the middle of a reading
        found = measure_clock(device, engine, seconds)
        if found is None or abs(found.hz - wanted_hz) <= TOLERANCE * wanted_hz + found.uncertainty_hz:
            return
        if best is None or found.uncertainty_hz < best.uncertainty_hz:
            best = found
    assert best is not None
    cause = "runs at {:.4g} MHz by the cycle counter, not at {:.4g} MHz".format(
        best.hz / 1e6, wanted_hz / 1e6
    )
    remedy = "check ps_crystal_hz of the board's file (33.333 or 50 MHz) and build for the right board"
    raise ClockError(device.name, cause, remedy)
