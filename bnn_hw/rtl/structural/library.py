"""The structural forms of the library's arithmetic modules for what a plan needs.

Each has the name, the parameters and the ports of its behavioural twin in the
library: a module that picks, by its parameters, one of the generated modules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bnn_hw.pipeline.latency import DOT_GROUP_BIPOLAR, dot_cycles
from bnn_hw.rtl.structural.accumulate import Adder, accumulate
from bnn_hw.rtl.structural.constants import constant_layer
from bnn_hw.rtl.structural.cuts import cut
from bnn_hw.rtl.structural.matches import (
    best_links,
    best_shape,
    compress_rows,
    match_count,
    match_rows,
    one_count,
    one_rows,
    subset_counts,
    sum_rows,
)
from bnn_hw.rtl.structural.needs import Fixed, Needs, Weights
from bnn_hw.rtl.structural.netlist import Netlist, Signal
from bnn_hw.rtl.structural.sequences import sequence_rows
from bnn_hw.rtl.structural.sums import Sums, triple_sums
from bnn_hw.rtl.structural.twins import (
    ACCUMULATE,
    COMPRESS_ROWS,
    CONSTANT_LAYER,
    MATCH_COUNT,
    MATCH_ROWS,
    ONE_COUNT,
    ONE_ROWS,
    SEQUENCE_DOT,
    SUBSET_COUNTS,
    SUM_ROWS,
    TRIPLE_SUMS,
    Parameters,
    dispatcher,
)
from bnn_hw.rtl.structural.verilog import Module, module_text

PRIMITIVES = Path(__file__).parent / "simulation" / "bnn_primitives.sv"
"""Models of the primitives, for simulation only."""

DSP_MODULES = Path(__file__).parent / "modules"
"""Modules of DSP slices, in the place of their twins in the library."""

Outputs = Mapping[str, Sequence[Signal]]


def structural_sources(needs: Needs, dual_cells: bool) -> dict[str, str]:
    """Return texts by file name, each file before those that use it."""
    match = [_match(*counter, True, dual_cells) for counter in needs.lanes]
    match += [_match(*counter, False, dual_cells) for counter in needs.free_lanes]
    join = [_join(*sizes, True, dual_cells) for sizes in needs.joins]
    join += [_join(*sizes, False, dual_cells) for sizes in needs.free_joins]
    add = [_add(adder, dual_cells) for adder in needs.adders]
    files: dict[str, str] = {}
    count = [_subsets(constant, index, dual_cells) for index, constant in enumerate(needs.constants)]
    sums = [_sums(kind, dual_cells) for kind in needs.sums]
    sequence = [_sequences(layer, index, dual_cells) for index, layer in enumerate(needs.sequences)]
    layers = [_fixed(layer, index, dual_cells) for index, layer in enumerate(needs.fixed)]
    single = [_count(*counter, dual_cells) for counter in needs.counts]
    whole = [_total(*sizes, dual_cells) for sizes in needs.totals]
    ones = [_one_rows(*counter, dual_cells) for counter in needs.one_rows]
    number = [_one_count(*counter, dual_cells) for counter in needs.one_counts]
    forms = (
        (match, MATCH_ROWS),
        (join, COMPRESS_ROWS),
        (count, SUBSET_COUNTS),
        (sequence, SEQUENCE_DOT),
        (layers, CONSTANT_LAYER),
        (sums, TRIPLE_SUMS),
        (add, ACCUMULATE),
        (single, MATCH_COUNT),
        (whole, SUM_ROWS),
        (ones, ONE_ROWS),
        (number, ONE_COUNT),
    )
    for own, twin in forms:
        if own:
            files |= {f"{module.name}.sv": module_text(module) for module, _ in own}
            files[f"{twin.name}.sv"] = dispatcher(twin, own)
    return files | {name: (DSP_MODULES / name).read_text() for name in needs.dsp}


def _match(lanes: int, cuts: int, chains: bool, dual_cells: bool) -> tuple[Module, Parameters]:
    net, (row0, row1) = match_rows(lanes, best_shape(lanes, chains))
    purpose = f"Number of equal lanes of {lanes}, as two rows."
    parameters = {"LANES": lanes, "CHAINS": int(chains), "CUTS": cuts}
    name = f"bnn_match_rows_{lanes}{'' if chains else '_free'}"
    return _module(name, purpose, net, {"row0": row0, "row1": row1}, dual_cells, parameters)


def _join(
    numbers: int, bits: int, sum_bits: int, cuts: int, chains: bool, dual_cells: bool
) -> tuple[Module, Parameters]:
    net, (row0, row1) = compress_rows(numbers, bits, sum_bits, chains)
    purpose = f"{numbers} numbers of {bits} bits compressed to two rows of {sum_bits}."
    parameters = {
        **{"NUMBERS": numbers, "BITS": bits, "SUM_BITS": sum_bits},
        **{"CHAINS": int(chains), "CUTS": cuts},
    }
    name = f"bnn_compress_rows_{numbers}_{bits}_{sum_bits}{'' if chains else '_free'}"
    return _module(name, purpose, net, {"row0": row0, "row1": row1}, dual_cells, parameters)


def _count(lanes: int, cuts: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, count = match_count(lanes, best_links(lanes))
    purpose = f"Number of equal lanes of {lanes}."
    parameters = {"LANES": lanes, "CUTS": cuts}
    return _module(f"bnn_match_count_{lanes}", purpose, net, {"count": count}, dual_cells, parameters)


def _one_rows(lanes: int, cuts: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, (row0, row1) = one_rows(lanes)
    purpose = f"Number of ones of {lanes}, as two rows."
    parameters = {"LANES": lanes, "CUTS": cuts}
    return _module(
        f"bnn_one_rows_{lanes}", purpose, net, {"row0": row0, "row1": row1}, dual_cells, parameters
    )


def _one_count(lanes: int, cuts: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, count = one_count(lanes)
    parameters = {"LANES": lanes, "CUTS": cuts}
    purpose = f"Number of ones of {lanes}."
    return _module(f"bnn_one_count_{lanes}", purpose, net, {"count": count}, dual_cells, parameters)


def _total(numbers: int, bits: int, sum_bits: int, cuts: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, total = sum_rows(numbers, bits, sum_bits)
    purpose = f"Sum of {numbers} numbers of {bits} bits in {sum_bits}."
    parameters = {"NUMBERS": numbers, "BITS": bits, "SUM_BITS": sum_bits, "CUTS": cuts}
    name = f"bnn_sum_rows_{numbers}_{bits}_{sum_bits}"
    return _module(name, purpose, net, {"sum": total}, dual_cells, parameters)


def _fixed(fixed: Fixed, index: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, fired = constant_layer(fixed.layer)
    purpose = f"Neurons of {fixed.mw} inputs with the weights of {fixed.file} and their thresholds."
    parameters: Parameters = {
        "IN_BITS": fixed.in_bits,
        "IN_SIGNED": int(fixed.is_signed),
        "BIPOLAR": int(fixed.bipolar),
        "MW": fixed.mw,
        "MH": fixed.mh,
        "ACC_BITS": fixed.acc_bits,
        "GROUP": fixed.group,
        "FILE": f'"{fixed.file}"',
        "PIXELS": fixed.pixels,
        "ROWS": fixed.rows,
        "STEP": fixed.step,
    }
    return _module(f"bnn_constant_layer_{index}", purpose, net, {"fired": fired}, dual_cells, parameters)


def _sequences(layer: Weights, index: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, rows = sequence_rows(layer.simd, layer.pe, layer.words, dot_cycles(layer.simd, layer.cuts))
    outputs = {
        name: net.register([bit for pair in rows for bit in pair[k]])
        for k, name in enumerate(("row0", "row1"))
    }
    purpose = f"Matches of {layer.simd} inputs with the weights of {layer.file}, {layer.pe} PEs."
    parameters: Parameters = {
        "SIMD": layer.simd,
        "PE": layer.pe,
        "GROUP": DOT_GROUP_BIPOLAR,
        "FILE": f'"{layer.file}"',
        "CUTS": layer.cuts[0],
        "JOIN_CUTS": layer.cuts[1],
    }
    # Its cuts are there already, where they need the fewest registers.
    return Module(f"bnn_sequence_dot_{index}", purpose, net, outputs, dual_cells), parameters


def _subsets(constant: Weights, index: int, dual_cells: bool) -> tuple[Module, Parameters]:
    every = (1 << constant.simd) - 1
    own = [constant.words[0] >> p * constant.simd & every for p in range(constant.pe)]
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
    if isinstance(cuts, int) and cuts:
        net, outputs = cut(net, outputs, cuts)
        name = f"{name}_cut{cuts}"
    return Module(name, purpose, net, outputs, dual_cells), parameters
