"""The processes of one training: alone, or several started by torchrun on one or more machines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn

from bnn_hw.errors import ConfigError


@dataclass(frozen=True)
class Ranks:
    """This process's number, from 0, and how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the files and talks to the user."""
        return self.rank == 0

    def wrap(self, net: nn.Module) -> nn.Module:
        """The network as it is trained: with several processes their gradients are averaged."""
        return nn.parallel.DistributedDataParallel(net) if self.size > 1 else net

    def agreed(self, value: float) -> float:
        """The first process's value, in every process."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(shared, src=0)
        return float(shared)

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def processes() -> Iterator[Ranks]:
    """The processes that torchrun started, joined for the body; one process without torchrun.

    Raises ConfigError when torchrun's variables are not what they should be or
    the processes do not find each other.
    """
    if "WORLD_SIZE" not in os.environ or dist.is_initialized():
        joined = dist.is_initialized()
        yield Ranks(dist.get_rank(), dist.get_world_size()) if joined else Ranks()
        return
    try:
        dist.init_process_group("gloo")
    except (ValueError, RuntimeError) as error:
        raise ConfigError.at(
            "torchrun", f"the processes cannot join: {error}", "start with torchrun --nproc-per-node N"
        ) from error
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
