"""Calibrate the power model: count activity of the BinaryCoP networks, fit, write plan/power.json.

    python -m benchmarks.calibrate_power --out build           all networks
    python -m benchmarks.calibrate_power --out build ncnv ucnv only these; the mean stands for the others

Counts the changes of nets of the cores at the paper's Table I foldings on pictures
(``bnn-hw power``), scales them with the share of time that the published frame rates
leave a pipeline busy, and fits the two unknowns of bnn_hw/plan/power.py.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from statistics import mean
from typing import Any

from bnn_hw.design import load_design
from bnn_hw.flow import Flow, Options
from bnn_hw.plan.power import DATA, BoardPoint, Model, error_text, fit
from bnn_hw.power import activity_of
from bnn_hw.progress import Reporter

NETWORKS = ("cnv", "ncnv", "ucnv")
BOARD, GOAL = "pynq-z1", "folding=table1"

# Vivado's report of the CVA6, see bnn_hw/plan/power.py.
CVA6_HZ = 45e6
CVA6 = {"ff_clock_j": (0.024, 20_559), "bram36_j": (0.005, 62), "dsp_j": (0.001, 4)}

MLPERF_FPS, MLPERF_J = 661, 2530e-6


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", default=list(NETWORKS))
    parser.add_argument("--out", type=Path, default=Path("build"))
    options = parser.parse_args(arguments)
    rates = {name: counted(name, options.out) for name in options.networks}
    record = calibrated(rates)
    DATA.write_text(json.dumps(record, indent=1) + "\n")
    print(f"{error_text(model_of(record))}\nwritten to {DATA}")
    return 0


def counted(network: str, out: Path) -> float:
    """Changes a net a cycle of the network's core at Table I's folding, weighted by LUT sites."""
    flow = Flow(Options(network, BOARD, GOAL, out=out), Reporter())
    activity = activity_of(flow)
    rate = activity.mean({name: need.lut for name, need in flow.plan.stage_resources.items()})
    print(f"{network}: {rate:.4f} changes a net a cycle over {activity.cycles:,} cycles, {activity.pictures}")
    return rate


def calibrated(rates: dict[str, float]) -> dict[str, Any]:
    """power.json's content."""
    points = board_points(rates)
    idle_w = load_design("cnv").published
    assert idle_w is not None
    energies = {name: watts / (CVA6_HZ * count) for name, (watts, count) in CVA6.items()}
    model = Model(
        toggle_j=0, base_w=0, idle_w=idle_w.idle_power_w or 0, default_rate=mean(rates.values()),
        points=tuple(points), **energies,
    )  # fmt: skip
    toggle_j, base_w = fit(points, model)
    model = dataclasses.replace(model, toggle_j=toggle_j, base_w=base_w)
    fields = dataclasses.asdict(model)
    return {
        "format": "bnn_hw.power/1",
        "about": "from counted_rates by calibrated() of benchmarks/calibrate_power.py; see plan/power.py",
        "counted_rates": rates,
        "points": fields.pop("points"),
        "model": fields,
    }


def model_of(record: dict[str, Any]) -> Model:
    return Model(**{**record["model"], "points": tuple(BoardPoint(**point) for point in record["points"])})


def board_points(rates: dict[str, float]) -> list[BoardPoint]:
    """The published boards, with the activity of our cores of the same networks and foldings."""
    default = mean(rates.values())
    points = []
    for name in NETWORKS:
        design = load_design(name)
        figures, interval = design.published, design.foldings["table1"].interval_cycles
        assert figures
        assert figures.fps
        assert figures.power_w
        assert interval
        points.append(
            BoardPoint(
                name=f"BinaryCoP {name}",
                source=figures.source,
                lut=figures.lut,
                ff=figures.lut,  # not published
                bram36=figures.bram36,
                dsp=figures.dsp,
                clock_hz=figures.clock_hz,
                busy=figures.fps * interval / figures.clock_hz,
                rate=rates.get(name, default),
                power_w=figures.power_w,
                fitted=True,
            )
        )
    cnv = points[0]
    interval = load_design("cnv").foldings["table1"].interval_cycles or 0
    other = dataclasses.replace(
        cnv,
        name="MLPerf Tiny CNV-W1A1",
        source="MLPerf Tiny v0.7, hls4ml-finn, PYNQ-Z2 without operating system; size of BinaryCoP's CNV",
        busy=MLPERF_FPS * interval / cnv.clock_hz,
        power_w=MLPERF_FPS * MLPERF_J,
        fitted=False,
    )
    return [*points, other]


if __name__ == "__main__":
    sys.exit(main())
