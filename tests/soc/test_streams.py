"""Width converters of the shell against numpy, at any width, with pauses, stalls and resets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bnn_hw
from bnn_hw.bits import pack_words
from tests.rtl.lib.bench import MODES, Bench, Dut, check

LIBRARY = Path(bnn_hw.__file__).parent / "soc" / "lib"
FRAMES = 7

# The bench takes streams of valid, ready and data only, with registered handshakes.
PACK = """
module bnn_pack_bench #(parameter int WORDS = 5) (
  input  logic clk, input logic rst_n,
  input  logic in_valid, output logic in_ready, input logic [32:0] in_data,
  output logic out_valid, input logic out_ready, output logic [63:0] out_data
);
  logic valid, ready;
  logic [63:0] data;
  bnn_pack #(.WORDS(WORDS)) u_pack (
    .clk, .rst_n, .in_valid, .in_ready, .in_data(in_data[31:0]), .in_last(in_data[32]),
    .out_valid(valid), .out_ready(ready), .out_data(data), .framing());
  bnn_skid #(.WIDTH(64)) u_skid (
    .clk, .rst_n, .in_valid(valid), .in_ready(ready), .in_data(data), .out_valid, .out_ready, .out_data);
endmodule
"""
FILES = {name: (LIBRARY / name).read_text() for name in ("bnn_unpack.sv", "bnn_pack.sv")}
FILES["bnn_pack_bench.sv"] = PACK


def as_words(rows: np.ndarray, size: int) -> list[int]:
    return pack_words(rows.reshape(-1, size), 8)


def unpack(word_bytes: int, beat_bytes: int, beats: int) -> Dut:
    """Frames at the start of a word; what fills the last word is noise that must not come out."""
    rng = np.random.default_rng(beat_bytes)
    frame = beat_bytes * beats
    rows = rng.integers(0, 256, (FRAMES, -(-frame // word_bytes) * word_bytes))
    out = as_words(rows[:, :frame], beat_bytes)
    first = [int(i % beats == 0) << (8 * beat_bytes) for i in range(len(out))]
    return Dut(
        f"unpack_{word_bytes}_{beat_bytes}_{beats}",
        "unpack",
        {"WORD_BYTES": word_bytes, "BEAT_BYTES": beat_bytes, "BEATS": beats},
        8 * word_bytes,
        8 * beat_bytes + 1,
        as_words(rows, word_bytes),
        [word | mark for word, mark in zip(out, first, strict=True)],
        ("out_data", "out_first"),
        (8 * beat_bytes, 1),
        files=FILES,
    )


def pack(words: int) -> Dut:
    values = np.random.default_rng(words).integers(0, 1 << 32, (FRAMES, words), dtype=np.uint64)
    last = np.arange(words) == words - 1
    sent = [int(value) | int(mark) << 32 for row in values for value, mark in zip(row, last, strict=True)]
    rows = np.pad(values, ((0, 0), (0, words % 2)))
    pairs = [int(low) | int(high) << 32 for low, high in rows.reshape(-1, 2)]
    return Dut(
        f"pack_{words}",
        "pack_bench",
        {"WORDS": words},
        33,
        64,
        sent,
        pairs,
        ("out_data",),
        (64,),
        files=FILES,
    )


DUTS = [
    *(unpack(8, size, beats) for size, beats in ((1, 1), (1, 9), (2, 7), (3, 1), (3, 8), (3, 13), (4, 5))),
    *(unpack(8, size, beats) for size, beats in ((5, 6), (6, 1), (6, 9), (7, 11), (8, 3))),
    *(unpack(16, size, beats) for size, beats in ((9, 5), (12, 6), (16, 2))),
    unpack(32, 24, 7),
    *(pack(words) for words in (1, 2, 3, 5, 8)),
]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(DUTS)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("dut", DUTS, ids=lambda dut: dut.name)
def test_words_come_out_in_order(bench, dut, mode):
    check(dut, bench.run(mode)[dut.name])


@pytest.mark.parametrize("dut", [d for d in DUTS if d.kind == "unpack"], ids=lambda dut: dut.name)
def test_unpack_puts_out_a_beat_a_cycle_where_words_come_fast_enough(bench, dut):
    """A frame takes as many cycles as the larger of its words and its beats, and 2 more at its end
    where its last beat lies in two words."""
    result = bench.run(MODES[0])[dut.name]
    beats, words = len(dut.expected) // FRAMES, len(dut.inputs) // FRAMES
    word, beat = dut.parameters["WORD_BYTES"], dut.parameters["BEAT_BYTES"]
    spans = (beats - 1) * beat % word + beat > word
    intervals = np.diff(result.out_cycles[::beats])[1:]
    assert (intervals >= max(beats, words)).all()
    assert (intervals <= max(beats, words) + 2 * spans).all()
