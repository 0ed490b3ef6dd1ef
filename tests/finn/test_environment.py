"""Finding FINN's environment: absent, of another version, broken."""

import pytest

from bnn_hw.errors import ToolError
from bnn_hw.finn import environment
from bnn_hw.finn.environment import VARIABLE, find_environment


def test_without_an_environment_the_error_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    with pytest.raises(ToolError) as caught:
        find_environment()
    assert str(caught.value) == (
        f"FINN: has no environment; looked for {tmp_path / 'none'}\n"
        f"    remedy: make finn-env, or name an environment that has FINN with {VARIABLE}"
    )


def test_the_working_folder_and_the_checkout_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert environment.places()[0] == tmp_path / ".venv-finn"


def test_other_versions_are_named_all_together(fake):
    fake(versions={"finn-plus": "1.5.0", "qonnx": ""})
    with pytest.raises(ToolError) as caught:
        find_environment()
    first, second = caught.value.faults
    assert first.place == "FINN, finn-plus"
    assert first.cause.startswith("is 1.5.0 in ")
    assert first.cause.endswith("this back end works with 1.6.1")
    assert second.cause.startswith("is not installed in ")


def test_a_python_that_does_not_run_is_no_environment(fake):
    found = fake()
    found.python.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(ToolError, match="does not run"):
        find_environment()


def test_right_versions_are_accepted(fake):
    made = fake()
    assert find_environment().python == made.python
    assert find_environment().versions["finn-plus"] == "1.6.1"
