"""Finds the open place-and-route tools: nextpnr-xilinx, its chip database and the X-Ray database.

Looked for in this order: the settings ``nextpnr``, ``chipdb`` and ``prjxray_db``
(bnn_hw/settings.py); the variables that openXC7's own packages set
(CHIPDB, PRJXRAY_DB_DIR, NEXTPNR_XILINX_DIR); PATH, and beside the program found there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bnn_hw import settings
from bnn_hw.errors import FaultList, ToolError
from bnn_hw.synth.xc7.database import fabric

PROGRAM = "nextpnr-xilinx"
MINIMUM = (0, 8)
INSTALL = (
    "install the openXC7 tools: `nix develop github:openXC7/toolchain-nix`, the snap package openxc7, or a "
    "tarball of github.com/fpgawars/tools-openxc7; then put nextpnr-xilinx on PATH or set BNN_HW_NEXTPNR"
)
_FAMILY = "zynq7"


@dataclass(frozen=True)
class Program:
    """nextpnr-xilinx on this machine."""

    path: Path
    version: str


@dataclass(frozen=True)
class OpenFlow:
    """All that the open flow needs for one device."""

    program: Program
    chip_database: Path
    xray_database: Path
    device: str


def find_program() -> Program:
    """Return nextpnr-xilinx; ToolError if it is missing, does not start or is too old."""
    named = settings.get("nextpnr")
    found = str(named[0]) if named else shutil.which(PROGRAM)
    if found is None:
        raise ToolError.at(PROGRAM, "is not on PATH and BNN_HW_NEXTPNR is not set", INSTALL)
    path = Path(found).absolute()
    place = f"{PROGRAM} ({named[1]} = {path})" if named else PROGRAM
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or "it gave no answer within 30 s"
        raise ToolError.at(place, f"cannot be started: {reason}", INSTALL) from error
    match = re.search(r"Version ([^\s)]+)", answer.stdout + answer.stderr)
    if not match or PROGRAM not in answer.stdout + answer.stderr:
        raise ToolError.at(place, "does not answer --version as nextpnr-xilinx does", INSTALL)
    number = re.match(r"(\d+)\.(\d+)", match[1])
    if number and (int(number[1]), int(number[2])) < MINIMUM:
        raise ToolError.at(place, f"has version {match[1]}; 0.8 or newer is needed", INSTALL)
    return Program(path, match[1])


def _beside(program: Program | None) -> Iterator[Path]:
    """Yield folders of an installation that may hold databases."""
    for name in ("NEXTPNR_XILINX_DIR",):
        if os.environ.get(name):
            yield Path(os.environ[name])
    if program:
        root = program.path.resolve().parent.parent
        yield from (root, root / "share/nextpnr", root / "opt/nextpnr-xilinx")
    yield Path("/snap/openxc7/current/opt/nextpnr-xilinx")


def chip_database(device: str, program: Program | None, *, pins: bool = False) -> Path:
    """Return the chip database file of ``device``.

    pins: whether the design uses package pins of the fabric. If not, a database of
    the same die in another package does as well. Raises ToolError if there is none.
    """
    die, footprint = fabric(device), device.rpartition("-")[0] or device
    names = [f"{name}.bin" for name in (device, footprint, *(() if pins else (die,)))]
    named = settings.get("chipdb")
    if named and named[0].is_file():
        return named[0]
    folders = [named[0]] if named else []
    if not named and os.environ.get("CHIPDB"):
        folders.append(Path(os.environ["CHIPDB"]))
    folders += [] if named else [place / "chipdb" for place in _beside(program)]
    for folder in folders:
        for name in names:
            if (folder / name).is_file():
                return folder / name
        others = [] if pins else sorted(folder.glob(f"{die}clg*.bin"))
        if others:
            return others[0]
    looked = (
        f"in {folders[0]} ({named[1]})" if named else "beside nextpnr-xilinx, and BNN_HW_CHIPDB is not set"
    )
    remedy = (
        f"make it: `nix run github:openXC7/toolchain-nix#build-chipdb -- {footprint}`, or nextpnr-xilinx' "
        f"own bbaexport.py --device {device} and bbasm; then set BNN_HW_CHIPDB to its folder"
    )
    raise ToolError.at(f"chip database {device}", f"none of {', '.join(names)} is {looked}", remedy)


def xray_database(device: str, program: Program | None) -> Path:
    """Return the X-Ray database's family folder; ToolError names the files that it lacks."""
    named = settings.get("prjxray_db")
    places = [named[0]] if named else []
    if not named:
        if os.environ.get("PRJXRAY_DB_DIR"):
            places.append(Path(os.environ["PRJXRAY_DB_DIR"]))
        places += [place / "external/prjxray-db" for place in _beside(program)]
    roots = [root for place in places for root in (place / _FAMILY, place)]
    needed = (f"{device}/part.json", f"{fabric(device)}/tilegrid.json", "segbits_int_l.db")
    for root in roots:
        missing = [name for name in needed if not (root / name).is_file()]
        if not missing:
            return root
        if len(missing) < len(needed) and (named or root == roots[-1]):
            cause = f"{root} has no {', '.join(missing)}"
            raise ToolError.at(f"X-Ray database {device}", cause, _XRAY_REMEDY)
    where = f"{named[0]} ({named[1]}) holds none" if named else "is not beside nextpnr-xilinx"
    raise ToolError.at(f"X-Ray database {device}", where, _XRAY_REMEDY)


_XRAY_REMEDY = (
    "openXC7's packages carry it; or get github.com/openXC7/prjxray-db and set BNN_HW_PRJXRAY_DB "
    "to its folder"
)


def find(device: str, *, pins: bool = False) -> OpenFlow:
    """Return everything the flow needs for ``device``; ToolError lists all that is missing together."""
    faults = FaultList()
    program: Program | None = None
    chip = xray = Path()
    try:
        program = find_program()
    except ToolError as error:
        faults.faults.extend(error.faults)
    try:
        chip = chip_database(device, program, pins=pins)
    except ToolError as error:
        faults.faults.extend(error.faults)
    try:
        xray = xray_database(device, program)
    except ToolError as error:
        faults.faults.extend(error.faults)
    faults.raise_if_any(ToolError)
    assert program is not None
    return OpenFlow(program, chip, xray, device)
