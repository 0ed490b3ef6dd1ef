"""The generated RTL as one more execution of a network: simulated with Verilator, picture by picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnn_hw.errors import MismatchError
from bnn_hw.flow import Flow, Options
from bnn_hw.ir import Graph
from bnn_hw.ir.ops import Scale
from bnn_hw.pipeline import core as core_record
from bnn_hw.pipeline.record import Plan
from bnn_hw.progress import Reporter
from bnn_hw.sim.build import build
from bnn_hw.sim.compare import blocked_channels
from bnn_hw.sim.run import simulate
from bnn_hw.sim.verify import watchdog_cycles

Scores = NDArray[np.float32]


def rtl_predictor(options: Options, reporter: Reporter) -> Callable[[NDArray[np.uint8]], Scores]:
    """Generate the core that ``options`` ask for; the scores that its simulation puts out.

    Raises what planning and generation raise; the predictor MismatchError when the
    core stops or names another class than its greatest score, and ToolError.
    """
    flow = Flow(options, reporter)

    def run(images: NDArray[np.uint8]) -> Scores:
        flow.until("rtl")
        return simulated_scores(flow.folder("rtl") / "core", flow.plan, flow.graph, images, reporter)

    return run


def simulated_scores(
    folder: Path, plan: Plan, graph: Graph, images: NDArray[np.uint8], reporter: Reporter
) -> Scores:
    """Scores (N, classes) of the core in ``folder`` for images (N, height, width, channels), back to back."""
    core = core_record.load(folder)
    with reporter.bar("compiling the simulation", total=1) as advance:
        simulator = build(core)
        advance(1)
    with reporter.bar("simulating the RTL", total=len(images)) as advance:
        result = simulate(
            simulator, images, watchdog_cycles=watchdog_cycles(plan, 0), progress=lambda done: advance(done)
        )
    remedy = "report it: the accelerator would not answer as the trained network does"
    if not result.finished or len(result.words) != len(images) * core.words_per_frame:
        cause = f"stopped after {len(result.words):,} words: {blocked_channels(result)}"
        raise MismatchError.at("simulation", cause, remedy)
    words = result.words.reshape(len(images), core.words_per_frame)
    scores, winners = words[:, : core.classes], words[:, -1]
    wrong = np.flatnonzero(scores.argmax(axis=1) != winners)
    if len(wrong):
        row = int(wrong[0])
        cause = f"class {winners[row]} is put out for the scores {scores[row].tolist()}"
        raise MismatchError.at(f"picture {row}", cause, remedy)
    values = scores.astype(np.int64)
    for node in graph:
        if isinstance(node.op, Scale):
            values = node.op.execute(values)
    return np.asarray(values)
