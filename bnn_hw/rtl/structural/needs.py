"""What a plan needs of the structural arithmetic, collected from its matrix units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np

from bnn_hw.pipeline.arithmetic import DSP
from bnn_hw.pipeline.latency import DOT_GROUP_BIPOLAR, DOT_GROUP_INTEGER
from bnn_hw.pipeline.stages import Mvtu, Stage
from bnn_hw.rtl.structural.accumulate import Adder
from bnn_hw.rtl.structural.constants import ConstantLayer
from bnn_hw.rtl.structural.sums import Sums

DSP_ADDERS = "bnn_accumulate_four.sv"
DSP_XNOR = "bnn_xnor_48.sv"
DSP_SUMS = "bnn_sum_two.sv"

Counter = tuple[int, int]
Join = tuple[int, int, int, int]


@dataclass(frozen=True)
class Weights:
    """A layer built for its weights: name of its memory image, inputs and PEs of a word, the words.

    cuts: registers within the counting of matches, and within the joining of groups.
    """

    file: str
    simd: int
    pe: int
    words: tuple[int, ...]
    cuts: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Fixed:
    """A thresholded layer whose weights never change, with the names of bnn_constant_layer's parameters.

    file: of the weights; words of the weights' and of the thresholds' image. dsp: the last sums
    of integers are in DSP slices; file tells such a layer from others, so no parameter does.
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
    dsp: bool = False

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
            dsp=self.dsp,
        )


@dataclass(frozen=True)
class Needs:
    """What a plan needs.

    lanes: (lanes, cuts) of match counters; joins: (numbers, bits, sum bits, cuts); adders: of accumulators;
    constants: layers of constant weights; sums: of integer inputs; sequences: layers of few words;
    fixed: layers of bnn_constant_layer. For accumulators in DSP slices, counts: (lanes, cuts);
    totals as joins. one_rows, one_counts: of matches found in DSP slices. dsp: modules of a
    slice. free_lanes, free_joins: as lanes and joins, without carry chains. cuts: registers on a path.
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
    free_lanes: tuple[Counter, ...] = ()
    free_joins: tuple[Join, ...] = ()


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
        return Weights(self.file, unit.simd, unit.pe, self.weights, unit.cuts)

    def of_fixed(self, unit: Mvtu) -> Fixed:
        kind = unit.input.dtype
        kinds = (kind.bits, kind.is_signed, kind.is_bipolar)
        sizes = (unit.mw, unit.mh, unit.accumulator.bits)
        pixels = unit.input.pixels
        beat = (pixels, unit.rows, unit.step) if pixels > 1 else (1, 1, 1)
        dsp = unit.accumulate == DSP
        return Fixed(self.file, *kinds, *sizes, self.weights[0], self.thresholds[0], *beat, dsp)


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
            found["dsp"] |= {DSP_SUMS} if unit.accumulate == DSP else set()
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
    dsp = {path for path, used in ((DSP_ADDERS, number), (DSP_XNOR, matched)) if used}
    free = "" if unit.chains else "free_"
    rows = "one_rows" if matched else f"{free}lanes"
    if groups == 1:
        return {("one_counts" if matched else "counts") if number else rows: counters, "dsp": dsp}
    join = (2 * groups, share.bit_length(), unit.simd.bit_length(), unit.cuts[1])
    return {rows: counters, "totals" if number else f"{free}joins": {join}, "dsp": dsp}
