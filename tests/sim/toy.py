"""A core of one dense layer, written by hand: tests harness and comparison without the emitter."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bnn_hw.ir import Graph, GraphInput, Node, ValueType, sint, uint
from bnn_hw.ir.ops import ArgMax, Dense
from bnn_hw.pipeline.core import Core, CoreStage, to_json
from bnn_hw.pipeline.record import Plan, Resources
from bnn_hw.pipeline.stages import Mvtu, Scores, Stream

# The scores of a pixel x are x and -x, over x = 0 the first class wins. Frame number
# JAM is never let into the scores unit; frame number LIE gets another score.
SOURCE = """
module bnn_core #(parameter int JAM = 1000000, parameter int LIE = 1000000) (
    input  logic clk, input logic rst_n,
    input  logic s_valid, output logic s_ready, input logic [7:0] s_data,
    output logic m_valid, input logic m_ready, output logic [31:0] m_data, output logic m_last
);
  logic fc__mvtu_valid, fc__mvtu_ready;
  logic [17:0] fc__mvtu_data;
  logic scores_valid, scores_ready;
  logic [31:0] scores_data;
  logic [1:0] step;
  int frame;
  logic signed [8:0] first, second;
  assign s_ready = !fc__mvtu_valid;
  assign fc__mvtu_ready = !scores_valid && frame != JAM;
  assign scores_data = step == 0 ? 32'(first) : step == 1 ? 32'(second) : 32'(second > first);
  assign {m_valid, m_data, scores_ready, m_last} = {scores_valid, scores_data, m_ready, step == 2};
  always_ff @(posedge clk) begin
    if (!rst_n) begin
      fc__mvtu_valid <= 0; scores_valid <= 0; step <= 0; frame <= 0;
    end else begin
      if (s_valid && s_ready) begin
        fc__mvtu_valid <= 1;
        fc__mvtu_data <= {-{1'b0, s_data}, {1'b0, s_data} + 9'(frame == LIE)};
      end
      if (fc__mvtu_valid && fc__mvtu_ready) begin
        fc__mvtu_valid <= 0; scores_valid <= 1; {second, first} <= fc__mvtu_data; frame <= frame + 1;
      end
      if (scores_valid && scores_ready) begin
        step <= step == 2 ? 0 : step + 1; scores_valid <= step != 2;
      end
    end
  end
endmodule
"""
INTERVAL = 4
LATENCY = 4

PIXEL = Stream(uint(8), 1, 1, 1, 1)
SUMS = Stream(sint(9), 1, 1, 2, 2)
WORDS = Stream(sint(32), 1, 1, 3, 1)


def toy_graph() -> Graph:
    nodes = [Node("fc.acc", Dense(np.array([[1], [-1]])), ("input",)), Node("class", ArgMax(), ("fc.acc",))]
    return Graph("toy", GraphInput("input", ValueType(uint(8), (1, 1, 1))), nodes, ["class"])


def toy_plan(interval: int = INTERVAL) -> Plan:
    stages = (
        Mvtu("fc__mvtu", "fc", "fc.acc", PIXEL, SUMS, "fc.acc", None, 1, 2, 2, 1, sint(9), "logic"),
        Scores("scores", "fc", None, SUMS, WORDS, 2),
    )
    nothing = Resources()
    cycles = {"fc__mvtu": 1, "scores": interval}
    return Plan("toy", "", "none", "none", "toy", 10**8, (), stages, cycles, interval, LATENCY, "scores",
                nothing, {})  # fmt: skip


def write_toy(folder: Path, jam: int = 10**6, lie: int = 10**6, extra: str = "") -> Core:
    """Write the core with its faults at the given frames; ``extra`` goes to the end of the module."""
    source = SOURCE.replace("JAM = 1000000", f"JAM = {jam}").replace("LIE = 1000000", f"LIE = {lie}")
    source = source.replace("endmodule", f"{extra}\nendmodule")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bnn_core.sv").write_text(source)

    def stage(name: str, kind: str, value: str | None, stream: Stream) -> CoreStage:
        wires = (f"{name}_valid", f"{name}_ready", f"{name}_data")
        return CoreStage(name, kind, "fc", value, "toy", f"u_{name}", *wires, stream)

    stages = (stage("fc__mvtu", "mvtu", "fc.acc", SUMS), stage("scores", "scores", None, WORDS))
    core = Core(folder, "bnn_core", "toy", "none", "input", PIXEL, 2, ("bnn_core.sv",), stages)
    (folder / "core.json").write_text(to_json(core))
    return core
