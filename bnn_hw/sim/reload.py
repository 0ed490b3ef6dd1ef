"""The proof that a core takes other weights: loaded between two frames, read back, computed with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnn_hw.errors import MismatchError
from bnn_hw.ir.graph import Graph
from bnn_hw.pipeline.config import (
    FORMAT_ADDRESS,
    FORMAT_WORD,
    LAYOUT_ADDRESS,
    TAG_ADDRESS,
    ConfigMap,
    LoadImage,
)
from bnn_hw.sim.compare import REMEDY, Expected
from bnn_hw.sim.run import Request


@dataclass(frozen=True)
class Reload:
    """Another network for the core, as weights to write and as the graph they make; with the same names."""

    image: LoadImage
    graph: Graph


def reload_requests(image: LoadImage, after_frames: int) -> list[Request]:
    """What a loader does: ask whose memories these are, write, read everything back."""
    known = (FORMAT_ADDRESS, LAYOUT_ADDRESS, TAG_ADDRESS)
    return [
        *(Request(after_frames, address) for address in known),
        *(Request(after_frames, address, word) for address, word in image.writes),
        *(Request(after_frames, address) for address, _ in image.writes),
    ]


def joined(before: Expected, after: Expected, frames: int) -> Expected:
    """What is expected when the weights change after ``frames`` frames."""

    def join(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.concatenate([first[:frames], second[frames:]])

    values = {name: join(value, after.values[name]) for name, value in before.values.items()}
    return Expected(values, join(before.scores, after.scores), join(before.classes, after.classes))


def check_answers(config: ConfigMap, image: LoadImage, answers: tuple[int, ...]) -> None:
    """Raise MismatchError unless the core said what it is and gave back every word that was written."""
    known = {"format": FORMAT_WORD, "layout": config.layout, "tag": config.tag}
    count = len(known) + len(image.writes)
    if len(answers) != count:
        raise MismatchError.at("configuration port", f"gave {len(answers)} words, not {count}", REMEDY)
    for (name, want), got in zip(known.items(), answers, strict=False):
        if got != want:
            raise MismatchError.at(f"configuration port, {name}", f"is {got:08x}, not {want:08x}", REMEDY)
    for (address, want), got in zip(image.writes, answers[len(known) :], strict=True):
        if got != want:
            raise MismatchError.at(
                _place(config, address), f"gives back {got:08x}, written was {want:08x}", REMEDY
            )


def _place(config: ConfigMap, address: int) -> str:
    for item in config.memories:
        if item.base <= address < item.base + item.span:
            row, word = divmod(address - item.base, item.stride)
            return f"{item.layer}, {item.memory}, row {row}, word {word}"
    return f"configuration port, address {address}"
