"""The image that turns a core with loadable weights into another network of the same structure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bnn_hw.errors import FaultList, ModelError
from bnn_hw.folders import writing
from bnn_hw.ir.graph import Graph
from bnn_hw.pipeline import record
from bnn_hw.pipeline.chain import Chain, InputThreshold, MacLayer, PoolStep, Step
from bnn_hw.pipeline.config import (
    TAG_ADDRESS,
    WORD_BITS,
    ConfigMap,
    ConfigMemory,
    LoadImage,
    image_json,
    place_memories,
)
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import Plan
from bnn_hw.pipeline.stages import Mvtu, Stage, ThresholdUnit
from bnn_hw.rtl import memory, modules
from bnn_hw.rtl.memory import Image

Images = Mapping[str, Mapping[str, Image]]
"""Contents of the memories by stage, then by path in the RTL folder."""

_NAMES = ("name", "layer", "value", "mac", "threshold")


def digest32(record: Any) -> int:
    """The first 32 bits of the SHA-256 of a record's JSON."""
    return int(hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:8], 16)


def stage_images(stage: Stage, graph: Graph) -> dict[str, Image]:
    """Return the memory images of one stage, by path in the RTL folder; ModelError for illegal weights."""
    images: dict[str, Image] = {}
    if isinstance(stage, Mvtu):
        images[modules.weight_file(stage)] = memory.weight_image(graph, stage)
        if stage.threshold is not None:
            images[modules.threshold_file(stage)] = memory.threshold_image(graph, stage)
    elif isinstance(stage, ThresholdUnit):
        images[modules.threshold_file(stage)] = memory.unit_threshold_image(graph, stage)
    return images


def config_map(plan: Plan, images: Images) -> ConfigMap | None:
    """Return what lies behind the configuration port of the plan's core, None if nothing can be loaded.

    Raises ConfigError when the memories exceed the port's addresses.
    """
    files = {
        stage.name: (modules.weight_file(stage), modules.threshold_file(stage))
        for stage in plan.stages
        if isinstance(stage, Mvtu)
    }
    memories = place_memories(plan.stages, files)
    if not memories:
        return None
    loadable = {item.stage for item in memories}
    structure = [
        {key: value for key, value in record.plain(stage).items() if key not in _NAMES}
        for stage in plan.stages
    ]
    fixed = [image.hex_text for stage in images if stage not in loadable for image in images[stage].values()]
    placed = [[item.base, item.rows, item.row_bits] for item in memories]
    return ConfigMap(memories, digest32([structure, fixed, placed]), _tag(_writes(memories, images)))


def _tag(writes: Iterable[tuple[int, int]]) -> int:
    """Name of contents."""
    return digest32(list(writes))


def _writes(memories: Iterable[ConfigMemory], images: Images) -> list[tuple[int, int]]:
    mask = (1 << WORD_BITS) - 1
    return [
        (item.address(row, word), content >> WORD_BITS * word & mask)
        for item in memories
        for row, content in enumerate(images[item.stage][item.file].words)
        for word in range(item.words)
    ]


def load_image(plan: Plan, graph: Graph, other: Graph) -> LoadImage:
    """Return what to write to the core of ``plan`` and ``graph`` so that it computes ``other``.

    Raises ModelError that lists every difference: a layer of another kind or size, or
    other weights in a layer whose weights are fixed in the core. ConfigError when the
    core's weights are all fixed.
    """
    own = {stage.name: stage_images(stage, graph) for stage in plan.stages}
    config = config_map(plan, own)
    if config is None:
        raise ModelError.at(
            plan.network,
            "has no weights that can be loaded",
            "build it with --weights runtime, or with runtime weights for some layers in the folding file",
        )
    twins = _twin_stages(plan, as_chain(graph), as_chain(other))
    images = {stage.name: stage_images(twin, other) for stage, twin in twins}
    loadable = {item.stage for item in config.memories}
    faults = FaultList()
    for stage, _ in twins:
        if stage.name not in loadable and images[stage.name] != own[stage.name]:
            faults.add(
                f"{other.name}, {stage.layer}",
                "has other weights or thresholds than the core, in which they are fixed",
                "give the layer runtime weights and build anew",
            )
    faults.raise_if_any(ModelError)
    writes = _writes(config.memories, images)
    tag = _tag(writes)
    return LoadImage(other.name, config.layout, tag, (*writes, (TAG_ADDRESS, tag)))


def write_image(image: LoadImage, path: Path) -> None:
    """Write an image's file; OutputError if that fails."""
    with writing(path):
        path.write_text(image_json(image))


def _twin_stages(plan: Plan, own: Chain, other: Chain) -> list[tuple[Stage, Stage]]:
    """Each stage that has memories, and the same stage with the other graph's names; ModelError if none."""
    faults = FaultList()
    remedy = "load a network trained with the same layers, or build a core for this one"
    if len(own.steps) != len(other.steps):
        faults.add("network", f"has {len(other.steps)} layers and pools, the core {len(own.steps)}", remedy)
    if own.input != other.input:
        faults.add("input", f"is {other.input}, the core reads {own.input}", remedy)
    for mine, theirs in zip(own.steps, other.steps, strict=False):
        have, found = _shape(mine), _shape(theirs)
        for key in have.keys() | found.keys():
            if have.get(key) != found.get(key):
                faults.add(theirs.name, f"has the {key} {found.get(key)}, the core {have.get(key)}", remedy)
    faults.raise_if_any(ModelError)
    renamed: dict[str, Step] = {mine.name: step for mine, step in zip(own.steps, other.steps, strict=True)}
    return [
        (stage, _renamed(stage, renamed[stage.layer]))
        for stage in plan.stages
        if isinstance(stage, (Mvtu, ThresholdUnit))
    ]


def _renamed(stage: Mvtu | ThresholdUnit, step: Step) -> Stage:
    if isinstance(stage, ThresholdUnit):
        return replace(stage, threshold=step.node.name) if isinstance(step, InputThreshold) else stage
    assert isinstance(step, MacLayer)
    return replace(stage, mac=step.mac.name, threshold=step.threshold.name if step.threshold else None)


def _shape(step: Step) -> dict[str, Any]:
    """What hardware is built for, by the words of an error message."""
    if isinstance(step, PoolStep):
        return {"kind": "pool", "kernel": step.kernel, "input": str(step.input)}
    if isinstance(step, InputThreshold):
        return {"kind": "threshold", "input": str(step.input)}
    return {
        "kind": "dense layer" if step.is_dense else "convolution",
        "kernel": step.kernel,
        "stride": step.stride,
        "padding": (*step.padding, step.pad_value),
        "input": str(step.input),
        "number of neurons": step.mh,
        "activation": "sign" if step.threshold else "none",
    }
