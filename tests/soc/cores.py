"""A core written by hand, whose answers are known without any network and whose faults are on demand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bnn_hw.ir import sint, uint
from bnn_hw.pipeline.core import Core, CoreStage, to_json
from bnn_hw.pipeline.stages import Stream

# Score i is the sum of byte i of each beat times the beat's number, the class is the frame's first byte.
# A frame that begins with JAM is never finished; one that begins with CUT ends a word early.
JAM, CUT = 0xEE, 0xDD
SOURCE = """
module bnn_core (
    input  logic clk, input logic rst_n,
    input  logic s_valid, output logic s_ready, input logic [{width}-1:0] s_data,
    output logic m_valid, input logic m_ready, output logic [31:0] m_data, output logic m_last
);
  localparam int SCORES = {scores};
  localparam int BEATS = {beats};
  logic [31:0] sums [0:SCORES-1];
  logic [31:0] sent [0:SCORES-1];
  logic [31:0] beat, word;
  logic [7:0]  first, sent_first;
  logic        whole, jam;
  assign s_ready = !whole && !jam;
  assign m_last  = word == (sent_first == 8'd{cut} ? SCORES - 1 : SCORES);
  assign m_data  = word == SCORES ? 32'(sent_first) : sent[word[{word_bits}-1:0]];
  always_ff @(posedge clk) begin
    if (!rst_n) begin
      whole <= 0; jam <= 0; m_valid <= 0; beat <= 0; word <= 0;
    end else begin
      if (s_valid && s_ready) begin
        beat <= beat == BEATS - 1 ? 0 : beat + 1;
        whole <= beat == BEATS - 1;
        if (beat == 0) first <= s_data[7:0];
        if (beat == 1 && first == 8'd{jam}) jam <= 1;
        for (int i = 0; i < SCORES; i++)
          sums[i] <= (beat == 0 ? 0 : sums[i]) + 32'(s_data[8 * i +: 8]) * (beat + 1);
      end
      if (m_valid && m_ready) begin
        word <= m_last ? 0 : word + 1;
        m_valid <= !m_last;
      end
      if (whole && (!m_valid || (m_ready && m_last))) begin
        whole <= 0; m_valid <= 1; sent <= sums; sent_first <= first;
      end
    end
  end
endmodule
"""


def write_core(folder: Path, height: int, width: int, channels: int, scores: int) -> Core:
    """Write a core that takes a pixel a beat; ``scores`` is at most ``channels``."""
    stream = Stream(uint(8), height, width, channels, channels)
    text = SOURCE.format(
        width=stream.width_bits,
        beats=stream.beats_per_frame,
        scores=scores,
        word_bits=max(1, (scores - 1).bit_length()),
        jam=JAM,
        cut=CUT,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bnn_core.sv").write_text(text)
    words = Stream(sint(32), 1, 1, scores + 1, 1)
    wires = ("m_valid", "m_ready", "m_data")
    stage = CoreStage("scores", "scores", "fc", None, "bnn_core", "u_scores", *wires, words)
    core = Core(folder, "bnn_core", "sums", "none", "input", stream, scores, ("bnn_core.sv",), (stage,))
    (folder / "core.json").write_text(to_json(core))
    return core


def pictures(core: Core, frames: int, seed: int = 1) -> np.ndarray:
    """Random pictures (frames, height, width, channels) that set off none of the core's faults."""
    stream = core.input
    rng = np.random.default_rng(seed)
    return rng.integers(0, JAM - 32, (frames, stream.height, stream.width, stream.channels)).astype(np.uint8)


def expected(core: Core, images: np.ndarray) -> np.ndarray:
    """Return what the core answers: (frames, scores + 1) words."""
    beats = images.reshape(len(images), -1, core.input.channels).astype(np.int64)
    weighted = (beats * np.arange(1, beats.shape[1] + 1)[None, :, None]).sum(axis=1)
    return np.concatenate([weighted[:, : core.classes], beats[:, 0, :1]], axis=1)
