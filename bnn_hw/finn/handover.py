"""From FINN's bit file to the same package as our own back end's: what the driver must know of its shell."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

from bnn_hw.errors import ConfigError, FaultList, TimingError, ToolError
from bnn_hw.finn.job import BITFILE
from bnn_hw.ir import Graph
from bnn_hw.manifest import DIGEST_DIGITS, BackendRecord, PlanRecord

BIT, HWH = "bitfile/finn-accel.bit", "bitfile/finn-accel.hwh"
KIND = "finn"
REFERENCE_HZ = 100_000_000
"""FCLK0 that FINN's clocking wizard multiplies to the accelerator's clock (finn-plus 1.6, Zynq template)."""
_PLATFORM = "zynq-iodma"


def require_bitfile(record: dict[str, Any]) -> None:
    """ConfigError where a FINN build ended before the bit file, TimingError where that misses its clock."""
    if record["product"] != BITFILE:
        raise ConfigError.at(
            f"FINN build of {record['network']}",
            f"went as far as {record['product']}; a package for the board needs its bit file",
            "where Vivado is: bnn-hw build ... --backend finn --finn-to bitfile",
        )
    slack_ns = record["implementation"]["worst_slack_ns"]
    if slack_ns < 0:
        period_ns = 1e9 / record["clock_hz"]
        raise TimingError.at(
            f"timing of FINN's bit file of {record['network']}",
            f"its worst path takes {-slack_ns:.3f} ns more than the {period_ns:g} of a cycle",
            f"ask for less: --clock-mhz {int(1e3 / (period_ns - slack_ns))}",
        )


def bit_state(record: dict[str, Any]) -> str:
    """A sentence on the bit file, for the package's reader."""
    slack_ns, version = record["implementation"]["worst_slack_ns"], record["versions"]["finn-plus"]
    return f"Its bit file was built by FINN (finn-plus {version}); worst slack {slack_ns:+.3f} ns."


def backend_record(record: dict[str, Any], graph: Graph) -> BackendRecord:
    """Return the manifest's record of FINN's shell; ToolError where it is not what the driver drives.

    The driver hands over whole pictures, channels fastest, and takes one class a
    picture: that is FINN's packing where every element fills whole bytes, whatever
    the folding. record: finn.json with FINN's own driver settings.
    """
    driver = record["driver"]
    shapes = driver["io_shape_dict"]
    kind = graph.input.type
    expected = {
        "platform": (driver.get("platform"), _PLATFORM),
        "inputs": (shapes["num_inputs"], 1),
        "outputs": (shapes["num_outputs"], 1),
        "external weights": (int(shapes["number_of_external_weights"]), 0),
        "weights loaded at run time": (bool(driver.get("runtime_weights")), False),
        "input type": (_dtype(shapes["idt"][0]), str(kind.dtype)),
        "input shape": (list(shapes["ishape_normal"][0])[1:], list(kind.shape)),
        "bytes of a picture": (_frame(shapes["ishape_packed"][0]), math.prod(kind.shape)),
        "answers a picture": (_frame(shapes["oshape_normal"][0]), 1),
    }
    faults = FaultList()
    for name, (found, wanted) in expected.items():
        if found != wanted:
            faults.add(
                f"FINN's driver settings, {name}",
                f"{found!r}, where our driver needs {wanted!r}",
                "use FINN's own driver with driver/settings.json, or report this network",
            )
    answer = _dtype(shapes["odt"][0])
    if not answer.startswith("UINT"):
        faults.add("FINN's driver settings, output type", f"is {answer}, no class number", "report this")
    faults.raise_if_any(ToolError)
    return BackendRecord(
        KIND,
        {
            "windows": [shapes["idma_names"][0], shapes["odma_names"][0]],
            "reference_hz": REFERENCE_HZ,
            "frame_bytes": _frame(shapes["ishape_packed"][0]),
            "result_bytes": _frame(shapes["oshape_packed"][0]),
            "result_bits": int(answer.removeprefix("UINT")),
        },
    )


def _dtype(text: str) -> str:
    """The name in FINN's ``DataType['UINT8']``."""
    return text.removeprefix("DataType['").removesuffix("']")


def _frame(shape: list[int]) -> int:
    """Elements of one picture; the first dimension counts pictures."""
    return math.prod(shape[1:]) if shape[0] == 1 else -1


def plan_record(record: dict[str, Any], goal: str) -> PlanRecord:
    """What FINN estimates, in the place of our plan: its pipeline is another than ours."""
    estimate = record["estimate"]
    layers = tuple(
        {"name": row["layer"], "pe": row["PE"], "simd": row["SIMD"], "cycles": row["cycles"]}
        for row in record["nodes"]
        if row["layer"]
    )
    return PlanRecord(goal, estimate["interval_cycles"], estimate["latency_cycles"], estimate["fps"], layers)


def digest(folder: Path) -> str:
    """Digest for the manifest: the bit file's, for FINN's hardware carries none."""
    return hashlib.sha256((folder / BIT).read_bytes()).hexdigest()[:DIGEST_DIGITS]
