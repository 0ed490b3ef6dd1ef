"""What runs on the board: Python 3.8 and numpy; pynq only where there is a board."""

from bnn_hw.runtime.accelerator import Accelerator, Answer, Answers, Tile
from bnn_hw.runtime.errors import AcceleratorError

__all__ = ["Accelerator", "AcceleratorError", "Answer", "Answers", "Tile"]
