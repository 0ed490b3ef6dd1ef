"""The accumulator's adder: two rows, its own value or minus a threshold, in one site a bit.

A ternary adder: a site adds three bits of one weight. Their parity and the carry of
the site below go to the carry chain, their majority is the carry to the site above.
A site has five inputs, so the accumulated value and the threshold share one operand:
where one counts, the other is neutral (0 for the value, all ones for the threshold).
"""

from __future__ import annotations

from dataclasses import dataclass

from bnn_hw.rtl.structural.netlist import ZERO, Netlist, Signal


@dataclass(frozen=True)
class Adder:
    """Parameters of bnn_accumulate.

    row0_bits: bits of row 0, ``signed`` two's complement, and with ``negate``
    inverted bit by bit on demand; row1_bits: bits of row 1, unsigned, with
    ``negate`` at most one; sum_bits: bits of value, threshold and sum.
    """

    row0_bits: int
    signed: bool
    negate: bool
    row1_bits: int
    sum_bits: int

    def __post_init__(self) -> None:
        if self.negate and self.row1_bits > 1:
            raise ValueError("a site has no input left for an inverted row and another one")


def _operands(pins: dict[int, int]) -> tuple[int, int, int, int]:
    """What a site adds, of its pins by place: row 0, invert, row 1, value, threshold, carry from below."""
    row0, invert, row1, value, threshold, carry = (pins.get(place, 0) for place in range(6))
    return row0 ^ invert, row1, value | (1 ^ threshold), carry


def accumulate(adder: Adder) -> tuple[Netlist, list[Signal]]:
    """Build (row0 ^ invert) + row1 + (value | ~threshold) + first, with one port each.

    Returns the netlist and the sum's bits, lowest first.
    """
    net = Netlist()
    row0, row1 = net.port("row0", adder.row0_bits), net.port("row1", adder.row1_bits)
    invert = net.port("invert", 1)[0] if adder.negate else ZERO
    value, threshold = net.port("value", adder.sum_bits), net.port("threshold", adder.sum_bits)
    first = net.port("first", 1)[0]
    positions = []
    carry = ZERO
    for bit in range(adder.sum_bits):
        inside = adder.signed or bit < adder.row0_bits
        pins = [
            row0[min(bit, adder.row0_bits - 1)] if inside else ZERO,
            invert if inside else ZERO,
            row1[bit] if bit < adder.row1_bits else ZERO,
            value[bit],
            threshold[bit],
            carry,
        ]
        used = [place for place, pin in enumerate(pins) if pin != ZERO]

        def total(*bits: int, used: list[int] = used) -> int:
            return sum(_operands(dict(zip(used, bits, strict=True))))

        def to_carry(*bits: int, used: list[int] = used) -> int:
            return int(sum(_operands(dict(zip(used, bits, strict=True)))[:3]) >= 2)

        di = carry
        signals = [pins[place] for place in used]
        if bit == adder.sum_bits - 1 or (not inside and bit >= adder.row1_bits):
            parity, carry = net.lut(signals, total), ZERO
        else:
            parity, carry = net.pair(signals, total, to_carry)
        positions.append((parity, di))
    sums, _ = net.chain(positions, first)
    return net, sums
