"""Measure what a DSP slice saves: matrix units synthesised with LUTs only, and with DSP slices for the
accumulators, the XNORs, or the last sums of a first layer that is not folded.

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
    (144, 16, 16, 16, "logic"), (288, 32, 16, 32, "logic"), (576, 64, 16, 64, "logic"),
    (576, 128, 16, 32, "block"),
)
# fmt: on
FIRST = mvtu(27, 16, 16, 27, "logic", bits=8)
"""A first layer of 3x3 windows of RGB pixels, one a cycle."""

PLAIN = [*(mvtu(*size) for size in SIZES), FIRST]


def forms(unit: Mvtu) -> dict[str, Mvtu]:
    """The unit with DSP slices for this or that."""
    if unit.is_fixed:
        return {"last sums": replace(unit, accumulate=DSP)}
    return {
        "accumulators": replace(unit, accumulate=DSP),
        "XNOR": replace(unit, match=DSP),
    }


def rows(found: dict[str, Resources]) -> list[dict[str, float | str]]:
    """LUT and FF of either form, and LUT saved a DSP slice."""
    result: list[dict[str, float | str]] = []
    for plain in PLAIN:
        lut = found[key_of(plain)]
        for name, unit in forms(plain).items():
            dsp = found[key_of(unit)]
            result.append(
                {
                    "unit": f"{plain.mw}x{plain.mh}, PE {plain.pe}, SIMD {plain.simd}",
                    "in_dsp": name,
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
    units: list[Stage] = [unit for plain in PLAIN for unit in (plain, *forms(plain).values())]
    result = rows(measure(units, options.out))
    (options.out / "dsp_saving.json").write_text(json.dumps(result, indent=1) + "\n")
    table = Table(title="DSP slices in matrix units, synthesised", title_justify="left")
    for name in result[0]:
        table.add_column(name.replace("_", " "), justify="left" if name in ("unit", "in_dsp") else "right")
    for row in result:
        table.add_row(*(value if isinstance(value, str) else f"{value:g}" for value in row.values()))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
