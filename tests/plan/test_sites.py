"""Stored site counts against the netlists that the RTL back end generates."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.cost_units import mvtu
from bnn_hw.pipeline.latency import NOMINAL_CLOCK_HZ, dot_cuts, dot_cycles
from bnn_hw.pipeline.record import Resources
from bnn_hw.plan import laws, sites
from bnn_hw.rtl.structural.constants import ConstantLayer, constant_layer
from bnn_hw.rtl.structural.matches import best_shape, compress_rows, match_rows, subset_counts
from bnn_hw.rtl.structural.needs import _groups
from bnn_hw.rtl.structural.sequences import sequence_rows
from bnn_hw.rtl.structural.sums import Sums, triple_sums


@pytest.mark.parametrize("chains", [True, False])
@pytest.mark.parametrize("simd", [1, 2, 7, 16, 48, 64, 65, 128, 144, 288, 576])
def test_match_counters(simd, chains):
    groups, lanes = _groups(simd)
    assert sites.groups_of(simd) == (groups, lanes)
    counters = [lanes] * (groups - 1) + [simd - (groups - 1) * lanes]
    nets = [match_rows(n, best_shape(n, chains))[0] for n in counters]
    if groups > 1:
        nets.append(compress_rows(2 * groups, lanes.bit_length(), simd.bit_length(), chains)[0])
    assert sites.match_dot_sites(simd, chains) == sum(net.sites for net in nets)
    assert sites.match_dot_carry4(simd, chains) == sum(net.carry4 for net in nets)


def test_counts_beyond_the_table_grow_in_proportion():
    for simd in (2304, 4608):
        groups, lanes = _groups(simd)
        join = compress_rows(2 * groups, lanes.bit_length(), simd.bit_length())[0].sites
        exact = (groups - 1) * match_rows(lanes, best_shape(lanes))[0].sites
        exact += match_rows(simd - (groups - 1) * lanes, best_shape(64))[0].sites + join
        assert sites.match_dot_sites(simd) == pytest.approx(exact, rel=0.01)
    assert sites.count_sites(1152) == pytest.approx(subset_counts(1152, [(1 << 1152) - 1])[0].sites, rel=0.02)


@pytest.mark.parametrize("bits", [1, 2, 3, 10, 72, 144])
def test_counters_of_constant_weights(bits):
    net, _ = subset_counts(bits, [(1 << bits) - 1])
    assert (sites.count_sites(bits), sites.count_carry4(bits)) == (net.sites, net.carry4)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 9, 27])
def test_sums_of_three(count, signed):
    kind = Sums(count, 8, signed)
    net, _ = triple_sums(kind)
    assert sites.triple_sum_sites(count, 8, signed) == net.sites
    assert sites.triple_sum_carry4(count, 8, signed) == net.carry4


@pytest.mark.parametrize(("simd", "words"), [(16, 2), (64, 6), (144, 3), (288, 8), (576, 5), (1728, 9)])
def test_weights_of_few_words(simd, words):
    """Against other random weights than those of the table."""
    assert sites.is_sequenced(words, simd)
    rng = random.Random(2)
    memory = [rng.getrandbits(3 * simd) for _ in range(words)]
    net, _ = sequence_rows(simd, 3, memory, dot_cycles(simd, dot_cuts(simd, NOMINAL_CLOCK_HZ)))
    lut, _, carry4 = sites.sequence_dot(simd)
    assert lut == pytest.approx(net.sites / 3, rel=0.06, abs=2)
    assert carry4 == pytest.approx(net.carry4 / 3, rel=0.10, abs=1)


def test_when_weights_are_few():
    for simd in (4, 16, 144):
        for folds in (1, 2, 5, 9):
            unit = replace(mvtu(simd, 8 * folds, 8, simd, "logic"), threshold=None)
            assert sites.is_sequenced(folds, simd) == unit.is_sequenced


@pytest.mark.parametrize(("neurons", "inputs", "bits"), [(16, 144, 1), (12, 200, 1), (16, 27, 8), (24, 9, 8)])
def test_layers_of_constant_weights(neurons, inputs, bits):
    rng = np.random.default_rng(2)
    weights = rng.integers(0, 2, (neurons, inputs)) * 2 - 1
    bounds = (inputs // 2 + 3,) * neurons if bits == 1 else (50,) * neurons
    cycles = 2 if inputs > (64 if bits == 1 else 9) else 1
    net, _ = constant_layer(ConstantLayer(weights, bounds, bits, False, bits == 1, cycles))
    assert sites.fixed_layer(neurons, inputs, bits)[0] == pytest.approx(net.sites, rel=0.08)


@pytest.mark.parametrize(("neurons", "inputs"), [(16, 27), (12, 18), (40, 27)])
def test_integer_layers_with_their_last_sums_in_dsp(neurons, inputs):
    weights = np.random.default_rng(3).integers(0, 2, (neurons, inputs)) * 2 - 1
    net, _ = constant_layer(ConstantLayer(weights, (50,) * neurons, 8, False, False, 2, dsp=True))
    assert sites.fixed_layer(neurons, inputs, 8, dsp=True)[0] == pytest.approx(net.sites, rel=0.08)


def test_laws_are_stored_with_their_residuals():
    record = json.loads(laws.FILE.read_text())
    assert record["laws"].keys() >= {
        "ring",
        "full_window",
        "mvtu",
        "fifo",
        "gather",
        "scatter",
        "pool",
        "scores",
    }
    for kind, law in record["residuals"].items():
        assert law["stages"] >= 4, kind
        assert law["lut"]["median"] <= 0.10, kind
        assert law["ff"]["median"] <= 0.05, kind
        # Older units have no figure of it.
        assert law.get("carry4", {"median": 0})["median"] <= 0.10, kind
    error = laws.expected_error()
    assert error == {"cores": record["cores"]["points"], **record["cores"]["lut"]}
    assert 0 < error["median"] <= error["worst"] <= 0.20


def test_trial_constants_hold_inside_only():
    before = laws.fitted("mvtu", counter_bits=3)
    trial = {"lut": {"base": 1.0, "counter_bits": 2.0}, "ff": {"base": 0.0, "counter_bits": 1.0}}
    with laws.trial({"mvtu": {**trial, "carry4": {"base": -1.0, "counter_bits": 0.0}}}):
        assert laws.fitted("mvtu", counter_bits=3) == Resources(lut=7, ff=3, carry4=-1)
    assert laws.fitted("mvtu", counter_bits=3) == before
