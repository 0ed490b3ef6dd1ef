"""Sweeps on Dask in this process: resumed, with failures, interrupted, and a real network."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

import pytest
from click.testing import CliRunner

from bnn_hw.cli import main
from bnn_hw.errors import ConfigError, ToolError
from bnn_hw.progress import Reporter
from bnn_hw.sweep import show
from bnn_hw.sweep.command import Request, failures, jobs_of
from bnn_hw.sweep.job import Job
from bnn_hw.sweep.run import Store, keys_of, sweep
from tests.frontend.nets import Maker

REMEDY = "pip install 'bnn-hw[sweep]'"


@pytest.fixture
def dask():
    pytest.importorskip("distributed", reason=f"needs Dask: {REMEDY}")


def job(goal="fps=1000", network="ncnv", **fields):
    return Job(network, "pynq-z1", goal, "build", **fields)


def figures(lut=100, fps=1000.0):
    used = {"lut": lut, "ff": 1, "bram36": 0, "dsp": 0}
    return {"fps": fps, "predicted": {**used, "lut": lut * 1.1}, "synthesised": used, "proof": None}


class Here:
    """A job's function that stays this very object where Dask pickles it: its state can be looked at."""

    kept: ClassVar[list] = []

    def __init__(self, function):
        self.function = function
        self.kept.append(self)

    def __call__(self, job):
        return self.function(job)

    def __reduce__(self):
        return _kept, (self.kept.index(self),)


def _kept(number):
    return Here.kept[number]


class Fake(Here):
    """A quick job: counts its calls, fails for goals it is told to."""

    def __init__(self, fails=(), raises=()):
        super().__init__(self.answer)
        self.calls, self.fails, self.raises = [], fails, raises

    def answer(self, job):
        self.calls.append(job)
        if job.goal in self.raises:
            raise RuntimeError("the worker fell over")
        if job.goal in self.fails:
            return {"faults": [{"place": "layer fc1", "cause": "does not fit", "remedy": "a larger part"}]}
        return {"figures": figures(lut=len(job.goal))}


JOBS = [job(f"fps={n}") for n in (1000, 2000, 3000, 4000)]


def test_one_failed_job_loses_no_other_and_is_tried_again(dask, tmp_path):
    store, fake = Store(tmp_path), Fake(fails=("fps=2000",), raises=("fps=3000",))
    outcomes = sweep(JOBS, store, workers=2, execute=fake)
    assert [outcome.job for outcome in outcomes] == JOBS
    assert [outcome.ok for outcome in outcomes] == [True, False, False, True]
    text = failures(outcomes)
    assert text.startswith("2 of 4 points failed; the same command tries them again:")
    assert "ncnv on pynq-z1, fps=2000: layer fc1: does not fit\n    remedy: a larger part" in text
    assert "fps=3000: worker: the job was lost: RuntimeError: the worker fell over" in text
    again = Fake()
    outcomes = sweep(JOBS, store, workers=2, execute=again)
    assert [outcome.kept for outcome in outcomes] == [True, False, False, True]
    assert {call.goal for call in again.calls} == {"fps=2000", "fps=3000"}
    assert all(outcome.ok for outcome in outcomes)
    assert failures(outcomes) == ""
    never = Fake()
    sweep(JOBS, store, execute=never)
    assert never.calls == []


def test_a_damaged_record_is_made_again(dask, tmp_path):
    store, fake = Store(tmp_path), Fake()
    sweep(JOBS[:1], store, execute=fake)
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text()[:40])
    sweep(JOBS[:1], store, execute=fake)
    assert len(fake.calls) == 2


def test_keys_follow_everything_that_figures_depend_on(tmp_path):
    folding = tmp_path / "mine.json"
    folding.write_text("{}")
    jobs = [
        job(),
        job(network="ucnv"),
        job("fps=1001"),
        job(clock_hz=50_000_000),
        job(limit="lut=9000"),
        job(verify=True),
        job(verify=True, frames=9),
        job(f"folding={folding}"),
        dataclasses.replace(job(), board="zybo-z7-10"),
    ]
    keys = keys_of(jobs)
    assert len(set(keys.values())) == len(jobs)
    folding.write_text("{ }")
    assert jobs[-2].key() != keys[jobs[-2]]
    assert job(frames=9).key() == keys[job()]  # without a proof the frames do not matter


def test_faults_of_all_jobs_come_together_before_work_starts(tmp_path):
    fake = Fake()
    wrong = [job(), job("fps=none"), dataclasses.replace(job(), board="pynq-z9"), job(network="ncvn")]
    with pytest.raises(ConfigError) as caught:
        sweep(wrong, Store(tmp_path), execute=fake)
    for text in ("goal fps=none", "board pynq-z9: is unknown", "design ncvn: is unknown"):
        assert text in str(caught.value)
    assert fake.calls == []
    assert list(tmp_path.iterdir()) == []


def test_interrupt_leaves_the_finished_points(dask, tmp_path):
    fake, started = Fake(), threading.Event()

    def slow(job):
        if job.goal != "fps=1000":
            started.set()
            time.sleep(0.5)
        return fake(job)

    def stop(outcome):
        assert started.wait(10)
        raise KeyboardInterrupt

    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        sweep(JOBS, store, workers=2, execute=Here(slow), finished=stop)
    assert store.get(JOBS[0].key()) == figures(lut=len("fps=1000"))
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]


def test_without_dask_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ToolError) as caught:
        sweep(JOBS, Store(tmp_path), execute=Fake())
    assert str(caught.value) == f"dask: is not installed; a sweep needs it\n    remedy: {REMEDY}"


def test_a_scheduler_that_does_not_answer(dask, tmp_path, monkeypatch):
    monkeypatch.setattr("bnn_hw.sweep.run.CONNECT_S", 0.5)
    with pytest.raises(ToolError, match=r"scheduler tcp://127.0.0.1:1: does not answer"):
        sweep(JOBS, Store(tmp_path), scheduler="tcp://127.0.0.1:1", execute=Fake())


def test_a_scheduler_by_its_address(dask, tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr("bnn_hw.sweep.run.CONNECT_S", 2)
    with LocalCluster(n_workers=0, processes=False, dashboard_address=None, protocol="tcp") as cluster:
        address = cluster.scheduler_address
        with pytest.raises(ToolError, match="has no worker"):
            sweep(JOBS, Store(tmp_path), scheduler=address, execute=dict)
        cluster.scale(1)
        outcomes = sweep(JOBS[:2], Store(tmp_path), scheduler=address, execute=answer)
    assert [outcome.figures for outcome in outcomes] == [figures(), figures()]


def answer(job):
    return {"figures": figures()}


def test_results_as_table_record_and_picture(dask, tmp_path):
    outcomes = sweep(JOBS, Store(tmp_path / "points"), execute=Fake(fails=("fps=2000",)))
    record = show.write(outcomes, tmp_path)
    assert json.loads((tmp_path / "sweep.json").read_text()) == record
    assert [point["goal"] for point in record["points"]] == ["fps=1000", "fps=3000", "fps=4000"]
    assert record["failed"][0]["faults"][0]["place"] == "layer fc1"
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
    table = show.table(record)
    assert list(table.columns[5].cells) == ["+10.0%"] * 3


def test_command_with_neither_goal_nor_front(tmp_path):
    result = CliRunner().invoke(main, ["sweep", "ncnv", "--board", "pynq-z1", "--out", str(tmp_path)])
    assert result.exit_code == 5
    assert "sweep: has neither --goal nor --front" in result.output


@pytest.fixture
def tiny(tmp_path):
    """A design of one convolution and one dense layer, and a folding of it."""
    net = Maker((1, 3, 8, 8), seed=3).normalise()
    net.conv(net.weights(4, 3, 3, 3), name="/conv1/Conv").batch_norm(4, name="/bn1/BatchNormalization").sign()
    net.pool(name="/pool1/MaxPool").node("Flatten", axis=1).dense(36, 3, name="/fc1/MatMul")
    folder = tmp_path / "tiny"
    folder.mkdir()
    model = Path(net.save(folder)).name
    (folder / "design.toml").write_text(f'title = "Tiny"\nmodel = "{model}"\n[input]\nscale = "1"\n')
    layers = {"conv1": {"PE": 2, "SIMD": 3}, "fc1": {"PE": 1, "SIMD": 4}}
    (folder / "slow.json").write_text(json.dumps({"format": "bnn_hw.folding/1", "layers": layers}))
    return folder


def test_real_points_of_which_one_is_out_of_reach(dask, tiny, tmp_path):
    """Through the command, with the proof; then without the bad one again, from the store."""
    good = ["sweep", str(tiny), "--board", "zybo-z7-10", "--goal", f"folding={tiny / 'slow.json'}"]
    good += ["--verify", "--frames", "3", "--out", str(tmp_path / "out"), "--quiet"]
    result = CliRunner().invoke(main, [*good, "--goal", "fps=1e9", "--workers", "1"])
    assert result.exit_code == 1, result.output
    assert "1 of 2 points failed; the same command tries them again:" in result.output, result.output
    assert "tiny on zybo-z7-10, fps=1e9: " in result.output
    record = json.loads((tmp_path / "out" / "sweep" / "sweep.json").read_text())
    (point,) = record["points"]
    assert point["interval_cycles"] == 36 * 2 * 9
    assert point["proof"]["bit_exact"]
    assert point["proof"]["interval_cycles"] == 36 * 2 * 9
    (path,) = (tmp_path / "out").rglob("utilisation.json")
    assert point["synthesised"]["lut"] == json.loads(path.read_text())["total"]["lut_sites"] > 0
    assert record["failed"][0]["faults"]
    again = CliRunner().invoke(main, good)
    assert again.exit_code == 0, again.output
    assert "points     1, 1 of them from before" in again.output


def test_points_of_the_front_are_jobs_that_stay_the_same(tiny, tmp_path):
    request = Request(
        (str(tiny),), ("zybo-z7-10", "pynq-z1"), ("fps=100", "fps=100"), tmp_path / "out", front=3
    )
    jobs = jobs_of(request, Reporter(quiet=True))
    goals = [job.goal for job in jobs if job.board == "zybo-z7-10"]
    assert goals[0] == "fps=100"
    assert len(set(goals)) == len(goals) >= 3  # each once
    files = [Path(goal.removeprefix("folding=")) for goal in goals[1:]]
    assert all(path.is_file() for path in files)
    assert jobs[1].name == "tiny on zybo-z7-10, point_1"
    assert {job.board for job in jobs} == {"zybo-z7-10", "pynq-z1"}
    keys = keys_of(jobs)
    assert len(set(keys.values())) == len(jobs)
    assert keys_of(jobs_of(request, Reporter(quiet=True))) == keys


def test_an_interrupted_command_leaves_no_process(dask, tmp_path):
    command = [sys.executable, "-m", "bnn_hw.cli", "sweep", "cnv", "--board", "pynq-z1"]
    command += ["--goal", "folding=table1", "--out", str(tmp_path), "--workers", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    deadline = time.monotonic() + 120
    while not list((tmp_path / "cnv").glob("pynq-z1/*/.*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    children = _children(process.pid)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted: finished steps are kept" in errors
    assert children
    assert not [child for child in children if os.path.exists(f"/proc/{child}")]
    assert not list((tmp_path / "cnv").glob("pynq-z1/*/.*"))


def _children(pid):
    """Processes that ``pid`` started."""
    found = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for group in found for child in group]
