"""The command power on a small network: activity counted, energies multiplied, everything labelled."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bnn_hw.cli import main
from bnn_hw.pipeline.activity import from_json
from bnn_hw.plan.power import error_text, power_model
from tests.frontend.nets import Maker
from tests.sim.conftest import cache  # noqa: F401


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    folder = tmp_path_factory.mktemp("power")
    net = Maker((1, 3, 8, 8), seed=3).normalise()
    net.conv(net.weights(4, 3, 3, 3), name="/conv1/Conv").batch_norm(4, name="/bn1/BatchNormalization").sign()
    net.pool(name="/pool1/MaxPool").node("Flatten", axis=1).dense(36, 3, name="/fc1/MatMul")
    model = net.save(folder)
    layers = {"conv1": {"PE": 2, "SIMD": 3}, "fc1": {"PE": 1, "SIMD": 4}}
    (folder / "folding.json").write_text(json.dumps({"format": "bnn_hw.folding/1", "layers": layers}))
    images = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
    np.savez(folder / "pictures.npz", images=images)
    words = ["power", model, "--input-scale", "1", "--board", "zybo-z7-10", "--out", folder / "build"]
    words += ["--goal", f"folding={folder / 'folding.json'}", "--pictures", folder / "pictures.npz"]
    return [str(word) for word in words]


def test_power_of_a_core_from_its_activity(command, cache):  # noqa: F811
    result = CliRunner().invoke(main, [*command, "--json"])
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert record["estimate"] is True
    assert record["error"] == error_text()
    folder = Path(command[command.index("--out") + 1])
    activity = from_json(next(folder.rglob("activity.json")).read_text())
    assert activity.pictures == record["pictures"] == "pictures"
    assert record["cycles"] == activity.cycles >= 3 * 648
    model, plan = power_model(), json.loads(next(folder.rglob("plan.json")).read_text())
    total = 0.0
    for name, need in plan["stage_resources"].items():
        unit = activity.units[name]
        assert unit.nets > 0
        rate = unit.toggles / unit.nets / activity.cycles
        assert 0 <= rate < 1
        joule = need["lut"] * rate * model.toggle_j + need["ff"] * model.ff_clock_j
        joule += need["bram36"] * model.bram36_j + need["dsp"] * model.dsp_j
        assert record["units"][name]["core_w"] == pytest.approx(joule * plan["clock_hz"])
        total += joule * plan["clock_hz"]
    assert 0 < record["rate"] < 1
    assert record["core_w"] == pytest.approx(total)
    assert record["core_uj_a_frame"] == pytest.approx(total * 648 / plan["clock_hz"] * 1e6)
    assert record["board_w"] == pytest.approx(total + model.idle_w + model.base_w)

    text = CliRunner().invoke(main, command)
    assert text.exit_code == 0
    assert "activity unchanged" in text.stderr
    for words in (
        "estimated; resources predicted",
        "estimate; its error on published boards",
        "BinaryCoP cnv",
    ):
        assert words in text.stdout
