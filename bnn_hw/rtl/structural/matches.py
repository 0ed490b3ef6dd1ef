"""Counting the matches of inputs and binary weights: the XNOR-popcount of a binary layer.

A site takes two lanes, that is two inputs and their weights, and the sum bit of
the site before: it gives the sum and the carry of (match + match + bit). A chain of
such sites counts 2 n lanes in n sites and leaves one bit of weight one and n of
weight two, so the first step costs half a site a lane. Compressors then leave two
rows, which the accumulator adds together with its own value: see
:mod:`bnn_hw.rtl.structural.accumulate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from bnn_hw.rtl.structural.compress import ROWS, Columns, compress, rows_registered
from bnn_hw.rtl.structural.netlist import ZERO, Netlist, Signal

MAX_LINKS = 4


@dataclass(frozen=True)
class Shape:
    """How a counter is built: sites of a lane chain; whether carry chains compress."""

    links: int
    chains: bool


def _two_lanes(a: int, u: int, b: int, v: int, bit: int = 0) -> int:
    return (1 ^ a ^ u) + (1 ^ b ^ v) + bit


def _one_lane(a: int, u: int, bit: int = 0) -> int:
    return (1 ^ a ^ u) + bit


def _lanes(net: Netlist, inputs: list[Signal], weights: list[Signal], links: int) -> Columns:
    ones: list[Signal] = []
    twos: list[Signal] = []
    for first in range(0, len(inputs), 2 * links):
        chain: list[Signal] = []
        for lane in range(first, min(first + 2 * links, len(inputs)), 2):
            pairs = zip(inputs[lane : lane + 2], weights[lane : lane + 2], strict=True)
            pins = [signal for pair in pairs for signal in pair]
            function = _two_lanes if len(pins) == 4 else _one_lane
            if len(pins) == 2 and not chain:
                chain = [net.lut(pins, _one_lane)]
                continue
            total, carry = net.pair([*pins, *chain], function, lambda *x, f=function: f(*x) >> 1)
            chain = [total]
            twos.append(carry)
        ones += chain
    return [ones, twos]


def rows_of(columns: Columns, bits: int) -> list[list[Signal]]:
    """Return the two rows of ``bits`` signals, lowest first; what lies above them is never one."""
    padded = [*columns, *([[]] * bits)][:bits]
    return [[column[row] if row < len(column) else ZERO for column in padded] for row in range(ROWS)]


def match_rows(lanes: int, shape: Shape) -> tuple[Netlist, list[list[Signal]]]:
    """Build the counter: ports ``inputs`` and ``weights`` of ``lanes`` bits.

    Returns the netlist and two rows of bitlen(lanes) bits whose sum is the number of
    lanes where input and weight are equal.
    """
    net = Netlist()
    columns = _lanes(net, net.port("inputs", lanes), net.port("weights", lanes), shape.links)
    bits = lanes.bit_length()
    if shape.chains:
        return net, rows_of(rows_registered(net, columns, bits), bits)
    return net, rows_of(compress(net, columns, ROWS, chains=False), bits)


def compress_rows(
    numbers: int, bits: int, sum_bits: int, chains: bool = True
) -> tuple[Netlist, list[list[Signal]]]:
    """Build two rows of ``sum_bits`` bits from ``numbers`` unsigned ones of ``bits`` bits: port ``numbers``.

    The sum of the numbers must fit in ``sum_bits``. chains: may use carry chains.
    """
    net = Netlist()
    port = net.port("numbers", numbers * bits)
    columns = [port[bit::bits] for bit in range(bits)]
    if chains:
        return net, rows_of(rows_registered(net, columns, sum_bits), sum_bits)
    return net, rows_of(compress(net, columns, ROWS, chains=False), sum_bits)


def subset_counts(inputs: int, subsets: Sequence[int]) -> tuple[Netlist, list[list[list[Signal]]]]:
    """Build counters of the ones among subsets of the inputs: port ``inputs``.

    subsets: bit i tells whether input i counts. Returns two rows of bitlen(inputs)
    bits for each subset.
    """
    net = Netlist()
    port = net.port("inputs", inputs)
    columns = ([[signal for i, signal in enumerate(port) if subset >> i & 1]] for subset in subsets)
    return net, [rows_of(compress(net, own, ROWS), inputs.bit_length()) for own in columns]


def match_count(lanes: int, links: int) -> tuple[Netlist, list[Signal]]:
    """Build the counter whose result is one number, to be registered: ports as :func:`match_rows`.

    links: sites of a lane chain.
    """
    net = Netlist()
    columns = _lanes(net, net.port("inputs", lanes), net.port("weights", lanes), links)
    return net, _number(net, columns, lanes.bit_length())


def sum_rows(numbers: int, bits: int, sum_bits: int) -> tuple[Netlist, list[Signal]]:
    """Build the sum of ``numbers`` unsigned numbers of ``bits`` bits, to be registered: port ``numbers``."""
    net = Netlist()
    port = net.port("numbers", numbers * bits)
    return net, _number(net, [port[bit::bits] for bit in range(bits)], sum_bits)


def one_rows(lanes: int) -> tuple[Netlist, list[list[Signal]]]:
    """Build a counter of ones: port ``inputs``; two rows of bitlen(lanes) bits, to be registered."""
    net = Netlist()
    columns = [net.port("inputs", lanes)]
    bits = lanes.bit_length()
    return net, rows_of(rows_registered(net, columns, bits), bits)


def one_count(lanes: int) -> tuple[Netlist, list[Signal]]:
    """Build a counter of ones: port ``inputs``; a number of bitlen(lanes) bits, to be registered."""
    net = Netlist()
    columns = [net.port("inputs", lanes)]
    return net, _number(net, columns, lanes.bit_length())


def _number(net: Netlist, columns: Columns, bits: int) -> list[Signal]:
    return rows_of(rows_registered(net, columns, bits, rows=1), bits)[0]


@cache
def best_links(lanes: int) -> int:
    """Links of :func:`match_count` that take the fewest sites, of equal ones the fewest levels."""

    def cost(links: int) -> tuple[int, int]:
        net, signals = match_count(lanes, links)
        return net.sites, net.depth(signals)

    return min(range(1, MAX_LINKS + 1), key=cost)


@cache
def best_shape(lanes: int, chains: bool = True) -> Shape:
    """Shape of the fewest sites, of equal ones the fewest levels; ``chains``: may use carry chains."""
    kinds = (True, False) if chains else (False,)
    shapes = [Shape(links, kind) for links in range(1, MAX_LINKS + 1) for kind in kinds]

    def cost(shape: Shape) -> tuple[int, int]:
        net, rows = match_rows(lanes, shape)
        return net.sites, net.depth([signal for row in rows for signal in row])

    return min(shapes, key=cost)
