"""Our folding in FINN's terms: what FINN's hardware cannot do is refused or rounded up, never passed on."""

from __future__ import annotations

from bnn_hw.errors import FaultList, FoldingError
from bnn_hw.finn.job import LayerFold
from bnn_hw.pipeline.chain import Chain, MacLayer
from bnn_hw.pipeline.record import Plan

MAX_STREAM_BITS = 8191
"""Widest integer of Vitis HLS, and so the widest weight stream of a layer: PE * SIMD * weight bits."""


def finn_folding(plan: Plan, chain: Chain, strict: bool) -> tuple[tuple[LayerFold, ...], list[str]]:
    """Return the plan's folding for FINN, and a line for each factor that had to change.

    FINN builds only a PE that divides the neurons. strict, for a folding that the
    user gave: raise FoldingError naming every layer and cause. Otherwise PE is
    rounded up to the next divisor, which is never slower. A weight stream wider
    than HLS can hold is an error either way.
    """
    faults, changes, layers = FaultList(), [], []
    for entry, layer in zip(plan.layers, chain.layers, strict=True):
        pe = next(d for d in range(entry.pe, layer.mh + 1) if layer.mh % d == 0)
        if pe != entry.pe and strict:
            faults.add(
                f"folding for FINN, layer {layer.name}",
                f"PE is {entry.pe}, which does not divide the {layer.mh} neurons; "
                "FINN would round the fold down in silence",
                f"nearest legal: {_nearest(layer.mh, entry.pe)}; our own back end takes any PE",
            )
        elif pe != entry.pe:
            changes.append(
                f"layer {layer.name}: PE {entry.pe} becomes {pe}, FINN needs a divisor of {layer.mh}"
            )
        _check_simd(faults, layer, entry.simd)
        _check_stream(faults, layer, pe, entry.simd)
        layers.append(LayerFold(layer.name, pe, entry.simd, layer.mw, layer.mh))
    faults.raise_if_any(FoldingError)
    return tuple(layers), changes


def _check_simd(faults: FaultList, layer: MacLayer, simd: int) -> None:
    if simd != layer.mw and (simd > layer.channels or layer.channels % simd):
        faults.add(
            f"folding for FINN, layer {layer.name}",
            f"SIMD is {simd}; its sliding window gives divisors of {layer.channels} channels "
            f"or the whole window of {layer.mw}",
            f"nearest legal: {_nearest(layer.channels, simd)}",
        )


def _check_stream(faults: FaultList, layer: MacLayer, pe: int, simd: int) -> None:
    # FINN stores -1 and +1 of a layer that reads integers in two bits.
    bits = 1 if layer.input.dtype.is_bipolar else 2
    width = pe * simd * bits
    if width > MAX_STREAM_BITS:
        faults.add(
            f"folding for FINN, layer {layer.name}",
            f"PE {pe} times SIMD {simd} makes a weight stream of {width:,} bits; "
            f"HLS holds {MAX_STREAM_BITS:,}",
            f"use PE * SIMD of at most {MAX_STREAM_BITS // bits:,}",
        )


def _nearest(size: int, value: int) -> str:
    legal = [d for d in range(1, size + 1) if size % d == 0]
    return ", ".join(map(str, sorted(sorted(legal, key=lambda d: abs(d - value))[:3])))
