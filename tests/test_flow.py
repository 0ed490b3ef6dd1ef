"""The whole way on a small network: QONNX file in, proven core and report out."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bnn_hw.cli import main
from tests.frontend.nets import Maker


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build a network of one convolution and one dense layer on five pictures; folder and command."""
    folder = tmp_path_factory.mktemp("flow")
    net = Maker((1, 3, 8, 8), seed=3).normalise()
    net.conv(net.weights(4, 3, 3, 3), name="/conv1/Conv").batch_norm(4, name="/bn1/BatchNormalization").sign()
    net.pool(name="/pool1/MaxPool").node("Flatten", axis=1).dense(36, 3, name="/fc1/MatMul")
    model = net.save(folder)
    layers = {"conv1": {"PE": 2, "SIMD": 3}, "fc1": {"PE": 1, "SIMD": 4}}
    (folder / "folding.json").write_text(json.dumps({"format": "bnn_hw.folding/1", "layers": layers}))
    images = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
    np.savez(folder / "pictures.npz", images=images, labels=[0, 1, 2, 0, 1])
    arguments = ["build", model, "--input-scale", "1", "--board", "zybo-z7-10"]
    arguments += ["--goal", f"folding={folder / 'folding.json'}", "--pictures", folder / "pictures.npz"]
    arguments += ["--out", folder / "build", "--frames", "4"]
    return folder, [str(argument) for argument in arguments]


def test_build_makes_every_result_once(built):
    folder, arguments = built
    first = CliRunner().invoke(main, [*arguments, "--json"])
    assert first.exit_code == 0, first.output
    result = json.loads(first.stdout)
    # conv1: 36 windows, 2 neuron folds, 27 / 3 words each.
    assert result["plan"]["interval_cycles"] == 36 * 2 * 9
    assert result["verify"]["interval_cycles"] == 36 * 2 * 9
    assert result["verify"]["latency_exact"]
    assert result["verify"]["bit_exact"]
    assert result["synth"]["total"]["lut_sites"] > 0
    assert result["predict"][0]["evaluation"]["pictures"] == 5
    page = (folder / "build").rglob("report.html")
    assert "648" in next(page).read_text()

    again = CliRunner().invoke(main, arguments)
    assert again.exit_code == 0, again.output
    assert again.stderr.count("unchanged") == 7
    assert "interval   648 cycles, as planned (simulated)" in again.stdout


def test_other_pictures_repeat_only_what_depends_on_them(built):
    folder, arguments = built
    np.save(folder / "other.npy", np.zeros((1, 8, 8, 3), np.uint8))
    changed = [str(folder / "other.npy") if "pictures.npz" in item else item for item in arguments]
    result = CliRunner().invoke(main, changed)
    assert result.exit_code == 0, result.output
    kept = [line.split()[0] for line in result.stderr.splitlines() if line.endswith("unchanged")]
    assert kept == ["graph", "plan", "rtl", "synth"]


def test_shell_goes_around_the_core_that_is_there(built):
    _, arguments = built
    result = CliRunner().invoke(main, ["shell", *arguments[1:], "--json"])
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)["shell"]
    assert (record["frame_bytes"], record["result_words"], record["result_stride"]) == (8 * 8 * 3, 4, 16)
    assert record["top"] == "bnn_zynq"
    text = CliRunner().invoke(main, ["shell", *arguments[1:]])
    assert f"digest     {record['digest']}" in text.stdout
    assert "registers at 0x43C00000" in text.stdout
    assert "soc      unchanged" in text.stderr


def test_package_carries_the_shell_s_digest_and_runs_on_the_software_device(built):
    folder, arguments = built
    result = CliRunner().invoke(main, ["package", *arguments[1:], "--json"])
    assert result.exit_code == 0, result.output
    package = Path(json.loads(result.stdout)["package"])
    assert Path(json.loads(result.stdout)["archive"]).is_file()
    shell = next((folder / "build").rglob("shell.json"))
    assert (
        json.loads((package / "manifest.json").read_text())["digest"]
        == json.loads(shell.read_text())["digest"]
    )

    bench = ["bench", str(package), "--device", "software", "--frames", "8", "--single", "1"]
    measured = CliRunner().invoke(main, [*bench, "--json", "-"])
    assert measured.exit_code == 0, measured.output
    assert json.loads(measured.stdout)["figures"]["golden_mismatches"]["value"] == 0
    refused = CliRunner().invoke(main, [*bench, "--compare", "paper"])
    assert refused.exit_code == 21
    missing = CliRunner().invoke(main, ["package", *arguments[1:], "--bit", str(folder / "none.bit")])
    assert missing.exit_code == 5
    assert "there is no such file" in missing.stderr
