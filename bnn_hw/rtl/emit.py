"""Emitter: a plan and its graph become a folder of SystemVerilog, memory images and core.json.

The folder is complete in itself: the top module bnn_core.sv, the library
modules it uses, mem/*.hex, files.f (sources in reading order) and core.json.
Tools run with it as their working directory. Where the plan asks for structural
arithmetic, modules made for this core stand in the place of their behavioural twins
of the library (the contents of logic ROMs among them), and bnn_primitives.sv holds
the part's primitives for simulators.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bnn_hw.errors import FaultList, ModelError
from bnn_hw.folders import whole_folder
from bnn_hw.ir.graph import Graph
from bnn_hw.pipeline import core as core_record
from bnn_hw.pipeline.arithmetic import BEHAVIOURAL, STRUCTURAL_LUT6_2
from bnn_hw.pipeline.core import Core, CoreStage
from bnn_hw.pipeline.record import Plan
from bnn_hw.pipeline.stages import Mvtu, Scores, Stage
from bnn_hw.rtl import load, memory, modules
from bnn_hw.rtl.structural import tables
from bnn_hw.rtl.structural.library import PRIMITIVES, structural_sources
from bnn_hw.rtl.structural.needs import Contents, needs_of
from bnn_hw.rtl.top import CONFIG, TOP, top_module

LIBRARY = Path(__file__).parent / "lib"
ASSERTIONS = "bnn_assert.svh"


def emit(plan: Plan, graph: Graph, folder: Path) -> Core:
    """Write the core of ``plan`` into ``folder`` and return its record.

    The folder appears complete or not at all; an older one is replaced.
    Raises ModelError for layers the hardware has no unit for, ConfigError when weights
    to be loaded exceed the configuration port, OutputError when the folder cannot be
    written.
    """
    check_chain(plan)
    images = memory_images(plan, graph)
    generated = generated_sources(plan, images)
    core = core_of(plan, graph, folder, images, generated)
    with whole_folder(folder) as scratch:
        (scratch / "mem").mkdir()
        for files in images.values():
            for path, image in files.items():
                (scratch / path).write_text(image.hex_text)
        texts = {**generated, f"{TOP}.sv": top_module(plan, core)}
        if core.simulation_sources:
            texts[PRIMITIVES.name] = PRIMITIVES.read_text()
        for source in (*core.sources, *core.simulation_sources, ASSERTIONS):
            text = texts[source] if source in texts else (LIBRARY / source).read_text()
            (scratch / source).write_text(text)
        (scratch / "files.f").write_text("".join(f"{source}\n" for source in core.sources))
        (scratch / "core.json").write_text(core_record.to_json(core))
    return core


def check_chain(plan: Plan) -> None:
    """Prove that the stages form one chain of equal streams; ModelError lists every break.

    A plan made by the planner always does; one edited by hand may not.
    """
    faults = FaultList()
    remedy = "make the plan again with bnn-hw plan"
    names = [stage.name for stage in plan.stages]
    for name in names:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
            faults.add(name, "is no identifier, so it cannot name a unit", remedy)
        if names.count(name) > 1:
            faults.add(name, "names two stages", remedy)
    for before, after in zip(plan.stages, plan.stages[1:], strict=False):
        made, read = before.output, after.input
        # A dense layer reads the same beats as one flat pixel, so shapes may differ.
        for what in ("dtype", "lanes", "pixels", "skip", "beats_per_frame"):
            if getattr(made, what) != getattr(read, what):
                faults.add(
                    after.name,
                    f"reads {what} {getattr(read, what)}, but {before.name} makes {getattr(made, what)}",
                    remedy,
                )
    if not plan.stages or not isinstance(plan.stages[-1], Scores):
        faults.add(plan.network, "the plan does not end with a scores stage", remedy)
    faults.raise_if_any(ModelError)


def memory_images(plan: Plan, graph: Graph) -> dict[str, dict[str, memory.Image]]:
    """Return the ROM images by stage, then by path in the folder; ModelError lists every fault."""
    faults = FaultList()
    images: dict[str, dict[str, memory.Image]] = {}
    for stage in plan.stages:
        try:
            images[stage.name] = load.stage_images(stage, graph)
        except ModelError as err:
            for fault in err.faults:
                faults.add(fault.place, fault.cause, fault.remedy)
    faults.raise_if_any(ModelError)
    return images


def core_of(
    plan: Plan,
    graph: Graph,
    folder: Path,
    images: dict[str, dict[str, memory.Image]],
    generated: dict[str, str],
) -> Core:
    """Return the record of the core that :func:`emit` writes; ``generated``: sources made for it, by name."""
    stages = tuple(
        CoreStage(
            name=stage.name,
            kind=stage.kind,
            layer=stage.layer,
            value=stage.value,
            module=modules.module_of(stage)[0],
            instance=f"u_{stage.name}",
            valid=f"{stage.name}_valid",
            ready=f"{stage.name}_ready",
            data=f"{stage.name}_data",
            output=stage.output,
            memories=tuple(images[stage.name]),
        )
        for stage in plan.stages
    )
    last = plan.stages[-1]
    assert isinstance(last, Scores)
    config = load.config_map(plan, images)
    used = {stage.module for stage in stages} | (set(tables.PARTS) if generated else set())
    if config:
        used.add(CONFIG)
    library = library_sources(used)
    own = [source for source in generated if source not in library]
    return Core(
        folder=folder,
        top=TOP,
        network=plan.network,
        part=plan.part,
        input_name=graph.input.name,
        input=plan.stages[0].input,
        classes=last.classes,
        sources=(*own, *library, f"{TOP}.sv"),
        stages=stages,
        simulation_sources=(PRIMITIVES.name,) if plan.arithmetic != BEHAVIOURAL else (),
        arithmetic=plan.arithmetic,
        config=config,
    )


def generated_sources(plan: Plan, images: dict[str, dict[str, memory.Image]]) -> dict[str, str]:
    """Return the structural modules the plan asks for, by file name; none for behavioural arithmetic."""
    if plan.arithmetic == BEHAVIOURAL:
        return {}
    return structural_texts(plan.stages, images, plan.arithmetic == STRUCTURAL_LUT6_2)


def structural_texts(
    stages: Sequence[Stage], images: dict[str, dict[str, memory.Image]], dual_cells: bool
) -> dict[str, str]:
    """Return the structural modules of ``stages`` by file name; images: by stage name, then by path."""
    contents = {s.name: _contents(s, images[s.name]) for s in stages if isinstance(s, Mvtu)}
    arithmetic = structural_sources(needs_of(stages, contents), dual_cells)
    return arithmetic | tables.table_sources(logic_images(stages, images))


def _contents(stage: Mvtu, images: dict[str, memory.Image]) -> Contents:
    file = modules.weight_file(stage)
    thresholds = images[modules.threshold_file(stage)].words if stage.threshold else ()
    return Contents(file, images[file].words, thresholds)


def logic_images(
    stages: Sequence[Stage], images: dict[str, dict[str, memory.Image]]
) -> dict[str, memory.Image]:
    """Return the contents of the ROMs in LUTs, by path in the folder."""
    logic: dict[str, memory.Image] = {}
    for stage in stages:
        if isinstance(stage, Mvtu) and stage.runtime:
            continue
        logic |= images[stage.name]
        if isinstance(stage, Mvtu) and stage.weight_memory != "logic":
            del logic[modules.weight_file(stage)]
    return logic


def library_sources(used: set[str]) -> list[str]:
    """Return the files of the modules in ``used`` and of all they instantiate, dependencies first."""
    known = {path.stem for path in LIBRARY.glob("*.sv")}
    order: list[str] = []

    def add(module: str) -> None:
        text = re.sub(r"//.*|/\*[\s\S]*?\*/", "", (LIBRARY / f"{module}.sv").read_text())
        for name in sorted(set(re.findall(r"\bbnn_\w+", text)) & known - {module}):
            add(name)
        if module not in order:
            order.append(module)

    for module in sorted(used):
        add(module)
    return [f"{module}.sv" for module in order]
