"""The BinaryCoP networks CNV, n-CNV and u-CNV as one parametrised Brevitas class.

Architecture: N. Fasfous et al., "BinaryCoP: Binary Neural Network-based COVID-19
Face-Mask Wear and Positioning Predictor on Edge Devices", RAW 2021, Table I.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

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


class BinaryNetwork(nn.Module):
    """A BinaryCoP network with 1-bit weights and activations and no biases.

    Input: float tensor (N, 3, 32, 32) of pixel values 0..255; the network
    normalises it itself. Output: scores (N, classes), the +-1 sums of the last
    dense layer times ``score_scale.scale``. Every layer is a direct attribute
    under the name in ``spec.layer_names``; its batch norm and sign are
    ``<layer>_bn`` and ``<layer>_act``. The exported ONNX nodes carry these names.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self._order: list[str] = []
        self._add("normalise", _Normalise())
        channels, size = IMAGE_CHANNELS, IMAGE_SIZE
        for block, widths in enumerate(spec.conv_blocks, start=1):
            for i, width in enumerate(widths, start=1):
                layer = QuantConv2d(channels, width, KERNEL, bias=False, weight_quant=_UnitBinaryWeight)
                self._add_with_sign(f"conv{block}_{i}", layer, nn.BatchNorm2d(width))
                channels, size = width, size - KERNEL + 1
            if block < len(spec.conv_blocks):
                self._add(f"pool{block}", nn.MaxPool2d(POOL))
                size //= POOL
        self._add("flatten", nn.Flatten())
        features = channels * size * size
        for i, width in enumerate(spec.dense, start=1):
            layer = QuantLinear(features, width, bias=False, weight_quant=_UnitBinaryWeight)
            self._add_with_sign(f"fc{i}", layer, nn.BatchNorm1d(width))
            features = width
        last = QuantLinear(features, spec.classes, bias=False, weight_quant=_UnitBinaryWeight)
        self._add(f"fc{len(spec.dense) + 1}", last)
        self._add("score_scale", _ScoreScale(2.0 ** -math.ceil(math.log2(features) / 2)))

    def _add(self, name: str, module: nn.Module) -> None:
        setattr(self, name, module)
        self._order.append(name)

    def _add_with_sign(self, name: str, layer: nn.Module, norm: nn.Module) -> None:
        self._add(name, layer)
        self._add(f"{name}_bn", norm)
        self._add(f"{name}_act", QuantIdentity(act_quant=_Sign))

    def forward(self, pixels: Tensor) -> Tensor:
        x = pixels
        for name in self._order:
            x = getattr(self, name)(x)
        return x

    def output_module(self, layer: str) -> nn.Module:
        """The module whose output is the layer's output: its sign, a pool, or the last dense layer."""
        signed = getattr(self, f"{layer}_act", None)
        return signed if signed is not None else getattr(self, layer)

    def binarise_weights(self) -> None:
        """Replace every latent weight by its sign (0 becomes +1); the function computed stays the same."""
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, (QuantConv2d, QuantLinear)):
                    module.weight.copy_(torch.where(module.weight >= 0, 1.0, -1.0))

    def weight_count(self) -> int:
        """Number of 1-bit weights."""
        layers = (m for m in self.modules() if isinstance(m, (QuantConv2d, QuantLinear)))
        return sum(layer.weight.numel() for layer in layers)

    def mac_count(self) -> int:
        """Multiply-accumulates of one frame, counted on a frame run through the network."""
        counts: list[int] = []

        def count(layer: nn.Module, _inputs: object, output: Tensor) -> None:
            counts.append(layer.weight[0].numel() * output[0].numel())  # type: ignore[index, union-attr]

        self._run_hooked([m for m in self.modules() if isinstance(m, (QuantConv2d, QuantLinear))], count)
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


def network(name: str) -> BinaryNetwork:
    """Make the network ``cnv``, ``ncnv`` or ``ucnv`` with fresh random weights.

    Raises ConfigError for any other name.
    """
    if name not in SPECS:
        raise ConfigError.at(f"network {name}", "there is no such network", suggest(name, SPECS))
    return BinaryNetwork(SPECS[name])
