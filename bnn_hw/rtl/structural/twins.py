"""The library modules that have a structural form: their heads, and the module that picks a form.

Parameters that stand in braces are those a form is made for; a head's defaults are the
first form's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bnn_hw.rtl.structural.verilog import Module

Parameters = Mapping[str, int | str]


@dataclass(frozen=True)
class Twin:
    """Head of a library module that has a structural form: its parameters with defaults, its ports."""

    name: str
    purpose: str
    parameters: tuple[str, ...]
    ports: tuple[str, ...]


_CLOCK = ("input  logic clk", "input  logic enable")

MATCH_ROWS = Twin(
    "bnn_match_rows",
    "Number of equal lanes of inputs and weights as two rows, built from primitives.",
    (
        "int LANES = {LANES}",
        "bit CHAINS = {CHAINS}",
        "int CUTS = {CUTS}",
        "int ROW_BITS = $clog2(LANES + 1)",
    ),
    (
        *_CLOCK,
        "input  logic [LANES-1:0] inputs",
        "input  logic [LANES-1:0] weights",
        "output logic [ROW_BITS-1:0] row0",
        "output logic [ROW_BITS-1:0] row1",
    ),
)
COMPRESS_ROWS = Twin(
    "bnn_compress_rows",
    "Two rows of the same sum as many numbers, built from primitives.",
    (
        "int NUMBERS = {NUMBERS}",
        "int BITS = {BITS}",
        "int SUM_BITS = {SUM_BITS}",
        "bit CHAINS = {CHAINS}",
        "int CUTS = {CUTS}",
    ),
    (
        *_CLOCK,
        "input  logic [NUMBERS*BITS-1:0] numbers",
        "output logic [SUM_BITS-1:0] row0",
        "output logic [SUM_BITS-1:0] row1",
    ),
)
MATCH_COUNT = Twin(
    "bnn_match_count",
    "Number of equal lanes of inputs and weights, built from primitives.",
    ("int LANES = {LANES}", "int CUTS = {CUTS}", "int COUNT_BITS = $clog2(LANES + 1)"),
    (
        *_CLOCK,
        "input  logic [LANES-1:0] inputs",
        "input  logic [LANES-1:0] weights",
        "output logic [COUNT_BITS-1:0] count",
    ),
)
ONE_ROWS = Twin(
    "bnn_one_rows",
    "Number of ones as two rows, built from primitives.",
    ("int LANES = {LANES}", "int CUTS = {CUTS}", "int ROW_BITS = $clog2(LANES + 1)"),
    (
        *_CLOCK,
        "input  logic [LANES-1:0] inputs",
        "output logic [ROW_BITS-1:0] row0",
        "output logic [ROW_BITS-1:0] row1",
    ),
)
ONE_COUNT = Twin(
    "bnn_one_count",
    "Number of ones, built from primitives.",
    ("int LANES = {LANES}", "int CUTS = {CUTS}", "int COUNT_BITS = $clog2(LANES + 1)"),
    (*_CLOCK, "input  logic [LANES-1:0] inputs", "output logic [COUNT_BITS-1:0] count"),
)
SUM_ROWS = Twin(
    "bnn_sum_rows",
    "Sum of unsigned numbers, built from primitives.",
    ("int NUMBERS = {NUMBERS}", "int BITS = {BITS}", "int SUM_BITS = {SUM_BITS}", "int CUTS = {CUTS}"),
    (*_CLOCK, "input  logic [NUMBERS*BITS-1:0] numbers", "output logic [SUM_BITS-1:0] sum"),
)
SUBSET_COUNTS = Twin(
    "bnn_subset_counts",
    "Ones among the inputs of weight 1, for each PE and for all inputs, built from primitives.",
    ("int SIMD = {SIMD}", "int PE = {PE}", "FILE = {FILE}", "int COUNT_BITS = $clog2(SIMD + 1)"),
    (
        "input  logic [SIMD-1:0] inputs",
        "input  logic [PE*SIMD-1:0] weights",
        "output logic [(PE+1)*COUNT_BITS-1:0] even",
        "output logic [(PE+1)*COUNT_BITS-1:0] odd",
    ),
)
CONSTANT_LAYER = Twin(
    "bnn_constant_layer",
    "Neurons whose weights and thresholds never change, built from primitives.",
    (
        "int IN_BITS = {IN_BITS}",
        "bit IN_SIGNED = {IN_SIGNED}",
        "bit BIPOLAR = {BIPOLAR}",
        "int MW = {MW}",
        "int MH = {MH}",
        "int ACC_BITS = {ACC_BITS}",
        "int GROUP = {GROUP}",
        "FILE = {FILE}",
        "int PIXELS = {PIXELS}",
        "int ROWS = {ROWS}",
        "int STEP = {STEP}",
        "int SEEN = MW + ROWS * (PIXELS - 1) * STEP",
    ),
    (
        "input  logic clk",
        "input  logic enable",
        "input  logic [SEEN*IN_BITS-1:0] inputs",
        "input  logic [MH*MW-1:0] weights",
        "input  logic [MH*ACC_BITS-1:0] thresholds",
        "output logic [PIXELS*MH-1:0] fired",
    ),
)
SEQUENCE_DOT = Twin(
    "bnn_sequence_dot",
    "Matches of inputs with weights of few words, as two registered rows, built from primitives.",
    (
        "int SIMD = {SIMD}",
        "int PE = {PE}",
        "int GROUP = {GROUP}",
        "FILE = {FILE}",
        "int CUTS = {CUTS}",
        "int JOIN_CUTS = {JOIN_CUTS}",
        "int ROW_BITS = $clog2(SIMD + 1)",
    ),
    (
        "input  logic clk",
        "input  logic enable",
        "input  logic [SIMD-1:0] inputs",
        "input  logic [PE*SIMD-1:0] weights",
        "output logic [PE*ROW_BITS-1:0] row0",
        "output logic [PE*ROW_BITS-1:0] row1",
    ),
)
TRIPLE_SUMS = Twin(
    "bnn_triple_sums",
    "The sums of three values with binary weights, built from primitives.",
    (
        "int COUNT = {COUNT}",
        "int BITS = {BITS}",
        "bit IS_SIGNED = {IS_SIGNED}",
        "int TRIPLES = (COUNT + 2) / 3",
        "int SUM_BITS = BITS + 2 + (IS_SIGNED ? 0 : 1)",
    ),
    (
        "input  logic [COUNT*BITS-1:0] values",
        "output logic [TRIPLES*4*SUM_BITS-1:0] sums",
    ),
)
ACCUMULATE = Twin(
    "bnn_accumulate",
    "(row0 ^ invert) + row1 + (value | ~threshold) + first, built from primitives.",
    (
        "int ROW0_BITS = {ROW0_BITS}",
        "bit SIGNED = {SIGNED}",
        "bit INVERT = {INVERT}",
        "int ROW1_BITS = {ROW1_BITS}",
        "int SUM_BITS = {SUM_BITS}",
    ),
    (
        "input  logic [ROW0_BITS-1:0] row0",
        "input  logic invert",
        "input  logic [ROW1_BITS-1:0] row1",
        "input  logic [SUM_BITS-1:0] value",
        "input  logic [SUM_BITS-1:0] threshold",
        "input  logic first",
        "output logic [SUM_BITS-1:0] sum",
    ),
)


def dispatcher(twin: Twin, own: list[tuple[Module, Parameters]]) -> str:
    defaults = own[0][1]
    parameters = ",\n".join(f"  parameter {text.format(**defaults)}" for text in twin.parameters)
    ports = [port.split()[-1] for port in twin.ports if port.startswith("input")]
    branches = []
    texts = any(isinstance(value, str) for value in defaults.values())
    quiet = ["// Names of files have different lengths.", "/* verilator lint_off WIDTHEXPAND */"]
    for module, values in own:
        connected = module.connections
        condition = " && ".join(f"{name} == {value}" for name, value in values.items())
        lines = [
            f"if ({condition}) begin : g_{module.name.removeprefix(twin.name + '_')}",
            f"    {module.name} u_form ({', '.join(f'.{name}' for name in connected)});",
        ]
        for name in (name for name in ports if name not in connected):
            lines += [f"    logic unused_{name};", f"    assign unused_{name} = ^{name};"]
        branches.append("\n".join(lines))
    return "\n".join(
        [
            f"// {twin.purpose}",
            "// Made by bnn-hw for the sizes of one core; changes are lost.",
            f"module {twin.name} #(\n{parameters}\n) (",
            ",\n".join(f"  {port}" for port in twin.ports),
            ");",
            *(quiet if texts else []),
            "  " + "\n  end else ".join(branches),
            "  end else begin : g_missing",
            f'    $error("{twin.name} was not made for these parameters");',
            "  end",
            "endmodule\n",
        ]
    )
