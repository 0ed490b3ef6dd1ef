"""Sites, registers and CARRY4 of the structural generators by size: what bnn_hw/plan/sites.json holds.

Counters of weights that change are the same for any weights. Layers whose weights
never change, or go through few words, are counted for random weights.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from bnn_hw.pipeline.latency import (
    DOT_GROUP_BIPOLAR,
    DOT_GROUP_INTEGER,
    NOMINAL_CLOCK_HZ,
    dot_cuts,
    dot_cycles,
)
from bnn_hw.rtl.structural.constants import ConstantLayer, constant_layer
from bnn_hw.rtl.structural.cuts import cut
from bnn_hw.rtl.structural.matches import best_shape, compress_rows, match_rows, subset_counts
from bnn_hw.rtl.structural.netlist import ZERO, Netlist, Register, Signal
from bnn_hw.rtl.structural.sequences import sequence_rows

# Beyond these sizes the counts grow in proportion.
MOST_GROUPS = 40
MOST_COUNTED = 300

SEQUENCE_LANES = (2, 4, 8, 16, 24, 32, 48, 64, 65, 96, 128, 144, 192, 288, 576, 1152)
SEQUENCE_WORDS = 4
FIXED_INPUTS = (4, 16, 32, 64, 65, 128, 144, 288, 576)
FIXED_NEURONS = 8
FIXED_INTEGERS = (3, 9, 10, 27)
FIXED_DSP_INTEGERS = (10, 18, 27)
FIXED_INTEGER_NEURONS = (16, 48)
INTEGER_BITS = 8
NAMES = ("sites", "bits", "carry4")  # of the figures of a Size


Size = tuple[int, int, int]
"""LUT sites, flip-flops (or bits of the rows that may be one), CARRY4."""


def _size(net: Netlist, rows: list[list[Signal]], cuts: int) -> Size:
    """With the registers of ``cuts`` on every path."""
    if cuts:
        net, outputs = cut(net, {str(k): row for k, row in enumerate(rows)}, cuts)
        rows = list(outputs.values())
    bits = sum(signal != ZERO for row in rows for signal in row)
    return net.sites, bits + _registers(net), net.carry4


def _registers(net: Netlist) -> int:
    return sum(len(cell.q) for cell in net.cells if isinstance(cell, Register))


def _cuts(lanes: int) -> tuple[int, int]:
    return dot_cuts(lanes, NOMINAL_CLOCK_HZ)


def match_counters(chains: bool = True) -> dict[str, Any]:
    """Counters of matches by lanes, and what joins several by groups; chains: may use carry chains."""
    lanes = range(1, DOT_GROUP_BIPOLAR + 1)
    matches = [(0, 0, 0)]
    matches += [_size(*match_rows(n, best_shape(n, chains)), _cuts(n)[0]) for n in lanes]
    # Two groups have more than half of the lanes of a group each.
    widths = sorted({n.bit_length() for n in lanes if n > DOT_GROUP_BIPOLAR // 2})
    joins: dict[str, list[Size]] = {}
    for bits in widths:
        groups = range(2, MOST_GROUPS)
        nets = [compress_rows(2 * g, bits, (g << bits).bit_length(), chains) for g in groups]
        own = [_size(*net, _cuts(g * DOT_GROUP_BIPOLAR)[1]) for g, net in zip(groups, nets, strict=True)]
        joins[str(bits)] = [(0, 0, 0), (0, 0, 0), *own]
    return {
        "match_rows": [item[0] for item in matches],
        "match_bits": [item[1] for item in matches],
        "match_carry4": [item[2] for item in matches],
        "join": {bits: [item[0] for item in own] for bits, own in joins.items()},
        "join_bits": {bits: [item[1] for item in own] for bits, own in joins.items()},
        "join_carry4": {bits: [item[2] for item in own] for bits, own in joins.items()},
    }


def sequence_counters() -> dict[str, Any]:
    """A PE's counter of matches with weights of few words, by lanes."""
    rng = random.Random(1)
    sites, bits, carry4 = [], [], []
    for lanes in SEQUENCE_LANES:
        words = [rng.getrandbits(4 * lanes) for _ in range(SEQUENCE_WORDS)]
        net, rows = sequence_rows(lanes, 4, words, dot_cycles(lanes, _cuts(lanes)))
        last = sum(signal != ZERO for own in rows for row in own for signal in row)
        sites.append(net.sites / 4)
        bits.append((last + _registers(net)) / 4)
        carry4.append(net.carry4 / 4)
    return {"lanes": SEQUENCE_LANES, "sites": sites, "bits": bits, "carry4": carry4}


def _fixed(neurons: int, inputs: int, bits: int, dsp: bool = False) -> Size:
    """A layer of random weights and thresholds in the middle."""
    rng = np.random.default_rng(1)
    weights = rng.integers(0, 2, (neurons, inputs)) * 2 - 1
    bipolar = bits == 1
    group = DOT_GROUP_BIPOLAR if bipolar else DOT_GROUP_INTEGER
    bound = inputs // 2 + 1 if bipolar else 100
    cycles = 2 if inputs > group else 1
    layer = ConstantLayer(weights, (bound,) * neurons, bits, False, bipolar, cycles, dsp=dsp)
    net, _ = constant_layer(layer)
    return net.sites, _registers(net), net.carry4


def _integers(inputs: Sequence[int], dsp: bool) -> dict[str, Any]:
    """A neuron's share by inputs, and what neurons share."""
    few, many = ([_fixed(n, k, INTEGER_BITS, dsp) for k in inputs] for n in FIXED_INTEGER_NEURONS)
    more = FIXED_INTEGER_NEURONS[1] - FIXED_INTEGER_NEURONS[0]
    own = [[(b[i] - a[i]) / more for a, b in zip(few, many, strict=True)] for i in range(3)]
    rest = [
        [a[i] - FIXED_INTEGER_NEURONS[0] * each for a, each in zip(few, own[i], strict=True)]
        for i in range(3)
    ]
    return {
        "input_bits": INTEGER_BITS,
        "inputs": inputs,
        **{name: own[i] for i, name in enumerate(NAMES)},
        **{f"shared_{name}": rest[i] for i, name in enumerate(NAMES)},
    }


def fixed_layers() -> dict[str, Any]:
    """Layers of constant weights; of integers also with the last sums in DSP slices."""
    one_bit = [_fixed(FIXED_NEURONS, inputs, 1) for inputs in FIXED_INPUTS]
    return {
        "one_bit": {
            "inputs": FIXED_INPUTS,
            **{name: [item[i] / FIXED_NEURONS for item in one_bit] for i, name in enumerate(NAMES)},
        },
        "integer": _integers(FIXED_INTEGERS, False),
        "integer_dsp": _integers(FIXED_DSP_INTEGERS, True),
    }


def exact_sites() -> dict[str, Any]:
    """Everything; see bnn_hw.plan.sites."""
    counts = [subset_counts(n, [(1 << n) - 1])[0] for n in range(MOST_COUNTED)]
    return {
        **match_counters(),
        "count": [net.sites for net in counts],
        "count_carry4": [net.carry4 for net in counts],
        "chain_free": match_counters(chains=False),
        "sequence": sequence_counters(),
        "fixed": fixed_layers(),
    }
