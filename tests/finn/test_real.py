"""FINN itself on small networks; skipped where its environment is not installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bnn_hw.board import load_board
from bnn_hw.cli import main
from bnn_hw.design import Design
from bnn_hw.errors import FoldingError, MismatchError, ModelError, ToolError
from bnn_hw.finn import artefacts, backend, handover
from bnn_hw.finn.call import run_job
from bnn_hw.finn.environment import WORKER
from bnn_hw.finn.job import Job, LayerFold
from bnn_hw.frontend import InputSpec, import_onnx
from bnn_hw.ir.execute import execute
from bnn_hw.package.write import Contents, Foreign, write_package
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.plan.folding import LayerFolding
from bnn_hw.plan.make import plan_folding
from bnn_hw.runtime import Accelerator
from tests.finn import mock_tools
from tests.frontend.nets import Maker

PICTURES = 20
LAYERS = (LayerFold("conv1", 4, 3, 27, 32), LayerFold("fc1", 2, 8, 288, 8), LayerFold("fc2", 1, 2, 8, 3))


def all_match_model(folder: Path) -> Path:
    """A network whose fc1 has neurons that match all of their 288 inputs, for every picture.

    conv1 fires or stays for good, channel by channel: its 3 * 3 * 32 outputs are one
    pattern, and the first weights of fc1 are that pattern.
    """
    rng = np.random.default_rng(5)
    net = Maker((1, 3, 5, 5), seed=5).normalise()
    signs = rng.choice((-1.0, 1.0), 32)
    net.conv(net.weights(32, 3, 3, 3), name="/conv1/Conv")
    shift = net.constant((signs * 1000).reshape(1, 32, 1, 1))
    net.node("Add", shift).sign()
    net.node("Flatten", axis=1)
    weights = rng.choice((-1.0, 1.0), (8, 288))
    pattern = np.repeat(signs, 9)
    weights[:3] = pattern
    weights[3] = -pattern
    before = net.at
    net.node(
        "BipolarQuant", net.constant(1.0), source=net.constant(weights.T), domain="qonnx.custom_op.general"
    )
    quantised, net.at = net.at, before
    net.node("MatMul", quantised, name="/fc1/MatMul").node("Add", net.constant(np.full(8, -100.0))).sign()
    net.dense(8, 3, name="/fc2/MatMul")
    return Path(net.save(folder))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("all-match")
    model = all_match_model(folder)
    graph = import_onnx(model, InputSpec(), "all-match")
    pictures = np.random.default_rng(1).integers(0, 256, (PICTURES, 5, 5, 3)).astype(np.uint8)
    np.save(folder / "pictures.npy", pictures)
    return model, graph, pictures, folder


def job_of(action: str, model: Path, folder: Path, **settings) -> Job:
    work = folder / f"{action}-work"
    return Job(
        action,
        str(model),
        str(work / "kept"),
        str(work),
        "xc7z010clg400-1",
        10.0,
        layer_names=tuple(layer.name for layer in LAYERS),
        max_cycles=1000,
        **settings,
    )


def imported(environment, model: Path, folder: Path, **settings) -> Path:
    job = job_of("import", model, folder, **settings)
    record = run_job(job, environment, folder / "import.log")
    assert record["outside"] == ["Transpose_0 (Transpose)"]
    return Path(job.out)


@pytest.fixture(scope="module")
def layers(environment, network):
    """FINN's hardware layers of the network, widened."""
    model, _, _, folder = network
    return imported(environment, model, folder)


def test_wide_accumulators_equal_the_integer_graph(environment, network, layers):
    _, graph, pictures, folder = network
    job = job_of("build", layers, folder, layers=LAYERS, pictures=str(folder / "pictures.npy"))
    record = run_job(job, environment, folder / "build.log")
    found = backend.compare(graph, as_chain(graph), pictures, Path(job.out) / artefacts.EXECUTED)
    assert (found["pictures"], found["equal"]) == (PICTURES, True)
    assert [row["type"] for row in record["accumulators"]][1:] == ["UINT9", "UINT4"]
    folded = {row["layer"]: (row["PE"], row["SIMD"]) for row in record["layers"] if row["layer"]}
    assert folded == {layer.name: (layer.pe, layer.simd) for layer in LAYERS}
    code = Path(job.out) / "code"
    assert "ap_uint<9>" in (code / "MVAU_hls_1" / "thresh.h").read_text()
    assert list((code / "ConvolutionInputGenerator_rtl_0").glob("*.sv"))
    again = run_job(job, environment, folder / "again.log")
    assert again["seconds"] == record["seconds"], "finished steps ran again"


def test_finns_own_accumulators_wrap_when_all_inputs_match(environment, network, tmp_path):
    """The same network without widening: a popcount of 288 in FINN's nine signed bits is -224."""
    model, graph, pictures, folder = network
    narrow = imported(environment, model, tmp_path, widen=False)
    job = job_of("build", narrow, tmp_path, layers=LAYERS, pictures=str(folder / "pictures.npy"), widen=False)
    record = run_job(job, environment, tmp_path / "build.log")
    fc1 = next(row for row in record["layers"] if row["layer"] == "fc1")
    assert fc1["accDataType"] == "INT9"
    with pytest.raises(MismatchError, match=r"FINN's execution, layer fc2, picture 0, class 0"):
        backend.compare(graph, as_chain(graph), pictures, Path(job.out) / artefacts.EXECUTED)


def test_factors_that_finn_would_round_in_silence_are_refused(environment, layers, tmp_path):
    job = job_of("build", layers, tmp_path, layers=(LayerFold("conv1", 5, 2, 27, 32), *LAYERS[1:]))
    with pytest.raises(FoldingError) as caught:
        run_job(job, environment, tmp_path / "log")
    causes = [fault.cause.partition(";")[0] for fault in caught.value.faults]
    assert {fault.place for fault in caught.value.faults[1:]} == {"folding, layer conv1 (MVAU_hls_0)"}
    assert causes == [
        "SIMD is 2, which does not divide IFMChannels = 3",
        "PE is 5, which does not divide MH = 32",
        "SIMD is 2, which does not divide MW = 27",
    ]


def test_another_network_than_ours_is_refused(environment, layers, tmp_path):
    job = job_of("build", layers, tmp_path, layers=(LayerFold("conv1", 4, 3, 25, 32), *LAYERS[1:]))
    with pytest.raises(ModelError, match=r"conv1: is 25 x 32 .* FINN's MVAU_hls_0 27 x 32"):
        run_job(job, environment, tmp_path / "log")


def test_a_name_that_finn_would_ignore_is_refused(environment, layers, tmp_path):
    code = f"""
import sys
sys.path.insert(0, {str(WORKER.parent)!r})
import worker
worker.adopt_package()
from pathlib import Path
from bnn_hw.finn.inside import boot
boot.prepare(Path({str(tmp_path)!r}))
boot.load()
from qonnx.core.modelwrapper import ModelWrapper
from bnn_hw.finn.inside.fold import apply_folding
model = ModelWrapper({str(layers / "hardware_layers.onnx")!r})
try:
    apply_folding(model, {{"Defaults": {{}}, "MVAU_hls_7": {{"PE": 2}}}}, Path({str(tmp_path)!r}) / "f.json")
except Exception as error:
    print(type(error).__name__, error)
"""
    answer = subprocess.run([environment.python, "-c", code], capture_output=True, text=True, timeout=300)
    assert "Unused HW configurations: MVAU_hls_7" in answer.stdout
    assert (
        "FoldingError folding, MVAU_hls_7: FINN has no such node and would ignore the entry" in answer.stdout
    )


@pytest.fixture
def mocks(tmp_path, monkeypatch):
    """The mock tools on PATH, finn-hlslib where it is looked for; the log of their calls."""
    tools = mock_tools.install(tmp_path / "Vivado")
    (tmp_path / "deps" / "finn-hlslib").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("BNN_HW_FINN_DEPS", str(tmp_path / "deps"))
    monkeypatch.setenv("MOCK_LOG", str(tmp_path / "calls.jsonl"))
    monkeypatch.delenv("XILINX_VIVADO", raising=False)
    return tmp_path / "calls.jsonl"


def bitfile(network, layers, tmp_path):
    _, graph, _, _ = network
    request = backend.Request(
        "all-match",
        "pynq-z1",
        "xc7z020clg400-1",
        100_000_000,
        as_chain(graph),
        LAYERS,
        interval_cycles=1000,
        product="bitfile",
        fifos="minimal",
    )
    (tmp_path / "out").mkdir()
    place = backend.Place(tmp_path / "out", tmp_path / "work", tmp_path / "finn.log")
    return backend.build(request, layers, graph, None, place, lambda *_: None)


def test_the_vivado_half_with_recorded_tools(environment, network, layers, mocks, tmp_path):
    record = bitfile(network, layers, tmp_path)
    calls = [json.loads(line) for line in mocks.read_text().splitlines()]
    tools = [call[0] for call in calls]
    assert tools.count("vitis_hls") >= 4
    assert calls[-2][2:] == ["-mode", "batch", "-source", calls[-2][-1]]
    assert record["implementation"]["lut"] == 900
    assert record["implementation"]["bram36"] == 3.5
    assert record["implementation"]["worst_slack_ns"] == 0.417
    assert record["implementation"]["power_w"] == 1.734
    assert record["driver"]["io_shape_dict"]["num_inputs"] == 1
    files = {item["file"] for item in record["files"]}
    assert {"bitfile/finn-accel.bit", "bitfile/finn-accel.hwh", "driver/settings.json"} < files
    shell = Path(calls[-2][1]) / "ip_config.tcl"
    assert "xc7z020clg400-1" in shell.read_text()
    assert "pynq-z1:part0:1.0" in shell.read_text()


PACKING = """
import json, sys
sys.path.pop(0)
import numpy as np
from finn.util.data_packing import finnpy_to_packed_bytearray, packed_bytearray_to_finnpy
from qonnx.core.datatype import DataType
shapes, folder = json.loads(sys.argv[1]), sys.argv[2]
images = np.load(folder + "/pictures.npy").astype(np.float32)
def kind(name):
    return DataType[name.removeprefix("DataType['").removesuffix("']")]
def folded(name):
    return [len(images), *shapes[name][0][1:]]
packed = finnpy_to_packed_bytearray(
    images.reshape(folded("ishape_folded")), kind(shapes["idt"][0]), reverse_endian=True, reverse_inner=True
)
answers = np.arange(np.prod(folded("oshape_normal"))) % 3
laid = finnpy_to_packed_bytearray(
    answers.reshape(folded("oshape_folded")).astype(np.float32),
    kind(shapes["odt"][0]), reverse_endian=True, reverse_inner=True,
)
back = packed_bytearray_to_finnpy(
    np.ascontiguousarray(laid), kind(shapes["odt"][0]), folded("oshape_folded"), True, True
)
assert (back.reshape(-1) == answers).all()
np.savez(folder + "/packed.npz", packed=packed, laid=laid, answers=answers)
"""


def test_finns_bit_file_goes_into_the_same_package_and_driver(environment, network, layers, mocks, tmp_path):
    """Memory laid out by our driver is FINN's own packing; the package answers as the integer graph."""
    model, graph, pictures, folder = network
    record = bitfile(network, layers, tmp_path)
    made = tmp_path / "out"
    foreign = Foreign(
        handover.backend_record(record, graph),
        handover.plan_record(record, "folding=table1"),
        made / handover.HWH,
    )
    design = Design("all-match", "All match", model, classes=("a", "b", "c"))
    choices = {layer.name: LayerFolding(layer.pe, layer.simd) for layer in LAYERS}
    plan, board = plan_folding(graph, load_board("pynq-z1"), choices), load_board("pynq-z1")
    digest, bit = handover.digest(made), made / handover.BIT
    contents = Contents(design, graph, plan, board, digest, design.classes, bit, foreign=foreign)
    package = tmp_path / contents.name
    manifest = write_package(contents, package)
    assert (manifest.backend.kind, manifest.digest) == ("finn", digest)
    with Accelerator.load(package, device="software", batch=8) as accelerator:
        expected = execute(graph, pictures, {"class"})["class"].reshape(-1)
        np.testing.assert_array_equal(accelerator.classify(pictures).classes, expected)
        engine = accelerator.engine
        source = np.zeros(len(pictures) * engine.frame_stride, np.uint8)
        engine.encode(pictures, source)
        shapes = json.dumps(record["driver"]["io_shape_dict"])
        subprocess.run([environment.python, "-c", PACKING, shapes, folder], check=True, timeout=300)
        finns = np.load(folder / "packed.npz")
        assert finns["packed"].tobytes() == source.tobytes()
        laid = np.frombuffer(finns["laid"].tobytes(), np.uint8)
        np.testing.assert_array_equal(engine.decode(laid, len(pictures))[1], finns["answers"])


def test_the_command_goes_through_to_the_package(environment, network, mocks, tmp_path):
    model, graph, pictures, _ = network
    folding = tmp_path / "folding.json"
    layers = {layer.name: {"PE": layer.pe, "SIMD": layer.simd} for layer in LAYERS}
    folding.write_text(json.dumps({"format": "bnn_hw.folding/1", "layers": layers}))
    where = ["--board", "pynq-z1", "--goal", f"folding={folding}", "--input-scale", "1"]
    product = ["--backend", "finn", "--finn-to", "bitfile", "--finn-fifos", "minimal"]
    out = ["--out", str(tmp_path / "out"), "--frames", "2", "--quiet"]
    result = CliRunner().invoke(main, ["build", str(model), *where, *product, *out, "--json"])
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert record["finn"]["implementation"]["lut"] == 900
    assert Path(record["archive"]).is_file()
    with Accelerator.load(record["package"], device="software") as accelerator:
        expected = execute(graph, pictures, {"class"})["class"].reshape(-1)
        np.testing.assert_array_equal(accelerator.classify(pictures).classes, expected)
    again = CliRunner().invoke(main, ["build", str(model), *where, *product, *out])
    assert "next: bnn-hw bench" in again.output
    assert "built      900 LUT" in again.output


@pytest.mark.parametrize(
    ("failure", "place", "cause", "remedy"),
    [
        (
            "licence",
            "step synthesize_bitfile, Vivado",
            "A valid license was not found",
            "XILINXD_LICENSE_FILE",
        ),
        (
            "hls",
            "step hw_ipgen, Vitis HLS on layer fc1 (MVAU_hls_1)",
            "'bnn-library.h' file not found",
            "log",
        ),
        ("silent", "step synthesize_bitfile", "no bitfile found", "log"),
    ],
)
def test_failures_of_the_tools_are_named(
    environment, network, layers, mocks, tmp_path, monkeypatch, failure, place, cause, remedy
):
    monkeypatch.setenv("MOCK_FAIL", failure)
    with pytest.raises(ToolError) as caught:
        bitfile(network, layers, tmp_path)
    fault = caught.value.faults[0]
    assert place in fault.place
    assert cause in fault.cause
    assert remedy in fault.remedy
    assert not list((tmp_path / "out").iterdir())
