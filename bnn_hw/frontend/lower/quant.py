"""Rule for quantisers of activations: a threshold of the graph, or nothing where values pass unchanged."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from bnn_hw.frontend.lower.builder import Builder
from bnn_hw.frontend.lower.signal import Rationals, Signal, Step, collapse, spread
from bnn_hw.frontend.net import NetNode, UnsupportedError
from bnn_hw.frontend.quantiser import Quantiser, quantiser
from bnn_hw.frontend.thresholds import Switches, find_switches, follow
from bnn_hw.ir import ops

_MOST_BITS = 8


def _fractions(values: np.ndarray) -> list[Fraction]:
    return [Fraction(float(value)) for value in values.reshape(-1)]


def _fitted(node: NetNode, signal: Signal, found: Quantiser) -> Quantiser:
    """Return the quantiser with parameters of one value, or one a channel of the graph."""
    if found.levels_at is None:
        return found.with_parameters(signal.per_channel(found.scale), signal.per_channel(found.zero))
    layout = str(node.attributes.get("data_layout", "")) or {2: "NC", 3: "NWC", 4: "NCHW"}.get(
        signal.index.ndim, "NC"
    )
    axis = layout.index("C") if "C" in layout else 1
    shape = [-1 if position == axis else 1 for position in range(signal.index.ndim)]
    columns = [signal.per_channel(column.reshape(shape)) for column in found.levels_at.T]
    full = [np.broadcast_to(column, signal.channels) for column in columns]
    return replace(found, levels_at=np.stack(full, axis=1))


def _meaning(found: Quantiser, shift: int = 0) -> tuple[Rationals, Rationals]:
    """Return slope and offset of the integer ``q - shift`` that the graph holds for q."""
    scale, zero = _fractions(found.scale), _fractions(found.zero)
    size = max(len(scale), len(zero))
    pairs = zip(spread(scale, size), spread(zero, size), strict=True)
    return collapse(scale), collapse([factor * (shift - origin) for factor, origin in pairs])


def _unchanged(builder: Builder, signal: Signal, found: Quantiser) -> int | None:
    """Return k when the quantiser gives q = integer + k for every value of the source, else None."""
    grid = 2 if builder.types[signal.source].dtype.is_bipolar else 1
    shifts: set[int] = set()
    for _, integers, _, _, result in follow(signal, found):
        shifts.update(np.unique((result - integers)[:, ::grid]).tolist())
        if len(shifts) > 1:
            return None
    return shifts.pop()


def _with_pools(builder: Builder, signal: Signal, switches: Switches) -> tuple[str, Signal]:
    """Emit the pools before the threshold if they cannot follow it; return its input and what is left."""
    if not switches.inverted:
        return signal.source, signal
    if switches.falling_pool:
        raise UnsupportedError(
            "a batch norm with negative scales stands before the max-pool and another one behind it",
            "put the pool directly behind the layer or directly behind its activation",
        )
    source = signal.source
    for pool in signal.pools:
        builder.emit(pool.name, ops.MaxPool(pool.kernel, pool.stride), source)
        source = pool.name
    steps = tuple(item for item in signal.chain if isinstance(item, Step))
    return source, replace(signal, source=source, chain=steps)


def quantise(builder: Builder, node: NetNode) -> None:
    """BipolarQuant, Quant, MultiThreshold of a tensor.

    sign(max x) = max(sign x), so a pool before the quantiser moves behind it, where
    it works on few bits; with a falling step in between it stays on the sums.
    """
    signal = builder.signal(node)
    found = _fitted(node, signal, quantiser(node, builder.net.constants))
    if signal.quantised and not signal.pools:
        shift = _unchanged(builder, signal, found)
        if shift is not None:
            slope, offset = _meaning(found, shift)
            builder.values[node.outputs[0]] = replace(signal, chain=(), slope=slope, offset=offset)
            return
    if found.dtype.bits > _MOST_BITS:
        raise UnsupportedError(
            f"quantises to {found.dtype.bits} bits", f"use at most {_MOST_BITS} bits; 1 bit is cheapest"
        )
    switches = find_switches(signal, found)
    source, rest = _with_pools(builder, signal, switches)
    name = builder.free_name(signal.layer)
    op = ops.Threshold(switches.thresholds, switches.sign, found.dtype, found.base, found.step)
    kind = builder.emit(name, op, source)
    value = name
    for pool in rest.pools:
        kind = builder.emit(pool.name, ops.MaxPool(pool.kernel, pool.stride), value)
        value = pool.name
    slope, offset = _meaning(found)
    if rest.pools and min(slope) < 0:
        raise UnsupportedError(
            "its scale is negative behind a max-pool", "use a positive scale in the activation"
        )
    low = np.full(signal.channels, found.base, np.int64)
    builder.values[node.outputs[0]] = Signal(
        value,
        kind,
        signal.index,
        low,
        low + found.step * found.levels,
        signal.layer,
        True,
        slope,
        offset,
    )
