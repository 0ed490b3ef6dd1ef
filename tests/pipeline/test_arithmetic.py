"""The kind of arithmetic is part of the plan's file and of the core's."""

from __future__ import annotations

import dataclasses

import pytest

from bnn_hw.errors import ConfigError
from bnn_hw.pipeline import record
from bnn_hw.pipeline.arithmetic import ARITHMETIC, STRUCTURAL
from tests.networks import DenseSpec, random_graph
from tests.plans import make_plan

PLAN = make_plan(
    random_graph((DenseSpec("fc1", 4), DenseSpec("fc2", 2)), (1, 1, 8)), {"fc1": (2, 4), "fc2": (1, 2)}
)


@pytest.mark.parametrize("arithmetic", ARITHMETIC)
def test_a_plan_keeps_it(arithmetic: str) -> None:
    plan = dataclasses.replace(PLAN, arithmetic=arithmetic)
    assert record.from_json(record.to_json(plan)) == plan


def test_primitives_are_the_default() -> None:
    assert PLAN.arithmetic == STRUCTURAL


def test_another_word_is_refused_by_name() -> None:
    text = record.to_json(dataclasses.replace(PLAN, arithmetic="fast"))
    with pytest.raises(ConfigError) as caught:
        record.from_json(text, "plan.json")
    (fault,) = caught.value.faults
    assert fault.place == "plan.json"
    assert "arithmetic is 'fast', not one of structural, structural-lut6_2, behavioural" in fault.cause
