"""Skid buffer, FIFO and width converter: order, padding, rates, latency, resets."""

import numpy as np
import pytest

from bnn_hw.bits import pack_words
from bnn_hw.pipeline import latency
from tests.rtl.lib.bench import MODES, Bench, Dut, check


def random_words(seed: int, count: int, bits: int) -> list[int]:
    digits = np.random.default_rng(seed).integers(0, 2, (count, bits))
    return pack_words(digits, 1)


def skid(width: int) -> Dut:
    words = random_words(width, 200, width)
    return Dut(f"skid_{width}", "skid", {"WIDTH": width}, width, width, words, words)


def fifo(width: int, depth: int, style: str = "auto") -> Dut:
    words = random_words(depth, 300, width)
    parameters = {"WIDTH": width, "DEPTH": depth, "RAM_STYLE": style}
    return Dut(f"fifo_{depth}", "fifo", parameters, width, width, words, words)


def regroup(pixels: np.ndarray, lanes: int) -> np.ndarray:
    """Split (pixels, channels) into beats of ``lanes``, the last of a pixel filled up with zeros."""
    count, channels = pixels.shape
    beats = -(-channels // lanes)
    padded = np.zeros((count, beats * lanes), pixels.dtype)
    padded[:, :channels] = pixels
    return padded.reshape(count * beats, lanes)


def beside(beats: np.ndarray, parts: int, count: int) -> np.ndarray:
    """Beats with ``lanes`` values of each of ``count`` pixels, from beats of one pixel, ``parts`` a pixel."""
    lanes = beats.shape[1]
    return beats.reshape(-1, count, parts, lanes).swapaxes(1, 2).reshape(-1, count * lanes)


def converter(bits: int, channels: int, lanes_in: int, lanes_out: int, count: int = 1) -> Dut:
    """``count``: pixels a beat."""
    rng = np.random.default_rng(channels * lanes_in + lanes_out)
    pixels = rng.integers(0, 1 << bits, (60, channels))
    beats = regroup(pixels, lanes_in)
    fill = -channels % lanes_in
    if fill:  # what lies beyond a pixel must not matter
        last = beats.reshape(60, -1, lanes_in)[:, -1]
        last[:, lanes_in - fill :] = rng.integers(0, 1 << bits, (60, fill))
    parameters = {"BITS": bits, "CHANNELS": channels, "LANES_IN": lanes_in, "LANES_OUT": lanes_out}
    if count > 1:
        parameters["PIXELS"] = count
    words = [beside(beats, -(-channels // lanes_in), count)]
    words.append(beside(regroup(pixels, lanes_out), -(-channels // lanes_out), count))
    return Dut(
        f"converter_{bits}_{channels}_{lanes_in}_{lanes_out}_{count}",
        "converter",
        parameters,
        count * bits * lanes_in,
        count * bits * lanes_out,
        pack_words(words[0], bits),
        pack_words(words[1], bits),
    )


SKIDS = [skid(1), skid(7), skid(144)]
FIFOS = [
    fifo(5, 1),
    fifo(8, 2),
    fifo(9, 3),
    fifo(65, 17),
    fifo(16, 64, "distributed"),
    fifo(33, 100, "block"),
]
CONVERTERS = [
    converter(*case)
    for case in (
        (1, 16, 16, 16),
        (1, 64, 16, 32),
        (1, 64, 4, 64),
        (1, 64, 32, 8),
        (8, 3, 3, 1),
        (8, 3, 1, 3),
        (1, 48, 3, 2),
        (1, 16, 6, 16),
        (1, 16, 16, 5),
        (2, 10, 4, 3),
        (2, 10, 3, 4),
        (3, 5, 8, 6),
        (1, 96, 12, 8),
        (13, 4, 4, 1),
        (1, 16, 4, 16, 2),
        (2, 10, 4, 3, 4),
        (1, 64, 16, 32, 3),
        (3, 6, 6, 2, 2),
    )
]
DUTS = [*SKIDS, *FIFOS, *CONVERTERS]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(DUTS)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_streams(bench: Bench, mode):
    results = bench.run(mode)
    for dut in DUTS:
        check(dut, results[dut.name])


def test_latency(bench: Bench):
    results = bench.run(MODES[0])
    for dut in SKIDS:
        assert set(results[dut.name].out_cycles - results[dut.name].in_cycles) == {latency.SKID_CYCLES}
    for dut in FIFOS:
        result = results[dut.name]
        assert set(result.out_cycles - result.in_cycles) == {latency.fifo_cycles(dut.parameters["DEPTH"])}
    for dut in CONVERTERS:
        case = [dut.parameters[key] for key in ("CHANNELS", "LANES_IN", "LANES_OUT")]
        needed = -(-latency.converter_group(*case) // case[1])
        waited = results[dut.name].out_cycles[0] - results[dut.name].in_cycles[needed - 1]
        assert waited == latency.converter_cycles(*case), dut.name


def test_full_rate(bench: Bench):
    results = bench.run(MODES[0])
    for dut in [*SKIDS, *FIFOS]:
        cycles = results[dut.name].out_cycles
        assert cycles[-1] - cycles[0] == len(cycles) - 1, dut.name
    for dut in CONVERTERS:
        channels, lanes = (
            dut.parameters["CHANNELS"],
            (dut.parameters["LANES_IN"], dut.parameters["LANES_OUT"]),
        )
        per_pixel = max(-(-channels // lane) for lane in lanes)
        first_of_pixel = results[dut.name].out_cycles[:: -(-channels // lanes[1])]
        steady = first_of_pixel[2:-2]  # the first pixels fill the unit, the last ones drain it
        assert steady[-1] - steady[0] == per_pixel * (len(steady) - 1), dut.name
