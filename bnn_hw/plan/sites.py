"""LUT sites of the structural counters and sums, exactly as the RTL back end builds them.

The figures are counted on the generators' own netlists and stored in sites.json
(``make calibrate`` makes it again), so that planning needs no netlist.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from bnn_hw.pipeline.latency import DOT_GROUP_BIPOLAR

FILE = Path(__file__).with_name("sites.json")


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


def match_dot_sites(simd: int) -> float:
    """Sites of bnn_match_dot: counters of the groups, and what joins their rows."""
    table = _table()
    groups, lanes = groups_of(simd)
    total: float = (groups - 1) * table["match_rows"][lanes] + table["match_rows"][
        simd - (groups - 1) * lanes
    ]
    if groups > 1:
        total += _entry(table["join"][str(lanes.bit_length())], groups)
    return total


def count_sites(bits: int) -> float:
    """Sites of a compressor of ``bits`` signals of equal weight to two rows."""
    return _entry(_table()["count"], bits)


def triple_sum_sites(count: int, sum_bits: int) -> int:
    """Sites of bnn_triple_sums: a ternary adder for each of four signs of three values, two for a pair."""
    return count // 3 * 4 * sum_bits + (2 * sum_bits if count % 3 == 2 else 0)
