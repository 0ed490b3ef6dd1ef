"""FINN's build steps in our order, each with progress on standard output and a checkpoint on disk."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from bnn_hw.errors import BnnHwError
from bnn_hw.finn.job import PROGRESS

log = logging.getLogger(__name__)

Step = tuple[str, Callable[[ModelWrapper], ModelWrapper]]
DONE = "done.json"


class StepError(Exception):
    """A step failed; ``name`` says which."""

    def __init__(self, name: str, cause: BaseException) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.name = name


def run_steps(
    model: ModelWrapper, steps: Sequence[Step], folder: Path
) -> tuple[ModelWrapper, dict[str, Any]]:
    """Run the steps, leaving ``<number>_<name>.onnx`` of each in ``folder``; seconds of each step.

    Steps that an earlier, interrupted run of the same job finished are not repeated.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = _finished(folder)
    for number, (name, step) in enumerate(steps, 1):
        checkpoint = folder / f"{number:02}_{name}.onnx"
        print(f"{PROGRESS}{number}/{len(steps)} {name}", flush=True)
        if name in seconds and checkpoint.is_file():
            model = ModelWrapper(str(checkpoint))
            continue
        start = time.monotonic()
        try:
            model = step(model)
        except BnnHwError:
            raise
        except Exception as error:
            log.exception("step %s failed", name)
            raise StepError(name, error) from error
        model.save(str(checkpoint))
        seconds[name] = round(time.monotonic() - start, 2)
        (folder / DONE).write_text(json.dumps(seconds))
    return model, seconds


def _finished(folder: Path) -> dict[str, float]:
    try:
        record: dict[str, float] = json.loads((folder / DONE).read_text())
    except (OSError, ValueError):
        return {}
    return record
