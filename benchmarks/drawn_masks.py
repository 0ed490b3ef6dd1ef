"""Whether drawn masks are worth using: a linear model trained on drawings, tested on real pictures.

The same model trained on as many real pictures shows what can be reached. The
test pictures are MaskedFace-Net's test part for both; no person is in both.

    python benchmarks/drawn_masks.py --data ~/data
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from bnn_hw.data import CLASSES
from bnn_hw.data.drawn import read_drawn
from bnn_hw.data.folder import PictureSet, find_data_set
from bnn_hw.data.sources import Source, read_sources
from bnn_hw.data.split import draw_balanced, part_of, split_by_person
from bnn_hw.errors import BnnHwError
from bnn_hw.train.metrics import evaluate

_STEPS = 400
_DECAY = 1e-3


def features(pictures: PictureSet, rows: np.ndarray) -> torch.Tensor:
    """Pixels of 16x16 pictures, each of mean 0, so that light counts less than the mask's place."""
    images = torch.from_numpy(pictures.images[rows]).permute(0, 3, 1, 2).float() / 255.0
    flat = functional.avg_pool2d(images, 2).flatten(1)
    return flat - flat.mean(dim=1, keepdim=True)


def linear_model(pictures: PictureSet, count: int) -> torch.nn.Linear:
    """Logistic regression on ``count`` balanced draws."""
    torch.manual_seed(0)
    rows = draw_balanced(pictures.labels, count, np.random.default_rng(0))
    x, y = features(pictures, rows), torch.from_numpy(pictures.labels[rows])
    model = torch.nn.Linear(x.shape[1], len(pictures.classes))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=_DECAY)
    for _ in range(_STEPS):
        optimiser.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimiser.step()
    return model


def measure(data: Path | None, faces: int) -> dict[str, Any]:
    """Figures on real pictures of the model trained on drawings of ``faces`` faces, and of the other."""
    real = split_by_person(read_sources(data, (Source("maskedface4"),), CLASSES))
    drawn = read_drawn(find_data_set(data) / "bare_ffhq", "drawn", CLASSES, per_class=faces, keep=_trainable)
    record = {}
    rows = np.arange(len(real.test))
    for name, pictures in (("drawn", drawn), ("real", real.train)):
        model = linear_model(pictures, 4 * faces)
        with torch.no_grad():
            answers = model(features(real.test, rows)).numpy()
        figures = evaluate(real.test.labels, answers.argmax(axis=1), CLASSES, real.test.persons)
        record[f"trained on {name}"] = {
            "pictures": len(pictures),
            "persons": pictures.persons,
            "accuracy on real": figures.accuracy,
            "macro recall on real": figures.macro_recall,
            "interval": figures.interval,
            "tested on": f"{figures.pictures} pictures of {figures.persons} persons",
            "recall": figures.recall,
        }
    return record


def _trainable(person: str) -> bool:
    return part_of(person) != "test"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--faces", type=int, default=500, help="bare faces to draw on")
    options = parser.parse_args()
    try:
        record = measure(options.data, options.faces)
    except BnnHwError as error:
        raise SystemExit(f"error: {error}") from error
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
