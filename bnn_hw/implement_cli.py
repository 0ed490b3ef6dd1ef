"""The command that places and routes; its options are those of bnn_hw.implement.Implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bnn_hw.flow import Flow


def take(values: dict[str, Any]) -> Any:
    """Take the options of place and route out of a command's options, if it has them."""
    from bnn_hw.implement import Implementation

    if "route_tool" not in values:
        return Implementation()
    return Implementation(
        tool=values.pop("route_tool"),
        seed=values.pop("place_seed"),
        attempts=values.pop("attempts"),
        timeout_s=3600 * values.pop("timeout_hours"),
        allow_timing_miss=values.pop("allow_timing_miss"),
    )


def options(command: Callable) -> Callable:
    """Add the options of place and route."""
    for option in (
        click.option(
            "--tool",
            "route_tool",
            type=click.Choice(("nextpnr", "vivado")),
            default="nextpnr",
            show_default=True,
            help="nextpnr-xilinx with the X-Ray database, or AMD's Vivado.",
        ),
        click.option("--place-seed", default=1, show_default=True, help="Seed of nextpnr's placer."),
        click.option(
            "--attempts",
            type=click.IntRange(min=1),
            default=4,
            show_default=True,
            help="Seeds that nextpnr tries, one after the other, until the clock is met.",
        ),
        click.option(
            "--timeout-hours",
            type=click.FloatRange(min=0.01),
            default=4.0,
            show_default=True,
            help="Limit of each run of a tool.",
        ),
        click.option("--allow-timing-miss", is_flag=True, help="Write a bitstream that misses its clock."),
    ):
        command = option(command)
    return command


def register(main: click.Group, build_options: Callable, show: Callable) -> None:
    """Add the command ``bitstream``."""

    @main.command()
    @options
    @build_options
    def bitstream(flow: Flow, as_json: bool) -> None:
        """Place and route the accelerator with its shell; write .bit and .bin, and read the .bit back.

        Needs nextpnr-xilinx with its databases (bnn-hw doctor tells how to get them),
        or Vivado. Goes on where it stopped: a routed design is used again.

        \b
        Examples:
          bnn-hw bitstream ucnv --board pynq-z1 --goal folding=table1
          bnn-hw bitstream ncnv --board pynq-z1 --goal high-throughput --tool vivado
        """
        from bnn_hw import show as shows
        from bnn_hw.implement_flow import BITSTREAM, ImplementSteps

        ImplementSteps(flow).check_tools()
        flow.until(BITSTREAM)
        show(lambda: shows.text(flow, BITSTREAM), shows.record(flow, BITSTREAM), as_json)
