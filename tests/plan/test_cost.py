"""The cost law against synthesised units and against figures from the data sheets."""

from dataclasses import replace
from statistics import median

import numpy as np
import pytest

from benchmarks.calibrate import core_samples, unit_samples
from benchmarks.cost_units import mvtu
from bnn_hw.board import load_board
from bnn_hw.design import load_design
from bnn_hw.plan import make_plan
from bnn_hw.plan.cost import stage_resources
from bnn_hw.plan.memory import bram36, distinct_columns, ram_bram36, ram_lut, ram_style, rom_lut, weight_style
from tests.networks import NETWORKS, random_graph

# A unit whose RTL changed has no figures until make calibrate measures it.
STORED = [*unit_samples(), *core_samples()]


def errors(kind, field):
    samples = [sample for sample in STORED if sample.stage.kind == kind]
    assert len(samples) >= 4
    pairs = [(getattr(stage_resources(sample.stage), field), sample.found[field]) for sample in samples]
    # A small unit may be off by some LUTs without harm: figures below 30 count as 30.
    return [abs(said - found) / max(found, 30) for said, found in pairs]


@pytest.mark.parametrize("kind", ["window", "mvtu", "converter", "fifo", "pool", "scores"])
def test_law_against_synthesised_units(kind):
    """Residuals of the law, on the stages it was fitted to: see benchmarks/calibrate.py."""
    lut, ff = errors(kind, "lut"), errors(kind, "ff")
    assert median(lut) <= (0.03 if kind == "mvtu" else 0.06)
    # Of some converters synthesis pairs no multiplexers, see bnn_hw.plan.cost.scatter_sites.
    assert max(lut) <= (0.40 if kind in ("converter", "scores") else 0.20)
    assert median(ff) <= 0.03
    assert max(ff) <= 0.35


def test_block_ram_and_dsp_are_exact():
    for sample in STORED:
        said, found = stage_resources(sample.stage), sample.found
        assert (said.bram36, said.dsp) == (found["bram36"], found["dsp"])


def test_block_ram_by_the_data_sheet():
    assert bram36(36, 512) == 0.5
    assert bram36(72, 512) == 1
    assert bram36(18, 1024) == 0.5
    assert bram36(1, 16384) == 0.5
    # words share a row of 36 bits, of which a multiplexer picks one
    assert bram36(1, 16385) == 0.5
    assert bram36(16, 4608) == 2
    assert bram36(128, 4608) == 16
    # 512 columns of 144 words: 15 halves of 36 columns
    assert bram36(512, 144) == 7.5
    assert bram36(4, 32768) == 4


def test_block_ram_that_is_written_to():
    assert ram_bram36(36, 512) == 0.5
    assert ram_bram36(1, 16384) == 0.5
    # 8 bits take a group of 9: two of 9,216 words in a row of 18 bits, as Yosys does
    assert ram_bram36(8, 9216) == 2.5
    assert bram36(8, 9216) == 2
    assert ram_bram36(32, 1024) == 1
    assert ram_bram36(4, 8192) == 1


def test_lut_memories_by_the_data_sheet():
    assert rom_lut(16, 1) == 0
    assert rom_lut(16, 32) == pytest.approx(8)
    assert rom_lut(16, 64) == 16
    assert rom_lut(16, 65) == 32
    assert rom_lut(16, 256) == 64
    # 128 words behind a MUXF7, 16 words in half a LUT, half a LUT that chooses
    assert rom_lut(16, 144) == 16 * 3
    # four pieces of four LUTs and a LUT6 that chooses
    assert rom_lut(16, 1024) == 16 * 17
    assert ram_lut(6, 32) == 4
    assert ram_lut(3, 64) == 4
    # two banks of 64 and a multiplexer a bit
    assert ram_lut(3, 128) == 8 + 3


def test_few_words_share_columns():
    assert distinct_columns(100, 2) == pytest.approx(2)
    assert distinct_columns(100, 3) == pytest.approx(6, rel=1e-3)
    assert distinct_columns(100, 64) == 100
    # Expected number of contents, against draws: neither all zeros nor all ones count.
    rng = np.random.default_rng(1)
    draws = [len(set(rng.integers(256, size=100).tolist()) - {0, 255}) for _ in range(400)]
    assert distinct_columns(100, 8) == pytest.approx(np.mean(draws), rel=0.01)
    wide, wider = mvtu(144, 16, 4, 144, "logic"), mvtu(144, 64, 16, 144, "logic")
    extra = stage_resources(wider).ff - stage_resources(wide).ff
    assert extra < 144 * 12


def test_memory_kinds():
    assert weight_style(1, 36, 512) == "block"
    assert weight_style(16, 16, 9) == "logic"
    assert weight_style(1, 1, 512) == "logic"
    # 72 columns fill a RAMB36: 144 LUTs for 128 words, 216 for 144 words
    assert weight_style(4, 18, 128) == "logic"
    assert weight_style(4, 18, 144) == "block"
    # 128 columns do not fill two: 384 LUTs
    assert weight_style(4, 32, 144) == "logic"
    assert ram_style(8, 32) == "logic"
    assert ram_style(36, 512) == "block"


def test_more_hardware_costs_more():
    base = mvtu(576, 64, 8, 32, "logic")
    lut = stage_resources(base).lut
    assert stage_resources(replace(base, pe=16)).lut > lut
    assert stage_resources(replace(base, simd=64)).lut > lut
    assert stage_resources(replace(base, weight_memory="block")).lut < lut


@pytest.mark.parametrize(("name", "finn"), [("cnv", 23999), ("ncnv", 16466), ("ucnv", 7341)])
def test_table1_stays_below_the_estimates_of_finn(name, finn):
    graph = random_graph(NETWORKS[name])
    plan = make_plan(graph, load_board("pynq-z1"), "folding=table1", load_design(name))
    assert 0.1 * finn < plan.resources.lut < finn
    assert plan.resources.bram36 < 60


def test_loadable_weights_add_one_port_to_the_core():
    graph = random_graph(NETWORKS["ucnv"])
    board, design = load_board("pynq-z1"), load_design("ucnv")
    fixed = make_plan(graph, board, "folding=table1", design)
    loaded = make_plan(graph, board, "folding=table1", design, runtime_weights=True)
    stages = [sum(item.ff for item in plan.stage_resources.values()) for plan in (fixed, loaded)]
    assert fixed.resources.ff == stages[0]
    assert loaded.resources.ff == stages[1] + 160
