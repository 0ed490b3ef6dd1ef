"""Exact times of a chain of stages: first-frame latency, steady-state interval, buffer depths.

Each stage becomes elementary units (:mod:`bnn_hw.plan.units`) with links between
them. Starting from the earliest conceivable times, all relations are applied
again and again until nothing changes: the times then are those of the hardware
that is given pictures without a pause and whose results are taken at once.

Why the interval is the bound: if some schedule that repeats every P cycles
satisfies all relations, the hardware, which does everything as early as it can,
is never behind it. :func:`required_depths` constructs such a schedule for P = the
bound, with pictures arriving at an even pace, and returns the buffer depths it uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bnn_hw.pipeline import latency
from bnn_hw.pipeline.stages import (
    Align,
    Converter,
    Fifo,
    Mvtu,
    Pool,
    Scores,
    Split,
    Stage,
    ThresholdUnit,
    Window,
)
from bnn_hw.plan.units import (
    NEVER_BLOCKED,
    FifoRam,
    Filter,
    FullWindow,
    Gather,
    Pieces,
    Pipeline,
    Ranking,
    Ring,
    Scatter,
    Skid,
    Times,
    Unit,
    in_order,
    per_frame,
)

UNLIMITED = 1 << 30
MAX_SWEEPS = 20_000


def mvtu_registers(stage: Mvtu) -> int:
    """Registers between the input of an MVTU and the skid buffer at its output."""
    return latency.stage_cycles(stage) - latency.SKID_CYCLES


def _converter(channels: int, pixels: int, lanes_in: int, lanes_out: int) -> list[Unit]:
    group = latency.converter_group(channels, lanes_in, lanes_out)
    gathered, scattered = -(-group // lanes_in), -(-group // lanes_out)
    beats_in, beats_out = (pixels * -(-channels // lanes) for lanes in (lanes_in, lanes_out))
    units: list[Unit] = []
    groups = beats_in // gathered
    if gathered > 1:
        units.append(Gather(groups, gathered))
    if scattered > 1:
        units.append(Scatter(groups * scattered, scattered))
    skid_first = lanes_in <= lanes_out
    return [Skid(beats_in), *units] if skid_first else [*units, Skid(beats_out)]


def _pool_ends(stage: Pool) -> np.ndarray:
    """Input beats that complete a pool, in order."""
    source = stage.input
    beats = np.arange(source.beats_per_frame).reshape(source.height, source.groups_per_row, -1)
    rows = stage.kernel[0]
    columns = stage.kernel[1] if source.pixels == 1 else 1
    kept = beats[: stage.output.height * rows, : stage.output.groups_per_row * columns]
    return kept[rows - 1 :: rows, columns - 1 :: columns].reshape(-1)


def _ring(stage: Window, frames: int, depth: int) -> Ring:
    source, words = stage.input, stage.input.beats_per_pixel
    top, left = stage.padding[:2]
    out_y, out_x, ky, kx, chunk = np.ogrid[
        : stage.output.height, : stage.output.width, : stage.kernel[0], : stage.kernel[1], :words
    ]
    y, x = out_y * stage.stride[0] + ky - top, out_x * stage.stride[1] + kx - left
    number = (y * source.width + x) * words + chunk
    inside = (y >= 0) & (y < source.height) & (x >= 0) & (x < source.width)
    windows = stage.output.height * stage.output.width
    one_pass = np.where(inside, number, -1).reshape(windows, 1, -1)
    need = np.repeat(one_pass, stage.replay, axis=1).reshape(-1)
    starts: np.ndarray = number[:, :, 0, 0, 0].reshape(-1)
    frame = source.beats_per_frame
    return Ring(
        need=per_frame(need, frames, frame),
        last_read=(np.arange(windows * frames) + 1) * (len(need) // windows) - 1,
        starts=(starts[None, :] + frame * np.arange(frames)[:, None]).reshape(-1),
        depth=depth,
    )


def _split_counts(stage: Split) -> np.ndarray:
    """Output beats of each input beat of a frame."""
    source, pieces = stage.input, stage.input.pixels // stage.output.pixels
    first = source.skip // stage.output.pixels
    piece = np.arange(source.groups_per_row * pieces)
    kept = (piece >= first) & (piece < first + stage.output.groups_per_row)
    return np.tile(kept.reshape(-1, pieces).sum(axis=1), source.height)


def _rows(gathered: int, scattered: int, rows: int) -> list[Unit]:
    """bnn_split of whole rows."""
    gather: list[Unit] = [Gather(rows, gathered)] if gathered > 1 else []
    scatter: list[Unit] = [Scatter(rows * scattered, scattered)] if scattered > 1 else []
    return [*gather, *scatter, Skid(rows * scattered)]


def _window_of_pixels(stage: Window, frames: int) -> list[Unit]:
    """Full window of several pixels a beat: places are beats."""
    source, output = stage.input, stage.output
    beats = np.arange(source.groups).reshape(source.height, source.groups_per_row)
    completes = np.full(beats.shape, -1)
    left = source.groups_per_row - output.groups_per_row
    windows = np.arange(output.groups).reshape(output.height, -1)
    completes[source.height - output.height :, left:] = windows
    core = FullWindow(
        per_frame(beats.reshape(-1), frames, source.groups),
        per_frame(completes.reshape(-1), frames, output.groups),
        stage.replay,
    )
    return [Skid(source.groups * frames), core]


def _full_window(stage: Window, frames: int) -> list[Unit]:
    if stage.input.pixels > 1:
        return _window_of_pixels(stage, frames)
    top, left, bottom, right = stage.padding
    height, width = stage.input.height, stage.input.width
    pixel = np.full((height + top + bottom, width + left + right), -1)
    pixel[top : top + height, left : left + width] = np.arange(height * width).reshape(height, width)
    completes = np.full(pixel.shape, -1)
    rows, columns = stage.output.height, stage.output.width
    last_y = np.arange(rows) * stage.stride[0] + stage.kernel[0] - 1
    last_x = np.arange(columns) * stage.stride[1] + stage.kernel[1] - 1
    completes[np.ix_(last_y, last_x)] = np.arange(rows * columns).reshape(rows, columns)
    core = FullWindow(
        per_frame(pixel.reshape(-1), frames, height * width),
        per_frame(completes.reshape(-1), frames, rows * columns),
        stage.replay,
    )
    return [Skid(height * width * frames), core]


def units_of(stage: Stage, frames: int, unlimited: bool = False) -> list[Unit]:
    """Elementary units of a stage for a number of frames; unlimited: rings and FIFOs never full."""
    pixels = stage.input.groups * frames
    beats_out = stage.output.beats_per_frame * frames
    if isinstance(stage, Window):
        if stage.full:
            return _full_window(stage, frames)
        return [_ring(stage, frames, UNLIMITED if unlimited else stage.depth_words)]
    if isinstance(stage, Mvtu):
        return [Pipeline(beats_out, mvtu_registers(stage), stage.synapse_fold)]
    if isinstance(stage, ThresholdUnit):
        return [Pipeline(beats_out, latency.THRESHOLD_CYCLES - latency.SKID_CYCLES, 1)]
    if isinstance(stage, Converter):
        return _converter(stage.input.channels, pixels, stage.input.lanes, stage.output.lanes)
    if isinstance(stage, Align):
        return [Pipeline(beats_out, latency.ALIGN_CYCLES - latency.SKID_CYCLES, 1)]
    if isinstance(stage, Split) and stage.by_rows:
        return _rows(stage.input.groups_per_row, stage.output.groups_per_row, stage.output.height * frames)
    if isinstance(stage, Split):
        return [Pieces(np.tile(_split_counts(stage), frames)), Skid(beats_out)]
    if isinstance(stage, Fifo):
        if stage.depth <= 2:
            return [Skid(beats_out)]
        return [FifoRam(beats_out, UNLIMITED if unlimited else stage.depth)]
    if isinstance(stage, Pool):
        return [Filter(per_frame(_pool_ends(stage), frames, stage.input.beats_per_frame))]
    assert isinstance(stage, Scores)
    units = _converter(stage.classes, pixels, stage.input.lanes, 1) if stage.input.lanes > 1 else []
    return [*units, Ranking(beats_out, stage.classes)]


@dataclass
class Timing:
    """Times of all links; ``links[i]`` is the input of ``units[i]``, the last one the result."""

    units: list[Unit]
    links: list[Times]
    frames: int
    sweeps: int

    def starts(self) -> np.ndarray:
        """Cycle in which the first beat of each frame is taken."""
        return self.links[0].reshape(self.frames, -1)[:, 0]

    def ends(self) -> np.ndarray:
        """Cycle in which the last result word of each frame is taken."""
        return self.links[-1].reshape(self.frames, -1)[:, -1]


def simulate(stages: Sequence[Stage], frames: int) -> Timing:
    """Times of ``frames`` pictures back to back, with the stages' real buffer depths.

    Raises RuntimeError if the times do not settle in MAX_SWEEPS sweeps.
    """
    units = [unit for stage in stages for unit in units_of(stage, frames)]
    inputs = np.arange(stages[0].input.beats_per_frame * frames)
    links = _forward(units, inputs)
    for sweep in range(1, MAX_SWEEPS + 1):
        changed = False
        # Forwards and backwards in turn: a delay runs through the whole chain in one sweep.
        order = range(len(links)) if sweep % 2 else range(len(links) - 1, -1, -1)
        for index in order:
            earliest = links[index]
            if index:
                earliest = np.maximum(earliest, units[index - 1].offer(links[index - 1], earliest))
            if index < len(units):
                earliest = np.maximum(earliest, units[index].ready(links[index], links[index + 1]))
            times = in_order(earliest)
            if not np.array_equal(times, links[index]):
                links[index], changed = times, True
        if not changed:
            return Timing(units, links, frames, sweep)
    raise RuntimeError(f"event times did not settle in {MAX_SWEEPS} sweeps")


def _forward(units: Sequence[Unit], inputs: Times) -> list[Times]:
    """Times of all links when no unit is ever held up by the next one."""
    links = [inputs]
    for unit in units:
        links.append(in_order(unit.offer(links[-1], np.full(unit.outputs, NEVER_BLOCKED))))
    return links


def latency_cycles(stages: Sequence[Stage]) -> int:
    """Cycles from the first picture's first beat to its last result word, both taken.

    The pipeline is fresh from the reset and the picture comes at full rate.
    """
    timing = simulate(stages, 1)
    return int(timing.ends()[0] - timing.starts()[0])


def required_depths(stages: Sequence[Stage], interval: int) -> dict[str, int]:
    """Depth of each buffer with which a frame every ``interval`` cycles is certain, by stage name.

    For a ring buffer its words, for a FIFO its beats, for a converter or split the beats that
    wait before it (a FIFO there must hold them). Pictures arrive at an even pace; no
    buffer is ever full; the greatest filling of each is what it needs.
    """
    frames = 3
    beats = stages[0].input.beats_per_frame
    times = (np.arange(beats * frames) * interval) // beats
    depths: dict[str, int] = {}
    fifo, waiting_since = "", times
    for stage in stages:
        entered = times
        if isinstance(stage, Fifo):
            fifo, waiting_since = stage.name, times
        for unit in units_of(stage, frames, unlimited=True):
            free = np.full(unit.outputs, NEVER_BLOCKED)
            results = in_order(unit.offer(times, free))
            if isinstance(unit, Ring):
                depths[stage.name] = _ring_filling(unit, times, results)
            elif isinstance(unit, FullWindow) and fifo:
                depths[fifo] = _waiting(waiting_since, unit.shifts(times, free)[unit.real])
            elif isinstance(unit, Pieces):
                taken = unit.taken(times)
                depths[stage.name] = _waiting(times, taken) if (taken > times).any() else 0
            elif isinstance(unit, Scatter) and isinstance(stage, (Converter, Split)):
                # The group being gathered has a register of its own.
                gathered = len(entered) // len(times)
                waiting = _waiting(entered, in_order(times, unit.beats))
                depths[stage.name] = waiting - (gathered if gathered > 1 else 0)
            times = results
        if isinstance(stage, Window):
            fifo = ""
    return depths


def _ring_filling(unit: Ring, writes: Times, results: Times) -> int:
    """Most words from the start of the window being read to the last word written."""
    reads = results[unit.last_read] - 1
    done = np.searchsorted(reads, writes, side="left")
    words = np.arange(len(writes))
    starts = np.append(unit.starts, len(writes))
    return int((words + 1 - starts[done]).max())


def _waiting(arrivals: Times, leaving: Times) -> int:
    """Most beats that wait; ``leaving``: when each group of them is taken in by the unit behind."""
    group = len(arrivals) // len(leaving)
    done = np.searchsorted(leaving, arrivals, side="left") * group
    return int((np.arange(len(arrivals)) + 1 - done).max())
