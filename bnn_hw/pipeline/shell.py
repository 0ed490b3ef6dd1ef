"""The whole accelerator as a record: shell.json, which simulation, synthesis and the package read."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn_hw.errors import ConfigError

FORMAT = "bnn_hw.shell/1"
RECORD = "shell.json"


@dataclass(frozen=True)
class Shell:
    """What a driver and a simulation need to know of an accelerator.

    folder: where it lies; top: module with the processing system; accelerator: module
    without; digest: 32 hexadecimal digits, as in the registers; frame_bytes: of a
    picture; frame_stride, result_stride: bytes from one to the next in memory;
    result_words: 32-bit words a frame, the scores and then the class; config: the core
    has a configuration port; sources: in reading order, without the top.
    """

    folder: Path
    top: str
    accelerator: str
    digest: str
    clock_hz: int
    base_address: int
    frame_bytes: int
    frame_stride: int
    result_words: int
    result_stride: int
    config: bool
    sources: tuple[str, ...]
    simulation_sources: tuple[str, ...]


def to_json(shell: Shell) -> str:
    """Return shell.json's text."""
    record: dict[str, Any] = {"format": FORMAT, **dataclasses.asdict(shell)}
    del record["folder"]
    return json.dumps(record, indent=1) + "\n"


def load(folder: Path) -> Shell:
    """Read shell.json of a folder; ConfigError if it is missing or damaged."""
    path = folder / RECORD
    try:
        record = json.loads(path.read_text())
        if record.pop("format") != FORMAT:
            raise ValueError(f"format is not {FORMAT!r}")
        for key in ("sources", "simulation_sources"):
            record[key] = tuple(record[key])
        return Shell(folder=folder, **record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise ConfigError.at(path, f"is no accelerator: {err!r}", "make it again with bnn-hw shell") from err
