"""Numbers in a netlist that keep track of their range, their sums, and comparisons with constants.

All rows of bits are unsigned. Minus a row is its inverse less a constant, and inverses
cost nothing at a LUT's input, so constants are only remembered (``offset``) until a
comparison takes them into its own constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from bnn_hw.rtl.structural.compress import Columns, rows_registered
from bnn_hw.rtl.structural.netlist import ONE, ZERO, Function, Netlist, Signal, inverted

FIRST_COMPARED, FURTHER_COMPARED = 6, 5
"""Bits that the first LUT of a comparison takes, and each further one beside the result so far."""


@dataclass(frozen=True)
class Number:
    """``columns[k]``: signals of weight 2**k; the value is their sum, 0 to ``most``, plus ``offset``."""

    columns: tuple[tuple[Signal, ...], ...]
    most: int
    offset: int = 0

    def times(self, sign: int) -> Number:
        """The number, or minus it for -1."""
        if sign > 0:
            return self
        whole = sum(len(column) << weight for weight, column in enumerate(self.columns))
        columns = tuple(tuple(map(inverted, column)) for column in self.columns)
        return Number(columns, whole, -self.offset - whole)


def unsigned(bits: Sequence[Signal]) -> Number:
    return Number(tuple((bit,) for bit in bits), (1 << len(bits)) - 1)


def signed(bits: Sequence[Signal]) -> Number:
    """Two's complement: the highest bit counts minus its weight, which is its inverse less the weight."""
    return replace(unsigned([*bits[:-1], inverted(bits[-1])]), offset=-1 << (len(bits) - 1))


def ones(bits: Sequence[Signal]) -> Number:
    """Number of ones among bits."""
    return Number((tuple(bits),), len(bits))


def gathered(numbers: Sequence[Number]) -> Number:
    """The sum of numbers, not yet added."""
    height = max((len(number.columns) for number in numbers), default=0)
    columns = tuple(
        tuple(
            signal for number in numbers for signal in (number.columns[k] if k < len(number.columns) else ())
        )
        for k in range(height)
    )
    return Number(columns, sum(n.most for n in numbers), sum(n.offset for n in numbers))


def joined(net: Netlist, numbers: Sequence[Number], rows: int = 1) -> Number:
    """The sum of numbers in one or two rows, for a register to take."""
    whole = gathered(numbers)
    columns: Columns = [list(column) for column in whole.columns]
    result = rows_registered(net, columns, whole.most.bit_length(), rows)
    return replace(whole, columns=tuple(map(tuple, result)))


def add(net: Netlist, numbers: Sequence[Number], rows: int = 1) -> Number:
    """The sum of numbers in one or two rows behind a register."""
    return register(net, joined(net, numbers, rows))


def register(net: Netlist, number: Number) -> Number:
    signals = iter(net.register([signal for column in number.columns for signal in column]))
    return replace(number, columns=tuple(tuple(next(signals) for _ in column) for column in number.columns))


def at_least(net: Netlist, number: Number, bound: int) -> Signal:
    """One where a number of one or two rows is at least ``bound``."""
    bound -= number.offset
    if bound <= 0:
        return ONE
    if bound > number.most:
        return ZERO
    if max(map(len, number.columns)) == 1:
        return _compare(net, [column[0] if column else ZERO for column in number.columns], bound)
    return _carry_out(net, number, bound)


@cache
def _reaches(bound: int, bits: int, has_lower: bool) -> Function:
    """Bits, lowest first, at least ``bound``; where they equal it, the last argument decides."""

    def compare(*arguments: int) -> int:
        value = sum(bit << place for place, bit in enumerate(arguments[:bits]))
        return int(value > bound or (value == bound and (not has_lower or bool(arguments[bits]))))

    return compare


def _compare(net: Netlist, bits: Sequence[Signal], bound: int) -> Signal:
    """Compare from the lowest bit that counts on: a LUT takes some bits and the result so far."""
    result: Signal | None = None
    place = (bound & -bound).bit_length() - 1
    while place < len(bits):
        count = min(FIRST_COMPARED if result is None else FURTHER_COMPARED, len(bits) - place)
        share = bound >> place & ((1 << count) - 1)
        pins = [*bits[place : place + count], *([] if result is None else [result])]
        result = net.lut(pins, _reaches(share, count, result is not None))
        place += count
    assert result is not None
    return result


@cache
def _parity_with(upper: int, constant: int, lower_constant: int) -> Function:
    """Sum bit of the first ``upper`` bits and a constant, plus the carry of the further bits and theirs."""

    def total(*bits: int) -> int:
        return sum(bits[:upper]) + constant + int(sum(bits[upper:]) + lower_constant >= 2)

    return total


@cache
def _carry_with(upper: int, lower_constant: int) -> Function:
    return lambda *bits: int(sum(bits[upper:]) + lower_constant >= 2)


def _carry_out(net: Netlist, number: Number, bound: int) -> Signal:
    """Add 2**width - bound to two rows, one site a bit, for the bit above: a constant takes no input."""
    width = number.most.bit_length()
    constant = (1 << width) - bound
    positions: list[tuple[Signal, Signal]] = []
    lower: list[Signal] = []
    lower_constant = 0
    for weight in range(width + 1):
        bits = list(number.columns[weight]) if weight < len(number.columns) else []
        own = constant >> weight & 1 if weight < width else 0
        pins = [*bits, *lower]
        total = _parity_with(len(bits), own, lower_constant)
        if not pins:
            positions.append((ZERO, ZERO) if not own else (ONE, ZERO))
        elif len(lower) + lower_constant < 2:
            positions.append((net.lut(pins, total), ZERO))
        else:
            positions.append(net.pair(pins, total, _carry_with(len(bits), lower_constant)))
        lower, lower_constant = bits, own
    sums, _ = net.chain(positions)
    return sums[-1]
