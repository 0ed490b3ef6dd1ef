"""Adding many bits: columns of equal weight are compressed until two rows are left.

``columns[k]`` holds signals of weight 2**k. The compressors are those of M. Kumm
and P. Zipf, "Pipelined compressor tree optimization using integer linear
programming" (FPL 2014), for 7-series: six bits of one weight, or four of one and
one of the next, enter two positions of a carry chain, so a chain of n such steps
takes up to 6 n bits and gives 2 n + 1. Full adders in single sites do the rest, or
everything where carry chains are scarce.
"""

from __future__ import annotations

from collections.abc import Sequence

from bnn_hw.rtl.structural.netlist import CHAIN_LENGTH, Netlist, Signal

Columns = list[list[Signal]]
Positions = list[tuple[Signal, Signal]]

ROWS = 2
"""Rows left for the accumulator to add."""


def _parity(*bits: int) -> int:
    return sum(bits) & 1


def full_adder(net: Netlist, a: Signal, b: Signal, c: Signal) -> tuple[Signal, Signal]:
    """Sum and carry of three bits in one site."""
    return net.pair([a, b, c], _parity, lambda *x: int(sum(x) >= 2))


def _six(net: Netlist, bits: Sequence[Signal]) -> Positions:
    """Six bits of one weight as two chain positions.

    The first position adds their sum's lowest bit: S is the parity of all, DI the
    sixth bit, so the carry is right whatever comes in (with S = 0 the sixth bit
    equals the parity of the other five, and either both or none of them is to be
    carried beside what the second position counts). The second position adds what
    the first five hold in units of two: 0, 1 (S) or 2 (DI) of them.
    """
    parity = net.lut(bits, _parity)
    two, four = net.pair(bits[:5], lambda *x: int(sum(x) in (2, 3)), lambda *x: int(sum(x) >= 4))
    return [(parity, bits[5]), (two, four)]


def _four_and_one(net: Netlist, bits: Sequence[Signal], double: Signal) -> Positions:
    """Four bits of one weight and one of the next as two chain positions."""
    parity = net.lut(bits, _parity)
    two, four = net.pair(
        [*bits[:3], double],
        lambda x, y, z, d: int((x + y + z >= 2) + d == 1),
        lambda x, y, z, d: int((x + y + z >= 2) + d == 2),
    )
    return [(parity, bits[3]), (two, four)]


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
                a, b = columns[place].pop(0), columns[place].pop(0)
                positions.append((net.lut([a, b], _parity), a))
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


def compress(net: Netlist, columns: Columns, height: int, chains: bool = True, mixed: bool = True) -> Columns:
    """Return columns of at most ``height`` signals, at least 2, with the same sum.

    chains: use carry chains; without them only full adders. mixed: also use the
    chain step of four bits and one of the next weight.
    """
    while max(map(len, columns), default=0) > height:
        left, result = [list(column) for column in columns], []
        if chains:
            _chains(net, left, result, mixed)
        _adders(net, left, result, height)
        columns = result
    return columns
