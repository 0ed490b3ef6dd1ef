"""Matches with weights of few words: lanes share the few sequences that weights can go through.

With W words a weight is one of at most 2**(W-1) sequences or their inverses, so many
lanes see the same weight signal. A site has five inputs: three lanes of at most two
signals. That is a third of a site a lane, where lanes of weights of their own take
half a site (:mod:`bnn_hw.rtl.structural.matches`). A lane whose weight never changes
needs no weight signal at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from bnn_hw.rtl.structural.compress import Columns, compress_round, rows_registered
from bnn_hw.rtl.structural.matches import rows_of
from bnn_hw.rtl.structural.netlist import Function, Netlist, Signal

LANES_OF_SITE = 3
ROUNDS = (1, 2)
"""Rounds of compression before the first register, behind the lanes' own LUTs, and before each further one.

About as many levels in each cycle, and registers where compressors leave the fewest bits.
"""


@dataclass(frozen=True)
class Lane:
    """An input and how it is compared: ``flip`` 1 where it matches a weight signal of 0 (or always)."""

    signal: Signal
    flip: int


def weight_classes(words: Sequence[int], width: int) -> list[tuple[int | None, int]]:
    """For each bit of the words: the first bit that goes with it, and 1 where it is that bit's inverse.

    The first bit is None for a bit that never changes; 1 then stands for a constant 1.
    """
    whole = (1 << len(words)) - 1
    columns = [sum((word >> place & 1) << k for k, word in enumerate(words)) for place in range(width)]
    first: dict[int, int] = {}
    classes: list[tuple[int | None, int]] = []
    for place, column in enumerate(columns):
        if column in (0, whole):
            classes.append((None, column & 1))
            continue
        own = first.setdefault(min(column, column ^ whole), place)
        classes.append((own, int(columns[own] != column)))
    return classes


@cache
def _matches(pins: tuple[int, ...], flips: tuple[int, ...], plain: int) -> Function:
    """Matches of lanes, and plain bits: lane k is input k, compared with pin ``pins[k]`` (-1: none)."""
    lanes = len(pins)

    def count(*bits: int) -> int:
        own = (bits[k] ^ (bits[pins[k]] if pins[k] >= 0 else 0) ^ flips[k] for k in range(lanes))
        return sum(own) + sum(bits[lanes : lanes + plain])

    return count


@cache
def _carry(count: Function) -> Function:
    return lambda *bits: count(*bits) >> 1


def _site(net: Netlist, lanes: Sequence[tuple[Lane, Signal | None]], plain: Sequence[Signal]) -> list[Signal]:
    """Sum, and carry if there can be one, of lanes with their weight signals, and of plain bits."""
    weights = list(dict.fromkeys(weight for _, weight in lanes if weight is not None))
    base = len(lanes) + len(plain)
    pins = tuple(-1 if weight is None else base + weights.index(weight) for _, weight in lanes)
    function = _matches(pins, tuple(lane.flip for lane, _ in lanes), len(plain))
    signals = [*(lane.signal for lane, _ in lanes), *plain, *weights]
    if base == 1:
        return [net.lut(signals, function)]
    return list(net.pair(signals, function, _carry(function)))


Lanes = dict[Signal | None, list[Lane]]
"""Lanes by their weight signal; None: the weight never changes."""


def lane_columns(net: Netlist, lanes: Lanes) -> Columns:
    """Bits of weight one and two whose sum is the number of matches; ``lanes`` by weight signal.

    Three lanes a site while two of them share a signal; then pairs of lanes with a sum
    bit of a site before.
    """
    left: Lanes = {weight: list(own) for weight, own in lanes.items() if own}
    ones: list[Signal] = []
    twos: list[Signal] = []

    def take(weight: Signal | None) -> tuple[Lane, Signal | None]:
        lane = left[weight].pop()
        if not left[weight]:
            del left[weight]
        return lane, weight

    def by_count(count: int, used: Sequence[Signal | None]) -> list[Signal | None]:
        return [weight for weight, own in left.items() if len(own) == count and weight not in used]

    while left:
        weight = max(left, key=lambda key: (len(left[key]), key is not None))
        site = [take(weight) for _ in range(min(LANES_OF_SITE, len(left[weight])))]
        while len(site) < LANES_OF_SITE and left:
            used = list(dict.fromkeys(own for _, own in site if own is not None))
            if None in left:
                site.append(take(None))
            elif len(used) < 2:
                partners = by_count(1, used) or by_count(2, used) or [key for key in left if key not in used]
                site.append(take(partners[0]))
            else:
                break
        plain = [ones.pop(0)] if len(site) < LANES_OF_SITE and len(site) > 0 and ones else []
        result = _site(net, site, plain)
        ones.append(result[0])
        twos += result[1:]
    return [ones, twos]


def sequence_rows(
    inputs: int, pe: int, words: Sequence[int], cycles: int
) -> tuple[Netlist, list[list[list[Signal]]]]:
    """Build the counters of all PEs: ports ``inputs`` and ``weights`` (PE p's at ``p * inputs``).

    words: what ``weights`` can be. cycles: one more than the registers on every path. Returns
    two rows of bitlen(inputs) bits a PE, to be registered.
    """
    net = Netlist()
    values, weights = net.port("inputs", inputs), net.port("weights", pe * inputs)
    classes = weight_classes(words, pe * inputs)
    bits = inputs.bit_length()
    result = []
    for p in range(pe):
        lanes: Lanes = defaultdict(list)
        for i, signal in enumerate(values):
            own, inverse = classes[p * inputs + i]
            lanes[None if own is None else weights[own]].append(Lane(signal, 1 ^ inverse))
        columns: Columns = lane_columns(net, lanes)
        for step in range(cycles - 1):
            for _ in range(ROUNDS[min(step, 1)]):
                columns = compress_round(net, columns)
            columns = [net.register(column) for column in columns]
        result.append(rows_of(rows_registered(net, columns, bits), bits))
    return net, result
