"""Weight and threshold images of an MVTU: what $readmemh loads.

Neuron n belongs to PE ``n % pe`` of neuron fold ``n // pe``. The weight ROM has
NF * SF words, address ``nf * SF + sf``; PE p's SIMD weights lie at
``[p * simd +: simd]``, lane s is column ``sf * simd + s`` (columns: kernel row,
kernel column, channel), 1 stands for +1. The threshold ROM has NF words of one
threshold a PE. Where PE does not divide the neurons, the absent neurons have
weights 0 and a threshold that no sum reaches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnn_hw import bits
from bnn_hw.errors import ModelError
from bnn_hw.ir.graph import Graph
from bnn_hw.ir.ops import Conv, Dense, Threshold, accumulator_bounds
from bnn_hw.pipeline.stages import Mvtu, ThresholdUnit


@dataclass(frozen=True)
class Image:
    """Contents of one ROM: words of ``width_bits`` bits, address 0 first."""

    words: tuple[int, ...]
    width_bits: int

    @property
    def hex_text(self) -> str:
        return bits.hex_lines(self.words, self.width_bits)


def weight_matrix(graph: Graph, stage: Mvtu) -> np.ndarray:
    """Return the layer's weights as (neurons, synapses) of -1 and +1; ModelError if they are others."""
    op = graph.node(stage.mac).op
    if not isinstance(op, (Conv, Dense)):
        raise ModelError.at(
            stage.mac, f"is a {op.kind}, which an MVTU cannot do", "give a convolution or dense layer"
        )
    matrix = op.weights.reshape(len(op.weights), -1)
    if not np.isin(matrix, (-1, 1)).all():
        odd = matrix[~np.isin(matrix, (-1, 1))].flat[0]
        raise ModelError.at(
            stage.mac, f"has the weight {odd}", "train the layer with binary weights (-1 and +1)"
        )
    if matrix.shape != (stage.mh, stage.mw):
        raise ModelError.at(
            stage.mac,
            f"has {matrix.shape[0]}x{matrix.shape[1]} weights, the plan says {stage.mh}x{stage.mw}",
            "make the plan again from this network",
        )
    return matrix


def _by_fold(rows: np.ndarray, stage: Mvtu, absent: int) -> np.ndarray:
    """Pad (neurons, ...) to whole folds with ``absent`` and return (NF, PE, ...)."""
    missing = stage.neuron_fold * stage.pe - stage.mh
    padding = [(0, missing)] + [(0, 0)] * (rows.ndim - 1)
    padded = np.pad(rows, padding, constant_values=absent)
    return padded.reshape(stage.neuron_fold, stage.pe, *rows.shape[1:])


def weight_image(graph: Graph, stage: Mvtu) -> Image:
    """Return the weight ROM: NF * SF words of PE * SIMD bits."""
    folded = _by_fold(bits.bipolar_to_bits(weight_matrix(graph, stage)), stage, absent=0)
    folded = folded.reshape(stage.neuron_fold, stage.pe, stage.synapse_fold, stage.simd)
    words = folded.transpose(0, 2, 1, 3).reshape(-1, stage.pe * stage.simd)
    return Image(tuple(bits.pack_words(words, 1)), stage.pe * stage.simd)


def single_thresholds(graph: Graph, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (thresholds, sign), one a channel, of a node that makes +1 from the threshold on, else -1.

    Raises ModelError for more than one level or another output than -1 and +1.
    """
    op = graph.node(name).op
    if not isinstance(op, Threshold) or op.levels != 1 or not op.dtype.is_bipolar:
        found = f"{op.levels} levels of {op.dtype}" if isinstance(op, Threshold) else op.kind
        raise ModelError.at(name, f"is {found}, not a sign", "use 1-bit activations in this layer")
    return op.thresholds[:, 0].astype(np.int64), op.sign


def mvtu_thresholds(graph: Graph, stage: Mvtu) -> np.ndarray:
    """Return the threshold of each neuron in the domain of the MVTU's accumulator.

    The graph's neuron fires when sum >= t. A bipolar layer counts the matches p of
    its MW synapses; every match adds +1 and every other synapse -1, so
    sum = p - (MW - p) = 2 p - MW, and sum >= t <=> 2 p >= t + MW
    <=> p >= ceil((t + MW) / 2), as p is an integer. Since 0 <= p <= MW, a bound
    outside 0..MW+1 means the same as the nearer end: 0 always fires, MW + 1 never.
    Otherwise the sum itself is compared, and t is clipped to low..high + 1 of the
    sums the neuron can reach.
    """
    if stage.threshold is None:
        raise ValueError(f"{stage.name} has no threshold")
    threshold, sign = single_thresholds(graph, stage.threshold)
    if (sign != 1).any():
        raise ModelError.at(
            stage.threshold,
            f"channel {int(np.flatnonzero(sign != 1)[0])} fires below its threshold",
            "negate the weights of this channel, which turns the comparison round exactly",
        )
    if stage.input.dtype.is_bipolar:
        return np.clip(-((-threshold - stage.mw) // 2), 0, stage.mw + 1)
    low, high = accumulator_bounds(weight_matrix(graph, stage), stage.input.dtype)
    return np.clip(threshold, low, high + 1)


def threshold_image(graph: Graph, stage: Mvtu) -> Image:
    """Return the threshold ROM: NF words of PE thresholds of the accumulator's width.

    A unit that accumulates in DSP slices starts at minus the threshold, so it has that.

    Raises ValueError if the plan's accumulator is too narrow for a threshold.
    """
    values = mvtu_thresholds(graph, stage)
    kind = stage.accumulator
    never = stage.mw + 1 if stage.input.dtype.is_bipolar else kind.max
    if not kind.contains(values) or never > kind.max:
        raise ValueError(f"{stage.name}: thresholds {values.min()}..{values.max()} leave {kind}")
    folded = _by_fold(values, stage, absent=never)
    start = -folded if stage.accumulates_in_dsp else folded
    return Image(tuple(bits.pack_words(start, stage.threshold_bits)), stage.pe * stage.threshold_bits)


def unit_threshold_image(graph: Graph, stage: ThresholdUnit) -> Image:
    """Return the ROM of a threshold unit: one word a beat of a pixel, a field of IN_BITS + 2 bits a lane.

    A field holds the bound T in its lower IN_BITS + 1 bits and an inversion above;
    the output is (x >= T) xor inversion. A rising channel fires when x >= t. A falling
    one fires when -x >= t <=> x <= -t <=> not (x >= 1 - t). Bounds outside the values
    of the input are clipped to min (always reached) and max + 1 (never).
    """
    threshold, sign = single_thresholds(graph, stage.threshold)
    kind = stage.input.dtype
    bound = np.clip(np.where(sign > 0, threshold, 1 - threshold), kind.min, kind.max + 1)
    fields = (bound & ((2 << kind.bits) - 1)) | ((sign < 0).astype(np.int64) << (kind.bits + 1))
    beats, lanes = stage.input.beats_per_pixel, stage.input.lanes
    words = np.pad(fields, (0, beats * lanes - len(fields))).reshape(beats, lanes)
    return Image(tuple(bits.pack_words(words, kind.bits + 2)), lanes * (kind.bits + 2))
