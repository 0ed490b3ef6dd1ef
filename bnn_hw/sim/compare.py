"""Compare a simulation with the integer graph, value by value, and name the first difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnn_hw.errors import Fault, MismatchError
from bnn_hw.ir.execute import execute
from bnn_hw.ir.graph import Graph
from bnn_hw.ir.ops import ArgMax
from bnn_hw.pipeline.core import Core, CoreStage
from bnn_hw.pipeline.record import Plan
from bnn_hw.pipeline.stages import Mvtu
from bnn_hw.sim.run import SimulationRun, blocked_channels, map_values

REMEDY = "generate the core again; if the difference stays, report it with plan.json"


@dataclass(frozen=True)
class Mismatch:
    """The first value in which hardware and graph differ.

    layer: graph value; stage: the unit that made it; y, x, channel: its place in
    the value; differing of compared values of this layer differ in the run.
    """

    layer: str
    stage: str
    frame: int
    y: int
    x: int
    channel: int
    expected: int
    got: int
    differing: int
    compared: int

    def fault(self, run_name: str) -> Fault:
        return Fault(
            f"{self.layer} (stage {self.stage})",
            f"{run_name}: frame {self.frame}, pixel y={self.y} x={self.x}, channel {self.channel}: "
            f"expected {self.expected}, got {self.got}; {self.differing} of {self.compared} values differ",
            REMEDY,
        )


class ValueMismatchError(MismatchError):
    """Hardware and graph differ in a value; ``mismatch`` says where."""

    def __init__(self, mismatch: Mismatch, run_name: str) -> None:
        super().__init__(mismatch.fault(run_name))
        self.mismatch = mismatch


@dataclass(frozen=True)
class Expected:
    """What the graph says for the frames of a run.

    values: by name, (frames, height, width, channels); scores: (frames, classes);
    classes: (frames,) winners.
    """

    values: dict[str, np.ndarray]
    scores: np.ndarray
    classes: np.ndarray


def expected_values(plan: Plan, graph: Graph, core: Core, images: np.ndarray) -> Expected:
    """Execute the graph for every value that a stage of the core carries."""
    last = [stage for stage in plan.stages if isinstance(stage, Mvtu)][-1]
    winner = next((node.name for node in graph if isinstance(node.op, ArgMax)), None)
    names = {stage.value for stage in core.stages if stage.value} | {last.mac}
    values = execute(graph, images, keep=names | ({winner} if winner else set()))
    scores = values[last.mac].reshape(len(images), -1)
    classes = values.pop(winner).reshape(-1) if winner else scores.argmax(axis=1)
    return Expected(values, scores, classes)


def recorded_stages(core: Core) -> list[CoreStage]:
    """The stages whose streams carry a value of the graph."""
    return [stage for stage in core.stages if stage.value]


def first_mismatch(stage: CoreStage, stream: np.ndarray, expected: np.ndarray) -> Mismatch | None:
    """Compare a recorded stream, (beats, values), with its value; what exceeds the shorter is left out."""
    got = map_values(stage.output, stream)
    want = expected.reshape(-1, stage.output.channels)[: len(got)]
    differs = got[: len(want)] != want
    if not differs.any():
        return None
    position = int(np.flatnonzero(differs)[0])
    frame, y, x, channel = (int(i) for i in np.unravel_index(position, expected.shape))
    return Mismatch(
        layer=stage.value or "",
        stage=stage.name,
        frame=frame,
        y=y,
        x=x,
        channel=channel,
        expected=int(expected.reshape(-1)[position]),
        got=int(got.reshape(-1)[position]),
        differing=int(differs.sum()),
        compared=differs.size,
    )


def check_run(core: Core, run: SimulationRun, expected: Expected, name: str) -> int:
    """Prove a run equal to the graph and return how many values were compared.

    Raises ValueMismatchError for the first layer that differs, MismatchError when
    the core stopped or put out the wrong number of beats or words.
    """
    compared = 0
    for stage in recorded_stages(core):
        stream, want = run.streams[stage.name], expected.values[stage.value or ""]
        mismatch = first_mismatch(stage, stream, want)
        if mismatch:
            raise ValueMismatchError(mismatch, name)
        compared += want.size
    if not run.finished:
        raise MismatchError.at(
            "simulation",
            f"{name}: nothing moved at either end any more, {run.total_cycles:,} cycles after the start: "
            + blocked_channels(run),
            REMEDY,
        )
    for stage in recorded_stages(core):
        beats = stage.output.beats_per_frame * len(expected.scores)
        if len(run.streams[stage.name]) != beats:
            raise MismatchError.at(
                stage.name, f"{name}: made {len(run.streams[stage.name])} beats, not {beats}", REMEDY
            )
    return compared + _check_words(core, run, expected, name)


def _check_words(core: Core, run: SimulationRun, expected: Expected, name: str) -> int:
    frames = len(expected.scores)
    want = np.concatenate([expected.scores, expected.classes[:, None]], axis=1)
    if len(run.words) != want.size:
        raise MismatchError.at("output", f"{name}: made {len(run.words)} words, not {want.size}", REMEDY)
    marks = np.flatnonzero(run.last)
    if not np.array_equal(marks, np.arange(1, frames + 1) * core.words_per_frame - 1):
        raise MismatchError.at(
            "output", f"{name}: m_last stands at words {marks[:8].tolist()}, not at the end of frames", REMEDY
        )
    got = run.words.reshape(want.shape)
    if not np.array_equal(got, want):
        frame, word = (int(i) for i in np.argwhere(got != want)[0])
        what = "winning class" if word == core.classes else f"score {word}"
        raise MismatchError.at(
            "output",
            f"{name}: frame {frame}, {what}: expected {want[frame, word]}, got {got[frame, word]}",
            REMEDY,
        )
    return want.size
