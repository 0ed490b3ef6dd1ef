"""One job from job.json to result.json, or to error.json where it fails."""

from __future__ import annotations

import json
import shutil
import traceback
from pathlib import Path
from typing import Any

from bnn_hw.errors import BnnHwError
from bnn_hw.finn.job import (
    CODE,
    CODE_FOLDER,
    ERROR,
    EXECUTED,
    FINAL,
    FOLDING,
    IMPORTED,
    PARENT,
    PROGRESS,
    RESULT,
    SIMULATE,
    Job,
    read_job,
)

FAILED = 1


def run(path: Path) -> int:
    """Do the job; 0 and result.json, or another status and error.json."""
    from bnn_hw.finn.inside import boot

    job = read_job(path)
    out = Path(job.out)
    try:
        boot.prepare(
            Path(job.work) / "generated",
            Path(job.dependencies) if job.dependencies else None,
            Path(job.vivado) if job.vivado else None,
        )
        boot.load(simulator=job.product != CODE and job.fifos == SIMULATE)
        record = {"import": _import, "build": _build}[job.action](job, out)
    except BnnHwError as error:
        traceback.print_exc()
        faults = [{"place": f.place, "cause": f.cause, "remedy": f.remedy} for f in error.faults]
        (out / ERROR).write_text(json.dumps({"kind": type(error).__name__, "faults": faults}, indent=1))
        return FAILED
    except Exception as error:
        traceback.print_exc()
        place = getattr(error, "name", "") or "FINN"
        fault = {"place": f"FINN, step {place}", "cause": str(error), "remedy": ""}
        (out / ERROR).write_text(json.dumps({"kind": "ToolError", "faults": [fault]}, indent=1))
        return FAILED
    (out / RESULT).write_text(json.dumps(record, indent=1) + "\n")
    return 0


def _config(job: Job, out: Path, **settings: Any) -> Any:
    """FINN's build configuration: no debugger, no colours, the part named outright."""
    from finn.builder.build_dataflow_config import DataflowBuildConfig, LogLevel, ShellFlowType

    return DataflowBuildConfig(
        output_dir=str(out),
        synth_clk_period_ns=job.clock_period_ns,
        fpga_part=job.part,
        board=job.finn_board,
        shell_flow_type=ShellFlowType.VIVADO_ZYNQ,
        enable_build_pdb_debug=False,
        save_intermediate_models=True,
        console_log_level=LogLevel.NONE,
        **settings,
    )


def _import(job: Job, out: Path) -> dict[str, Any]:
    from qonnx.core.modelwrapper import ModelWrapper

    from bnn_hw.finn.inside.accumulators import widen
    from bnn_hw.finn.inside.network import import_steps
    from bnn_hw.finn.inside.sequence import run_steps

    if job.widen:
        widen()
    work = Path(job.work)
    config = _config(job, work / "finn", generate_outputs=[])
    model, seconds = run_steps(ModelWrapper(job.model), import_steps(job, config), work / "steps")
    model.save(str(out / IMPORTED))
    shutil.copyfile(work / "finn" / "intermediate_models" / "dataflow_parent.onnx", out / PARENT)
    return {"seconds": seconds, "nodes": _nodes(model), "outside": _outside(out / PARENT)}


def _nodes(model: Any) -> list[dict[str, str]]:
    return [{"name": node.name, "operator": node.op_type} for node in model.graph.node]


def _outside(parent: Path) -> list[str]:
    """Nodes that FINN leaves to the processor."""
    from qonnx.core.modelwrapper import ModelWrapper

    nodes = ModelWrapper(str(parent)).graph.node
    return [f"{node.name} ({node.op_type})" for node in nodes if node.op_type != "StreamingDataflowPartition"]


def _keep(work: Path, out: Path) -> None:
    """Copy what steps, perhaps of an earlier run, left: the folding file and the generated code."""
    if (work / FOLDING).is_file():
        shutil.copyfile(work / FOLDING, out / FOLDING)
    shutil.copytree(work / CODE_FOLDER, out / CODE_FOLDER, dirs_exist_ok=True)


def _build(job: Job, out: Path) -> dict[str, Any]:
    import numpy as np
    from qonnx.core.modelwrapper import ModelWrapper

    from bnn_hw.finn.inside.accumulators import check_accumulators, widen
    from bnn_hw.finn.inside.build import build_steps, layer_map, settings
    from bnn_hw.finn.inside.execute import execute
    from bnn_hw.finn.inside.report import estimates
    from bnn_hw.finn.inside.sequence import run_steps

    if job.widen:
        widen()
    work = Path(job.work)
    config = _config(job, work / "finn", **settings(job))
    model = ModelWrapper(str(Path(job.model) / IMPORTED))
    names = layer_map(model, job)
    _, seconds = run_steps(model, build_steps(job, config, names, work), work / "steps")
    # Later steps put the layers into Vivado's blocks; this is the network that they were made from.
    folded = ModelWrapper(str(next((work / "steps").glob("*_minimize_bit_width.onnx"))))
    folded.save(str(out / FINAL))
    _keep(work, out)
    record: dict[str, Any] = {"seconds": seconds, "nodes": _nodes(folded)}
    record.update(estimates(folded, Path(config.output_dir) / "report", names))
    if job.widen:
        record["accumulators"] = check_accumulators(folded, names)
    if job.pictures:
        pictures = np.load(job.pictures)

        def progress(done: int) -> None:
            print(f"{PROGRESS}{done}/{len(pictures)} execute", flush=True)

        execute(folded, pictures, out / EXECUTED, progress, wrap=not job.widen)
    return record
