"""What the shell itself takes: bnn_shell without a core, synthesised for 7-series.

    python benchmarks/bench_shell.py

For 3 bytes a beat, 1,024 beats a frame and 5 words a result, as n-CNV has them. Exits with 1
where the LUT sites exceed the aim. How fast accelerator and shell are together, bnn-hw bench
--device sim tells.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from bnn_hw.board import load_board
from bnn_hw.pipeline.record import Resources
from bnn_hw.soc.emit import CORE_LIBRARY, LIBRARY, PARTS, PROCESSOR
from bnn_hw.synth.utilisation import Reference, stage_table
from bnn_hw.synth.yosys import Options, synthesise

AIM_LUT = 1500
CLOCK_HZ = 100_000_000


def write_shell(folder: Path) -> None:
    """Write the shell's sources and files.f, with the part's clock gate as the top module's default."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in (*LIBRARY.glob("*.sv"), *(CORE_LIBRARY / name for name in (*PARTS, "bnn_assert.svh"))):
        shutil.copy(path, folder / path.name)
    top = folder / "bnn_shell.sv"
    text = top.read_text()
    changed = text.replace('CLOCK_GATE = "behavioural"', 'CLOCK_GATE = "bufgce"')
    assert changed != text
    top.write_text(changed)
    names = sorted(path.name for path in folder.glob("bnn_*.sv") if path.stem != PROCESSOR)
    names.sort(key=lambda name: not name.endswith("_pkg.sv"))
    (folder / "files.f").write_text("".join(f"{name}\n" for name in names))


def measure(out: Path) -> dict[str, Any]:
    """Synthesise, print the units' table, return the totals."""
    write_shell(out / "rtl")
    part = load_board("pynq-z1").part
    reference = Reference(part.name, Resources(part.lut, part.ff, part.bram36, part.dsp))
    options = Options(clock_hz=CLOCK_HZ)
    report = synthesise(out / "rtl", "bnn_shell", out / "synth", reference, stage_names={}, options=options)
    Console(width=110).print(stage_table(report))
    total = report.total.resources
    return {"lut_sites": total.lut, "ff": total.ff, "bram36": total.bram36, "dsp": total.dsp}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/bench_shell"))
    found = measure(parser.parse_args().out)
    print(json.dumps(found, indent=1))
    sys.exit(int(found["lut_sites"] > AIM_LUT))


if __name__ == "__main__":
    main()
