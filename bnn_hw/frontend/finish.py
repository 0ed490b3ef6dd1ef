"""Pass: the network's end: real-valued scores and the winning class, with the same winner exactly."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import lcm

import numpy as np

from bnn_hw.errors import ModelError
from bnn_hw.frontend.evaluate import evaluate
from bnn_hw.frontend.lower.builder import Builder, Winner
from bnn_hw.frontend.lower.signal import Signal
from bnn_hw.frontend.net import Net
from bnn_hw.ir import ops

_RANGE_AT_ONCE = 1 << 20
SCORES, CLASS = "scores", "class"


def _last(net: Net, builder: Builder) -> Signal:
    """Return the scores, before the class is chosen; ModelError for several or other outputs."""
    values = [builder.values.get(name) for name in net.outputs]
    if len(values) != 1 or values[0] is None:
        raise ModelError.at(
            f"{net.path.name}: outputs {', '.join(net.outputs)}",
            f"{len(values)} outputs" if len(values) != 1 else "the output does not depend on the picture",
            "export a network with one output: the scores of its classes, or the index of the best",
        )
    signal = values[0].scores if isinstance(values[0], Winner) else values[0]
    if signal.pools or signal.type.shape[:2] != (1, 1):
        raise ModelError.at(
            f"{net.path.name}: output {net.outputs[0]}",
            f"is a map of {signal.type.height}x{signal.type.width} with {signal.channels} channels",
            "end the network with a Linear layer, or a convolution that leaves 1x1: one score a class",
        )
    return signal


def _float32(values: Iterable[Fraction | int]) -> np.ndarray:
    return np.array([float(value) for value in values], np.float32)


def _meaning(signal: Signal) -> list[tuple[str, np.ndarray]]:
    """Return steps for slope * integer + offset that round once, wherever float32 can.

    A slope that is a float32 number rounds once by itself. Otherwise numerators are
    multiplied and added, exactly below 2**24, before the division by the common
    denominator. Where even these numbers are too long, two roundings remain.
    """
    slope, offset = signal.slope, signal.offset
    scale = lcm(*(value.denominator for value in (*slope, *offset)))
    up, shift = [value * scale for value in slope], [value * scale for value in offset]
    largest = int(max(abs(signal.low).max(), abs(signal.high).max()))
    exact = max(map(abs, up)) * largest + max(map(abs, shift)) < 1 << 24 and float(np.float32(scale)) == scale
    plain = offset == (0,) and all(
        Fraction(float(value)) == want for value, want in zip(_float32(slope), slope, strict=True)
    )
    if exact and not plain:
        steps = [("mul", _float32(up)), ("add", _float32(shift)), ("div", _float32([scale]))]
    else:
        steps = [("mul", _float32(slope)), ("add", _float32(offset))]
    neutral = {"mul": 1, "add": 0, "div": 1}
    return [(name, operand) for name, operand in steps if (operand != neutral[name]).any()]


def _score_steps(signal: Signal) -> tuple[tuple[str, np.ndarray], ...]:
    """Return the network's own steps, led by the meaning of the integers if it is not plain."""
    return (*_meaning(signal), *((step.function, step.operand) for step in signal.steps))


def _same_winner(signal: Signal) -> bool:
    """Prove that all classes have one strictly rising score function, on every integer they can take."""
    operands = [step.operand for step in signal.steps]
    if len(signal.slope) > 1 or len(signal.offset) > 1 or any(item.size > 1 for item in operands):
        return False
    low, high = int(signal.low.min()), int(signal.high.max())
    previous = None
    for start in range(low, high + 1, _RANGE_AT_ONCE):
        integers = np.arange(start, min(start + _RANGE_AT_ONCE, high + 1))[None]
        _, scores = evaluate(signal, integers, slice(0, 1))
        if previous is not None and not previous < scores[0, 0]:
            return False
        if not (np.diff(scores[0]) > 0).all():
            return False
        previous = scores[0, -1]
    return True


def finish(net: Net, builder: Builder) -> list[str]:
    """Emit ``scores`` and ``class`` and return the graph's outputs.

    The class is chosen among the integers when every score rises strictly with its
    integer by one function of all classes; otherwise among the scores themselves.
    """
    signal = _last(net, builder)
    builder.emit(SCORES, ops.Scale(_score_steps(signal)), signal.source)
    builder.emit(CLASS, ops.ArgMax(), signal.source if _same_winner(signal) else SCORES)
    return [SCORES, CLASS]
