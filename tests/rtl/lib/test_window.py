"""Sliding windows, folded and full-rate: order, padding, strides, replay, gap-free rate, latency."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest

from bnn_hw.bits import pack_words
from bnn_hw.pipeline import latency
from tests.rtl.lib.bench import MODES, Bench, Dut, Result, check

FRAMES = 5


@dataclass(frozen=True)
class Shape:
    """Parameters of a window; depth is given as a multiple of a window's span (0: the least allowed)."""

    height: int
    width: int
    channels: int
    kernel: tuple[int, int]
    simd: int = 0
    replay: int = 1
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    pad_value: int = 0
    bits: int = 1
    spans: int = 2
    style: str = "auto"

    @property
    def out(self) -> tuple[int, int]:
        top, left, bottom, right = self.padding
        return (
            (self.height + top + bottom - self.kernel[0]) // self.stride[0] + 1,
            (self.width + left + right - self.kernel[1]) // self.stride[1] + 1,
        )

    @property
    def padded_pixels(self) -> int:
        top, left, bottom, right = self.padding
        return (self.height + top + bottom) * (self.width + left + right)

    @property
    def depth(self) -> int:
        words = self.channels // self.simd
        span = ((self.kernel[0] - 1) * self.width + self.kernel[1]) * words
        return self.spans * span if self.spans else span + words

    @property
    def label(self) -> str:
        fields = (self.height, self.width, self.channels, *self.kernel, self.simd, self.replay)
        more = (*self.stride, *self.padding, self.bits, self.spans)
        return "_".join(map(str, (*fields, *more)))

    def parameters(self) -> dict:
        names = ("PAD_TOP", "PAD_LEFT", "PAD_BOTTOM", "PAD_RIGHT")
        return {
            "BITS": self.bits,
            "HEIGHT": self.height,
            "WIDTH": self.width,
            "CHANNELS": self.channels,
            "KERNEL_H": self.kernel[0],
            "KERNEL_W": self.kernel[1],
            "STRIDE_H": self.stride[0],
            "STRIDE_W": self.stride[1],
            **dict(zip(names, self.padding, strict=True)),
            "PAD_VALUE": self.pad_value,
            "REPLAY": self.replay,
        }


def cut_windows(shape: Shape, maps: np.ndarray) -> np.ndarray:
    """Return (frames * windows, kernel_h * kernel_w * channels), pixel by pixel."""
    top, left, _, _ = shape.padding
    rows = []
    for frame, oy, ox in product(range(len(maps)), range(shape.out[0]), range(shape.out[1])):
        window = []
        for ky, kx in product(range(shape.kernel[0]), range(shape.kernel[1])):
            y, x = oy * shape.stride[0] + ky - top, ox * shape.stride[1] + kx - left
            on_map = 0 <= y < shape.height and 0 <= x < shape.width
            window += list(maps[frame, y, x]) if on_map else [shape.pad_value] * shape.channels
        rows.append(window)
    return np.array(rows)


def dut(kind: str, shape: Shape) -> Dut:
    rng = np.random.default_rng(shape.height * 100 + shape.width)
    maps = rng.integers(0, 1 << shape.bits, (FRAMES, shape.height, shape.width, shape.channels))
    windows = cut_windows(shape, maps)
    full = kind == "window_full"
    lanes_in = shape.channels if full else shape.simd
    lanes_out = windows.shape[1] if full else shape.simd
    beats = np.repeat(windows[:, None], shape.replay, axis=1).reshape(-1, lanes_out)
    parameters = shape.parameters()
    if not full:
        parameters |= {"SIMD": shape.simd, "DEPTH": shape.depth, "RAM_STYLE": shape.style}
    return Dut(
        f"{kind}_{shape.label}",
        kind,
        parameters,
        lanes_in * shape.bits,
        lanes_out * shape.bits,
        pack_words(maps.reshape(-1, lanes_in), shape.bits),
        pack_words(beats, shape.bits),
    )


FOLDED = [
    Shape(6, 6, 16, (3, 3), simd=8),
    Shape(6, 6, 16, (3, 3), simd=16, replay=3, spans=0),
    Shape(6, 5, 4, (3, 3), simd=2, spans=0),
    Shape(5, 7, 2, (3, 3), simd=1, replay=2, style="block"),
    Shape(8, 7, 3, (3, 3), simd=3, bits=8, style="distributed"),
    Shape(4, 4, 8, (1, 1), simd=8),
    Shape(4, 5, 8, (1, 1), simd=4, replay=3, spans=0),
    Shape(5, 6, 4, (1, 1), simd=4, stride=(2, 2)),
    Shape(7, 8, 4, (3, 3), simd=2, stride=(2, 2)),
    Shape(6, 9, 2, (3, 3), simd=2, stride=(2, 3), spans=0),
    Shape(8, 7, 2, (2, 2), simd=2, stride=(3, 3)),
    Shape(5, 4, 4, (3, 3), simd=2, padding=(1, 1, 1, 1), pad_value=1),
    Shape(5, 6, 4, (3, 3), simd=4, padding=(1, 1, 1, 1), spans=0),
    Shape(6, 5, 2, (3, 3), simd=1, stride=(2, 2), padding=(1, 1, 1, 1), pad_value=77, bits=8),
    Shape(5, 5, 2, (2, 2), simd=2, stride=(2, 2), padding=(0, 0, 1, 1), pad_value=1),
    Shape(4, 7, 2, (2, 3), simd=1, stride=(1, 2), padding=(1, 0, 0, 2)),
    Shape(1, 1, 24, (1, 1), simd=4, replay=5),
    Shape(1, 1, 24, (1, 1), simd=3, spans=3),
    Shape(1, 1, 6, (1, 1), simd=6, replay=4),
    Shape(1, 1, 7, (1, 1), simd=1, spans=0),
    Shape(3, 2, 4, (3, 2), simd=2, replay=2),
    Shape(4, 3, 2, (2, 3), simd=1, replay=2),
    Shape(4, 3, 2, (4, 1), simd=2),
]
FULL = [
    Shape(6, 6, 4, (3, 3)),
    Shape(5, 7, 2, (3, 3), replay=3),
    Shape(4, 4, 3, (1, 1), bits=8),
    Shape(5, 6, 3, (1, 1), replay=2, stride=(2, 2)),
    Shape(7, 8, 2, (3, 3), stride=(2, 2)),
    Shape(8, 7, 2, (2, 2), stride=(3, 3), replay=2),
    Shape(5, 4, 2, (3, 3), padding=(1, 1, 1, 1), pad_value=1),
    Shape(6, 5, 1, (3, 2), stride=(2, 1), padding=(1, 0, 0, 1), pad_value=77, bits=8, replay=2),
    Shape(3, 3, 2, (3, 3)),
    Shape(1, 1, 24, (1, 1), replay=5),
    Shape(1, 1, 24, (1, 1)),
]
CASES = [(dut("window", s), s) for s in FOLDED] + [(dut("window_full", s), s) for s in FULL]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench([unit for unit, _ in CASES])


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_streams(bench: Bench, mode):
    results = bench.run(mode)
    for unit, shape in CASES:
        result = results[unit.name]
        if unit.kind == "window" and any(shape.padding):
            # The padding that a further frame would begin with comes without its pixels.
            surplus = result.words[len(unit.expected) :]
            assert set(surplus) <= {pad_word(shape)}, unit.name
            result = Result(result.words[: len(unit.expected)], result.in_cycles, result.out_cycles)
        check(unit, result)


def pad_word(shape: Shape) -> int:
    return pack_words(np.full((1, shape.simd), shape.pad_value), shape.bits)[0]


def frame_interval(unit: Dut, shape: Shape) -> int:
    """Cycles a frame that the unit's header promises when neither end ever waits."""
    beats = len(unit.expected) // FRAMES
    if unit.kind == "window":
        return max(beats, len(unit.inputs) // FRAMES)
    return beats + shape.padded_pixels - shape.out[0] * shape.out[1]


@pytest.mark.parametrize(
    ("unit", "shape"), [c for c in CASES if c[1].spans], ids=[u.name for u, s in CASES if s.spans]
)
def test_full_rate_is_the_bound(bench: Bench, unit, shape):
    per_frame = len(unit.expected) // FRAMES
    cycles = bench.run(MODES[0])[unit.name].out_cycles[: len(unit.expected)]
    last_of_frame = cycles[per_frame - 1 :: per_frame]
    assert set(np.diff(last_of_frame)[1:]) == {frame_interval(unit, shape)}


def test_no_gap_in_a_window_bound_stream(bench: Bench):
    results, checked = bench.run(MODES[0]), 0
    for unit, shape in CASES:
        per_frame = len(unit.expected) // FRAMES
        if unit.kind == "window" and shape.spans and per_frame >= 2 * len(unit.inputs) // FRAMES:
            cycles = results[unit.name].out_cycles[per_frame : len(unit.expected)]
            assert cycles[-1] - cycles[0] == len(cycles) - 1, unit.name
            checked += 1
    assert checked >= 6


def test_latency(bench: Bench):
    results = bench.run(MODES[0])
    for unit, shape in CASES:
        result = results[unit.name]
        if any(shape.padding):
            continue
        if unit.kind == "window":
            assert result.out_cycles[0] - result.in_cycles[0] == latency.WINDOW_CYCLES, unit.name
        else:
            last = (shape.kernel[0] - 1) * shape.width + shape.kernel[1] - 1
            assert result.out_cycles[0] - result.in_cycles[last] == latency.WINDOW_FULL_CYCLES, unit.name
