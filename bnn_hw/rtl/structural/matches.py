"""Counting the matches of inputs and binary weights: the XNOR-popcount of a binary layer.

A site takes two lanes, that is two inputs and their weights, and the sum bit of
the site before: it gives the sum and the carry of (match + match + bit). A chain of
such sites counts 2 n lanes in n sites and leaves one bit of weight one and n of
weight two, so the first step costs half a site a lane. Compressors and one adder
sum up the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from bnn_hw.rtl.structural.compress import Columns, add, compress
from bnn_hw.rtl.structural.netlist import Netlist, Signal


@dataclass(frozen=True)
class Shape:
    """How a counter is built: sites a lane chain, rows of the final adder, carry chains, their mixed step."""

    links: int
    height: int
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
            pins = [
                s
                for pair in zip(inputs[lane : lane + 2], weights[lane : lane + 2], strict=True)
                for s in pair
            ]
            function = _two_lanes if len(pins) == 4 else _one_lane
            if len(pins) == 2 and not chain:
                chain = [net.lut(pins, _one_lane)]
                continue
            total, carry = net.pair([*pins, *chain], function, lambda *x, f=function: f(*x) >> 1)
            chain = [total]
            twos.append(carry)
        ones += chain
    return [ones, twos]


def count_matches(lanes: int, shape: Shape) -> tuple[Netlist, list[Signal]]:
    """Build the counter: ports ``inputs`` and ``weights`` of ``lanes`` bits; the count's bits, lowest first."""
    net = Netlist()
    columns = _lanes(net, net.port("inputs", lanes), net.port("weights", lanes), shape.links)
    columns = compress(net, columns, shape.height, shape.chains, shape.mixed)
    return net, add(net, columns)[: lanes.bit_length()]


@cache
def best_shape(lanes: int, chains: bool = True) -> Shape:
    """Shape of the fewest sites, of equal ones of the fewest levels; ``chains``: whether it may use carry chains."""
    kinds = [(True, True), (True, False), (False, False)] if chains else [(False, False)]
    shapes = [Shape(links, height, *kind) for links in (1, 2, 3, 4) for height in (2, 3) for kind in kinds]

    def cost(shape: Shape) -> tuple[int, int]:
        net, bits = count_matches(lanes, shape)
        return net.sites, net.depth(bits)

    return min(shapes, key=cost)
