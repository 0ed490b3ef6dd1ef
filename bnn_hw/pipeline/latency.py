"""Latency of the hardware units in cycles, as the headers of the RTL library state them.

A latency of n means: when the last input beat that a result needs is accepted in
cycle t, the result is offered first in cycle t + n, provided that nothing before it
waits. The unit tests of the RTL library measure every figure.
"""

from __future__ import annotations

import math
from functools import singledispatch

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

# Lanes that an MVTU sums up in one cycle; more take a second one.
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
    dot = cuts[0] + (2 + cuts[1] if simd > group else 1)
    return memory + dot + (accumulate == DSP) + (match == DSP) + SKID_CYCLES


NOMINAL_CLOCK_HZ = 100_000_000
"""Clock up to which matches are counted in one cycle, and groups joined in another."""

# Levels of LUTs and carry chains between two registers of a dot product, by clock.
_LEVELS = ((NOMINAL_CLOCK_HZ, 20), (150_000_000, 6))
_FEWEST_LEVELS = 4

# No counter of so many lanes, and no joining of so many groups, needs more cuts than one of
# these levels; the structural generators are held to it.
_COUNT_LEVELS = ((2, 1), (4, 4), (12, 6), (56, 12), (DOT_GROUP_BIPOLAR, 13))
_JOIN_LEVELS = ((27, 14), (100, 17))


def step_levels(clock_hz: int) -> int:
    """Levels of logic of a dot product that a clock period has room for."""
    return next((levels for clock, levels in _LEVELS if clock_hz <= clock), _FEWEST_LEVELS)


def dot_cuts(simd: int, clock_hz: int) -> tuple[int, int]:
    """Register cuts of a binary dot product for a clock.

    Returns those in the counting of a group's matches, and those in the joining of groups.
    """
    limit = step_levels(clock_hz)
    groups = -(-simd // DOT_GROUP_BIPOLAR)
    lanes = -(-simd // groups)
    count = next(levels for most, levels in _COUNT_LEVELS if lanes <= most)
    join = next((levels for most, levels in _JOIN_LEVELS if groups <= most), _JOIN_LEVELS[-1][1])
    return -(-count // limit) - 1, -(-join // limit) - 1 if groups > 1 else 0


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
