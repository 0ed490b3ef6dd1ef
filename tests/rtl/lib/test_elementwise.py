"""Threshold unit, max-pool and scores against numpy, with exact cycles."""

import numpy as np
import pytest

from bnn_hw.bits import hex_lines, pack_words
from bnn_hw.pipeline import latency
from tests.rtl.lib.bench import MODES, Bench, Dut, check
from tests.rtl.lib.test_buffers import regroup
from tests.rtl.lib.test_pixels import lay

FRAMES = 6


def threshold(bits: int, signed: bool, channels: int, lanes: int, count: int = 1) -> Dut:
    """``count``: pixels a beat."""
    rng = np.random.default_rng(bits * 10 + channels)
    low = -(1 << (bits - 1)) if signed else 0
    high = low + (1 << bits) - 1
    pixels = rng.integers(low, high + 1, (80, channels))
    limits = rng.integers(low, high + 2, channels)
    limits[0], limits[-1] = low, high + 1  # always, never
    limits[1 % channels] = pixels[0, 1 % channels]  # met exactly
    invert = rng.integers(0, 2, channels)
    fired = np.where(invert == 1, pixels < limits, pixels >= limits).astype(int)
    # Threshold in bits + 1 bits, above it the inversion.
    words = (limits & ((1 << (bits + 1)) - 1)) | invert << (bits + 1)
    name = f"threshold_{bits}_{signed}_{channels}_{lanes}_{count}"
    text = hex_lines(pack_words(regroup(words[None], lanes), bits + 2), lanes * (bits + 2))
    beats = side_by_side(pixels, count, lanes)
    meant = side_by_side(np.ones_like(pixels), count, lanes)
    parameters = {
        "IN_BITS": bits,
        "IN_SIGNED": int(signed),
        "CHANNELS": channels,
        "LANES": lanes,
        "THRESHOLD_FILE": f"{name}.hex",
        **({"PIXELS": count} if count > 1 else {}),
    }
    return Dut(
        name,
        "threshold",
        parameters,
        bits * lanes * count,
        lanes * count,
        pack_words(beats, bits),
        pack_words(side_by_side(fired, count, lanes), 1),
        mask=pack_words(meant, 1),
        files={f"{name}.hex": text},
    )


def pool(height: int, width: int, channels: int, lanes: int, kernel: tuple[int, int]) -> Dut:
    rng = np.random.default_rng(height * 100 + width)
    maps = (rng.random((FRAMES, height, width, channels)) < 0.2).astype(int)
    out_h, out_w = height // kernel[0], width // kernel[1]
    kept = maps[:, : out_h * kernel[0], : out_w * kernel[1]]
    tiles = kept.reshape(FRAMES, out_h, kernel[0], out_w, kernel[1], channels)
    parameters = {
        "HEIGHT": height,
        "WIDTH": width,
        "CHANNELS": channels,
        "LANES": lanes,
        "KERNEL_H": kernel[0],
        "KERNEL_W": kernel[1],
    }
    return Dut(
        f"pool_{height}_{width}_{channels}_{lanes}_{kernel[0]}_{kernel[1]}",
        "pool",
        parameters,
        lanes,
        lanes,
        pack_words(regroup(maps.reshape(-1, channels), lanes), 1),
        pack_words(regroup(tiles.max(axis=(2, 4)).reshape(-1, channels), lanes), 1),
    )


def side_by_side(pixels: np.ndarray, count: int, lanes: int) -> np.ndarray:
    """Beats of ``lanes`` values of each of ``count`` neighbouring pixels, from (pixels, channels)."""
    beats = regroup(pixels, lanes).reshape(len(pixels) // count, count, -1, lanes)
    return beats.swapaxes(1, 2).reshape(-1, count * lanes)


def pool_of_pixels(
    shape: tuple[int, int, int], lanes: int, kernel: tuple[int, int], pixels: int, skip: int
) -> Dut:
    rng = np.random.default_rng(shape[1] * 10 + pixels)
    height, width, channels = shape
    maps = (rng.random((FRAMES, *shape)) < 0.2).astype(int)
    out_h, out_w = height // kernel[0], width // kernel[1]
    kept = maps[:, : out_h * kernel[0], : out_w * kernel[1]]
    pools = kept.reshape(FRAMES, out_h, kernel[0], out_w, kernel[1], channels).max(axis=(2, 4))
    out = pixels // kernel[1], skip // kernel[1]
    rows = lay(maps, pixels, skip, rng.integers(0, 2, channels)).reshape(-1, channels)
    wanted = lay(pools, *out, 0).reshape(-1, channels)
    marks = lay(np.ones_like(pools), *out, 0).reshape(-1, channels)
    parameters = {
        **{"HEIGHT": height, "WIDTH": width, "CHANNELS": channels, "LANES": lanes},
        **{"KERNEL_H": kernel[0], "KERNEL_W": kernel[1], "PIXELS": pixels, "SKIP": skip},
    }
    return Dut(
        f"pool_{'_'.join(map(str, (*shape, lanes, *kernel, pixels, skip)))}",
        "pool",
        parameters,
        pixels * lanes,
        out[0] * lanes,
        pack_words(side_by_side(rows, pixels, lanes), 1),
        pack_words(side_by_side(wanted, out[0], lanes), 1),
        mask=pack_words(side_by_side(marks, out[0], lanes), 1),
    )


def scores(classes: int, lanes: int, bits: int) -> Dut:
    rng = np.random.default_rng(classes * 10 + lanes)
    frames = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (40, classes))
    frames[10:20] = rng.integers(-1, 2, (10, classes))  # many ties
    frames[20] = -(1 << (bits - 1))
    winners = frames.argmax(axis=1)
    words = np.concatenate([frames & 0xFFFFFFFF, (winners | 1 << 32)[:, None]], axis=1)
    return Dut(
        f"scores_{classes}_{lanes}_{bits}",
        "scores",
        {"CLASSES": classes, "LANES": lanes, "IN_BITS": bits},
        lanes * bits,
        33,
        pack_words(regroup(frames, lanes), bits),
        [int(word) for word in words.reshape(-1)],
        outputs=("out_data", "out_last"),
        port_bits=(32, 1),
    )


THRESHOLDS = [threshold(8, False, 3, 3), threshold(8, False, 1, 1), threshold(8, False, 3, 1)]
THRESHOLDS += [threshold(5, True, 10, 4), threshold(1, False, 4, 2), threshold(12, True, 6, 6)]
THRESHOLDS += [threshold(8, False, 3, 3, 4), threshold(4, True, 5, 2, 2)]
POOLS = [
    pool(8, 8, 16, 16, (2, 2)),
    pool(6, 4, 16, 4, (2, 2)),
    pool(7, 5, 10, 3, (2, 2)),
    pool(9, 7, 4, 4, (3, 2)),
    pool(5, 6, 3, 1, (2, 3)),
    pool(4, 4, 5, 5, (4, 4)),
    pool(3, 5, 4, 2, (1, 1)),
    pool(2, 9, 2, 2, (1, 2)),
]
PIXEL_POOLS = [
    pool_of_pixels((6, 8, 4), 4, (2, 2), 4, 0),
    pool_of_pixels((5, 9, 6), 4, (2, 2), 4, 2),
    pool_of_pixels((4, 13, 3), 2, (2, 2), 8, 6),
    pool_of_pixels((6, 10, 2), 2, (3, 3), 6, 3),
    pool_of_pixels((3, 5, 3), 3, (1, 2), 2, 0),
    pool_of_pixels((4, 7, 2), 1, (2, 1), 2, 1),
]
SCORES = [scores(4, 1, 11), scores(4, 4, 11), scores(10, 4, 9), scores(3, 2, 31), scores(4, 2, 8)]
SCORES += [scores(1, 1, 5), scores(2, 1, 2), scores(9, 1, 2)]
DUTS = [*THRESHOLDS, *POOLS, *PIXEL_POOLS, *SCORES]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(DUTS)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_streams(bench: Bench, mode):
    results = bench.run(mode)
    for dut in DUTS:
        check(dut, results[dut.name])


def test_thresholds_and_pools_take_a_beat_a_cycle(bench: Bench):
    results = bench.run(MODES[0])
    for dut in [*THRESHOLDS, *POOLS, *PIXEL_POOLS]:
        cycles = results[dut.name].in_cycles
        assert cycles[-1] - cycles[0] == len(cycles) - 1, dut.name


def test_latency(bench: Bench):
    results = bench.run(MODES[0])
    for dut in THRESHOLDS:
        result = results[dut.name]
        assert set(result.out_cycles - result.in_cycles) == {latency.THRESHOLD_CYCLES}, dut.name
    for dut in POOLS:
        p = dut.parameters
        beats = -(-p["CHANNELS"] // p["LANES"])
        last = ((p["KERNEL_H"] - 1) * p["WIDTH"] + p["KERNEL_W"] - 1) * beats
        result = results[dut.name]
        assert result.out_cycles[0] - result.in_cycles[last] == latency.POOL_CYCLES, dut.name
    for dut in SCORES:
        p, result = dut.parameters, results[dut.name]
        last = -(-p["CLASSES"] // p["LANES"]) - 1
        waited = result.out_cycles[p["CLASSES"]] - result.in_cycles[last]
        assert waited == latency.scores_cycles(p["CLASSES"], p["LANES"]), dut.name


def test_scores_interval_is_a_cycle_a_word(bench: Bench):
    results = bench.run(MODES[0])
    for dut in SCORES:
        ends = results[dut.name].out_cycles[dut.parameters["CLASSES"] :: dut.parameters["CLASSES"] + 1]
        assert set(np.diff(ends)[1:]) == {dut.parameters["CLASSES"] + 1}, dut.name
