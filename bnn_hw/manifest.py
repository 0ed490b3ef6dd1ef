"""manifest.json: what a build writes about a package and the board reads (Python 3.8, standard library only).

The manifest says which network on which board at which clock the package holds,
what a picture must look like, what the answers mean, and the digest of every
file beside it. What only one kind of accelerator needs stands in ``backend``.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Type, TypeVar

FORMAT = "bnn_hw.manifest/1"
MANIFEST_FILE = "manifest.json"
DIGEST_DIGITS = 32

T = TypeVar("T")


class ManifestFault(NamedTuple):
    """One thing that is wrong: where, what, and what to do about it."""

    place: str
    cause: str
    remedy: str


class ManifestError(ValueError):
    """The manifest, or a file it lists, cannot be used; holds every fault found."""

    def __init__(self, faults: List[ManifestFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join("{}: {}; {}".format(*fault) for fault in faults))


@dataclass(frozen=True)
class BoardRecord:
    """The board the package is made for.

    device: full part number such as xc7z020clg400-1; ps_crystal_hz: the processing
    system's crystal, from which the fabric clock is divided; cpu_hz: its processors' clock.
    """

    name: str
    title: str
    device: str
    ps_crystal_hz: int
    cpu_hz: int


@dataclass(frozen=True)
class InputRecord:
    """What a picture is: values of ``dtype`` (UINT8), height, width, then channels.

    colours: order of the channels (RGB, GREY), "" where they are no colours. The
    trained network read ``scale * pixel + offset``; the accelerator takes the pixels.
    """

    dtype: str
    height: int
    width: int
    channels: int
    colours: str
    scale: str = "1"
    offset: str = "0"

    @property
    def shape(self) -> Tuple[int, int, int]:
        """Height, width, channels."""
        return self.height, self.width, self.channels


@dataclass(frozen=True)
class OutputRecord:
    """What an answer is: one integer score for each of ``classes``, in this order.

    score_steps: float32 steps that make the trained network's real scores of the
    integers: (mul, div, add or sub; one operand, or one a class).
    """

    classes: Tuple[str, ...]
    score_steps: Tuple[Tuple[str, Tuple[float, ...]], ...] = ()


@dataclass(frozen=True)
class PlanRecord:
    """What was planned: exact cycles of the accelerator alone; fps is clock / interval_cycles.

    layers: name, PE, SIMD and cycles of each compute layer.
    """

    goal: str
    interval_cycles: int
    latency_cycles: int
    fps: float
    layers: Tuple[Dict[str, Any], ...] = ()


@dataclass(frozen=True)
class BackendRecord:
    """Which kind of accelerator it is and the settings that only this kind knows."""

    kind: str
    settings: Dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FileRecord:
    """A file of the package: path relative to the manifest, its size and SHA-256."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """All of it. digest: 32 hexadecimal digits that the hardware carries too."""

    name: str
    title: str
    digest: str
    graph_digest: str
    clock_hz: int
    board: BoardRecord
    input: InputRecord
    output: OutputRecord
    plan: PlanRecord
    backend: BackendRecord
    files: Tuple[FileRecord, ...] = ()
    versions: Dict[str, str] = field(default_factory=dict)
    published: Optional[Dict[str, Any]] = None

    def file(self, path: str) -> Optional[FileRecord]:
        """Return the record of a file, None where the package has none of this path."""
        return next((item for item in self.files if item.path == path), None)

    def named(self, suffix: str) -> Optional[FileRecord]:
        """Return the first file at the top of the package that ends with ``suffix``, or None."""
        return next((f for f in self.files if f.path.endswith(suffix) and "/" not in f.path), None)


_RECORDS = {
    "board": BoardRecord,
    "input": InputRecord,
    "output": OutputRecord,
    "plan": PlanRecord,
    "backend": BackendRecord,
}
_AGAIN = "make the package again with bnn-hw package"


def to_json(manifest: Manifest) -> str:
    """Return the text of manifest.json."""
    return json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1) + "\n"


def from_json(text: str, place: str = MANIFEST_FILE) -> Manifest:
    """Read what :func:`to_json` wrote; ManifestError names ``place`` and every field at fault."""
    try:
        record = json.loads(text)
    except ValueError as error:
        raise ManifestError([ManifestFault(place, "is not JSON: {}".format(error), _AGAIN)]) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        found = record.get("format") if isinstance(record, dict) else type(record).__name__
        raise ManifestError(
            [ManifestFault(place, "has the format {!r}, not {!r}".format(found, FORMAT), _AGAIN)]
        )
    faults: List[ManifestFault] = []
    values = {key: value for key, value in record.items() if key != "format"}
    for name, kind in _RECORDS.items():
        if name in values:
            values[name] = _record(kind, values[name], "{}, {}".format(place, name), faults)
    if isinstance(values.get("files"), list):
        made = [_record(FileRecord, item, "{}, files".format(place), faults) for item in values["files"]]
        values["files"] = tuple(made)
    manifest = _record(Manifest, values, place, faults)
    if not faults and manifest is not None:
        faults += _contradictions(manifest, place)
    if faults or manifest is None:
        raise ManifestError(faults)
    return manifest


def _record(kind: Type[T], value: Any, place: str, faults: List[ManifestFault]) -> Optional[T]:
    """Make a dataclass of a JSON object; add a fault for every field missing, unknown or of no use."""
    if not isinstance(value, dict):
        faults.append(ManifestFault(place, "is {!r}, not an object".format(value), _AGAIN))
        return None
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    before = len(faults)
    for name in sorted(set(value) - set(known)):
        faults.append(ManifestFault("{}, {}".format(place, name), "is an unknown field", _AGAIN))
    values = {}
    for name, item in known.items():
        if name in value:
            values[name] = _frozen(value[name])
            if not _fits(values[name], item.type):
                cause = "is {!r}, which is no {}".format(value[name], _title(item.type))
                faults.append(ManifestFault("{}, {}".format(place, name), cause, _AGAIN))
    try:
        return kind(**values) if len(faults) == before else None
    except TypeError as error:
        faults.append(ManifestFault(place, "lacks a field: {}".format(error), _AGAIN))
        return None


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _title(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")


def _fits(value: Any, kind: Any) -> bool:
    """Tell whether a value is of a field's type, as far as a program stumbles over it."""
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
    if kind is str:
        return isinstance(value, str)
    origin = getattr(kind, "__origin__", None)
    return not (origin is tuple and not isinstance(value, tuple))


def _contradictions(manifest: Manifest, place: str) -> List[ManifestFault]:
    faults = []
    digest = manifest.digest
    if len(digest) != DIGEST_DIGITS or set(digest) - set("0123456789abcdef"):
        cause = "is {!r}, not {} hexadecimal digits".format(digest, DIGEST_DIGITS)
        faults.append(ManifestFault("{}, digest".format(place), cause, _AGAIN))
    if not manifest.output.classes:
        faults.append(ManifestFault("{}, output, classes".format(place), "names no class", _AGAIN))
    for item in manifest.files:
        if item.path.startswith("/") or ".." in item.path.split("/"):
            cause = "names {!r}, which lies outside the package".format(item.path)
            faults.append(ManifestFault("{}, files".format(place), cause, _AGAIN))
    return faults


def file_record(folder: Path, path: str) -> FileRecord:
    """Describe a file of the package as it is on disk."""
    content = (folder / path).read_bytes()
    return FileRecord(path, len(content), hashlib.sha256(content).hexdigest())


def load(folder: Path) -> Manifest:
    """Read the manifest of a package folder; ManifestError if there is none or it is damaged."""
    path = Path(folder) / MANIFEST_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        remedy = "give the folder that bnn-hw package wrote, unpacked completely"
        raise ManifestError([ManifestFault(str(path), "cannot be read: {}".format(error), remedy)]) from error
    return from_json(text, str(path))


def check_files(folder: Path, manifest: Manifest, paths: Optional[List[str]] = None) -> None:
    """Compare files (all by default) with their size and SHA-256; ManifestError lists every difference."""
    faults = []
    for item in manifest.files:
        if paths is not None and item.path not in paths:
            continue
        place = str(Path(folder) / item.path)
        try:
            found = file_record(Path(folder), item.path)
        except OSError as error:
            cause = "cannot be read: {}".format(error.strerror or error)
            faults.append(ManifestFault(place, cause, "copy the whole package again"))
            continue
        if found.size_bytes != item.size_bytes:
            cause = "has {} bytes instead of {}".format(found.size_bytes, item.size_bytes)
            faults.append(ManifestFault(place, cause, "copy the whole package again"))
        elif found.sha256 != item.sha256:
            cause = "is not the file that the manifest lists (SHA-256 {}...)".format(found.sha256[:12])
            faults.append(ManifestFault(place, cause, "copy the whole package again"))
    if faults:
        raise ManifestError(faults)
