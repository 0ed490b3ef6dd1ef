"""Training speed: an epoch of a network with Brevitas against plain float PyTorch of the same shape.

With Brevitas also in bfloat16. All take the same draws and variations from the
same loader in one run, batch by batch in turn, so that a change of the machine's
load meets all alike.

    python benchmarks/train_speed.py cnv --pictures 6000 --data ~/data
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from bnn_hw.data.sources import read_sources
from bnn_hw.data.split import split_by_person
from bnn_hw.errors import BnnHwError
from bnn_hw.progress import Reporter
from bnn_hw.train.fit import Fit
from bnn_hw.train.networks import network_of
from bnn_hw.train.recipe import BFLOAT16, BINARY, FLOAT, FLOAT32, load_recipe

MOST = 1.5

# Precision and arithmetic of what is compared.
KINDS = {"binary": (BINARY, FLOAT32), "binary_bfloat16": (BINARY, BFLOAT16), "float": (FLOAT, FLOAT32)}


def step_seconds(
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    pixels: torch.Tensor,
    labels: torch.Tensor,
    arithmetic: str,
) -> float:
    """One training step."""
    started = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=arithmetic == BFLOAT16):
        scores = net(pixels).float()
    loss = functional.cross_entropy(scores, labels)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return time.perf_counter() - started


def measure(name: str, pictures: int, batch: int, data: Path | None) -> dict[str, float | str | int]:
    """Seconds of an epoch of ``pictures``: of loading, which is shared, and with it of each of KINDS."""
    recipe = load_recipe(name).changed(pictures_per_epoch=pictures, batch_size=batch)
    split = split_by_person(read_sources(data, recipe.sources, recipe.classes))
    nets = {
        kind: network_of(recipe.network, precision, len(recipe.classes)).train()
        for kind, (precision, _) in KINDS.items()
    }
    for net in nets.values():
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    optimisers = {kind: torch.optim.Adam(net.parameters(), lr=1e-3) for kind, net in nets.items()}
    fit = Fit(nets["binary"], split, recipe, Path(), Reporter(quiet=True))
    seconds = dict.fromkeys(("loading", *nets), 0.0)
    for epoch in (0, 1):  # the first only warms up
        taken = dict.fromkeys(seconds, 0.0)
        started = time.perf_counter()
        for number, (pixels, labels) in enumerate(fit.batches(epoch)):
            taken["loading"] += time.perf_counter() - started
            if epoch == 0 and number == 3:
                break
            for kind, net in nets.items():
                taken[kind] += step_seconds(net, optimisers[kind], pixels, labels, KINDS[kind][1])
            started = time.perf_counter()
        seconds = taken
    whole = {kind: seconds["loading"] + seconds[kind] for kind in nets}
    return {
        "network": name,
        "pictures": pictures,
        "batch_size": batch,
        "threads": torch.get_num_threads(),
        "loading_s": round(seconds["loading"], 2),
        **{f"{kind}_epoch_s": round(taken, 2) for kind, taken in whole.items()},
        "binary_over_float": round(whole["binary"] / whole["float"], 3),
        "binary_bfloat16_over_binary": round(whole["binary_bfloat16"] / whole["binary"], 3),
        "bar": MOST,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", nargs="?", default="cnv")
    parser.add_argument("--pictures", type=int, default=6000)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    try:
        record = measure(options.network, options.pictures, options.batch_size, options.data)
    except BnnHwError as error:
        raise SystemExit(f"error: {error}") from error
    print(json.dumps(record, indent=1))
    raise SystemExit(0 if float(record["binary_over_float"]) <= MOST else 1)


if __name__ == "__main__":
    main()
