"""Layers whose weights never change: every neuron a sum of its own, with common parts made once.

A neuron is +-x_1 +-x_2 ... >= bound. What several neurons add up alike, or with all
signs turned round, is added once:

* One-bit inputs: four neurons at a time sort the inputs into eight classes by how their
  weights differ; a class is counted once for the four. Two of the neurons then need
  the sum S of the classes in which they agree and the difference D of the others:
  they are S + D and S - D.
* Integers: the inputs are taken three by three (the colours of a pixel), four sums each
  up to sign; of these sums again triples that occur in most neurons are made first. What is
  left, up to three terms a neuron and its bound, two DSP slices add up for two neurons: the
  sum's sign is the comparison.

Bounds are constants, so a comparison takes a LUT for every five bits of one row, or one
site a bit of two rows.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations

import numpy as np

from bnn_hw.rtl.structural.cuts import cut
from bnn_hw.rtl.structural.netlist import SUM_BITS, ZERO, Netlist, Signal, inverted
from bnn_hw.rtl.structural.numbers import (
    Number,
    add,
    at_least,
    gathered,
    joined,
    ones,
    register,
    signed,
    unsigned,
)

GROUP_NEURONS = 4
TERMS = 3


@dataclass(frozen=True)
class ConstantLayer:
    """A layer: (neurons, inputs) weights of -1 and +1, a bound of the signed sum for each neuron.

    bits, is_signed: of an input. bipolar: an input is a bit for -1 and +1, and ``bounds`` are
    of the number of matches. cycles: 1 or 2, registers behind the first. vectors: where each of
    several vectors, which all neurons see, has its inputs; empty: one of all inputs.
    dsp: the last sums and the comparisons of integers are in DSP slices.
    """

    weights: np.ndarray
    bounds: tuple[int, ...]
    bits: int
    is_signed: bool
    bipolar: bool
    cycles: int
    vectors: tuple[tuple[int, ...], ...] = ()
    dsp: bool = False

    @property
    def places(self) -> tuple[tuple[int, ...], ...]:
        return self.vectors or (tuple(range(self.weights.shape[1])),)


def constant_layer(layer: ConstantLayer) -> tuple[Netlist, list[Signal]]:
    """Build the layer: port ``inputs``, one signal a neuron; 1 + ``cycles`` registers between them.

    The neurons of the first vector come first.
    """
    net = Netlist()
    inputs = 1 + max(max(own) for own in layer.places)
    port = net.port("inputs", inputs * layer.bits)
    if layer.bipolar:
        return _one_bit(net, port, layer)
    values = [port[i * layer.bits : (i + 1) * layer.bits] for i in range(inputs)]
    numbers = [signed(bits) if layer.is_signed else unsigned(bits) for bits in values]
    return net, _integer(net, numbers, layer)


def _one_bit(net: Netlist, port: Sequence[Signal], layer: ConstantLayer) -> tuple[Netlist, list[Signal]]:
    """Class counts, then sums of them, each behind a register; a second cycle is spent within the counting.

    There it is worth most: the inputs of many lanes come from afar, and a comparison is short.
    """
    groups = _groups(layer.weights)
    counts = [
        _classes(net, [port[i] for i in own], layer.weights[group])
        for own in layer.places
        for group in groups
    ]
    if layer.cycles == 2:
        net, counts = _halved(net, counts)
    result: list[Signal] = []
    for place in range(len(layer.places)):
        fired: dict[int, Signal] = {}
        for group, classes in zip(groups, counts[place * len(groups) :], strict=False):
            registered = {key: register(net, number) for key, number in classes.items()}
            fired |= _fired(net, layer, group, registered)
        result += [net.plain(fired[neuron]) for neuron in range(len(layer.bounds))]
    return net, result


def _fired(
    net: Netlist, layer: ConstantLayer, group: list[int], classes: dict[tuple[int, ...], Number]
) -> dict[int, Signal]:
    """Whether each neuron of a group reaches its bound, of the group's class counts."""
    fired = {}
    for a, b in zip(group[::2], [*group[1::2], None], strict=False):
        relative = {key: key[group.index(a)] for key in classes}
        if b is None:
            rows = add(net, [number.times(relative[key]) for key, number in classes.items()], 2)
            sums = {a: rows}
        else:
            parts = _sum_and_difference(net, classes, relative, group.index(b))
            sums = {a: gathered(parts), b: gathered([parts[0], parts[1].times(-1)])}
        for neuron, total in sums.items():
            # matches = weights of -1 + sum of +-bit
            zeros = int((layer.weights[neuron] < 0).sum())
            fired[neuron] = at_least(net, total, layer.bounds[neuron] - zeros)
    return fired


Counts = dict[tuple[int, ...], Number]


def _halved(net: Netlist, counts: Sequence[Counts]) -> tuple[Netlist, list[Counts]]:
    """The netlist of the counts with a register on every path, and its counts."""
    signals = [
        net.plain(signal)
        for own in counts
        for number in own.values()
        for column in number.columns
        for signal in column
    ]
    new, outputs = cut(net, {"counts": signals}, 1)
    left = iter(outputs["counts"])
    return new, [
        {
            key: replace(
                number, columns=tuple(tuple(next(left) for _ in column) for column in number.columns)
            )
            for key, number in own.items()
        }
        for own in counts
    ]


def _groups(weights: np.ndarray) -> list[list[int]]:
    """Neurons by fours: pairs that agree or disagree most, then pairs of pairs."""
    alike = np.abs(weights @ weights.T)
    left = list(range(len(weights)))
    pairs: list[list[int]] = []
    while len(left) > 1:
        a, b = max(combinations(left, 2), key=lambda pair: int(alike[pair]))
        pairs.append([a, b])
        left = [neuron for neuron in left if neuron not in (a, b)]
    pairs += [left] if left else []
    size = GROUP_NEURONS // 2
    return [[*chain.from_iterable(pairs[k : k + size])] for k in range(0, len(pairs), size)]


def _classes(net: Netlist, port: Sequence[Signal], weights: np.ndarray) -> dict[tuple[int, ...], Number]:
    """Counts of the inputs by the signs that the neurons give them, the first neuron's sign being plus."""
    members: defaultdict[tuple[int, ...], list[Signal]] = defaultdict(list)
    negative: defaultdict[tuple[int, ...], int] = defaultdict(int)
    for i, column in enumerate(weights.T):
        key = tuple(int(weight * column[0]) for weight in column)
        # Minus a bit is its inverse less one.
        members[key].append(port[i] if column[0] > 0 else inverted(port[i]))
        negative[key] += int(column[0] < 0)
    counts = {}
    for key, signals in members.items():
        count = joined(net, [ones(signals)])
        counts[key] = Number(count.columns, count.most, -negative[key])
    return counts


def _sum_and_difference(
    net: Netlist, classes: dict[tuple[int, ...], Number], relative: dict[tuple[int, ...], int], other: int
) -> list[Number]:
    parts = []
    for sign in (1, -1):
        own = [
            number.times(relative[key])
            for key, number in classes.items()
            if key[other] * relative[key] == sign
        ]
        parts.append(add(net, own))
    return parts


def _integer(net: Netlist, numbers: Sequence[Number], layer: ConstantLayer) -> list[Signal]:
    """Neurons of all vectors; triples that lie in several of them are added up once."""
    matrix = np.zeros((0, len(numbers)), int)
    chosen: list[list[tuple[Part, int]]] = []
    for own in layer.places:
        rows = np.zeros((len(layer.weights), len(numbers)), int)
        rows[:, own] = layer.weights
        chosen += _fixed(rows, [own[k : k + TERMS] for k in range(0, len(own), TERMS)])
        matrix = np.concatenate([matrix, rows])
    terms, matrix = _make(net, numbers, matrix, chosen)
    for _ in range(layer.cycles - 1):
        terms, matrix = _make(net, terms, matrix, _common(matrix))
    if layer.dsp:
        return _in_dsp(net, terms, matrix, layer.bounds * len(layer.places))
    whole = [
        [(_part(row, own), int(row[own[0]]))] for row in matrix for own in [np.flatnonzero(row).tolist()]
    ]
    sums, signs = _make(net, terms, matrix, whole)
    totals = [sums[k].times(int(row[k])) for row in signs for k in np.flatnonzero(row)]
    fired = (
        at_least(net, total, bound)
        for total, bound in zip(totals, layer.bounds * len(layer.places), strict=True)
    )
    return [net.plain(signal) for signal in fired]


def _in_dsp(net: Netlist, terms: Sequence[Number], matrix: np.ndarray, bounds: Sequence[int]) -> list[Signal]:
    """Whether sums of up to three terms reach their bounds: signs of bound - 1 - sum, two sums at a time.

    Both sums of a pair of slices subtract the same number of terms; their order is free. The
    few that are left over share slices too: what they subtract otherwise is inverted before.
    """
    alike: defaultdict[int, list[int]] = defaultdict(list)
    for neuron, row in enumerate(matrix):
        if np.count_nonzero(row) > TERMS:
            raise ValueError(f"a sum of {np.count_nonzero(row)} terms has no place in two DSP slices")
        if (
            sum(terms[k].most for k in np.flatnonzero(row).tolist()) + abs(bounds[neuron])
            >= 1 << SUM_BITS - 2
        ):
            raise ValueError(f"a sum in a DSP slice has {SUM_BITS} bits")
        alike[int((row > 0).sum())].append(neuron)
    left = [alike[kind].pop() for kind in sorted(alike) if len(alike[kind]) % 2]
    ordered = [*chain.from_iterable(alike.values()), *left]
    fired: dict[int, Signal] = {}
    for place in range(0, len(ordered), 2):
        pair = ordered[place : place + 2]
        subtracted = int((matrix[pair[0]] > 0).sum())
        flips = (subtracted >= 2, subtracted in (1, 3))
        made = [_comparison(terms, matrix[neuron], bounds[neuron], flips) for neuron in pair]
        rows = [item.rows for item in made] + [[[]] * TERMS] * (2 - len(pair))
        constants = [item.constant for item in made] + [0]
        sums = net.two_sums(list(zip(*rows, strict=True)), flips, (constants[0], constants[1]))
        for neuron, item, own in zip(pair, made, sums, strict=False):
            fired[neuron] = inverted(own[-1]) if item.turned else own[-1]
    return [net.plain(fired[neuron]) for neuron in range(len(matrix))]


@dataclass(frozen=True)
class _Comparison:
    """Rows of a sum's three terms and its constant; turned: negative where the neuron does not fire."""

    rows: list[list[Signal]]
    constant: int
    turned: bool
    inverters: int


def _comparison(
    terms: Sequence[Number], row: np.ndarray, bound: int, flips: tuple[bool, bool]
) -> _Comparison:
    """A neuron's sum, or minus it, whichever has fewer terms that are subtracted elsewhere."""
    forms = (_placed(terms, -row, bound - 1, flips, False), _placed(terms, row, -bound, flips, True))
    return min(forms, key=lambda form: (form.inverters, form.turned))


def _placed(
    terms: Sequence[Number], row: np.ndarray, constant: int, flips: tuple[bool, bool], turned: bool
) -> _Comparison:
    left: dict[bool, list[Number]] = {True: [], False: []}
    for k in np.flatnonzero(row).tolist():
        left[bool(row[k] < 0)].append(terms[k])
    slots = (flips[0], *flips)
    own = [left[flip].pop() if left[flip] else None for flip in slots]
    rest = [number.times(-1) for number in left[True] + left[False]]
    inverters = sum(sum(map(len, number.columns)) for number in rest)
    placed = [number or (rest.pop() if rest else Number((), 0)) for number in own]
    for flip, number in zip(slots, placed, strict=True):
        constant += -number.offset if flip else number.offset
    rows = [[column[0] if column else ZERO for column in number.columns] for number in placed]
    return _Comparison(rows, constant, turned, inverters)


Part = tuple[tuple[int, int], ...]
"""A sum: (term, sign) each, the first sign plus."""


def _part(row: np.ndarray | dict[int, int], terms: Sequence[int]) -> Part:
    return tuple((k, int(row[k] * row[terms[0]])) for k in terms)


def _fixed(matrix: np.ndarray, triples: Sequence[tuple[int, ...]]) -> list[list[tuple[Part, int]]]:
    """For each neuron the parts it consists of, with their signs."""
    return [[(_part(row, own), int(row[own[0]])) for own in triples] for row in matrix]


def _common(matrix: np.ndarray) -> list[list[tuple[Part, int]]]:
    """Parts of three terms, those first that most neurons have in common."""
    left = [
        dict(zip(own.tolist(), row[own].tolist(), strict=True))
        for row in matrix
        for own in [np.flatnonzero(row)]
    ]
    chosen: list[list[tuple[Part, int]]] = [[] for _ in matrix]
    users: defaultdict[Part, set[int]] = defaultdict(set)
    queue: list[tuple[int, int, Part]] = []  # least gain first, then in order of discovery

    def offer(part: Part) -> None:
        heapq.heappush(queue, ((1 - len(users[part])) * len(part), len(users), part))

    def enter(neuron: int) -> list[Part]:
        terms = left[neuron]
        parts = [_part(terms, own) for own in combinations(terms, min(TERMS, len(terms)))] if terms else []
        for part in parts:
            users[part].add(neuron)
        return parts

    for part in dict.fromkeys(part for neuron in range(len(matrix)) for part in enter(neuron)):
        offer(part)
    while queue:
        gain, _, part = heapq.heappop(queue)
        # Neurons that have used up a term of the part are no users any more.
        users[part] = {n for n in users[part] if all(term in left[n] for term, _ in part)}
        if not users[part]:
            continue
        if (1 - len(users[part])) * len(part) > gain:
            offer(part)
            continue
        for neuron in sorted(users[part]):
            chosen[neuron].append((part, left[neuron][part[0][0]]))
            for term, _ in part:
                del left[neuron][term]
            if 0 < len(left[neuron]) < TERMS:
                for rest in enter(neuron):
                    offer(rest)
    return chosen


def _make(
    net: Netlist, terms: Sequence[Number], matrix: np.ndarray, chosen: list[list[tuple[Part, int]]]
) -> tuple[list[Number], np.ndarray]:
    """Add up the parts behind a register; return them and (neurons, parts) of their signs."""
    parts = list(dict.fromkeys(part for own in chosen for part, _ in own))
    made = []
    for part in parts:
        own = [terms[k].times(sign) for k, sign in part]
        made.append(register(net, own[0]) if len(own) == 1 else add(net, own))
    signs = np.zeros((len(matrix), len(parts)), int)
    for neuron, own_parts in enumerate(chosen):
        for part, sign in own_parts:
            signs[neuron, parts.index(part)] = sign
    return made, signs
