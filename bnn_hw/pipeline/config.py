"""Weights and thresholds that can be loaded: where they lie behind a core's configuration port.

The port takes addresses of 32-bit words, 24 bits of them. Three words tell what is
there, the memories follow, each at a multiple of its own span. A row of a memory
lies in as many words as it needs, lowest bits first; rows are a power of two of
words apart, so that hardware finds row and word without an adder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bnn_hw.errors import ConfigError
from bnn_hw.pipeline.stages import Mvtu, Stage

FORMAT = "bnn_hw.config/1"
IMAGE_FORMAT = "bnn_hw.weights/1"

WORD_BITS = 32
ADDRESS_BITS = 24

FORMAT_ADDRESS, LAYOUT_ADDRESS, TAG_ADDRESS = 0, 1, 2
FORMAT_WORD = 0x424E_4E01
"""Word at FORMAT_ADDRESS: the letters B, N, N and the version of this layout of addresses."""

REQUEST_CYCLES = 5
"""Cycles from taking a request to taking the next one."""

_OWN_WORDS = 4


@dataclass(frozen=True)
class ConfigMemory:
    """One memory: ``rows`` of ``row_bits`` bits; word w of row r has the address base + r * stride + w.

    stage: the matrix unit; layer: its layer; memory: weights or thresholds; file: the
    image it starts with, in the RTL folder. A weight row holds PE times SIMD bits (1
    for +1), a threshold row PE accumulators.
    """

    stage: str
    layer: str
    memory: str
    file: str
    base: int
    rows: int
    row_bits: int

    @property
    def words(self) -> int:
        """Words of a row."""
        return -(-self.row_bits // WORD_BITS)

    @property
    def stride(self) -> int:
        """Addresses from a row to the next."""
        return 1 << (self.words - 1).bit_length()

    @property
    def span(self) -> int:
        """Addresses that the memory takes, a power of two."""
        return self.stride << (self.rows - 1).bit_length()

    def address(self, row: int, word: int) -> int:
        return self.base + row * self.stride + word


@dataclass(frozen=True)
class ConfigMap:
    """What lies behind the configuration port of a core.

    layout: word at LAYOUT_ADDRESS, a digest of the memories and of everything that
    cannot be loaded; an image made for another core has another one. tag: word at
    TAG_ADDRESS at power-up, a digest of the weights the core was built with.
    """

    memories: tuple[ConfigMemory, ...]
    layout: int
    tag: int


@dataclass(frozen=True)
class LoadImage:
    """What to write to a core so that it computes another network of the same structure.

    layout: what must stand at LAYOUT_ADDRESS of the core; tag: what stands at
    TAG_ADDRESS afterwards; writes: (address, word) in order, the tag last.
    """

    network: str
    layout: int
    tag: int
    writes: tuple[tuple[int, int], ...]


def place_memories(stages: Sequence[Stage], files: dict[str, tuple[str, str]]) -> tuple[ConfigMemory, ...]:
    """Give every loadable memory its addresses; ``files``: weight and threshold image by stage.

    Raises ConfigError when they do not fit into the port's addresses.
    """
    wanted = [
        ConfigMemory(stage.name, stage.layer, memory, file, 0, rows, bits)
        for stage in stages
        if isinstance(stage, Mvtu) and stage.runtime
        for memory, file, rows, bits in _contents(stage, files[stage.name])
    ]
    placed: dict[int, ConfigMemory] = {}
    end = _OWN_WORDS
    # From the smallest span on: little is lost before the next multiple.
    for index in sorted(range(len(wanted)), key=lambda i: wanted[i].span):
        item = wanted[index]
        base = -(-end // item.span) * item.span
        placed[index] = ConfigMemory(**{**asdict(item), "base": base})
        end = base + item.span
    if end > 1 << ADDRESS_BITS:
        raise ConfigError.at(
            "loadable weights",
            f"need {end:,} addresses, the configuration port has {1 << ADDRESS_BITS:,}",
            "give fewer layers runtime weights in the folding file",
        )
    return tuple(placed[index] for index in range(len(wanted)))


def _contents(stage: Mvtu, files: tuple[str, str]) -> list[tuple[str, str, int, int]]:
    weights = ("weights", files[0], stage.neuron_fold * stage.synapse_fold, stage.pe * stage.simd)
    if stage.threshold is None:
        return [weights]
    return [weights, ("thresholds", files[1], stage.neuron_fold, stage.pe * stage.threshold_bits)]


def map_record(config: ConfigMap) -> dict[str, Any]:
    """Return what stands in core.json."""
    return {
        "format": FORMAT,
        "word_bits": WORD_BITS,
        "address_bits": ADDRESS_BITS,
        "format_address": FORMAT_ADDRESS,
        "format_word": FORMAT_WORD,
        "layout_address": LAYOUT_ADDRESS,
        "layout": config.layout,
        "tag_address": TAG_ADDRESS,
        "tag": config.tag,
        "memories": [{**asdict(item), "stride": item.stride} for item in config.memories],
    }


def map_from(record: dict[str, Any]) -> ConfigMap:
    """Undo :func:`map_record`; ValueError, KeyError or TypeError for another record."""
    if record["format"] != FORMAT:
        raise ValueError(f"config is {record['format']!r}, not {FORMAT!r}")
    memories = tuple(
        ConfigMemory(**{key: value for key, value in item.items() if key != "stride"})
        for item in record["memories"]
    )
    return ConfigMap(memories, int(record["layout"]), int(record["tag"]))


def image_json(image: LoadImage) -> str:
    """Return the text of an image's file: addresses and words in order."""
    record = {
        "format": IMAGE_FORMAT,
        "network": image.network,
        "layout": image.layout,
        "tag": image.tag,
        "addresses": [address for address, _ in image.writes],
        "words": [word for _, word in image.writes],
    }
    return json.dumps(record) + "\n"


def image_from_json(text: str, place: str) -> LoadImage:
    """Read what :func:`image_json` wrote; ConfigError naming ``place`` if it is something else."""
    try:
        record = json.loads(text)
        if record["format"] != IMAGE_FORMAT:
            raise ValueError(f"format is {record['format']!r}, not {IMAGE_FORMAT!r}")
        writes = tuple(zip(record["addresses"], record["words"], strict=True))
        return LoadImage(record["network"], int(record["layout"]), int(record["tag"]), writes)
    except (ValueError, KeyError, TypeError) as err:
        raise ConfigError.at(
            place, f"is no image of weights: {err!r}", "make it again with bnn-hw weights"
        ) from err
