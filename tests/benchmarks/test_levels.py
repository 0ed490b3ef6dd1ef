"""The longest path of a netlist whose paths are known."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

pytest.importorskip("pyosys", reason="needs Yosys: pip install pyosys")

SCRIPTS = Path(__file__).parents[2] / "benchmarks"
NETLIST = """
module part(input clk, input a, input b, output q);
  wire s, t;
  LUT2 #(.INIT(4'h6)) first (.O(s), .I0(a), .I1(b));
  LUT2 #(.INIT(4'h8)) second (.O(t), .I0(s), .I1(b));
  FDRE flip (.Q(q), .C(clk), .CE(1'b1), .R(1'b0), .D(t));
endmodule
module core(input clk, input a, input b, output q);
  wire u, v, w;
  wire [2:0] unused;
  part one (.clk(clk), .a(a), .b(b), .q(u));
  LUT1 #(.INIT(2'h1)) third (.O(v), .I0(u));
  LUT1 #(.INIT(2'h1)) fourth (.O(w), .I0(v));
  CARRY4 chain (.O({q, unused}), .CI(1'b0), .CYINIT(w), .DI(4'b0), .S({3'b0, a}));
endmodule
"""


def test_paths_go_through_modules_and_chains_and_end_at_flip_flops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    levels = importlib.import_module("levels")
    (tmp_path / "netlist.v").write_text(NETLIST)
    # Two LUTs lead to the flip-flop; two LUTs and a chain from it.
    assert levels.longest_path(tmp_path / "netlist.v", "core")[:3] == ["one.q", "v", "w"]
    assert len(levels.longest_path(tmp_path / "netlist.v", "core")) == 4
    (tmp_path / "netlist.v").write_text(NETLIST.replace(".I0(v)", ".I0(a)"))
    assert len(levels.longest_path(tmp_path / "netlist.v", "core")) == 3
