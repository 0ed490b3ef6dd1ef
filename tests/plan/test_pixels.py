"""Several pixels a beat: what is legal, where pixels lie, and that buffers reach the bound."""

import numpy as np
import pytest

from bnn_hw.bits import from_beats, to_beats
from bnn_hw.errors import FoldingError
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.stages import Align, Mvtu, Pool, Split, Window
from bnn_hw.plan.build import StageBuilder, build_chain
from bnn_hw.plan.cost import stage_resources
from bnn_hw.plan.cycles import frame_cycles, interval
from bnn_hw.plan.finn import finn_text
from bnn_hw.plan.folding import LayerFolding, check_folding, folding_text, parse_folding
from bnn_hw.plan.pace import Pace, arrivals, grouped
from bnn_hw.plan.pixels import first_pixels, input_pixels, later_pixels
from bnn_hw.plan.sized import sized
from bnn_hw.plan.tables import Tables, last_beat_cycles
from bnn_hw.plan.timing import simulate
from tests.networks import NCNV, ConvSpec, DenseSpec, PoolSpec, random_graph


def fold(pe, simd, pixels=1):
    return LayerFolding(pe, simd, pixels=pixels)


def ncnv_folding(*pixels):
    """n-CNV with all neurons and whole windows in the first layers, at these pixels a beat."""
    simd = {"conv1_1": 27, "conv1_2": 144, "conv2_1": 144, "conv2_2": 288}
    pe = {"conv1_1": 16, "conv1_2": 16, "conv2_1": 32, "conv2_2": 32}
    folding = {name: fold(pe[name], simd[name], p) for name, p in zip(simd, pixels, strict=True)}
    rest = {"conv3_1": (8, 288), "conv3_2": (7, 64), "fc1": (6, 16), "fc2": (11, 16), "fc3": (1, 8)}
    return folding | {name: fold(*sizes) for name, sizes in rest.items()}


CHAIN = as_chain(random_graph(NCNV))


@pytest.mark.parametrize(
    ("pixels", "cycles", "beat_bits"),
    [
        # 32 rows of 8 beats; then 14 rows of 7 groups of two, 12 of 6, and the dense layers' 121
        ((4, 4, 2, 2), 256, 96),
        # 32 rows of two beats of 16 pixels, cut into three beats of 12; 14 rows of 7 beats of two
        ((10, 10, 2, 2), 98, 384),
    ],
)
def test_cycles_of_ncnv(pixels, cycles, beat_bits):
    solution = sized(CHAIN, ncnv_folding(*pixels))
    assert interval(solution.stages) == cycles
    assert solution.stages[0].input.width_bits == beat_bits
    assert set(np.diff(simulate(solution.stages, 6).ends())) == {cycles}


def test_places_follow_the_newest_pixel_of_a_window():
    stages = build_chain(CHAIN, ncnv_folding(4, 4, 2, 2))
    places = {s.name: (s.output.width, s.output.pixels, s.output.skip) for s in stages}
    # By hand: windows begin at column 2, behind the second layer at column 4, where a beat begins.
    assert places["conv1_1_mvtu"] == (30, 4, 2)
    assert places["conv1_2_mvtu"] == (28, 4, 0)
    assert places["pool1"] == (14, 2, 0)
    assert places["conv2_2_mvtu"] == (10, 2, 0)
    assert places["pool2"] == (5, 1, 0)
    assert [s.output.groups_per_row for s in stages if isinstance(s, Mvtu)][:4] == [8, 7, 6, 5]


def test_aligned_rows_have_no_place_without_meaning():
    stages = build_chain(CHAIN, ncnv_folding(10, 10, 2, 2))
    assert [type(s) for s in stages[:3]] == [Split, Align, Window]
    assert (stages[0].input.pixels, stages[0].output.pixels) == (16, 12)
    places = {s.name: (s.output.width, s.output.pixels, s.output.skip) for s in stages}
    assert places["conv1_1_mvtu"] == (30, 10, 0)
    assert places["conv1_2_mvtu"] == (28, 10, 2)
    assert places["pool1"] == (14, 5, 1)
    assert places["conv2_1_split"] == (14, 2, 0)
    window = next(s for s in stages if isinstance(s, Window))
    assert (window.kernel, window.input.width_bits, window.output.width_bits) == ((3, 1), 288, 864)


def test_pool_whose_kernels_would_lie_in_two_beats_takes_pixel_by_pixel():
    chain = as_chain(random_graph((ConvSpec("a", 3), PoolSpec("p"), DenseSpec("b", 2)), (6, 11, 2)))
    stages = build_chain(chain, {"a": fold(2, 18, 5), "b": fold(1, 3)})
    kinds = [type(s) for s in stages]
    assert kinds[kinds.index(Pool) - 1] is Split
    split = stages[kinds.index(Pool) - 1]
    assert (split.input.pixels, split.output.pixels, split.output.lanes) == (5, 1, 3)
    assert frame_cycles(stages)[split.name] == 4 * 9


@pytest.mark.parametrize("seed", range(24))
def test_sized_buffers_reach_the_bound(seed):
    rng = np.random.default_rng(seed)
    specs = (ConvSpec("a", 5), ConvSpec("b", 6, (2, 3)), PoolSpec("p"), ConvSpec("c", 4), DenseSpec("d", 5))
    chain = as_chain(random_graph(specs, (12, int(rng.integers(11, 22)), 2), seed=seed))
    folding = {"d": fold(int(rng.integers(1, 6)), chain.layers[3].channels)}
    arriving = int(rng.choice([p for p in first_pixels(chain) if p > 1]))
    for layer in chain.layers[:3]:
        folding[layer.name] = fold(int(rng.integers(1, layer.mh + 1)), layer.mw, arriving)
        arriving = int(rng.integers(1, arriving // 2 + 1)) if layer.name == "b" and arriving > 1 else arriving
    if arriving > 1:
        folding["c"] = fold(folding["c"].pe, folding["c"].simd, 1)
    stages = sized(chain, folding).stages
    ends = simulate(stages, 12).ends()
    assert ends[-1] - ends[-3] == 2 * interval(stages)


def test_pixels_worth_considering():
    assert first_pixels(CHAIN) == (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17, 18, 32)
    first, second, third = CHAIN.layers[:3]
    assert [input_pixels(first, p) for p in (4, 10, 11, 15, 16)] == [4, 16, 16, 32, 16]
    assert later_pixels(second, 4) == (1, 2, 3, 4)
    assert later_pixels(third, 5) == (1, 2, 3, 4, 5)
    padded = as_chain(random_graph((ConvSpec("a", 2, padding=(1, 1, 1, 1)), DenseSpec("b", 2)), (5, 5, 1)))
    assert first_pixels(padded) == (1,)


def test_what_stands_before_a_layer_costs_what_is_built():
    """Also where channels are gathered before pixels are split: the two are counted apart."""
    chain = as_chain(random_graph(NCNV))
    checked = 0
    for index, table in enumerate(Tables(chain, most_pixels=8).layers):
        gathered = [
            (i, j)
            for i, (lanes, pixels, _) in enumerate(table.arrivals)
            for j, entry in enumerate(table.entries)
            if pixels != entry[1] and lanes != table.layer.input.channels and table.entry_lut[i, j] < np.inf
        ]
        for i, j in gathered[:: max(1, len(gathered) // 10)]:
            (lanes, pixels, skip), entry = table.arrivals[i], table.entries[j]
            builder = StageBuilder(table.layer.input, lanes=lanes, pixels=pixels, skip=skip, least=True)
            builder.entry(table.layer, LayerFolding(1, entry[0], pixels=entry[1]), buffered=index > 0)
            assert table.entry_lut[i, j] == sum(stage_resources(stage).lut for stage in builder.stages)
            assert table.entry_tail[i, j] == last_beat_cycles(builder.stages)
            checked += 1
    assert checked > 20


@pytest.mark.parametrize(("pixels", "skip", "into"), [(5, 1, 7), (3, 0, 8), (4, 2, 14), (14, 0, 14)])
def test_groups_that_wait_for_a_row_to_be_cut(pixels, skip, into):
    """Against a walk through three frames, row by row."""
    chain = as_chain(random_graph(NCNV))
    layer = chain.layers[2]
    pace = Pace(layer, arrivals(chain)[layer.name])
    cycles, most = 98, []
    for way in pace.ways:
        times, free, waiting, worst = grouped(way, skip, pixels) * cycles, 0.0, [], 0
        for row in (row + frame * cycles for frame in range(3) for row in times):
            begin = max(row[-1], free)
            waiting.append((row, begin))
            free = begin + into
        for now in (moment for row, _ in waiting for moment in row):
            there = sum((row <= now).sum() for row, begin in waiting if begin >= now)
            worst = max(worst, there)
        most.append(worst - times.shape[1])
    assert pace.split_rows(skip, pixels, into, cycles) == max(most)


def test_faults_name_layer_cause_and_remedy():
    specs = (
        ConvSpec("a", 3),
        ConvSpec("s", 3, stride=(1, 2)),
        PoolSpec("p"),
        ConvSpec("b", 4),
        DenseSpec("c", 2),
    )
    chain = as_chain(random_graph(specs, (16, 32, 2)))
    bad = {
        "a": fold(3, 2, 4),
        "s": fold(3, 27, 2),
        "b": fold(4, 27, 3),
        "c": fold(1, chain.layers[3].channels, 2),
    }
    with pytest.raises(FoldingError) as caught:
        check_folding(chain, bad, "f.json")
    assert [str(fault) for fault in caught.value.faults] == [
        "f.json, layer a: pixels is 4 with SIMD 2\n    remedy: use SIMD 18, the whole window, or 1 pixel",
        "f.json, layer s: pixels is 2, but the layer has a stride or padding\n"
        "    remedy: use 1 pixel, or leave it out",
        "f.json, layer b: pixels is 3, but 1 arrive in a beat\n    remedy: use 1 to 1",
        "f.json, layer c: pixels is 2, but the layer is dense\n    remedy: use 1 pixel, or leave it out",
        "f.json, layer c: pixels is 2, but 1 arrive in a beat\n    remedy: use 1 to 1",
    ]
    with pytest.raises(FoldingError, match="pixels is 40, but the input has 32 columns"):
        check_folding(CHAIN, ncnv_folding(40, 4, 2, 2))
    with pytest.raises(FoldingError, match=r"layer a: pixels is 0\.5, not a whole number"):
        parse_folding('{"layers": {"a": {"PE": 1, "SIMD": 1, "pixels": 0.5}}}', "f.json")


def test_finn_takes_one_pixel():
    with pytest.raises(FoldingError) as caught:
        finn_text(CHAIN, ncnv_folding(4, 1, 1, 1) | {"conv3_2": fold(8, 64), "fc1": fold(4, 16)})
    assert "layer conv1_1: takes 4 pixels at a time; FINN takes one" in str(caught.value)


def test_folding_file_keeps_pixels():
    folding = {"a": fold(2, 27, 4), "b": fold(1, 8)}
    assert parse_folding(folding_text(folding), "f.json") == folding
    assert folding_text(folding).count("pixels") == 1


@pytest.mark.parametrize(("width", "channels", "lanes", "pixels"), [(7, 5, 2, 3), (8, 3, 3, 4), (5, 4, 4, 1)])
def test_beats_and_back(width, channels, lanes, pixels):
    rng = np.random.default_rng(width)
    maps = rng.integers(1, 99, (2, 3, width, channels))
    beats = to_beats(maps, lanes, pixels)
    # Beat by beat from the definition.
    parts, groups = -(-channels // lanes), -(-width // pixels)
    assert beats.shape == (2 * 3 * groups * parts, pixels * lanes)
    for (f, y, x, c), value in np.ndenumerate(maps):
        beat = ((f * 3 + y) * groups + x // pixels) * parts + c // lanes
        assert beats[beat, x % pixels * lanes + c % lanes] == value
    assert np.count_nonzero(beats) == maps.size
    assert np.array_equal(from_beats(beats, width, channels, lanes, pixels), maps.reshape(-1, channels))


def test_places_without_meaning_are_left_out():
    beats = np.arange(24).reshape(6, 4)  # rows of three groups of four places; five pixels behind six
    assert from_beats(beats, 5, 1, 1, 4, 6).reshape(-1).tolist() == [6, 7, 8, 9, 10, 18, 19, 20, 21, 22]
