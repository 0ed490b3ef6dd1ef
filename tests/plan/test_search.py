"""The search against brute force, and make_plan from goal to plan."""

import contextlib
import itertools

import pytest

from bnn_hw.board import Part, load_board
from bnn_hw.design import load_design
from bnn_hw.errors import ConfigError, FitError, FoldingError
from bnn_hw.pipeline import record
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import Resources
from bnn_hw.plan import make_plan
from bnn_hw.plan.budget import SHELL, Budget, budget_of
from bnn_hw.plan.build import build_chain
from bnn_hw.plan.cycles import interval
from bnn_hw.plan.folding import LayerFolding, check_folding, legal_simd
from bnn_hw.plan.goal import parse_goal
from bnn_hw.plan.memory import LUT_PER_BRAM36
from bnn_hw.plan.pixels import takes_pixels
from bnn_hw.plan.search import Search, total_of
from bnn_hw.plan.solve import high_throughput, low_power, reach_fps, sized
from tests.networks import NETWORKS, ConvSpec, DenseSpec, PoolSpec, ThresholdSpec, random_graph

SMALL = {
    "conv": ((ConvSpec("a", 3), PoolSpec("p"), DenseSpec("b", 3), DenseSpec("c", 2)), (6, 4, 2)),
    "pixels": (
        (ConvSpec("a", 2, (1, 3)), PoolSpec("p", (1, 2)), ConvSpec("b", 2, (1, 2)), DenseSpec("c", 2)),
        (2, 7, 1),
    ),
    "signs": ((ThresholdSpec("s"), ConvSpec("a", 3), ConvSpec("b", 2), DenseSpec("c", 2)), (6, 5, 1)),
}


def every_folding(chain):
    """All legal foldings, every PE, memory and number of pixels; block RAM only where there are words."""
    points = [
        [
            LayerFolding(pe, simd, memory, pixels=several)
            for pe in range(1, layer.mh + 1)
            for simd in legal_simd(layer)
            for several in range(
                1, 1 + (layer.input.width if takes_pixels(layer) and simd == layer.mw else 1)
            )
            for memory in (("logic", "block") if (pe, simd) != (layer.mh, layer.mw) else ("logic",))
        ]
        for layer in chain.layers
    ]
    names = [layer.name for layer in chain.layers]
    for choice in itertools.product(*points):
        folding = dict(zip(names, choice, strict=True))
        with contextlib.suppress(FoldingError):
            check_folding(chain, folding)
            yield folding


@pytest.fixture(scope="module", params=SMALL)
def case(request):
    """A chain and, for all its foldings: cycles, LUT, BRAM36."""
    specs, shape = SMALL[request.param]
    chain = as_chain(random_graph(specs, shape))
    points = []
    for folding in every_folding(chain):
        stages = build_chain(chain, folding)
        total = total_of(stages)
        points.append((interval(stages), total.lut, total.bram36))
    return chain, points


def price(lut, bram36):
    return lut + LUT_PER_BRAM36 * bram36


def test_cheapest_is_never_beaten(case):
    chain, points = case
    search = Search(chain)
    for cycles in sorted({point[0] for point in points})[::9]:
        for lut, bram36 in ((1e9, 200), (1e9, 0), (700, 200), (600, 0.5)):
            fitting = [price(p[1], p[2]) for p in points if p[0] <= cycles and p[1] <= lut and p[2] <= bram36]
            found = search.cheapest(cycles, lut, bram36)
            if found is None:
                assert not fitting
                continue
            stages = build_chain(chain, found)
            total = total_of(stages)
            assert interval(stages) <= cycles
            assert total.lut <= lut
            assert total.bram36 <= bram36
            assert not fitting or price(total.lut, total.bram36) <= min(fitting)


def test_fastest_is_never_beaten(case):
    chain, points = case
    for lut in (500, 600, 800, 2000):
        budget = Budget(Resources(lut, 1e9, 3, 0), "test")
        fitting = [p[0] for p in points if p[1] <= lut and p[2] <= 3]
        try:
            found = high_throughput(chain, budget)
        except FitError:
            assert not fitting
            continue
        assert not budget.exceeded(found.resources)
        assert found.proof.bound <= min(fitting) <= interval(found.stages) == found.proof.value
        # Sized buffers may take some LUTs more than the nominal ones.
        assert interval(found.stages) <= min(p[0] for p in points if p[1] <= lut - 40 and p[2] <= 3)


def test_bound_of_the_cheapest_is_below_every_sized_folding(case):
    chain, points = case
    intervals = sorted({point[0] for point in points})
    cycles = intervals[len(intervals) // 3]
    budget = Budget(Resources(2000, 1e9, 3, 0), "test")
    found = reach_fps(chain, budget, 1e6 / cycles, 1_000_000)
    cheapest = [f for f, p in zip(every_folding(chain), points, strict=True) if p[0] <= cycles]
    some = cheapest[:: max(1, len(cheapest) // 40)]
    totals = [sized(chain, folding).resources for folding in some]
    assert found.proof.bound <= min(price(t.lut, t.bram36) for t in totals)
    assert found.proof.bound <= found.proof.value == price(found.resources.lut, found.resources.bram36)


def test_table1_of_all_designs():
    board = load_board("pynq-z1")
    for name, cycles in (("cnv", 32768), ("ncnv", 8100), ("ucnv", 32400)):
        plan = make_plan(random_graph(NETWORKS[name]), board, "folding=table1", load_design(name))
        assert plan.interval_cycles == cycles == max(plan.stage_cycles.values())
        assert plan.clock_hz == 100_000_000
        assert plan.fps == pytest.approx(1e8 / cycles)
        assert plan.resources == sum(plan.stage_resources.values(), Resources())
        assert record.from_json(record.to_json(plan)) == plan


def test_high_throughput_reads_several_pixels_a_cycle():
    graph = random_graph(NETWORKS["ncnv"])
    plan = make_plan(graph, load_board("pynq-z1"), "high-throughput")
    assert plan.interval_cycles <= 256
    assert plan.resources.lut + SHELL.lut <= 0.85 * 53200
    assert plan.layers[0].pixels == plan.stages[0].input.pixels >= 4
    assert record.from_json(record.to_json(plan)) == plan
    asked = make_plan(graph, load_board("pynq-z1"), "fps=390625")
    assert asked.interval_cycles == 256
    assert asked.layers[0].pixels == 4


def test_fps_takes_less_than_the_fastest():
    graph, board = random_graph(NETWORKS["ucnv"]), load_board("zybo-z7-10")
    fastest, enough = (make_plan(graph, board, goal) for goal in ("high-throughput", "fps=3000"))
    assert fastest.fps > enough.fps >= 3000
    assert enough.resources.lut < 0.5 * fastest.resources.lut
    doubled = make_plan(graph, board, "fps=3000", clock_hz=200_000_000)
    assert doubled.fps >= 3000
    assert doubled.resources.lut <= enough.resources.lut


def test_low_power_is_the_least_product_of_size_and_clock():
    """Brute force over all intervals: none has less price times cycles within its limits."""
    chain = as_chain(random_graph(*SMALL["conv"]))
    search, limit = Search(chain), Resources(900, 1e9, 3, 0)
    solution = low_power(chain, Budget(limit, "test"), 10_000, 10_000_000)
    most = 1000
    products = [
        cycles * search.least_price(cycles, limit.lut, limit.bram36)
        for cycles in [c for c in search.intervals() if c < most] + [most]
    ]
    assert interval(solution.stages) <= most
    assert solution.proof.bound <= min(products)
    # Buffers as they are sized may take some LUTs more or less than the nominal ones.
    assert solution.proof.value == pytest.approx(min(products), rel=0.1)


def test_low_power_lowers_the_clock():
    graph, board = random_graph(NETWORKS["ucnv"]), load_board("pynq-z1")
    plan, fast = make_plan(graph, board, "low-power=2000"), make_plan(graph, board, "fps=2000")
    assert plan.clock_hz == pytest.approx(2000 * plan.interval_cycles)
    assert plan.fps >= 2000
    assert plan.clock_hz < fast.clock_hz
    assert plan.clock_hz * plan.resources.lut < fast.clock_hz * fast.resources.lut
    with pytest.raises(FitError, match="ask for at most"):
        make_plan(graph, board, "low-power=4e6")


def test_out_of_reach():
    graph = random_graph(NETWORKS["ncnv"])
    with pytest.raises(FitError) as caught:
        make_plan(graph, load_board("pynq-z1"), "fps=4000000")
    assert str(caught.value) == (
        "layer conv1_1: 4e+06 frames a second at 100 MHz leave 25 cycles a frame, but it takes at least 32"
        "\n    remedy: ask for at most 3,125,000 frames a second or a higher clock"
    )
    with pytest.raises(FitError) as caught:
        make_plan(random_graph(NETWORKS["cnv"]), load_board("zybo-z7-10"), "fps=97656")
    text = str(caught.value)
    assert text.startswith("layer ")
    assert "97656 frames a second need " in text
    assert "(85% of xc7z010 less the shell)" in text
    assert "ask for at most " in text
    assert caught.value.exit_status == 6


def test_clock_out_of_reach():
    graph, board = random_graph(NETWORKS["ucnv"]), load_board("pynq-z1")
    for clock_hz in (250_000_001, 99_999):
        with pytest.raises(ConfigError, match="is out of reach of the processing system's fabric clocks"):
            make_plan(graph, board, "fps=100", clock_hz=clock_hz)
    assert make_plan(graph, board, "low-power=1").clock_hz == 100_000


def test_too_small_a_part():
    chain = as_chain(random_graph(*SMALL["conv"]))
    tiny = budget_of(Part("tiny", 2000, 9000, 10, 0, ()))
    with pytest.raises(
        FitError, match=r"layer \w+: even the smallest folding needs \d+ LUT \(\d+ LUT of them here\)"
    ):
        high_throughput(chain, tiny)
    left = round(0.85 * 2000 - SHELL.lut)
    with pytest.raises(FitError, match=rf"there are {left} \(85% of tiny less the shell\)"):
        reach_fps(chain, tiny, 10, 100_000_000)


def test_manual_folding_too_large_names_layer_and_resource(tmp_path):
    graph = random_graph(NETWORKS["cnv"])
    path = tmp_path / "large.json"
    names = [layer.name for layer in as_chain(graph).layers]
    entries = ", ".join(f'"{name}": {{"PE": 4, "SIMD": {8 if "fc" in name else 32}}}' for name in names[1:])
    path.write_text(f'{{"layers": {{"{names[0]}": {{"PE": 64, "SIMD": 27}}, {entries}}}}}')
    with pytest.raises(FitError) as caught:
        make_plan(graph, load_board("zybo-z7-10"), f"folding={path}", limit="lut=5000")
    assert str(caught.value).startswith("layer conv1_1: the design needs ")
    assert "(limits 5,000 LUT, else 100% of xc7z010 less the shell)" in str(caught.value)


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        (None, "goal: is missing; there is no default"),
        ("", "goal: is missing; there is no default"),
        ("high-throughputs", "goal high-throughputs: is unknown\n    remedy: did you mean high-throughput?"),
        ("fbs=3", "goal fbs=3: is unknown\n    remedy: did you mean fps=N?"),
        (
            "tiny",
            "goal tiny: is unknown\n    remedy: known: high-throughput, fps=N, low-power=N, folding=FILE",
        ),
        ("fps=-1", "goal fps=-1: '-1' is no positive number of frames a second"),
        ("fps=nan", "goal fps=nan: 'nan' is no positive number"),
        ("fps=100,folding=x", "'100,folding=x' is no positive number"),
        ("folding=", "goal folding=: is unknown"),
    ],
)
def test_wrong_goals(goal, message):
    with pytest.raises(ConfigError) as caught:
        parse_goal(goal)
    assert message in str(caught.value)


def test_unknown_folding_offers_the_designs_own():
    graph = random_graph(NETWORKS["ucnv"])
    with pytest.raises(ConfigError) as caught:
        make_plan(graph, load_board("pynq-z1"), "folding=table2", load_design("ucnv"))
    assert str(caught.value) == (
        "goal folding=table2: there is no file table2, and the design ucnv has no folding of that name\n"
        "    remedy: give a folding file; did you mean table1? known: table1"
    )
