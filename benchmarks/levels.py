"""Longest combinational path of matrix units, in cells (LUT, CARRY4, MUXF), by target clock.

    python benchmarks/levels.py --out build/levels

Random weights, structural arithmetic. Each unit is mapped by Yosys; ltp, its longest topological path
without registers, counts the cells.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from cost_units import measure, mvtu
from rich.console import Console
from rich.table import Table

from bnn_hw.pipeline.latency import NOMINAL_CLOCK_HZ, dot_cuts
from bnn_hw.pipeline.stages import Mvtu

CLOCKS_HZ = (NOMINAL_CLOCK_HZ, 150_000_000, 200_000_000)
# fmt: off
SIZES = (
    (144, 16, 4, 16, "logic"), (288, 32, 4, 32, "logic"), (576, 64, 2, 64, "logic"),
    (288, 32, 4, 288, "logic"),
)
# fmt: on

_LTP = """
from pyosys import libyosys
design = libyosys.Design()
for command in ("read_verilog netlist.v", "hierarchy -top units", "ltp -noff"):
    libyosys.run_pass(command, design)
"""


def unit(size: tuple[int, int, int, int, str], clock_hz: int, accumulate: str) -> Mvtu:
    """The unit as a plan for this clock has it."""
    plain = mvtu(*size)
    return replace(plain, cuts=dot_cuts(plain.simd, clock_hz), accumulate=accumulate)


def longest_path(netlist: Path) -> int:
    """Cells on the longest path of a mapped netlist."""
    command = [sys.executable, "-c", _LTP.replace("netlist.v", str(netlist))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Longest topological path in \S+ \(length=(\d+)\)", done.stdout)
    assert found, done.stdout[-2000:]
    return int(found[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/levels"))
    options = parser.parse_args()
    rows = []
    for size in SIZES:
        for accumulate in ("lut", "dsp"):
            row = {"unit": f"{size[0]}x{size[1]}, PE {size[2]}, SIMD {size[3]}", "accumulate": accumulate}
            for clock_hz in CLOCKS_HZ:
                folder = options.out / f"{'_'.join(map(str, size))}_{accumulate}_{clock_hz // 10**6}"
                (found,) = measure([unit(size, clock_hz, accumulate)], folder).values()
                levels = longest_path(folder / "synth" / "netlist.v")
                row[f"{clock_hz // 10**6} MHz"] = f"{levels} levels, {found.lut:g} LUT, {found.ff:g} FF"
            rows.append(row)
            (options.out / "levels.json").write_text(json.dumps(rows, indent=1) + "\n")
    table = Table(title="longest path of matrix units, by target clock", title_justify="left")
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        table.add_row(*row.values())
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
