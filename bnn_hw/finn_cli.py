"""The commands in which FINN takes part: build, with its choice of a back end, and compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from bnn_hw.finn.job import BUILT, FIFOS, PRODUCTS

if TYPE_CHECKING:
    from bnn_hw.flow import Flow

OWN, FINN = "own", "finn"


def register(main: click.Group, build_options: Callable, show: Callable[..., Any]) -> None:
    """Add the commands to ``main``; build_options: what every build takes; show: prints a result."""

    @main.command()
    @build_options
    @click.option(
        "--backend",
        "back_end",
        type=click.Choice((OWN, FINN)),
        default=OWN,
        show_default=True,
        help="Our own SystemVerilog, or FINN in its own environment (make finn-env).",
    )
    @click.option(
        "--finn-to",
        "finn_product",
        type=click.Choice(PRODUCTS),
        help="How far FINN goes; else to a bit file where Vivado is, to generated code where not.",
    )
    @click.option(
        "--finn-fifos",
        type=click.Choice(FIFOS),
        default=FIFOS[0],
        show_default=True,
        help="FIFO depths of FINN's IP: simulated in Vivado, or two words each.",
    )
    def build(flow: Flow, as_json: bool, back_end: str) -> None:
        """Everything: plan, generate, verify, synth and report. Resumes where it stopped.

        With --backend finn: FINN's estimates, its generated code and the proof that it
        computes what the integer graph computes; with Vivado also the bit file and the
        package for the board.
        """
        from bnn_hw import show as shows
        from bnn_hw.finn_flow import check_tools, last_step

        step = "report"
        if back_end == FINN:
            check_tools(flow)
            step = last_step(flow)
        flow.until(step)
        show(lambda: shows.text(flow, step), shows.record(flow, step), as_json)

    @main.command()
    @build_options
    @click.option(
        "--finn-to",
        "finn_product",
        type=click.Choice((*PRODUCTS, BUILT)),
        default=BUILT,
        show_default=True,
        help="How far FINN goes with our folding; built: as far as it already went, at least to code.",
    )
    @click.option(
        "--target-fps",
        "finn_target_fps",
        type=click.IntRange(min=1),
        help="Frame rate that FINN's SetFolding aims at; else what our plan reaches.",
    )
    @click.option("--markdown", is_flag=True, help="Only the table, with the network in its first column.")
    def compare(flow: Flow, as_json: bool, markdown: bool) -> None:
        """One table: FINN's own folding, FINN with our folding, and our own back end.

        Interrupted, it goes on behind the last step that ended.

        \b
        Example:
          bnn-hw compare ncnv --board pynq-z1 --goal folding=table1
        """
        from bnn_hw import comparison
        from bnn_hw.finn_flow import check_tools

        check_tools(flow)
        table = comparison.make(flow)
        show(table.markdown if markdown else table.text, table.record, as_json)
