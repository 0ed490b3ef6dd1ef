"""The BinaryCoP networks CNV, n-CNV and u-CNV as one parametrised Brevitas class, and their FP32 twins.

Architecture: N. Fasfous et al., "BinaryCoP: Binary Neural Network-based COVID-19
Face-Mask Wear and Positioning Predictor on Edge Devices", RAW 2021, Table I.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear
from brevitas.quant.binary import SignedBinaryActPerTensorConst, SignedBinaryWeightPerTensorConst
from torch import Tensor, nn

from bnn_hw.errors import ConfigError, suggest

IMAGE_SIZE = 32
IMAGE_CHANNELS = 3
KERNEL = 3
POOL = 2


@dataclass(frozen=True)
class NetworkSpec:
    """The shape of a network.

    conv_blocks: output channels of the convolutions, block by block; every
    block but the last ends with a 2x2 max-pool. dense: output widths of the
    hidden dense layers. The last dense layer has ``classes`` outputs.
    """

    name: str
    conv_blocks: tuple[tuple[int, ...], ...]
    dense: tuple[int, ...]
    classes: int = 4

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of all layers in order, pools included."""
        names: list[str] = []
        for block, channels in enumerate(self.conv_blocks, start=1):
            names += [f"conv{block}_{i}" for i in range(1, len(channels) + 1)]
            if block < len(self.conv_blocks):
                names.append(f"pool{block}")
        names += [f"fc{i}" for i in range(1, len(self.dense) + 2)]
        return tuple(names)


SPECS: dict[str, NetworkSpec] = {
    "cnv": NetworkSpec("cnv", ((64, 64), (128, 128), (256, 256)), (512, 512)),
    "ncnv": NetworkSpec("ncnv", ((16, 16), (32, 32), (64, 64)), (128, 128)),
    "ucnv": NetworkSpec("ucnv", ((16, 16), (32, 32), (64,)), (128,)),
}


class _UnitBinaryWeight(SignedBinaryWeightPerTensorConst):
    """Weights +1 and -1; latent weights are clipped to [-1, 1]."""

    scaling_const = 1.0


class _UnitClamp(nn.Module):
    """Clamp to [-1, 1]; with its scalar bounds twice as fast as Brevitas' clamp to tensors."""

    def __init__(self) -> None:  # Brevitas' injection wants a constructor that lists its arguments
        super().__init__()

    def forward(self, x: Tensor, _low: Tensor, _high: Tensor) -> Tensor:
        return x.clamp(-1.0, 1.0)


class _Sign(SignedBinaryActPerTensorConst):
    """Sign, +1 for 0; its gradient passes where the input is within [-1, 1]."""

    scaling_const = 1.0
    tensor_clamp_impl = _UnitClamp


# The next float32 after 1: hardtanh's gradient stops at its bounds, the clamp's passes at 1 itself.
_PAST_ONE = 1.0 + 2.0**-23


class _SignStep(torch.autograd.Function):
    """The values and gradients of :class:`_Sign` in three passes over the tensor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.sign().add_(0.5).sign_()  # ten times faster than torch.where on a CPU

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        gradient: Tensor = torch.ops.aten.hardtanh_backward(gradients[0], x, -_PAST_ONE, _PAST_ONE)
        return gradient


class _SignActivation(QuantIdentity):  # type: ignore[misc]
    """Brevitas' sign; while training it takes a shorter way to the same numbers."""

    def __init__(self) -> None:
        super().__init__(act_quant=_Sign)

    def forward(self, x: Tensor) -> Tensor:
        signed: Tensor = _SignStep.apply(x) if self.training else super().forward(x)
        return signed


class _Normalise(nn.Module):
    """Pixel values 0..255 to [-1, 1): exact in float32, for 1/128 is a power of two."""

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels * (1.0 / 128.0) - 1.0


class _ScoreScale(nn.Module):
    """Scores times a power of two, so that the scaled scores are still exact."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, scores: Tensor) -> Tensor:
        return scores * self.scale


class Network(nn.Module):
    """A network of the shape of ``spec``; the subclasses say what its layers are made of.

    Input: float tensor (N, 3, 32, 32) of pixel values 0..255; the network
    normalises it itself. Output: scores (N, classes), the +-1 sums of the last
    dense layer times ``score_scale.scale``. Every layer is a direct attribute
    under the name in ``spec.layer_names``; its batch norm and sign are
    ``<layer>_bn`` and ``<layer>_act``. The exported ONNX nodes carry these names.
    """

    precision: str

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self._order: list[str] = []
        self._add("normalise", _Normalise())
        channels, size = IMAGE_CHANNELS, IMAGE_SIZE
        for block, widths in enumerate(spec.conv_blocks, start=1):
            for i, width in enumerate(widths, start=1):
                layer = self._convolution(channels, width)
                self._add_with_sign(f"conv{block}_{i}", layer, nn.BatchNorm2d(width))
                channels, size = width, size - KERNEL + 1
            if block < len(spec.conv_blocks):
                self._add(f"pool{block}", nn.MaxPool2d(POOL))
                size //= POOL
        self._add("flatten", nn.Flatten())
        features = channels * size * size
        for i, width in enumerate(spec.dense, start=1):
            layer = self._dense(features, width)
            self._add_with_sign(f"fc{i}", layer, nn.BatchNorm1d(width))
            features = width
        self._add(f"fc{len(spec.dense) + 1}", self._dense(features, spec.classes))
        self._add("score_scale", _ScoreScale(self._scale_of_scores(features)))

    def _convolution(self, inputs: int, outputs: int) -> nn.Module:
        raise NotImplementedError

    def _dense(self, inputs: int, outputs: int) -> nn.Module:
        raise NotImplementedError

    def _activation(self) -> nn.Module:
        raise NotImplementedError

    def _scale_of_scores(self, features: int) -> float:
        raise NotImplementedError

    def _add(self, name: str, module: nn.Module) -> None:
        setattr(self, name, module)
        self._order.append(name)

    def _add_with_sign(self, name: str, layer: nn.Module, norm: nn.Module) -> None:
        self._add(name, layer)
        self._add(f"{name}_bn", norm)
        self._add(f"{name}_act", self._activation())

    def forward(self, pixels: Tensor) -> Tensor:
        x = pixels
        for name in self._order:
            x = getattr(self, name)(x)
        return x

    def output_module(self, layer: str) -> nn.Module:
        """The module whose output is the layer's output: its sign, a pool, or the last dense layer."""
        signed = getattr(self, f"{layer}_act", None)
        return signed if signed is not None else getattr(self, layer)

    def weight_count(self) -> int:
        """Number of weights."""
        layers = (m for m in self.modules() if isinstance(m, (nn.Conv2d, nn.Linear)))
        return sum(layer.weight.numel() for layer in layers)

    def mac_count(self) -> int:
        """Multiply-accumulates of one frame, counted on a frame run through the network."""
        counts: list[int] = []

        def count(layer: nn.Module, _inputs: object, output: Tensor) -> None:
            counts.append(layer.weight[0].numel() * output[0].numel())  # type: ignore[index, union-attr]

        self._run_hooked([m for m in self.modules() if isinstance(m, (nn.Conv2d, nn.Linear))], count)
        return sum(counts)

    def _run_hooked(self, modules: list[nn.Module], hook: Callable[..., None]) -> None:
        handles = [module.register_forward_hook(hook) for module in modules]
        training = self.training
        try:
            self.eval()
            with torch.no_grad():
                self(torch.zeros(1, IMAGE_CHANNELS, IMAGE_SIZE, IMAGE_SIZE))
        finally:
            self.train(training)
            for handle in handles:
                handle.remove()


class BinaryNetwork(Network):
    """A BinaryCoP network with 1-bit weights and activations and no biases."""

    precision = "binary"

    def _convolution(self, inputs: int, outputs: int) -> nn.Module:
        return QuantConv2d(inputs, outputs, KERNEL, bias=False, weight_quant=_UnitBinaryWeight)

    def _dense(self, inputs: int, outputs: int) -> nn.Module:
        return QuantLinear(inputs, outputs, bias=False, weight_quant=_UnitBinaryWeight)

    def _activation(self) -> nn.Module:
        return _SignActivation()

    def _scale_of_scores(self, features: int) -> float:
        return 2.0 ** -math.ceil(math.log2(features) / 2)

    def binarise_weights(self) -> None:
        """Replace every latent weight by its sign (0 becomes +1); the function computed stays the same."""
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, (QuantConv2d, QuantLinear)):
                    module.weight.copy_(torch.where(module.weight >= 0, 1.0, -1.0))


class FloatNetwork(Network):
    """The FP32 twin: the same layers with float weights, and ReLU in the place of signs."""

    precision = "float"

    def _convolution(self, inputs: int, outputs: int) -> nn.Module:
        return nn.Conv2d(inputs, outputs, KERNEL, bias=False)

    def _dense(self, inputs: int, outputs: int) -> nn.Module:
        return nn.Linear(inputs, outputs, bias=False)

    def _activation(self) -> nn.Module:
        return nn.ReLU()

    def _scale_of_scores(self, features: int) -> float:
        return 1.0


KINDS: dict[str, type[Network]] = {kind.precision: kind for kind in (BinaryNetwork, FloatNetwork)}


def network_of(name: str, precision: str = "binary", classes: int = 4) -> Network:
    """Make ``cnv``, ``ncnv`` or ``ucnv``, ``binary`` or ``float``, with fresh random weights.

    Raises ConfigError for any other name or precision.
    """
    if name not in SPECS:
        raise ConfigError.at(f"network {name}", "there is no such network", suggest(name, SPECS))
    if precision not in KINDS:
        raise ConfigError.at(
            f"precision {precision}", "there is no such precision", suggest(precision, KINDS)
        )
    return KINDS[precision](replace(SPECS[name], classes=classes))


def network(name: str) -> BinaryNetwork:
    """Make the binary network ``cnv``, ``ncnv`` or ``ucnv`` of the paper's four classes.

    Raises ConfigError for any other name.
    """
    net = network_of(name)
    assert isinstance(net, BinaryNetwork)
    return net
