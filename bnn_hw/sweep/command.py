"""What the command sweep runs and prints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bnn_hw.errors import ConfigError
from bnn_hw.pareto import Request as FrontRequest
from bnn_hw.pareto import folding_file, pareto
from bnn_hw.pipeline.arithmetic import STRUCTURAL
from bnn_hw.progress import Reporter
from bnn_hw.run import Result
from bnn_hw.show import render
from bnn_hw.source import Source
from bnn_hw.sweep import show
from bnn_hw.sweep.job import Job
from bnn_hw.sweep.run import Outcome, Store, sweep


@dataclass(frozen=True)
class Request:
    """Networks times boards times goals; front: also the points of each front, at so many speeds at most."""

    networks: tuple[str, ...]
    boards: tuple[str, ...]
    goals: tuple[str, ...]
    out: Path
    front: int | None = None
    verify: bool = False
    frames: int = 20
    limit: str | None = None
    utilisation: float | None = None
    clock_hz: int | None = None
    arithmetic: str = STRUCTURAL
    scheduler: str | None = None
    workers: int | None = None
    input_scale: str | None = None
    input_offset: str | None = None


def run(request: Request, reporter: Reporter) -> tuple[Result, str]:
    """Run the sweep; return the result and, if points failed, a text that names them.

    ``<out>/sweep`` gets sweep.json, sweep.png and a file for each finished point. Raises
    as :func:`bnn_hw.sweep.run.sweep`; ConfigError without any goal.
    """
    jobs = jobs_of(request, reporter)
    folder = request.out / "sweep"
    outcomes: list[Outcome] = []
    try:
        ordered = sweep(
            jobs,
            Store(folder / "points"),
            request.scheduler,
            request.workers,
            reporter,
            finished=outcomes.append,
        )
    except KeyboardInterrupt:
        show.write(outcomes, folder)
        raise
    record = show.write(ordered, folder)
    kept = sum(outcome.kept for outcome in ordered)
    lines = [render(show.table(record)), f"points     {len(record['points'])}, {kept} of them from before"]
    lines += [f"picture    {folder / show.PICTURE}"] if record["points"] else []
    lines += [f"results    {folder / show.RECORD}"]
    return Result("\n".join(lines), record), failures(ordered)


def failures(outcomes: list[Outcome]) -> str:
    """Name the points that failed, each with its faults; empty if there are none."""
    failed = [outcome for outcome in outcomes if not outcome.ok]
    if not failed:
        return ""
    lines = [f"{len(failed)} of {len(outcomes)} points failed; the same command tries them again:"]
    for outcome in failed:
        lines += [f"{outcome.job.name}: {fault}" for fault in outcome.faults]
    return "\n".join(lines)


def jobs_of(request: Request, reporter: Reporter) -> list[Job]:
    """All points, each once."""
    if not request.goals and request.front is None:
        raise ConfigError.at("sweep", "has neither --goal nor --front", "give one of them, or both")
    jobs = []
    for network in request.networks:
        for board in request.boards:
            for goal in (*request.goals, *_front_goals(request, network, board, reporter)):
                job = Job(
                    network, board, goal, str(request.out), request.clock_hz, request.limit,
                    request.utilisation, request.arithmetic, request.frames, request.verify,
                    request.input_scale, request.input_offset,
                )  # fmt: skip
                jobs.append(job)
    return list(dict.fromkeys(jobs))


def _front_goals(request: Request, network: str, board: str, reporter: Reporter) -> list[str]:
    if request.front is None:
        return []
    wanted = FrontRequest(
        Source(network, request.input_scale, request.input_offset),
        board,
        request.out,
        request.clock_hz,
        request.limit,
        request.utilisation,
        request.front,
    )
    record = pareto(wanted, reporter=reporter).record
    return [f"folding={folding_file(wanted, point['number'])}" for point in record["points"]]
