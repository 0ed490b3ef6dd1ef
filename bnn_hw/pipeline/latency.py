"""Latency of the hardware units in cycles, as the headers of the RTL library state them.

A latency of n means: when the last input beat that a result needs is accepted in
cycle t, the result is offered first in cycle t + n, provided that nothing before it
waits. The unit tests of the RTL library measure every figure.
"""

from __future__ import annotations

import math
from functools import singledispatch

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


def mvtu_cycles(simd: int, bipolar: bool, weight_memory: str) -> int:
    """From the last input beat of a neuron fold to the fold's output beat.

    simd: lanes; bipolar: one-bit input; weight_memory: logic or block.
    """
    group = DOT_GROUP_BIPOLAR if bipolar else DOT_GROUP_INTEGER
    memory = 2 if weight_memory == "block" else 1
    return memory + (2 if simd > group else 1) + SKID_CYCLES


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
    return mvtu_cycles(stage.simd, stage.input.dtype.is_bipolar, stage.weight_memory)


@stage_cycles.register
def _(stage: ThresholdUnit) -> int:
    return THRESHOLD_CYCLES


@stage_cycles.register
def _(stage: Pool) -> int:
    return POOL_CYCLES


@stage_cycles.register
def _(stage: Scores) -> int:
    return scores_cycles(stage.classes, stage.input.lanes)
