"""The written modules: simulated inside the MVTU, and proven equal to their behavioural twins by Yosys."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bnn_hw.ir.types import DataType
from bnn_hw.pipeline.stages import Mvtu, Stream
from bnn_hw.rtl.emit import LIBRARY
from bnn_hw.rtl.structural.accumulate import Adder
from bnn_hw.rtl.structural.library import PRIMITIVES, structural_sources
from bnn_hw.rtl.structural.needs import Contents, Fixed, Needs, Weights, needs_of
from bnn_hw.rtl.structural.sums import Sums
from tests.rtl.lib.bench import MODES, Bench, Dut, check
from tests.rtl.lib.test_mvtu import Layer, mvtu

LAYERS = [
    Layer(144, 16, 4, 16),
    Layer(12, 5, 2, 1),
    Layer(100, 7, 7, 100),  # constant weights, two cycles
    Layer(20, 5, 5, 20),  # constant weights, one cycle
    Layer(100, 7, 7, 100, fixed=True),
    Layer(20, 5, 5, 20, fixed=True),
    Layer(27, 16, 16, 27, bits=8, bipolar=False, fixed=True),
    Layer(8, 3, 3, 8, bits=3, bipolar=False, signed=True, fixed=True),
    Layer(27, 15, 15, 27, bits=8, bipolar=False, fixed=True, accumulate="dsp"),
    Layer(27, 5, 5, 27, bits=8, bipolar=False, fixed=True, accumulate="dsp", pixels=2, rows=3, step=3),
    Layer(12, 4, 4, 12, bits=4, bipolar=False, signed=True, fixed=True, accumulate="dsp"),
    Layer(1, 1, 1, 1, fixed=True),
    Layer(15, 4, 4, 15, threshold=False),
    Layer(90, 6, 3, 90),  # two words that weights go through, two cycles
    Layer(24, 9, 3, 8),  # more words than lanes share
    Layer(40, 10, 2, 20),  # ten words
    Layer(36, 11, 3, 36),  # an idle PE in the last fold
    Layer(132, 9, 4, 66, style="block"),
    Layer(60, 4, 1, 4, threshold=False),
    Layer(27, 16, 5, 3, bits=8, bipolar=False),
    Layer(27, 6, 6, 27, bits=8, bipolar=False),
    Layer(10, 5, 1, 1, bits=2, bipolar=False, signed=True),
    Layer(12, 3, 2, 4, bits=8, bipolar=False, threshold=False),
    Layer(144, 16, 4, 16, accumulate="dsp"),
    Layer(144, 16, 4, 16, match="dsp"),
    Layer(132, 9, 4, 66, match="dsp", accumulate="dsp"),
    Layer(144, 16, 4, 36, match="dsp", accumulate="dsp", cuts=(2, 0)),
    Layer(144, 16, 4, 16, cuts=(2, 0), accumulate="dsp"),
    Layer(96, 7, 3, 32, cuts=(2, 0)),
    Layer(96, 7, 3, 32, chains=False),
    Layer(132, 9, 1, 66, chains=False, cuts=(1, 1)),
    Layer(132, 9, 1, 66, style="block", cuts=(1, 2)),
    Layer(132, 9, 4, 66, cuts=(2, 3), accumulate="dsp"),
    Layer(132, 9, 5, 66, accumulate="dsp"),
    Layer(60, 4, 3, 4, threshold=False, accumulate="dsp"),
]
DUTS = [mvtu(layer) for layer in LAYERS]


def stage(layer: Layer, dut: Dut) -> Mvtu:
    """The pipeline's record of a unit under test."""
    if layer.bipolar:
        dtype = DataType.parse("Bipolar")
    else:
        dtype = DataType.parse(f"{'Int' if layer.signed else 'UInt'}{layer.bits}")
    out = DataType.parse("Bipolar" if layer.threshold else f"Int{dut.parameters.get('OUT_BITS')}")
    accumulator = DataType.parse(f"{'UInt' if layer.bipolar else 'Int'}{dut.parameters['ACC_BITS']}")
    return Mvtu(
        name=layer.label,
        layer="",
        value=None,
        input=Stream(dtype, 1, 1, layer.mw, layer.simd, layer.pixels),
        output=Stream(out, 1, 1, layer.mh, layer.pe, layer.pixels),
        mac="",
        threshold="" if layer.threshold else None,
        mw=layer.mw,
        mh=layer.mh,
        pe=layer.pe,
        simd=layer.simd,
        accumulator=accumulator,
        accumulate=layer.accumulate,
        cuts=layer.cuts,
        match=layer.match,
        chains=layer.chains,
        rows=layer.rows,
        step=layer.step,
        # A unit that is not folded becomes a bnn_constant_mvtu, except where it is asked for the other one.
        weight_memory=layer.style if layer.fixed or layer.mh > layer.pe or layer.mw > layer.simd else "other",
    )


def contents_of(dut: Dut) -> Contents:
    """The memories of a unit, from their images."""
    files = [str(dut.parameters[name]) for name in ("WEIGHT_FILE", "THRESHOLD_FILE")]
    weights, thresholds = (tuple(int(line, 16) for line in dut.files[file].split()) for file in files)
    return Contents(files[0], weights, thresholds)


def primitives() -> dict[str, str]:
    """The simulation models, a file a module, as Verilator looks for them."""
    modules = re.findall(r"^module (\w+).*?^endmodule", PRIMITIVES.read_text(), re.MULTILINE | re.DOTALL)
    texts = re.findall(r"^module .*?^endmodule\n", PRIMITIVES.read_text(), re.MULTILINE | re.DOTALL)
    return {f"{name}.sv": text for name, text in zip(modules, texts, strict=True)}


@pytest.fixture(scope="module", params=[False, True], ids=["lut_pairs", "lut6_2"])
def bench(request: pytest.FixtureRequest) -> Bench:
    stages = [stage(layer, dut) for layer, dut in zip(LAYERS, DUTS, strict=True)]
    needs = needs_of(stages, {unit.name: contents_of(dut) for unit, dut in zip(stages, DUTS, strict=True)})
    files = structural_sources(needs, dual_cells=request.param) | primitives()
    return Bench([Dut(**{**vars(dut), "files": {**dut.files, **files}}) for dut in DUTS])


@pytest.mark.parametrize("mode", [MODES[0], MODES[-1]], ids=lambda mode: mode.name)
def test_mvtu_of_primitives(bench: Bench, mode) -> None:
    results = bench.run(mode)
    for dut in DUTS:
        check(dut, results[dut.name])


def test_every_primitive_is_instantiated_somewhere() -> None:
    needs = Needs(((1, 0), (3, 0), (16, 0), (64, 0)), ((4, 6, 7, 0),), (Adder(5, False, False, 5, 9),))
    text = "".join("".join(structural_sources(needs, dual).values()) for dual in (False, True))
    used = set(re.findall(r"^  ([A-Z]\w+) ", text, re.MULTILINE))
    assert used <= {name.removesuffix(".sv") for name in primitives()}
    assert {"LUT2", "LUT3", "LUT4", "LUT5", "LUT6", "LUT6_2", "CARRY4"} <= used


def test_headers_state_sites_and_the_pairs_form_has_no_dual_cell() -> None:
    files = structural_sources(Needs(((16, 0),), (), ()), dual_cells=False)
    assert list(files) == ["bnn_match_rows_16.sv", "bnn_match_rows.sv"]
    assert "// 11 LUT sites, 1 CARRY4" in files["bnn_match_rows_16.sv"]
    assert "LUT6_2" not in files["bnn_match_rows_16.sv"]


# Equivalence by SAT: for each, the gold and gate instances and the property that must hold.
ADDERS = (Adder(3, False, False, 3, 6), Adder(5, True, True, 1, 8), Adder(4, True, False, 2, 7))
WEIGHTS = Weights("weights.hex", 9, 3, (0b101100111_000000000_011111010,))
SEQUENCES = Weights("sequences.hex", 7, 2, (0b1011001_0110110, 0b0011101_1110010, 0b1001001_0100111))
FIXED = (
    Fixed("bits.hex", 1, False, True, 9, 5, 4, 0b101100111_000111000_011111010_110100110_001011001, 0x50A46),
    Fixed("numbers.hex", 3, False, False, 5, 3, 7, 0b10110_00111_01101, 0b0000011_1111010_0001001),
    Fixed("two_bits.hex", 1, False, True, 6, 3, 3, 0b101100_110011_011010, 0b011_100_101, 2, 2, 1),
    Fixed("two_numbers.hex", 2, True, False, 6, 2, 5, 0b110100_101011, 0b11110_00010, 2, 2, 3),
)
NEEDS = Needs(
    ((2, 0), (5, 0), (8, 0), (12, 0)),
    ((4, 2, 4, 0),),
    ADDERS,
    (WEIGHTS,),
    (Sums(5, 3, False), Sums(3, 2, True)),
    (SEQUENCES, replace(SEQUENCES, file="cut.hex", cuts=(1, 0))),
    FIXED,
    counts=((5, 0), (12, 0)),
    totals=((4, 2, 4, 0),),
    one_rows=((9, 0),),
    one_counts=((9, 0),),
    free_lanes=((5, 0), (12, 0)),
    free_joins=((4, 2, 4, 0),),
)


def _match_check(lanes: int, form: str = "") -> str:
    width = lanes.bit_length()
    return f"""
module check(input [{lanes - 1}:0] i, w, output ok);
  wire [{width - 1}:0] a, b, c, d;
  bnn_match_rows #(.LANES({lanes})) gold (.inputs(i), .weights(w), .row0(a), .row1(b));
  bnn_match_rows_{lanes}{form} gate (.inputs(i), .weights(w), .row0(c), .row1(d));
  assign ok = {{2'b0, a}} + b == {{2'b0, c}} + d;
endmodule
"""


def _adder_check(adder: Adder) -> str:
    kind = ("i" if adder.negate else "s") if adder.signed else "u"
    name = f"bnn_accumulate_{kind}{adder.row0_bits}_{adder.row1_bits}_{adder.sum_bits}"
    invert = ".invert(n), " if adder.negate else ""
    return f"""
module check(input [{adder.row0_bits - 1}:0] r, input [{adder.row1_bits - 1}:0] q, input n, f,
             input [{adder.sum_bits - 1}:0] v, t, output ok);
  wire [{adder.sum_bits - 1}:0] a, b;
  bnn_accumulate #(.ROW0_BITS({adder.row0_bits}), .SIGNED({int(adder.signed)}), .INVERT({int(adder.negate)}),
    .ROW1_BITS({adder.row1_bits}), .SUM_BITS({adder.sum_bits})) gold (
    .row0(r), .invert(n), .row1(q), .value(v), .threshold(t), .first(f), .sum(a));
  {name} gate (.row0(r), {invert}.row1(q), .value(v), .threshold(t), .first(f), .sum(b));
  assign ok = a == b;
endmodule
"""


_JOIN_CHECK = """
module check(input [7:0] n, output ok);
  wire [3:0] a, b, c, d;
  bnn_compress_rows #(.NUMBERS(4), .BITS(2), .SUM_BITS(4)) gold (.numbers(n), .row0(a), .row1(b));
  bnn_compress_rows_4_2_4 gate (.numbers(n), .row0(c), .row1(d));
  assign ok = {2'b0, a} + b == {2'b0, c} + d;
endmodule
"""
_TOTAL_CHECK = """
module check(input [7:0] n, output ok);
  wire [3:0] a, b;
  bnn_sum_rows #(.NUMBERS(4), .BITS(2), .SUM_BITS(4)) gold (.numbers(n), .sum(a));
  bnn_sum_rows_4_2_4 gate (.numbers(n), .sum(b));
  assign ok = a == b;
endmodule
"""


def _one_number_check(lanes: int) -> str:
    return f"""
module check(input [{lanes - 1}:0] i, w, output ok);
  wire [{lanes.bit_length() - 1}:0] a, b;
  bnn_match_count #(.LANES({lanes})) gold (.inputs(i), .weights(w), .count(a));
  bnn_match_count_{lanes} gate (.inputs(i), .weights(w), .count(b));
  assign ok = a == b;
endmodule
"""


_ONES_CHECK = """
module check(input [8:0] i, output ok);
  wire [3:0] a, b, c, d, e, f;
  bnn_one_rows #(.LANES(9)) gold (.inputs(i), .row0(a), .row1(b));
  bnn_one_rows_9 gate (.inputs(i), .row0(c), .row1(d));
  bnn_one_count #(.LANES(9)) gold_count (.inputs(i), .count(e));
  bnn_one_count_9 gate_count (.inputs(i), .count(f));
  assign ok = {2'b0, a} + b == {2'b0, c} + d && e == f;
endmodule
"""
_COUNT_CHECK = f"""
module check(input [8:0] i, output ok);
  wire [15:0] a, b, c, d;
  wire [3:0] equal;
  bnn_subset_counts #(.SIMD(9), .PE(3), .FILE("weights.hex")) gold (
    .inputs(i), .weights(27'd{WEIGHTS.words[0]}), .even(a), .odd(b));
  bnn_subset_counts_0 gate (.inputs(i), .even(c), .odd(d));
  genvar p;
  generate for (p = 0; p < 4; p = p + 1) begin : subset
    assign equal[p] = {{2'b0, a[4*p +: 4]}} + b[4*p +: 4] == {{2'b0, c[4*p +: 4]}} + d[4*p +: 4];
  end endgenerate
  assign ok = &equal;
endmodule
"""


def _sums_check(sums: Sums) -> str:
    width = -(-sums.count // 3) * 4 * sums.sum_bits
    return f"""
module check(input [{sums.count * sums.bits - 1}:0] v, output ok);
  wire [{width - 1}:0] a, b;
  bnn_triple_sums #(.COUNT({sums.count}), .BITS({sums.bits}), .IS_SIGNED({int(sums.signed)})) gold (
    .values(v), .sums(a));
  bnn_triple_sums_{"s" if sums.signed else "u"}{sums.bits}_{sums.count} gate (.values(v), .sums(b));
  assign ok = a == b;
endmodule
"""


def _sequence_check(index: int, layer: Weights) -> str:
    return f"""
module check(input clk, input [6:0] i, input [1:0] k, output ok);
  wire [13:0] w = k == 0 ? 14'd{layer.words[0]} : k == 1 ? 14'd{layer.words[1]}
    : 14'd{layer.words[2]};
  wire [5:0] a, b, c, d;
  bnn_sequence_dot #(.SIMD(7), .PE(2), .FILE("{layer.file}"), .CUTS({layer.cuts[0]})) gold (
    .clk(clk), .enable(1'b1), .inputs(i), .weights(w), .row0(a), .row1(b));
  bnn_sequence_dot_{index} gate (.clk(clk), .enable(1'b1), .inputs(i), .weights(w), .row0(c), .row1(d));
  assign ok = {{1'b0, a[2:0]}} + b[2:0] == {{1'b0, c[2:0]}} + d[2:0]
    && {{1'b0, a[5:3]}} + b[5:3] == {{1'b0, c[5:3]}} + d[5:3];
endmodule
"""


def _fixed_check(index: int, fixed: Fixed) -> str:
    kind = f".IN_BITS({fixed.in_bits}), .IN_SIGNED({int(fixed.is_signed)}), .BIPOLAR({int(fixed.bipolar)})"
    sizes = f".MW({fixed.mw}), .MH({fixed.mh}), .ACC_BITS({fixed.acc_bits}), .GROUP({fixed.group})"
    beat = f".PIXELS({fixed.pixels}), .ROWS({fixed.rows}), .STEP({fixed.step})"
    seen = fixed.mw + fixed.rows * (fixed.pixels - 1) * fixed.step
    return f"""
module check(input clk, input [{seen * fixed.in_bits - 1}:0] i, output ok);
  wire [{fixed.pixels * fixed.mh - 1}:0] a, b;
  bnn_constant_layer #({kind}, {sizes}, .FILE("{fixed.file}"), {beat}) gold (
    .clk(clk), .enable(1'b1), .inputs(i), .weights({fixed.mh * fixed.mw}'d{fixed.weights}),
    .thresholds({fixed.mh * fixed.acc_bits}'d{fixed.thresholds}), .fired(a));
  bnn_constant_layer_{index} gate (.clk(clk), .enable(1'b1), .inputs(i), .fired(b));
  assign ok = a == b;
endmodule
"""


CLOCKED = [
    *(_sequence_check(index, layer) for index, layer in enumerate(NEEDS.sequences)),
    *(_fixed_check(index, fixed) for index, fixed in enumerate(FIXED)),
]
CHECKS = [
    *(_match_check(lanes) for lanes, _ in NEEDS.lanes),
    *(_match_check(lanes, "_free") for lanes, _ in NEEDS.free_lanes),
    _JOIN_CHECK.replace("bnn_compress_rows_4_2_4", "bnn_compress_rows_4_2_4_free"),
    *map(_adder_check, ADDERS),
    *map(_sums_check, NEEDS.sums),
    *(_one_number_check(lanes) for lanes, _ in NEEDS.counts),
    _TOTAL_CHECK,
    _ONES_CHECK,
    _JOIN_CHECK,
    _COUNT_CHECK,
]


def prove(texts: list[str], folder: Path, dual_cells: bool) -> subprocess.CompletedProcess[str]:
    """Prove ``ok`` of each check module with Yosys' own models of the primitives; ends at a failure."""
    if importlib.util.find_spec("pyosys") is None:
        pytest.skip("Yosys is missing: pip install pyosys")
    leaves = {
        name: text
        for name, text in structural_sources(NEEDS, dual_cells).items()
        if not (LIBRARY / name).exists()
    }
    twins = (
        *("bnn_delay", "bnn_one_rows", "bnn_one_count", "bnn_match_count", "bnn_sum_rows"),
        "bnn_match_rows",
        "bnn_compress_rows",
        "bnn_subset_counts",
        "bnn_triple_sums",
        "bnn_accumulate",
        "bnn_match_dot",
        "bnn_signed_dot",
        "bnn_sequence_dot",
        "bnn_constant_layer",
    )
    commands = []
    for index, text in enumerate(texts):
        (folder / f"check{index}.v").write_text(text)
        (folder / "gate.sv").write_text("".join(leaves.values()))
        commands += ["design -reset", "read_verilog -sv gate.sv", "read_verilog +/xilinx/cells_sim.v"]
        commands += [f"read_verilog -sv -defer -I{LIBRARY} {LIBRARY}/{twin}.sv" for twin in twins]
        commands += [f"read_verilog check{index}.v", "hierarchy -check -top check", "proc", "flatten", "opt"]
        # Pipelines start with anything in them; they are compared when that has left.
        steps = "-seq 5 -prove-skip 4 " if "input clk" in text else ""
        commands += [f"sat {steps}-prove ok 1 -verify -set-def-inputs -show-inputs check"]
    lines = ["from pyosys import libyosys", "design = libyosys.Design()"]
    lines += [f"libyosys.run_pass({command!r}, design)" for command in commands]
    script = "\n".join([*lines, "print('ALL PROVEN')"])
    return subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("dual_cells", [False, True], ids=["lut_pairs", "lut6_2"])
def test_structural_forms_equal_their_behavioural_twins(tmp_path: Path, dual_cells: bool) -> None:
    done = prove(CHECKS + CLOCKED, tmp_path, dual_cells)
    assert "ALL PROVEN" in done.stdout, done.stdout[-3000:] + done.stderr[-1000:]
    assert done.stdout.count("SAT proof finished - no model found: SUCCESS!") == len(CHECKS + CLOCKED)


WRONG = [
    _match_check(5).replace(".weights(w), .row0(c)", ".weights(w ^ 5'd16), .row0(c)"),
    _fixed_check(0, FIXED[0]).replace(
        "gate (.clk(clk), .enable(1'b1), .inputs(i)", "gate (.clk(clk), .enable(1'b1), .inputs(i ^ 9'd4)"
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=["rows", "pipeline"])
def test_the_proof_finds_a_difference(tmp_path: Path, wrong: str) -> None:
    done = prove([wrong], tmp_path, False)
    assert "ALL PROVEN" not in done.stdout
    assert "proof did fail" in done.stdout + done.stderr
