from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bnn_hw.data import CLASSES


@pytest.fixture(scope="session")
def quadrants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise in which the class's quadrant is bright: learned in seconds, but not from a constant."""
    root, rng = tmp_path_factory.mktemp("quadrants"), np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (root / name).mkdir()
        for i in range(40):
            pixels = rng.integers(0, 120, (32, 32, 3), np.uint8)
            row, column = 16 * (label // 2), 16 * (label % 2)
            pixels[row : row + 16, column : column + 16] += 120
            Image.fromarray(pixels).save(root / name / f"{label}{i:03}.png")
    (root / "correct" / "9999.png").write_bytes(b"damaged")
    return root
