"""Count in simulation how often the nets of a core change: SAIF by Verilator, summed unit by unit.

SAIF (switching activity interchange format, IEEE 1801 annex I) has for every net the
number of its changes, TC. The harness takes a look a cycle, when all signals have
settled, from the moment the first frame is out until the last one is in.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable
from math import ceil
from pathlib import Path

import numpy as np

from bnn_hw.errors import MismatchError
from bnn_hw.pipeline.activity import Activity, UnitActivity
from bnn_hw.pipeline.core import Core
from bnn_hw.pipeline.record import Plan
from bnn_hw.sim.build import build
from bnn_hw.sim.run import simulate
from bnn_hw.sim.verify import watchdog_cycles

SAIF = "core.saif"
PICTURES = 4
"""Frames whose changes are counted, if not told otherwise."""

# No data: they change with the clock, or never.
_LEFT_OUT = {"clk", "rst_n"}

_INSTANCE = re.compile(r"\(INSTANCE\s+(?:\"[^\"]*\"\s+)?(\S+)")
_NET = re.compile(r"\((\S+)\s.*\(TC\s+(\d+)\)")


def count_activity(
    core: Core,
    plan: Plan,
    images: np.ndarray,
    *,
    frames: int = PICTURES,
    cache: Path | None = None,
    words: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Activity:
    """Simulate ``core`` and return the changes of its nets over ``frames`` frames in steady state.

    images: (n, height, width, channels), taken again and again; besides the counted frames
    as many as fill the core. words: says of the pictures what they are. progress: called
    with the frames that are out, and their number. Raises as bnn_hw.sim.run.simulate.
    """
    inside = ceil(plan.latency_cycles / plan.interval_cycles)
    total = frames + inside + 1
    simulator = build(core, cache, activity=True)
    with tempfile.TemporaryDirectory(prefix="bnn_hw_saif_") as name:
        run = simulate(
            simulator,
            images[np.arange(total) % len(images)],
            watchdog_cycles=watchdog_cycles(plan, 0),
            progress=(lambda done: progress(done, total)) if progress else None,
            saif=Path(name) / SAIF,
        )
        if not run.finished:
            raise MismatchError.at("activity", "the core stopped", "prove it first: bnn-hw verify")
        with (Path(name) / SAIF).open() as lines:
            units = read_saif(lines, core)
    return Activity(core.network, run.active_cycles, units, words)


def read_saif(lines: Iterable[str], core: Core) -> dict[str, UnitActivity]:
    """Sum nets and changes below each unit's instance of the top module; every unit is there."""
    stages = {stage.instance: stage.name for stage in core.stages}
    nets = dict.fromkeys(stages.values(), 0)
    toggles = dict.fromkeys(stages.values(), 0)
    path: list[str] = []
    depth_of: list[int] = []
    depth = 0
    for line in lines:
        instance = _INSTANCE.search(line)
        if instance:
            path.append(instance[1])
            depth_of.append(depth)
        net = None if instance else _NET.search(line)
        if net:
            unit = next((stages[name] for name in path if name in stages), None)
            bit = net[1].replace("\\", "")
            if unit and bit.split("[")[0] not in _LEFT_OUT:
                nets[unit] += 1
                toggles[unit] += int(net[2])
        depth += line.count("(") - line.count(")")
        while depth_of and depth <= depth_of[-1]:
            depth_of.pop()
            path.pop()
    return {name: UnitActivity(nets[name], toggles[name]) for name in nets}
