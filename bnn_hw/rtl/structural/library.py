"""The structural forms of the library's arithmetic modules for what a plan needs.

Each has the name, the parameters and the ports of its behavioural twin in the
library: a module that picks, by its parameters, one of the generated modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from bnn_hw.pipeline.arithmetic import DSP
from bnn_hw.pipeline.latency import DOT_GROUP_BIPOLAR
from bnn_hw.pipeline.stages import Mvtu, Stage
from bnn_hw.rtl.structural.accumulate import Adder, accumulate
from bnn_hw.rtl.structural.matches import (
    best_count,
    best_shape,
    compress_rows,
    match_count,
    match_rows,
    one_count,
    one_rows,
    subset_counts,
    sum_rows,
)
from bnn_hw.rtl.structural.netlist import Netlist, Signal
from bnn_hw.rtl.structural.sums import Sums, triple_sums
from bnn_hw.rtl.structural.verilog import Module, module_text

PRIMITIVES = Path(__file__).parent / "simulation" / "bnn_primitives.sv"
"""Models of the primitives, for simulation only."""

_DSP_MODULES = Path(__file__).parent / "modules"
DSP_ADDERS = _DSP_MODULES / "bnn_accumulate_four.sv"
DSP_XNOR = _DSP_MODULES / "bnn_xnor_48.sv"

Counter = tuple[int, int]
Join = tuple[int, int, int, int]
Parameters = Mapping[str, int | str]
Outputs = Mapping[str, Sequence[Signal]]


@dataclass(frozen=True)
class Constant:
    """A binary layer whose weights are one word: name of its image, inputs, PEs, and the word."""

    file: str
    simd: int
    pe: int
    word: int


@dataclass(frozen=True)
class Needs:
    """What a plan needs.

    lanes: (lanes, cuts) of match counters; joins: (numbers, bits, sum bits, cuts); adders: of accumulators;
    constants: layers of constant weights; sums: of integer inputs. For accumulators in
    DSP slices, counts: (lanes, cuts); totals as joins. one_rows, one_counts: of matches found in DSP
    slices. dsp: modules of a slice. cuts: registers on a path.
    """

    lanes: tuple[Counter, ...]
    joins: tuple[Join, ...]
    adders: tuple[Adder, ...]
    constants: tuple[Constant, ...] = ()
    sums: tuple[Sums, ...] = ()
    counts: tuple[Counter, ...] = ()
    totals: tuple[Join, ...] = ()
    dsp: tuple[str, ...] = ()
    one_rows: tuple[Counter, ...] = ()
    one_counts: tuple[Counter, ...] = ()


def _groups(simd: int) -> tuple[int, int]:
    """Groups of a binary dot product and their lanes, as bnn_match_dot divides them."""
    groups = -(-simd // DOT_GROUP_BIPOLAR)
    return groups, -(-simd // groups)


def _adder(unit: Mvtu) -> Adder:
    bipolar = unit.input.dtype.is_bipolar
    if unit.threshold is not None:
        sum_bits = unit.accumulator.bits + 1
    else:
        sum_bits = unit.output.dtype.bits - (1 if bipolar else 0)
    if bipolar:
        bits = unit.simd.bit_length()
        if is_constant(unit):
            bits = min(bits + 1, sum_bits)
        return Adder(bits, False, False, bits, sum_bits)
    triples = -(-unit.simd // 3)
    term_bits = unit.input.dtype.bits + 2 + (0 if unit.input.dtype.is_signed else 1)
    row0_bits = min(term_bits + (triples - 1).bit_length(), sum_bits)
    return Adder(row0_bits, True, triples == 1, triples.bit_length(), sum_bits)


def is_constant(unit: Mvtu) -> bool:
    """Tell whether bnn_mvtu takes bnn_constant_dot for this unit."""
    words = unit.neuron_fold * unit.synapse_fold
    fixed = not unit.runtime and DSP not in (unit.accumulate, unit.match)
    return unit.input.dtype.is_bipolar and words == 1 and unit.pe >= 2 and fixed


def needs_of(stages: Iterable[Stage], constants: Mapping[str, Constant]) -> Needs:
    """Collect what the matrix units of ``stages`` need; ``constants``: by stage name, where is_constant."""
    found: dict[str, set] = {field.name: set() for field in fields(Needs)}
    for unit in stages:
        if not isinstance(unit, Mvtu):
            continue
        if unit.accumulate != DSP:
            found["adders"].add(_adder(unit))
        if not unit.input.dtype.is_bipolar:
            found["sums"].add(Sums(unit.simd, unit.input.dtype.bits, unit.input.dtype.is_signed))
        elif not is_constant(unit):
            for name, needed in _dot_needs(unit).items():
                found[name] |= needed
    ordered = {name: tuple(sorted(kinds, key=_order)) for name, kinds in found.items()}
    return Needs(**{**ordered, "constants": tuple(constants.values())})


def _order(kind: Adder | Sums | Counter | Join | str) -> Any:
    return astuple(kind) if isinstance(kind, (Adder, Sums)) else kind


def _dot_needs(unit: Mvtu) -> dict[str, set]:
    """What bnn_match_dot or bnn_match_sum takes for a unit, and its modules of DSP slices."""
    groups, share = _groups(unit.simd)
    counters = {(lanes, unit.cuts[0]) for lanes in (share, unit.simd - (groups - 1) * share)}
    matched, number = unit.match == DSP, unit.accumulate == DSP
    dsp = {path.name for path, used in ((DSP_ADDERS, number), (DSP_XNOR, matched)) if used}
    rows = "one_rows" if matched else "lanes"
    if groups == 1:
        return {("one_counts" if matched else "counts") if number else rows: counters, "dsp": dsp}
    join = (2 * groups, share.bit_length(), unit.simd.bit_length(), unit.cuts[1])
    return {rows: counters, "totals" if number else "joins": {join}, "dsp": dsp}


def structural_sources(needs: Needs, dual_cells: bool) -> dict[str, str]:
    """Return texts by file name, each file before those that use it."""
    match = [_match(*counter, dual_cells) for counter in needs.lanes]
    join = [_join(*sizes, dual_cells) for sizes in needs.joins]
    add = [_add(adder, dual_cells) for adder in needs.adders]
    files: dict[str, str] = {}
    count = [_subsets(constant, index, dual_cells) for index, constant in enumerate(needs.constants)]
    sums = [_sums(kind, dual_cells) for kind in needs.sums]
    single = [_count(*counter, dual_cells) for counter in needs.counts]
    whole = [_total(*sizes, dual_cells) for sizes in needs.totals]
    ones = [_one_rows(*counter, dual_cells) for counter in needs.one_rows]
    number = [_one_count(*counter, dual_cells) for counter in needs.one_counts]
    forms = (
        (match, _MATCH_ROWS),
        (join, _COMPRESS_ROWS),
        (count, _SUBSET_COUNTS),
        (sums, _TRIPLE_SUMS),
        (add, _ACCUMULATE),
        (single, _MATCH_COUNT),
        (whole, _SUM_ROWS),
        (ones, _ONE_ROWS),
        (number, _ONE_COUNT),
    )
    for own, twin in forms:
        if own:
            files |= {f"{module.name}.sv": module_text(module) for module, _ in own}
            files[f"{twin.name}.sv"] = _dispatcher(twin, own)
    for path in (DSP_ADDERS, DSP_XNOR):
        if path.name in needs.dsp:
            files[path.name] = path.read_text()
    return files


def _cut(name: str, cuts: int) -> str:
    """Name of a module's form with registers."""
    return f"{name}_cut{cuts}" if cuts else name


def _match(lanes: int, cuts: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, (row0, row1) = match_rows(lanes, best_shape(lanes))
    purpose = f"Number of equal lanes of {lanes}, as two rows."
    parameters = {"LANES": lanes, "CUTS": cuts}
    outputs = {"row0": row0, "row1": row1}
    return _module(_cut(f"bnn_match_rows_{lanes}", cuts), purpose, net, outputs, dual_cells, parameters)


def _join(numbers: int, bits: int, sum_bits: int, cuts: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, (row0, row1) = compress_rows(numbers, bits, sum_bits)
    purpose = f"{numbers} numbers of {bits} bits compressed to two rows of {sum_bits}."
    parameters = {"NUMBERS": numbers, "BITS": bits, "SUM_BITS": sum_bits, "CUTS": cuts}
    name = _cut(f"bnn_compress_rows_{numbers}_{bits}_{sum_bits}", cuts)
    return _module(name, purpose, net, {"row0": row0, "row1": row1}, dual_cells, parameters)


def _count(lanes: int, cuts: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, count = match_count(lanes, best_count(lanes))
    purpose = f"Number of equal lanes of {lanes}."
    parameters = {"LANES": lanes, "CUTS": cuts}
    name = _cut(f"bnn_match_count_{lanes}", cuts)
    return _module(name, purpose, net, {"count": count}, dual_cells, parameters)


def _one_rows(lanes: int, cuts: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, (row0, row1) = one_rows(lanes)
    parameters = {"LANES": lanes, "CUTS": cuts}
    purpose = f"Number of ones of {lanes}, as two rows."
    outputs = {"row0": row0, "row1": row1}
    return _module(_cut(f"bnn_one_rows_{lanes}", cuts), purpose, net, outputs, dual_cells, parameters)


def _one_count(lanes: int, cuts: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, count = one_count(lanes)
    parameters = {"LANES": lanes, "CUTS": cuts}
    purpose = f"Number of ones of {lanes}."
    return _module(
        _cut(f"bnn_one_count_{lanes}", cuts), purpose, net, {"count": count}, dual_cells, parameters
    )


def _total(numbers: int, bits: int, sum_bits: int, cuts: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, total = sum_rows(numbers, bits, sum_bits)
    purpose = f"Sum of {numbers} numbers of {bits} bits in {sum_bits}."
    parameters = {"NUMBERS": numbers, "BITS": bits, "SUM_BITS": sum_bits, "CUTS": cuts}
    name = _cut(f"bnn_sum_rows_{numbers}_{bits}_{sum_bits}", cuts)
    return _module(name, purpose, net, {"sum": total}, dual_cells, parameters)


def _subsets(constant: Constant, index: int, dual_cells: bool) -> tuple[Module, Parameters]:
    every = (1 << constant.simd) - 1
    own = [constant.word >> p * constant.simd & every for p in range(constant.pe)]
    net, rows = subset_counts(constant.simd, [*own, every])
    outputs = {name: [bit for pair in rows for bit in pair[row]] for row, name in enumerate(("even", "odd"))}
    purpose = f"Ones among {constant.simd} inputs for the weights of {constant.file}, {constant.pe} PEs."
    parameters: Parameters = {"SIMD": constant.simd, "PE": constant.pe, "FILE": f'"{constant.file}"'}
    return _module(f"bnn_subset_counts_{index}", purpose, net, outputs, dual_cells, parameters)


def _sums(kind: Sums, dual_cells: bool) -> tuple[Module, Parameters]:
    net, outputs = triple_sums(kind)
    sign = "s" if kind.signed else "u"
    purpose = f"The four sums of each three of {kind.count} values of {kind.bits} bits."
    parameters: Parameters = {"COUNT": kind.count, "BITS": kind.bits, "IS_SIGNED": int(kind.signed)}
    name = f"bnn_triple_sums_{sign}{kind.bits}_{kind.count}"
    return _module(name, purpose, net, {"sums": outputs}, dual_cells, parameters)


def _add(adder: Adder, dual_cells: bool) -> tuple[Module, Parameters]:
    net, sums = accumulate(adder)
    kind = ("i" if adder.negate else "s") if adder.signed else "u"
    rows = f"two rows ({adder.row0_bits} and {adder.row1_bits} bits)"
    purpose = f"Sum in {adder.sum_bits} bits of {rows} and a value, or less a threshold."
    parameters = {
        "ROW0_BITS": adder.row0_bits,
        "SIGNED": int(adder.signed),
        "INVERT": int(adder.negate),
        "ROW1_BITS": adder.row1_bits,
        "SUM_BITS": adder.sum_bits,
    }
    name = f"bnn_accumulate_{kind}{adder.row0_bits}_{adder.row1_bits}_{adder.sum_bits}"
    return _module(name, purpose, net, {"sum": sums}, dual_cells, parameters)


def _module(
    name: str, purpose: str, net: Netlist, outputs: Outputs, dual_cells: bool, parameters: Parameters
) -> tuple[Module, Parameters]:
    cuts = parameters.get("CUTS", 0)
    assert isinstance(cuts, int)
    return Module(name, purpose, net, outputs, dual_cells, cuts), parameters


@dataclass(frozen=True)
class _Twin:
    """Head of a library module that has a structural form: its parameters with defaults, its ports."""

    name: str
    purpose: str
    parameters: tuple[str, ...]
    ports: tuple[str, ...]


_MATCH_ROWS = _Twin(
    "bnn_match_rows",
    "Number of equal lanes of inputs and weights as two rows, built from primitives.",
    ("int LANES = {LANES}", "int CUTS = {CUTS}", "int ROW_BITS = $clog2(LANES + 1)"),
    (
        "input  logic clk",
        "input  logic enable",
        "input  logic [LANES-1:0] inputs",
        "input  logic [LANES-1:0] weights",
        "output logic [ROW_BITS-1:0] row0",
        "output logic [ROW_BITS-1:0] row1",
    ),
)
_MATCH_COUNT = _Twin(
    "bnn_match_count",
    "Number of equal lanes of inputs and weights, built from primitives.",
    ("int LANES = {LANES}", "int CUTS = {CUTS}", "int COUNT_BITS = $clog2(LANES + 1)"),
    (
        "input  logic clk",
        "input  logic enable",
        "input  logic [LANES-1:0] inputs",
        "input  logic [LANES-1:0] weights",
        "output logic [COUNT_BITS-1:0] count",
    ),
)
_ONE_PARAMETERS = ("int LANES = {LANES}", "int CUTS = {CUTS}")
_ONE_PORTS = ("input  logic clk", "input  logic enable", "input  logic [LANES-1:0] inputs")
_ONE_ROWS = _Twin(
    "bnn_one_rows",
    "Number of ones as two rows, built from primitives.",
    (*_ONE_PARAMETERS, "int ROW_BITS = $clog2(LANES + 1)"),
    (*_ONE_PORTS, "output logic [ROW_BITS-1:0] row0", "output logic [ROW_BITS-1:0] row1"),
)
_ONE_COUNT = _Twin(
    "bnn_one_count",
    "Number of ones, built from primitives.",
    (*_ONE_PARAMETERS, "int COUNT_BITS = $clog2(LANES + 1)"),
    (*_ONE_PORTS, "output logic [COUNT_BITS-1:0] count"),
)
_SUM_ROWS = _Twin(
    "bnn_sum_rows",
    "Sum of unsigned numbers, built from primitives.",
    ("int NUMBERS = {NUMBERS}", "int BITS = {BITS}", "int SUM_BITS = {SUM_BITS}", "int CUTS = {CUTS}"),
    (
        "input  logic clk",
        "input  logic enable",
        "input  logic [NUMBERS*BITS-1:0] numbers",
        "output logic [SUM_BITS-1:0] sum",
    ),
)
_COMPRESS_ROWS = _Twin(
    "bnn_compress_rows",
    "Two rows of the same sum as many numbers, built from primitives.",
    ("int NUMBERS = {NUMBERS}", "int BITS = {BITS}", "int SUM_BITS = {SUM_BITS}", "int CUTS = {CUTS}"),
    (
        "input  logic clk",
        "input  logic enable",
        "input  logic [NUMBERS*BITS-1:0] numbers",
        "output logic [SUM_BITS-1:0] row0",
        "output logic [SUM_BITS-1:0] row1",
    ),
)
_SUBSET_COUNTS = _Twin(
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
_TRIPLE_SUMS = _Twin(
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
_ACCUMULATE = _Twin(
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


def _dispatcher(twin: _Twin, own: list[tuple[Module, Parameters]]) -> str:
    defaults = own[0][1]
    parameters = ",\n".join(f"  parameter {text.format(**defaults)}" for text in twin.parameters)
    ports = [port.split()[-1] for port in twin.ports if port.startswith("input")]
    branches = []
    texts = any(isinstance(value, str) for value in defaults.values())
    quiet = ["// Names of files have different lengths.", "/* verilator lint_off WIDTHEXPAND */"]
    for module, values in own:
        connected = [name for name, signals in module.net.ports.items() if signals] + list(module.outputs)
        connected += ["clk", "enable"] if module.cuts else []
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
