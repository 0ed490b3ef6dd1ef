"""MVTU against numpy products: every kind of input, folding, extreme sums and thresholds, exact cycles."""

from dataclasses import dataclass

import numpy as np
import pytest

from bnn_hw.bits import hex_lines, pack_words
from bnn_hw.pipeline import latency
from tests.rtl.lib.bench import MODES, Bench, Dut, check

VECTORS = 24


@dataclass(frozen=True)
class Layer:
    """One MVTU: matrix size, folding, and the kind of its input and output."""

    mw: int
    mh: int
    pe: int
    simd: int
    bits: int = 1
    bipolar: bool = True
    signed: bool = False
    threshold: bool = True
    style: str = "logic"
    accumulate: str = "lut"
    cuts: tuple[int, int] = (0, 0)
    match: str = "lut"
    chains: bool = True
    runtime: bool = False
    pixels: int = 1
    rows: int = 1
    step: int = 1

    @property
    def seen(self) -> int:
        """Inputs a beat."""
        return self.simd + self.rows * (self.pixels - 1) * self.step

    fixed: bool = False

    @property
    def form(self) -> str:
        more = ("" if self.chains else "_free") + ("_loaded" if self.runtime else "")
        return f"{self.accumulate}_{self.match}{self.cuts[0]}{self.cuts[1]}{more}"

    @property
    def label(self) -> str:
        pixels = f"_{self.pixels}pixels" if self.pixels > 1 else ""
        kind = "bipolar" if self.bipolar else f"{'int' if self.signed else 'uint'}{self.bits}"
        end = "fixed" if self.fixed else "fire" if self.threshold else "sum"
        return (
            f"{kind}_{self.mw}x{self.mh}_pe{self.pe}_simd{self.simd}_{self.style}_{self.form}_{end}{pixels}"
        )

    @property
    def neuron_fold(self) -> int:
        return -(-self.mh // self.pe)

    @property
    def synapse_fold(self) -> int:
        return self.mw // self.simd


def make_inputs(layer: Layer, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random vectors, then some that match all weights of a neuron, and some that match none."""
    if layer.bipolar:
        random = rng.choice([-1, 1], (VECTORS - 8, layer.mw))
        low, high = -1, 1
    else:
        low = -(1 << (layer.bits - 1)) if layer.signed else 0
        high = low + (1 << layer.bits) - 1
        random = rng.integers(low, high + 1, (VECTORS - 8, layer.mw))
    chosen = weights[rng.integers(0, layer.mh, 4)]
    return np.concatenate([random, np.where(chosen > 0, high, low), np.where(chosen > 0, low, high)])


def beats_of(layer: Layer, vectors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Beats that hold one of the vectors each, at any of their pixels, and values of others around it."""
    if layer.pixels == 1:
        return vectors
    beats = rng.permuted(np.resize(vectors, (len(vectors), layer.seen)), axis=1)
    for number, vector in enumerate(vectors):
        place(layer, beats[number : number + 1], number % layer.pixels)[0] = vector.reshape(layer.rows, -1)
    return beats


def place(layer: Layer, beats: np.ndarray, pixel: int) -> np.ndarray:
    """The vector of one pixel in each beat, a view (beats, rows, values of a row)."""
    rows = beats.reshape(len(beats), layer.rows, -1)
    return rows[:, :, pixel * layer.step : pixel * layer.step + layer.mw // layer.rows]


def make_thresholds(layer: Layer, sums: np.ndarray, least: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Middle values that some sums reach exactly; every fourth neuron always or never fires."""
    thresholds = sums[np.arange(layer.mh) % VECTORS, np.arange(layer.mh)].copy()
    thresholds[1::4] = least[1::4]
    thresholds[3::4] = most[3::4] + 1
    if layer.mh > 4:  # reached by a single vector, the one that matches all weights
        thresholds[4::4] = most[4::4]
    return thresholds


def mvtu(layer: Layer) -> Dut:
    rng = np.random.default_rng(layer.mw * 1000 + layer.mh)
    weights = rng.choice([-1, 1], (layer.mh, layer.mw))
    inputs = beats_of(layer, make_inputs(layer, weights, rng), rng)
    if layer.pixels == 1:
        vectors = inputs
    else:
        vectors = np.stack([place(layer, inputs, p).reshape(VECTORS, -1) for p in range(layer.pixels)], 1)
    sums = vectors.reshape(-1, layer.mw) @ weights.T  # (vectors, neurons)
    ones = (weights > 0).sum(axis=1)
    if layer.bipolar:
        sums_or_counts = (sums + layer.mw) // 2
        least, most = np.zeros(layer.mh, int), np.full(layer.mh, layer.mw)
        acc_bits = (layer.mw + 1).bit_length()
    else:
        sums_or_counts = sums
        low = -(1 << (layer.bits - 1)) if layer.signed else 0
        high = low + (1 << layer.bits) - 1
        least = ones * low - (layer.mw - ones) * high
        most = ones * high - (layer.mw - ones) * low
        acc_bits = 1 + max(int(most.max() + 1).bit_length(), int(-least.min() - 1).bit_length())
    thresholds = make_thresholds(layer, sums_or_counts, least, most)
    out_bits = (
        1
        if layer.threshold
        else 1 + max(int(abs(s)).bit_length() for s in (least.min(), most.max(), layer.mw))
    )
    outputs = (sums_or_counts >= thresholds).astype(int) if layer.threshold else sums

    neurons = layer.neuron_fold * layer.pe
    absent = neurons - layer.mh
    padded_weights = np.pad((weights > 0).astype(int), ((0, absent), (0, 0)))
    padded_thresholds = np.pad(thresholds, (0, absent), constant_values=int(most.max()))
    padded_outputs = np.pad(outputs, ((0, 0), (0, absent)))
    # Of each fold, PE neurons of the first pixel, then of the next one.
    by_fold = padded_outputs.reshape(VECTORS, layer.pixels, layer.neuron_fold, layer.pe).swapaxes(1, 2)
    rom = padded_weights.reshape(layer.neuron_fold, layer.pe, layer.synapse_fold, layer.simd).swapaxes(1, 2)
    rom = rom.reshape(-1, layer.pe * layer.simd)
    fields = (inputs > 0).astype(int) if layer.bipolar else inputs
    beats = np.repeat(fields[:, None], layer.neuron_fold, axis=1).reshape(-1, layer.seen)
    marks = np.zeros((layer.pixels, layer.pe), int)
    marks[:, : layer.mh - (layer.neuron_fold - 1) * layer.pe] = -1
    present = pack_words(marks.reshape(1, -1), out_bits)[0]
    whole = (1 << layer.pixels * layer.pe * out_bits) - 1

    dsp = layer.accumulate == "dsp" and not layer.fixed
    starts, start_bits = (-padded_thresholds, acc_bits + 1) if dsp else (padded_thresholds, acc_bits)
    files = {
        f"{layer.label}_w.hex": hex_lines(pack_words(rom, 1), layer.pe * layer.simd),
        f"{layer.label}_t.hex": hex_lines(
            pack_words(starts.reshape(-1, layer.pe), start_bits), layer.pe * start_bits
        ),
    }
    parameters = {
        "IN_BITS": layer.bits,
        "IN_SIGNED": int(layer.signed),
        "BIPOLAR": int(layer.bipolar),
        "MW": layer.mw,
        "MH": layer.mh,
        "PE": layer.pe,
        "SIMD": layer.simd,
        "ACC_BITS": acc_bits,
        "THRESHOLD": int(layer.threshold),
        "OUT_BITS": out_bits,
        "WEIGHT_FILE": f"{layer.label}_w.hex",
        "THRESHOLD_FILE": f"{layer.label}_t.hex",
        "WEIGHT_STYLE": layer.style,
        "ACCUMULATE": layer.accumulate,
        "MATCH": layer.match,
        "CHAINS": int(layer.chains),
        "RUNTIME": int(layer.runtime),
        "DOT_CUTS": layer.cuts[0],
        "JOIN_CUTS": layer.cuts[1],
    }
    if layer.pixels > 1:
        parameters |= {"PIXELS": layer.pixels, "ROWS": layer.rows, "STEP": layer.step}
    if layer.fixed:
        for name in (
            *("PE", "SIMD", "THRESHOLD", "OUT_BITS", "WEIGHT_STYLE"),
            *("ACCUMULATE", "MATCH", "CHAINS", "RUNTIME"),
            *("DOT_CUTS", "JOIN_CUTS"),
        ):
            del parameters[name]
    return Dut(
        f"mvtu_{layer.label}",
        "constant_mvtu" if layer.fixed else "mvtu",
        parameters,
        layer.seen * layer.bits,
        layer.pixels * layer.pe * out_bits,
        pack_words(beats, layer.bits),
        pack_words(by_fold.reshape(-1, layer.pixels * layer.pe), out_bits),
        mask=([whole] * (layer.neuron_fold - 1) + [present]) * VECTORS,
        files=files,
        pins=() if layer.fixed else (".config_request('0)", ".config_answer()"),
    )


LAYERS = [
    Layer(144, 16, 4, 16),
    Layer(36, 10, 4, 12),
    Layer(12, 5, 2, 1),
    Layer(20, 6, 6, 5),
    Layer(64, 8, 3, 64),
    Layer(100, 7, 7, 100),
    Layer(132, 9, 4, 66, style="block"),
    Layer(48, 12, 1, 8, style="block"),
    Layer(1, 1, 1, 1),
    Layer(15, 4, 4, 15, threshold=False),
    Layer(60, 4, 1, 4, threshold=False),
    Layer(70, 5, 2, 70, threshold=False, style="block"),
    Layer(27, 16, 5, 3, bits=8, bipolar=False),
    Layer(27, 6, 6, 27, bits=8, bipolar=False),
    Layer(18, 6, 2, 9, bits=4, bipolar=False, signed=True, style="block"),
    Layer(10, 5, 1, 1, bits=2, bipolar=False, signed=True),
    Layer(12, 3, 2, 4, bits=8, bipolar=False, threshold=False),
    Layer(24, 4, 4, 12, bits=5, bipolar=False, signed=True, threshold=False),
    Layer(144, 16, 4, 16, accumulate="dsp"),
    Layer(36, 10, 5, 12, style="block", accumulate="dsp"),
    Layer(36, 10, 5, 12, cuts=(2, 0)),
    Layer(36, 10, 5, 12, match="dsp"),
    Layer(132, 9, 4, 66, match="dsp", cuts=(1, 0), style="block"),
    Layer(144, 16, 4, 16, match="dsp", accumulate="dsp"),
    Layer(132, 9, 4, 66, match="dsp", accumulate="dsp"),
    Layer(132, 9, 1, 66, style="block", cuts=(1, 3)),
    Layer(132, 9, 4, 66, accumulate="dsp", cuts=(2, 1)),
    Layer(132, 9, 3, 66, accumulate="dsp"),
    Layer(2047, 4, 2, 23, accumulate="dsp"),
    Layer(60, 4, 3, 4, threshold=False, accumulate="dsp"),
    Layer(15, 4, 2, 15, accumulate="dsp"),
    Layer(36, 7, 3, 36, accumulate="dsp", match="dsp", pixels=2, rows=3, step=4),
    Layer(54, 6, 6, 54, pixels=4, rows=3, step=6),
    Layer(36, 7, 3, 36, pixels=2, rows=3, step=4),
    Layer(72, 5, 2, 72, pixels=8, rows=3, step=8, style="block"),
    Layer(12, 4, 1, 12, pixels=3, rows=2, step=2, threshold=False),
    Layer(27, 6, 6, 27, bits=8, bipolar=False, pixels=4, rows=3, step=3),
    Layer(18, 4, 3, 18, bits=4, bipolar=False, signed=True, pixels=2, rows=3, step=2),
    Layer(9, 3, 2, 9, bits=8, bipolar=False, pixels=8, rows=3, step=1, threshold=False),
    Layer(36, 10, 5, 12, runtime=True),
    Layer(132, 9, 4, 66, style="block", runtime=True),
    Layer(20, 6, 6, 20, chains=False, runtime=True),
    Layer(27, 6, 6, 27, bits=8, bipolar=False, runtime=True),
    Layer(100, 7, 7, 100, fixed=True),
    Layer(20, 5, 5, 20, fixed=True),
    Layer(36, 5, 5, 36, fixed=True, pixels=4, rows=3, step=4),
    Layer(18, 3, 3, 18, bits=4, bipolar=False, fixed=True, pixels=2, rows=3, step=3),
    Layer(27, 6, 6, 27, bits=8, bipolar=False, fixed=True),
    Layer(8, 3, 3, 8, bits=3, bipolar=False, signed=True, fixed=True),
]
CASES = [(mvtu(layer), layer) for layer in LAYERS]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench([dut for dut, _ in CASES])


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_streams(bench: Bench, mode):
    results = bench.run(mode)
    for dut, _ in CASES:
        check(dut, results[dut.name])


def test_one_beat_a_cycle_and_exact_latency(bench: Bench):
    results = bench.run(MODES[0])
    for dut, layer in CASES:
        result = results[dut.name]
        assert result.in_cycles[-1] - result.in_cycles[0] == len(dut.inputs) - 1, dut.name
        expected = latency.mvtu_cycles(
            layer.simd, layer.bipolar, layer.style, layer.accumulate, layer.cuts, layer.match
        )
        last_of_fold = result.in_cycles[layer.synapse_fold - 1 :: layer.synapse_fold]
        assert set(result.out_cycles - last_of_fold) == {expected}, dut.name


def test_stimulus_reaches_the_extremes():
    """The cases fire at a threshold met exactly, always, and never; and see every weight matched and none."""
    layer = Layer(144, 16, 4, 16)
    rng = np.random.default_rng(layer.mw * 1000 + layer.mh)
    weights = rng.choice([-1, 1], (layer.mh, layer.mw))
    sums = make_inputs(layer, weights, rng) @ weights.T
    counts = (sums + layer.mw) // 2
    assert counts.min() == 0
    assert counts.max() == layer.mw
    thresholds = make_thresholds(layer, counts, np.zeros(16, int), np.full(16, layer.mw))
    assert {0, layer.mw, layer.mw + 1} <= set(thresholds)
    assert (counts == thresholds).any(axis=0)[::4].any()
