"""Configuration packets: frames to the words a 7-series part reads, and back.

Packet format, register numbers and the start-up sequence are those of the 7
Series configuration guide (UG470, chapter 5) and of prjxray's xc7frames2bit. The
frame ECC covers 100 words and 19 bits with 13 check bits in word 50; the CRC is
CRC-32C over each written word (32 bits) and its register's number (5 bits).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bnn_hw.errors import ToolError
from bnn_hw.synth.xc7.device import FRAME_WORDS, Device

SYNC = 0xAA995566
_PREAMBLE = (*[0xFFFFFFFF] * 8, 0x000000BB, 0x11220044, 0xFFFFFFFF, 0xFFFFFFFF, SYNC)
_NOP = 0x20000000

_CRC, _FAR, _FDRI, _CMD, _CTL0, _MASK, _MFWR = 0, 1, 2, 4, 5, 6, 10
_COR0, _IDCODE, _COR1, _WBSTAR, _TIMER, _UNKNOWN, _CTL1 = 9, 12, 14, 16, 17, 19, 24
_WCFG, _LFRM, _START, _RCRC, _SWITCH, _GRESTORE, _DESYNC = 1, 3, 5, 7, 9, 10, 13
_COR0_VALUE = 0x02003FE5  # DONE pipelined, DONE in phase 4, GTS in 5, GWE in 6, no wait for DCI or MMCM
_LAST_FRAME = 0x03BE0000
_ECC_WORD = 50
_ECC_MASK = 0x1FFF


def _ecc_masks() -> NDArray[np.uint32]:
    """Return which bits of each word check bit k covers: (13, 101).

    The number of a bit is its place plus an offset that leaves out the powers of two.
    """
    word = np.arange(FRAME_WORDS)[:, None]
    offset = np.where(word > 0x25, 0x1360, np.where(word > 6, 0x1340, 0x1320))
    number = 32 * word + offset + np.arange(32)
    covers = (number[None] >> np.arange(13)[:, None, None]) & 1
    masks = (covers.astype(np.uint32) << np.arange(32, dtype=np.uint32)).sum(axis=2, dtype=np.uint32)
    masks[:, _ECC_WORD] &= np.uint32(~_ECC_MASK & 0xFFFFFFFF)
    return masks


def _parity(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    for shift in (16, 8, 4, 2, 1):
        values = values ^ (values >> np.uint32(shift))
    return values & np.uint32(1)


def with_ecc(frames: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return frames, (frames, 101), with the check bits of each in word 50."""
    frames = frames.copy()
    check = np.zeros(len(frames), np.uint32)
    for bit, mask in enumerate(_ecc_masks()):
        check |= _parity(np.bitwise_xor.reduce(frames & mask, axis=1)) << np.uint32(bit)
    check ^= _parity(check & np.uint32(0xFFF)) << np.uint32(12)
    frames[:, _ECC_WORD] = (frames[:, _ECC_WORD] & np.uint32(~_ECC_MASK & 0xFFFFFFFF)) | check
    return frames


def without_ecc(frames: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return frames without their check bits."""
    frames = frames.copy()
    frames[:, _ECC_WORD] &= np.uint32(~_ECC_MASK & 0xFFFFFFFF)
    return frames


def _write(register: int, *values: int) -> list[int]:
    return [0x30000000 | register << 13 | len(values), *values]


def _command(command: int, nops: int = 0) -> list[int]:
    return [*_write(_CMD, command), *[_NOP] * nops]


def to_words(frames: NDArray[np.uint32], device: Device, *, crc: bool = True) -> NDArray[np.uint32]:
    """Return the whole configuration, from the bus width detection to the last NOP.

    frames: (frames, 101), in the order of ``device``; their ECC is set here.
    crc: let the part check the data before it starts; without, the words are those
    of xc7frames2bit.
    """
    stream = np.zeros((device.stream_frames, FRAME_WORDS), np.uint32)
    stream[device.stream_rows] = with_ecc(frames)
    begin = [_NOP, *_write(_TIMER, 0), *_write(_WBSTAR, 0), *_command(0, 1), *_command(_RCRC, 2)]
    begin += [*_write(_UNKNOWN, 0), *_write(_COR0, _COR0_VALUE), *_write(_COR1, 0)]
    begin += [*_write(_IDCODE, device.idcode), *_command(_SWITCH, 1)]
    begin += [*_write(_MASK, 0x401), *_write(_CTL0, 0x501), *_write(_MASK, 0), *_write(_CTL1, 0)]
    begin += [*[_NOP] * 8, *_write(_FAR, 0), *_command(_WCFG, 1)]
    begin += [*_write(_FDRI), 0x50000000 | stream.size]
    head = np.concatenate((np.array([*_PREAMBLE, *begin], np.uint32), stream.reshape(-1)))
    end = [*_check(head, crc), _NOP, _NOP, *_command(_GRESTORE, 1), *_command(_LFRM, 100)]
    end += [*_command(_START, 1), *_write(_FAR, _LAST_FRAME), *_write(_MASK, 0x501), *_write(_CTL0, 0x501)]
    after = np.array(end, np.uint32)
    end += [*_check(np.concatenate((head, after)), crc), _NOP, _NOP, *_command(_DESYNC, 400)]
    return np.concatenate((head, np.array(end, np.uint32)))


def _check(words: NDArray[np.uint32], crc: bool) -> list[int]:
    """Return the packet that has the part compare its CRC, or else resets it."""
    return _write(_CRC, crc_of(words)) if crc else _command(_RCRC)


def writes(words: NDArray[np.uint32], place: str) -> Iterator[tuple[int, NDArray[np.uint32]]]:
    """Yield (register, words written) of each packet after the synchronisation word."""
    found = np.nonzero(words == SYNC)[0]
    if not len(found):
        raise ToolError.at(place, "has no synchronisation word AA995566", "it is no 7-series bitstream")
    at, register = int(found[0]) + 1, 0
    while at < len(words):
        header = int(words[at])
        kind, operation = header >> 29, header >> 27 & 3
        if kind == 1:
            register, count = header >> 13 & 0x3FFF, header & 0x7FF
        elif kind == 2:
            count = header & 0x7FFFFFF
        else:
            count, operation = 0, 0
        at += 1
        if at + count > len(words):
            cause = f"ends {at + count - len(words)} words too early, in a packet of {count} words"
            raise ToolError.at(place, cause, "the file is truncated; write it again")
        if operation == 2:
            yield register, words[at : at + count]
        at += count


def crc_of(words: NDArray[np.uint32]) -> int:
    """Return the CRC register's value after ``words``."""
    state = 0
    for register, values in writes(words, "bitstream"):
        state = _after(state, register, values)
    return state


def _after(state: int, register: int, values: NDArray[np.uint32]) -> int:
    """Return the CRC after one packet; a write of the CRC itself and the command RCRC clear it."""
    if register == _CRC:
        return 0
    state = _crc(state, register, values)
    return 0 if register == _CMD and len(values) and int(values[-1]) == _RCRC else state


_POLYNOMIAL = 0x82F63B78  # CRC-32C, reflected
_LANES = 1024


def _steps() -> NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1).astype(np.uint32)
    return table


_TABLE = _steps()


def _step(state: NDArray[np.uint32], register: int, word: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Advance CRCs by one written word each: its 32 bits, then the register's 5, lowest bit first."""
    state = state ^ word
    for _ in range(4):
        state = (state >> np.uint32(8)) ^ _TABLE[state & np.uint32(0xFF)]
    state = state ^ np.uint32(register & 0x1F)
    for _ in range(5):
        state = (state >> np.uint32(1)) ^ np.where(state & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    return state


def _crc(state: int, register: int, values: NDArray[np.uint32]) -> int:
    """CRC over one packet. Long packets run in lanes, which the CRC's linearity joins."""
    length = len(values) // _LANES
    if length < 4:
        return _plain(state, register, values)
    lanes = values[: length * _LANES].reshape(_LANES, length)
    partial = np.zeros(_LANES, np.uint32)
    for column in range(length):
        partial = _step(partial, register, lanes[:, column])
    jump = _jump(length)
    for lane in partial:
        state = _apply(jump, state) ^ int(lane)
    return _plain(state, register, values[length * _LANES :])


def _plain(state: int, register: int, values: NDArray[np.uint32]) -> int:
    value = np.array([state], np.uint32)
    for word in values:
        value = _step(value, register, np.array([word], np.uint32))
    return int(value[0])


def _apply(columns: list[int], state: int) -> int:
    result = 0
    for bit in range(32):
        if state >> bit & 1:
            result ^= columns[bit]
    return result


def _jump(length: int) -> list[int]:
    """Return what each bit of a CRC becomes after ``length`` words of zeros to register 0."""
    state = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for _ in range(length):
        state = _step(state, 0, np.zeros(32, np.uint32))
    return [int(value) for value in state]


def to_frames(words: NDArray[np.uint32], device: Device, place: str) -> NDArray[np.uint32]:
    """Return the frames, (frames, 101), ECC included, that a whole configuration holds.

    Raises ToolError for another part's configuration, a truncated or compressed
    one, and one whose CRC is wrong.
    """
    state, data = 0, None
    for register, values in writes(words, place):
        if register == _CRC and len(values) and int(values[0]) != state:
            cause = f"holds the CRC {int(values[0]):08X}, but its data have {state:08X}"
            raise ToolError.at(place, cause, "the file is damaged; write it again")
        if register == _IDCODE and int(values[0]) & 0x0FFFFFFF != device.idcode & 0x0FFFFFFF:
            cause = f"is for a part with IDCODE {int(values[0]):08X}; {device.name} has {device.idcode:08X}"
            raise ToolError.at(place, cause, "choose the board it was made for")
        if register == _MFWR and len(values):
            raise ToolError.at(place, "is compressed", "write it without compression")
        state = _after(state, register, values)
        if register == _FDRI and len(values):
            if data is not None:
                raise ToolError.at(place, "writes frames in several parts", "write it as one whole")
            data = values
    expected = device.stream_frames * FRAME_WORDS
    found = 0 if data is None else len(data)
    if data is None or found != expected:
        cause = f"holds {found:,} words of frames; {device.name} has {expected:,}"
        raise ToolError.at(place, cause, "write the bitstream of the whole part again")
    return data.reshape(-1, FRAME_WORDS)[device.stream_rows]
