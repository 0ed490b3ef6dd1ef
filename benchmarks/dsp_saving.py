"""Measure what a DSP slice saves: matrix units synthesised with accumulators of LUTs and of DSP slices.

    python benchmarks/dsp_saving.py --out build/dsp_saving

Random weights and thresholds, structural arithmetic, one Yosys run for all; LUT sites after packing.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from cost_units import key_of, measure, mvtu
from rich.console import Console
from rich.table import Table

from bnn_hw.pipeline.arithmetic import DSP
from bnn_hw.pipeline.record import Resources
from bnn_hw.pipeline.stages import Mvtu, Stage

# fmt: off
SIZES = (
    (144, 16, 16, 16, "logic"), (144, 32, 16, 16, "logic"), (288, 32, 16, 32, "logic"),
    (288, 32, 8, 288, "logic"), (576, 64, 16, 64, "logic"), (576, 64, 32, 32, "logic"),
    (576, 128, 16, 32, "block"), (144, 16, 8, 4, "logic"),
)
# fmt: on


def pairs() -> list[tuple[Mvtu, Mvtu]]:
    """Units of either kind."""
    plain = [mvtu(*size) for size in SIZES]
    return [(unit, replace(unit, accumulate=DSP)) for unit in plain]


def rows(found: dict[str, Resources]) -> list[dict[str, float | str]]:
    """LUT and FF of either form, and LUT saved a DSP slice."""
    result: list[dict[str, float | str]] = []
    for plain, sliced in pairs():
        lut, dsp = found[key_of(plain)], found[key_of(sliced)]
        result.append(
            {
                "unit": f"{plain.mw}x{plain.mh}, PE {plain.pe}, SIMD {plain.simd}",
                "lut": lut.lut,
                "lut_with_dsp": dsp.lut,
                "ff": lut.ff,
                "ff_with_dsp": dsp.ff,
                "dsp": dsp.dsp,
                "lut_saved_a_dsp": round((lut.lut - dsp.lut) / dsp.dsp, 1),
            }
        )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/dsp_saving"))
    options = parser.parse_args()
    units: list[Stage] = [unit for pair in pairs() for unit in pair]
    result = rows(measure(units, options.out))
    (options.out / "dsp_saving.json").write_text(json.dumps(result, indent=1) + "\n")
    table = Table(title="accumulators in DSP slices, synthesised", title_justify="left")
    for name in result[0]:
        table.add_column(name.replace("_", " "), justify="left" if name == "unit" else "right")
    for row in result:
        table.add_row(*(value if isinstance(value, str) else f"{value:g}" for value in row.values()))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
