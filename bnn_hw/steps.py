"""Resumable build steps: each fills one folder, atomically, stamped with the digest of its inputs.

A step works in a temporary folder that is renamed into place when it is
complete, so an interrupted run leaves nothing that a later run could take for a
result. ``stamp.json`` in the folder holds the input digest;
a step runs again only when that digest changed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn_hw.folders import whole_folder

STAMP = "stamp.json"
PACKAGE = Path(__file__).parent


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON-able value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def digest_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest_tree(path: Path) -> str:
    """Digest of a file, or of the names, sizes and times of all files in a folder; "" if there is none."""
    if path.is_file():
        return digest_file(path)
    files = sorted(item for item in path.rglob("*") if item.is_file())
    return digest_of([(str(item), item.stat().st_size, item.stat().st_mtime_ns) for item in files])


def digest_sources(names: Iterable[str]) -> str:
    """Digest of the package's own code under ``names``: changed code makes old results stale."""
    sha = hashlib.sha256()
    for name in sorted(names):
        root = PACKAGE / name
        files = sorted(path for path in root.rglob("*") if path.is_file()) if root.is_dir() else [root]
        for path in files:
            if path.suffix not in (".pyc",):
                sha.update(str(path.relative_to(PACKAGE)).encode() + path.read_bytes())
    return sha.hexdigest()


@dataclass(frozen=True)
class Step:
    """One step: what it depends on, and the function that fills its folder.

    inputs: everything the result depends on, JSON-able (options, digests of files);
    sources: package files and folders whose code makes the result;
    needs: names of earlier steps; their digests count as inputs;
    run: called with the folder to fill.
    """

    name: str
    inputs: Callable[[], Mapping[str, Any]]
    sources: tuple[str, ...]
    needs: tuple[str, ...]
    run: Callable[[Path], None]


@dataclass(frozen=True)
class StepResult:
    """What happened to a step: its folder, whether it ran now, and the seconds it took when it ran."""

    name: str
    folder: Path
    ran: bool
    seconds: float


class Pipeline:
    """Runs steps in order inside ``root``, skipping those whose stamp still holds."""

    def __init__(self, root: Path, steps: Iterable[Step]) -> None:
        self.root = root
        self.steps = {step.name: step for step in steps}
        self.digests: dict[str, str] = {}

    def folder(self, name: str) -> Path:
        return self.root / name

    def _digest(self, step: Step) -> str:
        return digest_of(
            {
                "step": step.name,
                "inputs": dict(step.inputs()),
                "sources": digest_sources(step.sources),
                "needs": {name: self.digests[name] for name in step.needs},
            }
        )

    def _stamped(self, step: Step) -> dict[str, Any]:
        try:
            stamp = json.loads((self.folder(step.name) / STAMP).read_text())
            return stamp if isinstance(stamp, dict) else {}
        except (OSError, ValueError):
            return {}

    def run(self, last: str, announce: Callable[[str, bool], None] = lambda *_: None) -> list[StepResult]:
        """Run all steps that ``last`` needs, directly or not, and ``last`` itself.

        announce(name, stored) is called before each step; ``stored`` tells that an
        earlier result is used.
        """
        results = []
        for step in self.order(last):
            digest = self.digests[step.name] = self._digest(step)
            stamp = self._stamped(step)
            if stamp.get("digest") == digest:
                announce(step.name, True)
                results.append(StepResult(step.name, self.folder(step.name), False, stamp["seconds"]))
                continue
            announce(step.name, False)
            results.append(self._execute(step, digest))
        return results

    def order(self, last: str) -> list[Step]:
        """Return the steps that ``last`` needs, in the order they were given."""
        wanted, queue = set(), [last]
        while queue:
            name = queue.pop()
            if name not in wanted:
                wanted.add(name)
                queue.extend(self.steps[name].needs)
        return [step for name, step in self.steps.items() if name in wanted]

    def _execute(self, step: Step, digest: str) -> StepResult:
        start = time.monotonic()
        with whole_folder(self.folder(step.name)) as scratch:
            step.run(scratch)
            seconds = round(time.monotonic() - start, 2)
            stamp = {"step": step.name, "digest": digest, "seconds": seconds}
            (scratch / STAMP).write_text(json.dumps(stamp, indent=1) + "\n")
        return StepResult(step.name, self.folder(step.name), True, seconds)
