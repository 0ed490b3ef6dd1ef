"""The training loop: draws, variations, steps, validation, and a state that it resumes from exactly."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from bnn_hw.data.folder import PictureSet
from bnn_hw.data.split import Split, draw_balanced, draw_grouped, draw_weighted
from bnn_hw.errors import InputError
from bnn_hw.progress import Reporter
from bnn_hw.train import checkpoint
from bnn_hw.train.augment import paste_boxes
from bnn_hw.train.distributed import Ranks
from bnn_hw.train.inference import to_tensor, validate
from bnn_hw.train.logs import TrainingLog
from bnn_hw.train.networks import Network
from bnn_hw.train.recipe import BFLOAT16, GROUPED, ROOTED, WEIGHTED, Recipe

STATE = "state.pt"
BEST = "checkpoint.pt"

SMOOTHED_EPOCHS = 5
"""Epochs whose mean validation loss decides: that of a single one is luck where a class has few pictures."""


@dataclass
class Progress:
    """How far a training is: the epochs done, the best of them, and one log row for each.

    best_loss: the mean validation loss of SMOOTHED_EPOCHS epochs that end with the best.
    """

    epoch: int
    best_loss: float
    best_epoch: int
    history: list[dict[str, float]]


class Fit:
    """One training of ``net`` on ``split``; everything it leaves lies in ``folder``.

    Every random choice of an epoch comes from generators seeded by (seed,
    epoch, process), so that state.pt, written after each epoch, holds all that
    the following epochs depend on: an interrupted training that goes on ends
    bit for bit like one that was never interrupted.
    """

    def __init__(
        self,
        net: Network,
        split: Split,
        recipe: Recipe,
        folder: Path,
        reporter: Reporter,
        ranks: Ranks | None = None,
        teacher: Network | None = None,
    ) -> None:
        settings = recipe.settings
        self.net, self.split, self.recipe, self.settings = net, split, recipe, settings
        self.folder, self.reporter, self.ranks = folder, reporter, ranks or Ranks()
        self.teacher = teacher.eval() if teacher is not None else None
        # Channels fastest: a fifth less time for a step on a CPU.
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        self._trained = self.ranks.wrap(net)
        self._images = to_tensor(split.train.images)
        self._labels = torch.from_numpy(split.train.labels)
        self._shares = {source.group: source.share for source in recipe.sources}
        self.optimiser = torch.optim.Adam(net.parameters(), lr=settings.peak_rate)
        steps = -(-settings.pictures_per_epoch // settings.batch_size)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, settings.peak_rate, total_steps=steps * settings.epochs
        )
        self.fingerprint = _fingerprint(net, recipe, split, teacher, self.ranks.size)
        self._loss = MeanMetric()
        self._accuracy = MulticlassAccuracy(len(recipe.classes), average="micro", validate_args=False)

    def run(self) -> Progress:
        """Train to the last epoch, or until validation has not gained for ``patience`` epochs.

        Goes on where an earlier run of the same training stopped. Raises
        InputError when the folder holds another unfinished training.
        """
        progress = self._resume() or Progress(0, float("inf"), 0, [])
        log = TrainingLog(self.folder, progress.history) if self.ranks.first else None
        settings = self.settings
        try:
            with self.reporter.bar("training", total=settings.epochs) as advance:
                for epoch in range(progress.epoch + 1, settings.epochs + 1):
                    if self._exhausted(progress):
                        break
                    self._epoch(epoch, progress, log)
                    row = progress.history[-1]
                    advance(
                        epoch,
                        f"epoch {epoch} of {settings.epochs}: loss {row['train_loss']:.4f}, validation loss "
                        f"{row['validation_loss']:.4f}, mean recall {row['validation_macro_recall']:.2%}, "
                        f"{row['seconds']:.1f} s",
                    )
        finally:
            if log is not None:
                log.close()
        return progress

    def _exhausted(self, progress: Progress) -> bool:
        patience = self.settings.patience
        return bool(patience) and progress.epoch - progress.best_epoch >= patience

    def _epoch(self, epoch: int, progress: Progress, log: TrainingLog | None) -> None:
        started = time.monotonic()
        figures = self._train(epoch)
        # Only the first process holds the validation figures; all act on its loss.
        judged = validate(self.net, self.split.validation) if self.ranks.first else {"validation_loss": 0.0}
        judged["validation_loss"] = self.ranks.agreed(judged["validation_loss"])
        progress.epoch = epoch
        smoothed = _smoothed(
            [row["validation_loss"] for row in progress.history] + [judged["validation_loss"]]
        )
        gained = smoothed < progress.best_loss
        if gained:
            progress.best_loss, progress.best_epoch = smoothed, epoch
        row = {
            "epoch": epoch,
            **figures,
            "validation_accuracy": 0.0,
            "validation_macro_recall": 0.0,
            **judged,
        }
        progress.history.append({**row, "seconds": round(time.monotonic() - started, 2)})
        if self.ranks.first:
            if gained:
                checkpoint.save_network(self.net, self.recipe.classes, epoch, self.folder / BEST)
            self._save(progress)
            if log is not None:
                log.add(progress.history[-1])
        self.ranks.wait()

    def draw(self, epoch: int) -> NDArray[np.int64]:
        """Rows of the training part that epoch ``epoch`` goes through, in order."""
        rng = np.random.default_rng([self.settings.seed, epoch])
        part, count = self.split.train, self.settings.pictures_per_epoch
        if self.settings.sampling == WEIGHTED:
            return draw_weighted(part.labels, count, rng)
        if self.settings.sampling == GROUPED:
            return draw_grouped(part.labels, part.group_of, self._shares, count, rng)
        return draw_balanced(part.labels, count, rng, 0.5 if self.settings.sampling == ROOTED else 0.0)

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's share of each batch of an epoch: varied pixels and labels.

        Labels are (N,), or where boxes are pasted each class's share in each picture (N, classes).
        """
        settings = self.settings
        words = np.random.SeedSequence([settings.seed, epoch, self.ranks.rank]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))
        for rows in torch.from_numpy(self.draw(epoch)).split(settings.batch_size):
            mine = rows[self.ranks.rank :: self.ranks.size]
            pixels, labels = settings.augmentation(self._images[mine].float(), generator), self._labels[mine]
            if settings.paste_share:
                classes = len(self.recipe.classes)
                pixels, labels = paste_boxes(pixels, labels, classes, settings.paste_share, generator)
            yield pixels.contiguous(memory_format=torch.channels_last), labels

    def _train(self, epoch: int) -> dict[str, float]:
        self._trained.train()
        self._loss.reset()
        self._accuracy.reset()
        rate = self.schedule.get_last_lr()[0]
        for pixels, labels in self.batches(epoch):
            with self._arithmetic():
                scores = self._trained(pixels).float()
            loss = self._loss_of(pixels, scores, labels)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.schedule.step()
            self._loss.update(loss.detach(), len(labels))
            self._accuracy.update(scores.detach(), labels if labels.dim() == 1 else labels.argmax(dim=1))
        # With several processes the metrics gather from all of them.
        return {
            "learning_rate": float(rate),
            "train_loss": float(self._loss.compute()),
            "train_accuracy": float(self._accuracy.compute()),
        }

    def _arithmetic(self) -> torch.autocast:
        """Convolutions and dense layers in bfloat16 within it, where the settings say so."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.settings.arithmetic == BFLOAT16)

    def _loss_of(self, pixels: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
        settings = self.settings
        loss = functional.cross_entropy(scores, labels, label_smoothing=settings.label_smoothing)
        if self.teacher is None:
            return loss
        heat = settings.distil_temperature
        with torch.no_grad(), self._arithmetic():
            taught = functional.softmax(self.teacher(pixels).float() / heat, dim=1)
        # Times the temperature squared, so that the gradients keep their size (G. Hinton et al., 2015).
        told = functional.kl_div(functional.log_softmax(scores / heat, dim=1), taught, reduction="batchmean")
        return (1.0 - settings.distil_share) * loss + settings.distil_share * heat**2 * told

    def _save(self, progress: Progress) -> None:
        record = {
            "fingerprint": self.fingerprint,
            "progress": asdict(progress),
            "network": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
        }
        checkpoint.save_whole(record, self.folder / STATE)

    def _resume(self) -> Progress | None:
        path = self.folder / STATE
        if not path.exists():
            return None
        state = checkpoint.read(path)
        remedy = (
            "finish it with the same command, start anew with --fresh, or choose another folder with --out"
        )
        if state.get("fingerprint") != self.fingerprint:
            raise InputError.at(path, "belongs to a training with other settings, data or processes", remedy)
        self.net.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        progress = Progress(**state["progress"])
        if self.ranks.first and progress.epoch < self.settings.epochs:
            self.reporter.say(f"going on after epoch {progress.epoch} of {self.settings.epochs}")
        return progress

    def reestimate(self, path: Path) -> bool:
        """Estimate the best epoch's batch norms anew; keep them where validation gains. Whether it did.

        While training, the running figures trail the weights, and with binary
        weights a small step flips signs that shift them.
        """
        count = self.settings.reestimate_batches
        if not count:
            return False
        state = checkpoint.read(path)
        if state.get("reestimated"):
            return True
        net, classes = checkpoint.load_network(path)
        before = validate(net, self.split.validation)["validation_loss"]
        norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all batches
        net.train()
        with torch.no_grad():
            for number, (pixels, _labels) in enumerate(self.batches(0)):
                if number == count:
                    break
                net(pixels)
        after = validate(net, self.split.validation)["validation_loss"]
        if after >= before:
            return False
        checkpoint.save_network(net, classes, int(state["epoch"]), path, reestimated=True)
        return True


def _smoothed(losses: Sequence[float]) -> float:
    """Mean of the last SMOOTHED_EPOCHS losses, of fewer where there are no more."""
    last = losses[-SMOOTHED_EPOCHS:]
    return sum(last) / len(last)


def _fingerprint(net: Network, recipe: Recipe, split: Split, teacher: Network | None, processes: int) -> str:
    """Digest of all that a training depends on, ``net`` as it begins, but for what may change meanwhile."""
    digest = hashlib.sha256()
    shares = sorted((source.group, source.share) for source in recipe.sources)
    settings = {name: value for name, value in asdict(recipe.settings).items() if name != "patience"}
    plan = [recipe.network, recipe.classes, settings, shares, processes]
    digest.update(json.dumps(plan).encode())
    for part in (split.train, split.validation):
        _add(digest, part)
    for given in (net, teacher):
        for value in given.state_dict().values() if given is not None else ():
            digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def _add(digest: Any, part: PictureSet) -> None:
    digest.update(part.labels.tobytes())
    digest.update(part.images.tobytes())
    digest.update("/".join(part.groups).encode())
