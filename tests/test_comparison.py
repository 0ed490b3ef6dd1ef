"""The comparison table: rows, marks of origin, notes."""

from bnn_hw.comparison import Comparison, finn_row, notes, own_row

FINN = {
    "clock_hz": 100_000_000,
    "estimate": {"fps": 12_244.4, "latency_cycles": 46126, "lut": 16338.0, "bram36": 22.5, "dsp": 0.0},
}
PROOF = {"interval_cycles": 8100, "latency_cycles": 14170}
UTILISATION = {"total": {"lut_sites": 4154, "bram36": 3, "dsp48": 0}}


def test_every_figure_says_where_it_comes_from():
    built = {"lut": 17000.0, "bram36": 24.5, "dsp": 0.0}
    rows = (
        finn_row("FINN, our folding", FINN),
        finn_row("FINN, built", {**FINN, "implementation": built}),
        own_row(PROOF, UTILISATION, 100_000_000),
    )
    text = Comparison("ncnv", "pynq-z1", 100_000_000, rows, notes(rows)).text()
    assert text.splitlines()[0] == "ncnv on pynq-z1 at 100 MHz"
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[4:7]] == [
        ["FINN, our folding", "12,244 e", "46,126 e", "16,338 e", "22.5 e", "0 e"],
        ["FINN, built", "12,244 e", "46,126 e", "17,000 v", "24.5 v", "0 v"],
        ["bnn_hw, our folding", "12,346 s", "14,170 s", "4,154 y", "3 y", "0 y"],
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
    rows = (own_row(PROOF, UTILISATION, 100_000_000),)
    assert (
        notes(rows)[0] == "y synthesised with Yosys, s simulated cycle by cycle; nothing measured on a board."
    )
