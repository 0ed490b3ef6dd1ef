"""Boards and parts: data files only; adding a board touches no code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bnn_hw.errors import ConfigError, FaultList, suggest
from bnn_hw.fields import Fields, read_toml
from bnn_hw.paths import shared_folder

PARTS_FILE = "parts.toml"


@dataclass(frozen=True)
class Part:
    """Resources of an FPGA: LUT6, flip-flops, 36 kbit block RAMs, DSP48.

    open_packages: packages for which the open place-and-route database has the pins.
    """

    name: str
    lut: int
    ff: int
    bram36: int
    dsp: int
    open_packages: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    """A Zynq-7000 board.

    package: with speed grade, such as clg400-1. ps_crystal_hz: crystal of the
    processing system, from which the fabric clocks are divided. pl_clock_pin and
    pl_clock_hz: oscillator on the fabric's own clock pin. default_clock_hz:
    fabric clock that a plan assumes unless told otherwise. pynq: what PYNQ image
    there is. power_sensor: a current sensor software can read, None without one.
    """

    name: str
    title: str
    part: Part
    package: str
    ps_crystal_hz: int
    cpu_hz: int
    ddr_bytes: int
    ddr_bits: int
    pl_clock_pin: str | None
    pl_clock_hz: int | None
    default_clock_hz: int
    pynq: str
    power_sensor: str | None
    notes: str

    @property
    def device(self) -> str:
        """Full part number, for instance xc7z020clg400-1."""
        return f"{self.part.name}{self.package}"

    @property
    def has_open_flow(self) -> bool:
        """Tell whether the open place-and-route tools know this part and package."""
        return self.package.split("-")[0] in self.part.open_packages


def board_names(folder: Path | None = None) -> list[str]:
    """Names of the boards in ``folder`` (the shipped ones by default)."""
    folder = folder or shared_folder("boards")
    return sorted(path.stem for path in folder.glob("*.toml") if path.name != PARTS_FILE)


def load_parts(path: Path | None = None) -> dict[str, Part]:
    """Read parts.toml; ConfigError lists every fault."""
    path = path or shared_folder("boards") / PARTS_FILE
    faults = FaultList()
    parts = {}
    record = read_toml(path)
    for name in record:
        fields = Fields(record, str(path), faults).table(name)
        parts[name] = Part(
            name=name,
            lut=fields.integer("lut"),
            ff=fields.integer("ff"),
            bram36=fields.integer("bram36"),
            dsp=fields.integer("dsp"),
            open_packages=fields.texts("open_packages"),
        )
        fields.close()
    faults.raise_if_any(ConfigError)
    return parts


def load_board(name_or_path: str | Path) -> Board:
    """Load a board by its name or from a TOML file.

    A file may stand beside a parts.toml of its own; otherwise the shipped one
    counts. Raises ConfigError for an unknown name (with the nearest known one)
    and for a file with faults, all of them together.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = shared_folder("boards") / f"{name_or_path}.toml"
        if str(name_or_path) not in board_names():
            remedy = f"{suggest(str(name_or_path), board_names())}; or give the path of a board's TOML file"
            raise ConfigError.at(f"board {name_or_path}", "is unknown", remedy)
    own_parts = path.parent / PARTS_FILE
    parts = load_parts(own_parts if own_parts.is_file() else None)
    return _board(read_toml(path), path, parts)


def _board(record: dict, path: Path, parts: dict[str, Part]) -> Board:
    faults = FaultList()
    fields = Fields(record, str(path), faults)
    part = fields.text("part")
    if part and part not in parts:
        faults.add(f"{path}, part", f"{part} is not in {PARTS_FILE}", suggest(part, parts))
    pin = fields.text("pl_clock_pin", None)
    board = Board(
        name=path.stem,
        title=fields.text("title"),
        part=parts.get(part, Part(part, 0, 0, 0, 0, ())),
        package=fields.text("package"),
        ps_crystal_hz=fields.integer("ps_crystal_hz"),
        cpu_hz=fields.integer("cpu_hz"),
        ddr_bytes=fields.integer("ddr_bytes"),
        ddr_bits=fields.integer("ddr_bits"),
        pl_clock_pin=pin,
        pl_clock_hz=fields.integer("pl_clock_hz") if pin else fields.integer("pl_clock_hz", None),
        default_clock_hz=fields.integer("default_clock_hz", 100_000_000),
        pynq=fields.text("pynq", ""),
        power_sensor=fields.text("power_sensor", None),
        notes=fields.text("notes", ""),
    )
    fields.close()
    faults.raise_if_any(ConfigError)
    return board
