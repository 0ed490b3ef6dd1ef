"""Logic behind a unit's ready input and before its ready output: chains of units reach their clock by it."""

import json
from functools import cache
from pathlib import Path

import pytest

from tests.rtl.lib.test_modules import yosys

RING = {"HEIGHT": 30, "WIDTH": 30, "CHANNELS": 16, "SIMD": 16}
PADDING = {"PAD_TOP": 1, "PAD_LEFT": 1, "PAD_BOTTOM": 1, "PAD_RIGHT": 1}
# Unit, parameters, LUTs at most from out_ready to a register, and from a register to in_ready. The
# carry chain of a counter counts as one, an inverter at an output as well.
UNITS = [
    ("bnn_window", {**RING, "DEPTH": 128}, 3, 1),
    ("bnn_window", {**RING, "DEPTH": 126, "RAM_STYLE": "block"}, 4, 1),
    (
        "bnn_window",
        {**RING, "DEPTH": 128, **PADDING},
        3,
        1,
    ),
    ("bnn_mvtu", {"MW": 144, "MH": 16, "PE": 4, "SIMD": 16}, 2, 0),
    ("bnn_pool", {"HEIGHT": 28, "WIDTH": 28}, 2, 2),
    ("bnn_skid", {"WIDTH": 8}, 2, 0),
]


def is_register(kind: str) -> bool:
    return kind.startswith("FD")


def is_memory(kind: str) -> bool:
    return kind.startswith(("RAM", "SRL"))


class Netlist:
    """A mapped module: who drives a net, and the longest way back from it."""

    def __init__(self, module: dict) -> None:
        self.ports = module["ports"]
        self.cells = [cell for cell in module["cells"].values() if not cell["type"].startswith("$")]
        self.driver = {
            bit: cell
            for cell in self.cells
            for port, bits in cell["connections"].items()
            if cell["port_directions"][port] == "output"
            for bit in bits
        }
        self.levels = cache(self._levels)

    def inputs(self, cell: dict) -> list[int | str]:
        ports = cell["port_directions"]
        return [bit for port, bits in cell["connections"].items() if ports[port] == "input" for bit in bits]

    def _levels(self, bit: int | str, source: int | None) -> int | None:
        """LUTs from ``source``, or any register if that is None, to ``bit``; None where there is no way."""
        if bit == source:
            return 0
        cell = self.driver.get(bit)
        if cell is None:
            return None
        if is_register(cell["type"]) or is_memory(cell["type"]):
            return 0 if source is None else None
        own = 0 if cell["type"] == "CARRY4" else 1
        found = [self.levels(item, source) for item in self.inputs(cell)]
        ways = [item for item in found if item is not None]
        return max(ways) + own if ways else None

    def behind(self, port: str) -> int:
        (source,) = self.ports[port]["bits"]
        ends = [cell for cell in self.cells if is_register(cell["type"]) or is_memory(cell["type"])]
        found = [self.levels(bit, source) for cell in ends for bit in self.inputs(cell)]
        return max(item for item in found if item is not None)

    def before(self, port: str) -> int:
        (bit,) = self.ports[port]["bits"]
        return self.levels(bit, None) or 0


def mapped(module: str, parameters: dict[str, int | str], folder: Path) -> Netlist:
    settings = " ".join(
        f'-set {k} "{v}"' if isinstance(v, str) else f"-set {k} {v}" for k, v in parameters.items()
    )
    result = folder / "netlist.json"
    done = yosys(
        f"chparam {settings} {module}",
        f"synth_xilinx -flatten -noiopad -noclkbuf -top {module}",
        f"select {module}",
        f"write_json -selected {result}",
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    modules = json.loads(result.read_text())["modules"]
    return Netlist(modules[module])


@pytest.mark.parametrize(
    ("module", "parameters", "behind", "before"),
    UNITS,
    ids=[f"{m}-{'-'.join(map(str, p.values()))}" for m, p, *_ in UNITS],
)
def test_ready_passes_little_logic(tmp_path, module, parameters, behind, before):
    if module == "bnn_mvtu":
        for name, depth, bits in (("WEIGHT_FILE", 36, 64), ("THRESHOLD_FILE", 4, 32)):
            image = tmp_path / f"{name}.hex"
            rows = (f"{i * 0x9E3779B97F4A7C15 % (1 << bits):x}" for i in range(1, depth + 1))
            image.write_text("\n".join(rows))
            parameters = {**parameters, name: str(image)}
    netlist = mapped(module, parameters, tmp_path)
    assert netlist.behind("out_ready") <= behind
    assert netlist.before("in_ready") <= before
