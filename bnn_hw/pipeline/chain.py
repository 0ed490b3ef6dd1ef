"""The integer graph seen as what the hardware builds: a chain of multiply-accumulate layers and pools.

:func:`bnn_hw.pipeline.legal.as_chain` makes it, after proving that every step
can be built. Planner and back ends read it; nothing here costs or folds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bnn_hw.ir.graph import Node
from bnn_hw.ir.ops import Conv, Dense, MaxPool, Threshold
from bnn_hw.ir.types import DataType, ValueType
from bnn_hw.pipeline.latency import NOMINAL_CLOCK_HZ


@dataclass(frozen=True, eq=False)
class MacLayer:
    """A convolution or dense layer with the threshold behind it (None for the last layer).

    name: the layer's name in folding files and reports. input: type of the value
    it reads; a dense layer reads it as one pixel of height * width * channels
    features. output: type of the accumulators. runtime: the hardware must take any
    weights, not only these. clock_hz: that the hardware is to reach.
    """

    name: str
    mac: Node
    threshold: Node | None
    input: ValueType
    output: ValueType
    runtime: bool = False
    clock_hz: int = NOMINAL_CLOCK_HZ

    @cached_property
    def is_dense(self) -> bool:
        return isinstance(self.mac.op, Dense)

    @property
    def weights(self) -> np.ndarray:
        """(neurons, synapses) of -1 and +1; synapses ordered kernel row, kernel column, channel."""
        assert isinstance(self.mac.op, (Conv, Dense))
        return self.mac.op.weights.reshape(self.mh, -1)

    @cached_property
    def window_input(self) -> ValueType:
        """What the window unit sees: the input, flattened to one pixel for a dense layer."""
        if self.is_dense:
            return ValueType(self.input.dtype, (1, 1, self.input.size))
        return self.input

    @cached_property
    def kernel(self) -> tuple[int, int]:
        return self.mac.op.kernel if isinstance(self.mac.op, Conv) else (1, 1)

    @cached_property
    def stride(self) -> tuple[int, int]:
        return self.mac.op.stride if isinstance(self.mac.op, Conv) else (1, 1)

    @cached_property
    def padding(self) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) pixels."""
        return self.mac.op.padding if isinstance(self.mac.op, Conv) else (0, 0, 0, 0)

    @cached_property
    def pad_value(self) -> int:
        return self.mac.op.pad_value if isinstance(self.mac.op, Conv) else 0

    @cached_property
    def channels(self) -> int:
        """Channels of one pixel at the window unit."""
        return self.window_input.channels

    @cached_property
    def mw(self) -> int:
        """Synapses of a neuron: matrix width."""
        return self.kernel[0] * self.kernel[1] * self.channels

    @cached_property
    def mh(self) -> int:
        """Neurons: matrix height."""
        return self.output.channels

    @cached_property
    def windows(self) -> int:
        """Windows (output pixels) a frame."""
        return self.output.height * self.output.width


@dataclass(frozen=True, eq=False)
class PoolStep:
    """Max-pool of bipolar values with stride = kernel."""

    name: str
    node: Node
    input: ValueType
    output: ValueType

    @cached_property
    def kernel(self) -> tuple[int, int]:
        assert isinstance(self.node.op, MaxPool)
        return self.node.op.kernel


@dataclass(frozen=True, eq=False)
class InputThreshold:
    """Threshold on the pixels themselves, before the first layer."""

    name: str
    node: Node
    input: ValueType
    output: ValueType

    @property
    def op(self) -> Threshold:
        assert isinstance(self.node.op, Threshold)
        return self.node.op


Step = MacLayer | PoolStep | InputThreshold


@dataclass(frozen=True, eq=False)
class Chain:
    """The steps in order; the last one is a :class:`MacLayer` without a threshold."""

    input: ValueType
    steps: tuple[Step, ...]

    @property
    def layers(self) -> tuple[MacLayer, ...]:
        """The layers that have a folding."""
        return tuple(step for step in self.steps if isinstance(step, MacLayer))

    @property
    def classes(self) -> int:
        return self.layers[-1].mh

    @property
    def score_type(self) -> DataType:
        """Type of the last layer's accumulators."""
        return self.layers[-1].output.dtype


def with_runtime_weights(chain: Chain) -> Chain:
    """The chain whose layers all take any weights."""
    steps = (replace(step, runtime=True) if isinstance(step, MacLayer) else step for step in chain.steps)
    return Chain(chain.input, tuple(steps))


def with_clock(chain: Chain, clock_hz: int) -> Chain:
    """The chain for hardware of this clock."""
    steps = (replace(step, clock_hz=clock_hz) if isinstance(step, MacLayer) else step for step in chain.steps)
    return Chain(chain.input, tuple(steps))
