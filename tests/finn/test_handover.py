"""From finn.json to the manifest: what our driver can drive, and what it cannot."""

import copy

import pytest

from bnn_hw.errors import ConfigError, TimingError, ToolError
from bnn_hw.finn import handover
from tests.packages import small_graph

SHAPES = {  # as finn-plus 1.6.1 writes them
    "idt": ["DataType['UINT8']"],
    "idma_names": ["idma0"],
    "ishape_normal": [[1, 8, 8, 3]],
    "ishape_folded": [[1, 8, 8, 1, 3]],
    "ishape_packed": [[1, 8, 8, 1, 3]],
    "odt": ["DataType['UINT2']"],
    "odma_names": ["odma0"],
    "oshape_normal": [[1, 1]],
    "oshape_folded": [[1, 1, 1]],
    "oshape_packed": [[1, 1, 1]],
    "num_inputs": 1,
    "num_outputs": 1,
    "number_of_external_weights": 0,
}
RECORD = {
    "network": "small",
    "product": "bitfile",
    "clock_hz": 100_000_000,
    "versions": {"finn-plus": "1.6.1"},
    "implementation": {"worst_slack_ns": 0.417},
    "driver": {"platform": "zynq-iodma", "runtime_weights": False, "io_shape_dict": SHAPES},
    "estimate": {"interval_cycles": 500, "latency_cycles": 900, "fps": 200_000.0},
    "nodes": [
        {"node": "ConvolutionInputGenerator_rtl_0", "layer": None, "cycles": 400},
        {"node": "MVAU_hls_0", "layer": "conv1", "PE": 2, "SIMD": 3, "cycles": 500},
    ],
}


def test_the_manifest_says_what_the_driver_needs_of_finns_shell():
    found = handover.backend_record(RECORD, small_graph())
    assert (found.kind, found.settings) == (
        "finn",
        {
            "windows": ["idma0", "odma0"],
            "reference_hz": 100_000_000,
            "frame_bytes": 192,
            "result_bytes": 1,
            "result_bits": 2,
        },
    )
    plan = handover.plan_record(RECORD, "folding=table1")
    assert (plan.interval_cycles, plan.latency_cycles, plan.fps) == (500, 900, 200_000)
    assert plan.layers == ({"name": "conv1", "pe": 2, "simd": 3, "cycles": 500},)


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("idt", ["DataType['INT8']"], r"input type: 'INT8', where our driver needs 'UINT8'"),
        ("ishape_normal", [[1, 3, 8, 8]], r"input shape: \[3, 8, 8\], where our driver needs \[8, 8, 3\]"),
        ("ishape_packed", [[1, 8, 8, 1, 4]], r"bytes of a picture: 256, where our driver needs 192"),
        ("num_outputs", 2, r"outputs: 2, where our driver needs 1"),
        ("oshape_normal", [[1, 3]], r"answers a picture: 3, where our driver needs 1"),
        ("odt", ["DataType['INT9']"], r"output type: is INT9, no class number"),
        ("number_of_external_weights", "1", r"external weights: 1, where our driver needs 0"),
    ],
)
def test_what_our_driver_does_not_drive_is_refused(field, value, fault):
    record = copy.deepcopy(RECORD)
    record["driver"]["io_shape_dict"][field] = value
    with pytest.raises(ToolError, match=fault):
        handover.backend_record(record, small_graph())


def test_a_build_without_a_bit_file_makes_no_package():
    handover.require_bitfile(RECORD)
    assert handover.bit_state(RECORD).endswith("by FINN (finn-plus 1.6.1); worst slack +0.417 ns.")
    with pytest.raises(ConfigError, match=r"went as far as code; .*\n.*--finn-to bitfile"):
        handover.require_bitfile({**RECORD, "product": "code"})


def test_a_bit_file_that_misses_its_clock_makes_no_package():
    missed = {**RECORD, "implementation": {"worst_slack_ns": -1.25}}
    with pytest.raises(TimingError, match=r"takes 1\.250 ns more than the 10 of a cycle\n.*--clock-mhz 88"):
        handover.require_bitfile(missed)
