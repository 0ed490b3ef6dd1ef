"""The generated core as a record: core.json in an RTL folder, which simulation, synthesis and shell read."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn_hw.errors import ConfigError
from bnn_hw.ir.types import DataType
from bnn_hw.pipeline.arithmetic import BEHAVIOURAL
from bnn_hw.pipeline.config import ConfigMap, map_from, map_record
from bnn_hw.pipeline.stages import Stream

FORMAT = "bnn_hw.core/1"
SCORE_BITS = 32


@dataclass(frozen=True)
class CoreStage:
    """One unit of the core and its output stream.

    module: SystemVerilog module; instance: its name in the top module; valid,
    ready, data: names of the output stream's wires there; value: the graph value
    the stream carries, None where it carries none; memories: ROM images it loads.
    """

    name: str
    kind: str
    layer: str
    value: str | None
    module: str
    instance: str
    valid: str
    ready: str
    data: str
    output: Stream
    memories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Core:
    """A top module in an RTL folder.

    Ports: clk, rst_n (synchronous), s_valid, s_ready, s_data (``input``), m_valid,
    m_ready, m_data (32 bits), m_last. Tools run with ``folder`` as their working
    directory, because memory images are named relative to it. sources: files in
    the order they are to be read. simulation_sources: models of the part's
    primitives, for simulators only: synthesis has its own. arithmetic: the plan's.
    config: what lies behind the configuration port, None for a core without one. Its
    ports: config_valid, config_ready, config_write, config_address (24 bits, of words),
    config_write_data (32 bits), config_read_valid, config_read_data (32 bits).
    """

    folder: Path
    top: str
    network: str
    part: str
    input_name: str
    input: Stream
    classes: int
    sources: tuple[str, ...]
    stages: tuple[CoreStage, ...]
    simulation_sources: tuple[str, ...] = ()
    arithmetic: str = BEHAVIOURAL
    config: ConfigMap | None = None

    @property
    def words_per_frame(self) -> int:
        """Output words: one score a class, then the winning class."""
        return self.classes + 1

    def stage(self, name: str) -> CoreStage:
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)


def _stream_record(stream: Stream) -> dict[str, Any]:
    return {
        **dataclasses.asdict(stream),
        "dtype": str(stream.dtype),
        "width_bits": stream.width_bits,
        "beats_per_frame": stream.beats_per_frame,
    }


_SIZES = ("height", "width", "channels", "lanes", "pixels", "skip", "shared")


def _stream_from(record: dict[str, Any]) -> Stream:
    sizes = {key: int(record[key]) for key in _SIZES}
    return Stream(DataType.parse(record["dtype"]), **sizes)


def to_json(core: Core) -> str:
    """Return core.json's text."""
    stages = [
        {
            **dataclasses.asdict(stage),
            "memories": list(stage.memories),
            "output": _stream_record(stage.output),
        }
        for stage in core.stages
    ]
    record = {
        "format": FORMAT,
        "top": core.top,
        "network": core.network,
        "part": core.part,
        "input_name": core.input_name,
        "input": _stream_record(core.input),
        "classes": core.classes,
        "output": {"width_bits": SCORE_BITS, "words_per_frame": core.words_per_frame},
        "arithmetic": core.arithmetic,
        "sources": list(core.sources),
        "simulation_sources": list(core.simulation_sources),
        "stages": stages,
    }
    if core.config:
        record["config"] = map_record(core.config)
    return json.dumps(record, indent=1) + "\n"


def load(folder: Path) -> Core:
    """Read core.json of an RTL folder; ConfigError if it is missing or damaged."""
    path = folder / "core.json"
    try:
        record = json.loads(path.read_text())
        if record["format"] != FORMAT:
            raise ValueError(f"format is {record['format']!r}, not {FORMAT!r}")
        stages = tuple(
            CoreStage(
                **{**stage, "output": _stream_from(stage["output"]), "memories": tuple(stage["memories"])}
            )
            for stage in record["stages"]
        )
        return Core(
            folder=folder,
            top=record["top"],
            network=record["network"],
            part=record["part"],
            input_name=record["input_name"],
            input=_stream_from(record["input"]),
            classes=int(record["classes"]),
            sources=tuple(record["sources"]),
            stages=stages,
            simulation_sources=tuple(record["simulation_sources"]),
            arithmetic=record["arithmetic"],
            config=map_from(record["config"]) if "config" in record else None,
        )
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise ConfigError.at(
            path, f"is no generated core: {err!r}", "make it again with bnn-hw generate"
        ) from err
