"""Register cuts through a combinational netlist: which cell works in which step, and the registers between.

Inputs arrive in step 0; a signal of an earlier step reaches a later one through as
many registers, so all paths from inputs to outputs take the same number of cycles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bnn_hw.rtl.structural.netlist import ONE, Lut, Netlist, Signal
from bnn_hw.rtl.structural.netlist import Chain as CarryChain

Cell = Lut | CarryChain


def cell_output(cell: Cell) -> Signal:
    """One of the cell's outputs."""
    return cell.o6 if isinstance(cell, Lut) else cell.carry_out


def _inputs(cell: Cell) -> list[Signal]:
    if isinstance(cell, Lut):
        return list(cell.inputs)
    return [cell.carry_in, *(signal for position in cell.positions for signal in position)]


def _outputs(cell: Cell) -> list[Signal]:
    if isinstance(cell, Lut):
        return [cell.o6] if cell.o5 is None else [cell.o6, cell.o5]
    return [*cell.sums, cell.carry_out]


def steps_of(net: Netlist, limit: int) -> list[int]:
    """Step of each signal when at most ``limit`` cells follow each other in a step, each cell early."""
    places = [(0, 0)] * len(net.levels)  # step, and cells on the way in it
    for cell in net.cells:
        step, level = max((places[signal] for signal in _inputs(cell)), default=(0, 0))
        place = (step, level + 1) if level < limit else (step + 1, 1)
        for signal in _outputs(cell):
            places[signal] = place
    return [step for step, _ in places]


def balanced(net: Netlist, cuts: int) -> tuple[int, list[int]]:
    """Return the least limit that needs no more than ``cuts`` registers on a path, and the signals' steps."""
    depth = max(1, net.depth(range(len(net.levels))))
    for limit in range(1, depth):
        steps = steps_of(net, limit)
        if max(steps) <= cuts:
            return limit, steps
    return depth, [0] * len(net.levels)


@dataclass
class Registers:
    """The registers of a module, made as signals are asked for in later steps.

    steps: of the signals; names: of the signals in their own step.
    """

    steps: list[int]
    names: Mapping[Signal, str]
    made: set[tuple[Signal, int]] = field(default_factory=set)

    def names_at(self, step: int) -> dict[Signal, str]:
        """A mapping of signals to what they are called in ``step``; asking makes the registers."""
        return _NamesAt(self, step)

    def name(self, signal: Signal, step: int) -> str:
        if signal <= ONE or step <= self.steps[signal]:
            return self.names[signal]
        self.made |= {(signal, later) for later in range(self.steps[signal] + 1, step + 1)}
        return f"r{signal}_{step}"

    def declarations(self) -> list[str]:
        return [f"  logic r{signal}_{step};" for signal, step in sorted(self.made)]

    def process(self) -> list[str]:
        """What fills the registers."""
        if not self.made:
            return []
        moves = [
            f"      r{signal}_{step} <= {self.name(signal, step - 1)};" for signal, step in sorted(self.made)
        ]
        return ["  always_ff @(posedge clk) begin", "    if (enable) begin", *moves, "    end", "  end"]


class _NamesAt(dict[Signal, str]):
    """Names in one step."""

    def __init__(self, registers: Registers, step: int) -> None:
        super().__init__()
        self.registers, self.step = registers, step

    def __missing__(self, signal: Signal) -> str:
        return self.registers.name(signal, self.step)
