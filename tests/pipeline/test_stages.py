"""Stages as records."""

from dataclasses import FrozenInstanceError, replace

import pytest

from bnn_hw.pipeline.legal import as_chain
from bnn_hw.plan.build import build_chain
from bnn_hw.plan.folding import LayerFolding
from tests.networks import NETWORKS, random_graph


def test_varied_is_what_replace_makes_and_leaves_the_original():
    chain = as_chain(random_graph(NETWORKS["ucnv"]))
    stages = build_chain(chain, {layer.name: LayerFolding(1, 1) for layer in chain.layers})
    for stage in stages:
        before = replace(stage)
        varied = stage.varied(name="x", output=stage.output.varied(lanes=7))
        assert varied == replace(stage, name="x", output=replace(stage.output, lanes=7)) != stage
        assert stage == before
        with pytest.raises(FrozenInstanceError):
            varied.name = "y"
