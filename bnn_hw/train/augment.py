"""Random variations of training pictures, on whole batches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random variations; each is drawn evenly between minus and plus its value.

    rotation_deg: degrees; scale: share of the size; shift: share of the
    picture's width and height; contrast: share of the picture's contrast;
    brightness: pixel values; noise: largest standard deviation, pixel values.
    Half of the pictures are mirrored if ``flip``.
    """

    flip: bool = True
    rotation_deg: float = 12.0
    scale: float = 0.12
    shift: float = 0.08
    contrast: float = 0.3
    brightness: float = 35.0
    noise: float = 8.0

    def __call__(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Vary a batch (N, 3, H, W) of pixel values 0..255; the result is again whole numbers 0..255."""

        def spread(width: float) -> Tensor:
            return (torch.rand(len(pixels), generator=generator) * 2.0 - 1.0) * width

        angle = spread(math.radians(self.rotation_deg))
        size = 1.0 + spread(self.scale)
        mirror = torch.where(torch.rand(len(pixels), generator=generator) < 0.5, -1.0, 1.0)
        if not self.flip:
            mirror = torch.ones_like(mirror)
        cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
        # affine_grid counts in half widths, so a shift by a share of the width is twice that share.
        rows = [cos * mirror, -sin, spread(2 * self.shift), sin * mirror, cos, spread(2 * self.shift)]
        grid = functional.affine_grid(
            torch.stack(rows, dim=1).view(-1, 2, 3), list(pixels.shape), align_corners=False
        )
        moved = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)

        def per_picture(values: Tensor) -> Tensor:
            return values.view(-1, 1, 1, 1)

        mean = moved.mean(dim=(1, 2, 3), keepdim=True)
        lit = (moved - mean) * per_picture(1.0 + spread(self.contrast)) + mean
        lit += per_picture(spread(self.brightness))
        sigma = torch.rand(len(pixels), generator=generator) * self.noise
        lit += torch.randn(pixels.shape, generator=generator) * per_picture(sigma)
        return lit.round_().clamp_(0.0, 255.0)


_LARGEST_BOX = 0.5


def paste_boxes(
    pixels: Tensor, labels: Tensor, classes: int, share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Paste into a ``share`` of the pictures a box of another one of the batch: CutMix (S. Yun et al., 2019).

    A box takes up to about half of the picture, and lies anywhere. pixels: (N, 3, H, W);
    labels: (N,). Returns the pictures, and the share of each class in each
    picture (N, classes), by area.
    """
    count, _channels, height, width = pixels.shape
    other = torch.randperm(count, generator=generator)
    side = (torch.rand(count, generator=generator) * _LARGEST_BOX).sqrt()
    rows, columns = (
        ((torch.arange(length) + 0.5) / length - torch.rand(count, 1, generator=generator)).abs()
        < side[:, None] / 2
        for length in (height, width)
    )
    chosen = torch.rand(count, generator=generator) < share
    box = rows[:, :, None] & columns[:, None, :] & chosen[:, None, None]
    covered = box.float().mean(dim=(1, 2))[:, None]
    own, pasted = (functional.one_hot(which, classes).float() for which in (labels, labels[other]))
    return torch.where(box[:, None], pixels[other], pixels), own * (1.0 - covered) + pasted * covered
