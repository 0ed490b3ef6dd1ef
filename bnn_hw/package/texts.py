"""The texts of a package: bench.py, install notes, a notebook for the board's Jupyter."""

from __future__ import annotations

import json

from bnn_hw.manifest import Manifest

BENCH = '''#!/usr/bin/env python3
"""Measures this package's accelerator: python3 bench.py --help (Python 3.8)."""

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))

from bnn_hw.runtime.bench import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main([str(FOLDER), *sys.argv[1:]]))
'''

README = """# {title}

Accelerator of the network {name} for {board} ({device}), built for {clock} MHz by bnn_hw {version}.
Planned: {fps:,.0f} frames/s, {interval:,} cycles from frame to frame, {latency:,} cycles latency.

{state}

## Run it

On the board, with its PYNQ image (2.7, 3.0 or 3.1), as root. Nothing is to be installed: Python 3.8
or newer, numpy 1.20 to 1.26 and pynq are in the image. Do not upgrade pynq: 4.0 no longer has this board.

```
tar xzf {folder}.tar.gz && cd {folder}
sudo -E python3 bench.py                    # speed, latency, golden vectors
sudo -E python3 bench.py --power csv:meter.csv --compare paper
```

On PYNQ 3.0 and 3.1 activate its environment first: `source /etc/profile.d/pynq_venv.sh`. Without a
board, `python3 bench.py --device software` runs the same calls in numpy: the same answers, not the speed.

In a program (or `classify.ipynb` in the board's Jupyter):

```python
from bnn_hw.runtime import Accelerator

with Accelerator.load("{folder}") as accelerator:
    answers = accelerator.classify(pictures)   # uint8 (frames, {height}, {width}, {channels}){colours}
    print(answers.winners())
```

## What lies here

| file | what it is |
|---|---|
| `{folder}.bit`, `.hwh` | configuration of the fabric, and what PYNQ needs to know of it |
| `manifest.json` | network, digest, board, clock, pixel format, classes, plan, digests of all files |
| `golden.npz` | pictures with the answers that must come out, bit by bit |
| `network/` | the integer network, for the software device |
| `bnn_hw/` | the driver: Python 3.8 and numpy |
| `bench.py`, `classify.ipynb` | measure it; try it |

Errors name the place, the cause and the remedy; after each of them the next call works, or the message
says what to restart.
"""

_WITH_BIT = "This package has never been run on a board by those who made it: run bench.py and look at its"
_WITH_BIT += " golden vectors before you rely on it."
_WITHOUT_BIT = (
    "It holds no bit file yet and runs on the software device only; make it again with "
    "`bnn-hw package --with-bitstream`, or `--bit FILE`."
)

_GATED = "\n\nThe accelerator's clock stands still before and after it."


def files(manifest: Manifest, has_bit: bool, bit_state: str = "") -> dict[str, str]:
    """Return the texts by file name. bit_state: how the bit file was made."""
    return {
        "bench.py": BENCH,
        "README.md": readme(manifest, has_bit, bit_state),
        "classify.ipynb": notebook(manifest),
    }


def _folder(manifest: Manifest) -> str:
    return f"{manifest.name}-{manifest.board.name}"


def readme(manifest: Manifest, has_bit: bool, bit_state: str = "") -> str:
    """Return the install notes."""
    pixels = manifest.input
    return README.format(
        title=manifest.title,
        name=manifest.name,
        board=manifest.board.title,
        device=manifest.board.device,
        clock=f"{manifest.clock_hz / 1e6:g}",
        version=manifest.versions["bnn_hw"],
        fps=manifest.plan.fps,
        interval=manifest.plan.interval_cycles,
        latency=manifest.plan.latency_cycles,
        state=f"{bit_state} {_WITH_BIT}".strip() if has_bit else _WITHOUT_BIT,
        folder=_folder(manifest),
        height=pixels.height,
        width=pixels.width,
        channels=pixels.channels,
        colours=f", {pixels.colours}" if pixels.colours else "",
    )


def notebook(manifest: Manifest) -> str:
    """Return a Jupyter notebook (format 4.2) that loads the accelerator and checks the golden vectors."""
    cells = [
        (
            "markdown",
            f"# {manifest.title}\n\nRun as root on the board (PYNQ's Jupyter does). Elsewhere set\n"
            '`DEVICE = "software"`.',
        ),
        (
            "code",
            "import sys\nfrom pathlib import Path\n\nimport numpy as np\n\nFOLDER = Path.cwd()\n"
            'sys.path.insert(0, str(FOLDER))\n\nfrom bnn_hw.runtime import Accelerator\n\nDEVICE = "pynq"',
        ),
        ("code", "accelerator = Accelerator.load(FOLDER, device=DEVICE)\naccelerator.describe()"),
        ("markdown", "## Golden vectors\n\nEvery score must be equal, bit by bit."),
        (
            "code",
            'golden = np.load(FOLDER / "golden.npz")\nanswers = accelerator.classify(golden["images"])\n'
            'assert np.array_equal(answers.classes, golden["classes"]), "it is not the network"\n'
            "assert not answers.raw.size or np.array_equal(answers.raw, "
            'golden["raw"]), "it is not the network"\n'
            "answers.winners()[:10]",
        ),
        ("markdown", "## One picture on demand" + (_GATED if manifest.backend.kind == "bnn_hw" else "")),
        ("code", 'accelerator.gate(golden["images"][0])'),
        ("markdown", "## A crowd\n\nA large picture cut into tiles at several scales."),
        (
            "code",
            'side = 8 * golden["images"].shape[1]\nframe = np.random.default_rng(0).integers('
            '0, 256, (side, side, golden["images"].shape[3]), np.uint8)\n'
            "tiles = accelerator.crowd(frame)\nlen(tiles), tiles[0]",
        ),
        ("markdown", "## Speed, latency, power"),
        (
            "code",
            "from bnn_hw.runtime import bench\n\naccelerator.close()\n"
            'bench.main([str(FOLDER), "--device", DEVICE, "--compare", "paper"])',
        ),
    ]
    record = {
        "cells": [_cell(kind, text) for kind, text in cells],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 2,
    }
    return json.dumps(record, indent=1) + "\n"


def _cell(kind: str, text: str) -> dict[str, object]:
    cell: dict[str, object] = {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell
