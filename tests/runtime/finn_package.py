"""A package with FINN's shell and bit file: the same folder and manifest as our own hardware's."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from bnn_hw.manifest import BackendRecord, PlanRecord
from bnn_hw.package.write import Foreign, write_package
from bnn_hw.runtime.finn_shell import KIND
from tests.packages import bit_bytes, contents
from tests.runtime.finn_handoff import ADDRESSES, finn_hwh

SETTINGS = {
    "windows": list(ADDRESSES),
    "reference_hz": 100_000_000,
    "frame_bytes": 8 * 8 * 3,
    "result_bytes": 1,
    "result_bits": 2,
}


def make_finn_package(folder: Path, clock_hz: int = 100_000_000) -> Path:
    """Write a package folder of the small network and return it."""
    (folder / "x.bit").write_bytes(bit_bytes())
    (folder / "x.hwh").write_text(finn_hwh("top"))
    plan = PlanRecord("folding=table1", 500, 900, 200_000.0)
    made = contents(folder / "x.bit")
    foreign = Foreign(BackendRecord(KIND, SETTINGS), plan, folder / "x.hwh")
    made = dataclasses.replace(made, foreign=foreign, plan=dataclasses.replace(made.plan, clock_hz=clock_hz))
    package = folder / made.name
    write_package(made, package)
    return package
