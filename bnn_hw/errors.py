"""The error family: every fault names its place, its cause and the remedy.

A user's mistake never shows a traceback. It is raised as a :class:`BnnHwError`
that carries one or more :class:`Fault` records; the command line prints them
all and ends with the class's ``exit_status``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    place: where (file, field, layer, node, tool); cause: what is wrong, with
    the value found; remedy: what the user can do about it.
    """

    place: str
    cause: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.cause}\n    remedy: {self.remedy}"


class BnnHwError(Exception):
    """Base of all errors a user can cause; holds one or more faults."""

    exit_status = 1

    def __init__(self, faults: Fault | Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        if not self.faults:
            raise ValueError("an error needs at least one fault")
        super().__init__("\n".join(str(fault) for fault in self.faults))

    @classmethod
    def at(cls, place: object, cause: str, remedy: str) -> BnnHwError:
        """Make an error with a single fault."""
        return cls(Fault(str(place), cause, remedy))


class InputError(BnnHwError):
    """A picture, array or option given by the user is not usable."""

    exit_status = 2


class ModelError(BnnHwError):
    """The network cannot be read or has a construct that is not supported."""

    exit_status = 3


class FoldingError(BnnHwError):
    """A folding names an unknown layer, misses one or asks for an illegal PE or SIMD."""

    exit_status = 4


class ConfigError(BnnHwError):
    """A board, part, design or goal is unknown or its file is not valid."""

    exit_status = 5


class FitError(BnnHwError):
    """The design does not fit the part, or the goal cannot be reached on it."""

    exit_status = 6


class TimingError(FitError):
    """The routed design is slower than the clock it was asked for."""


class ToolError(BnnHwError):
    """An external tool is missing, of the wrong version, or failed."""

    exit_status = 7


class MismatchError(BnnHwError):
    """Two executions that must agree do not: simulation, netlist, plan or golden vectors."""

    exit_status = 8


class OutputError(BnnHwError):
    """A result cannot be written: disk full, folder not writable."""

    exit_status = 9


class DataError(BnnHwError):
    """A data set folder is missing, empty or not of the expected form."""

    exit_status = 10


@dataclass
class FaultList:
    """Collects faults, so that several are reported together.

    >>> faults = FaultList()
    >>> faults.add("conv1", "PE is 3, which exceeds its 2 channels", "use 1 or 2")
    >>> len(faults)
    1
    """

    faults: list[Fault] = field(default_factory=list)

    def add(self, place: object, cause: str, remedy: str) -> None:
        self.faults.append(Fault(str(place), cause, remedy))

    def __len__(self) -> int:
        return len(self.faults)

    def raise_if_any(self, kind: type[BnnHwError]) -> None:
        """Raise ``kind`` with all collected faults; do nothing when there are none."""
        if self.faults:
            raise kind(self.faults)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a remedy sentence that offers the nearest known name, then all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    listed = ", ".join(names) if names else "none"
    return f"did you mean {near[0]}? known: {listed}" if near else f"known: {listed}"
