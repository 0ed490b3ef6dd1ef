"""Designs: a trained network with its input, classes, foldings and published figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bnn_hw.errors import ConfigError, FaultList, suggest
from bnn_hw.fields import Fields, read_toml
from bnn_hw.ir.types import DataType, uint
from bnn_hw.paths import shared_folder

DESIGN_FILE = "design.toml"
PIXEL = uint(8)


@dataclass(frozen=True)
class NamedFolding:
    """A manual folding that comes with a design; interval_cycles: what it is known to reach."""

    name: str
    path: Path
    interval_cycles: int | None = None


@dataclass(frozen=True)
class Published:
    """Figures others published for this network; None where they gave none."""

    source: str
    lut: int
    bram36: float
    dsp: int
    clock_hz: int
    fps: float | None = None
    latency_s: float | None = None
    power_w: float | None = None
    idle_power_w: float | None = None


@dataclass(frozen=True)
class Compared:
    """An accelerator of another tool for this network, to compare with.

    group: its place in legends; source: where the figures come from; estimate: they were
    computed by the tool's formulas, neither implemented nor measured.
    """

    name: str
    group: str
    source: str
    estimate: bool
    clock_hz: int
    fps: float
    lut: int
    bram36: float
    dsp: int


@dataclass(frozen=True)
class Design:
    """What to build.

    model: the QONNX file. The network sees ``input_scale * pixel + input_offset``
    (exact texts). classes: names in the order of the scores, empty if unknown.
    golden: npz with golden vectors, None without. foldings: by name. published: what
    others measured; compared: further points of other tools.
    """

    name: str
    title: str
    model: Path
    input_dtype: DataType = PIXEL
    input_scale: str = "1"
    input_offset: str = "0"
    classes: tuple[str, ...] = ()
    golden: Path | None = None
    foldings: dict[str, NamedFolding] = field(default_factory=dict)
    published: Published | None = None
    compared: tuple[Compared, ...] = ()


def design_names(folder: Path | None = None) -> list[str]:
    """Names of the designs in ``folder`` (the shipped ones by default)."""
    folder = folder or shared_folder("designs")
    return sorted(path.parent.name for path in folder.glob(f"*/{DESIGN_FILE}"))


def load_design(name_or_path: str | Path, input_scale: str = "1", input_offset: str = "0") -> Design:
    """Load a design by name, from its folder or design.toml, or make one of any .onnx file.

    input_scale, input_offset: for a bare .onnx file, whose pixels' meaning nobody
    wrote down. Raises ConfigError for an unknown name (with the nearest known
    one), a missing file, and for every fault in design.toml together.
    """
    path = Path(name_or_path)
    if path.suffix == ".onnx":
        return _bare(path, input_scale, input_offset)
    if path.name == DESIGN_FILE:
        path = path.parent
    if not (path / DESIGN_FILE).is_file():
        name, names = str(name_or_path), design_names()
        if name not in names:
            remedy = (
                f"{suggest(name, names)}; or give the path of a folder with {DESIGN_FILE} or of an .onnx file"
            )
            raise ConfigError.at(f"design {name}", "is unknown", remedy)
        path = shared_folder("designs") / name
    return _design(path)


def _bare(path: Path, scale: str, offset: str) -> Design:
    if not path.is_file():
        raise ConfigError.at(path, "there is no such file", "give the path of a QONNX file")
    faults = FaultList()
    fields = Fields({"input_scale": scale, "input_offset": offset}, str(path), faults)
    fields.fraction("input_scale")
    fields.fraction("input_offset")
    faults.raise_if_any(ConfigError)
    return Design(path.stem, path.name, path, input_scale=scale, input_offset=offset)


def _design(folder: Path) -> Design:
    path = folder / DESIGN_FILE
    faults = FaultList()
    fields = Fields(read_toml(path), str(path), faults)
    source = fields.table("input")
    golden = fields.text("golden", None)
    design = Design(
        name=folder.resolve().name,
        title=fields.text("title"),
        model=folder / fields.text("model"),
        input_dtype=_dtype(source),
        input_scale=source.fraction("scale", "1"),
        input_offset=source.fraction("offset", "0"),
        classes=fields.texts("classes", ()),
        golden=folder / golden if golden else None,
        foldings=_foldings(fields.table("foldings", {}), folder),
        published=_published(fields.table("published")) if fields.has("published") else None,
        compared=tuple(_compared(entry) for entry in fields.tables("compared")),
    )
    source.close()
    fields.close()
    faults.raise_if_any(ConfigError)
    return design


def _dtype(fields: Fields) -> DataType:
    text = fields.text("dtype", "UINT8")
    try:
        return DataType.parse(text)
    except ValueError:
        fields.faults.add(f"{fields.place}, dtype", f"is {text!r}", "give UINT8 or another UINT<n> or INT<n>")
        return PIXEL


def _foldings(fields: Fields, folder: Path) -> dict[str, NamedFolding]:
    foldings = {}
    for name in fields.record:
        entry = fields.table(name)
        path = folder / entry.text("file")
        if not path.is_file():
            entry.faults.add(
                f"{entry.place}, file", f"{path} does not exist", "give a folding file beside it"
            )
        foldings[name] = NamedFolding(name, path, entry.integer("interval_cycles", None))
        entry.close()
    return foldings


def _published(fields: Fields) -> Published:
    published = Published(
        source=fields.text("source"),
        lut=fields.integer("lut"),
        bram36=fields.number("bram36"),
        dsp=fields.integer("dsp", least=0),
        clock_hz=fields.integer("clock_hz"),
        fps=fields.number("fps", None),
        latency_s=fields.number("latency_s", None),
        power_w=fields.number("power_w", None),
        idle_power_w=fields.number("idle_power_w", None),
    )
    fields.close()
    return published


def _compared(fields: Fields) -> Compared:
    compared = Compared(
        name=fields.text("name"),
        group=fields.text("group"),
        source=fields.text("source"),
        estimate=fields.boolean("estimate"),
        clock_hz=fields.integer("clock_hz"),
        fps=fields.number("fps"),
        lut=fields.integer("lut"),
        bram36=fields.number("bram36"),
        dsp=fields.integer("dsp", least=0),
    )
    fields.close()
    return compared
