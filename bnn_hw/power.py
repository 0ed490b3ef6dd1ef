"""The command power: activity counted in simulation times energies, unit by unit and for the board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from bnn_hw.pictures import proof_pictures
from bnn_hw.pipeline.activity import Activity, from_json, to_json
from bnn_hw.pipeline.core import load as load_core
from bnn_hw.pipeline.record import Resources
from bnn_hw.plan.power import CorePower, board_w, error_text, power_model, unit_powers
from bnn_hw.run import Result
from bnn_hw.sim.activity import PICTURES, count_activity
from bnn_hw.steps import Step

if TYPE_CHECKING:
    from pathlib import Path

    from bnn_hw.flow import Flow

ACTIVITY = "activity"
TITLES = {ACTIVITY: "count in simulation how often nets change"}
RECORD = "activity.json"


class ActivityStep:
    """Binds the step to one flow."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow

    def steps(self) -> list[Step]:
        sources = ("sim", "ir", "bits.py", "pipeline", "power.py")
        return [Step(ACTIVITY, self._inputs, sources, ("rtl",), self._run)]

    def _inputs(self) -> dict[str, Any]:
        return {**self.flow._picture_inputs(), "seed": self.flow.options.seed, "frames": PICTURES}

    def _run(self, folder: Path) -> None:
        flow = self.flow
        images, words = self._images()
        with flow.reporter.bar("compiling the simulation", total=1) as advance:
            activity = count_activity(
                load_core(flow.folder("rtl") / "core"),
                flow.plan,
                images,
                cache=flow.options.out / "cache",
                words=words,
                progress=lambda done, total: advance(done / total, "counting changes of nets"),
            )
        (folder / RECORD).write_text(to_json(activity))

    def _images(self) -> tuple[np.ndarray, str]:
        """Real pictures where there are any, and what they are."""
        flow, kind = self.flow, self.flow.graph.input.type
        real = [group.pictures.images for group in flow.groups if len(group.pictures)]
        if not real:
            images = proof_pictures(kind, [], PICTURES, flow.options.seed)
            return images, "noise, as there are no pictures"
        pool = np.concatenate(real)
        order = np.random.default_rng(flow.options.seed).permutation(len(pool))
        return pool[order[: 4 * PICTURES]], "pictures"


def activity_of(flow: Flow) -> Activity:
    """The activity of a flow's core; counted now if it is not there."""
    flow.until(ACTIVITY)
    path = flow.folder(ACTIVITY) / RECORD
    return from_json(path.read_text(), str(path))


def power(flow: Flow) -> Result:
    """Count the activity and estimate power and energy. Raises what the flow's steps raise."""
    activity, plan = activity_of(flow), flow.plan
    units = unit_powers(plan.stage_resources, plan.clock_hz, activity)
    total = sum(units.values(), CorePower())
    rate = activity.mean({name: need.lut for name, need in plan.stage_resources.items()})
    watts, error = board_w(total), error_text()
    lines = [
        f"activity   {rate:.1%} of the nets change in a cycle ({activity.cycles:,} cycles in steady state, "
        f"{activity.pictures}); without a simulation {power_model().default_rate:.1%} is assumed",
        f"core       {_mw(total.total_w)} mW at {plan.clock_hz / 1e6:g} MHz, {plan.fps:,.0f} frames/s: "
        f"{total.total_w / plan.fps * 1e6:,.3g} uJ a frame",
        f"board      {watts:.2f} W with a PYNQ-Z1's {power_model().idle_w} W at rest: "
        f"{watts / plan.fps * 1e6:,.3g} uJ a frame",
        error,
    ]
    record = {
        "network": flow.design.name,
        "board": flow.board.name,
        "goal": flow.options.goal,
        "estimate": True,
        "error": error,
        "clock_hz": plan.clock_hz,
        "fps": plan.fps,
        "rate": rate,
        "cycles": activity.cycles,
        "pictures": activity.pictures,
        "core_w": total.total_w,
        "core_uj_a_frame": total.total_w / plan.fps * 1e6,
        "board_w": watts,
        "units": {
            name: {"rate": activity.rate(name), "core_w": part.total_w, **vars(part)}
            for name, part in units.items()
        },
    }
    return Result("\n".join([_render(flow, units, activity), *lines]), record)


def _render(flow: Flow, units: dict[str, CorePower], activity: Activity) -> str:
    from bnn_hw.show import render

    table = Table(
        title=f"{flow.design.name} on {flow.board.name}, goal {flow.options.goal}: power of the core, "
        "estimated; resources predicted",
        title_justify="left",
    )
    table.add_column("unit")
    columns = ("nets change", "LUT", "FF", "BRAM36", "logic mW", "clock mW", "memory mW", "DSP mW", "mW")
    for name in columns:
        table.add_column(name, justify="right")
    needs = flow.plan.stage_resources
    for name, part in units.items():
        table.add_row(name, f"{activity.rate(name):.1%}", *_row(needs[name], part))
    table.add_section()
    table.add_row("core", "", *_row(flow.plan.resources, sum(units.values(), CorePower())))
    return render(table)


def _row(need: Resources, part: CorePower) -> list[str]:
    watts = (part.logic_w, part.clock_w, part.memory_w, part.dsp_w, part.total_w)
    return [f"{need.lut:,.0f}", f"{need.ff:,.0f}", f"{need.bram36:g}", *map(_mw, watts)]


def _mw(watts: float) -> str:
    return f"{1e3 * watts:.2f}"
