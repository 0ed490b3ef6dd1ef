"""LUT sites and CARRY4 of the structural counters and sums, exactly as the RTL back end builds them.

The figures are counted on the generators' own netlists and stored in sites.json
(``make calibrate`` makes it again), so that planning needs no netlist. Those that
depend on the weights are of random ones.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bnn_hw.pipeline.latency import DOT_GROUP_BIPOLAR

FILE = Path(__file__).with_name("sites.json")

_FIGURES = ("sites", "bits", "carry4")


@cache
def _table() -> Any:
    return json.loads(FILE.read_text())


def _entry(values: list[int], index: int) -> float:
    """``values[index]``; beyond the list in proportion to its last entry."""
    return values[index] if index < len(values) else values[-1] * index / (len(values) - 1)


def groups_of(simd: int) -> tuple[int, int]:
    """Groups that bnn_match_dot counts ``simd`` lanes in, and the lanes of each but perhaps the last."""
    groups = -(-simd // DOT_GROUP_BIPOLAR)
    return groups, -(-simd // groups)


@cache
def _match_dot(simd: int, rows: str, join: str, chains: bool) -> float:
    """Counters of the groups, and what joins their rows, by the tables of these names."""
    table = _table() if chains else _table()["chain_free"]
    groups, lanes = groups_of(simd)
    total: float = (groups - 1) * table[rows][lanes] + table[rows][simd - (groups - 1) * lanes]
    if groups > 1:
        total += _entry(table[join][str(lanes.bit_length())], groups)
    return total


def match_dot_sites(simd: int, chains: bool = True) -> float:
    """Sites of bnn_match_dot; chains: its counters have carry chains."""
    return _match_dot(simd, "match_rows", "join", chains)


def match_dot_bits(simd: int, chains: bool = True) -> float:
    """Flip-flops behind bnn_match_dot's rows, bits that are never one left out; chains: as above."""
    return _match_dot(simd, "match_bits", "join_bits", chains)


def match_dot_carry4(simd: int, chains: bool = True) -> float:
    """CARRY4 of bnn_match_dot; chains: as above."""
    return _match_dot(simd, "match_carry4", "join_carry4", chains)


def count_sites(bits: int) -> float:
    """Sites of a compressor of ``bits`` signals of equal weight to two rows."""
    return _entry(_table()["count"], bits)


def count_carry4(bits: int) -> float:
    """CARRY4 of the same."""
    return _entry(_table()["count_carry4"], bits)


def is_sequenced(words: int, simd: int) -> bool:
    """Tell whether weights of so few words are built with shared signals (bnn_sequence_dot)."""
    return 2 <= words <= 16 and 1 << (words - 1) <= simd


def sequence_dot(simd: int) -> tuple[float, float, float]:
    """Sites, flip-flops and CARRY4 of a PE of bnn_sequence_dot, for random weights."""
    own = _table()["sequence"]
    sites, bits, carry4 = (_between(own["lanes"], own[name], simd) for name in _FIGURES)
    return sites, bits, carry4


def fixed_layer(neurons: int, inputs: int, bits: int, dsp: bool = False) -> tuple[float, float, float]:
    """Sites, flip-flops and CARRY4 of bnn_constant_layer, for random weights; bits: of an input.

    dsp: the last sums of integers are in DSP slices, one a neuron.
    """
    kind = "one_bit" if bits == 1 else "integer_dsp" if dsp else "integer"
    own = _table()["fixed"][kind]

    def total(name: str) -> float:
        each = neurons * _between(own["inputs"], own[name], inputs)
        if bits == 1:
            return each
        shared = _between(own["inputs"], own[f"shared_{name}"], inputs)
        # Sums of three are three bits wider than an input.
        return (each + shared) * (bits + 3) / (own["input_bits"] + 3)

    sites, registers, carry4 = map(total, _FIGURES)
    return sites, registers, carry4


def _between(places: list[int], values: list[float], place: int) -> float:
    """Value at ``place`` between the nearest two; beyond the last in proportion."""
    if place > places[-1]:
        return values[-1] * place / places[-1]
    return float(np.interp(place, places, values))


def triple_sum_sites(count: int, bits: int, signed: bool) -> int:
    """Sites of bnn_triple_sums: a ternary adder for each of four signs of three values, two for a pair.

    bits: of a value. The two highest bits of a sum of unsigned values need no site of their own.
    """
    each = bits + (2 if signed else 1)
    return count // 3 * 4 * each + (2 * each if count % 3 == 2 else 0)


def triple_sum_carry4(count: int, bits: int, signed: bool) -> int:
    """CARRY4 of bnn_triple_sums: a chain a sum."""
    chain = -(-(bits + (2 if signed else 1)) // 4)
    return (count // 3 * 4 + (2 if count % 3 == 2 else 0)) * chain
