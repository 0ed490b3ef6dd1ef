"""FINN's estimates: against FINN's own reports of the same networks and foldings."""

from itertools import pairwise

import pytest

from bnn_hw.design import load_design
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.plan.finn_cost import (
    FinnFolding,
    MatrixUnit,
    PoolUnit,
    converter_lut,
    estimate,
    finn_nodes,
    from_folding,
)
from bnn_hw.plan.folding import read_folding
from bnn_hw.source import Source
from tests.networks import NETWORKS, random_graph

# finn-plus 1.6.1 on the shipped CNV at the folding of Table I, node by node: LUT, BRAM18, cycles.
CNV_REPORT = {
    "ConvolutionInputGenerator_rtl_0": (348, 0, 8167),
    "MVAU_hls_0": (3010, 3, 32400),
    "ConvolutionInputGenerator_rtl_1": (428, 0, 14238),
    "MVAU_hls_1": (7340, 29, 28224),
    "Pool_hls_0": (428, 0, 842),
    "ConvolutionInputGenerator_rtl_3": (364, 0, 2654),
    "MVAU_hls_2": (3820, 15, 20736),
    "ConvolutionInputGenerator_rtl_4": (396, 0, 3708),
    "MVAU_hls_3": (3837, 15, 28800),
    "Pool_hls_1": (428, 0, 122),
    "ConvolutionInputGenerator_rtl_6": (364, 0, 376),
    "MVAU_hls_4": (1184, 24, 20736),
    "ConvolutionInputGenerator_rtl_7": (364, 0, 144),
    "MVAU_hls_5": (522, 36, 18432),
    "MVAU_hls_6": (334, 8, 32768),
    "MVAU_hls_7": (361, 16, 32768),
    "MVAU_hls_8": (361, 1, 512),
}


def table1(design):
    chain = as_chain(Source(design).graph())
    nodes = finn_nodes(chain)
    return nodes, from_folding(nodes, read_folding(load_design(design).foldings["table1"].path, chain))


def test_every_node_is_estimated_as_by_finn():
    nodes, choice = table1("cnv")
    found = {
        n.name: (n.lut(choice[n.name]), n.bram18(choice[n.name]), n.cycles(choice[n.name])) for n in nodes
    }
    assert found == CNV_REPORT


@pytest.mark.parametrize(
    ("design", "cycles", "lut", "bram18"),
    [("cnv", 32768, 23889, 147), ("ncnv", 8167, 16338, 45), ("ucnv", 32400, 7217, 17)],
)
def test_whole_networks_are_estimated_as_by_finn(design, cycles, lut, bram18):
    nodes, choice = table1(design)
    found = estimate(nodes, choice)
    assert (found.cycles, found.lut, found.bram18) == (cycles, lut, bram18)


def test_converters():
    assert converter_lut(16, 32) == 33
    assert converter_lut(32, 16) == 17
    # up to the least common multiple of 72, then down
    assert converter_lut(8, 36) == 72 + 3 + 36 + 1
    nodes, choice = table1("ncnv")
    found = estimate(nodes, choice)
    assert found.total_lut == found.lut + found.converter_lut > found.lut
    widths = [node.widths(choice[node.name]) for node in nodes]
    assert found.converters == sum(a[1] != b[0] for a, b in pairwise(widths))


def test_memory_and_parallel_windows():
    nodes = finn_nodes(as_chain(random_graph(NETWORKS["ncnv"])))
    unit = next(node for node in nodes if isinstance(node, MatrixUnit) and node.layer.mw == 144)
    block, logic = FinnFolding(4, 36), FinnFolding(4, 36, "logic")
    # 4 * 36 bits of 16 words: four RAMB18 of 36 bits, or 144 LUTs
    assert (unit.bram18(block), unit.bram18(logic)) == (4, 0)
    assert unit.lut(logic) - unit.lut(block) == 144
    pool = next(node for node in nodes if isinstance(node, PoolUnit))
    assert pool.cycles(FinnFolding(16, 1)) < pool.cycles(FinnFolding(1, 1))
    window = nodes[0]
    assert window.cycles(FinnFolding(1, 3, parallel=True)) == 32 * 32 + 2
    assert window.widths(FinnFolding(1, 3, parallel=True)) == (24, 216)
