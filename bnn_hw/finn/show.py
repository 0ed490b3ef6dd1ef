"""What the command line prints of finn.json."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def text(record: dict[str, Any], folder: Path) -> str:
    """FINN's estimates layer by layer, the proof, and where the results lie."""
    estimate = record["estimate"]
    table = Table("layer", "FINN's node", "PE", "SIMD", "cycles", "LUT", "BRAM36", "accumulator", box=None)
    for column in table.columns[2:7]:
        column.justify = "right"
    for row in record["nodes"]:
        if row["layer"]:
            table.add_row(
                row["layer"],
                row["node"],
                str(row["PE"]),
                str(row["SIMD"]),
                f"{row['cycles']:,}",
                f"{row['LUT']:,.0f}",
                f"{row['BRAM_18K'] / 2:g}",
                row["accDataType"],
            )
    console = Console(file=io.StringIO(), width=110, color_system=None, highlight=False)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    lines = [console.file.getvalue().rstrip(), *(f"changed    {change}" for change in record["changes"])]
    where = estimate["bottleneck_layer"] or estimate["bottleneck"]
    lines += [
        f"estimate   {estimate['interval_cycles']:,} cycles ({where}): {estimate['fps']:,.0f} frames/s "
        f"at {record['clock_hz'] / 1e6:g} MHz; latency at most {estimate['latency_cycles']:,} cycles",
        f"estimate   {estimate['lut']:,.0f} LUT, {estimate['bram36']:g} BRAM36, {estimate['dsp']:g} DSP "
        "(FINN's formulas: without FIFOs, width converters, pools and shell)",
    ]
    proof = record.get("execution")
    if proof:
        lines.append(
            f"proof      FINN's execution equals the integer graph on {proof['pictures']} of "
            f"{proof['pictures']} pictures ({proof['compared']})"
        )
    same = record["parameters"]
    lines.append(
        f"proof      {same['weights']:,} weights and {same['thresholds']:,} thresholds are the graph's"
    )
    if same["not_compared"]:
        lines.append(
            f"           FINN keeps apart the thresholds of {', '.join(same['not_compared'])}: not compared"
        )
    lines.append(_built(record))
    return "\n".join([*lines, f"results    {folder.resolve()}"])


def _built(record: dict[str, Any]) -> str:
    found = record.get("implementation")
    if found:
        return (
            f"built      {found['lut']:,.0f} LUT, {found['bram36']:g} BRAM36, {found['dsp']:g} DSP, worst "
            f"slack {found['worst_slack_ns']:+.3f} ns ({found['source']})"
        )
    made = {"code": "C++ for Vitis HLS, Tcl and SystemVerilog", "ip": "stitched IP"}[record["product"]]
    return f"built      {made}; a bit file needs Vivado and Vitis HLS"
