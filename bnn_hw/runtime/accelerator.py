"""The accelerator as a program uses it: load, classify, stream, gate, crowd (Python 3.8).

>>> with Accelerator.load("ncnv-pynq-z1") as accelerator:   # doctest: +SKIP
...     answers = accelerator.classify(pictures)
"""

import os
import threading
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Union

import numpy as np

from bnn_hw.manifest import Manifest
from bnn_hw.runtime import opening, tiles
from bnn_hw.runtime.batches import Batches
from bnn_hw.runtime.clock_check import check_clock
from bnn_hw.runtime.device import Device
from bnn_hw.runtime.engine import Counters, Engine, Shell
from bnn_hw.runtime.errors import ClosedError, InUseError, PictureError, WrongHardwareError
from bnn_hw.runtime.lock import ProcessLock
from bnn_hw.runtime.pictures import check_pictures
from bnn_hw.runtime.weights import load_weights, read_weights

_STEPS = {"mul": np.multiply, "div": np.divide, "add": np.add, "sub": np.subtract}


class Answers(NamedTuple):
    """What the accelerator said of a batch.

    classes: (frames,) int32, index of the winner; raw: (frames, classes) int32,
    integer scores as the hardware gives them; scores: (frames, classes) float32,
    as the trained network gives them, both without columns where the hardware tells
    the class alone (FINN's); names: of the classes.
    """

    classes: np.ndarray
    raw: np.ndarray
    scores: np.ndarray
    names: Sequence[str]

    def winners(self) -> List[str]:
        """Name of the winning class of each picture."""
        return [self.names[index] for index in self.classes]


class Answer(NamedTuple):
    """What the accelerator said of one picture: number and name of the class; raw, scores: (classes,)."""

    number: int
    name: str
    raw: np.ndarray
    scores: np.ndarray


class Tile(NamedTuple):
    """A tile of a large picture: row and column of its left upper corner and its side, in its pixels."""

    row: int
    column: int
    side: int
    answer: Answer


class Accelerator:
    """One accelerator, for one thread of one process at a time; others are refused, not queued.

    manifest: of the package; device: where it runs; engine: how it is driven.
    """

    def __init__(
        self,
        manifest: Manifest,
        device: Device,
        engine: Engine,
        batch: int,
        slots: int,
        colours: Optional[str],
        lock: Optional[ProcessLock],
    ) -> None:
        """Use :meth:`load`."""
        self.manifest, self.device, self.engine, self.colours = manifest, device, engine, colours
        frame_s = manifest.plan.interval_cycles / manifest.clock_hz
        batch = max(1, min(batch, engine.max_frames))
        slots = max(1, min(slots, engine.queue_jobs))
        self._batches = Batches(device, engine, batch, slots, frame_s)
        self._lock, self._busy, self._pid, self._closed = lock, threading.Lock(), os.getpid(), False

    @classmethod
    def load(
        cls,
        folder: Union[str, Path],
        device: Union[str, Device, None] = None,
        batch: int = 64,
        slots: int = 3,
        colours: Optional[str] = None,
        timeout_s: Optional[float] = None,
    ) -> "Accelerator":
        """Load a package's folder and bring its accelerator to life.

        device: ``"pynq"`` (the board this runs on), ``"software"`` (numpy instead of
        hardware), an open Device, or None for the board. batch: pictures of one job;
        slots: jobs whose memory is held, so that one runs while others are prepared
        and read back. colours: order of the channels in your pictures, such as BGR;
        None is the manifest's. timeout_s: how long nothing may move. Raises an
        AcceleratorError that names place, cause and remedy, with nothing left behind.
        """
        manifest = opening.read_manifest(Path(folder))
        opened, lock = opening.open_device(Path(folder), manifest, device)
        try:
            engine = opening.make_engine(manifest, opened)
            engine.prepare(timeout_s or opened.timeout_s)
            check_clock(opened, engine, opened.clock_hz or manifest.clock_hz)
            return cls(manifest, opened, engine, batch, slots, colours, lock)
        except BaseException:
            opening.give_back(opened, lock)
            raise

    # Using it

    def classify(self, images: np.ndarray) -> Answers:
        """Classify pictures (frames, height, width, channels), or one picture without the frame axis.

        Any number: they go through in batches, one running while others are prepared
        and read back. After an error the next call works.
        """
        pictures = check_pictures(images, self.manifest.input, colours=self.colours)
        size = self._batches.frames
        chunks = (pictures[start : start + size] for start in range(0, len(pictures), size))
        with self._alone():
            self.engine.set_gate(False)
            with closing(self._batches.run(chunks)) as run:
                parts = list(run)
        if not parts:
            columns = len(self.manifest.output.classes) if self.engine.gives_scores else 0
            parts = [(np.zeros((0, columns), np.int32), np.zeros(0, np.int32))]
        raw = np.concatenate([part[0] for part in parts])
        return self._answers(raw, np.concatenate([part[1] for part in parts]))

    def stream(self, pictures: Iterable[np.ndarray], batch: Optional[int] = None) -> Iterator[Answer]:
        """Yield an Answer for each picture (height, width, channels) of an iterable, in its order.

        batch: pictures of one job, at most the batch of :meth:`load`; 1 for a camera,
        whose answers are not to wait for further pictures. A picture at fault raises
        PictureError with its number, after the answers of all pictures before it; so
        does an exception of the iterable itself.
        """
        size = min(batch or self._batches.frames, self._batches.frames)
        with self._alone():
            self.engine.set_gate(False)
            with closing(self._batches.run(self._chunks(iter(pictures), size))) as run:
                for raw, winners in run:
                    yield from self._each(self._answers(raw, winners))

    def gate(self, image: np.ndarray) -> Answer:
        """Classify one picture on demand; before and after it the accelerator's clock stands still."""
        picture = check_pictures(image, self.manifest.input, "picture", self.colours)
        if len(picture) != 1:
            raise PictureError("picture", "are {}".format(len(picture)), "give one; classify() takes more")
        with self._alone():
            self.engine.set_gate(True)
            with closing(self._batches.run([picture])) as run:
                ((raw, winners),) = list(run)
        return next(self._each(self._answers(raw, winners)))

    def crowd(
        self, frame: np.ndarray, sides: Optional[Sequence[int]] = None, overlap: float = 0.5
    ) -> List[Tile]:
        """Classify all tiles of a large picture (rows, columns, channels), uint8, as one batch.

        sides: sides of the tiles in pixels of the picture; from the network's size
        upwards by factors of 2 if left out. overlap: share that neighbours have in
        common. It classifies every tile: where no face is, the answer means nothing.
        """
        frame = np.asarray(frame)
        shape = self.manifest.input.shape
        chosen = tiles.default_sides(frame.shape[:2], shape[0]) if sides is None else list(sides)
        cuts, grids = tiles.cut(frame, shape, chosen or [shape[0]], overlap)
        places = [(row, column, grid.side) for grid in grids for row, column in grid.corners.tolist()]
        answers = self._each(self.classify(cuts))
        return [Tile(row, column, side, answer) for (row, column, side), answer in zip(places, answers)]

    def load_weights(self, path: Union[str, Path]) -> str:
        """Load another network of the same structure; return its name.

        path: file that ``bnn-hw weights`` wrote for this build. Golden vectors and
        classes stay those of the package. Needs an accelerator whose weights can be
        loaded; after an error load weights again before anything is classified.
        """
        weights = read_weights(Path(path))
        with self._alone():
            if not isinstance(self.engine, Shell):
                cause = "its weights are fixed in the hardware"
                raise WrongHardwareError(self.device.name, cause, "build it with --weights runtime")
            self.engine.set_gate(False)
            load_weights(self.engine, weights)
        return weights.network

    # What it tells

    def status(self) -> str:
        """State of the hardware for a person."""
        with self._alone():
            return self.engine.status()

    def counters(self) -> Optional[Counters]:
        """The hardware's counters; None where the device has none."""
        with self._alone():
            return self.engine.counters() if self.device.counts_cycles else None

    def clear_counters(self) -> None:
        """Set the counters to zero."""
        with self._alone():
            self.engine.clear_counters()

    @property
    def batch(self) -> int:
        """Pictures of one job."""
        return self._batches.frames

    def describe(self) -> Dict[str, Any]:
        """What runs where, for a record of results."""
        return {
            "network": self.manifest.name,
            "digest": self.manifest.digest,
            "board": self.manifest.board.name,
            "device": self.device.name,
            "batch": self._batches.frames,
        }

    # Its end

    def close(self) -> None:
        """Stop the accelerator and give memory, device and lock back; a second call does nothing.

        Memory that a stuck accelerator might still write to is not given back:
        StallError says so.
        """
        if self._closed or os.getpid() != self._pid:
            return
        if not self._busy.acquire(blocking=False):
            raise InUseError("accelerator", "is in use by another thread or an open stream", "end that first")
        self._closed = True
        try:
            self._batches.drop()
            self._batches.free()
        finally:
            opening.give_back(self.device, self._lock)
            self._busy.release()

    def __enter__(self) -> "Accelerator":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self.close()
        except Exception:
            if kind is None:  # else what went wrong first is what counts
                raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if os.getpid() != self._pid:
            remedy = "load it in the process that uses it"
            raise ClosedError("accelerator", "was loaded in process {}".format(self._pid), remedy)
        if not self._busy.acquire(blocking=False):
            cause = "is in use by another thread or an open stream"
            raise InUseError("accelerator", cause, "finish or close the stream; use one thread")
        try:
            if self._closed:
                raise ClosedError("accelerator", "is closed", "load it again")
            yield
        finally:
            self._busy.release()

    def _chunks(self, pictures: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
        """Gather checked pictures; those before a picture at fault come first, then its error."""
        number = 0
        while True:
            good: List[np.ndarray] = []
            failure: Optional[Exception] = None
            try:
                for picture in islice(pictures, size):
                    place = "picture {}".format(number)
                    checked = check_pictures(picture, self.manifest.input, place, self.colours)
                    if len(checked) != 1:
                        remedy = "give one picture at a time; classify() takes batches"
                        raise PictureError(place, "has the shape {}".format(np.shape(picture)), remedy)
                    good.append(checked)
                    number += 1
            except Exception as error:
                failure = error
            if good:
                yield np.concatenate(good)
            if failure is not None:
                raise failure
            if len(good) < size:
                return

    def _answers(self, raw: np.ndarray, winners: np.ndarray) -> Answers:
        scores = raw.astype(np.float32)
        for name, operand in self.manifest.output.score_steps if self.engine.gives_scores else ():
            scores = _STEPS[name](scores, np.asarray(operand, np.float32))
        return Answers(winners, raw, scores, self.manifest.output.classes)

    @staticmethod
    def _each(answers: Answers) -> Iterator[Answer]:
        for index, raw, scores in zip(answers.classes.tolist(), answers.raw, answers.scores):
            yield Answer(index, answers.names[index], raw, scores)
