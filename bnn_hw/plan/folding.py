"""Foldings: PE and SIMD of every layer, what is legal, and the folding file.

A folding file is JSON::

    {"format": "bnn_hw.folding/1",
     "layers": {"conv1_1": {"PE": 16, "SIMD": 3}, ...}}

with one entry for every compute layer, and in an entry optionally
``"memory": "logic"`` or ``"block"`` for the weights (by depth if left out),
``"weights": "runtime"`` for weights and thresholds that can be loaded ("fixed" if
left out), ``"accumulate": "dsp"`` for accumulators in DSP slices and ``"match": "dsp"``
for the comparison of inputs and weights in DSP slices ("lut" if left out), and
``"pixels"`` (1 if left out). In a first layer of integers that is not folded (PE all
neurons, SIMD the whole window) ``"accumulate": "dsp"`` puts the last sums into slices.
``"chains": false`` counts the matches of a binary layer without carry chains, for designs
that run out of slices before LUTs.

* PE: 1 to the number of neurons. It need not divide them; the last fold is then
  partly idle.
* SIMD: a divisor of the channels (of the features for a dense layer), or the
  whole window of kernel rows * kernel columns * channels.
* pixels: neighbouring windows of a row done at once, with SIMD the whole window, stride
  1 and no padding. At the first layer up to the width of the input; at others up to
  the pixels that arrive.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn_hw.errors import FaultList, FoldingError, OutputError, suggest
from bnn_hw.pipeline.arithmetic import (
    DSP,
    DSP_SUM_SYNAPSES,
    FIXED,
    LUT,
    MAX_DSP_SYNAPSES,
    PLACES,
    RUNTIME,
    WEIGHTS,
)
from bnn_hw.pipeline.chain import Chain, MacLayer, PoolStep
from bnn_hw.plan.memory import LOGIC, STYLES
from bnn_hw.plan.pixels import after_layer, after_pool, after_split, divisors, is_aligned, takes_pixels
from bnn_hw.plan.sites import is_sequenced

FORMAT = "bnn_hw.folding/1"
_KEYS = ("PE", "SIMD", "memory", "weights", "pixels", "accumulate", "match", "chains")


@dataclass(frozen=True)
class LayerFolding:
    """Neurons (pe) and inputs (simd) of a layer done in one cycle, for ``pixels`` windows.

    weight_memory: None by depth; runtime: weights and thresholds can be loaded;
    accumulate, match: lut or dsp; chains: whether carry chains count matches.
    """

    pe: int
    simd: int
    weight_memory: str | None = None
    runtime: bool = False
    pixels: int = 1
    accumulate: str = LUT
    match: str = LUT
    chains: bool = True


Folding = dict[str, LayerFolding]


def legal_simd(layer: MacLayer) -> tuple[int, ...]:
    """Legal SIMD of a layer, ascending."""
    values = divisors(layer.channels)
    return values if values[-1] == layer.mw else (*values, layer.mw)


def useful_pe(layer: MacLayer) -> tuple[int, ...]:
    """For every number of neuron folds the smallest PE that has it, ascending.

    Any other legal PE takes the same cycles with more hardware.
    """
    return tuple(sorted({-(-layer.mh // fold) for fold in range(1, layer.mh + 1)}))


def sums_in_dsp(layer: MacLayer, pe: int, simd: int) -> bool:
    """Whether DSP slices can do the last sums of an integer layer: ``accumulate`` dsp, weights in logic."""
    whole = pe == layer.mh and simd == layer.mw and not layer.runtime and layer.threshold is not None
    return whole and not layer.input.dtype.is_bipolar and layer.mw in DSP_SUM_SYNAPSES


def dsp_choices(layer: MacLayer, pe: int, simd: int) -> tuple[tuple[str, str], ...]:
    """What DSP slices can do in a layer: (accumulate, match), not both LUT."""
    constant = pe == layer.mh and simd == layer.mw and not layer.runtime
    if not layer.input.dtype.is_bipolar:
        return ((DSP, LUT),) if sums_in_dsp(layer, pe, simd) else ()
    if constant:
        return ()
    return ((LUT, DSP),) if layer.mw > MAX_DSP_SYNAPSES else ((DSP, LUT), (LUT, DSP), (DSP, DSP))


def is_full(layer: MacLayer, simd: int) -> bool:
    """Tell whether a beat is a whole window."""
    return simd == layer.mw


def check_folding(chain: Chain, folding: Folding, place: str = "folding") -> None:
    """Raise FoldingError that lists every unknown, missing and illegally folded layer."""
    faults = FaultList()
    layers = {layer.name: layer for layer in chain.layers}
    for name in folding:
        if name not in layers:
            faults.add(f"{place}, layer {name}", "the network has no such layer", suggest(name, layers))
    for name, layer in layers.items():
        if name not in folding:
            faults.add(
                f"{place}, layer {name}",
                "is missing",
                f"add an entry with PE (1 to {layer.mh}) and SIMD ({_listed(legal_simd(layer))})",
            )
        else:
            _check_layer(faults, f"{place}, layer {name}", layer, folding[name])
    _check_pixels(faults, place, chain, folding)
    faults.raise_if_any(FoldingError)


def _check_pixels(faults: FaultList, place: str, chain: Chain, folding: Folding) -> None:
    """Follow the pixels a beat through the network; any number up to its width at the input."""
    arriving, skip, first = chain.input.width, 0, True
    for step in chain.steps:
        if isinstance(step, PoolStep):
            # A pool before all layers takes the input's pixels one by one.
            arriving, skip = (1, 0) if first else after_pool(step, arriving, skip)
            first = False
        if not isinstance(step, MacLayer) or step.name not in folding:
            continue
        choice, where = folding[step.name], f"{place}, layer {step.name}"
        pixels = choice.pixels
        if pixels > 1 and not takes_pixels(step):
            what = "is dense" if step.is_dense else "has a stride or padding"
            faults.add(where, f"pixels is {pixels}, but the layer {what}", "use 1 pixel, or leave it out")
        elif pixels > 1 and choice.simd != step.mw:
            faults.add(
                where,
                f"pixels is {pixels} with SIMD {choice.simd}",
                f"use SIMD {step.mw}, the whole window, or 1 pixel",
            )
        if not 1 <= pixels <= arriving:
            source = f"the input has {arriving} columns" if first else f"{arriving} arrive in a beat"
            faults.add(where, f"pixels is {pixels}, but {source}", f"use 1 to {arriving}")
            pixels = 1
        if first and is_aligned(step, pixels):
            skip = 0
        else:
            skip = after_layer(step, pixels, after_split(arriving, skip, pixels))
        arriving, first = pixels, False


def _check_layer(faults: FaultList, place: str, layer: MacLayer, choice: LayerFolding) -> None:
    if not 1 <= choice.pe <= layer.mh:
        faults.add(
            place,
            f"PE is {choice.pe}, but the layer has {layer.mh} neurons",
            f"use a PE from 1 to {layer.mh}",
        )
    legal = legal_simd(layer)
    if choice.simd not in legal:
        unit = "features" if layer.is_dense else "channels"
        whole = "" if layer.mw == layer.channels else f" nor is it the whole window of {layer.mw}"
        below = [value for value in legal if value < choice.simd][-2:]
        above = [value for value in legal if value > choice.simd][:2]
        faults.add(
            place,
            f"SIMD is {choice.simd}, which does not divide the {layer.channels} {unit}{whole}",
            f"nearest legal: {_listed([*below, *above])}",
        )
    _check_dsp(faults, place, layer, choice)
    if not choice.chains and (not layer.input.dtype.is_bipolar or DSP in (choice.accumulate, choice.match)):
        kind = layer.input.dtype if not layer.input.dtype.is_bipolar else "compared or summed in DSP slices"
        faults.add(place, f"chains is false, but the input is {kind}", "leave out chains in this layer")
    elif not choice.chains and not (choice.runtime or layer.runtime):
        words = -(-layer.mh // max(1, choice.pe)) * (layer.mw // max(1, choice.simd))
        if words == 1 or is_sequenced(words, choice.simd):
            cause = f"chains is false, but the weights are of {words} words, which has a form of its own"
            faults.add(place, cause, "leave out chains in this layer")
    if choice.weight_memory not in (None, *STYLES):
        faults.add(
            place, f"memory is {choice.weight_memory!r}", f"use {' or '.join(STYLES)}, or leave it out"
        )


def _check_dsp(faults: FaultList, place: str, layer: MacLayer, choice: LayerFolding) -> None:
    """DSP slices compare bits, and add up counts of matches in 12 bits, or integers of constant weights."""
    constant = choice.pe == layer.mh and choice.simd == layer.mw and not (choice.runtime or layer.runtime)
    for key in ("accumulate", "match"):
        if getattr(choice, key) != DSP:
            continue
        remedy = f"leave out {key} in this layer"
        if not layer.input.dtype.is_bipolar:
            if key == "match":
                faults.add(place, f"{key} is dsp, but the layer's input is {layer.input.dtype}", remedy)
            else:
                _check_integer_dsp(faults, place, layer, choice, constant)
            continue
        if constant:
            faults.add(place, f"{key} is dsp, but the layer has a single beat and constant weights", remedy)
        if key == "accumulate" and layer.mw > MAX_DSP_SYNAPSES:
            cause = (
                f"accumulate is dsp, but the layer has {layer.mw} synapses, not at most {MAX_DSP_SYNAPSES}"
            )
            faults.add(place, cause, remedy)


def _check_integer_dsp(
    faults: FaultList, place: str, layer: MacLayer, choice: LayerFolding, constant: bool
) -> None:
    """The last sums of integers are in DSP slices where all is done in a beat with constant weights."""
    kind = f"accumulate is dsp for inputs of {layer.input.dtype}"
    remedy = "leave out accumulate in this layer"
    if not constant or choice.weight_memory not in (None, LOGIC) or layer.threshold is None:
        full = f"PE {layer.mh} and SIMD {layer.mw}, weights fixed and in logic, and a threshold behind"
        faults.add(place, f"{kind}, but the layer does not do all in a beat", f"give it {full}, or {remedy}")
    elif not sums_in_dsp(layer, choice.pe, choice.simd):
        most = f"{DSP_SUM_SYNAPSES.start} to {DSP_SUM_SYNAPSES.stop - 1}"
        faults.add(place, f"{kind}, but the layer has {layer.mw} synapses, not {most}", remedy)


def _listed(values: tuple[int, ...] | list[int]) -> str:
    return ", ".join(map(str, values))


def read_folding(path: Path, chain: Chain) -> Folding:
    """Read and check a folding file; FoldingError lists every fault with its layer."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise FoldingError.at(path, f"cannot be read: {err}", "give the path of a folding file") from err
    folding = parse_folding(text, str(path))
    check_folding(chain, folding, str(path))
    return folding


def parse_folding(text: str, place: str) -> Folding:
    """Read a folding file's text without looking at a network; FoldingError for wrong JSON or fields."""
    try:
        record = json.loads(text, object_pairs_hook=_refuse_duplicates)
    except json.JSONDecodeError as err:
        raise FoldingError.at(
            f"{place}, line {err.lineno}, column {err.colno}",
            f"is no JSON: {err.msg}",
            "correct the file; bnn-hw export-folding writes one to start from",
        ) from err
    except ValueError as err:
        raise FoldingError.at(place, str(err), "keep one of the two entries") from err
    faults = FaultList()
    if not isinstance(record, dict) or not isinstance(record.get("layers"), dict):
        remedy = 'write {"format": "' + FORMAT + '", "layers": {"<layer>": {"PE": 1, "SIMD": 1}, ...}}'
        raise FoldingError.at(place, "has no table of layers", remedy)
    if record.get("format", FORMAT) != FORMAT:
        faults.add(f"{place}, format", f"is {record['format']!r}", f"this version reads {FORMAT}")
    for key in sorted(record.keys() - {"format", "layers"}):
        faults.add(f"{place}, {key}", "is an unknown field", suggest(key, ("format", "layers")))
    folding = {name: _entry(faults, f"{place}, layer {name}", e) for name, e in record["layers"].items()}
    faults.raise_if_any(FoldingError)
    return folding


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for key, value in pairs:
        if key in record:
            raise ValueError(f"{key} appears twice")
        record[key] = value
    return record


def _entry(faults: FaultList, place: str, entry: Any) -> LayerFolding:
    if not isinstance(entry, dict):
        faults.add(place, f"is {entry!r}, not a table", 'write {"PE": 1, "SIMD": 1}')
        return LayerFolding(1, 1)
    numbers = {}
    for key in ("PE", "SIMD", "pixels"):
        value = entry.get(key, 1 if key == "pixels" else None)
        if not isinstance(value, int) or isinstance(value, bool):
            cause = f"{key} is {value!r}, not a whole number" if key in entry else f"{key} is missing"
            faults.add(place, cause, f"give {key} as a whole number")
            value = 1
        numbers[key] = value
    for key in sorted(entry.keys() - set(_KEYS)):
        faults.add(place, f"{key} is an unknown field", suggest(key, _KEYS))
    weights = entry.get("weights", FIXED)
    if weights not in WEIGHTS:
        faults.add(place, f"weights is {weights!r}", f"use {' or '.join(WEIGHTS)}, or leave it out")
    places = {}
    for key in ("accumulate", "match"):
        places[key] = entry.get(key, LUT)
        if places[key] not in PLACES:
            faults.add(place, f"{key} is {places[key]!r}", f"use {' or '.join(PLACES)}, or leave it out")
            places[key] = LUT
    chains = entry.get("chains", True)
    if not isinstance(chains, bool):
        faults.add(place, f"chains is {chains!r}", "use true or false, or leave it out")
        chains = True
    runtime = weights == RUNTIME
    return LayerFolding(
        numbers["PE"],
        numbers["SIMD"],
        entry.get("memory"),
        runtime,
        numbers["pixels"],
        **places,
        chains=chains,
    )


def folding_text(folding: Folding) -> str:
    """Return a folding file's text, one layer a line."""
    lines = []
    for name, choice in folding.items():
        entry: dict[str, Any] = {"PE": choice.pe, "SIMD": choice.simd}
        if choice.weight_memory:
            entry["memory"] = choice.weight_memory
        if choice.runtime:
            entry["weights"] = RUNTIME
        for key in ("accumulate", "match"):
            if getattr(choice, key) != LUT:
                entry[key] = getattr(choice, key)
        if not choice.chains:
            entry["chains"] = False
        if choice.pixels > 1:
            entry["pixels"] = choice.pixels
        lines.append(f"  {json.dumps(name)}: {json.dumps(entry)}")
    return f'{{"format": "{FORMAT}",\n "layers": {{\n' + ",\n".join(lines) + "\n }}\n"


def write_folding(path: Path, folding: Folding) -> None:
    """Write a folding file; OutputError if that fails."""
    try:
        path.write_text(folding_text(folding), encoding="utf-8")
    except OSError as err:
        raise OutputError.at(path, f"cannot be written: {err.strerror}", "choose another folder") from err
