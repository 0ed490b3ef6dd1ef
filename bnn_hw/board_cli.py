"""The commands for the board: package, and bench on devices that a computer has."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bnn_hw import implement_cli

if TYPE_CHECKING:
    from bnn_hw.flow import Flow


def register(main: click.Group, build_options: Callable, show: Callable[..., Any]) -> None:
    """Add the commands to ``main``; build_options: what every build takes; show: prints a result."""

    @main.command()
    @click.option("--bit", type=click.Path(path_type=Path), help="Bit file to put in, made elsewhere.")
    @click.option(
        "--with-bitstream/--without-bitstream",
        "bitstream",
        default=None,
        help="Place and route now, or put no bit file in; else that of `bnn-hw bitstream`, if it has run.",
    )
    @implement_cli.options
    @build_options
    def package(flow: Flow, as_json: bool) -> None:
        """Write the folder that a person copies to the board, and the same as .tar.gz.

        The bit file is that of the same build's `bnn-hw bitstream`; one of another
        build is refused. Without one the package runs on the software device only.

        \b
        Examples:
          bnn-hw package ncnv --board pynq-z1 --goal folding=table1 --with-bitstream
          bnn-hw package ncnv --board pynq-z1 --goal folding=table1 --bit ncnv.bit
        """
        from bnn_hw import show as shows
        from bnn_hw.implement_flow import BITSTREAM, ImplementSteps, check_choice

        check_choice(flow)
        if flow.options.bitstream:
            ImplementSteps(flow).check_tools()
            flow.until(BITSTREAM)
        flow.until("package")
        show(lambda: shows.text(flow, "package"), shows.record(flow, "package"), as_json)

    @main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def bench(arguments: tuple[str, ...]) -> None:
        """Measure a package: speed, latency, golden vectors; `bnn-hw bench --help` lists the options.

        \b
        Example:
          bnn-hw bench build/ncnv/pynq-z1/folding-table1/package/ncnv-pynq-z1 --device sim
        """
        from bnn_hw.runtime.bench import main as run_bench
        from bnn_hw.simulated import open_simulated

        sys.exit(run_bench(list(arguments), {"sim": open_simulated}, "bnn-hw bench"))
