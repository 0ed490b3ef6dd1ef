"""The log of a training: log.csv, and event files for TensorBoard."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from bnn_hw.errors import OutputError

COLUMNS = (
    "epoch",
    "learning_rate",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "validation_macro_recall",
    "seconds",
)


class TrainingLog:
    """Writes one row an epoch to ``folder/log.csv`` and ``folder/tensorboard``.

    history: the rows of the epochs before, when a training goes on; what was
    logged after them is dropped. Raises OutputError.
    """

    def __init__(self, folder: Path, history: Sequence[Mapping[str, float]]) -> None:
        self._path = folder / "log.csv"
        self._rows = list(history)
        try:
            self._events = SummaryWriter(  # type: ignore[no-untyped-call]
                str(folder / "tensorboard"), purge_step=len(self._rows) + 1
            )
        except OSError as error:
            raise _unwritable(folder, error) from error
        self._write()

    def add(self, row: Mapping[str, float]) -> None:
        """Log an epoch; ``row`` has the columns of :data:`COLUMNS`."""
        self._rows.append(row)
        self._write()
        for name in COLUMNS[1:]:
            self._events.add_scalar(name, row[name], int(row["epoch"]))  # type: ignore[no-untyped-call]
        self._events.flush()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        self._events.close()  # type: ignore[no-untyped-call]

    def _write(self) -> None:
        partial = self._path.with_suffix(".partial")
        try:
            with partial.open("w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(self._rows)
            partial.replace(self._path)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        finally:
            partial.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> Exception:
    return OutputError.at(
        path, f"cannot be written: {error.strerror or error}", "choose a writable folder with space"
    )
