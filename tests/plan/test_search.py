"""The search against brute force, and make_plan from goal to plan."""

import contextlib
import functools
import gc
import itertools
import math
from dataclasses import replace

import pytest

from bnn_hw.board import Part, load_board
from bnn_hw.design import load_design
from bnn_hw.errors import ConfigError, FitError, FoldingError
from bnn_hw.pipeline import record
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import Resources
from bnn_hw.pipeline.stages import Fifo, Mvtu, Split, Window
from bnn_hw.plan import make_plan
from bnn_hw.plan.budget import SHELL, Budget, budget_of
from bnn_hw.plan.build import build_chain
from bnn_hw.plan.cost import stage_resources
from bnn_hw.plan.cycles import interval
from bnn_hw.plan.depths import best_depth
from bnn_hw.plan.export import folding_of
from bnn_hw.plan.folding import LayerFolding, check_folding, legal_simd
from bnn_hw.plan.goal import parse_goal
from bnn_hw.plan.pace import Pace, arrivals, buffer_of
from bnn_hw.plan.pixels import takes_pixels
from bnn_hw.plan.port import port_cycles
from bnn_hw.plan.search import UNLIMITED, Found, Search
from bnn_hw.plan.sized import keeps_pace, price, realised, sized
from bnn_hw.plan.solve import cheapest_within, high_throughput, low_latency, reach_fps
from bnn_hw.plan.tables import total_of
from bnn_hw.plan.timing import latency_cycles
from tests.networks import NETWORKS, ConvSpec, DenseSpec, PoolSpec, ThresholdSpec, random_graph

SMALL = {
    "conv": ((ConvSpec("a", 2), PoolSpec("p"), DenseSpec("b", 2), DenseSpec("c", 2)), (6, 4, 1)),
    "pixels": (
        (ConvSpec("a", 2, (1, 3)), PoolSpec("p", (1, 2)), ConvSpec("b", 2, (1, 2)), DenseSpec("c", 2)),
        (2, 7, 1),
    ),
    "signs": ((ThresholdSpec("s"), ConvSpec("a", 2), ConvSpec("b", 2), DenseSpec("c", 2)), (5, 6, 1)),
}

DSPS = (("lut", "lut"), ("dsp", "lut"), ("lut", "dsp"), ("dsp", "dsp"))


def every_folding(chain, dsp_layer):
    """All legal foldings, every PE, memory and number of pixels; block RAM only where there are words.

    DSP slices in all ways in one layer.
    """
    points = [
        [
            LayerFolding(pe, simd, memory, False, several, *places)
            for pe in range(1, layer.mh + 1)
            for simd in legal_simd(layer)
            for several in range(
                1, 1 + (layer.input.width if takes_pixels(layer) and simd == layer.mw else 1)
            )
            for memory in (("logic", "block") if (pe, simd) != (layer.mh, layer.mw) else ("logic",))
            for places in (DSPS if layer.name == dsp_layer else DSPS[:1])
        ]
        for layer in chain.layers
    ]
    names = [layer.name for layer in chain.layers]
    for choice in itertools.product(*points):
        folding = dict(zip(names, choice, strict=True))
        with contextlib.suppress(FoldingError):
            check_folding(chain, folding)
            yield folding


@functools.cache
def depth_of(pace, buffer, cycles):
    return pace.words(buffer, cycles)


def every_way(chain, folding):
    """Totals of a folding with buffers for its own interval, each in LUTs or block RAM."""
    paces = {n: Pace(layer, ways) for (n, ways), layer in zip(WAYS[chain], chain.layers, strict=True)}
    stages = build_chain(chain, folding)
    cycles = interval(stages)
    fixed, choices, after_layer = Resources(), [], False
    for stage in stages:
        if isinstance(stage, Fifo):
            continue
        if isinstance(stage, Window) and (not stage.full or after_layer):
            buffer = buffer_of(stage)
            words = depth_of(paces[stage.layer], buffer, cycles)
            ways = [best_depth(buffer.kind, words, memory)[0] for memory in ("logic", "block")]
            choices.append(ways if words else [Resources()])
        if not isinstance(stage, Window) or stage.full:
            fixed += stage_resources(stage)
        if isinstance(stage, Split) and after_layer and stage.layer in paces:
            source = stage.input
            pace = paces[stage.layer]
            if stage.by_rows:
                row = stage.output.groups_per_row
                waiting = max(pace.split_rows(source.skip, source.pixels, row, cycles), 0)
            else:
                waiting = pace.split(source.skip, source.pixels, source.pixels // stage.output.pixels, cycles)
                waiting = waiting if waiting > 1 else 0
            if waiting:
                fixed += Resources(lut=stage_resources(pace.inlet(source.pixels, source.skip, waiting)).lut)
        after_layer = after_layer or isinstance(stage, Mvtu)
    for memories in itertools.product(*choices):
        yield cycles, sum(memories, fixed)


WAYS = {}


@pytest.fixture(scope="module", params=SMALL)
def case(request):
    """A chain and, for all its foldings: cycles and resources."""
    specs, shape = SMALL[request.param]
    chain = as_chain(random_graph(specs, shape))
    WAYS[chain] = list(arrivals(chain).items())
    dsp_layer = chain.layers[-1].name if request.param == "conv" else ""
    points = [point for folding in every_folding(chain, dsp_layer) for point in every_way(chain, folding)]
    return chain, points


LIMITS = (
    Resources(1e9, 1e9, 200, 0),
    Resources(1e9, 1e9, 0, 0),
    Resources(700, 1e9, 200, 0),
    Resources(600, 1e9, 0.5, 0),
    Resources(560, 1e9, 1, 2),
)


def test_cheapest_is_never_beaten(case):
    """The planner's whole space against every folding: its price is the least, and what is built has it."""
    chain, points = case
    searches = {dsp: Search(chain, dsp=dsp) for dsp in (False, True)}
    for cycles in sorted({point[0] for point in points})[::25]:
        for limit in LIMITS:
            budget = Budget(limit, "test")
            fitting = [price(need) for own, need in points if own <= cycles and not budget.exceeded(need)]
            found = cheapest_within(searches[limit.dsp > 0], budget, cycles)
            if found is None:
                assert not fitting
                continue
            assert interval(found.stages) <= cycles
            assert not budget.exceeded(found.resources)
            assert found.resources == total_of(found.stages)
            assert found.proof.bound <= min(fitting, default=float("inf")) + 1e-6
            assert found.proof.gap == 0


def test_fastest_is_never_beaten(case):
    chain, points = case
    for limit in (*(Resources(lut, 1e9, 3, 0) for lut in (500, 600, 800, 2000)), Resources(560, 1e9, 1, 2)):
        budget = Budget(limit, "test")
        fitting = [own for own, need in points if not budget.exceeded(need)]
        try:
            found = high_throughput(chain, budget)
        except FitError:
            assert not fitting
            continue
        assert not budget.exceeded(found.resources)
        assert found.proof.bound <= min(fitting, default=1 << 60)
        assert found.proof.bound <= interval(found.stages) == found.proof.value
        assert found.proof.gap == 0


@pytest.mark.parametrize("limit", LIMITS[1:], ids=str)
def test_soonest_is_never_beaten(case, limit):
    """No folding is sooner; what is found is as soon as the stages' own timing says."""
    chain, _ = case
    budget = Budget(limit, "test")
    found = low_latency(chain, budget)
    assert not budget.exceeded(found.resources)
    assert found.proof.value == latency_cycles(found.stages)
    assert found.proof.gap == 0
    some = list(every_folding(chain, ""))
    for folding in some[:: max(1, len(some) // 150)]:
        solution = sized(chain, folding)
        if not budget.exceeded(solution.resources):
            assert found.proof.value <= latency_cycles(solution.stages)


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
    plan = make_plan(graph, load_board("pynq-z1"), "high-throughput", limit="port=off")
    assert plan.interval_cycles <= 100
    assert plan.port_cycles == 0
    assert plan.resources.lut + SHELL.lut <= 0.85 * 53200
    assert plan.layers[0].pixels > 4
    assert record.from_json(record.to_json(plan)) == plan
    asked = make_plan(graph, load_board("pynq-z1"), "fps=390625", limit="port=off")
    assert asked.interval_cycles <= 256
    assert asked.resources.lut < plan.resources.lut


def test_memory_port_bounds_the_speed():
    graph, board = random_graph(NETWORKS["ncnv"]), load_board("pynq-z1")
    plan = make_plan(graph, board, "high-throughput")
    assert plan.port_cycles == 32 * 32 * 3 // 8
    assert plan.interval_cycles <= 384
    assert plan.proof.value == plan.proof.bound == 384
    # Rows are whole beats, which the shell takes.
    assert 32 % plan.stages[0].input.pixels == 0
    with pytest.raises(FitError) as caught:
        make_plan(graph, board, "fps=390625")
    assert str(caught.value) == (
        "memory port: 390625 frames a second at 100 MHz leave 256 cycles a frame, "
        "but to read and write one takes 384\n    remedy: ask for at most 260,417 frames a second, "
        "or give the limit port=off for the core alone"
    )
    # Memory of 16 bits is slower than the port at its highest clock.
    chain = as_chain(graph)
    narrow = port_cycles(chain, board, 250_000_000)
    assert narrow == math.ceil((384 + 3) * 8 * 250e6 / (2 * 1050e6 * 0.7)) > 384
    assert port_cycles(chain, load_board("zybo-z7-10"), 250_000_000) == 384


def test_dsp_slices_where_luts_are_short():
    graph, board = random_graph(NETWORKS["ncnv"]), load_board("zybo-z7-10")
    limits = "lut=4000,bram36=4"
    without, with_dsp = (
        make_plan(graph, board, "high-throughput", limit=f"{limits},dsp={n}") for n in (0, 60)
    )
    assert with_dsp.interval_cycles < without.interval_cycles
    assert 0 < with_dsp.resources.dsp <= 60
    assert without.resources.dsp == 0
    units = [stage for stage in with_dsp.stages if isinstance(stage, Mvtu)]
    assert any("dsp" in (unit.accumulate, unit.match) for unit in units)
    again = folding_of(with_dsp)
    assert [(unit.accumulate, unit.match) for unit in units] == [
        (again[unit.layer].accumulate, again[unit.layer].match) for unit in units
    ]
    # Not where there are LUTs enough.
    assert make_plan(graph, board, "fps=1000").resources.dsp == 0


def test_fps_takes_less_than_the_fastest():
    graph, board = random_graph(NETWORKS["ucnv"]), load_board("zybo-z7-10")
    fastest, enough = (make_plan(graph, board, goal) for goal in ("high-throughput", "fps=3000"))
    assert fastest.fps > enough.fps >= 3000
    assert enough.resources.lut < 0.5 * fastest.resources.lut
    doubled = make_plan(graph, board, "fps=3000", clock_hz=200_000_000)
    assert doubled.fps >= 3000
    assert doubled.resources.lut <= enough.resources.lut


def test_buffers_lie_in_luts_where_block_ram_is_short():
    chain = as_chain(random_graph(NETWORKS["ncnv"]))
    search = Search(chain)
    folding = {layer.name: LayerFolding(1, 1, "logic") for layer in chain.layers}
    found = Found(folding, {}, {}, {}, 0.0, 0, 0, 0.0)
    cycles = interval(build_chain(chain, folding))
    enough, short = (search.again(found, cycles, replace(UNLIMITED, bram36=n)) for n in (99, 0))
    assert enough.halves > short.halves == 0
    assert short.lut > enough.lut
    for item in (enough, short):
        solution = realised(chain, item)
        assert solution.resources.lut == item.lut
        assert solution.resources.bram36 == item.halves / 2
        assert keeps_pace(solution.stages)


def test_out_of_reach():
    graph = random_graph(NETWORKS["ncnv"])
    with pytest.raises(FitError) as caught:
        make_plan(graph, load_board("pynq-z1"), "fps=4000000", limit="port=off")
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
    assert "LUT of them here" in text
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
            "zzz",
            "goal zzz: is unknown\n    remedy: known: high-throughput, fps=N, low-power=N, low-latency, "
            "folding=FILE",
        ),
        ("fps=-1", "goal fps=-1: '-1' is no positive number of frames a second"),
        ("fps=nan", "goal fps=nan: 'nan' is no positive number"),
        (
            "fps=100,folding=x",
            "goal fps=100, folding=x: is 2 goals\n    remedy: give one: a folding says PE and SIMD itself, "
            "any other goal has the planner choose them",
        ),
        ("high-throughput, low-latency", "goal high-throughput, low-latency: is 2 goals"),
        ("fps=100,x", "'100,x' is no positive number"),
        ("folding=", "goal folding=: is unknown"),
    ],
)
def test_wrong_goals(goal, message):
    with pytest.raises(ConfigError) as caught:
        parse_goal(goal)
    assert message in str(caught.value)


def test_garbage_is_collected_again_after_a_plan_and_after_a_refusal():
    graph, board = random_graph(NETWORKS["ucnv"]), load_board("pynq-z1")
    make_plan(graph, board, "fps=1000")
    assert gc.isenabled()
    with pytest.raises(FitError):
        make_plan(graph, board, "fps=4000000")
    assert gc.isenabled()


def test_unknown_folding_offers_the_designs_own():
    graph = random_graph(NETWORKS["ucnv"])
    with pytest.raises(ConfigError) as caught:
        make_plan(graph, load_board("pynq-z1"), "folding=table2", load_design("ucnv"))
    assert str(caught.value) == (
        "goal folding=table2: there is no file table2, and the design ucnv has no folding of that name\n"
        "    remedy: give a folding file; did you mean table1? known: table1"
    )
