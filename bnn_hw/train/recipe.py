"""What to train and how: network, classes, data sources and settings, as a TOML file says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from bnn_hw.data import CLASSES
from bnn_hw.data.sources import DRAWN, KINDS, Source
from bnn_hw.errors import ConfigError, FaultList, InputError, suggest
from bnn_hw.fields import Fields, read_toml
from bnn_hw.train.augment import Augmentation

BINARY, FLOAT = "binary", "float"
PRECISIONS = (BINARY, FLOAT)
BALANCED, ROOTED, WEIGHTED, GROUPED = "balanced", "rooted", "weighted", "grouped"
SAMPLINGS = (BALANCED, ROOTED, WEIGHTED, GROUPED)
FLOAT32, BFLOAT16 = "float32", "bfloat16"
ARITHMETICS = (FLOAT32, BFLOAT16)
NETWORKS = ("cnv", "ncnv", "ucnv")

_RECIPES = Path(__file__).with_name("recipes")
# The peak of the schedule that trains well; binary weights must cross zero, which takes larger steps.
_LEARNING_RATES = {BINARY: 1e-2, FLOAT: 3e-3}


@dataclass(frozen=True)
class TrainSettings:
    """How to train; ``pictures_per_epoch`` draws make one epoch.

    learning_rate: peak of the one-cycle schedule, None for the precision's
    own. split_seed decides who is in which part and is kept apart from
    ``seed``, so that trainings with different seeds are judged on the same
    persons. precision: ``binary``, or ``float`` for the FP32 twin. patience:
    epochs without a better validation loss after which training stops, 0 for
    never. sampling: ``balanced`` (each class equally often, every picture
    before any again), ``rooted`` (likewise, each class in proportion to the
    root of its size: rare classes are learned, and common ones not taken for
    them), ``weighted`` (balanced by chance), ``grouped`` (by the sources'
    shares, within a source rooted). distil_share: weight of the teacher's
    answers in the loss where a teacher is given, softened by
    distil_temperature. paste_share: share of the pictures that get a box of
    another one, see :func:`bnn_hw.train.augment.paste_boxes`.
    reestimate_batches: batches on which the best epoch's batch norms are
    estimated anew, kept where validation gains; 0 for never. arithmetic: of
    the training steps' layers, ``float32``, or ``bfloat16``, which is faster
    where the processor knows it; latent weights, loss and validation are
    float32 always.
    """

    epochs: int = 60
    seed: int = 0
    split_seed: int = 0
    pictures_per_epoch: int = 6000
    batch_size: int = 100
    learning_rate: float | None = None
    label_smoothing: float = 0.02
    precision: str = BINARY
    patience: int = 30
    sampling: str = BALANCED
    distil_share: float = 0.5
    distil_temperature: float = 2.0
    paste_share: float = 0.0
    reestimate_batches: int = 60
    arithmetic: str = FLOAT32
    augmentation: Augmentation = field(default_factory=Augmentation)

    @property
    def peak_rate(self) -> float:
        """Peak of the learning rate."""
        return self.learning_rate if self.learning_rate is not None else _LEARNING_RATES[self.precision]

    def check(self, ranks: int = 1) -> None:
        """Raise InputError for all settings that cannot work, together."""
        faults = FaultList()
        for name in ("epochs", "pictures_per_epoch", "batch_size"):
            if (value := getattr(self, name)) < 1:
                faults.add(name, f"is {value}", "give a number of at least 1")
        for name in ("patience", "reestimate_batches"):
            if (value := getattr(self, name)) < 0:
                faults.add(name, f"is {value}", "give 0 for never, or a number of at least 1")
        words = (("precision", PRECISIONS), ("sampling", SAMPLINGS), ("arithmetic", ARITHMETICS))
        for name, known in words:
            if (word := getattr(self, name)) not in known:
                faults.add(name, f"is {word!r}", suggest(word, known))
        if self.learning_rate is not None and not 0.0 < self.learning_rate <= 1.0:
            faults.add("learning_rate", f"is {self.learning_rate}", "give a number above 0, at most 1")
        for name in ("label_smoothing", "distil_share", "paste_share"):
            if not 0.0 <= (share := getattr(self, name)) <= 1.0:
                faults.add(name, f"is {share}", "give a share from 0 to 1")
        if not faults.faults:
            # Batch norm needs the variance of at least two pictures in every batch of every process.
            rest = self.pictures_per_epoch % self.batch_size or self.batch_size
            smallest = min(rest, self.batch_size) // ranks
            if smallest < 2:
                split = f" of {ranks} processes" if ranks > 1 else ""
                faults.add(
                    "batch_size",
                    f"{self.batch_size} leaves a batch of one picture{split}"
                    if smallest
                    else f"{self.batch_size} leaves an empty batch{split}",
                    "change it by one"
                    if ranks == 1
                    else f"make it and pictures_per_epoch multiples of {2 * ranks}",
                )
        faults.raise_if_any(InputError)


@dataclass(frozen=True)
class Recipe:
    """Network and classes to train, on which sources, with which settings.

    network: ``cnv``, ``ncnv`` or ``ucnv``; name: of the recipe, usually the
    design's; changes: the settings in which it differs from the recipe's file.
    """

    name: str
    network: str
    classes: tuple[str, ...] = CLASSES
    sources: tuple[Source, ...] = (Source("maskedface4"),)
    settings: TrainSettings = field(default_factory=TrainSettings)
    changes: Mapping[str, Any] = field(default_factory=dict)

    def changed(self, **settings: Any) -> Recipe:
        """The recipe with some settings changed; None leaves one as it is."""
        given = {
            name: value
            for name, value in settings.items()
            if value is not None and value != getattr(self.settings, name)
        }
        changed = replace(self.settings, **given)
        return replace(self, settings=changed, changes={**self.changes, **given})


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(path.stem for path in _RECIPES.glob("*.toml"))


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Load a recipe by name or from a TOML file.

    Raises ConfigError for an unknown name, a file that is none, and for every
    fault in it together.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in recipe_names():
            remedy = f"{suggest(str(name_or_path), recipe_names())}; or give the path of a recipe's TOML file"
            raise ConfigError.at(f"network {name_or_path}", "there is no such recipe", remedy)
        path = _RECIPES / f"{name_or_path}.toml"
    faults = FaultList()
    top = Fields(_read(path), str(path), faults)
    network, classes = top.text("network"), top.texts("classes", CLASSES)
    if network not in NETWORKS:
        faults.add(f"{path}, network", f"is {network!r}", suggest(str(network), NETWORKS))
    if len(set(classes)) != len(classes) or len(classes) < 2:
        faults.add(f"{path}, classes", f"is {list(classes)}", "give at least two different names")
    augmentation = _scalars(Augmentation, top.table("augmentation", {}))
    settings = _scalars(TrainSettings, top.table("settings", {}), augmentation=augmentation)
    entries = top.record.get("data", [])
    top.known.add("data")
    if not isinstance(entries, list) or not entries or not all(isinstance(e, dict) for e in entries):
        faults.add(f"{path}, data", f"is {entries!r}", "give at least one table [[data]]")
        entries = []
    sources = tuple(
        _source(Fields(entry, f"{path}, data {number}", faults), classes)
        for number, entry in enumerate(entries, start=1)
    )
    top.close()
    faults.raise_if_any(ConfigError)
    return Recipe(path.stem, network, tuple(classes), sources, settings)


def _read(path: Path) -> dict[str, Any]:
    """A recipe's file, completed with what the package's recipe says that it is ``like``, if any."""
    record = read_toml(path)
    if "like" not in record:
        return record
    model = record.pop("like")
    if model not in recipe_names():
        raise ConfigError.at(f"{path}, like", f"is {model!r}", suggest(str(model), recipe_names()))
    base = _read(_RECIPES / f"{model}.toml")
    for name in ("settings", "augmentation"):
        if isinstance(own := record.get(name, {}), dict):
            record[name] = {**base.get(name, {}), **own}
    return {**base, **record}


def _scalars(kind: type, table: Fields, **given: Any) -> Any:
    """Make a dataclass of the fields in ``table``, each of the type of its default."""
    values: dict[str, Any] = dict(given)
    for item in fields(kind):
        if item.name in given or not table.has(item.name):
            continue
        if isinstance(item.default, bool):
            values[item.name] = table.boolean(item.name)
        elif isinstance(item.default, int):
            values[item.name] = table.integer(item.name, least=0)
        elif isinstance(item.default, str):
            values[item.name] = table.text(item.name)
        else:
            values[item.name] = table.number(item.name)
    table.close()
    return kind(**values)


def _source(table: Fields, classes: tuple[str, ...]) -> Source:
    names = table.table("classes", {})
    mapping = {folder: names.text(folder) for folder in names.record}
    for folder, name in mapping.items():
        if name not in classes:
            table.faults.add(f"{names.place}, {folder}", f"is {name!r}", suggest(str(name), classes))
    kind = table.text("kind", KINDS[0])
    if kind not in KINDS:
        table.faults.add(f"{table.place}, kind", f"is {kind!r}", suggest(str(kind), KINDS))
    styles = table.texts("styles", ())
    if styles and kind != DRAWN:
        table.faults.add(f"{table.place}, styles", "is for drawn masks only", f'set kind = "{DRAWN}"')
    if table.record.get("drawings", 1) != 1 and kind != DRAWN:
        table.faults.add(f"{table.place}, drawings", "is for drawn masks only", f'set kind = "{DRAWN}"')
    source = Source(
        folder=table.text("folder"),
        kind=kind,
        name=table.text("name", ""),
        classes=mapping,
        share=table.number("share", 1.0),
        per_class=table.integer("per_class", 0, least=0),
        styles=styles,
        drawings=table.integer("drawings", 1, least=1),
    )
    table.close()
    return source
