"""Units for several pixels a beat: windows and the split to fewer, with places that mean nothing."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest

from bnn_hw.bits import pack_words
from bnn_hw.pipeline import latency
from tests.rtl.lib.bench import MODES, Bench, Dut, check

FRAMES = 4


def lay(maps: np.ndarray, pixels: int, skip: int, fill: np.ndarray | int) -> np.ndarray:
    """Put maps (frames, height, width, channels) on rows of whole beats: (..., places, channels)."""
    frames, height, width, channels = maps.shape
    places = -(-(skip + width) // pixels) * pixels
    rows = np.broadcast_to(fill, (frames, height, places, channels)).copy()
    rows[:, :, skip : skip + width] = maps
    return rows


def junk(rng: np.random.Generator, maps: np.ndarray, pixels: int, skip: int, high: int) -> np.ndarray:
    frames, height, width, channels = maps.shape
    places = -(-(skip + width) // pixels) * pixels
    return rng.integers(0, high, (frames, height, places, channels))


@dataclass(frozen=True)
class Shape:
    height: int
    width: int
    channels: int
    pixels: int
    skip: int = 0
    kernel: tuple[int, int] = (3, 3)
    replay: int = 1
    bits: int = 1

    @property
    def label(self) -> str:
        fields = (self.height, self.width, self.channels, self.pixels, self.skip, *self.kernel)
        return "_".join(map(str, (*fields, self.replay, self.bits)))

    @property
    def beats_in(self) -> int:
        return -(-(self.skip + self.width) // self.pixels)

    @property
    def dropped(self) -> int:
        return (self.skip + self.kernel[1] - 1) // self.pixels


def window_rows(shape: Shape, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Output beats (beats, values) of laid-out rows, and which of their values belong to a window."""
    rows_k, columns = shape.kernel
    seen = columns + shape.pixels - 1
    beats, meant = [], []
    for frame, y in product(range(len(rows)), range(rows_k - 1, shape.height)):
        for beat in range(shape.dropped, shape.beats_in):
            first = beat * shape.pixels - (columns - 1)  # place of the leftmost column
            values = np.zeros((rows_k, seen, shape.channels), int)
            marks = np.zeros((rows_k, seen, shape.channels), int)
            for p in range(shape.pixels):
                left = first + p
                if left < shape.skip or left + columns > shape.skip + shape.width:
                    continue
                values[:, p : p + columns] = rows[frame, y - rows_k + 1 : y + 1, left : left + columns]
                marks[:, p : p + columns] = 1
            beats += [values.reshape(-1)] * shape.replay
            meant += [marks.reshape(-1)] * shape.replay
    return np.array(beats), np.array(meant)


def window(shape: Shape) -> Dut:
    rng = np.random.default_rng(shape.width * 100 + shape.pixels)
    maps = rng.integers(0, 1 << shape.bits, (FRAMES, shape.height, shape.width, shape.channels))
    rows = lay(maps, shape.pixels, shape.skip, junk(rng, maps, shape.pixels, shape.skip, 1 << shape.bits))
    beats, meant = window_rows(shape, rows)
    parameters = {
        "BITS": shape.bits,
        "HEIGHT": shape.height,
        "WIDTH": shape.width,
        "CHANNELS": shape.channels,
        "PIXELS": shape.pixels,
        "SKIP": shape.skip,
        "KERNEL_H": shape.kernel[0],
        "KERNEL_W": shape.kernel[1],
        "REPLAY": shape.replay,
    }
    return Dut(
        f"window_pixels_{shape.label}",
        "window_pixels",
        parameters,
        shape.pixels * shape.channels * shape.bits,
        beats.shape[1] * shape.bits,
        pack_words(rows.reshape(-1, shape.pixels * shape.channels), shape.bits),
        pack_words(beats, shape.bits),
        mask=pack_words(meant * ((1 << shape.bits) - 1), shape.bits),
    )


def split(bits: int, height: int, width: int, skip: int, pixels: tuple[int, int]) -> Dut:
    rng = np.random.default_rng(width * 100 + skip)
    maps = rng.integers(0, 1 << bits, (FRAMES, height, width, 1))
    before, after = pixels
    rows = lay(maps, before, skip, junk(rng, maps, before, skip, 1 << bits))
    skipped = 0 if before % after else skip % after
    kept = lay(maps, after, skipped, 0).reshape(-1, after)
    marks = lay(np.full_like(maps, (1 << bits) - 1), after, skipped, 0).reshape(-1, after)
    parameters = {"BITS": bits, "WIDTH": width, "SKIP": skip, "PIXELS_IN": before, "PIXELS_OUT": after}
    return Dut(
        f"split_{bits}_{width}_{skip}_{before}_{after}",
        "split",
        parameters,
        before * bits,
        after * bits,
        pack_words(rows.reshape(-1, before), bits),
        pack_words(kept, bits),
        mask=pack_words(marks, bits),
    )


def align(bits: int, width: int, pixels: int, lead: int) -> Dut:
    rng = np.random.default_rng(width * 100 + pixels)
    maps = rng.integers(0, 1 << bits, (FRAMES, 3, width, 1))
    rows = lay(maps, pixels + lead, 0, junk(rng, maps, pixels + lead, 0, 1 << bits))
    beats, meant = [], []
    for row in maps.reshape(-1, width):
        for first in range(0, width - lead, pixels):
            cut = row[first : first + pixels + lead]
            beats.append(np.pad(cut, (0, pixels + lead - len(cut))))
            meant.append(np.pad(np.full(len(cut), (1 << bits) - 1), (0, pixels + lead - len(cut))))
    parameters = {"BITS": bits, "WIDTH": width, "PIXELS": pixels, "LEAD": lead}
    return Dut(
        f"align_{bits}_{width}_{pixels}_{lead}",
        "align",
        parameters,
        (pixels + lead) * bits,
        (pixels + lead) * bits,
        pack_words(rows.reshape(-1, pixels + lead), bits),
        pack_words(np.array(beats), bits),
        mask=pack_words(np.array(meant), bits),
    )


SHAPES = [
    Shape(5, 8, 3, 1),
    Shape(6, 8, 4, 2, replay=3),
    Shape(6, 9, 2, 2, skip=1, bits=8),
    Shape(5, 12, 3, 4, bits=8),
    Shape(5, 10, 4, 4, skip=2, replay=2),
    Shape(4, 32, 2, 8),
    Shape(4, 30, 1, 8, skip=2, kernel=(2, 3)),
    Shape(4, 13, 2, 8, skip=5, kernel=(3, 5), replay=2),
    Shape(5, 32, 1, 12, bits=3),
    Shape(4, 16, 2, 16, kernel=(2, 2)),
    Shape(4, 7, 2, 4, kernel=(1, 1), skip=1),
    Shape(3, 5, 2, 4, kernel=(3, 5), skip=3),
    Shape(5, 6, 1, 2, kernel=(3, 6)),
]
SPLITS = [
    (5, 3, 10, 2, (4, 1)),
    (3, 3, 12, 0, (4, 2)),
    (8, 2, 9, 3, (4, 2)),
    (2, 3, 5, 7, (8, 4)),
    (4, 3, 1, 1, (2, 1)),
    (1, 2, 29, 4, (12, 3)),
    (6, 4, 3, 6, (16, 1)),
    # rows cut anew
    (5, 3, 14, 1, (5, 2)),
    (2, 4, 10, 3, (6, 4)),
    (3, 3, 5, 2, (8, 3)),
    (4, 3, 3, 2, (5, 3)),
    (2, 5, 4, 2, (5, 4)),
]
ALIGNS = [align(8, 32, 10, 2), align(3, 20, 6, 2), align(1, 30, 14, 4), align(4, 9, 3, 1)]
WINDOWS = [(window(shape), shape) for shape in SHAPES]
SPLIT_DUTS = [split(*case) for case in SPLITS]
DUTS = [*(dut for dut, _ in WINDOWS), *SPLIT_DUTS, *ALIGNS]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(DUTS)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_streams(bench: Bench, mode):
    results = bench.run(mode)
    for dut in DUTS:
        check(dut, results[dut.name])


def test_a_window_beat_costs_its_replays_and_any_other_beat_one_cycle(bench: Bench):
    results = bench.run(MODES[0])
    for dut, shape in WINDOWS:
        made = (shape.height - shape.kernel[0] + 1) * (shape.beats_in - shape.dropped)
        cycles = made * shape.replay + shape.height * shape.beats_in - made
        ends = results[dut.name].out_cycles[made * shape.replay - 1 :: made * shape.replay]
        assert set(np.diff(ends)) == {cycles}, dut.name


def test_window_latency(bench: Bench):
    results = bench.run(MODES[0])
    for dut, shape in WINDOWS:
        result = results[dut.name]
        last = (shape.kernel[0] - 1) * shape.beats_in + shape.dropped
        waited = result.out_cycles[0] - result.in_cycles[last]
        assert waited == latency.WINDOW_FULL_CYCLES, dut.name


def test_split_gives_a_beat_a_cycle(bench: Bench):
    results = bench.run(MODES[0])
    for dut, (_, _, width, skip, (before, after)) in zip(SPLIT_DUTS, SPLITS, strict=True):
        result = results[dut.name]
        by_rows = before % after
        beats = -(-(skip + width) // before) if by_rows else 1
        waited = result.out_cycles[0] - result.in_cycles[beats - 1]
        made = (beats > 1) + (width > after) + latency.SKID_CYCLES
        assert waited == (made if by_rows else latency.SPLIT_CYCLES), dut.name
        if by_rows and width <= after and beats > 1:
            continue
        assert result.out_cycles[-1] - result.out_cycles[0] == len(dut.expected) - 1, dut.name


def test_align_gives_a_beat_a_cycle(bench: Bench):
    results = bench.run(MODES[0])
    for dut in ALIGNS:
        assert set(results[dut.name].out_cycles - results[dut.name].in_cycles) == {latency.ALIGN_CYCLES}
        assert set(np.diff(results[dut.name].in_cycles)) == {1}
