"""Netlists made for weights against products in numpy: constant layers, shared sequences, numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bnn_hw.rtl.structural.compress import rows_registered
from bnn_hw.rtl.structural.constants import ConstantLayer, constant_layer
from bnn_hw.rtl.structural.netlist import Chain, Lut, Netlist, inverted
from bnn_hw.rtl.structural.numbers import add, at_least, signed, unsigned
from bnn_hw.rtl.structural.sequences import sequence_rows, weight_classes
from tests.rtl.structural.test_arithmetic import bits, number


def columns_of(net: Netlist, heights: list[int]) -> list[list[int]]:
    signals = iter(net.port("bits", sum(heights)))
    return [[next(signals) for _ in range(height)] for height in heights]


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_registered_rows_keep_the_sum(seed: int, rows: int) -> None:
    """Columns of any height, some bits inverted, the sum cut off or not."""
    rng = np.random.default_rng(seed)
    for _ in range(10):
        heights = rng.integers(0, 12, rng.integers(1, 8)).tolist()
        whole = sum(height << weight for weight, height in enumerate(heights)).bit_length()
        for width in (max(1, whole), max(1, whole - 2)):
            net = Netlist()
            columns = columns_of(net, heights)
            flips = rng.integers(0, 2, sum(heights)) * (seed % 2)
            flipped = iter(flips)
            columns = [[inverted(s) if next(flipped) else s for s in column] for column in columns]
            result = rows_registered(net, columns, width, rows)
            assert max(map(len, result), default=0) <= rows
            assert len(result) <= width
            cases = rng.integers(0, 2, (200, sum(heights)))
            cases[:2] = [[0], [1]]
            weights = np.repeat(1 << np.arange(len(heights)), heights)
            values = [net.evaluate({"bits": cases}, [net.plain(s) for s in column]) for column in result]
            total = sum(value.sum(axis=1).astype(np.int64) << weight for weight, value in enumerate(values))
            np.testing.assert_array_equal(total % (1 << width), (cases ^ flips) @ weights % (1 << width))


def test_sites_of_compressors() -> None:
    """What the carry chains are for: three bits less for every two sites, in long chains nearly four."""
    net = Netlist()
    rows_registered(net, columns_of(net, [72]), 7)
    assert net.sites <= 41
    net = Netlist()
    rows_registered(net, columns_of(net, [9] * 10), 13)
    assert net.sites <= 41


def test_what_comes_into_a_chain_is_a_constant() -> None:
    """The pin at which a signal could come in is needed by the first position."""
    net = Netlist()
    for heights in ([72], [18, 3, 7], [5, 5, 5, 5]):
        for rows in (1, 2):
            rows_registered(net, columns_of(net, heights), 9, rows)
    chains = [cell for cell in net.cells if isinstance(cell, Chain)]
    assert len(chains) > 10
    assert all(chain.carry_in in (0, 1) for chain in chains)


def test_signals_of_different_age_do_not_meet() -> None:
    net = Netlist()
    a, b = net.port("a", 2)
    (late,) = net.register([a])
    with pytest.raises(ValueError, match="registers cannot meet"):
        net.lut([late, b], lambda *x: sum(x))


@pytest.mark.parametrize("rows", [1, 2])
def test_comparison_with_every_bound(rows: int) -> None:
    for bound in range(-30, 60):
        net = Netlist()
        values = [unsigned(net.port("a", 4)), signed(net.port("b", 4)), unsigned(net.port("c", 4)).times(-1)]
        a, b, c = (grid.reshape(-1) for grid in np.meshgrid(*[np.arange(16)] * 3))
        total = add(net, values, rows)
        fired = net.plain(at_least(net, total, bound))
        ports = {"a": bits(a, 4), "b": bits(b, 4), "c": bits(c, 4)}
        want = a + (b ^ 8) - 8 - c >= bound
        np.testing.assert_array_equal(net.evaluate(ports, [fired])[:, 0], want, err_msg=str(bound))


LAYERS = [
    (40, 9, 1, False, True, 1),
    (144, 16, 1, False, True, 2),
    (30, 1, 1, False, True, 1),
    (30, 2, 1, False, True, 1),
    (30, 7, 1, False, True, 2),
    (1, 1, 1, False, True, 1),
    (27, 16, 8, False, False, 2),
    (48, 5, 4, False, False, 2),
    (9, 4, 8, False, False, 1),
    (7, 3, 5, True, False, 1),
    (1, 2, 8, False, False, 1),
]


@pytest.mark.parametrize(("inputs", "neurons", "width", "is_signed", "bipolar", "cycles"), LAYERS)
def test_constant_layers(
    inputs: int, neurons: int, width: int, is_signed: bool, bipolar: bool, cycles: int
) -> None:
    rng = np.random.default_rng(inputs)
    weights = rng.choice([-1, 1], (neurons, inputs))
    weights[neurons // 2] = weights[0] * rng.choice([1, 1, 1, -1], inputs)  # alike, so that parts are shared
    fields = rng.integers(0, 1 << width, (400, inputs))
    fields[:2] = [[0], [(1 << width) - 1]]
    fields[2:6] = np.where(weights[rng.integers(0, neurons, 4)] > 0, fields[1], 0)
    if is_signed:
        values = (fields ^ (1 << width - 1)) - (1 << width - 1)
    else:
        values = 2 * fields - 1 if bipolar else fields
    sums = values @ weights.T
    sums = (sums + inputs) // 2 if bipolar else sums
    bounds = np.sort(sums, axis=0)[len(sums) // 2].copy()
    bounds[1::4], bounds[3::4] = sums.min() - 1, sums.max() + 1  # always and never
    layer = ConstantLayer(weights, tuple(map(int, bounds)), width, is_signed, bipolar, cycles)
    net, fired = constant_layer(layer)
    got = net.evaluate({"inputs": bits(fields.reshape(-1), width).reshape(len(fields), -1)}, fired)
    np.testing.assert_array_equal(got, sums >= bounds)
    assert {net.ages[signal] for signal in fired if signal > 1} <= {1 + cycles}


@pytest.mark.parametrize("inputs", [144, 288])
def test_a_second_cycle_shortens_the_counting_and_costs_no_site(inputs: int) -> None:
    weights = np.random.default_rng(inputs).choice([-1, 1], (16, inputs))
    layers = [ConstantLayer(weights, (inputs // 2,) * 16, 1, False, True, cycles) for cycles in (1, 2)]
    one, two = (constant_layer(layer)[0] for layer in layers)
    assert two.sites == one.sites
    assert max(two.levels) < max(one.levels)


@pytest.mark.parametrize(
    ("inputs", "neurons", "width", "is_signed"), [(27, 16, 8, False), (10, 5, 8, False), (19, 7, 5, True)]
)
def test_last_sums_in_dsp_slices(inputs: int, neurons: int, width: int, is_signed: bool) -> None:
    rng = np.random.default_rng(inputs)
    weights = rng.choice([-1, 1], (neurons, inputs))
    weights[1], weights[2] = 1, -1
    fields = rng.integers(0, 1 << width, (400, inputs))
    fields[:2] = [[0], [(1 << width) - 1]]
    values = (fields ^ (1 << width - 1)) - (1 << width - 1) if is_signed else fields
    sums = values @ weights.T
    # Bounds that some sums meet exactly, one that all reach and one that none does.
    bounds = sums[3].copy()
    bounds[:2] = sums.min() - 1, sums.max() + 1
    layer = ConstantLayer(weights, tuple(map(int, bounds)), width, is_signed, False, 2, dsp=True)
    net, fired = constant_layer(layer)
    got = net.evaluate({"inputs": bits(fields.reshape(-1), width).reshape(len(fields), -1)}, fired)
    np.testing.assert_array_equal(got, sums >= bounds)
    in_lut, _ = constant_layer(replace(layer, dsp=False))
    assert in_lut.sites - net.sites > 9 * neurons
    assert net.dsp == neurons + neurons % 2  # two slices for two neurons
    # As late as in LUTs.
    assert {net.ages[signal] for signal in fired} == {3}


def test_sums_that_subtract_differently_share_slices() -> None:
    """Neurons of none to three subtracted terms, alone in their kinds."""
    rng = np.random.default_rng(8)
    fields = rng.integers(0, 256, (300, 27))
    for kinds in ((0, 1, 2, 3), (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (2,), (3, 3, 0)):
        signs = np.array([[-1] * kind + [1] * (3 - kind) for kind in kinds])
        weights = np.repeat(signs, 9, axis=1)
        sums = fields @ weights.T
        layer = ConstantLayer(weights, tuple(map(int, sums[0])), 8, False, False, 2, dsp=True)
        net, fired = constant_layer(layer)
        got = net.evaluate({"inputs": bits(fields.reshape(-1), 8).reshape(300, -1)}, fired)
        np.testing.assert_array_equal(got, sums >= sums[0])
        assert net.dsp == len(kinds) + len(kinds) % 2


def test_more_terms_than_two_slices_add_are_refused() -> None:
    layer = ConstantLayer(np.ones((1, 30), int), (0,), 8, False, False, 2, dsp=True)
    with pytest.raises(ValueError, match="4 terms has no place"):
        constant_layer(layer)


@pytest.mark.parametrize("width", [1, 8])
def test_several_vectors_of_one_beat(width: int) -> None:
    """Two windows of 3x3x3 that lie beside each other share two columns, and the sums of their pixels."""
    rng = np.random.default_rng(width)
    weights = rng.choice([-1, 1], (6, 27))
    vectors = tuple(
        tuple(row * 12 + 3 * place + i for row in range(3) for i in range(9)) for place in range(2)
    )
    bounds = tuple(map(int, rng.integers(10, 17, 6) if width == 1 else rng.integers(-300, 300, 6)))
    layer = ConstantLayer(weights, bounds, width, False, width == 1, 2 if width > 1 else 1, vectors)
    net, fired = constant_layer(layer)
    fields = rng.integers(0, 1 << width, (300, 36))
    got = net.evaluate({"inputs": bits(fields.reshape(-1), width).reshape(300, -1)}, fired)
    for place, own in enumerate(vectors):
        values = fields[:, own]
        sums = ((2 * values - 1) @ weights.T + 27) // 2 if width == 1 else values @ weights.T
        np.testing.assert_array_equal(got[:, 6 * place : 6 * place + 6], sums >= bounds)
    if width > 1:
        alone = constant_layer(ConstantLayer(weights, bounds, width, False, False, 2))[0].sites
        assert net.sites < 2 * alone - 80  # six of the nine pixels' sums are made once


def test_neurons_share_what_they_have_in_common() -> None:
    rng = np.random.default_rng(4)
    one = rng.choice([-1, 1], (1, 27))
    sizes = []
    for weights in (one, np.repeat(one, 4, axis=0), np.concatenate([one, -one])):
        bounds = tuple(range(len(weights)))
        sizes.append(constant_layer(ConstantLayer(weights, bounds, 8, False, False, 2))[0].sites)
    alone, four, opposite = sizes
    assert four - alone <= 12
    assert opposite - alone <= 4 + 14  # another comparison, and a sum's inverse in registers


@pytest.mark.parametrize(
    ("inputs", "pe", "words", "cycles"),
    [(144, 3, 6, 2), (30, 2, 2, 1), (288, 1, 8, 3), (5, 2, 3, 1), (7, 2, 3, 3), (150, 2, 7, 4)],
)
def test_matches_with_weight_sequences(inputs: int, pe: int, words: int, cycles: int) -> None:
    rng = np.random.default_rng(inputs)
    memory = rng.integers(0, 2, (words, pe * inputs))
    memory[:, :3] = [0, 1, 1]
    net, rows = sequence_rows(
        inputs, pe, [int(sum(int(b) << k for k, b in enumerate(w))) for w in memory], cycles
    )
    chosen = memory[rng.integers(0, words, 300)]
    values = rng.integers(0, 2, (300, inputs))
    values[:words] = memory[:, :inputs]
    chosen[:words] = memory
    assert {net.ages[bit] for own in rows for row in own for bit in row if bit > 1} == {cycles - 1}
    for p in range(pe):
        got = sum(number(net.evaluate({"inputs": values, "weights": chosen}, row)) for row in rows[p])
        matches = (values == chosen[:, p * inputs : (p + 1) * inputs]).sum(axis=1)
        np.testing.assert_array_equal(got, matches)


def test_classes_of_weights() -> None:
    """Bits: a, not a, 0, 1, b, a; bit 0 is the lowest."""
    words = (0b101010 ^ 0b100010, 0b111001, 0b011010)
    columns = [[word >> place & 1 for word in words] for place in range(6)]
    for place, (own, inverse) in enumerate(weight_classes(words, 6)):
        base = [0] * 3 if own is None else columns[own]
        assert [bit ^ inverse for bit in base] == columns[place]


def sites_of(columns: list[int], words: int) -> list[Lut]:
    """First LUTs of the lanes whose weights go through the bits of ``columns``."""
    memory = [sum((column >> k & 1) << place for place, column in enumerate(columns)) for k in range(words)]
    net, _ = sequence_rows(len(columns), 1, memory, 1)
    weights = set(net.ports["weights"])
    return [cell for cell in net.cells if isinstance(cell, Lut) and weights & set(cell.inputs)]


def test_three_lanes_a_site_where_weights_are_shared() -> None:
    """Five lanes of one sequence and four of another: the last three see both."""
    assert len(sites_of([0b001] * 5 + [0b010] * 4, 3)) == 3
