"""The commands that look at designs without building them on: pareto, sweep and power."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bnn_hw.pipeline.arithmetic import ARITHMETIC, STRUCTURAL
from bnn_hw.progress import Reporter

if TYPE_CHECKING:
    from bnn_hw.flow import Flow


def register(
    main: click.Group, network_options: Callable, build_options: Callable, show: Callable[..., Any]
) -> None:
    """Add the commands to ``main``.

    network_options: what names a network; build_options: what every build takes; show:
    prints a result.
    """
    _register_pareto(main, network_options, show)
    _register_sweep(main, show)

    @main.command()
    @build_options
    def power(flow: Flow, as_json: bool) -> None:
        """Estimate power and energy from the changes of nets, counted in simulation on pictures.

        \b
        Example:
          bnn-hw power ncnv --board pynq-z1 --goal folding=table1
        """
        from bnn_hw.power import power as estimate

        result = estimate(flow)
        show(result.text, result.record, as_json)


def _register_pareto(main: click.Group, network_options: Callable, show: Callable[..., Any]) -> None:
    @main.command()
    @network_options
    @click.option(
        "--board", required=True, metavar="NAME|TOML", help="pynq-z1, zybo-z7-10, ... or a board's TOML."
    )
    @click.option("--limit", metavar="LIMITS", help="What the core may take, such as lut=26060,bram36=124.")
    @click.option("--utilisation", type=float, metavar="SHARE", help="Share of the part; else 0.85.")
    @click.option("--clock-mhz", type=click.FloatRange(min=1), help="Fabric clock; else the board's.")
    @click.option(
        "--points", type=click.IntRange(min=2), default=24, show_default=True, help="Speeds at most."
    )
    @click.option(
        "--point", type=int, metavar="N", help="Show only point N of the table and how to build it."
    )
    @click.option(
        "--to", type=click.Path(path_type=Path, dir_okay=False), help="Write point N's folding there."
    )
    @click.option("--out", type=click.Path(path_type=Path), default=Path("build"), show_default=True)
    @click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
    @click.option("--quiet", is_flag=True, help="No progress on standard error.")
    def pareto(
        network: str,
        input_scale: str | None,
        input_offset: str | None,
        board: str,
        limit: str | None,
        utilisation: float | None,
        clock_mhz: float | None,
        points: int,
        point: int | None,
        to: Path | None,
        out: Path,
        as_json: bool,
        quiet: bool,
    ) -> None:
        """Draw the front of speed against size, and write a folding file for each of its points.

        \b
        Examples:
          bnn-hw pareto ncnv --board pynq-z1
          bnn-hw pareto ncnv --board pynq-z1 --point 12 --to folding.json
        """
        from bnn_hw.pareto import Request
        from bnn_hw.pareto import pareto as draw
        from bnn_hw.source import Source

        clock_hz = round(clock_mhz * 1e6) if clock_mhz else None
        source = Source(network, input_scale, input_offset)
        request = Request(source, board, out, clock_hz, limit, utilisation, points)
        result = draw(request, point, to, Reporter(quiet))
        show(result.text, result.record, as_json)


def _register_sweep(main: click.Group, show: Callable[..., Any]) -> None:

    @main.command()
    @click.argument("networks", nargs=-1, required=True)
    @click.option("--board", "boards", multiple=True, required=True, metavar="NAME|TOML")
    @click.option("--goal", "goals", multiple=True, metavar="GOAL", help="As for build; give several.")
    @click.option(
        "--front", type=click.IntRange(min=2), metavar="N", help="The front's points at up to N speeds, too."
    )
    @click.option("--verify", is_flag=True, help="Prove each point in simulation, too.")
    @click.option("--frames", type=click.IntRange(min=2), default=20, show_default=True, help="Of the proof.")
    @click.option("--limit", metavar="LIMITS", help="As for build.")
    @click.option("--utilisation", type=float, metavar="SHARE", help="As for build.")
    @click.option("--clock-mhz", type=click.FloatRange(min=1), help="As for build.")
    @click.option("--arithmetic", type=click.Choice(ARITHMETIC), default=STRUCTURAL, show_default=True)
    @click.option("--input-scale", metavar="A", help="As for build, for all networks.")
    @click.option("--input-offset", metavar="B", help="See --input-scale.")
    @click.option("--scheduler", metavar="ADDRESS", help="A Dask cluster's, such as tcp://host:8786.")
    @click.option("--workers", type=click.IntRange(min=1), help="Jobs at a time; else one a processor.")
    @click.option("--out", type=click.Path(path_type=Path), default=Path("build"), show_default=True)
    @click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
    @click.option("--quiet", is_flag=True, help="No progress on standard error.")
    def sweep(as_json: bool, quiet: bool, **values: Any) -> None:
        """Synthesise NETWORKS on boards for goals as parallel jobs; finished points are kept.

        Needs the extra: pip install 'bnn-hw[sweep]'. On a cluster the workers need bnn-hw and the
        same files under the same names.

        \b
        Examples:
          bnn-hw sweep ncnv ucnv --board pynq-z1 --board zybo-z7-10 --goal fps=10000 --goal high-throughput
          bnn-hw sweep ncnv --board pynq-z1 --front 12 --scheduler tcp://cluster:8786
        """
        from bnn_hw.sweep.command import Request, run

        mhz = values.pop("clock_mhz")
        request = Request(clock_hz=round(mhz * 1e6) if mhz else None, **values)
        result, failed = run(request, Reporter(quiet))
        show(result.text, result.record, as_json)
        if failed:
            click.echo(failed, err=True)
            sys.exit(1)
