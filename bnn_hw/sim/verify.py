"""The proof of a core: values equal to the graph in every layer, cycles equal to the plan.

Runs over whole frames back to back: at full speed (which also measures), with random
pauses at both ends, with a reset in mid-frame, and, where weights can be loaded, with
others loaded between two frames.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bnn_hw import tools
from bnn_hw.errors import MismatchError
from bnn_hw.ir.execute import check_images
from bnn_hw.ir.graph import Graph
from bnn_hw.pipeline import core as core_record
from bnn_hw.pipeline.record import Plan
from bnn_hw.sim.build import Simulator, build
from bnn_hw.sim.compare import Expected, check_run, expected_values, recorded_stages
from bnn_hw.sim.reload import Reload, check_answers, joined, reload_requests
from bnn_hw.sim.run import Request, SimulationRun, simulate

FORMAT = "bnn_hw.verify/1"
INTERVAL_TOLERANCE = 0.005
RESET_FRAMES = 3

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class RunReport:
    """One run that was bit-exact. seed is None without pauses; cycles: the whole run."""

    name: str
    seed: int | None
    frames: int
    cycles: int
    values_compared: int
    seconds: float


@dataclass(frozen=True)
class VerifyReport:
    """What was proven and measured.

    interval_cycles: cycles between the last words of two following frames in the
    second half of the run at full speed, where it is constant; latency_cycles: from
    the cycle that takes a frame's first beat to the one that takes its last word,
    for the first frame. planned_*: the plan's figures. layers: values compared.
    """

    network: str
    frames: int
    layers: tuple[str, ...]
    interval_cycles: int
    planned_interval_cycles: int
    latency_cycles: int
    planned_latency_cycles: int
    frame_intervals: tuple[int, ...]
    runs: tuple[RunReport, ...]
    simulator: str
    build_seconds: float

    @property
    def interval_exact(self) -> bool:
        return self.interval_cycles == self.planned_interval_cycles

    @property
    def latency_exact(self) -> bool:
        return self.latency_cycles == self.planned_latency_cycles

    @property
    def values_compared(self) -> int:
        return sum(run.values_compared for run in self.runs)


def to_json(report: VerifyReport) -> str:
    """Return verify.json's text."""
    record = {
        "format": FORMAT,
        "bit_exact": True,  # a report exists only then
        **dataclasses.asdict(report),
        "interval_exact": report.interval_exact,
        "latency_exact": report.latency_exact,
        "values_compared": report.values_compared,
    }
    return json.dumps(record, indent=1) + "\n"


def random_images(graph: Graph, frames: int, seed: int = 1) -> np.ndarray:
    """Return random pictures for the graph's input; the first two are all least and all greatest."""
    kind = graph.input.type
    rng = np.random.default_rng(seed)
    if kind.dtype.is_bipolar:
        images = rng.choice([-1, 1], size=(frames, *kind.shape))
    else:
        images = rng.integers(kind.dtype.min, kind.dtype.max + 1, size=(frames, *kind.shape))
    images[:1], images[1:2] = kind.dtype.min, kind.dtype.max
    return images


def verify(
    folder: Path,
    plan: Plan,
    graph: Graph,
    images: np.ndarray,
    *,
    frames: int | None = None,
    seeds: Sequence[int] = (1,),
    cache: Path | None = None,
    progress: Progress | None = None,
    reload: Reload | None = None,
) -> VerifyReport:
    """Prove the core in ``folder`` on the pictures and return what was measured.

    images: (n, height, width, channels) integers of the input's type, used over
    again when ``frames`` exceeds n. seeds: one run with random pauses each; the
    last one is also used for the run with a reset in mid-frame. cache: where
    compiled simulations are kept. progress: called with a run's name, the frames
    done and their number. reload: other weights for a core that can be loaded.

    Raises MismatchError when a value, the number of words, the interval (not
    constant, or more than 0.5 % above the plan) differs or the core stops;
    ToolError when Verilator or the compiler is missing or fails.
    """
    core = core_record.load(folder)
    images = check_images(graph, images)
    count = frames or len(images)
    images = images[np.arange(count) % len(images)]
    started = time.monotonic()
    if progress:
        progress("compile", 0, 1)
    simulator = build(core, cache)
    build_seconds = time.monotonic() - started
    proof = _Proof(simulator, plan, expected_values(plan, graph, core, images), images, progress)
    fast = proof.run("full speed", None)
    frame_intervals = measure_intervals(fast)
    interval = check_interval(frame_intervals, plan)
    for seed in seeds:
        proof.run(f"random pauses, seed {seed}", seed)
    reset_seed = seeds[-1] if seeds else 1
    proof.run("reset in mid-frame", reset_seed, RESET_FRAMES, max(2, plan.latency_cycles - interval // 3))
    if reload:
        proof.run_reloaded(reload, expected_values(plan, reload.graph, core, images), reset_seed)
    return VerifyReport(
        network=plan.network,
        frames=count,
        layers=tuple(stage.value or "" for stage in recorded_stages(core)),
        interval_cycles=interval,
        planned_interval_cycles=plan.interval_cycles,
        latency_cycles=measure_latency(fast),
        planned_latency_cycles=plan.latency_cycles,
        frame_intervals=tuple(frame_intervals),
        runs=tuple(proof.reports),
        simulator=f"Verilator {tools.find(tools.VERILATOR).version_text}",
        build_seconds=round(build_seconds, 2),
    )


class _Proof:
    """Runs one after the other over the same frames; keeps a report of each."""

    def __init__(
        self,
        simulator: Simulator,
        plan: Plan,
        expected: Expected,
        images: np.ndarray,
        progress: Progress | None,
    ) -> None:
        self.simulator, self.plan, self.expected, self.images = simulator, plan, expected, images
        self.progress = progress
        self.reports: list[RunReport] = []

    def run_reloaded(self, reload: Reload, after: Expected, seed: int) -> None:
        """Half of the frames with the core's weights, the others with those loaded in between."""
        config = self.simulator.core.config
        assert config
        half = len(self.images) // 2
        words = len(reload.image.writes)
        run = self.run(
            f"{words:,} words of other weights loaded after frame {half}",
            seed,
            requests=reload_requests(reload.image, half),
            expected=joined(self.expected, after, half),
        )
        check_answers(config, reload.image, run.answers)

    def run(
        self,
        name: str,
        seed: int | None,
        frames: int | None = None,
        reset_at: int = 0,
        requests: Sequence[Request] = (),
        expected: Expected | None = None,
    ) -> SimulationRun:
        """Simulate, compare and report; ``frames`` limits the run to the first frames."""
        count = min(frames or len(self.images), len(self.images))
        core = self.simulator.core
        # More than a frame, so that now and then the whole pipeline fills up or runs empty.
        longest_stall = max(16, 2 * self.plan.interval_cycles)
        started = time.monotonic()

        def advance(done: int) -> None:
            if self.progress:
                self.progress(name, done, count)

        run = simulate(
            self.simulator,
            self.images[:count],
            record=[stage.name for stage in recorded_stages(core)],
            seed=seed,
            longest_stall=longest_stall,
            reset_at=reset_at,
            watchdog_cycles=watchdog_cycles(self.plan, longest_stall),
            progress=advance,
            requests=requests,
        )
        compared = check_run(core, run, first_frames(expected or self.expected, count), name)
        seconds = round(time.monotonic() - started, 2)
        self.reports.append(RunReport(name, seed, count, run.total_cycles, compared, seconds))
        return run


def watchdog_cycles(plan: Plan, longest_stall: int) -> int:
    """Cycles without a beat at either end after which a core counts as stuck: far above any that is not."""
    return 10_000 + 4 * (plan.interval_cycles + plan.latency_cycles + longest_stall)


def first_frames(expected: Expected, count: int) -> Expected:
    """Cut what is expected to the first ``count`` frames."""
    values = {name: value[:count] for name, value in expected.values.items()}
    return Expected(values, expected.scores[:count], expected.classes[:count])


def measure_intervals(run: SimulationRun) -> list[int]:
    """Cycles between the last words of following frames."""
    return [int(cycles) for cycles in np.diff(run.cycles[run.last])]


def measure_latency(run: SimulationRun) -> int:
    """Cycles from taking the first frame's first beat to taking its last word."""
    return int(run.cycles[run.last][0] - run.first_beats[0])


def check_interval(intervals: list[int], plan: Plan) -> int:
    """Return the steady interval; MismatchError if there is none or it exceeds the plan's by over 0.5 %."""
    steady = intervals[len(intervals) // 2 :]
    if not steady:
        raise MismatchError.at("frames", "one frame has no interval", "verify at least 2 frames")
    if len(set(steady)) > 1:
        raise MismatchError.at(
            "interval",
            f"frames follow each other after {steady} cycles, not evenly; planned {plan.interval_cycles}",
            "simulate more frames; if it stays, the FIFOs of the plan are too short",
        )
    if steady[0] - plan.interval_cycles > plan.interval_cycles * INTERVAL_TOLERANCE:
        raise MismatchError.at(
            "interval",
            f"a frame takes {steady[0]} cycles, the plan says {plan.interval_cycles} ({plan.bottleneck})",
            "this is a fault of the plan or the core; report it with plan.json",
        )
    return steady[0]
