"""Calls of the worker with a stand-in for it: errors, missing results, time-outs, progress, resume."""

from __future__ import annotations

import dataclasses
import json
import time

import pytest

from bnn_hw.errors import FoldingError, ToolError
from bnn_hw.finn import artefacts, call
from bnn_hw.finn.call import run_job, tool_fault
from bnn_hw.finn.job import Job, LayerFold, read_job, write_job

DONE = '(out / "result.json").write_text(json.dumps({"nodes": []}))'
LAYERS = ("conv1", "fc1")


@pytest.fixture
def job(tmp_path):
    work = tmp_path / "work"
    return Job(
        "build",
        "model.onnx",
        str(work / "kept"),
        str(work),
        "xc7z010clg400-1",
        10.0,
        layers=(LayerFold("conv1", 2, 3, 27, 4),),
        layer_names=LAYERS,
    )


def test_a_job_survives_its_file(job, tmp_path):
    write_job(job, tmp_path / "job.json")
    assert read_job(tmp_path / "job.json") == job


def test_result_and_progress(fake, job, tmp_path):
    body = 'import time\nprint("@bnn_hw step 2/4 streamline", flush=True)\ntime.sleep(0.6)\n' + DONE
    seen = []
    record = run_job(job, fake(body), tmp_path / "log", lambda share, text: seen.append((share, text)))
    assert record == {"nodes": []}
    assert seen == [(0.25, "FINN: streamline")]


def test_typed_errors_come_back_as_they_were_raised(fake, job, tmp_path):
    fault = {"place": "folding, MVAU_hls_9", "cause": "FINN has no such node", "remedy": "nodes: MVAU_hls_0"}
    error = json.dumps({"kind": "FoldingError", "faults": [fault]})
    body = f"(out / 'error.json').write_text({error!r})\nsys.exit(1)"
    with pytest.raises(FoldingError) as caught:
        run_job(job, fake(body), tmp_path / "log")
    assert caught.value.faults[0].place == "folding, MVAU_hls_9"


def test_a_crash_quotes_its_first_error_line(fake, job, tmp_path):
    body = 'print("INFO: fine")\nprint("ERROR: no memory for node 3")\nsys.exit(9)'
    with pytest.raises(ToolError, match=r"python ended with status 9: ERROR: no memory for node 3\n.*log"):
        run_job(job, fake(body), tmp_path / "log")


def test_status_0_without_a_result_is_an_error(fake, job, tmp_path):
    with pytest.raises(ToolError, match=r"made no result: FINN ERROR: step failed"):
        run_job(job, fake('print("FINN ERROR: step failed")'), tmp_path / "log")


LICENCE = (
    "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or device 'xc7z010'."
)


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("ERROR: [HLS 200-70] Compilation errors found", "read the log: "),
        (LICENCE, "give the tool its licence (XILINXD_LICENSE_FILE), then start again; read the log: "),
    ],
)
def test_a_tool_that_fails_is_quoted_with_layer_and_log(fake, job, tmp_path, line, remedy):
    place = "generated/code_gen_ipgen_MVAU_hls_1_x7"
    fault = json.dumps(
        {"kind": "ToolError", "faults": [{"place": "FINN, step hw_ipgen", "cause": "failed", "remedy": ""}]}
    )
    body = (
        f"place = work / {place!r}\nplace.mkdir(parents=True)\n"
        f"(place / 'vitis_hls.log').write_text('INFO: fine\\n' + {line!r} + '\\nERROR: later\\n')\n"
        f"(out / 'error.json').write_text({fault!r})\nsys.exit(1)"
    )
    with pytest.raises(ToolError) as caught:
        run_job(job, fake(body), tmp_path / "log")
    found = caught.value.faults[0]
    assert found.place == "FINN, step hw_ipgen, Vitis HLS on layer fc1 (MVAU_hls_1)"
    assert found.cause == line
    assert found.remedy == f"{remedy}{tmp_path / 'work' / place / 'vitis_hls.log'}"


def test_a_failing_vivado_is_named_without_a_layer(tmp_path):
    log = tmp_path / "vivado_zynq_proj_1" / "vivado.log"
    log.parent.mkdir()
    log.write_text("INFO: x\nERROR: [Place 30-640] Place Check\n")
    found = tool_fault(tmp_path)
    assert found
    assert (found.place, found.cause) == ("Vivado", "ERROR: [Place 30-640] Place Check")
    log.write_text("INFO: error: in a sentence only\n")
    assert tool_fault(tmp_path) is None


def test_a_step_that_takes_too_long_is_ended(fake, job, tmp_path, monkeypatch):
    monkeypatch.setitem(call.LIMITS_S, "synthesize_bitfile", 0.5)
    body = 'import time\nprint("@bnn_hw step 1/1 synthesize_bitfile", flush=True)\ntime.sleep(60)'
    start = time.monotonic()
    with pytest.raises(ToolError, match=r"step synthesize_bitfile: did not end within 0 s\n.*TIME_FACTOR=4"):
        run_job(job, fake(body), tmp_path / "log")
    assert time.monotonic() - start < 20


def test_the_same_job_goes_on_and_another_starts_over(fake, job, tmp_path):
    body = 'marker = work / "steps"\nprint("first" if not marker.exists() else "again")\n'
    body += f"marker.mkdir(exist_ok=True)\n{DONE}"
    made, log = fake(body), tmp_path / "log"
    run_job(job, made, log)
    assert log.read_text() == "first\n"
    run_job(job, made, log)
    assert log.read_text() == "again\n"
    run_job(dataclasses.replace(job, key="another model"), made, log)
    assert log.read_text() == "first\n"
    run_job(dataclasses.replace(job, clock_period_ns=5.0), made, log)
    assert log.read_text() == "first\n"


def test_artefacts_are_looked_for_by_product(tmp_path):
    names = artefacts.expected("bitfile", [], manual=True, executed=True)
    assert {"folded.onnx", "finn_folding.json", "executed.npz"} < set(names)
    assert {"stitched_ip/ip/component.xml", "bitfile/finn-accel.bit", "driver/settings.json"} < set(names)
    assert artefacts.expected("code", ["MVAU_hls_0"], False, False) == ["folded.onnx", "code/MVAU_hls_0"]


def test_what_is_missing_or_empty_after_status_0_is_named_with_the_first_error(tmp_path):
    (tmp_path / "bitfile").mkdir()
    (tmp_path / "bitfile" / "finn-accel.bit").touch()
    (tmp_path / "log").write_text("INFO: x\nERROR: [Timing 38-282] no timing\nERROR: later\n")
    with pytest.raises(ToolError) as caught:
        artefacts.check(tmp_path, ["bitfile/finn-accel.bit", "code"], tmp_path / "log")
    assert [fault.cause for fault in caught.value.faults] == [
        f"ended with status 0 but left no {name}; first error or last line of the log: "
        "ERROR: [Timing 38-282] no timing"
        for name in ("bitfile/finn-accel.bit", "code")
    ]


def test_digests_cover_files_and_folders(tmp_path):
    (tmp_path / "code" / "a").mkdir(parents=True)
    (tmp_path / "code" / "a" / "top.v").write_text("module")
    (tmp_path / "folded.onnx").write_bytes(b"x")
    found = artefacts.digests(tmp_path, ["folded.onnx", "code"])
    assert [(item["file"], item["bytes"]) for item in found] == [("code/a/top.v", 6), ("folded.onnx", 1)]
    assert found[1]["sha256"] == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
