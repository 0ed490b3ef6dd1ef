"""Combinational netlists of 7-series LUTs and carry chains: built, counted and evaluated.

A LUT site gives one function of six inputs, or two functions of the same five
inputs (outputs O6 and O5). A CARRY4 adds four positions of a chain: position i
puts out S xor C and passes on C where S is 1, else DI; S comes from a site's O6,
DI from its O5 or from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np

Signal = int
"""A net's number, or minus the number for its inverse; ``ZERO`` and ``ONE`` are the constants."""

ZERO: Signal = 0
ONE: Signal = 1

Function = Callable[..., int]
"""A Boolean function of as many 0/1 arguments as the LUT has inputs; its result's lowest bit counts."""

DUAL_INPUTS = 5
CHAIN_LENGTH = 4
SUM_BITS = 24
"""Bits of one of the two sums in a DSP slice."""


@dataclass(frozen=True)
class Lut:
    """One site: ``upper`` is the truth table at O6, ``lower`` that at O5 (None where O5 is unused)."""

    inputs: tuple[Signal, ...]
    o6: Signal
    upper: int
    o5: Signal | None = None
    lower: int | None = None


@dataclass(frozen=True)
class Register:
    """Flip-flops: each q is its d of the cycle before."""

    d: tuple[Signal, ...]
    q: tuple[Signal, ...]


@dataclass(frozen=True)
class Chain:
    """A carry chain of any length: (S, DI) a position, sums a position, and the last carry."""

    positions: tuple[tuple[Signal, Signal], ...]
    carry_in: Signal
    sums: tuple[Signal, ...]
    carry_out: Signal


@dataclass(frozen=True)
class TwoSums:
    """Two sums in DSP slices, in a register: bnn_sum_two.

    terms: three, each of 24 bits of the first sum, then of the second; flips: whether the first two
    terms are subtracted, and whether the third is; constants: added; sums: as a term.
    """

    terms: tuple[tuple[Signal, ...], ...]
    flips: tuple[bool, bool]
    constants: tuple[int, int]
    sums: tuple[Signal, ...]


Cell = Lut | Chain | Register | TwoSums


def inputs_of(cell: Cell) -> list[Signal]:
    if isinstance(cell, Lut):
        return list(cell.inputs)
    if isinstance(cell, Register):
        return list(cell.d)
    if isinstance(cell, TwoSums):
        return [signal for term in cell.terms for signal in term]
    return [cell.carry_in, *(signal for position in cell.positions for signal in position)]


def outputs_of(cell: Cell) -> list[Signal]:
    if isinstance(cell, Lut):
        return [cell.o6] if cell.o5 is None else [cell.o6, cell.o5]
    if isinstance(cell, Register):
        return list(cell.q)
    return [*cell.sums] if isinstance(cell, TwoSums) else [*cell.sums, cell.carry_out]


def inverted(signal: Signal) -> Signal:
    """The inverse of a signal: LUTs read it for nothing, everything else needs an inverter."""
    return {ZERO: ONE, ONE: ZERO}.get(signal, -signal)


def parity(*bits: int) -> int:
    return sum(bits) & 1


def majority(*bits: int) -> int:
    """1 where two or more of up to three bits are."""
    return int(sum(bits) >= 2)


@cache
def _rows(inputs: int) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple((row >> k) & 1 for k in range(inputs)) for row in range(1 << inputs))


@lru_cache(maxsize=4096)
def _table(function: Function, inputs: int, inverse: int = 0) -> int:
    """Truth table: bit i is the function of the bits of i, input 0 lowest, those in ``inverse`` inverted."""
    rows = _rows(inputs)
    return sum((function(*rows[row ^ inverse]) & 1) << row for row in range(1 << inputs))


def _inverse(inputs: Sequence[Signal]) -> int:
    return sum(1 << place for place, signal in enumerate(inputs) if signal < 0)


@lru_cache(maxsize=4096)
def reduced(table: int, inputs: int) -> tuple[list[int], int]:
    """Return the inputs that a truth table depends on, and the table of these alone."""
    used = [
        k
        for k in range(inputs)
        if any((table >> row ^ table >> (row ^ 1 << k)) & 1 for row in range(1 << inputs))
    ]
    rows = (sum(((row >> place) & 1) << k for place, k in enumerate(used)) for row in range(1 << len(used)))
    return used, sum((table >> row & 1) << place for place, row in enumerate(rows))


@dataclass
class Netlist:
    """Cells in order of their signals; ``ports`` names the input buses and their signals.

    levels: LUTs and chains behind the last register, by signal; ages: registers
    behind the ports. Signals of different age do not belong to the same input, so no
    cell takes both.
    """

    ports: dict[str, list[Signal]] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    levels: list[int] = field(default_factory=lambda: [0, 0])
    ages: list[int] = field(default_factory=lambda: [0, 0])

    def signal(self, level: int = 0, age: int = 0) -> Signal:
        self.levels.append(level)
        self.ages.append(age)
        return len(self.levels) - 1

    def port(self, name: str, width: int) -> list[Signal]:
        """Declare an input bus and return its signals, bit 0 first."""
        self.ports[name] = [self.signal() for _ in range(width)]
        return self.ports[name]

    def _level(self, inputs: Sequence[Signal]) -> int:
        return 1 + max((self.levels[abs(signal)] for signal in inputs), default=0)

    def _age(self, inputs: Sequence[Signal]) -> int:
        ages = {self.ages[abs(signal)] for signal in inputs if signal not in (ZERO, ONE)}
        if len(ages) > 1:
            raise ValueError(f"signals behind {sorted(ages)} registers cannot meet")
        return max(ages, default=0)

    def register(self, signals: Sequence[Signal]) -> list[Signal]:
        """Flip-flops behind the signals; a signal that comes twice has one, a constant none."""
        signals = [self.plain(signal) for signal in signals]
        d = tuple(dict.fromkeys(signal for signal in signals if signal not in (ZERO, ONE)))
        age = self._age(d) + 1
        q = {signal: self.signal(0, age) for signal in d}
        if d:
            self.cells.append(Register(d, tuple(q.values())))
        return [q.get(signal, signal) for signal in signals]

    def plain(self, signal: Signal) -> Signal:
        """The signal, behind an inverter if it is an inverse."""
        return self.lut([signal], parity) if signal < 0 else signal

    def lut(self, inputs: Sequence[Signal], function: Function) -> Signal:
        """One function of at most six signals; a constant if it is one."""
        if len(inputs) > 6:
            raise ValueError(f"a LUT has 6 inputs, not {len(inputs)}")
        table = _table(function, len(inputs), _inverse(inputs))
        if not reduced(table, len(inputs))[0]:
            return ONE if table else ZERO
        output = self.signal(self._level(inputs), self._age(inputs))
        self.cells.append(Lut(tuple(map(abs, inputs)), output, table))
        return output

    def pair(self, inputs: Sequence[Signal], upper: Function, lower: Function) -> tuple[Signal, Signal]:
        """Two functions of the same signals, at most five, in one site; neither may be constant."""
        if len(inputs) > DUAL_INPUTS:
            raise ValueError(f"a site gives two functions of {DUAL_INPUTS} inputs, not of {len(inputs)}")
        tables = [_table(function, len(inputs), _inverse(inputs)) for function in (upper, lower)]
        inputs = [abs(signal) for signal in inputs]
        age = self._age(inputs)
        used = [reduced(table, len(inputs))[0] for table in tables]
        if not all(used):
            raise ValueError("a function of a pair is constant")
        o6, o5 = (self.signal(self._level([inputs[k] for k in own]), age) for own in used)
        self.cells.append(Lut(tuple(inputs), o6, tables[0], o5, tables[1]))
        return o6, o5

    def chain(
        self, positions: Sequence[tuple[Signal, Signal]], carry_in: Signal = ZERO
    ) -> tuple[list[Signal], Signal]:
        """Return the sum of each position and the carry out of the last."""
        positions = [(self.plain(s), self.plain(di)) for s, di in positions]
        carry_in = self.plain(carry_in)
        inputs = [*(signal for position in positions for signal in position), carry_in]
        level, age = self._level(inputs), self._age(inputs)
        sums = tuple(self.signal(level, age) for _ in positions)
        cell = Chain(tuple(positions), carry_in, sums, self.signal(level, age))
        self.cells.append(cell)
        return list(sums), cell.carry_out

    def two_sums(
        self,
        terms: Sequence[Sequence[Sequence[Signal]]],
        flips: tuple[bool, bool],
        constants: tuple[int, int],
    ) -> list[list[Signal]]:
        """Two sums modulo 2**24 behind a register; ``terms[k][i]``: bits of term k of sum i."""
        filled = []
        for term in terms:
            if max(map(len, term)) > SUM_BITS:
                raise ValueError(f"a term of a DSP slice's sum has at most {SUM_BITS} bits")
            padded = [[*own, *[ZERO] * (SUM_BITS - len(own))] for own in term]
            filled.append(tuple(self.plain(signal) for own in padded for signal in own))
        age = self._age([signal for term in filled for signal in term]) + 1
        sums = tuple(self.signal(0, age) for _ in range(2 * SUM_BITS))
        self.cells.append(TwoSums(tuple(filled), flips, constants, sums))
        return [list(sums[:SUM_BITS]), list(sums[SUM_BITS:])]

    def repeat(self, cell: Cell, seen: Mapping[Signal, Signal]) -> dict[Signal, Signal]:
        """Add a cell of another netlist, whose signals are ``seen`` here; return its outputs' signals."""
        inputs = [seen[signal] for signal in inputs_of(cell)]
        level, age = self._level(inputs), self._age(inputs)
        own = {signal: self.signal(level, age) for signal in outputs_of(cell)}
        known = {**seen, **own}
        if isinstance(cell, Lut):
            o5 = None if cell.o5 is None else known[cell.o5]
            self.cells.append(Lut(tuple(inputs), known[cell.o6], cell.upper, o5, cell.lower))
        elif isinstance(cell, Chain):
            positions = tuple((known[s], known[di]) for s, di in cell.positions)
            sums = tuple(known[signal] for signal in cell.sums)
            self.cells.append(Chain(positions, known[cell.carry_in], sums, known[cell.carry_out]))
        else:
            raise ValueError("registers are not repeated")
        return own

    @property
    def sites(self) -> int:
        """LUT sites, each chain position whose S no LUT here drives among them."""
        driven = {cell.o6 for cell in self.cells if isinstance(cell, Lut)}
        own = sum(isinstance(cell, Lut) for cell in self.cells)
        through = sum(
            s not in driven and s not in (ZERO, ONE)
            for cell in self.cells
            if isinstance(cell, Chain)
            for s, _ in cell.positions
        )
        return own + through

    @property
    def carry4(self) -> int:
        return sum(-(-len(cell.positions) // CHAIN_LENGTH) for cell in self.cells if isinstance(cell, Chain))

    @property
    def dsp(self) -> int:
        """DSP slices: two for a pair of sums."""
        return 2 * sum(isinstance(cell, TwoSums) for cell in self.cells)

    def depth(self, signals: Sequence[Signal]) -> int:
        """Greatest number of LUTs and chains on a path to any of the signals."""
        return max((self.levels[signal] for signal in signals), default=0)

    def evaluate(self, inputs: dict[str, np.ndarray], outputs: Sequence[Signal]) -> np.ndarray:
        """Compute the outputs, (cases, len(outputs)) uint8, of inputs (cases, width) of 0 and 1 a port.

        This is what the primitives compute, so it proves a generator without a simulator.
        Registers pass on what comes: the outputs are those of the same input, cycles later.
        """
        cases = len(next(iter(inputs.values())))
        values = np.zeros((len(self.levels), cases), np.uint8)
        values[ONE] = 1
        for name, signals in self.ports.items():
            values[signals] = np.asarray(inputs[name], np.uint8).T
        for cell in self.cells:
            if isinstance(cell, Lut):
                row = np.zeros(cases, np.intp)
                for place, signal in enumerate(cell.inputs):
                    row |= values[signal].astype(np.intp) << place
                for output, table in ((cell.o6, cell.upper), (cell.o5, cell.lower)):
                    if output is not None and table is not None:
                        bits = [(table >> i) & 1 for i in range(1 << len(cell.inputs))]
                        values[output] = np.array(bits, np.uint8)[row]
            elif isinstance(cell, Register):
                values[list(cell.q)] = values[list(cell.d)]
            elif isinstance(cell, TwoSums):
                for i, constant in enumerate(cell.constants):
                    field = slice(i * SUM_BITS, (i + 1) * SUM_BITS)
                    added = np.full(cases, constant, np.int64)
                    for term, flip in zip(cell.terms, (cell.flips[0], *cell.flips), strict=True):
                        value = (1 << np.arange(SUM_BITS)) @ values[list(term[field])].astype(np.int64)
                        added += -value if flip else value
                    values[list(cell.sums[field])] = added >> np.arange(SUM_BITS)[:, None] & 1
            else:
                carry = values[cell.carry_in].copy()
                for (s, di), total in zip(cell.positions, cell.sums, strict=True):
                    values[total] = values[s] ^ carry
                    carry = np.where(values[s], carry, values[di])
                values[cell.carry_out] = carry
        return values[list(outputs)].T
