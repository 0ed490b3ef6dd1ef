"""Adding many bits: columns of equal weight are compressed until two rows are left.

``columns[k]`` holds signals of weight 2**k. The compressors are those of M. Kumm
and P. Zipf, "Pipelined compressor tree optimization using integer linear
programming" (FPL 2014), for 7-series: six bits of one weight, or four of one and
one of the next, enter two positions of a carry chain, so a chain of n such steps
takes up to 6 n bits and gives 2 n + 1. Nothing but a constant comes in at its lower
end: that pin is the first position's, which needs it itself. Full adders in single
sites do the rest, or everything where carry chains are scarce. A sum that enters
registers can end in a ternary adder, which takes two bits for each site
(:func:`ternary`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from bnn_hw.rtl.structural.netlist import (
    CHAIN_LENGTH,
    ZERO,
    Function,
    Netlist,
    Signal,
    majority,
    parity,
)

Columns = list[list[Signal]]
Positions = list[tuple[Signal, Signal]]

ROWS = 2
"""Rows left for the accumulator to add."""


def full_adder(net: Netlist, a: Signal, b: Signal, c: Signal) -> tuple[Signal, Signal]:
    """Sum and carry of three bits in one site."""
    return net.pair([a, b, c], parity, majority)


def _two_or_three(*bits: int) -> int:
    return int(sum(bits) in (2, 3))


def _four_or_more(*bits: int) -> int:
    return int(sum(bits) >= 4)


def _pair_and_one(x: int, y: int, z: int, double: int) -> int:
    return int((x + y + z >= 2) + double == 1)


def _pair_and_two(x: int, y: int, z: int, double: int) -> int:
    return int((x + y + z >= 2) + double == 2)


def _plain_last(bits: Sequence[Signal]) -> list[Signal]:
    """The bits with one that is no inverse at the end, if there is any: it goes past the LUTs."""
    return sorted(bits, key=lambda signal: signal > 0) if bits[-1] < 0 else list(bits)


def _pop_plain(bits: list[Signal]) -> Signal:
    place = next((k for k in reversed(range(len(bits))) if bits[k] > 0), len(bits) - 1)
    return bits.pop(place)


def _six(net: Netlist, bits: Sequence[Signal]) -> Positions:
    """Six bits of one weight as two chain positions.

    The first position adds their sum's lowest bit: S is the parity of all, DI the
    sixth bit, so the carry is right whatever comes in (with S = 0 the sixth bit
    equals the parity of the other five, and either both or none of them is to be
    carried beside what the second position counts). The second position adds what
    the first five hold in units of two: 0, 1 (S) or 2 (DI) of them.
    """
    bits = _plain_last(bits)
    two, four = net.pair(bits[:5], _two_or_three, _four_or_more)
    return [(net.lut(bits, parity), bits[5]), (two, four)]


def _four_and_one(net: Netlist, bits: Sequence[Signal], double: Signal) -> Positions:
    """Four bits of one weight and one of the next as two chain positions."""
    bits = _plain_last(bits)
    two, four = net.pair([*bits[:3], double], _pair_and_one, _pair_and_two)
    return [(net.lut(bits, parity), bits[3]), (two, four)]


def _column(columns: Columns, weight: int) -> list[Signal]:
    while len(columns) <= weight:
        columns.append([])
    return columns[weight]


def _chains(net: Netlist, columns: Columns, result: Columns, mixed: bool) -> None:
    """Compress with carry chains as long as a column has six bits; what is left stays in ``columns``."""
    for weight in range(len(columns)):
        while len(columns[weight]) >= 6:
            positions: Positions = []
            place = weight
            while True:
                here = _column(columns, place)
                if len(here) >= 6:
                    positions += _six(net, [here.pop(0) for _ in range(6)])
                elif mixed and positions and len(here) >= 4 and _column(columns, place + 1):
                    bits = [here.pop(0) for _ in range(4)]
                    positions += _four_and_one(net, bits, columns[place + 1].pop(0))
                else:
                    break
                place += 2
            # The rest of a CARRY4 is there anyway: let it add two bits a position.
            while len(positions) % CHAIN_LENGTH and 2 <= len(_column(columns, place)) < 6:
                a, b = _plain_last([columns[place].pop(0), columns[place].pop(0)])
                positions.append((net.lut([a, b], parity), b))
                place += 1
            sums, carry = net.chain(positions)
            for offset, signal in enumerate([*sums, carry]):
                _column(result, weight + offset).append(signal)


def _adders(net: Netlist, columns: Columns, result: Columns, height: int) -> None:
    """Full adders where a column would stay higher than ``height``; the rest passes through."""
    for weight in range(len(columns)):
        here = columns[weight]
        while len(here) >= 3 and len(here) + len(_column(result, weight)) > height:
            total, carry = full_adder(net, here.pop(0), here.pop(0), here.pop(0))
            _column(result, weight).append(total)
            _column(result, weight + 1).append(carry)
        _column(result, weight).extend(here)


def _fit(columns: Columns, height: int, extra: int) -> bool:
    """Tell whether no column is higher than ``height``; the first that a ternary adder takes may be."""
    heights = [len(column) for column in columns]
    start = next((weight for weight, height_here in enumerate(heights) if height_here > height - ROWS), 0)
    return all(h <= height + (extra if weight == start else 0) for weight, h in enumerate(heights))


def _reduce(
    net: Netlist, columns: Columns, height: int, chains: bool, mixed: bool, extra: int = 0
) -> Columns:
    while not _fit(columns, height, extra):
        left = [list(column) for column in columns]
        result: Columns = []
        if chains:
            _chains(net, left, result, mixed)
        _adders(net, left, result, height)
        columns = result
    return columns


def compress(net: Netlist, columns: Columns, height: int, chains: bool = True, mixed: bool = True) -> Columns:
    """Return columns of at most ``height`` signals, at least 2, with the same sum.

    chains: use carry chains; without them only full adders. mixed: also use the
    chain step of four bits and one of the next weight.
    """
    return _reduce(net, columns, height, chains, mixed)


def ternary(net: Netlist, columns: Columns, width: int, rows: int = ROWS) -> Columns:
    """Add with one ternary adder modulo 2**width: from ``rows + 2`` signals a column to ``rows``, 1 or 2.

    The lowest column that is too high may have one more. A site takes three bits: their
    parity goes to the carry chain, their majority is a bit of the next column, which
    enters the chain there, past the LUT. Such a site has two outputs besides its LUT's
    inputs only if its sum goes to a register, so the sums must be registered.
    """
    columns = [list(column) for column in columns[:width]]
    start = next((weight for weight, column in enumerate(columns) if len(column) > rows), width)
    result = columns[:start]
    if start == width:
        return result
    columns += [[] for _ in range(width - len(columns))]
    kept = {
        weight: _pop_plain(columns[weight])
        for weight in range(start, width)
        if _spare(columns, weight, start, rows)
    }
    through = _pop_plain(columns[start]) if len(columns[start]) > 3 else ZERO
    positions: Positions = []
    for weight in range(start, width):
        bits = columns[weight]
        if through == ZERO and bits:
            through = _pop_plain(bits)
        if len(bits) > 3:
            raise ValueError(f"column {weight} has {len(bits) - 3} signals more than a ternary adder takes")
        pins = [*bits, *([through] if through != ZERO else [])]
        upward = ZERO
        if len(bits) >= 2 and weight < width - 1:
            total, upward = net.pair(pins, parity, _majority_of(len(bits)))
        else:
            total = net.lut(pins, parity) if len(pins) > 1 else pins[0] if pins else ZERO
        positions.append((total, through))
        through = upward
        if weight < width - 1 and through == ZERO and not any(columns[weight + 1 :]):
            break
    sums, carry = net.chain(positions)
    result += [[total] for total in sums]
    result += [[carry]] if len(result) < width else []
    for weight, signal in kept.items():
        result[weight].append(signal)
    return result


def compress_round(net: Netlist, columns: Columns) -> Columns:
    """One level of carry chains over columns of six bits and more; the rest passes."""
    left = [list(column) for column in columns]
    result: Columns = []
    _chains(net, left, result, mixed=True)
    for weight, column in enumerate(left):
        _column(result, weight).extend(column)
    return result


@cache
def _majority_of(count: int) -> Function:
    """Majority of the first ``count`` bits."""
    return lambda *bits: majority(*bits[:count])


def _spare(columns: Columns, weight: int, start: int, rows: int) -> bool:
    """Tell whether a column has a signal that the ternary adder cannot take, but the second row can."""
    return rows > 1 and len(columns[weight]) > (4 if weight == start else 3)


@dataclass(frozen=True)
class _Way:
    """How to come to registered rows: with mixed chain steps; bits over in the first column; a last adder."""

    mixed: bool
    extra: int
    adder: bool

    def build(self, net: Netlist, columns: Columns, width: int, rows: int) -> Columns:
        if not self.adder:
            return _reduce(net, columns, rows, True, self.mixed)[:width]
        reduced = _reduce(net, columns, rows + 2, True, self.mixed, self.extra)
        return ternary(net, reduced[:width], width, rows)


@cache
def _best_way(plain: tuple[tuple[bool, ...], ...], width: int, rows: int) -> _Way:
    """The way of the fewest sites for columns of signals that are plain or inverses."""
    ways = [_Way(mixed, extra, True) for mixed in (True, False) for extra in (1, 0)]
    if rows == ROWS:
        ways += [_Way(mixed, 0, False) for mixed in (True, False)]

    def sites(way: _Way) -> int:
        trial = Netlist()
        signals = iter(trial.port("bits", sum(map(len, plain))))
        columns = [[next(signals) * (1 if flag else -1) for flag in column] for column in plain]
        way.build(trial, columns, width, rows)
        return trial.sites

    return min(ways, key=sites)


def rows_registered(net: Netlist, columns: Columns, width: int, rows: int = ROWS) -> Columns:
    """Return one or two rows modulo 2**width that enter registers, in the fewest sites of several ways."""
    plain = tuple(tuple(signal > 0 for signal in column) for column in columns)
    return _best_way(plain, width, rows).build(net, columns, width, rows)
