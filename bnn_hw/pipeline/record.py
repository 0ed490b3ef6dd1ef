"""The plan: what a build follows and a person reads, as plan.json."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn_hw.errors import ConfigError
from bnn_hw.ir.types import DataType
from bnn_hw.pipeline.arithmetic import ARITHMETIC, STRUCTURAL
from bnn_hw.pipeline.stages import STAGES, Stage, Stream

FORMAT = "bnn_hw.plan/1"


# Not frozen: a plan adds up hundreds of thousands of them, and frozen ones take three times as long to make.
@dataclass(slots=True, unsafe_hash=True)
class Resources:
    """LUT sites after dual-output packing, flip-flops, 36 kbit block RAMs (halves count 0.5), DSP48.

    carry4: carry chains of four bits. A slice has one beside four LUT sites, so a
    part has a quarter as many of them as LUTs.
    """

    lut: float = 0
    ff: float = 0
    bram36: float = 0
    dsp: float = 0
    carry4: float = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            self.lut + other.lut,
            self.ff + other.ff,
            self.bram36 + other.bram36,
            self.dsp + other.dsp,
            self.carry4 + other.carry4,
        )


@dataclass(frozen=True)
class Proof:
    """What a plan has least of (``objective``), its value, and the bound no legal folding can beat.

    By the cost law and within the planner's search space. seconds: of processor time that the search took.
    """

    objective: str
    value: float
    bound: float
    seconds: float = 0.0

    @property
    def gap(self) -> float:
        """Share by which the value may be above the optimum; 0 is a proven optimum."""
        return (self.value - self.bound) / self.bound if self.bound else 0.0


@dataclass(frozen=True)
class LayerPlan:
    """One compute layer: folding, exact cycles a frame, predicted resources.

    runtime: weights and thresholds can be loaded; pixels: windows done at a time.
    """

    name: str
    pe: int
    simd: int
    neurons: int
    synapses: int
    weight_memory: str
    cycles: int
    resources: Resources
    runtime: bool = False
    pixels: int = 1


@dataclass(frozen=True)
class Plan:
    """A graph folded for a part. Cycles are exact, resources a prediction by the cost law.

    arithmetic: one of bnn_hw.pipeline.arithmetic.ARITHMETIC. limit, budget: what the
    core may take, and where that comes from in words; None for a plan without limits.
    proof: how good the folding is, None for one that was given. port_cycles: that a frame takes the
    memory port, 0 for a core that counts alone.
    """

    network: str
    graph_digest: str
    board: str
    part: str
    goal: str
    clock_hz: int
    layers: tuple[LayerPlan, ...]
    stages: tuple[Stage, ...]
    stage_cycles: dict[str, int]
    interval_cycles: int
    latency_cycles: int
    bottleneck: str
    resources: Resources
    stage_resources: dict[str, Resources]
    arithmetic: str = STRUCTURAL
    limit: Resources | None = None
    budget: str = ""
    proof: Proof | None = None
    port_cycles: int = 0

    @property
    def fps(self) -> float:
        """Frames a second at ``clock_hz`` when pictures follow each other without a gap."""
        return self.clock_hz / self.interval_cycles

    def stage(self, name: str) -> Stage:
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)


def plain(value: Any) -> Any:
    """Return a record of dataclasses, types and stages as what JSON can hold."""
    if isinstance(value, DataType):
        return str(value)
    if isinstance(value, Stage):
        fields = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"kind": value.kind, **fields}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def to_json(plan: Plan) -> str:
    """Return plan.json's text."""
    record = {"format": FORMAT, **plain(plan), "fps": plan.fps}
    return json.dumps(record, indent=1) + "\n"


def _stage_from(record: dict[str, Any]) -> Stage:
    fields: dict[str, Any] = dict(record)
    kind = fields.pop("kind")
    for name in ("input", "output"):
        stream = dict(fields[name])
        fields[name] = Stream(DataType.parse(stream.pop("dtype")), **stream)
    if "accumulator" in fields:
        fields["accumulator"] = DataType.parse(fields["accumulator"])
    values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
    return STAGES[kind](**values)


def from_json(text: str, place: str = "plan.json") -> Plan:
    """Read what :func:`to_json` wrote; ConfigError naming ``place`` if it is not a plan."""
    try:
        record = json.loads(text)
        if record.pop("format") != FORMAT:
            raise ValueError(f"format is not {FORMAT}")
        record.pop("fps")
        layers = tuple(
            LayerPlan(**{**la, "resources": Resources(**la["resources"])}) for la in record["layers"]
        )
        record["layers"] = layers
        record["stages"] = tuple(_stage_from(stage) for stage in record["stages"])
        record["resources"] = Resources(**record["resources"])
        record["stage_resources"] = {k: Resources(**v) for k, v in record["stage_resources"].items()}
        record["limit"] = Resources(**record["limit"]) if record.get("limit") else None
        record["proof"] = Proof(**record["proof"]) if record.get("proof") else None
        if record["arithmetic"] not in ARITHMETIC:
            raise ValueError(f"arithmetic is {record['arithmetic']!r}, not one of {', '.join(ARITHMETIC)}")
        return Plan(**record)
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise ConfigError.at(
            place, f"is no plan of this version: {err!r}", "make it again with bnn-hw plan"
        ) from err


def load(path: Path) -> Plan:
    """Read a plan.json."""
    return from_json(path.read_text(), str(path))
