"""Logic ROMs in explicit LUTs: every word in a simulator and in the mapped netlist, sites against the law."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest

from bnn_hw.pipeline.record import Resources
from bnn_hw.plan.memory import rom_lut
from bnn_hw.rtl.memory import Image
from bnn_hw.rtl.structural.tables import PARTS, columns_of, table_sources
from bnn_hw.synth.utilisation import Reference
from bnn_hw.synth.yosys import Options, synthesise
from tests.rtl.lib.bench import LIBRARY, run_verilator

# Every form: a LUT pair, a LUT6, MUXF7, MUXF8, a multiplexer in LUTs, and pieces of 256 words.
DEPTHS = (1, 2, 3, 9, 33, 72, 144, 180, 200, 288, 700)
WIDTH = 12


def image(depth: int, width: int = WIDTH) -> Image:
    """Random words, then a column of zeros, one of ones, two equal ones and an address bit."""
    rng = random.Random(depth)
    words = []
    for address in range(depth):
        word = rng.getrandbits(width - 4)
        words.append(word | (1 << (width - 3)) | (word & 1) << (width - 2) | (address & 1) << (width - 1))
    return Image(tuple(words), width)


IMAGES = {f"mem/t{depth}.hex": image(depth) for depth in DEPTHS}


def top(images: dict[str, Image]) -> str:
    """A module with one table a file; ports a0, w0, a1, w1, ..."""
    ports, body = [], []
    for index, (file, content) in enumerate(images.items()):
        depth, width = len(content.words), content.width_bits
        address_bits = max(1, (depth - 1).bit_length())
        ports.append(f"input logic [{address_bits - 1}:0] a{index}, output logic [{width - 1}:0] w{index}")
        body.append(
            f'bnn_table #(.WIDTH({width}), .DEPTH({depth}), .FILE("{file}")) u{index} '
            f"(.address(a{index}), .word(w{index}));"
        )
    return "module tables(\n" + ",\n".join(ports) + ");\n" + "\n".join(body) + "\nendmodule\n"


def write(folder: Path, images: dict[str, Image]) -> list[str]:
    """Write the tables and all they need; return the sources in reading order."""
    for name in (*(f"{part}.sv" for part in PARTS), "bnn_assert.svh"):
        (folder / name).write_text((LIBRARY / name).read_text())
    sources = table_sources(images)
    for name, text in sources.items():
        (folder / name).write_text(text)
    (folder / "tables.sv").write_text(top(images))
    names = [*(f"{part}.sv" for part in PARTS), *sources, "tables.sv"]
    (folder / "files.f").write_text("".join(f"{name}\n" for name in names))
    return names


def test_columns_are_the_words_transposed() -> None:
    content = columns_of(Image((0b01, 0b11, 0b10), 2))
    assert content.columns == (0b011, 0b110)
    assert content.address_column(0) == 0b010


def test_every_word_in_simulation(tmp_path: Path) -> None:
    """A C++ main reads every word of every table; lint of the generated text without a warning."""
    names = write(tmp_path, IMAGES)
    arrays, loops = [], []
    for index, content in enumerate(IMAGES.values()):
        words = ", ".join(map(str, content.words))
        arrays.append(f"const unsigned words{index}[] = {{{words}}};")
        loops.append(
            f"  for (int i = 0; i < {len(content.words)}; i++) {{"
            f" m.a{index} = i; m.eval(); wrong += m.w{index} != words{index}[i]; }}"
        )
    head = ['#include "Vtables.h"', "#include <cstdio>"]
    begin, end = (
        ["int main() {", "  Vtables m;", "  int wrong = 0;"],
        ['  std::printf("%d wrong\\n", wrong);', "}"],
    )
    main = "\n".join([*head, *arrays, *begin, *loops, *end, ""])
    (tmp_path / "main.cpp").write_text(main)
    arguments = ["--cc", "--exe", "--build", "-Wall", "-CFLAGS", "-O0", "--top-module", "tables"]
    done = run_verilator([*arguments, "main.cpp", *names], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "%Warning" not in done.stdout + done.stderr
    found = subprocess.run([str(tmp_path / "obj_dir" / "Vtables")], capture_output=True, text=True)
    assert found.stdout == "0 wrong\n"


def evaluate(cells: dict, values: dict[int, int], bit: int | str) -> int:
    """Value of a net of a mapped netlist of LUTs and multiplexers; ``values`` grows by what it finds."""
    if isinstance(bit, str):
        return int(bit == "1")
    if bit not in values:
        kind, init, ports = cells[bit]
        pin = {name: evaluate(cells, values, bits[0]) for name, bits in ports.items() if name != "O"}
        if kind == "INV":
            values[bit] = 1 - pin["I"]
        elif kind.startswith("MUXF"):
            values[bit] = pin["I1"] if pin["S"] else pin["I0"]
        else:
            row = sum(value << int(name[1:]) for name, value in pin.items())
            values[bit] = init >> row & 1
    return values[bit]


def mapped_words(module: dict, depth: int) -> list[int]:
    """Read all words of a synthesised table."""
    cells = {}
    for cell in module["cells"].values():
        init = int(cell["parameters"].get("INIT", "0"), 2)
        cells[cell["connections"]["O"][0]] = (cell["type"], init, cell["connections"])
    address, word = module["ports"]["address"]["bits"], module["ports"]["word"]["bits"]
    words = []
    for place in range(depth):
        values = {bit: place >> k & 1 for k, bit in enumerate(address)}
        words.append(sum(evaluate(cells, values, bit) << k for k, bit in enumerate(word)))
    return words


def test_synthesis_keeps_the_contents_in_the_sites_of_the_law(tmp_path: Path) -> None:
    """The mapped netlist, evaluated cell by cell, holds the words; its sites are those the planner counts."""
    pytest.importorskip("pyosys", reason="Yosys is missing: pip install pyosys")
    depths = (20, 36, 128, 144, 180, 256, 700)
    images = {f"mem/t{depth}.hex": random_image(depth) for depth in depths}
    write(tmp_path, images)
    part = Reference("none", Resources(1, 1, 1, 1))
    report = synthesise(
        tmp_path, "tables", tmp_path / "synth", part, stage_names={}, options=Options(clock_hz=100_000_000)
    )
    modules = json.loads((tmp_path / "synth" / "netlist.json").read_text())["modules"]
    for index, depth in enumerate(depths):
        own = modules["tables"]["cells"][f"u{index}"]["type"]
        assert mapped_words(modules[own], depth) == list(images[f"mem/t{depth}.hex"].words)
        # The law counts the columns that are expected to differ, which at 20 words are nearly all.
        assert report.stages[f"u{index}"].lut_sites == pytest.approx(rom_lut(2 * WIDTH, depth), rel=1e-4)


def random_image(depth: int) -> Image:
    rng = random.Random(depth)
    return Image(tuple(rng.getrandbits(2 * WIDTH) for _ in range(depth)), 2 * WIDTH)
