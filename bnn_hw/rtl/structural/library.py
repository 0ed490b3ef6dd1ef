"""The structural forms of the library's arithmetic modules for what a plan needs.

Each has the name, the parameters and the ports of its behavioural twin in the
library: a module that picks, by its parameters, one of the generated modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from bnn_hw.pipeline.arithmetic import DSP
from bnn_hw.pipeline.latency import DOT_GROUP_BIPOLAR, DOT_GROUP_INTEGER
from bnn_hw.pipeline.stages import Mvtu, Stage
from bnn_hw.rtl.structural.accumulate import Adder, accumulate
from bnn_hw.rtl.structural.constants import ConstantLayer, constant_layer
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

_DSP_MODULES = Path(__file__).parent / "modules"
DSP_ADDERS = _DSP_MODULES / "bnn_accumulate_four.sv"
DSP_XNOR = _DSP_MODULES / "bnn_xnor_48.sv"

Counter = tuple[int, int]
Join = tuple[int, int, int, int]
Outputs = Mapping[str, Sequence[Signal]]


@dataclass(frozen=True)
class Weights:
    """A layer built for its weights: name of its memory image, inputs and PEs of a word, the words."""

    file: str
    simd: int
    pe: int
    words: tuple[int, ...]


@dataclass(frozen=True)
class Fixed:
    """A thresholded layer whose weights never change, with the names of bnn_constant_layer's parameters.

    file: of the weights; words of the weights' and of the thresholds' image.
    """

    file: str
    in_bits: int
    is_signed: bool
    bipolar: bool
    mw: int
    mh: int
    acc_bits: int
    weights: int
    thresholds: int
    pixels: int = 1
    rows: int = 1
    step: int = 1

    @property
    def group(self) -> int:
        return DOT_GROUP_BIPOLAR if self.bipolar else DOT_GROUP_INTEGER

    def _vector(self, place: int) -> tuple[int, ...]:
        """What a vector has of the beat's inputs."""
        part = self.mw // self.rows
        seen = part + (self.pixels - 1) * self.step
        return tuple(row * seen + place * self.step + i for row in range(self.rows) for i in range(part))

    @property
    def layer(self) -> ConstantLayer:
        digits = np.array([self.weights >> place & 1 for place in range(self.mh * self.mw)])
        sign = 0 if self.bipolar else 1 << (self.acc_bits - 1)
        fields = (self.thresholds >> n * self.acc_bits & ((1 << self.acc_bits) - 1) for n in range(self.mh))
        return ConstantLayer(
            weights=2 * digits.reshape(self.mh, self.mw) - 1,
            bounds=tuple((field ^ sign) - sign for field in fields),
            bits=self.in_bits,
            is_signed=self.is_signed,
            bipolar=self.bipolar,
            cycles=2 if self.mw > self.group else 1,
            vectors=tuple(map(self._vector, range(self.pixels))),
        )


@dataclass(frozen=True)
class Needs:
    """What a plan needs.

    lanes: (lanes, cuts) of match counters; joins: (numbers, bits, sum bits, cuts); adders: of accumulators;
    constants: layers of constant weights; sums: of integer inputs; sequences: layers of few words;
    fixed: layers of bnn_constant_layer. For accumulators in DSP slices, counts: (lanes, cuts);
    totals as joins. one_rows, one_counts: of matches found in DSP slices. dsp: modules of a
    slice. cuts: registers on a path.
    """

    lanes: tuple[Counter, ...]
    joins: tuple[Join, ...]
    adders: tuple[Adder, ...]
    constants: tuple[Weights, ...] = ()
    sums: tuple[Sums, ...] = ()
    sequences: tuple[Weights, ...] = ()
    fixed: tuple[Fixed, ...] = ()
    counts: tuple[Counter, ...] = ()
    totals: tuple[Join, ...] = ()
    one_rows: tuple[Counter, ...] = ()
    one_counts: tuple[Counter, ...] = ()
    dsp: tuple[str, ...] = ()


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
        if unit.is_constant:
            bits = min(bits + 1, sum_bits)
        return Adder(bits, False, False, bits, sum_bits)
    triples = -(-unit.simd // 3)
    term_bits = unit.input.dtype.bits + 2 + (0 if unit.input.dtype.is_signed else 1)
    row0_bits = min(term_bits + (triples - 1).bit_length(), sum_bits)
    return Adder(row0_bits, True, triples == 1, triples.bit_length(), sum_bits)


def _summed(unit: Mvtu) -> int:
    """Inputs that one bnn_triple_sums of the unit adds up."""
    pixels = unit.input.pixels
    if pixels > 1 and unit.step % 3 == 0 and (unit.simd // unit.rows) % 3 == 0:
        return unit.simd + unit.rows * (pixels - 1) * unit.step
    return unit.simd


@dataclass(frozen=True)
class Contents:
    """A unit's memories: name of its weights' image, words of its weights and of its thresholds."""

    file: str
    weights: tuple[int, ...]
    thresholds: tuple[int, ...] = ()

    def of_unit(self, unit: Mvtu) -> Weights:
        return Weights(self.file, unit.simd, unit.pe, self.weights)

    def of_fixed(self, unit: Mvtu) -> Fixed:
        kind = unit.input.dtype
        kinds = (kind.bits, kind.is_signed, kind.is_bipolar)
        sizes = (unit.mw, unit.mh, unit.accumulator.bits)
        pixels = unit.input.pixels
        beat = (pixels, unit.rows, unit.step) if pixels > 1 else (1, 1, 1)
        return Fixed(self.file, *kinds, *sizes, self.weights[0], self.thresholds[0], *beat)


def needs_of(stages: Iterable[Stage], contents: Mapping[str, Contents]) -> Needs:
    """Collect what the matrix units of ``stages`` need; ``contents``: of each, by stage name."""
    fixed: list[Fixed] = []
    constants: list[Weights] = []
    sequences: list[Weights] = []
    found: dict[str, set] = {field.name: set() for field in fields(Needs)}
    for unit in stages:
        if not isinstance(unit, Mvtu):
            continue
        if unit.is_fixed:
            fixed.append(contents[unit.name].of_fixed(unit))
            continue
        if unit.accumulate != DSP:
            found["adders"].add(_adder(unit))
        if not unit.input.dtype.is_bipolar:
            found["sums"].add(Sums(_summed(unit), unit.input.dtype.bits, unit.input.dtype.is_signed))
        elif unit.is_constant:
            constants.append(contents[unit.name].of_unit(unit))
        elif unit.is_sequenced:
            sequences.append(contents[unit.name].of_unit(unit))
        else:
            for name, needed in _dot_needs(unit).items():
                found[name] |= needed
    ordered = {name: tuple(sorted(kinds, key=_order)) for name, kinds in found.items()}
    layers = {"constants": tuple(constants), "sequences": tuple(sequences), "fixed": tuple(fixed)}
    return Needs(**{**ordered, **layers})


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
    for path in (DSP_ADDERS, DSP_XNOR):
        if path.name in needs.dsp:
            files[path.name] = path.read_text()
    return files


def _match(lanes: int, cuts: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, (row0, row1) = match_rows(lanes, best_shape(lanes))
    purpose = f"Number of equal lanes of {lanes}, as two rows."
    parameters = {"LANES": lanes, "CUTS": cuts}
    return _module(
        f"bnn_match_rows_{lanes}", purpose, net, {"row0": row0, "row1": row1}, dual_cells, parameters
    )


def _join(numbers: int, bits: int, sum_bits: int, cuts: int, dual_cells: bool) -> tuple[Module, Parameters]:
    net, (row0, row1) = compress_rows(numbers, bits, sum_bits)
    purpose = f"{numbers} numbers of {bits} bits compressed to two rows of {sum_bits}."
    parameters = {"NUMBERS": numbers, "BITS": bits, "SUM_BITS": sum_bits, "CUTS": cuts}
    name = f"bnn_compress_rows_{numbers}_{bits}_{sum_bits}"
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
    cycles = 2 if layer.simd > DOT_GROUP_BIPOLAR else 1
    net, rows = sequence_rows(layer.simd, layer.pe, layer.words, cycles)
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
    }
    return _module(f"bnn_sequence_dot_{index}", purpose, net, outputs, dual_cells, parameters)


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
