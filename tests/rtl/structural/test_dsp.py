"""The accumulators in a DSP slice: proven equal to their twin with Yosys' own model of the slice."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bnn_hw.rtl.emit import LIBRARY
from bnn_hw.rtl.structural.library import DSP_MODULES, structural_sources
from bnn_hw.rtl.structural.needs import DSP_ADDERS, DSP_SUMS, DSP_XNOR, Needs

CHECK = """
module check(input clk, enable, update, first, input [47:0] counts, starts, output [47:0] a, b);
  bnn_accumulate_four gold (.clk(clk), .enable(enable), .update(update), .first(first),
    .counts(counts), .starts(starts), .sums(a));
  gate gate (.clk(clk), .enable(enable), .update(update), .first(first),
    .counts(counts), .starts(starts), .sums(b));
endmodule
"""
# After a first beat both hold the same; from there on every step keeps it so.
REGISTERS = {
    "gate.dsp.OPMODEr": 0b0100011, "gate.counts_taken": 0, "gate.dsp.Cr": 0, "gate.dsp.P": 0,
    "gold.counts_taken": 0, "gold.starts_taken": 0, "gold.first_taken": 0, "gold.sums": 0,
}  # fmt: skip
EQUAL = (
    ("a", "b"), ("gold.counts_taken", "gate.counts_taken"),
    ("gold.starts_taken", "gate.dsp.Cr"), ("gold.first_taken", "gate.dsp.OPMODEr[4]"),
    ("gate.dsp.OPMODEr[3:0]", "3"), ("gate.dsp.OPMODEr[6:5]", "1"),
)  # fmt: skip


def prove(
    folder: Path,
    gate: str,
    twin: str = "bnn_accumulate_four",
    check: str = CHECK,
    registers: Mapping[str, int] = REGISTERS,
    equal: Sequence[tuple[str, str]] = EQUAL,
) -> str:
    """Prove by induction that a module of the slice is its twin; return what Yosys says."""
    if importlib.util.find_spec("pyosys") is None:
        pytest.skip("Yosys is missing: pip install pyosys")
    (folder / "check.v").write_text(check)
    (folder / "gate.sv").write_text(gate.replace(f"module {twin}", "module gate"))
    start = " ".join(f"-set-init {name} {value}" for name, value in registers.items())
    proof = " ".join(f"-prove {gold} {found}" for gold, found in equal)
    commands = [
        "read_verilog -sv gate.sv",
        "read_verilog +/xilinx/cells_sim.v",
        f"read_verilog -sv {LIBRARY}/{twin}.sv",
        "read_verilog check.v",
        *(
            "hierarchy -check -top check",
            "proc",
            "flatten",
            "setattr -unset init w:*",
            "opt_clean",
            "async2sync",
        ),
        f"sat -tempinduct -seq 1 -maxsteps 3 -verify {start} {proof} check",
    ]
    lines = ["from pyosys import libyosys", "design = libyosys.Design()"]
    lines += [f"libyosys.run_pass({command!r}, design)" for command in commands]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=folder, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_slice_equals_its_twin_in_every_cycle(tmp_path: Path) -> None:
    assert "Induction step proven: SUCCESS!" in prove(tmp_path, (DSP_MODULES / DSP_ADDERS).read_text())


def test_the_proof_finds_a_difference(tmp_path: Path) -> None:
    one_adder = (DSP_MODULES / DSP_ADDERS).read_text().replace('"FOUR12"', '"ONE48"')
    assert "proven: SUCCESS!" not in prove(tmp_path, one_adder)


XNOR_CHECK = """
module check(input clk, enable, input [47:0] inputs, weights, output [47:0] a, b);
  bnn_xnor_48 gold (.clk(clk), .enable(enable), .inputs(inputs), .weights(weights), .equal(a));
  gate gate (.clk(clk), .enable(enable), .inputs(inputs), .weights(weights), .equal(b));
endmodule
"""


def test_logic_unit_equals_its_twin_in_every_cycle(tmp_path: Path) -> None:
    start = {"gate.dsp.P": 0, "gold.equal": 0}
    text = (DSP_MODULES / DSP_XNOR).read_text()
    done = prove(tmp_path, text, "bnn_xnor_48", XNOR_CHECK, start, (("a", "b"),))
    assert "Induction step proven: SUCCESS!" in done
    wrong = text.replace("4'b0101", "4'b0100")
    done = prove(tmp_path, wrong, "bnn_xnor_48", XNOR_CHECK, start, (("a", "b"),))
    assert "proven: SUCCESS!" not in done


SUM_CHECK = """
module check(input clk, enable, input [47:0] first, second, third, output [47:0] a, b);
  bnn_sum_two #(.FLIP_TWO({two}), .FLIP_THIRD({third}), .CONSTANTS(48'h7ffffe_000123)) gold (.clk(clk),
    .enable(enable), .first(first), .second(second), .third(third), .sums(a));
  gate #(.FLIP_TWO({two}), .FLIP_THIRD({third}), .CONSTANTS(48'h7ffffe_{low})) gate (.clk(clk),
    .enable(enable), .first(first), .second(second), .third(third), .sums(b));
endmodule
"""
SUM_REGISTERS = {"gate.lower.P": 0, "gold.sums": 0}


@pytest.mark.parametrize(("two", "third"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_two_sums_equal_their_twin_in_every_cycle(tmp_path: Path, two: int, third: int) -> None:
    check = SUM_CHECK.format(two=two, third=third, low="000123")
    done = prove(
        tmp_path, (DSP_MODULES / DSP_SUMS).read_text(), "bnn_sum_two", check, SUM_REGISTERS, (("a", "b"),)
    )
    assert "Induction step proven: SUCCESS!" in done


def test_a_constant_one_off_is_found(tmp_path: Path) -> None:
    check = SUM_CHECK.format(two=1, third=0, low="000124")
    done = prove(
        tmp_path, (DSP_MODULES / DSP_SUMS).read_text(), "bnn_sum_two", check, SUM_REGISTERS, (("a", "b"),)
    )
    assert "proven: SUCCESS!" not in done


def test_slice_stands_only_where_it_is_used() -> None:
    assert DSP_ADDERS not in structural_sources(Needs(((16, 0),), (), ()), False)
    files = structural_sources(Needs((), (), (), counts=((16, 0),), dsp=(DSP_ADDERS,)), False)
    assert DSP_ADDERS in files
    assert "// 14 LUT sites" in files["bnn_match_count_16.sv"]


def test_nothing_is_set_that_open_place_and_route_refuses() -> None:
    for name in (DSP_ADDERS, DSP_XNOR, DSP_SUMS):
        text = (DSP_MODULES / name).read_text()
        assert ".PATTERN(" not in text
        assert ".MASK(" not in text
        # Yosys refuses slices without a P.
        assert text.count(".P(") == text.count("DSP48E1 #(")
