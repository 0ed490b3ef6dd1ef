"""LUT sites of a mapped 7-series netlist: dual-output packing, which Yosys leaves to the placer.

The rule (7 Series FPGAs Configurable Logic Block, UG474, "Look-Up Table"):

- A LUT site is one LUT6. It holds one function of up to six inputs on O6, or two
  functions of together at most five distinct inputs on O6 and O5.
- Only functions that share at least one input are paired. Unrelated ones could
  share a site too, at the price of routing; the figures here do not count on it.
- A carry chain's S input comes from the O6 of the site beside it. That site can
  hold, besides, only the function of the same bit's DI input (on O5), five-input
  rule as above. An S input that is no LUT's own needs a site as route-through; one
  that is constant needs none.
- Where DI comes from elsewhere (the slice's bypass input) and the position's sum goes
  to one flip-flop only (or nowhere), O5 can leave by the slice's multiplexed output: such a
  carry site can hold a function of its own inputs besides. This is how a ternary
  adder takes one site a bit.
- MUXF7 inputs come from the O6 of a site that holds nothing else. A LUT that
  feeds several, or a net from elsewhere, takes a further site as route-through.
- A LUT6_2 is a whole site; an inverter is a one-input function.
- LUTRAM and shift registers use whole sites of their own; two SRL16E with the same
  address, clock and enable share one.

The pairing is a matching in the graph of pairable functions. It is built in
linear time: first equal five-input sets (always part of some maximum matching),
then repeatedly the function with the fewest partners left takes its partner with
the fewest (Karp and Sipser, 1981), then paths of length three are flipped. The
result is deterministic and never better than what a placer may do. Exact maximum
matching saves less than 1 % of the sites more, on random functions (see the
tests) as on synthesised cores; ``lower_bound`` needs no matching.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bnn_hw.synth.netlist import Cell

Inputs = frozenset[int]

SHARED_INPUTS = 5
"""Distinct inputs that O5 and O6 have together."""

FLIP_FLOPS = {"FDRE", "FDSE", "FDCE", "FDPE"}

MAX_READERS = 128
"""All readers of a net are tried as partners of each other up to this many of them."""

NEAR_READERS = 16
"""Of a net with more readers, such as an enable, each tries this many on either side, ordered by size."""

MEMORY_SITES = {
    "RAM32X1S": 1,
    "RAM64X1S": 1,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1S": 2,
    "RAM128X1D": 4,
    "RAM256X1S": 4,
    "RAM32M": 4,
    "RAM64M": 4,
    "SRLC32E": 1,
}
"""Sites of memory cells (UG474, "Distributed RAM", "Shift registers"); SRL16E is counted apart."""


@dataclass(frozen=True)
class Packing:
    """Sites used by the functions and memories of one module.

    functions: single-output LUT functions and inverters before packing;
    logic_sites: sites of functions, LUT6_2 and route-throughs; memory_sites: of
    LUTRAM and shift registers; pairs: sites with two functions; lower_bound: no
    packing by the same rule has fewer logic sites.
    """

    functions: int
    logic_sites: int
    memory_sites: int
    pairs: int
    route_throughs: int
    lower_bound: int


@dataclass
class _Function:
    inputs: Inputs
    placed: bool = False


def _plain_readers(cells: Sequence[Cell]) -> set[int]:
    """Nets that are read by anything but the data input of one flip-flop.

    Ports of the module are not seen: units end in registers or LUTs, not in an adder.
    """
    plain: set[int] = set()
    registered: Counter[int] = Counter()
    for cell in cells:
        for port, bits in cell.ports.items():
            nets = [bit for bit in bits if bit is not None]
            if cell.type in FLIP_FLOPS and port == "D":
                registered.update(nets)
            elif not (cell.type == "CARRY4" and port in {"O", "CO", "CI"}):
                plain.update(nets)
    return plain | {net for net, count in registered.items() if count > 1}


def _lut_inputs(cell: Cell) -> Inputs:
    return frozenset(
        bit for port in cell.ports if port[0] == "I" for bit in cell.bits(port) if bit is not None
    )


def _is_function(cell: Cell) -> bool:
    return cell.type == "INV" or (cell.type[:3] == "LUT" and cell.type[3:] in {"1", "2", "3", "4", "5", "6"})


def pairable(a: Inputs, b: Inputs) -> bool:
    """Tell whether two functions may share a site."""
    return not a.isdisjoint(b) and len(a | b) <= SHARED_INPUTS


class _Sites:
    """Counts sites while fixed neighbours (carry chains, wide multiplexers) are placed."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.functions: list[_Function] = []
        self.driver: dict[int, _Function] = {}
        self.sites = self.pairs = self.route_throughs = 0
        self.open: list[Inputs] = []
        self.read = _plain_readers(cells)
        for cell in cells:
            if _is_function(cell):
                function = _Function(_lut_inputs(cell))
                self.functions.append(function)
                self.driver.update((bit, function) for bit in cell.bits("O") if bit is not None)
            elif cell.type == "LUT6_2":
                self.sites += 1
        self.dual = {
            bit for cell in cells if cell.type == "LUT6_2" for port in ("O5", "O6") for bit in cell.bits(port)
        }

    def _source(self, bit: int) -> Inputs | None:
        """Place the site whose O6 drives a dedicated wire; None if it is a LUT6_2's own."""
        function = self.driver.get(bit)
        if function is None or function.placed:
            if bit in self.dual:
                self.dual.remove(bit)
                return None
            self.route_throughs += 1
            self.sites += 1
            return frozenset((bit,))
        function.placed = True
        self.sites += 1
        return function.inputs

    def place_carry(self, cell: Cell) -> None:
        for place, (s, di) in enumerate(zip(cell.bits("S"), cell.bits("DI"), strict=True)):
            inputs = None if s is None else self._source(s)
            if inputs is None:
                continue
            partner = None if di is None else self.driver.get(di)
            if partner and not partner.placed and len(inputs | partner.inputs) <= SHARED_INPUTS:
                partner.placed = True
                self.pairs += 1
            elif len(inputs) <= SHARED_INPUTS and not self._leaves(cell, place):
                self.open.append(inputs)

    def _leaves(self, cell: Cell, place: int) -> bool:
        """Tell whether the sum or the carry of a position leaves the slice other than by a flip-flop."""
        outputs = [bits[place] for bits in (cell.bits("O"), cell.bits("CO")) if place < len(bits)]
        return any(bit in self.read for bit in outputs)

    def fill_open(self) -> None:
        """Let each open carry site hold a function of its own inputs, the largest that is left."""
        readers: defaultdict[int, list[_Function]] = defaultdict(list)
        for function in self.functions:
            if not function.placed and function.inputs and len(function.inputs) <= SHARED_INPUTS:
                readers[min(function.inputs)].append(function)
        for inputs in self.open:
            own = [f for net in sorted(inputs) for f in readers[net] if not f.placed and f.inputs <= inputs]
            if own:
                max(own, key=lambda function: len(function.inputs)).placed = True
                self.pairs += 1

    def place_muxf7(self, cell: Cell) -> None:
        for port in ("I0", "I1"):
            for bit in cell.bits(port):
                if bit is not None:
                    self._source(bit)


def pack(cells: Sequence[Cell]) -> Packing:
    """Pack the cells of one module; sub-modules and other cell types are left alone."""
    sites = _Sites(cells)
    for cell in cells:
        if cell.type == "CARRY4":
            sites.place_carry(cell)
    for cell in cells:
        if cell.type == "MUXF7":
            sites.place_muxf7(cell)
    bound = site_bound([f.inputs for f in sites.functions if not f.placed and len(f.inputs) <= SHARED_INPUTS])
    sites.fill_open()
    free = [function.inputs for function in sites.functions if not function.placed]
    small = [inputs for inputs in free if len(inputs) <= SHARED_INPUTS]
    alone = len(free) - len(small)
    pairs = match(small)
    return Packing(
        functions=len(sites.functions),
        logic_sites=sites.sites + alone + len(small) - len(pairs),
        memory_sites=memory_sites(cells),
        pairs=sites.pairs + len(pairs),
        route_throughs=sites.route_throughs,
        lower_bound=sites.sites + alone + max(0, bound - len(sites.open)),
    )


def memory_sites(cells: Iterable[Cell]) -> int:
    """Sites of LUTRAM and shift registers."""
    short: Counter[tuple[object, ...]] = Counter()
    sites = 0
    for cell in cells:
        sites += MEMORY_SITES.get(cell.type, 0)
        if cell.type == "SRL16E":
            short[tuple(cell.bits(port) for port in ("A0", "A1", "A2", "A3", "CLK", "CE"))] += 1
    return sites + sum(-(-count // 2) for count in short.values())


def _neighbours(functions: Sequence[Inputs], left: Sequence[int]) -> dict[int, list[int]]:
    """Possible partners of each function of ``left``, found by the nets they share."""
    readers: defaultdict[int, list[int]] = defaultdict(list)
    for index in sorted(left, key=lambda k: (len(functions[k]), k)):
        for net in functions[index]:
            readers[net].append(index)
    near: dict[int, set[int]] = {index: set() for index in left}
    for others in readers.values():
        reach = NEAR_READERS if len(others) > MAX_READERS else len(others)
        for position, index in enumerate(others):
            near[index].update(others[max(0, position - reach) : position + reach + 1])
    return {
        index: sorted(k for k in near[index] if k != index and pairable(functions[index], functions[k]))
        for index in left
    }


def _pair_equal(functions: Sequence[Inputs]) -> tuple[list[tuple[int, int]], list[int]]:
    """Pair functions of the same five inputs; return the pairs and the indices left."""
    waiting: dict[Inputs, int] = {}
    pairs = []
    for index, inputs in enumerate(functions):
        if len(inputs) != SHARED_INPUTS:
            continue
        if inputs in waiting:
            pairs.append((waiting.pop(inputs), index))
        else:
            waiting[inputs] = index
    paired = {index for pair in pairs for index in pair}
    return pairs, [index for index in range(len(functions)) if index not in paired]


def _fewest_first(neighbours: dict[int, list[int]]) -> dict[int, int]:
    """Greedy matching by least remaining degree; returns the mate of each matched index."""
    degree = {index: len(near) for index, near in neighbours.items()}
    heap = [(count, index) for index, count in degree.items() if count]
    heapq.heapify(heap)
    mate: dict[int, int] = {}
    while heap:
        count, index = heapq.heappop(heap)
        if index in mate or count != degree[index]:
            continue
        options = [k for k in neighbours[index] if k not in mate]
        if not options:
            continue
        partner = min(options, key=lambda k: (degree[k], k))
        mate[index], mate[partner] = partner, index
        for gone in (index, partner):
            for k in neighbours[gone]:
                if k not in mate:
                    degree[k] -= 1
                    heapq.heappush(heap, (degree[k], k))
    return mate


def _augment(neighbours: dict[int, list[int]], mate: dict[int, int]) -> None:
    """Flip paths free - matched = matched - free; each adds a pair."""
    for index, near in neighbours.items():
        if index in mate:
            continue
        for k in near:
            other = mate[k]  # k is matched: the greedy pass left no two free neighbours
            end = next((m for m in neighbours[other] if m not in mate and m != index), None)
            if end is not None:
                mate[index], mate[k], mate[other], mate[end] = k, index, end, other
                break


def match(functions: Sequence[Inputs]) -> list[tuple[int, int]]:
    """Pair functions of at most five inputs each; returns index pairs, each index at most once."""
    pairs, left = _pair_equal(functions)
    neighbours = _neighbours(functions, left)
    mate = _fewest_first(neighbours)
    _augment(neighbours, mate)
    return pairs + [(index, k) for index, k in mate.items() if index < k]


def site_bound(functions: Sequence[Inputs]) -> int:
    """Least number of sites for functions of at most five inputs each, whatever the pairing.

    A pair lies within one connected component of the graph of shared inputs, so a
    component of n functions takes at least ceil(n / 2) sites; a function without
    any possible partner is a component of its own.
    """
    readers: defaultdict[int, list[int]] = defaultdict(list)
    for index, inputs in enumerate(functions):
        for net in inputs:
            readers[net].append(index)
    root = list(range(len(functions)))

    def find(index: int) -> int:
        while root[index] != index:
            root[index] = root[root[index]]
            index = root[index]
        return index

    for net_readers in readers.values():
        # Where many read a net all count as possible partners: the bound may be loose, never wrong.
        crowded = len(net_readers) > MAX_READERS
        for position, index in enumerate(net_readers):
            for k in net_readers[:1] if crowded else net_readers[:position]:
                if crowded or len(functions[index] | functions[k]) <= SHARED_INPUTS:
                    root[find(index)] = find(k)
    return sum(-(-size // 2) for size in Counter(find(i) for i in range(len(functions))).values())
