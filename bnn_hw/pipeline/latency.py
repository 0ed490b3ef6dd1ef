"""Latency of the hardware units in cycles, as the headers of the RTL library state them.

A latency of n means: when the last input beat that a result needs is accepted in
cycle t, the result is offered first in cycle t + n, provided that nothing before it
waits. The unit tests of the RTL library measure every figure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, singledispatch

from bnn_hw.pipeline.arithmetic import DSP, LUT
from bnn_hw.pipeline.stages import (
    Align,
    Converter,
    Fifo,
    Mvtu,
    Pool,
    Scores,
    Split,
    Stage,
    ThresholdUnit,
    Window,
)

SKID_CYCLES = 1
WINDOW_CYCLES = 2
WINDOW_FULL_CYCLES = 2
THRESHOLD_CYCLES = 2
POOL_CYCLES = 1
SPLIT_CYCLES = 2
ALIGN_CYCLES = 2

# Lanes that an MVTU sums up at once; of more, the sums of such groups are joined behind a register.
DOT_GROUP_BIPOLAR = 64
DOT_GROUP_INTEGER = 9


def fifo_cycles(depth: int) -> int:
    """From a beat's acceptance by an empty FIFO of ``depth`` beats."""
    return SKID_CYCLES if depth <= 2 else 2


def converter_group(channels: int, lanes_in: int, lanes_out: int) -> int:
    """Values that are regrouped together: the least number both widths divide, else the pixel."""
    common = math.lcm(lanes_in, lanes_out)
    return common if channels % common == 0 else channels


def converter_cycles(channels: int, lanes_in: int, lanes_out: int) -> int:
    """From the last input beat of a group to the first output beat of it."""
    group = converter_group(channels, lanes_in, lanes_out)
    return SKID_CYCLES + (group > lanes_in) + (group > lanes_out)


def mvtu_cycles(
    simd: int,
    bipolar: bool,
    weight_memory: str,
    accumulate: str = LUT,
    cuts: tuple[int, int] = (0, 0),
    match: str = LUT,
) -> int:
    """From the last input beat of a neuron fold to the fold's output beat.

    simd: lanes; bipolar: one-bit input; weight_memory: logic or block; accumulate: lut or dsp;
    cuts: of the counting of matches, and of the joining of groups; match: lut or dsp.
    """
    group = DOT_GROUP_BIPOLAR if bipolar else DOT_GROUP_INTEGER
    memory = 2 if weight_memory == "block" else 1
    return memory + dot_cycles(simd, cuts, group) + (accumulate == DSP) + (match == DSP) + SKID_CYCLES


def dot_cycles(simd: int, cuts: tuple[int, int] = (0, 0), group: int = DOT_GROUP_BIPOLAR) -> int:
    """Cycles of a dot product of ``simd`` lanes, counted by groups of ``group``; cuts: as of mvtu_cycles."""
    return cuts[0] + (2 + cuts[1] if simd > group else 1)


NOMINAL_CLOCK_HZ = 100_000_000
"""Clock of the boards' fabric, and the slowest that dot products have registers for."""


@dataclass(frozen=True)
class _Pace:
    """Registers that a dot product needs for a clock: cuts by the most lanes of a group, by the most groups.

    levels: of LUTs and carry chains that a period has room for; the generators are held to it. A level
    takes about a nanosecond where a core is spread over the part: eight of ten are wires.
    """

    levels: int
    count_cuts: tuple[tuple[int, int], ...]
    join_cuts: tuple[tuple[int, int], ...]


_MOST_GROUPS = 100
_PACES = {
    NOMINAL_CLOCK_HZ: _Pace(8, ((16, 0), (DOT_GROUP_BIPOLAR, 1)), ((9, 0), (27, 1), (_MOST_GROUPS, 2))),
    150_000_000: _Pace(6, ((12, 0), (56, 1), (DOT_GROUP_BIPOLAR, 2)), ((_MOST_GROUPS, 2),)),
    200_000_000: _Pace(4, ((4, 0), (12, 1), (56, 2), (DOT_GROUP_BIPOLAR, 3)), ((27, 3), (_MOST_GROUPS, 4))),
}


def _pace(clock_hz: int) -> _Pace:
    return _PACES[min((clock for clock in _PACES if clock_hz <= clock), default=max(_PACES))]


def step_levels(clock_hz: int) -> int:
    """Levels of logic of a dot product that a clock period has room for."""
    return _pace(clock_hz).levels


@cache
def dot_cuts(simd: int, clock_hz: int) -> tuple[int, int]:
    """Register cuts of a binary dot product for a clock.

    Returns those in the counting of a group's matches, and those in the joining of groups.
    """
    pace = _pace(clock_hz)
    groups = -(-simd // DOT_GROUP_BIPOLAR)
    lanes = -(-simd // groups)
    count = next(cuts for most, cuts in pace.count_cuts if lanes <= most)
    join = next((cuts for most, cuts in pace.join_cuts if groups <= most), pace.join_cuts[-1][1])
    return count, join if groups > 1 else 0


def scores_cycles(classes: int, lanes: int) -> int:
    """From the last beat of accumulators to the word with the winning class.

    With one lane the scores pass by and the winner follows the last. With more, a
    converter of ``classes`` channels makes one score a cycle of each group first.
    """
    if lanes == 1:
        return SKID_CYCLES + 1
    group = converter_group(classes, lanes, 1)
    return converter_cycles(classes, lanes, 1) + group - 1 + SKID_CYCLES + 1


@singledispatch
def stage_cycles(stage: Stage) -> int:
    """Latency of a stage of the pipeline; see the functions of this module for from where to where."""
    raise TypeError(f"no latency is known for a stage of kind {stage.kind}")


@stage_cycles.register
def _(stage: Fifo) -> int:
    return fifo_cycles(stage.depth)


@stage_cycles.register
def _(stage: Converter) -> int:
    return converter_cycles(stage.input.channels, stage.input.lanes, stage.output.lanes)


@stage_cycles.register
def _(stage: Split) -> int:
    if not stage.by_rows:
        return SPLIT_CYCLES
    return SKID_CYCLES + (stage.input.groups_per_row > 1) + (stage.output.groups_per_row > 1)


@stage_cycles.register
def _(stage: Align) -> int:
    return ALIGN_CYCLES


@stage_cycles.register
def _(stage: Window) -> int:
    return WINDOW_FULL_CYCLES if stage.full else WINDOW_CYCLES


@stage_cycles.register
def _(stage: Mvtu) -> int:
    bipolar = stage.input.dtype.is_bipolar
    accumulate = DSP if stage.accumulates_in_dsp else LUT
    return mvtu_cycles(stage.simd, bipolar, stage.weight_memory, accumulate, stage.cuts, stage.match)


@stage_cycles.register
def _(stage: ThresholdUnit) -> int:
    return THRESHOLD_CYCLES


@stage_cycles.register
def _(stage: Pool) -> int:
    return POOL_CYCLES


@stage_cycles.register
def _(stage: Scores) -> int:
    return scores_cycles(stage.classes, stage.input.lanes)
