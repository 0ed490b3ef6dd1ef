"""The sums of three integers with signs, as ternary adders: what all PEs of an integer layer share."""

from __future__ import annotations

from dataclasses import dataclass

from bnn_hw.rtl.structural.netlist import ONE, ZERO, Netlist, Signal

TERMS = 3
SIGNS = ((1, 1), (0, 1), (1, 0), (0, 0))
"""Whether the second and the third value are subtracted, by place of the sum."""


@dataclass(frozen=True)
class Sums:
    """Parameters of bnn_triple_sums: ``count`` values of ``bits`` bits, two's complement if ``signed``."""

    count: int
    bits: int
    signed: bool

    @property
    def sum_bits(self) -> int:
        return self.bits + 2 + (0 if self.signed else 1)


Operand = tuple[list[Signal], bool]
"""A value's bits as far as the sum goes, and whether it is subtracted."""


def triple_sums(sums: Sums) -> tuple[Netlist, list[Signal]]:
    """Build the sums of each three values: port ``values``; returns port ``sums``.

    All sums of a triple have the same lowest bit; it is one signal.
    """
    net = Netlist()
    port = net.port("values", sums.count * sums.bits)
    outputs: list[Signal] = []
    for first in range(0, sums.count, TERMS):
        places = range(first, min(first + TERMS, sums.count))
        values = [_extended(port[i * sums.bits : (i + 1) * sums.bits], sums) for i in places]
        made: dict[tuple[int, ...], list[Signal]] = {}
        for signs in SIGNS:
            own = (0, *signs)[: len(values)]
            if own not in made:
                made[own] = _add(net, [(value, bool(sign)) for value, sign in zip(values, own, strict=True)])
        lowest = made[(0, 0, 0)[: len(values)]][0]
        for signs in SIGNS:
            outputs += [lowest, *made[(0, *signs)[: len(values)]][1:]]
    return net, outputs


def _extended(value: list[Signal], sums: Sums) -> list[Signal]:
    return value + [value[-1] if sums.signed else ZERO] * (sums.sum_bits - sums.bits)


def _add(net: Netlist, operands: list[Operand]) -> list[Signal]:
    """Sum of up to three operands; the first is added. Minus x is ~x + 1, so ones come in at the bottom."""
    if len(operands) == 1:
        return operands[0][0]
    negative = sum(subtracted for _, subtracted in operands)
    positions: list[tuple[Signal, Signal]] = []
    carry = ONE if negative == 2 else ZERO
    for bits in zip(*(value for value, _ in operands), strict=True):
        pins = [*bits, carry]
        inverted = [*(subtracted for _, subtracted in operands), False]
        wires = [place for place, pin in enumerate(pins) if pin not in (ZERO, ONE)]

        def added(
            values: tuple[int, ...],
            pins: list[Signal] = pins,
            inverted: list[bool] = inverted,
            wires: list[int] = wires,
        ) -> list[int]:
            full = [int(pin == ONE) for pin in pins]
            for place, value in zip(wires, values, strict=True):
                full[place] = value
            return [value ^ invert for value, invert in zip(full, inverted, strict=True)]

        cases = [tuple(row >> k & 1 for k in range(len(wires))) for row in range(1 << len(wires))]
        majorities = {int(sum(added(case)[:-1]) >= 2) for case in cases}
        di = carry
        signals = [pins[place] for place in wires]
        if len(majorities) == 2:
            parity, carry = net.pair(
                signals, lambda *x, f=added: sum(f(x)) & 1, lambda *x, f=added: int(sum(f(x)[:-1]) >= 2)
            )
        else:
            constant = ONE if majorities == {1} else ZERO
            if wires:
                parity = net.lut(signals, lambda *x, f=added: sum(f(x)) & 1)
            else:
                parity = ONE if sum(added(())) & 1 else ZERO
            carry = constant
        positions.append((parity, di))
    sums, _ = net.chain(positions, ONE if negative else ZERO)
    return sums
