"""Logic ROMs of LUTs with explicit truth tables: the structural form of the library's bnn_table.

Synthesis builds a ROM in logic from multiplexers and finds the truth tables only in
part. Here each column of a ROM, one bit of all its words, is a truth table of the
address. A LUT6 holds 64 words of a column, or 32 words of two columns (outputs O5
and O6). MUXF7 and MUXF8 join LUTs to 128 and 256 words without further LUTs.
Columns that are equal share their LUTs, and the registers behind them; with few
words there are few different ones, however wide the ROM. A column that is constant
or an address bit takes none.

The contents stand in the modules, one a ROM; a bnn_table of the library's name and
ports picks one of them by FILE.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from bnn_hw.rtl.memory import Image

TABLE = "bnn_table"
PARTS = ("bnn_lut_columns", "bnn_wide_mux")
"""Modules of the library that the generated one instantiates."""

LUT_WORDS = 64
F7_WORDS = 128
F8_WORDS = 256


@dataclass(frozen=True)
class Columns:
    """Contents by columns: bit a of ``columns[c]`` is bit c of word a."""

    columns: tuple[int, ...]
    depth: int

    @property
    def address_bits(self) -> int:
        return max(1, (self.depth - 1).bit_length())

    @property
    def whole(self) -> int:
        """The column of ones."""
        return (1 << self.depth) - 1

    def address_column(self, bit: int) -> int:
        """The column that equals bit ``bit`` of the address."""
        return sum(((address >> bit) & 1) << address for address in range(self.depth))


def columns_of(image: Image) -> Columns:
    """Transpose the words of a ROM."""
    digits = [format(word, f"0{image.width_bits}b") for word in reversed(image.words)]
    transposed = ["".join(column) for column in zip(*digits, strict=True)]
    return Columns(tuple(int(column, 2) for column in reversed(transposed)), len(image.words))


@dataclass
class _Tree:
    """Lines of one table; ``columns`` are the distinct truth tables, the width of every signal."""

    columns: Sequence[int]
    lines: list[str] = field(default_factory=list)
    signals: int = 0

    def _signal(self) -> str:
        name = f"t{self.signals}"
        self.signals += 1
        self.lines.append(f"logic [{len(self.columns) - 1}:0] {name};")
        return name

    def luts(self, first: int, words: int) -> str:
        """Words ``first`` to ``first + words - 1``, at most 64."""
        inputs = max(1, (words - 1).bit_length())
        size = 1 << inputs
        mask = (1 << words) - 1
        inits = [f"{size}'h{(column >> first) & mask:0{-(-size // 4)}x}" for column in reversed(self.columns)]
        name = self._signal()
        self.lines += [
            f"bnn_lut_columns #(.INPUTS({inputs}), .COLUMNS({len(inits)}), .INITS({{",
            *(f"  {line}" for line in textwrap.wrap(", ".join(inits), 100)),
            f"}})) u_{name} (.address(address[{inputs - 1}:0]), .columns({name}));",
        ]
        return name

    def _slice_mux(self, level: int, bit: int, low: str, high: str) -> str:
        name = self._signal()
        self.lines += [
            f"bnn_wide_mux #(.LEVEL({level}), .COLUMNS({len(self.columns)})) u_{name} (",
            f"  .select(address[{bit}]), .low({low}), .high({high}), .columns({name})",
            ");",
        ]
        return name

    def _mux(self, bit: int, low: str, high: str) -> str:
        name = self._signal()
        self.lines.append(f"assign {name} = address[{bit}] ? {high} : {low};")
        return name

    def words(self, first: int, words: int) -> str:
        """Build the words from ``first`` on, a multiple of the power of two that holds them; the signal."""
        if words <= LUT_WORDS:
            return self.luts(first, words)
        bit = (words - 1).bit_length() - 1
        half = 1 << bit
        low, high = self.words(first, half), self.words(first + half, words - half)
        if words <= F7_WORDS:
            return self._slice_mux(7, bit, low, high)
        # A MUXF8 joins two MUXF7; beside a single LUT a multiplexer in a LUT is cheaper.
        if F7_WORDS + LUT_WORDS < words <= F8_WORDS:
            return self._slice_mux(8, bit, low, high)
        return self._mux(bit, low, high)


def table_lines(content: Columns) -> list[str]:
    """Return the statements that drive ``word`` from ``address``."""
    aliases = {0: "1'b0", content.whole: "1'b1"}
    if content.depth > 1:
        for bit in range(content.address_bits):
            aliases.setdefault(content.address_column(bit), f"address[{bit}]")
    distinct = sorted({column for column in content.columns if column not in aliases})
    lines: list[str] = []
    if distinct:
        tree = _Tree(distinct)
        result = tree.words(0, content.depth)
        lines = tree.lines
        aliases |= {column: f"{result}[{place}]" for place, column in enumerate(distinct)}
    bits = ", ".join(aliases[column] for column in reversed(content.columns))
    return [
        *lines,
        "logic unused;",
        "assign unused = ^address;",
        "assign word = {",
        *(f"  {line}" for line in textwrap.wrap(bits, 100)),
        "};",
    ]


def _ports(depth: int | str, width: int | str) -> str:
    address = f"[{depth}-1:0]" if isinstance(depth, str) else f"[{max(1, (depth - 1).bit_length()) - 1}:0]"
    word = f"[{width}-1:0]" if isinstance(width, str) else f"[{width - 1}:0]"
    return f"(\n  input  logic {address} address,\n  output logic {word} word\n);\n"


def _contents(file: str, image: Image) -> str:
    """The module that holds one ROM."""
    content = columns_of(image)
    body = textwrap.indent("\n".join(table_lines(content)), "  ")
    return (
        f"// {image.width_bits} columns of {content.depth} words, the contents of {file}.\n"
        "// Made by bnn-hw; changes are lost.\n"
        f"module {_name(file)} {_ports(content.depth, image.width_bits)}{body}\nendmodule\n"
    )


def _name(file: str) -> str:
    return f"{TABLE}_{PurePath(file).stem}"


def _choice(images: Mapping[str, Image]) -> str:
    """The module that stands in for bnn_table and picks one of the contents."""
    branches = "".join(
        f'if (FILE == "{file}") begin : g_{PurePath(file).stem}\n'
        f"    {_name(file)} u_contents (.address, .word);\n  end else "
        for file in images
    )
    parameters = """\
  parameter int WIDTH = 8,
  parameter int DEPTH = 16,
  parameter FILE = "",
  parameter int ADDRESS_BITS = (DEPTH > 1) ? $clog2(DEPTH) : 1
"""
    return f"""\
`include "bnn_assert.svh"
// This core's logic ROMs in LUTs, by FILE.
// Made by bnn-hw; changes are lost.
module {TABLE} #(
{parameters}) {_ports("ADDRESS_BITS", "WIDTH")}\
  // Names of different length are compared.
  // verilator lint_off WIDTHEXPAND
  {branches}begin : g_missing
    `BNN_REQUIRE(require_file, FILE == "", "bnn_table was not made for this FILE")
    logic unused;
    assign unused = ^address;
    assign word   = '0;
  end
  // verilator lint_on WIDTHEXPAND
endmodule
"""


def table_sources(images: Mapping[str, Image]) -> dict[str, str]:
    """Return texts by file name, each file before those that use it, of the logic ROMs ``images`` (by FILE).

    The contents of each ROM are a module of their own. None without a ROM.
    """
    if not images:
        return {}
    contents = {f"{_name(file)}.sv": _contents(file, image) for file, image in images.items()}
    return {**contents, f"{TABLE}.sv": _choice(images)}
