"""The flow's steps from the accelerator with its shell to the bitstream."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnn_hw import __version__, implement
from bnn_hw.pipeline.shell import Shell
from bnn_hw.pipeline.shell import load as load_shell
from bnn_hw.steps import Step
from bnn_hw.synth import bitstream, routed

if TYPE_CHECKING:
    from bnn_hw.flow import Flow

ROUTE, BITSTREAM = "route", "bitstream"
TITLES = {ROUTE: "place and route", BITSTREAM: "write the bitstream and read it back"}

_TOOLS = ("nextpnr.py", "legalise.py", "placeable.py", "vivado.py", "yosys.py")


class ImplementSteps:
    """Binds the steps to one flow."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.options = flow.options.implementation

    def steps(self) -> list[Step]:
        # A routed design is hours of work: only what makes it makes it stale.
        own = ("implement.py", *(f"synth/{name}" for name in _TOOLS))
        files = ("implement.py", "synth/bitstream.py", "synth/xc7")
        return [
            Step(ROUTE, self._route_inputs, own, ("soc",), self._route),
            Step(BITSTREAM, self._bitstream_inputs, files, (ROUTE,), self._bitstream),
        ]

    def check_tools(self) -> None:
        """Raise now, rather than after the earlier steps, if place and route cannot run."""
        self._route_inputs()

    @property
    def _shell(self) -> Shell:
        return load_shell(self.flow.folder("soc") / "soc")

    def _route_inputs(self) -> dict[str, Any]:
        return implement.tool_inputs(self.options, self.flow.board)

    def _route(self, folder: Path) -> None:
        flow, shell = self.flow, self._shell
        implement.route(
            shell.folder,
            shell.top,
            folder,
            flow.board,
            flow.plan.clock_hz,
            self.options,
            flow.reporter,
            flow.pipeline.root,
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
                {"Digest": shell.digest, "Generator": f"bnn_hw {__version__}"},
            )


def text(flow: Flow, call: str) -> str:
    """What both steps found, for a person, and the command that goes on."""
    folder, made = flow.folder(BITSTREAM), flow.record(BITSTREAM, bitstream.REPORT)
    report = routed.load(flow.folder(ROUTE) / routed.REPORT)
    lines = [routed.to_text(report), bitstream.to_text(made), f"files      {folder.resolve()}"]
    return "\n".join([*lines, f"next: bnn-hw package {call} --bit {folder / made['bit']}"])


def record(flow: Flow) -> dict[str, Any]:
    """What both steps found, for a program."""
    return {
        ROUTE: flow.record(ROUTE, routed.REPORT),
        BITSTREAM: flow.record(BITSTREAM, bitstream.REPORT),
        "folder": str(flow.folder(BITSTREAM).resolve()),
    }
