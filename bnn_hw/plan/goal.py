"""Goals: what a plan is to reach."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bnn_hw.design import Design
from bnn_hw.errors import ConfigError, suggest
from bnn_hw.pipeline.chain import Chain
from bnn_hw.plan.finn import read_finn
from bnn_hw.plan.folding import Folding, read_folding

HIGH_THROUGHPUT = "high-throughput"
FPS = "fps"
LOW_POWER = "low-power"
LOW_LATENCY = "low-latency"
FOLDING = "folding"
_KINDS = (HIGH_THROUGHPUT, FPS, LOW_POWER, LOW_LATENCY, FOLDING)
KNOWN = (HIGH_THROUGHPUT, f"{FPS}=N", f"{LOW_POWER}=N", LOW_LATENCY, f"{FOLDING}=FILE")


@dataclass(frozen=True)
class Goal:
    """kind: HIGH_THROUGHPUT, LOW_LATENCY; FPS, LOW_POWER (``fps``); FOLDING (``folding``: name or path)."""

    text: str
    kind: str
    fps: float = 0.0
    folding: str = ""


def one_goal(texts: Sequence[str]) -> str:
    """The goal, where one is given; ConfigError for several, be it in one text."""
    named = [part.strip() for text in texts for part in _parts(text)]
    if len(named) > 1:
        raise ConfigError.at(
            f"goal {', '.join(named)}",
            f"is {len(named)} goals",
            "give one: a folding says PE and SIMD itself, any other goal has the planner choose them",
        )
    return texts[0] if texts else ""


def _parts(text: str) -> list[str]:
    """The goals that a text names, separated by commas; a file's name may hold some, too."""
    parts = text.split(",")
    several = len(parts) > 1 and all(part.partition("=")[0].strip() in _KINDS for part in parts)
    return parts if several else [text]


def parse_goal(text: str | None) -> Goal:
    """Read a goal; ConfigError for none, several, an unknown one (with the nearest), or a wrong number."""
    place = f"goal {text}" if text else "goal"
    if not text:
        raise ConfigError.at(place, "is missing; there is no default", f"give one of: {', '.join(KNOWN)}")
    one_goal([text])
    kind, equals, value = text.partition("=")
    if kind in (HIGH_THROUGHPUT, LOW_LATENCY) and not equals:
        return Goal(text, kind)
    if kind in (FPS, LOW_POWER):
        try:
            fps = float(value)
        except ValueError:
            fps = 0.0
        if not 0 < fps < float("inf"):
            raise ConfigError.at(
                place, f"{value!r} is no positive number of frames a second", f"write {kind}=1000 or the like"
            )
        return Goal(text, kind, fps=fps)
    if kind == FOLDING and value:
        return Goal(text, kind, folding=value)
    near = difflib.get_close_matches(kind, _KINDS, n=1, cutoff=0.4)
    offer = next((known for known in KNOWN if near and known.startswith(near[0])), "")
    known = f"known: {', '.join(KNOWN)}"
    raise ConfigError.at(place, "is unknown", f"did you mean {offer}? {known}" if offer else known)


def manual_folding(goal: Goal, chain: Chain, design: Design | None) -> Folding:
    """Read the folding that a goal names: one of the design's, or a file, which may be FINN's.

    Raises ConfigError if there is neither, FoldingError for a file with faults.
    """
    named = design.foldings if design else {}
    if goal.folding in named:
        return read_folding(named[goal.folding].path, chain)
    path = Path(goal.folding)
    if not path.is_file():
        whose = f"the design {design.name}" if design else "the design"
        raise ConfigError.at(
            f"goal {goal.text}",
            f"there is no file {goal.folding}, and {whose} has no folding of that name",
            f"give a folding file; {suggest(goal.folding, named)}",
        )
    return read_finn(path, chain) or read_folding(path, chain)
