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

from bnn_hw.rtl.structural.compress import ROWS, Columns, compress
from bnn_hw.rtl.structural.netlist import ZERO, Netlist, Signal

MAX_LINKS = 4


@dataclass(frozen=True)
class Shape:
    """How a counter is built: sites of a lane chain; whether carry chains compress, also by mixed steps."""

    links: int
    chains: bool
    mixed: bool


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
    return net, rows_of(compress(net, columns, ROWS, shape.chains, shape.mixed), lanes.bit_length())


def compress_rows(numbers: int, bits: int, sum_bits: int) -> tuple[Netlist, list[list[Signal]]]:
    """Build two rows of ``sum_bits`` bits from ``numbers`` unsigned ones of ``bits`` bits: port ``numbers``.

    The sum of the numbers must fit in ``sum_bits``.
    """
    net = Netlist()
    port = net.port("numbers", numbers * bits)
    return net, rows_of(compress(net, [port[bit::bits] for bit in range(bits)], ROWS), sum_bits)


def subset_counts(inputs: int, subsets: Sequence[int]) -> tuple[Netlist, list[list[list[Signal]]]]:
    """Build counters of the ones among subsets of the inputs: port ``inputs``.

    subsets: bit i tells whether input i counts. Returns two rows of bitlen(inputs)
    bits for each subset.
    """
    net = Netlist()
    port = net.port("inputs", inputs)
    columns = ([[signal for i, signal in enumerate(port) if subset >> i & 1]] for subset in subsets)
    return net, [rows_of(compress(net, own, ROWS), inputs.bit_length()) for own in columns]


def total(net: Netlist, columns: Columns, bits: int) -> list[Signal]:
    """Add columns of at most three signals to one number of ``bits`` bits, in a site a bit.

    A ternary adder: a site adds the bits of its weight, their majority goes to the
    site above, and the carry chain adds the two. What lies above ``bits`` is never one.
    """
    padded = [*columns, *([[]] * bits)][:bits]
    done: list[Signal] = []
    while len(done) < bits and len(padded[len(done)]) <= 1:
        done += padded[len(done)] or [ZERO]
    positions: list[tuple[Signal, Signal]] = []
    carry = ZERO
    for column in padded[len(done) :]:
        spare = ZERO
        if len(column) == 3:
            if carry == ZERO:
                parity, spare = net.pair(column, lambda *x: sum(x), lambda *x: int(sum(x) >= 2))
            else:
                # The signal from below is the last one.
                pins = [*column, carry]
                parity, spare = net.pair(pins, lambda *x: sum(x), lambda *x: int(sum(x[:-1]) >= 2))
            positions.append((parity, carry))
        elif len(column) == 2 and carry != ZERO:
            pins = [*column, carry]
            parity, spare = net.pair(pins, lambda *x: sum(x), lambda *x: int(sum(x[:-1]) >= 2))
            positions.append((parity, carry))
        else:
            pins = [*column, *([carry] if carry != ZERO else [])]
            parity = pins[0] if len(pins) == 1 else net.lut(pins, lambda *x: sum(x)) if pins else ZERO
            positions.append((parity, pins[0] if len(pins) == 2 else ZERO))
        carry = spare
    return [*done, *(net.chain(positions)[0] if positions else [])]


@dataclass(frozen=True)
class CountShape:
    """How a counter that gives one number is built: as ``shape``, rows left for the last adder."""

    shape: Shape
    rows: int


def match_count(lanes: int, choice: CountShape) -> tuple[Netlist, list[Signal]]:
    """Build the counter whose result is one number of bitlen(lanes) bits: ports as :func:`match_rows`."""
    net = Netlist()
    columns = _lanes(net, net.port("inputs", lanes), net.port("weights", lanes), choice.shape.links)
    left = compress(net, columns, choice.rows, choice.shape.chains, choice.shape.mixed)
    return net, total(net, left, lanes.bit_length())


def sum_rows(numbers: int, bits: int, sum_bits: int) -> tuple[Netlist, list[Signal]]:
    """Build the sum of ``numbers`` unsigned numbers of ``bits`` bits: port ``numbers``."""
    net = Netlist()
    port = net.port("numbers", numbers * bits)
    return net, total(net, compress(net, [port[bit::bits] for bit in range(bits)], 3), sum_bits)


_KINDS = ((True, True), (True, False), (False, False))
"""Whether carry chains compress, also by mixed steps."""


def _one_nets(lanes: int, rows: int) -> list[tuple[Netlist, Columns]]:
    nets = []
    for kind in _KINDS:
        net = Netlist()
        nets.append((net, compress(net, [net.port("inputs", lanes)], rows, *kind)))
    return nets


def one_rows(lanes: int) -> tuple[Netlist, list[list[Signal]]]:
    """Build a counter of ones: port ``inputs``; two rows of bitlen(lanes) bits."""
    net, columns = min(_one_nets(lanes, ROWS), key=lambda built: built[0].sites)
    return net, rows_of(columns, lanes.bit_length())


def one_count(lanes: int) -> tuple[Netlist, list[Signal]]:
    """Build a counter of ones: port ``inputs``; a number of bitlen(lanes) bits."""
    built = [
        (net, total(net, columns, lanes.bit_length()))
        for rows in (2, 3)
        for net, columns in _one_nets(lanes, rows)
    ]
    return min(built, key=lambda pair: pair[0].sites)


@cache
def best_count(lanes: int) -> CountShape:
    """Shape of the fewest sites, of equal ones the fewest levels."""
    kinds = ((True, True), (True, False), (False, False))
    choices = [
        CountShape(Shape(links, *kind), rows)
        for links in range(1, MAX_LINKS + 1)
        for kind in kinds
        for rows in (2, 3)
    ]

    def cost(choice: CountShape) -> tuple[int, int]:
        net, signals = match_count(lanes, choice)
        return net.sites, net.depth(signals)

    return min(choices, key=cost)


@cache
def best_shape(lanes: int, chains: bool = True) -> Shape:
    """Shape of the fewest sites, of equal ones the fewest levels; ``chains``: may use carry chains."""
    kinds = [(True, True), (True, False), (False, False)] if chains else [(False, False)]
    shapes = [Shape(links, *kind) for links in range(1, MAX_LINKS + 1) for kind in kinds]

    def cost(shape: Shape) -> tuple[int, int]:
        net, rows = match_rows(lanes, shape)
        return net.sites, net.depth([signal for row in rows for signal in row])

    return min(shapes, key=cost)
