"""The bench's results as a table, and beside the paper's figures or an earlier run (Python 3.8)."""

import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from bnn_hw.manifest import Manifest
from bnn_hw.runtime.errors import PackageError

FORMAT = "bnn_hw.bench/1"
TITLES = {
    "golden_vectors": "golden vectors",
    "golden_mismatches": "of them wrong",
    "clock_built_for": "clock, built for",
    "clock_set": "clock, set",
    "clock_measured": "clock, measured",
    "interval": "interval, accelerator alone",
    "latency_accelerator": "latency, accelerator alone",
    "fps_accelerator": "speed, accelerator alone",
    "fps_end_to_end": "speed, end to end",
    "fps_end_to_end_least": "  least",
    "fps_end_to_end_greatest": "  greatest",
    "timed_mismatches": "  of these frames wrong",
    "cycles_end_to_end": "interval, end to end",
    "stalled_input": "stalled for input",
    "stalled_output": "stalled for output",
    "interrupts_lost": "interrupts lost",
    "latency_p50": "latency of one frame, p50",
    "latency_p99": "  p99",
    "latency_max": "  max",
    "latency_gate_least": "latency in gate mode, least",
    "latency_gate_greatest": "  greatest",
    "accuracy": "accuracy",
    "power": "power at work",
    "power_idle": "power at rest",
    "energy_frame": "energy of a frame",
    "energy_frame_net": "  without power at rest",
}


class Compared(NamedTuple):
    """A figure beside another one; ratio: this run by the other."""

    name: str
    here: float
    other: float
    unit: str

    @property
    def ratio(self) -> float:
        return self.here / self.other


def record(
    identity: Dict[str, Any], figures: Dict[str, Dict[str, Any]], notes: List[str], faults: List[str]
) -> Dict[str, Any]:
    """The results as a JSON object."""
    return {"format": FORMAT, **identity, "figures": figures, "notes": notes, "faults": faults}


def number(value: float) -> str:
    """A figure with four or five significant digits, large ones with commas."""
    if value == int(value) and abs(value) < 1e15:
        return "{:,}".format(int(value))
    return "{:,.0f}".format(value) if abs(value) >= 10000 else "{:.5g}".format(value)


def table(result: Dict[str, Any]) -> str:
    """The results for a person: figure, value, source."""
    lines = ["{network} on {board}, device {device}, build {digest}".format(**result)]
    figures = result["figures"]
    for name in [*TITLES, *sorted(set(figures) - set(TITLES))]:
        if name not in figures:
            continue
        item = figures[name]
        value = "-" if item["value"] is None else "{} {}".format(number(item["value"]), item["unit"])
        lines.append("{:30}{:>28}   {}".format(TITLES.get(name, name), value, item["source"]))
    lines += ["note: " + note for note in result["notes"]]
    lines += ["fault: " + fault for fault in result["faults"]]
    return "\n".join(lines)


def paper(manifest: Manifest) -> Dict[str, float]:
    """Published figures under the bench's names; PackageError where the design has none."""
    published = manifest.published
    if published is None:
        cause = "has no published figures"
        raise PackageError("manifest.json, published", cause, "compare with an earlier run's JSON file")
    found = {
        "fps_end_to_end": published.get("fps"),
        "latency_p50": 1e3 * published["latency_s"] if published.get("latency_s") else None,
        "power": published.get("power_w"),
        "power_idle": published.get("idle_power_w"),
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def earlier(path: Path) -> Dict[str, float]:
    """The figures of an earlier run's JSON file."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["format"] != FORMAT:
            raise ValueError("format is {!r}".format(result["format"]))
        figures = result["figures"].items()
        return {name: float(item["value"]) for name, item in figures if item["value"] is not None}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        cause = "is no result of the bench: {}".format(error)
        raise PackageError(str(path), cause, "give a file that --json wrote, or paper") from error


def compare(figures: Dict[str, Dict[str, Any]], other: Dict[str, float]) -> List[Compared]:
    """Figures that both have."""
    return [
        Compared(name, float(figures[name]["value"]), other[name], figures[name]["unit"])
        for name in [*TITLES, *sorted(set(figures) - set(TITLES))]
        if name in figures and name in other and figures[name]["value"] is not None and other[name]
    ]


def comparison_table(rows: List[Compared], title: str, caution: Optional[str] = None) -> str:
    """Rows for a person."""
    lines = ["compared with {}".format(title)]
    if caution:
        lines.append("  " + caution)
    for row in rows:
        name = TITLES.get(row.name, row.name).strip() if row.name in TITLES else row.name
        if row.name in ("latency_p99", "latency_max"):
            name = "latency of one frame, " + name
        lines.append(
            "{:30}{:>14} {:>14} {:16} x{:.3g}".format(
                name, number(row.here), number(row.other), row.unit, row.ratio
            )
        )
    return "\n".join(lines if rows else [*lines, "  no figure in common"])
