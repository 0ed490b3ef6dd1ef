"""The one definition of bit packing and byte order (Python 3.8, numpy only).

Every memory image, stream and file of the project follows it:

* A *word* holds ``lanes`` values of ``bits`` bits each; lane 0 sits in the
  least significant bits.
* A bipolar value is one bit: 1 stands for +1, 0 for -1.
* Signed values are two's complement.
* Words become bytes little-endian, in the fewest bytes that hold them.
* A beat of several neighbouring pixels of a row holds ``lanes`` values of the left pixel,
  then of the next one. What stands beyond the end of a row or of a pixel is zero.

The emitter, the simulation harness and the driver on the board share it, so a
picture or weight can never be packed in two ways.
"""

from typing import List, Sequence

import numpy as np


def bipolar_to_bits(values: np.ndarray) -> np.ndarray:
    """Map -1 to 0 and +1 to 1; same shape, dtype uint8.

    Raises ValueError when a value is neither.
    """
    values = np.asarray(values)
    if not np.isin(values, (-1, 1)).all():
        raise ValueError("bipolar values must be -1 or +1")
    return (values > 0).astype(np.uint8)


def bits_to_bipolar(bits: np.ndarray) -> np.ndarray:
    """Map 0 to -1 and 1 to +1; same shape, dtype int8."""
    return (np.asarray(bits).astype(np.int8) * 2 - 1).astype(np.int8)


def pack_words(values: np.ndarray, bits: int) -> List[int]:
    """Pack integers of shape (words, lanes) into one Python integer a word.

    Negative values become ``bits``-bit two's complement. Raises ValueError
    when a value does not fit in ``bits`` bits, signed or unsigned.
    """
    values = np.asarray(values)
    if values.ndim != 2:
        raise ValueError("values must have the shape (words, lanes), not {}".format(values.shape))
    if values.size and (values.min() < -(1 << (bits - 1)) or values.max() >= (1 << bits)):
        raise ValueError("values {}..{} do not fit in {} bits".format(values.min(), values.max(), bits))
    field = values.astype(np.int64) & ((1 << bits) - 1)
    planes = (field[:, :, None] >> np.arange(bits)) & 1
    flat = planes.reshape(len(values), -1).astype(np.uint8)
    packed = np.packbits(flat, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def unpack_words(words: Sequence[int], lanes: int, bits: int, signed: bool = False) -> np.ndarray:
    """Undo :func:`pack_words`: shape (words, lanes), dtype int64."""
    size = (lanes * bits + 7) // 8
    raw = b"".join(int(word).to_bytes(size, "little") for word in words)
    rows = np.frombuffer(raw, dtype=np.uint8).reshape(len(words), size)
    planes = np.unpackbits(rows, axis=1, bitorder="little")[:, : lanes * bits]
    values = (planes.reshape(len(words), lanes, bits).astype(np.int64) << np.arange(bits)).sum(axis=2)
    if signed:
        values = np.where(values >= 1 << (bits - 1), values - (1 << bits), values)
    return values


def to_beats(maps: np.ndarray, lanes: int, pixels: int = 1) -> np.ndarray:
    """Arrange maps (frames, height, width, channels) as beats: shape (beats, pixels * lanes)."""
    frames, height, width, channels = maps.shape
    groups, parts = -(-width // pixels), -(-channels // lanes)
    padded = np.zeros((frames, height, groups * pixels, parts * lanes), maps.dtype)
    padded[:, :, :width, :channels] = maps
    grouped = padded.reshape(frames, height, groups, pixels, parts, lanes)
    return grouped.transpose(0, 1, 2, 4, 3, 5).reshape(-1, pixels * lanes)


def from_beats(
    beats: np.ndarray, width: int, channels: int, lanes: int, pixels: int = 1, skip: int = 0
) -> np.ndarray:
    """Undo :func:`to_beats` for maps of ``width`` columns: shape (pixels of the maps, channels).

    skip: places without meaning before each row. A last group of beats that is not whole is left out.
    """
    parts, per_row = -(-channels // lanes), -(-(skip + width) // pixels)
    groups = len(beats) // parts
    split = beats[: groups * parts].reshape(groups, parts, pixels, lanes)
    values = split.transpose(0, 2, 1, 3).reshape(groups, pixels, parts * lanes)
    column = (np.arange(groups) % per_row)[:, None] * pixels + np.arange(pixels) - skip
    return values[(column >= 0) & (column < width)][:, :channels]


def words_to_bytes(words: Sequence[int], width_bits: int) -> bytes:
    """Concatenate words little-endian, each in ceil(width_bits / 8) bytes."""
    size = (width_bits + 7) // 8
    return b"".join(int(word).to_bytes(size, "little") for word in words)


def hex_lines(words: Sequence[int], width_bits: int) -> str:
    """Text for Verilog's $readmemh: one word a line, address 0 first."""
    digits = (width_bits + 3) // 4
    return "".join("{:0{}x}\n".format(int(word), digits) for word in words)
