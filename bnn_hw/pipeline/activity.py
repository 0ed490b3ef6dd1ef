"""Switching activity of a core: how often its nets change, unit by unit."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bnn_hw.errors import ConfigError

FORMAT = "bnn_hw.activity/1"


@dataclass(frozen=True)
class UnitActivity:
    """Nets (bits) of a unit and their changes over the counted cycles."""

    nets: int
    toggles: int


@dataclass(frozen=True)
class Activity:
    """Changes of nets over ``cycles``, while frames followed each other without a gap.

    A net counts once wherever the unit's modules name it, at both ends of a port too, so
    a rate is an average over inputs and outputs of the logic. clk and rst_n are left out,
    contents of memories as well; simulation knows no delays, so glitches are missing.
    units: by stage name. pictures: what was sent, in words.
    """

    network: str
    cycles: int
    units: Mapping[str, UnitActivity]
    pictures: str = ""

    def rate(self, unit: str) -> float:
        """Changes a net a cycle, 0 to 1."""
        found = self.units[unit]
        return found.toggles / (found.nets * self.cycles) if found.nets else 0.0

    def mean(self, weights: Mapping[str, float]) -> float:
        """Average rate of the units, weighted, for instance with their LUT sites."""
        total = sum(weights[name] for name in self.units)
        return sum(self.rate(name) * weights[name] for name in self.units) / total if total else 0.0


def to_json(activity: Activity) -> str:
    """Return activity.json's text."""
    record = {
        "format": FORMAT,
        **dataclasses.asdict(activity),
        "rates": {name: activity.rate(name) for name in activity.units},
    }
    return json.dumps(record, indent=1) + "\n"


def from_json(text: str, place: str = "activity.json") -> Activity:
    """Read what :func:`to_json` wrote; ConfigError naming ``place`` if it is not that."""
    try:
        record: dict[str, Any] = json.loads(text)
        if record["format"] != FORMAT:
            raise ValueError(f"format is {record['format']!r}, not {FORMAT!r}")
        units = {name: UnitActivity(**unit) for name, unit in record["units"].items()}
        return Activity(record["network"], record["cycles"], units, record["pictures"])
    except (ValueError, KeyError, TypeError) as err:
        raise ConfigError.at(
            place, f"is no activity of this version: {err!r}", "count it again: bnn-hw power"
        ) from err
