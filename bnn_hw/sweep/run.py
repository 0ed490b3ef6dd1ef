"""Jobs on Dask: in this process, or on a cluster whose scheduler is named; what is finished is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bnn_hw import __version__
from bnn_hw.errors import BnnHwError, Fault, FaultList, ToolError
from bnn_hw.folders import writing
from bnn_hw.progress import Reporter
from bnn_hw.sweep.job import Job, allow_running, execute, interrupt_running

CONNECT_S = 15.0
"""How long a scheduler may take to answer, and its first worker to be there."""

Execute = Callable[[Job], dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """What became of a job: figures, or the faults that stopped it. kept: of an earlier run."""

    job: Job
    figures: dict[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    kept: bool = False

    @property
    def ok(self) -> bool:
        return not self.faults


class Store:
    """Records of finished points, a file each; written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> dict[str, Any] | None:
        try:
            record = json.loads((self.folder / f"{key}.json").read_text())
            return dict(record["figures"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, job: Job, figures: dict[str, Any]) -> None:
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            scratch = self.folder / f".{key}.{os.getpid()}"
            scratch.write_text(json.dumps({"job": asdict(job), "figures": figures}, indent=1) + "\n")
            scratch.replace(self.folder / f"{key}.json")


def keys_of(jobs: Sequence[Job]) -> dict[Job, str]:
    """The key of each job; the faults of all jobs together, before any work starts."""
    keys, faults = {}, FaultList()
    kind: type[BnnHwError] | None = None
    for job in jobs:
        try:
            keys[job] = job.key()
        except BnnHwError as error:
            kind = kind or type(error)
            faults.faults += [fault for fault in error.faults if fault not in faults.faults]
    faults.raise_if_any(kind or BnnHwError)
    return keys


def sweep(
    jobs: Sequence[Job],
    store: Store,
    scheduler: str | None = None,
    workers: int | None = None,
    reporter: Reporter | None = None,
    execute: Execute = execute,
    finished: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Run the jobs that ``store`` does not have, and return the outcomes in the order of the jobs.

    scheduler: address of a Dask scheduler, None for a cluster in this process with
    ``workers`` jobs at a time (as many as there are processors). A job that fails is an
    outcome with faults and loses no other. finished: called for each outcome as it comes.

    Raises ToolError without Dask, for a scheduler that does not answer, and for workers
    without this version; what the jobs' options raise. After an interrupt the finished
    points are in the store and nothing goes on in this process.
    """
    reporter = reporter or Reporter(quiet=True)
    keys = keys_of(jobs)
    outcomes: dict[Job, Outcome] = {}
    for job, key in keys.items():
        figures = store.get(key)
        if figures is not None:
            outcomes[job] = Outcome(job, figures, kept=True)
            finished(outcomes[job])
    waiting = [job for job in keys if job not in outcomes]
    if outcomes:
        reporter.say(f"{len(outcomes)} of {len(keys)} points are there from before")
    with (
        _bar(reporter, len(keys)) as advance,
        # Closed at once after an error here, so that no job goes on behind it.
        closing(_results(waiting, scheduler, workers, execute)) as results,
    ):
        for job, record in results:
            outcome = _outcome(job, record)
            if outcome.ok:
                store.put(keys[job], job, outcome.figures)
            outcomes[job] = outcome
            advance(outcome, len(outcomes))
            finished(outcome)
    return [outcomes[job] for job in keys]


@contextmanager
def _bar(reporter: Reporter, total: int) -> Iterator[Callable[[Outcome, int], None]]:
    with reporter.bar("synthesising", total=total) as advance:
        yield lambda outcome, done: advance(
            done, f"{done} of {total}: {outcome.job.name} {'done' if outcome.ok else 'FAILED'}"
        )


def _outcome(job: Job, record: dict[str, Any]) -> Outcome:
    if "figures" in record:
        return Outcome(job, record["figures"])
    return Outcome(job, faults=tuple(Fault(**fault) for fault in record["faults"]))


def _results(
    jobs: Sequence[Job], scheduler: str | None, workers: int | None, execute: Execute
) -> Generator[tuple[Job, dict[str, Any]], None, None]:
    """Each job with its record, as they finish."""
    if not jobs:
        return
    allow_running()
    with _client(scheduler, workers) as client:
        from distributed import as_completed

        futures = {client.submit(execute, job, pure=False): job for job in jobs}
        try:
            for future in as_completed(futures):
                yield futures[future], _record(future)
        except BaseException:
            client.cancel(list(futures))
            interrupt_running()
            raise


def _record(future: Any) -> dict[str, Any]:
    """The record of a finished future; faults for a worker that died or an unexpected exception."""
    if future.status == "finished":
        result = future.result()
        return dict(result)
    problem = future.exception() if future.status == "error" else future.status
    text = f"{type(problem).__name__}: {problem}" if isinstance(problem, BaseException) else str(problem)
    remedy = "run the sweep again; if it stays, build this point alone"
    return {"faults": [{"place": "worker", "cause": f"the job was lost: {text}", "remedy": remedy}]}


@contextmanager
def _client(scheduler: str | None, workers: int | None) -> Iterator[Any]:
    """A Dask client; with a cluster of its own in this process if no scheduler is given."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as err:
        raise ToolError.at(
            "dask", "is not installed; a sweep needs it", "pip install 'bnn-hw[sweep]'"
        ) from err
    if scheduler is None:
        with (
            LocalCluster(
                n_workers=1,
                threads_per_worker=workers or os.cpu_count() or 1,
                processes=False,
                dashboard_address="127.0.0.1:0",
                worker_dashboard_address="127.0.0.1:0",
                silence_logs=50,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=CONNECT_S)
    except (OSError, ValueError) as err:
        cause = f"does not answer: {err or type(err).__name__}"
        remedy = "start one with `dask scheduler` and give its address, such as tcp://host:8786"
        raise ToolError.at(f"scheduler {scheduler}", cause, remedy) from err
    with client:
        _check_workers(client, scheduler)
        yield client


def _check_workers(client: Any, scheduler: str) -> None:
    """Raise ToolError if the cluster has no worker, or one without this version of the package."""
    place = f"scheduler {scheduler}"
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError as err:
        raise ToolError.at(place, "has no worker", f"start one: dask worker {scheduler}") from err
    remedy = f"install bnn-hw {__version__} on the workers"
    try:
        versions = client.run(_version)
    except Exception as err:
        raise ToolError.at(place, f"its workers cannot run the package: {err}", remedy) from err
    wrong = {address: version for address, version in versions.items() if version != __version__}
    if wrong:
        listed = ", ".join(f"{address} has {version}" for address, version in sorted(wrong.items()))
        raise ToolError.at(place, listed, remedy)


def _version() -> str:
    """Runs on a worker."""
    from bnn_hw import __version__

    return __version__
