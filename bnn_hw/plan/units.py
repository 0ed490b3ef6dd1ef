"""Timing of the hardware's elementary units, cycle by cycle, as relations between event times.

A *link* joins two units; ``x[k]`` is the cycle in which its beat k is taken
(valid and ready at the rising edge). A unit states two things:

* ``offer(x_in, x_out)``: the earliest cycle in which each output beat is valid;
* ``ready(x_in, x_out)``: the earliest cycle in which each input beat can be taken.

Beats of all frames are numbered through. All relations are maxima of earlier
times plus constants, so the times that hold are the least ones that satisfy all
of them (:mod:`bnn_hw.plan.timing` finds them). The units are those of the
SystemVerilog library; the names of its modules stand with each class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

Times = np.ndarray
NEVER_BLOCKED = -(1 << 40)

# The cycle in which the reset ends and the first beat is offered. Units make padding from then on.
RESET_ENDS = 0


def in_order(earliest: Times, cycles: int = 1) -> Times:
    """Times of events that keep their order and take ``cycles`` each: t[k] >= t[k-1] + cycles."""
    index = np.arange(len(earliest)) * cycles
    return np.maximum.accumulate(earliest - index) + index


def shifted(times: Times, places: int) -> Times:
    """``times[k - places]``; the first ``places`` entries set no bound."""
    if places >= len(times):
        return np.full(len(times), NEVER_BLOCKED)
    return np.concatenate([np.full(places, NEVER_BLOCKED), times[: len(times) - places]])


def at(times: Times, index: np.ndarray) -> Times:
    """``times[index]``; a negative index sets no bound."""
    if not len(times):
        return np.full(len(index), NEVER_BLOCKED)
    return np.where(index >= 0, times[np.maximum(index, 0)], NEVER_BLOCKED)


def per_frame(index: np.ndarray, frames: int, stride: int) -> np.ndarray:
    """Indices of one frame, repeated for each frame ``stride`` further; negative ones stay negative."""
    whole = index[None, :] + stride * np.arange(frames)[:, None]
    return np.where(index[None, :] >= 0, whole, -1).reshape(-1)


class Unit(ABC):
    """An elementary unit; ``outputs``: beats it gives in all frames."""

    outputs: int

    @abstractmethod
    def offer(self, x_in: Times, x_out: Times) -> Times: ...

    @abstractmethod
    def ready(self, x_in: Times, x_out: Times) -> Times: ...


@dataclass
class Skid(Unit):
    """bnn_skid: two beats, one cycle."""

    outputs: int

    def offer(self, x_in: Times, x_out: Times) -> Times:
        return x_in + 1

    def ready(self, x_in: Times, x_out: Times) -> Times:
        return shifted(x_out, 2) + 1


@dataclass
class FifoRam(Unit):
    """bnn_fifo with more than two places: a RAM of ``depth`` beats and an output register."""

    outputs: int
    depth: int

    def _reads(self, x_in: Times, x_out: Times) -> Times:
        return in_order(np.maximum(x_in + 1, shifted(x_out, 1)))

    def offer(self, x_in: Times, x_out: Times) -> Times:
        return self._reads(x_in, x_out) + 1

    def ready(self, x_in: Times, x_out: Times) -> Times:
        return shifted(self._reads(x_in, x_out), self.depth) + 1


@dataclass
class Gather(Unit):
    """bnn_gather: ``beats`` narrow words become one."""

    outputs: int
    beats: int

    def offer(self, x_in: Times, x_out: Times) -> Times:
        return x_in[self.beats - 1 :: self.beats] + 1

    def ready(self, x_in: Times, x_out: Times) -> Times:
        return np.repeat(shifted(x_out, 1), self.beats)


@dataclass
class Scatter(Unit):
    """bnn_scatter: one wide word becomes ``beats`` narrow ones."""

    outputs: int
    beats: int

    def offer(self, x_in: Times, x_out: Times) -> Times:
        return np.repeat(x_in + 1, self.beats)

    def ready(self, x_in: Times, x_out: Times) -> Times:
        return in_order(np.maximum(x_in, shifted(x_out[self.beats - 1 :: self.beats], 1)), self.beats)


@dataclass
class Pieces(Unit):
    """bnn_split before its skid buffer: input beat k becomes ``counts[k]`` beats, one at least."""

    counts: np.ndarray

    def __post_init__(self) -> None:
        self.outputs = int(self.counts.sum())
        self.ends = np.cumsum(self.counts) - 1
        self.begin = self.ends + 1 - self.counts

    def taken(self, earliest: Times) -> Times:
        """When input beats are taken of which none waits for the output."""
        return np.maximum.accumulate(earliest - self.begin) + self.begin

    def offer(self, x_in: Times, x_out: Times) -> Times:
        return np.repeat(x_in + 1, self.counts)

    def ready(self, x_in: Times, x_out: Times) -> Times:
        return self.taken(np.maximum(x_in, shifted(x_out[self.ends], 1)))


@dataclass
class Pipeline(Unit):
    """bnn_mvtu and bnn_threshold: ``depth`` registers, then a skid buffer.

    Each ``per_output`` input beats give one output beat. The registers move all
    together, gaps between beats included, and stand still while the beat at their
    end cannot enter the skid buffer.
    """

    outputs: int
    depth: int
    per_output: int

    def _run(self, x_in: Times, x_out: Times) -> tuple[Times, Times]:
        """When each input beat is taken and each output beat enters the skid buffer."""
        arrived = x_in[self.per_output - 1 :: self.per_output] + self.depth
        free = shifted(x_out, 2) + 1
        if (free <= arrived).all():
            return x_in, arrived
        return self._with_pauses(x_in.tolist(), free.tolist())

    def _with_pauses(self, offered: list[int], free: list[int]) -> tuple[Times, Times]:
        pauses: list[tuple[int, int]] = []  # [first cycle, first cycle after), in order
        passed = 0  # pauses that ended before the present input beat
        taken: list[int] = []
        emitted: list[int] = []
        now = offered[0] - 1
        for beat, time in enumerate(offered):
            now = max(now + 1, time)
            while passed < len(pauses) and pauses[passed][0] <= now:
                now = max(now, pauses[passed][1])
                passed += 1
            taken.append(now)
            if (beat + 1) % self.per_output == 0:
                end = now + self.depth + sum(stop - start for start, stop in pauses[passed:])
                leave = max(end, free[len(emitted)])
                if leave > end:
                    pauses.append((end, leave))
                emitted.append(leave)
        return np.array(taken), np.array(emitted)

    def offer(self, x_in: Times, x_out: Times) -> Times:
        return self._run(x_in, x_out)[1] + 1

    def ready(self, x_in: Times, x_out: Times) -> Times:
        return self._run(x_in, x_out)[0]


@dataclass
class Filter(Unit):
    """bnn_pool: a skid buffer that only the beats in ``ends`` (input indices) enter."""

    ends: np.ndarray

    def __post_init__(self) -> None:
        self.outputs = len(self.ends)

    def offer(self, x_in: Times, x_out: Times) -> Times:
        return x_in[self.ends] + 1

    def ready(self, x_in: Times, x_out: Times) -> Times:
        bound = np.full(len(x_in), NEVER_BLOCKED)
        bound[self.ends] = shifted(x_out, 2) + 1
        return bound


@dataclass
class Ranking(Unit):
    """bnn_scores behind its converter: ``classes`` scores, then the winner's word, into a skid buffer."""

    outputs: int
    classes: int

    def _winners(self, x_in: Times, x_out: Times) -> Times:
        free = (shifted(x_out, 2) + 1).reshape(-1, self.classes + 1)[:, -1]
        return np.maximum(x_in.reshape(-1, self.classes)[:, -1] + 1, free)

    def offer(self, x_in: Times, x_out: Times) -> Times:
        scores = x_in.reshape(-1, self.classes)
        return np.hstack([scores, self._winners(x_in, x_out)[:, None]]).reshape(-1) + 1

    def ready(self, x_in: Times, x_out: Times) -> Times:
        free = (shifted(x_out, 2) + 1).reshape(-1, self.classes + 1)[:, :-1].copy()
        free[:, 0] = np.maximum(free[:, 0], shifted(self._winners(x_in, x_out), 1) + 1)
        return free.reshape(-1)


@dataclass
class Ring(Unit):
    """bnn_window: ring buffer of ``depth`` words, one read a cycle.

    need: for each read the word it wants, -1 for padding. last_read: for each
    window its last read. starts: for each window the number of its first word
    (padding counted).
    """

    need: np.ndarray
    last_read: np.ndarray
    starts: np.ndarray
    depth: int

    def __post_init__(self) -> None:
        self.outputs = len(self.need)

    def _reads(self, x_in: Times, x_out: Times) -> Times:
        there = np.maximum(at(x_in, self.need) + 1, RESET_ENDS)
        return in_order(np.maximum(there, shifted(x_out, 1)))

    def offer(self, x_in: Times, x_out: Times) -> Times:
        return self._reads(x_in, x_out) + 1

    def ready(self, x_in: Times, x_out: Times) -> Times:
        ends = self._reads(x_in, x_out)[self.last_read]
        return at(ends, self._freed_by(np.arange(len(x_in)))) + 1

    def _freed_by(self, words: np.ndarray) -> np.ndarray:
        """The window whose end makes room for each word; -1 where there is room from the start.

        Words that no window of the simulated frames makes room for wait for the last one.
        """
        window = np.searchsorted(self.starts, words - self.depth + 1, side="left") - 1
        return np.minimum(window, len(self.last_read) - 1)


@dataclass
class FullWindow(Unit):
    """bnn_window_full behind its skid buffer: shifts pixels, holds each window ``replay`` beats.

    pixel: for each place of the padded map the input pixel, -1 for padding.
    completes: for each place the number of the window it completes, -1 for none.
    """

    pixel: np.ndarray
    completes: np.ndarray
    replay: int

    def __post_init__(self) -> None:
        windows = np.maximum.accumulate(self.completes)
        self.before = np.concatenate([[-1], windows[:-1]])
        self.hits = np.flatnonzero(self.completes >= 0)
        self.real = np.flatnonzero(self.pixel >= 0)
        cost = np.where(self.completes >= 0, self.replay, 1)
        self.begin = np.concatenate([[0], np.cumsum(cost)[:-1]])
        self.outputs = len(self.hits) * self.replay

    def shifts(self, x_in: Times, x_out: Times) -> Times:
        """When each place is shifted in: one cycle each, ``replay`` where it completes a window."""
        freed = at(x_out[self.replay - 1 :: self.replay], self.before)
        arrived = np.maximum(np.maximum(at(x_in, self.pixel), freed), RESET_ENDS)
        return np.maximum.accumulate(arrived - self.begin) + self.begin

    def offer(self, x_in: Times, x_out: Times) -> Times:
        return np.repeat(self.shifts(x_in, x_out)[self.hits] + 1, self.replay)

    def ready(self, x_in: Times, x_out: Times) -> Times:
        return self.shifts(x_in, x_out)[self.real]
