"""Exact cycles a frame of every stage, and the bound that the slowest one sets.

In steady state a chain of stages with enough buffering between them takes a
frame every ``max`` of its stages' cycles; stage and buffer are such that this
bound is reached.
"""

from __future__ import annotations

from collections.abc import Iterable

from bnn_hw.pipeline.stages import Mvtu, Pool, Stage, Window

INPUT = "input"


def stage_cycles(stage: Stage) -> int:
    """Cycles a frame during which the stage cannot serve another frame.

    Every unit takes and gives at most one beat a cycle, so no stage is faster
    than its streams. Beyond that:

    * Ring-buffer window unit and the MVTU it feeds: one word a cycle, windows *
      NF * SF words (NF neuron folds, SF synapse folds).
    * Full window unit: one pixel of the padded map a cycle, and NF cycles instead
      of one on each pixel that completes a window: windows * NF + pixels - windows.
      With several pixels a beat the same, counted in beats.
    * Scores: one word a class and one for the winner.
    """
    streams = max(stage.input.beats_per_frame, stage.output.beats_per_frame)
    if isinstance(stage, Window):
        windows = stage.output.groups
        if stage.full:
            top, left, bottom, right = stage.padding
            pixels = (stage.input.height + top + bottom) * (stage.input.groups_per_row + left + right)
            return windows * stage.replay + pixels - windows
        reads = windows * stage.replay * stage.words_per_window
        return max(stage.input.beats_per_frame, reads)
    if isinstance(stage, Mvtu):
        return stage.output.groups * stage.neuron_fold * stage.synapse_fold
    if isinstance(stage, Pool):
        return stage.input.beats_per_frame
    return streams


def frame_cycles(stages: Iterable[Stage]) -> dict[str, int]:
    """Cycles a frame by stage name, led by those of the input stream itself."""
    stages = tuple(stages)
    return {INPUT: stages[0].input.beats_per_frame, **{stage.name: stage_cycles(stage) for stage in stages}}


def interval(stages: Iterable[Stage]) -> int:
    """Cycles from one frame to the next in steady state."""
    return max(frame_cycles(stages).values())


def bottleneck(stages: Iterable[Stage]) -> str:
    """Name of the slowest stage; of equally slow ones the MVTU, then the first."""
    stages = tuple(stages)
    cycles = frame_cycles(stages)
    slowest = max(cycles.values())
    units = [stage.name for stage in stages if isinstance(stage, Mvtu)]
    return next(name for name in (*units, *cycles) if cycles[name] == slowest)


def layer_cycles(stages: Iterable[Stage], layer: str) -> int:
    """Cycles a frame of a layer: those of its slowest stage."""
    return max(stage_cycles(stage) for stage in stages if stage.layer == layer)
