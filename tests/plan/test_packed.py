"""Bounds with block RAM and DSP slices counted, against all paths of small parts."""

import itertools

import numpy as np
import pytest

from bnn_hw.pipeline.legal import as_chain
from bnn_hw.plan.packed import Packed
from bnn_hw.plan.search import Search
from tests.networks import ConvSpec, DenseSpec, PoolSpec, random_graph

CHAIN = as_chain(
    random_graph((ConvSpec("a", 64), PoolSpec("p"), ConvSpec("b", 64), DenseSpec("c", 64)), (16, 16, 3))
)
SEARCH = Search(CHAIN, dsp=True, most_pixels=1)


def some(rng, many):
    """A few options of each layer, in block RAM, DSP slices and LUTs."""
    cuts = []
    for cut in SEARCH.within(SEARCH.intervals()[-1]):
        blocks = np.flatnonzero(cut.use[:, 1] > 0)
        slices = np.flatnonzero(cut.use[:, 2] > 0)
        picked = [
            rng.choice(kind, many) for kind in (blocks, slices, np.arange(len(cut.option))) if len(kind)
        ]
        cuts.append(cut.kept(np.unique(np.concatenate(picked))))
    return cuts


def paths(cuts):
    """Every path: rows, arrivals, use, tail."""
    heads = SEARCH.heads()
    for rows in itertools.product(*(range(len(cut.option)) for cut in cuts)):
        for arrival in range(len(heads)):
            use, tail, arrivals, at = heads[arrival].copy(), 0.0, [], arrival
            for cut, row in zip(cuts, rows, strict=True):
                arrivals.append(at)
                use = use + cut.use[row] + [cut.way[at, cut.entry[row]], 0, 0]
                tail += cut.tail[row] + cut.way_tail[at, cut.entry[row]]
                at = int(cut.give[row])
            if np.isfinite(use[0]):
                yield rows, tuple(arrivals), use, tail


def found(seed, many=4):
    rng = np.random.default_rng(seed)
    while not (every := list(paths(cuts := some(rng, many)))):
        pass
    spent = np.array([use for _, _, use, _ in every])
    limits = np.array([np.quantile(spent[:, kind], rng.uniform(0.2, 0.7)) for kind in range(3)]).round()
    prices = np.array([rng.uniform(0, 0.5), 9.0, 9.0])
    return cuts, every, limits, prices


@pytest.mark.parametrize("few", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_bound_path_and_what_is_left_are_those_of_all_paths(seed, few, monkeypatch):
    if not few:
        monkeypatch.setattr("bnn_hw.plan.packed._MOST", 0)
    cuts, every, limits, prices = found(seed)
    packed = Packed(SEARCH.heads(), cuts, limits, prices)
    assert packed.counted.tolist() == [False, True, few]
    paid = np.where(packed.counted, 0.0, prices)
    within = [
        (tail + paid @ use, rows, arrivals)
        for rows, arrivals, use, tail in every
        if (use <= limits)[packed.counted].all()
    ]
    if not within:
        assert packed.bound == np.inf
        return
    least = min(value for value, _, _ in within)
    assert packed.bound == pytest.approx(least - paid @ limits, abs=0.1)
    rows, arrivals = packed.path()
    assert min(value for value, *path in within if path == [rows, arrivals]) == pytest.approx(least, abs=0.1)
    cap = np.median([value for value, _, _ in within]) + 0.25
    kept = packed.pruned(cap - paid @ limits)
    for layer, mask in enumerate(kept):
        near = {rows[layer] for value, rows, _ in within if value <= cap + 0.1}
        sure = {rows[layer] for value, rows, _ in within if value <= cap - 0.1}
        assert sure <= set(np.flatnonzero(mask)) <= near


def test_more_than_there_is_in_any_case_has_no_bound():
    cuts, _, limits, prices = found(0)
    assert Packed(SEARCH.heads(), cuts, limits * (1, -1, 1) - (0, 1, 0), prices).bound == np.inf
