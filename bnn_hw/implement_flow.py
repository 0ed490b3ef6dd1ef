"""The flow's steps from the accelerator with its shell to the bitstream."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnn_hw import __version__, implement
from bnn_hw.errors import ConfigError
from bnn_hw.package.write import check_bit
from bnn_hw.pipeline.shell import Shell
from bnn_hw.pipeline.shell import load as load_shell
from bnn_hw.steps import Step
from bnn_hw.synth import bitstream, placeable, routed, yosys

if TYPE_CHECKING:
    from bnn_hw.flow import Flow

MAP, ROUTE, BITSTREAM = "map", "route", "bitstream"
TITLES = {
    MAP: "synthesise for place and route",
    ROUTE: "place and route",
    BITSTREAM: "write the bitstream and read it back",
}


class ImplementSteps:
    """Binds the steps to one flow."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.options = flow.options.implementation

    def steps(self) -> list[Step]:
        # A routed design is hours of work: only what makes it makes it stale.
        mapping = ("synth/placeable.py", "synth/legalise.py", "synth/yosys.py")
        tool = "synth/vivado.py" if self.vivado else "synth/nextpnr.py"
        files = ("implement.py", "synth/bitstream.py", "synth/xc7")
        needs = ("soc",) if self.vivado else ("soc", MAP)
        return [
            Step(MAP, self._map_inputs, mapping, ("soc",), self._map),
            Step(ROUTE, self._route_inputs, ("implement.py", tool), needs, self._route),
            Step(BITSTREAM, self._bitstream_inputs, files, (ROUTE,), self._bitstream),
        ]

    @property
    def vivado(self) -> bool:
        return self.options.tool == implement.VIVADO

    def check_tools(self) -> None:
        """Raise now, rather than after the earlier steps, if place and route cannot run."""
        self._route_inputs()

    @property
    def _shell(self) -> Shell:
        return load_shell(self.flow.folder("soc") / "soc")

    def _map_inputs(self) -> dict[str, Any]:
        return {"yosys": metadata.version("pyosys") if yosys.available() else None}

    def _map(self, folder: Path) -> None:
        flow, shell = self.flow, self._shell
        implement.map_netlist(
            shell.folder, shell.top, folder, self.options, flow.reporter, flow.pipeline.root
        )

    def _route_inputs(self) -> dict[str, Any]:
        return implement.tool_inputs(self.options, self.flow.board)

    def _route(self, folder: Path) -> None:
        flow, shell = self.flow, self._shell
        implement.route(
            shell.folder if self.vivado else flow.folder(MAP),
            shell.top,
            folder,
            flow.board,
            flow.plan.clock_hz,
            self.options,
            flow.reporter,
            flow.pipeline.root,
            shell.digest,
        )

    def _bitstream_inputs(self) -> dict[str, Any]:
        return {"allow_timing_miss": self.options.allow_timing_miss}

    def _bitstream(self, folder: Path) -> None:
        flow, shell = self.flow, self._shell
        with flow.reporter.bar("writing the bitstream and reading it back"):
            implement.write_bitstream(
                flow.folder(ROUTE),
                shell.top,
                folder,
                f"{flow.design.name}-{flow.board.name}",
                flow.board,
                self.options,
                flow.folder(MAP) / placeable.NETLIST,
                {"Digest": shell.digest, "Generator": f"bnn_hw {__version__}"},
            )


def finished_bit(flow: Flow) -> Path | None:
    """Return the bit file that the step bitstream left, None if it has not run.

    Raises ConfigError where it is of another build than the accelerator with its
    shell as it is now, or damaged.
    """
    try:
        bit = flow.folder(BITSTREAM) / flow.record(BITSTREAM, bitstream.REPORT)["bit"]
    except OSError:
        return None
    try:
        check_bit(bit, flow.board, load_shell(flow.folder("soc") / "soc").digest)
    except ConfigError as error:
        cause = error.faults[0].cause
        remedy = "make it again: --with-bitstream; or leave it out: --without-bitstream"
        raise ConfigError.at(bit, cause, remedy) from error
    return bit


def check_choice(flow: Flow) -> None:
    """ConfigError where the options name two bit files for the package, or one that is not there."""
    bit = flow.options.bit
    if bit is not None and flow.options.bitstream is not None:
        cause = "is given with --with-bitstream or --without-bitstream"
        raise ConfigError.at("--bit", cause, "choose one of them")
    if bit is not None and not bit.is_file():
        raise ConfigError.at(bit, "there is no such file", "give the bit file of this build")


def package_bit(flow: Flow) -> Path | None:
    """Return the bit file for the package: the one that the options name, else the finished one."""
    check_choice(flow)
    bit, wanted = flow.options.bit, flow.options.bitstream
    return bit if bit is not None or wanted is False else finished_bit(flow)


def bit_state(flow: Flow) -> str:
    """Tell in a sentence how the step bitstream made its bit file."""
    report = routed.load(flow.folder(ROUTE) / routed.REPORT)
    made = flow.record(BITSTREAM, bitstream.REPORT)
    fmax = f"{report.fmax_hz / 1e6:.1f} MHz" if report.fmax_hz else "no clock known"
    verdict = "met" if report.timing_met else "MISSED"
    back = "read back, all of it equal" if made["readback"] else "not read back"
    return (
        f"Its bit file was routed by {report.tool} {report.tool_version}: {fmax}, "
        f"{report.clock_hz / 1e6:g} MHz asked for ({verdict}); {back}."
    )


def bit_versions(flow: Flow) -> dict[str, str]:
    """Return the tools that made the bit file, by name."""
    report = routed.load(flow.folder(ROUTE) / routed.REPORT)
    return {report.tool: f"{report.tool_version}; {report.options}"}


def text(flow: Flow, call: str) -> str:
    """What both steps found, for a person, and the command that goes on."""
    folder, made = flow.folder(BITSTREAM), flow.record(BITSTREAM, bitstream.REPORT)
    report = routed.load(flow.folder(ROUTE) / routed.REPORT)
    lines = [routed.to_text(report), bitstream.to_text(made), f"files      {folder.resolve()}"]
    return "\n".join([*lines, f"next: bnn-hw package {call}"])


def record(flow: Flow) -> dict[str, Any]:
    """What both steps found, for a program."""
    return {
        ROUTE: flow.record(ROUTE, routed.REPORT),
        BITSTREAM: flow.record(BITSTREAM, bitstream.REPORT),
        "folder": str(flow.folder(BITSTREAM).resolve()),
    }
