"""What the planner may choose: each option's cost by the law of its own unit, and what limits leave out."""

import numpy as np
import pytest

from bnn_hw.pipeline.chain import with_runtime_weights
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import Resources
from bnn_hw.pipeline.stages import Mvtu, Window
from bnn_hw.plan.build import build_chain
from bnn_hw.plan.cost import stage_resources
from bnn_hw.plan.folding import LayerFolding
from bnn_hw.plan.tables import Option, Tables
from tests.networks import NETWORKS, random_graph

CHAIN = as_chain(random_graph(NETWORKS["ucnv"]))


@pytest.mark.parametrize("chain", [CHAIN, with_runtime_weights(CHAIN)], ids=["fixed", "runtime"])
def test_options_cost_what_their_units_do(chain):
    """Two options of each memory and arithmetic a layer, against the stages that a build makes of them."""
    smallest = {layer.name: LayerFolding(1, 1, "logic", runtime=layer.runtime) for layer in chain.layers}
    rng, checked = np.random.default_rng(4), set()
    for index, table in enumerate(Tables(chain, dsp=True, most_pixels=1).layers):
        kinds: dict[tuple, list[Option]] = {}
        for option in table.options:
            if option.choice.pixels == 1:
                choice = option.choice
                kinds.setdefault((choice.weight_memory, choice.accumulate, choice.match), []).append(option)
        for kind, options in kinds.items():
            for place in rng.integers(0, len(options), 2):
                option = options[place]
                choice = option.choice
                own = LayerFolding(
                    choice.pe,
                    choice.simd,
                    choice.weight_memory,
                    runtime=table.layer.runtime,
                    accumulate=choice.accumulate,
                    match=choice.match,
                )
                stages = build_chain(chain, {**smallest, table.layer.name: own})
                (unit,) = (s for s in stages if isinstance(s, Mvtu) and s.layer == table.layer.name)
                (window,) = (s for s in stages if isinstance(s, Window) and s.layer == table.layer.name)
                behind = stages[stages.index(unit) + 1 :]
                pools = [s for s in behind if s.kind == "pool" and s.layer in _pools(chain, index)]
                scores = [s for s in behind if s.kind == "scores"] if index == len(smallest) - 1 else []
                counted = [unit, *pools, *scores, *([window] if window.full else [])]
                need = sum(map(stage_resources, counted), Resources())
                assert (option.lut, option.halves, option.dsp) == (need.lut, 2 * need.bram36, need.dsp)
                checked.add(kind)
    assert len(checked) == 8


def _pools(chain, index):
    """Names of the pools between a layer and the next."""
    names, layers = [], -1
    for step in chain.steps:
        layers += hasattr(step, "mac")
        if layers == index and not hasattr(step, "mac"):
            names.append(step.name)
    return names


@pytest.mark.parametrize("limit", [Resources(700, 0, 9, 3), Resources(150, 0, 9, 0)], ids=["dsp", "lut"])
def test_limits_leave_out_what_exceeds_them_alone(limit):
    def key(option):
        return option.choice, option.entry, option.gives, option.lut, option.halves, option.dsp, option.tail

    every = Tables(CHAIN, dsp=True, most_pixels=1).layers
    left = 0
    for whole, part in zip(every, Tables(CHAIN, dsp=True, most_pixels=1, limit=limit).layers, strict=True):
        within = [key(o) for o in whole.options if o.lut <= limit.lut and o.dsp <= limit.dsp]
        assert [key(o) for o in part.options] == within
        left += len(within)
    assert 0 < left < sum(len(table.options) for table in every)
