"""Longest combinational path, in cells (LUT, CARRY4, MUXF): of a netlist, or of matrix units by target clock.

    python benchmarks/levels.py build/ncnv/pynq-z1/fps-97656/synth/netlist.v
    python benchmarks/levels.py --units --out build/levels

Yosys' ltp counts the cells of the longest path between flip-flops, RAM, shift registers and DSP slices.
Units are synthesised for it, with random weights and structural arithmetic.
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
from bnn_hw.rtl.top import TOP

CLOCKS_HZ = (NOMINAL_CLOCK_HZ, 150_000_000, 200_000_000)
# fmt: off
SIZES = (
    (144, 16, 4, 16, "logic"), (288, 32, 4, 32, "logic"), (576, 64, 2, 64, "logic"),
    (288, 32, 4, 288, "logic"),
)
# fmt: on

_LTP = """
import sys
from pyosys import libyosys
design = libyosys.Design()
path, top = sys.argv[1:]
for command in (
    "read_verilog -lib +/xilinx/cells_sim.v", "read_verilog " + path, "hierarchy -top " + top,
    "delete t:FD* t:RAM* t:SRL* t:DSP48E1", "flatten", "ltp",
):
    libyosys.run_pass(command, design)
"""


def unit(size: tuple[int, int, int, int, str], clock_hz: int, accumulate: str) -> Mvtu:
    """The unit as a plan for this clock has it."""
    plain = mvtu(*size)
    return replace(plain, cuts=dot_cuts(plain.simd, clock_hz), accumulate=accumulate)


def longest_path(netlist: Path, top: str) -> list[str]:
    """Signals on the longest path of a mapped netlist, one behind every cell."""
    command = [sys.executable, "-c", _LTP, str(netlist), top]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Longest topological path in \S+ \(length=(\d+)\):\n((?: +\d+: .*\n)*)", done.stdout)
    assert found, done.stdout[-2000:] + done.stderr
    signals = [line.split(": ", 1)[1].split(" (via")[0].lstrip("\\") for line in found[2].splitlines()]
    assert len(signals) == int(found[1]) + 1
    return signals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("netlists", nargs="*", type=Path, help="netlist.v of a core's synthesis")
    parser.add_argument("--top", default=TOP)
    parser.add_argument("--units", action="store_true", help="synthesise matrix units")
    parser.add_argument("--out", type=Path, default=Path("build/levels"))
    options = parser.parse_args()
    for netlist in options.netlists:
        path = longest_path(netlist, options.top)
        print(f"{netlist}: {len(path) - 1} levels")
        print("\n".join(f"  {signal}" for signal in path))
    if options.units:
        measure_units(options.out)


def measure_units(out: Path) -> None:
    """Synthesise the units and print a table; also in ``out``/levels.json."""
    rows = []
    for size in SIZES:
        for accumulate in ("lut", "dsp"):
            row = {"unit": f"{size[0]}x{size[1]}, PE {size[2]}, SIMD {size[3]}", "accumulate": accumulate}
            for clock_hz in CLOCKS_HZ:
                folder = out / f"{'_'.join(map(str, size))}_{accumulate}_{clock_hz // 10**6}"
                (found,) = measure([unit(size, clock_hz, accumulate)], folder).values()
                levels = len(longest_path(folder / "synth" / "netlist.v", "units")) - 1
                row[f"{clock_hz // 10**6} MHz"] = f"{levels} levels, {found.lut:g} LUT, {found.ff:g} FF"
            rows.append(row)
            (out / "levels.json").write_text(json.dumps(rows, indent=1) + "\n")
    table = Table(title="longest path of matrix units, by target clock", title_justify="left")
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        table.add_row(*row.values())
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
