"""Structural netlists against sums in numpy: every case of small ones, random and extreme ones of large."""

from __future__ import annotations

import numpy as np
import pytest

from bnn_hw.rtl.structural.accumulate import Adder, accumulate
from bnn_hw.rtl.structural.matches import (
    Shape,
    best_links,
    best_shape,
    compress_rows,
    match_count,
    match_rows,
    subset_counts,
    sum_rows,
)
from bnn_hw.rtl.structural.netlist import Netlist, parity, reduced
from bnn_hw.rtl.structural.sums import Sums, triple_sums
from bnn_hw.rtl.structural.verilog import Module, module_text

SMALL = (1, 2, 3, 4, 5)
LARGE = (8, 15, 16, 31, 36, 64)
SHAPES = [Shape(links, chains) for links in (1, 2, 3, 4) for chains in (True, False)]


def bits(values: np.ndarray, width: int) -> np.ndarray:
    """(cases,) integers as (cases, width) bits, lowest first; negative ones in two's complement."""
    return (np.asarray(values)[:, None] >> np.arange(width)) & 1


def number(columns: np.ndarray, signed: bool = False) -> np.ndarray:
    weights = 1 << np.arange(columns.shape[1])
    if signed:
        weights = weights * np.where(np.arange(columns.shape[1]) == columns.shape[1] - 1, -1, 1)
    return columns.astype(np.int64) @ weights


def sum_of_rows(net: Netlist, rows: list[list[int]], ports: dict[str, np.ndarray]) -> np.ndarray:
    return sum(number(net.evaluate(ports, row)) for row in rows)


def cases(lanes: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and weights: all of them up to five lanes, else random ones, every lane equal, and none."""
    if lanes <= 5:
        both = bits(np.arange(1 << 2 * lanes), 2 * lanes)
        return both[:, :lanes], both[:, lanes:]
    rng = np.random.default_rng(seed)
    inputs, weights = rng.integers(0, 2, (2, 3000, lanes))
    # Rare matches and rare mismatches, so that every count is seen.
    share = np.linspace(0, 1, len(inputs))[:, None]
    weights = np.where(rng.random(inputs.shape) < share, inputs, 1 - inputs)
    weights[0], weights[-1] = 1 - inputs[0], inputs[-1]
    return inputs, weights


@pytest.mark.parametrize("lanes", SMALL + LARGE)
def test_rows_add_up_to_the_matches(lanes: int) -> None:
    inputs, weights = cases(lanes)
    matches = (inputs == weights).sum(axis=1)
    assert {0, lanes} <= set(matches)
    for shape in SHAPES if lanes <= 16 else [best_shape(lanes), best_shape(lanes, chains=False)]:
        net, rows = match_rows(lanes, shape)
        assert [len(row) for row in rows] == [lanes.bit_length()] * 2
        got = sum_of_rows(net, rows, {"inputs": inputs, "weights": weights})
        np.testing.assert_array_equal(got, matches, err_msg=str(shape))


@pytest.mark.parametrize("lanes", SMALL + LARGE)
def test_counts_are_the_matches(lanes: int) -> None:
    inputs, weights = cases(lanes)
    for links in (1, 2, 3, 4) if lanes <= 16 else [best_links(lanes)]:
        net, count = match_count(lanes, links)
        assert len(count) == lanes.bit_length()
        got = number(net.evaluate({"inputs": inputs, "weights": weights}, count))
        np.testing.assert_array_equal(got, (inputs == weights).sum(axis=1), err_msg=str(links))


def test_one_number_takes_few_sites_more_than_two_rows() -> None:
    sites = {lanes: match_count(lanes, best_links(lanes))[0].sites for lanes in (1, 2, 8, 16, 32, 64)}
    assert sites == {1: 1, 2: 1, 8: 6, 16: 14, 32: 29, 64: 56}


def test_sites_of_match_counters() -> None:
    """Two lanes a site, then compressors: what the headers of the generated modules state."""
    sites = {lanes: match_rows(lanes, best_shape(lanes))[0].sites for lanes in (1, 2, 8, 16, 32, 64)}
    assert sites == {1: 1, 2: 1, 8: 5, 16: 11, 32: 26, 64: 55}


def test_without_carry_chains_there_are_none() -> None:
    assert match_rows(64, best_shape(64, chains=False))[0].carry4 == 0
    assert match_rows(64, best_shape(64))[0].carry4 > 0


@pytest.mark.parametrize(("numbers", "width", "sum_bits"), [(4, 6, 7), (6, 6, 8), (18, 7, 10), (2, 3, 4)])
def test_compressed_rows_keep_the_sum(numbers: int, width: int, sum_bits: int) -> None:
    rng = np.random.default_rng(5)
    values = rng.integers(0, 1 << width, (500, numbers))
    values[values.sum(axis=1) >= 1 << sum_bits] = 0
    values[0] = ((1 << sum_bits) - 1) // numbers if numbers << width > 1 << sum_bits else (1 << width) - 1
    port = np.concatenate([bits(values[:, n], width) for n in range(numbers)], axis=1)
    for chains in (True, False):
        net, rows = compress_rows(numbers, width, sum_bits, chains)
        np.testing.assert_array_equal(sum_of_rows(net, rows, {"numbers": port}), values.sum(axis=1))
        assert chains or net.carry4 == 0
    net, total = sum_rows(numbers, width, sum_bits)
    np.testing.assert_array_equal(number(net.evaluate({"numbers": port}, total)), values.sum(axis=1))


@pytest.mark.parametrize(("inputs", "share"), [(1, 1.0), (7, 0.5), (40, 0.5), (144, 0.5), (144, 1.0)])
def test_subsets_are_counted(inputs: int, share: float) -> None:
    rng = np.random.default_rng(9)
    chosen = rng.random((3, inputs)) < share
    chosen[2] = False
    ones = rng.integers(0, 2, (400, inputs))
    ones[0], ones[1] = 0, 1
    net, subsets = subset_counts(inputs, [sum(1 << int(i) for i in np.flatnonzero(row)) for row in chosen])
    for row, rows in zip(chosen, subsets, strict=True):
        np.testing.assert_array_equal(sum_of_rows(net, rows, {"inputs": ones}), ones @ row)


ADDERS = [
    Adder(5, False, False, 5, 9),
    Adder(1, False, False, 1, 2),
    Adder(4, False, False, 4, 4),
    Adder(11, True, True, 1, 15),
    Adder(12, True, False, 2, 15),
    Adder(9, True, True, 1, 9),
]


@pytest.mark.parametrize("adder", ADDERS, ids=str)
def test_accumulator_adds_or_subtracts(adder: Adder) -> None:
    rng = np.random.default_rng(7)
    count = 4000
    ports = {
        "row0": rng.integers(0, 2, (count, adder.row0_bits)),
        "row1": rng.integers(0, 2, (count, adder.row1_bits)),
        "value": rng.integers(0, 2, (count, adder.sum_bits)),
        "threshold": rng.integers(0, 2, (count, adder.sum_bits)),
        "first": rng.integers(0, 2, (count, 1)),
    }
    if adder.negate:
        ports["invert"] = ports["row1"].copy()
    first = ports["first"][:, 0] == 1
    ports["value"][first] = 0
    ports["threshold"][~first] = 1
    row0 = number(ports["row0"], adder.signed)
    if adder.negate:
        row0 = np.where(ports["invert"][:, 0] == 1, -row0, row0)
        rows = row0
    else:
        rows = row0 + number(ports["row1"])
    kept = np.where(first, -number(ports["threshold"], True), number(ports["value"], True))
    net, sums = accumulate(adder)
    got = number(net.evaluate(ports, sums))
    np.testing.assert_array_equal(got, (rows + kept) % (1 << adder.sum_bits))
    assert net.sites == adder.sum_bits


@pytest.mark.parametrize(
    "sums",
    [Sums(1, 2, False), Sums(2, 3, True), Sums(3, 2, False), Sums(3, 8, False), Sums(7, 4, True)],
    ids=str,
)
def test_sums_of_three_have_every_sign(sums: Sums) -> None:
    rng = np.random.default_rng(13)
    fields = rng.integers(0, 2, (3000, sums.count * sums.bits))
    fields[0], fields[1] = 0, 1
    values = np.zeros((len(fields), -(-sums.count // 3) * 3), np.int64)
    for i in range(sums.count):
        values[:, i] = number(fields[:, i * sums.bits : (i + 1) * sums.bits], sums.signed)
    net, outputs = triple_sums(sums)
    got = net.evaluate({"values": fields}, outputs).reshape(len(fields), -1, 4, sums.sum_bits)
    for triple in range(values.shape[1] // 3):
        a, b, c = values[:, 3 * triple : 3 * triple + 3].T
        for place, expected in enumerate((a - b - c, a + b - c, a - b + c, a + b + c)):
            np.testing.assert_array_equal(number(got[:, triple, place], signed=True), expected)


def test_sums_of_three_take_a_site_a_bit() -> None:
    assert triple_sums(Sums(3, 8, False))[0].sites <= 4 * 11


def test_an_inverted_row_leaves_no_place_for_another() -> None:
    with pytest.raises(ValueError, match="no input left"):
        Adder(8, True, True, 2, 10)


def test_tables_are_reduced_to_the_inputs_they_depend_on() -> None:
    table = sum(1 << row for row in range(16) if (row >> 1 & 1) ^ (row >> 3 & 1))
    assert reduced(table, 4) == ([1, 3], 0b0110)
    assert reduced(0, 3) == ([], 0)


def test_a_site_refuses_more_inputs_than_it_has() -> None:
    net = Netlist()
    pins = net.port("pins", 7)
    with pytest.raises(ValueError, match="6 inputs"):
        net.lut(pins, lambda *x: 0)
    with pytest.raises(ValueError, match="two functions"):
        net.pair(pins[:6], lambda *x: 0, lambda *x: 0)


def test_lines_stay_short_however_wide_the_ports_are() -> None:
    net = Netlist()
    wide = net.port("wide", 20_000)
    outputs = [net.lut([a, b], parity) for a, b in zip(wide[:6000:2], wide[1:6000:2], strict=True)]
    text = module_text(Module("wide_module", "Parity of pairs.", net, {"pairs": outputs}))
    lines = text.splitlines()
    assert max(map(len, lines)) < 120
    assert "assign unused = ^{wide[19999:6000]};" in text
    # Every output in its place, the first in the lowest bit.
    assigned = text[text.index("assign pairs = {") + len("assign pairs = {") : text.rindex("};")]
    assert assigned.replace(",", " ").split() == [f"n{signal}" for signal in reversed(outputs)]
