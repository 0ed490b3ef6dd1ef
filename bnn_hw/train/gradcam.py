"""Grad-CAM: which part of a picture speaks for a class (R. R. Selvaraju et al., ICCV 2017).

Computed by captum at the second block's pool, 5x5 places, as in BinaryCoP. For
the binary network the gradient passes the signs by the straight-through
estimator it was trained with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import LayerGradCam
from numpy.typing import NDArray

from bnn_hw.train.inference import to_tensor
from bnn_hw.train.networks import IMAGE_SIZE, KERNEL, POOL, Network

LAYER = "pool2"

Heat = NDArray[np.float64]


@dataclass(frozen=True)
class Region:
    """A part of an aligned face as shares of the picture's height and width."""

    top: float
    bottom: float
    left: float
    right: float

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The pixels (IMAGE_SIZE, IMAGE_SIZE) whose centre lies in the region."""
        place = (np.arange(IMAGE_SIZE) + 0.5) / IMAGE_SIZE
        rows, columns = (
            (place >= self.top) & (place < self.bottom),
            (place >= self.left) & (place < self.right),
        )
        return rows[:, None] & columns[None, :]


# What tells each class from its neighbours, in a picture framed like FFHQ: medians of 2,000 faces'
# landmarks, nose bridge at 0.48, nose tip at 0.62, mouth at 0.73 and chin at 0.92 of the height.
REGIONS = {
    "correct": Region(0.48, 0.94, 0.28, 0.72),
    "nose_exposed": Region(0.48, 0.67, 0.36, 0.64),
    "nose_mouth_exposed": Region(0.48, 0.80, 0.34, 0.66),
    "chin_exposed": Region(0.72, 0.96, 0.34, 0.66),
}


def grad_cam(
    net: Network, images: NDArray[np.uint8], targets: NDArray[np.integer], layer: str = LAYER
) -> Heat:
    """Heat (N, rows, columns) of ``layer``: above 0 where it speaks for the class in ``targets`` (N,).

    The mean gradient of each channel weighs the channel; the weighted sum is
    cut off below 0. images: (N, 32, 32, 3) uint8.
    """
    net.eval()
    maps = LayerGradCam(net, getattr(net, layer)).attribute(
        to_tensor(images).float(), torch.from_numpy(np.asarray(targets, np.int64)), relu_attributions=True
    )
    return maps.detach().numpy()[:, 0].astype(np.float64)


def centres(net: Network, layer: str = LAYER) -> NDArray[np.float64]:
    """Pixel coordinate at the middle of what each row (or column) of a layer's output sees, after its pool.

    Convolutions without padding take (kernel - 1) / 2 pixels from each side;
    a pool doubles the step.
    """
    first, step, size = 0.0, 1, IMAGE_SIZE
    for name in net.spec.layer_names:
        if name.startswith("pool"):
            first, step, size = first + step * (POOL - 1) / 2, step * POOL, size // POOL
        elif name.startswith("conv"):
            first, size = first + step * (KERNEL - 1) / 2, size - KERNEL + 1
        if name == layer:
            return np.asarray(first + step * np.arange(size), np.float64)
    raise ValueError(f"{layer} is no layer with places")


def over_picture(heat: Heat, places: NDArray[np.float64]) -> Heat:
    """Heat (N, k, k) as (N, 32, 32), scaled to 0..1: each value where its cell looks, bilinear between."""
    pixels = np.arange(IMAGE_SIZE, dtype=np.float64)
    along = np.stack([np.interp(pixels, places, row) for row in np.eye(len(places))])
    spread = np.einsum("nij,iy,jx->nyx", heat, along, along)
    top = spread.max(axis=(1, 2), keepdims=True)
    scaled: Heat = np.divide(spread, top, out=np.zeros_like(spread), where=top > 0)
    return scaled


def focus(heat: Heat, region: Region) -> NDArray[np.float64]:
    """How much denser the heat (N, 32, 32) is in the region than over the picture, (N,); NaN without heat."""
    mask = region.mask
    total = heat.sum(axis=(1, 2))
    share = np.divide(heat[:, mask].sum(axis=1), total, out=np.full(len(heat), np.nan), where=total > 0)
    return np.asarray(share / mask.mean(), np.float64)
