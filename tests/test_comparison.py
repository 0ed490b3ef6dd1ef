"""The comparison table: rows, marks of origin, notes, and the files of the steps it is made of."""

import json

import pytest

from bnn_hw import comparison, finn_flow
from bnn_hw.comparison import Comparison, finn_row, notes, own_row
from bnn_hw.flow import Flow, Options
from bnn_hw.pipeline.record import Resources
from bnn_hw.sim import verify
from bnn_hw.synth.utilisation import Reference, Utilisation, UtilisationReport

FINN = {
    "clock_hz": 100_000_000,
    "folding": "plan",
    "estimate": {"fps": 12_244.4, "latency_cycles": 46126, "lut": 16338.0, "bram36": 22.5, "dsp": 0.0},
}
PROOF = {"interval_cycles": 8100, "latency_cycles": 14173}
USED = Resources(lut=4154, ff=4000, bram36=3, dsp=0)


def test_every_figure_says_where_it_comes_from():
    built = {"lut": 17000.0, "bram36": 24.5, "dsp": 0.0}
    rows = (
        finn_row("FINN, our folding", FINN),
        finn_row("FINN, built", {**FINN, "implementation": built}),
        own_row(PROOF, USED, 100_000_000),
    )
    text = Comparison("ncnv", "pynq-z1", 100_000_000, rows, notes(rows)).text()
    assert text.splitlines()[0] == "ncnv on pynq-z1 at 100 MHz"
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[4:7]] == [
        ["FINN, our folding", "12,244 e", "46,126 e", "16,338 e", "22.5 e", "0 e"],
        ["FINN, built", "12,244 e", "46,126 e", "17,000 v", "24.5 v", "0 v"],
        ["bnn_hw, our folding", "12,346 s", "14,173 s", "4,154 y", "3 y", "0 y"],
    ]
    assert "nothing measured on a board" in text
    table = Comparison("ncnv", "pynq-z1", 100_000_000, rows, notes(rows)).markdown().splitlines()
    assert [[cell.strip() for cell in line.split("|")[1:4]] for line in table] == [
        ["network", "accelerator", "frames/s"],
        ["-" * 7, "-" * 19, "-" * 7 + ":"],
        ["ncnv", "FINN, our folding", "12,244 e"],
        ["", "FINN, built", "12,244 e"],
        ["", "bnn_hw, our folding", "12,346 s"],
    ]
    assert "v Vivado's report" in text


def test_the_legend_names_only_origins_that_occur():
    rows = (own_row(PROOF, USED, 100_000_000),)
    assert (
        notes(rows)[0] == "y synthesised with Yosys, s simulated cycle by cycle; nothing measured on a board."
    )


@pytest.fixture
def flow(tmp_path, monkeypatch):
    """A flow whose steps have ended, with the files that they write."""
    made = Flow(Options("ncnv", "pynq-z1", "folding=table1", tmp_path))
    run: list[str] = []
    monkeypatch.setattr(made, "until", run.append)
    proof = verify.VerifyReport(
        "ncnv", 20, ("conv1_1",), 8100, 8100, 14173, 14173, (8100,), (), "Verilator", 1.0
    )
    total = Utilisation(logic_sites=3763, memory_sites=163, bram36=3.0, dsp=2)
    part = Reference("xc7z020", USED)
    used = UtilisationReport("bnn_core", "Yosys", "1", "", part, None, total, {}, 0, {}, "")
    missed = {**FINN, "folding": "SetFolding at 12346 fps"}
    files = {
        "verify/verify.json": verify.to_json(proof),
        "synth/utilisation.json": json.dumps(used.to_record()),
        f"{finn_flow.OURS}/finn.json": json.dumps(FINN),
        f"{finn_flow.AUTO}/finn.json": json.dumps(missed),
    }
    for name, text in files.items():
        path = made.pipeline.root / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return made, run


def test_the_table_is_made_of_what_the_steps_wrote(flow):
    made, run = flow
    table = comparison.make(made)
    assert run == ["verify", "synth", "finn", "finn-auto"]
    assert [line.split("|")[1].strip() for line in table.text().splitlines()[4:7]] == [
        "FINN, SetFolding for 12,346 fps (missed)",
        "FINN, our folding",
        "bnn_hw, our folding",
    ]
    assert [str(value) for value in (table.rows[2].lut, table.rows[2].bram36, table.rows[2].dsp)] == [
        "3,926 y",
        "3 y",
        "2 y",
    ]
