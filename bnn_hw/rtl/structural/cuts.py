"""Register cuts through a combinational netlist: which cell works in which step, and the registers between.

Inputs arrive in step 0; a signal of an earlier step reaches a later one through as
many registers, so all paths from inputs to outputs take the same number of cycles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bnn_hw.rtl.structural.netlist import ONE, ZERO, Cell, Chain, Lut, Netlist, Signal, inputs_of, outputs_of

Outputs = Mapping[str, Sequence[Signal]]


def steps_of(net: Netlist, limit: int) -> tuple[int, list[int]]:
    """Place each cell as early as it can when after ``limit`` LUTs and chains a register follows.

    A chain stays in the step of the LUTs that drive it, even if that makes one more:
    behind registers it would need LUTs of its own. Returns the most LUTs and chains
    that follow each other in a step, and the step of each signal.
    """
    places = [(0, 0)] * len(net.levels)  # step, and cells on the way in it
    most = 0
    for cell in net.cells:
        step, level = max((places[signal] for signal in inputs_of(cell)), default=(0, 0))
        joined = level < limit or isinstance(cell, Chain)
        place = (step, level + 1) if joined else (step + 1, 1)
        most = max(most, place[1])
        for signal in outputs_of(cell):
            places[signal] = place
    return most, [step for step, _ in places]


def _with_chains(net: Netlist, steps: list[int]) -> list[int]:
    """Steps where a LUT that drives a chain works in the chain's step, if nothing reads it before.

    A position of a chain that a register drives would need a LUT to pass it on. The chain has
    such LUTs before it already, so it does not make the step longer.
    """
    steps = list(steps)
    earliest: dict[Signal, int] = {}  # step in which each signal is read first
    driving: set[Signal] = set()
    for cell in reversed(net.cells):
        if isinstance(cell, Lut) and cell.o6 in driving:
            step = min(earliest[signal] for signal in outputs_of(cell) if signal in earliest)
            for signal in outputs_of(cell):
                steps[signal] = step
        if isinstance(cell, Chain):
            driving |= {s for s, _ in cell.positions}
        step = steps[outputs_of(cell)[0]]
        for signal in inputs_of(cell):
            earliest[signal] = min(earliest.get(signal, step), step)
    return steps


def balanced(net: Netlist, cuts: int) -> tuple[int, list[int]]:
    """Return what :func:`steps_of` does for the least limit that needs no more than ``cuts`` registers."""
    depth = max(1, net.depth(range(len(net.levels))))
    for limit in range(1, depth):
        most, steps = steps_of(net, limit)
        if max(steps) <= cuts:
            return most, _with_chains(net, steps)
    return depth, [0] * len(net.levels)


def cut(net: Netlist, outputs: Outputs, cuts: int) -> tuple[Netlist, dict[str, list[Signal]]]:
    """Return a netlist without registers again with ``cuts`` registers on every path, and its outputs."""
    _, steps = balanced(net, cuts)
    by_step: list[list[Cell]] = [[] for _ in range(cuts + 1)]
    last = [0] * len(steps)  # step in which each signal is read last
    for cell in net.cells:
        step = steps[outputs_of(cell)[0]]
        by_step[step].append(cell)
        _extend(last, inputs_of(cell), step)
    for signals in outputs.values():
        _extend(last, signals, cuts)
    new = Netlist()
    seen = {ZERO: ZERO, ONE: ONE}
    for name, signals in net.ports.items():
        seen |= dict(zip(signals, new.port(name, len(signals)), strict=True))
    for step, cells in enumerate(by_step):
        if step:
            living = [signal for signal in seen if last[signal] >= step]
            seen = dict(zip(living, new.register([seen[signal] for signal in living]), strict=True))
            seen |= {ZERO: ZERO, ONE: ONE}
        for cell in cells:
            seen |= new.repeat(cell, seen)
    return new, {name: [seen[signal] for signal in signals] for name, signals in outputs.items()}


def _extend(last: list[int], signals: Iterable[Signal], step: int) -> None:
    for signal in signals:
        last[signal] = max(last[signal], step)
