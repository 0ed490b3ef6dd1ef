"""The folded build: estimates and generated code, and with Vivado the stitched IP and the bit file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from finn.builder import build_dataflow_steps as finn_steps
from finn.builder.build_dataflow_config import AutoFIFOSizingMethod, DataflowBuildConfig, DataflowOutputType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from bnn_hw.finn.inside.fold import (
    apply_folding,
    check_applied,
    compute_nodes,
    folding_config,
    kind_of,
    layer_nodes,
)
from bnn_hw.finn.inside.sequence import Step
from bnn_hw.finn.job import BITFILE, CODE, CODE_FOLDER, FOLDING, MINIMAL, Job


def settings(job: Job) -> dict[str, Any]:
    """What the job asks of FINN's configuration."""
    outputs = [DataflowOutputType.ESTIMATE_REPORTS]
    if job.product != CODE:
        outputs.append(DataflowOutputType.STITCHED_IP)
    if job.product == BITFILE:
        outputs += [DataflowOutputType.BITFILE, DataflowOutputType.PYNQ_DRIVER]
    minimal = job.fifos == MINIMAL
    strategy = AutoFIFOSizingMethod.FORCE_MINIMAL_FIFOS
    return {
        "generate_outputs": outputs,
        "target_fps": job.target_fps if job.layers is None else None,
        "auto_fifo_depths": True,
        "auto_fifo_strategy": strategy if minimal else AutoFIFOSizingMethod.DISTRIBUTED_SIMULATION,
    }


def layer_map(model: ModelWrapper, job: Job) -> dict[str, str]:
    """Our layers' names by FINN's node names."""
    if job.layers is not None:
        return {node.name: name for name, node in layer_nodes(model, job.layers).items()}
    nodes = compute_nodes(model)
    return {node.name: name for node, name in zip(nodes, job.layer_names, strict=True)}


def build_steps(job: Job, config: DataflowBuildConfig, names: dict[str, str], work: Path) -> list[Step]:
    """The steps from specialised layers to the product that the job asks for."""

    def finn(name: str) -> Step:
        step = getattr(finn_steps, name)
        return name.removeprefix("step_"), lambda model: step(model, config)

    steps = [
        ("folding", lambda model: _fold(model, job, config, names, work)),
        finn("step_minimize_bit_width"),
        finn("step_generate_estimate_reports"),
        finn("step_hw_codegen"),
        ("keep_code", lambda model: keep_code(model, work / CODE_FOLDER)),
    ]
    if job.product != CODE:
        steps += [finn(name) for name in ("step_hw_ipgen", "step_set_fifo_depths", "step_create_stitched_ip")]
    if job.product == BITFILE:
        steps += [finn("step_synthesize_bitfile"), finn("step_make_driver")]
    return steps


def _fold(
    model: ModelWrapper, job: Job, config: DataflowBuildConfig, names: dict[str, str], work: Path
) -> ModelWrapper:
    """Our folding, or SetFolding's; either way every factor divides afterwards."""
    if job.layers is None:
        model = finn_steps.step_target_fps_parallelization(model, config)
        check_applied(model, {}, names)
        return model
    applied = folding_config(model, job.layers, job.max_cycles or 1)
    return apply_folding(model, applied, work / FOLDING, names)


def keep_code(model: ModelWrapper, folder: Path) -> ModelWrapper:
    """Copy every node's generated C++, Tcl, SystemVerilog and weights to ``folder``/<node>.

    A node without code is an error: FINN's steps end without one.
    """
    for node in model.graph.node:
        if kind_of(node) == "Reshape":
            continue
        generated = str(getCustomOp(node).get_nodeattr("code_gen_dir_ipgen"))
        if not generated or not any(Path(generated).iterdir()):
            raise RuntimeError(f"{node.name}: FINN generated no code")
        shutil.copytree(generated, folder / node.name, dirs_exist_ok=True)
    return model
