"""FINN's folding configuration: written from a folding, and read as one.

FINN names a node after specialisation by its kind and number: MVAU_hls_i for each
layer, ConvolutionInputGenerator_rtl_j for each window, those of pools among them, and
Pool_hls_k. "Defaults" is there and empty. A layer's window takes SIMD channels at a
time, or the whole window with parallel_window.

FINN builds less than this package: PE must divide the neurons, and pixels come one by
one. And it checks less: wrong names and numbers that do not divide pass in silence
there, and are refused here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bnn_hw.errors import FaultList, FoldingError, suggest
from bnn_hw.pipeline.chain import Chain, MacLayer, PoolStep
from bnn_hw.plan.folding import Folding, LayerFolding, check_folding, divisors, is_full
from bnn_hw.plan.memory import BLOCK, LOGIC

MVAU = "MVAU_hls"
WINDOW = "ConvolutionInputGenerator_rtl"
POOL = "Pool_hls"
_STYLES = {LOGIC: "distributed", BLOCK: "block"}
_MEMORIES = {"distributed": LOGIC, "block": BLOCK, "auto": None}
# Further nodes of FINN's graph, which have no folding here.
_OTHERS = (
    "Defaults",
    "Thresholding",
    "LabelSelect",
    "StreamingDataWidthConverter",
    "StreamingFIFO",
    "FMPadding",
)


def is_finn(record: Any) -> bool:
    """Tell whether a JSON record is FINN's: it names an MVAU."""
    return isinstance(record, dict) and any(name.startswith("MVAU") for name in record)


def layers_of(chain: Chain) -> dict[str, MacLayer]:
    """FINN's name of each layer."""
    return {f"{MVAU}_{number}": layer for number, layer in enumerate(chain.layers)}


def finn_text(chain: Chain, folding: Folding) -> str:
    """Return FINN's JSON for a folding; FoldingError that lists every layer FINN cannot build so."""
    faults = FaultList()
    record: dict[str, dict[str, Any]] = {"Defaults": {}}
    windows = pools = 0
    numbers = {layer.name: name for name, layer in layers_of(chain).items()}
    for step in chain.steps:
        if isinstance(step, PoolStep):
            record[f"{WINDOW}_{windows}"] = {"SIMD": step.input.channels}
            record[f"{POOL}_{pools}"] = {"PE": step.input.channels}
            windows, pools = windows + 1, pools + 1
        elif isinstance(step, MacLayer):
            choice = folding[step.name]
            _check_pe(faults, step, choice)
            if not step.is_dense:
                full = is_full(step, choice.simd)
                simd = step.channels if full else choice.simd
                record[f"{WINDOW}_{windows}"] = {"SIMD": simd, "parallel_window": int(full)}
                windows += 1
            record[numbers[step.name]] = {
                "PE": choice.pe,
                "SIMD": choice.simd,
                "mem_mode": "internal_decoupled",
                "ram_style": _STYLES.get(choice.weight_memory or "", "auto"),
                **({"runtime_writeable_weights": 1} if choice.runtime else {}),
            }
    faults.raise_if_any(FoldingError)
    return json.dumps(record, indent=1) + "\n"


def _check_pe(faults: FaultList, layer: MacLayer, choice: LayerFolding) -> None:
    if layer.mh % choice.pe:
        legal = divisors(layer.mh)
        near = [max(d for d in legal if d < choice.pe), min(d for d in legal if d > choice.pe)]
        faults.add(
            f"layer {layer.name}",
            f"PE is {choice.pe}, which does not divide the {layer.mh} neurons; FINN needs that",
            f"give a folding with PE {near[0]} or {near[1]} there",
        )
    if choice.pixels > 1:
        faults.add(
            f"layer {layer.name}",
            f"takes {choice.pixels} pixels at a time; FINN takes one",
            "give a folding with 1 pixel there",
        )


def parse_finn(text: str, chain: Chain, place: str) -> Folding:
    """Read FINN's folding configuration; FoldingError lists every fault.

    Refused: unknown nodes, layers left out, and numbers this package cannot build.
    """
    record = json.loads(text)
    faults = FaultList()
    layers = layers_of(chain)
    folding: Folding = {}
    for name, entry in record.items():
        if name not in layers:
            known = (WINDOW, POOL, *_OTHERS)
            if not name.startswith(known):
                faults.add(f"{place}, {name}", "the network has no such node", suggest(name, layers))
            continue
        where = f"{place}, {name} (layer {layers[name].name})"
        if not isinstance(entry, dict):
            faults.add(where, f"is {entry!r}, not a table", 'write {"PE": 1, "SIMD": 1}')
            continue
        numbers = {key: entry.get(key, 1) for key in ("PE", "SIMD")}
        for key, value in numbers.items():
            if type(value) is not int:
                faults.add(where, f"{key} is {value!r}, not a whole number", f"give {key} as a whole number")
                numbers[key] = 1
        style = entry.get("ram_style", "auto")
        if style not in _MEMORIES:
            faults.add(where, f"ram_style is {style!r}", suggest(str(style), _MEMORIES))
        runtime = entry.get("runtime_writeable_weights", 0) == 1
        memory = _MEMORIES.get(style)
        folding[layers[name].name] = LayerFolding(numbers["PE"], numbers["SIMD"], memory, runtime)
    for name, layer in layers.items():
        if name not in record:
            remedy = f'add "{name}": {{"PE": 1, "SIMD": 1}}, which FINN takes for one left out'
            faults.add(f"{place}, {name} (layer {layer.name})", "is missing", remedy)
    faults.raise_if_any(FoldingError)
    check_folding(chain, folding, place)
    return folding


def read_finn(path: Path, chain: Chain) -> Folding | None:
    """Read a file if it is FINN's; None for any other, of which the own reader tells the faults."""
    try:
        text = path.read_text(encoding="utf-8")
        record = json.loads(text)
    except (OSError, ValueError):
        return None
    return parse_finn(text, chain, str(path)) if is_finn(record) else None
