"""The manifest: what is written is read again; every fault is told, several together."""

import json

import pytest

from bnn_hw import manifest
from bnn_hw.manifest import ManifestError
from bnn_hw.package.write import describe
from tests.packages import contents


@pytest.fixture
def made(tmp_path):
    (tmp_path / "a.txt").write_text("abc")
    return describe(contents(), (manifest.file_record(tmp_path, "a.txt"),))


def test_reads_what_it_writes(made):
    assert manifest.from_json(manifest.to_json(made)) == made


def test_says_what_a_picture_and_an_answer_are(made):
    assert made.input.shape == (8, 8, 3)
    assert (made.input.dtype, made.input.colours, made.input.scale) == ("UINT8", "RGB", "1/255")
    assert made.output.classes == ("left", "middle", "right")
    assert made.output.score_steps == (("mul", (0.125,)),)
    assert made.plan.fps == pytest.approx(made.clock_hz / made.plan.interval_cycles)


@pytest.mark.parametrize(
    ("change", "place", "cause"),
    [
        ({"clock_hz": 0}, "m, clock_hz", "is 0, which is no int"),
        ({"clock_hz": "fast"}, "m, clock_hz", "is 'fast'"),
        ({"digest": "xyz"}, "m, digest", "not 32 hexadecimal digits"),
        ({"colour": 1}, "m, colour", "is an unknown field"),
        ({"board": 3}, "m, board", "is 3, not an object"),
        ({"board": {"name": "x"}}, "m, board", "lacks a field"),
        (
            {"files": [{"path": "../x", "size_bytes": 1, "sha256": ""}]},
            "m, files",
            "lies outside the package",
        ),
    ],
)
def test_faults_name_the_field(made, change, place, cause):
    record = {**json.loads(manifest.to_json(made)), **change}
    with pytest.raises(ManifestError) as caught:
        manifest.from_json(json.dumps(record), "m")
    assert caught.value.faults[0].place == place
    assert cause in caught.value.faults[0].cause


def test_several_faults_come_together(made):
    record = json.loads(manifest.to_json(made))
    record["input"]["height"] = -1
    record["plan"]["fps"] = "many"
    with pytest.raises(ManifestError) as caught:
        manifest.from_json(json.dumps(record), "m")
    assert [fault.place for fault in caught.value.faults] == ["m, input, height", "m, plan, fps"]


@pytest.mark.parametrize("text", ["", "[]", '{"format": "other"}'])
def test_what_is_no_manifest(text):
    with pytest.raises(ManifestError, match=r"is not JSON|has the format"):
        manifest.from_json(text)


def test_files_are_compared_with_their_size_and_digest(made, tmp_path):
    manifest.check_files(tmp_path, made)
    (tmp_path / "a.txt").write_text("abd")
    with pytest.raises(ManifestError, match="is not the file that the manifest lists"):
        manifest.check_files(tmp_path, made)
    (tmp_path / "a.txt").write_text("ab")
    with pytest.raises(ManifestError, match="has 2 bytes instead of 3"):
        manifest.check_files(tmp_path, made)
    (tmp_path / "a.txt").unlink()
    with pytest.raises(ManifestError, match="cannot be read"):
        manifest.check_files(tmp_path, made)
