"""Frames to configuration words and back, against bit-by-bit definitions of ECC and CRC."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from bnn_hw.errors import ToolError
from bnn_hw.synth.xc7 import bitfile, packets
from bnn_hw.synth.xc7.device import FRAME_WORDS, Device, load_device
from tests.synth import recorded, tiny_part


@pytest.fixture
def device(tmp_path) -> Device:
    return load_device(tiny_part.write(tmp_path), tiny_part.NAME)


def random_frames(count: int, seed: int = 1) -> np.ndarray:
    words = np.random.default_rng(seed).integers(0, 2**32, (count, FRAME_WORDS), np.uint64)
    return words.astype(np.uint32)


def plain_ecc(frame) -> int:
    """Check bits of one frame, bit by bit: numbers of set bits, skipping powers of two, XORed."""
    check = 0
    for index, word in enumerate(int(value) for value in frame):
        base = 32 * index + (0x1360 if index > 0x25 else 0x1340 if index > 6 else 0x1320)
        for bit in range(13 if index == 50 else 0, 32):
            if word >> bit & 1:
                check ^= base + bit
    return check ^ ((check & 0xFFF).bit_count() & 1) << 12


def plain_crc(state: int, register: int, words) -> int:
    for word in words:
        value = register << 32 | int(word)
        for bit in range(37):
            state = state >> 1 ^ (0x82F63B78 if (state ^ value >> bit) & 1 else 0)
    return state


def test_ecc_is_that_of_the_definition():
    frames = random_frames(20)
    made = packets.with_ecc(frames)
    assert [int(frame[50]) & 0x1FFF for frame in made] == [plain_ecc(frame) for frame in frames]
    assert np.array_equal(packets.without_ecc(made), packets.without_ecc(frames))
    assert not packets.with_ecc(np.zeros((1, FRAME_WORDS), np.uint32)).any()


@pytest.mark.parametrize("length", [1, 3, 4095, 4096, 9001])
def test_crc_is_that_of_the_definition(length):
    words = random_frames(length // FRAME_WORDS + 1).reshape(-1)[:length]
    assert packets._crc(0x12345678, 2, words) == plain_crc(0x12345678, 2, words)


def test_crc_of_a_vivado_ending():
    """What Vivado's bitstreams write between their two CRC words, and the second of them."""
    ending = [0x30008001, 0xA, 0x30008001, 0x3, 0x30008001, 0x5, 0x30002001, 0x03BE0000]
    ending += [0x3000C001, 0x501, 0x3000A001, 0x501]
    assert packets.crc_of(np.array([packets.SYNC, *ending], np.uint32)) == 0xE3AD7EA5


@pytest.mark.parametrize("crc", [True, False])
def test_frames_return_from_the_configuration(device, crc):
    frames = random_frames(tiny_part.FRAME_COUNT)
    words = packets.to_words(frames, device, crc=crc)
    back = packets.to_frames(words, device, "a.bit")
    assert np.array_equal(packets.without_ecc(back), packets.without_ecc(frames))
    registers = [register for register, _ in packets.writes(words, "a.bit")]
    assert registers.count(0) == (2 if crc else 0)


def test_pad_frames_follow_each_row(device):
    # 4 logic frames, bottom 2, then 128 of block RAM: two pads after each.
    assert device.stream_frames == 4 + 2 + 2 + 2 + 128 + 2
    assert [int(row) for row in device.stream_rows[[0, 3, 4, 5, 6, 133]]] == [0, 3, 6, 7, 10, 137]
    assert [int(address) for address in device.addresses[[0, 4, 6]]] == [0, 0x400000, 0x800000]


def test_damage_is_found(device):
    words = packets.to_words(random_frames(tiny_part.FRAME_COUNT), device)
    data = int(np.nonzero(words == (0x50000000 | device.stream_frames * FRAME_WORDS))[0][0]) + 1
    flipped = words.copy()
    flipped[data + 5000] ^= 1 << 9
    with pytest.raises(ToolError, match=r"holds the CRC .*\n.*the file is damaged"):
        packets.to_frames(flipped, device, "a.bit")
    with pytest.raises(ToolError, match=r"a\.bit: ends \d+ words too early, in a packet of 14140 words"):
        packets.to_frames(words[: data + 5000], device, "a.bit")
    with pytest.raises(ToolError, match="no synchronisation word"):
        packets.to_frames(words[data:], device, "a.bit")
    other = Device("xc7z999", 0x03722093, device.addresses)
    with pytest.raises(ToolError, match=r"IDCODE 03727093; xc7z999 has 03722093\n.*board it was made for"):
        packets.to_frames(words, other, "a.bit")
    with pytest.raises(ToolError, match="holds 0 words of frames"):
        packets.to_frames(words[: data - 2], device, "a.bit")


@pytest.fixture
def recorded_device(tmp_path) -> Device:
    return load_device(recorded.part_folder(recorded.Z010, tmp_path), recorded.Z010)


def test_recorded_bit_is_written_again_bit_for_bit(recorded_device):
    data = recorded.read("z010_demo.bit")
    file = bitfile.parse(data, "z010_demo.bit")
    frames = packets.to_frames(file.words, recorded_device, "z010_demo.bit")
    assert np.array_equal(packets.with_ecc(packets.without_ecc(frames)), frames)
    words = packets.to_words(packets.without_ecc(frames), recorded_device, crc=False)
    again = bitfile.BitFile(file.design, file.part, file.date, file.time, words)
    assert again.to_bytes() == data


def test_bin_is_the_words_of_the_bit_in_the_other_byte_order(device):
    words = packets.to_words(random_frames(tiny_part.FRAME_COUNT), device)
    file = bitfile.BitFile("d", "p", "2026/01/31", "23:59:59", words)
    (length,) = struct.unpack(">I", file.to_bytes()[-4 * len(words) - 4 : -4 * len(words)])
    assert length == 4 * len(words)
    # As PYNQ makes it from the .bit's data field.
    data = np.frombuffer(file.to_bytes()[-length:], "i4").byteswap().tobytes()
    assert file.to_bin() == data
    assert file.to_bin()[48:52] == bytes.fromhex("665599aa")
