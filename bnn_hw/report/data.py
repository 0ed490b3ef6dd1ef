"""What a report shows: results that other steps computed, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bnn_hw.pipeline.record import Plan, Resources


@dataclass(frozen=True)
class Published:
    """A published design to compare with; None where its source gives no figure.

    scope: what the figures cover and how they were made, one sentence.
    """

    source: str
    scope: str = ""
    lut: float | None = None
    bram36: float | None = None
    dsp: float | None = None
    fps: float | None = None
    latency_s: float | None = None
    clock_hz: float | None = None
    power_w: float | None = None


@dataclass(frozen=True)
class ReportData:
    """Everything on the page. What is None or empty is named as missing, with the command that makes it.

    design, board: the names a command line takes; available: the part's totals;
    utilisation: the record of utilisation.json; verification: that of verify.json;
    predictions: groups of classified pictures, each a record with title, pictures
    (number), classes, optionally evaluation (accuracy, interval, recall,
    confusion) and samples (name, image as a data URI, label, predicted, correct,
    scores); versions: of this package and the tools; digests: SHA-256 by artefact.
    """

    design: str
    board: str
    plan: Plan
    available: Resources
    utilisation: Mapping[str, Any] | None = None
    verification: Mapping[str, Any] | None = None
    predictions: Sequence[Mapping[str, Any]] = ()
    published: Sequence[Published] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
