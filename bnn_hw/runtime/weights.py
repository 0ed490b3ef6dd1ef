"""Loads other weights and thresholds into an accelerator that was built to take them (Python 3.8).

Reads the file that ``bnn-hw weights`` writes. The words of the configuration port:
0 its format, 1 the digest of the memories' layout, 2 a tag of the contents; then the memories.
"""

import json
from pathlib import Path
from typing import List, NamedTuple, Tuple

from bnn_hw.runtime.engine import Shell
from bnn_hw.runtime.errors import JobError, PackageError, WrongHardwareError

FORMAT = "bnn_hw.weights/1"
FORMAT_ADDRESS, LAYOUT_ADDRESS, TAG_ADDRESS = 0, 1, 2
FORMAT_WORD = 0x424E_4E01


class Weights(NamedTuple):
    """layout: of the memories they fit; tag: of the contents; writes: address and word, in order."""

    network: str
    layout: int
    tag: int
    writes: Tuple[Tuple[int, int], ...]


def read_weights(path: Path) -> Weights:
    """Read the file; PackageError where it is missing, damaged or something else."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise ValueError("format is {!r}, not {!r}".format(record["format"], FORMAT))
        addresses, words = record["addresses"], record["words"]
        if len(addresses) != len(words):
            raise ValueError("{} addresses for {} words".format(len(addresses), len(words)))
        writes = tuple((int(address), int(word)) for address, word in zip(addresses, words))
        return Weights(str(record["network"]), int(record["layout"]), int(record["tag"]), writes)
    except (OSError, ValueError, KeyError, TypeError) as error:
        cause = "is no file of weights: {}".format(error)
        raise PackageError(str(path), cause, "make it again with bnn-hw weights") from error


def _words(shell: Shell, address: int, count: int) -> List[int]:
    shell.write("CONFIG_ADDRESS", address)
    return [shell.read("CONFIG_DATA") for _ in range(count)]


def load_weights(shell: Shell, weights: Weights) -> None:
    """Write the words, read all of them back, and mark the contents with their tag last.

    Only while no job is open. Raises WrongHardwareError where the accelerator has fixed
    weights or another layout, JobError where a word does not stay; then, and after a
    Ctrl-C, the tag is zero: load weights again before anything is classified.
    """
    place = shell.device.name
    if not shell.read("FEATURES", "CONFIG"):
        remedy = "build it with --weights runtime"
        raise WrongHardwareError(place, "its weights are fixed in the hardware", remedy)
    found = _words(shell, FORMAT_ADDRESS, 2)
    if found != [FORMAT_WORD, weights.layout]:
        cause = "has memories of the layout 0x{:08X}, the weights are for 0x{:08X}".format(
            found[1], weights.layout
        )
        raise WrongHardwareError(place, cause, "make the weights for this build: bnn-hw weights")
    _write(shell, ((TAG_ADDRESS, 0),))
    writes = tuple(item for item in weights.writes if item[0] != TAG_ADDRESS)
    _write(shell, writes)
    _verify(shell, writes)
    _write(shell, ((TAG_ADDRESS, weights.tag),))


def _write(shell: Shell, writes: Tuple[Tuple[int, int], ...]) -> None:
    following = -1
    for address, word in writes:
        if address != following:
            shell.write("CONFIG_ADDRESS", address)
        shell.write("CONFIG_DATA", word)
        following = address + 1


def _verify(shell: Shell, writes: Tuple[Tuple[int, int], ...]) -> None:
    following = -1
    for address, word in writes:
        if address != following:
            shell.write("CONFIG_ADDRESS", address)
        found = shell.read("CONFIG_DATA")
        following = address + 1
        if found != word:
            cause = "reads 0x{:08X} where 0x{:08X} was written".format(found, word)
            raise JobError("weights, word {}".format(address), cause, "load the weights again")
