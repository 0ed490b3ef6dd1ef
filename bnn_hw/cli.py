"""The command line: every command reads its options and calls one function of the flow."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from bnn_hw import __version__, board_cli, explore_cli, implement_cli, train_cli
from bnn_hw.errors import BnnHwError
from bnn_hw.finn_cli import register
from bnn_hw.pipeline.arithmetic import ARITHMETIC, FIXED, STRUCTURAL, WEIGHTS
from bnn_hw.progress import Reporter
from bnn_hw.tools import interrupt_when_terminated

if TYPE_CHECKING:
    from bnn_hw.flow import Flow

INTERRUPTED = 130


class Commands(click.Group):
    """Prints typed errors without a traceback and ends with their exit status."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **kwargs: Any) -> Any:
        arguments = sys.argv[1:] if args is None else list(args)
        interrupt_when_terminated()
        try:
            return super().main(arguments, *rest, **{**kwargs, "standalone_mode": False})
        except BnnHwError as error:
            _fail(error, "--json" in arguments)
            sys.exit(error.exit_status)
        except click.exceptions.Exit as stop:
            sys.exit(stop.exit_code)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            _end_interrupted()
        except Exception as error:
            if not _came_of_interrupt(error):
                raise
            _end_interrupted()


def _end_interrupted() -> NoReturn:
    # An interrupt in a string being executed, as dataclasses and named tuples do, leaves a mark by which
    # CPython ends with the signal and not with the status; to execute another one takes it away.
    exec("")
    click.echo("interrupted: finished steps are kept, the same command goes on from there", err=True)
    sys.exit(INTERRUPTED)


def _came_of_interrupt(error: BaseException | None) -> bool:
    """Whether an interrupt is behind an error: CPython makes one of what comes up in __set_name__."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _fail(error: BnnHwError, as_json: bool) -> None:
    """Print the faults; as one JSON object on standard output, too, where that was asked for."""
    if as_json:
        faults = [{"place": f.place, "cause": f.cause, "remedy": f.remedy} for f in error.faults]
        click.echo(json.dumps({"error": type(error).__name__, "faults": faults}, indent=1))
    count = len(error.faults)
    click.echo(f"error: {error}" if count == 1 else f"{count} errors:", err=True)
    if count > 1:
        for fault in error.faults:
            click.echo(f"  {fault}", err=True)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Examples:\n\n\b\n"
    "  bnn-hw build ncnv --board pynq-z1 --goal high-throughput\n"
    "  bnn-hw verify ucnv --board zybo-z7-10 --goal folding=table1\n"
    "  bnn-hw run ncnv portrait.jpg\n"
    "  bnn-hw doctor",
)
@click.version_option(__version__, prog_name="bnn-hw")
def main() -> None:
    """Turn a trained binary neural network into a verified FPGA accelerator.

    A NETWORK is the name of a shipped design (cnv, cnv5, ncnv, ncnv5, ucnv), the folder of
    another design, or any QONNX file.
    """


def network_options(command: Callable) -> Callable:
    """Add what names a network."""
    for option in (
        click.option("--input-offset", metavar="B", help="See --input-scale; 0 if left out."),
        click.option(
            "--input-scale",
            metavar="A",
            help="For a QONNX file with a float input: the network reads A * pixel + B, "
            "for instance 1/255; not needed for designs.",
        ),
        click.argument("network"),
    ):
        command = option(command)
    return command


def output_options(command: Callable) -> Callable:
    """Add --json and --quiet."""
    command = click.option("--quiet", is_flag=True, help="No progress on standard error.")(command)
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def _one_goal(_context: click.Context, _option: click.Parameter, goals: tuple[str, ...]) -> str:
    """Of options given several times click takes the last one without a word."""
    from bnn_hw.plan.goal import one_goal

    return one_goal(goals)


def build_options(command: Callable) -> Callable:
    """Add what a build needs, and turn it into the flow that the command gets as its first argument.

    Further options of the command that are fields of the flow's Options go there too.
    """

    @functools.wraps(command)
    def build(**values: Any) -> None:
        from bnn_hw.finn_flow import FinnOptions
        from bnn_hw.flow import Flow, Options

        names = ("as_json", "to", "finn", "trained", "image", "back_end", "markdown")
        own = {key: values.pop(key) for key in names if key in values}
        back_ends = {"finn": FinnOptions.take(values), "implementation": implement_cli.take(values)}
        reporter = Reporter(quiet=values.pop("quiet"))
        mhz = values.pop("clock_mhz")
        values["pictures"] = tuple(values["pictures"])
        flow = Flow(Options(clock_hz=round(mhz * 1e6) if mhz else None, **back_ends, **values), reporter)
        command(flow, **own)

    wrapper: Callable = build
    for option in (
        click.option(
            "--board", required=True, metavar="NAME|TOML", help="pynq-z1, zybo-z7-10, ... or a board's TOML."
        ),
        click.option(
            "--goal",
            required=True,
            multiple=True,
            callback=_one_goal,
            metavar="GOAL",
            help="high-throughput, fps=N, low-power=N (frames a second), low-latency, "
            "folding=FILE or folding=table1.",
        ),
        click.option(
            "--limit",
            metavar="LIMITS",
            help="What the core may take, such as lut=26060,bram36=124,dsp=220, else a share of the part; "
            "port=off: more frames than the memory port feeds.",
        ),
        click.option(
            "--utilisation",
            type=float,
            metavar="SHARE",
            help="Share of the part that may be used; else 0.85.",
        ),
        click.option("--clock-mhz", type=click.FloatRange(min=1), help="Fabric clock; else the board's."),
        click.option(
            "--arithmetic",
            type=click.Choice(ARITHMETIC),
            default=STRUCTURAL,
            show_default=True,
            help="7-series primitives (with LUT6_2 for Vivado), or plain SystemVerilog.",
        ),
        click.option(
            "--weights",
            type=click.Choice(WEIGHTS),
            default=FIXED,
            show_default=True,
            help="runtime: all weights and thresholds can be loaded without a new bitstream.",
        ),
        click.option("--out", type=click.Path(path_type=Path), default=Path("build"), show_default=True),
        click.option(
            "--frames", type=click.IntRange(min=2), default=20, show_default=True, help="Frames in the proof."
        ),
        click.option("--seed", default=1, show_default=True, help="Seed of the proof's noise and pauses."),
        click.option(
            "--pictures",
            multiple=True,
            type=click.Path(path_type=Path),
            help="Classify these instead of the design's own: .npy, .npz, picture file or folder.",
        ),
        click.option(
            "--data", type=click.Path(path_type=Path), help="Data set folder; else BNN_HW_DATA is looked at."
        ),
        output_options,
        network_options,
    ):
        wrapper = option(wrapper)
    return wrapper


def show(text: str | Callable[[], str], record: Any, as_json: bool) -> None:
    """Print the result for a person or for a program."""
    click.echo(json.dumps(record, indent=1) if as_json else text() if callable(text) else text)


def step_command(name: str, step: str, text: str) -> None:
    """Register a command that runs the flow up to ``step`` and shows its result."""

    @main.command(name, help=text)
    @build_options
    def command(flow: Flow, as_json: bool) -> None:
        from bnn_hw import show as shows

        flow.until(step)
        show(lambda: shows.text(flow, step), shows.record(flow, step), as_json)


step_command("plan", "plan", "Fold a network onto a board and show layer by layer what it will take.")
step_command("generate", "rtl", "Write the accelerator as SystemVerilog.")
step_command("verify", "verify", "Prove the accelerator in simulation, bit by bit and cycle by cycle.")
step_command("synth", "synth", "Synthesise for the utilisation of LUT, FF, BRAM and DSP.")
step_command(
    "shell", "soc", "Write the whole accelerator: the core with its Zynq shell, ready for a board's flow."
)
step_command("netlist", "netlist", "Prove the synthesised netlist equal to the RTL, cycle by cycle.")
step_command("report", "report", "Write the HTML report, and make first what it is about.")
register(main, build_options, show)
board_cli.register(main, build_options, show)
implement_cli.register(main, build_options, show)
explore_cli.register(main, network_options, build_options, show)
train_cli.register(main, network_options, output_options, show)


@main.command()
@build_options
@click.option("--trained", required=True, metavar="NETWORK", help="To load: same layers, new weights.")
@click.option("--image", type=click.Path(path_type=Path), required=True, help="File to write, JSON.")
def weights(flow: Flow, as_json: bool, trained: str, image: Path) -> None:
    """Make what a core with loadable weights must be sent to compute a network trained anew.

    \b
    Example:
      bnn-hw weights ncnv --board pynq-z1 --goal folding=table1 --weights runtime \\
          --trained my-ncnv --image weights.json
    """
    from bnn_hw.run import write_weights

    result = write_weights(flow, trained, image)
    show(result.text, result.record, as_json)


@main.command("export-folding")
@click.option("--to", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@click.option("--finn", is_flag=True, help="As FINN's folding configuration.")
@build_options
def export_folding(flow: Flow, to: Path, finn: bool, as_json: bool) -> None:
    """Write a plan's PE and SIMD to a file, to be changed and built with --goal folding=FILE."""
    from bnn_hw.plan.export import export_folding as export

    flow.until("plan")
    export(flow.plan, flow.graph, to, finn)
    show(f"folding    {to}", {"folding": str(to)}, as_json)


@main.command("explain-plan")
@build_options
def explain_plan(flow: Flow, as_json: bool) -> None:
    """Tell why each layer has its folding, and what the next faster and slower plan would take."""
    from bnn_hw import show as shows

    flow.until("plan")
    text, record = shows.explanation(flow)
    show(text, record, as_json)


@main.command()
@network_options
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--save", type=click.Path(path_type=Path), help="Write scores and classes as .npz.")
@click.option("--layers", type=click.Path(path_type=Path), help="Write every layer's values as .npz.")
@output_options
def run(
    network: str,
    input_scale: str | None,
    input_offset: str | None,
    pictures: tuple[Path, ...],
    save: Path | None,
    layers: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run the integer graph on PICTURES: .npy, .npz, picture files or folders of them.

    This is the arithmetic of the accelerator, bit by bit, without hardware.

    \b
    Examples:
      bnn-hw run ncnv portrait.jpg
      bnn-hw run ncnv pictures.npz --layers layers.npz
      bnn-hw run TFC_1W1A.onnx digits.npz --input-scale 1/255
    """
    from bnn_hw.run import run_network

    result = run_network(network, pictures, input_scale, input_offset, save, layers, Reporter(quiet))
    show(result.text, result.record, as_json)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def doctor(as_json: bool) -> None:
    """Tell what is installed, what is missing and how to get it."""
    from bnn_hw import doctor as checks

    rows = checks.examine()
    show(lambda: checks.text(rows), checks.record(rows), as_json)
    if not all(row.ok for row in rows if row.required):
        sys.exit(7)


@main.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("build"), show_default=True)
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
def demo(out: Path, quiet: bool) -> None:
    """Build and prove n-CNV for a PYNQ-Z1 at the BinaryCoP paper's folding, and classify photographs."""
    from bnn_hw import show as shows
    from bnn_hw.flow import Flow, Options

    flow = Flow(Options("ncnv", "pynq-z1", "folding=table1", out=out), Reporter(quiet))
    flow.until("report")
    for step in ("plan", "synth", "predict", "report"):
        for line in shows.text(flow, step).splitlines():
            if not line.startswith("next: "):
                click.echo(line)
    click.echo("next: make pynq-z1 DESIGN=ncnv GOAL=fps=97656, or bnn-hw --help")


if __name__ == "__main__":
    main()
