import errno
import json

import pytest

from bnn_hw.errors import OutputError
from bnn_hw.steps import Pipeline, Step


def make(root, log, seed=1, fail_in=None):
    """Two steps: ``one`` writes the seed, ``two`` doubles what ``one`` wrote."""

    def one(folder):
        log.append("one")
        (folder / "value").write_text(str(seed))
        if fail_in == "one":
            raise KeyboardInterrupt

    def two(folder):
        log.append("two")
        (folder / "value").write_text(str(2 * int((root / "one" / "value").read_text())))
        if fail_in == "two":
            raise OSError(errno.ENOSPC, "No space left on device", str(folder / "value"))

    return Pipeline(
        root,
        [
            Step("one", lambda: {"seed": seed}, ("bits.py",), (), one),
            Step("two", dict, ("bits.py",), ("one",), two),
            Step("three", dict, ("bits.py",), ("one",), lambda folder: None),
        ],
    )


def test_runs_what_is_needed_in_order_and_only_once(tmp_path):
    log = []
    first = make(tmp_path, log).run("two")
    assert [(r.name, r.ran) for r in first] == [("one", True), ("two", True)]
    assert (tmp_path / "two" / "value").read_text() == "2"
    assert [r.ran for r in make(tmp_path, log).run("two")] == [False, False]
    assert log == ["one", "two"]
    assert not (tmp_path / "three").exists()


def test_changed_input_runs_the_step_and_those_after_it(tmp_path):
    log = []
    make(tmp_path, log).run("two")
    make(tmp_path, log, seed=5).run("two")
    assert log == ["one", "two", "one", "two"]
    assert (tmp_path / "two" / "value").read_text() == "10"


def test_interruption_leaves_nothing_that_looks_complete(tmp_path):
    log = []
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, log, fail_in="one").run("two")
    assert list(tmp_path.iterdir()) == []
    assert all(r.ran for r in make(tmp_path, log).run("two"))


def test_interruption_keeps_the_earlier_complete_result(tmp_path):
    log = []
    make(tmp_path, log).run("two")
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, log, seed=7, fail_in="one").run("two")
    assert (tmp_path / "one" / "value").read_text() == "1"
    assert not any(r.ran for r in make(tmp_path, log).run("two"))


def test_full_disk_is_a_typed_error_and_leaves_nothing(tmp_path):
    with pytest.raises(OutputError) as caught:
        make(tmp_path, [], fail_in="two").run("two")
    fault = caught.value.faults[0]
    assert fault.place.endswith("/value")
    assert fault.cause == "cannot be written: No space left on device"
    assert "--out" in fault.remedy
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one"]


def test_root_below_a_file_is_a_typed_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a part of this path is a file"):
        make(tmp_path / "file" / "build", []).run("one")


@pytest.mark.parametrize("damage", ["", "[]", '{"digest": "other"}'])
def test_damaged_stamp_runs_again(tmp_path, damage):
    log = []
    make(tmp_path, log).run("one")
    (tmp_path / "one" / "stamp.json").write_text(damage)
    assert make(tmp_path, log).run("one")[0].ran
    assert json.loads((tmp_path / "one" / "stamp.json").read_text())["step"] == "one"
