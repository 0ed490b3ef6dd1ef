"""Emitter of the whole accelerator for a Zynq-7000: a core, the shell around it, the processing system.

The folder is complete in itself: the core's files, the shell's modules,
``bnn_accelerator.sv`` (shell and core, what simulation runs), ``bnn_zynq.sv`` (with the
processing system, what synthesis takes), files.f (sources in reading order),
shell.json and REGISTERS.md. Tools run with it as their working directory.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from bnn_hw.errors import ConfigError, FaultList, ModelError
from bnn_hw.folders import whole_folder
from bnn_hw.pipeline.core import Core
from bnn_hw.pipeline.shell import FORMAT, RECORD, Shell, to_json
from bnn_hw.soc import registers, render

LIBRARY = Path(__file__).parent / "lib"
CORE_LIBRARY = Path(__file__).parent.parent / "rtl" / "lib"
PARTS = ("bnn_skid.sv", "bnn_fifo.sv", "bnn_gather.sv")  # of the core's library
PORT_BYTES = 8  # of a high-performance port
PACKAGE_SOURCE = f"{render.SV_PACKAGE}.sv"
PROCESSOR = "bnn_zynq"  # with the processing system
ACCELERATOR = "bnn_accelerator"  # without


def emit_shell(core: Core, folder: Path, clock_hz: int) -> Shell:
    """Write the accelerator around ``core`` into ``folder`` and return its record.

    The folder appears complete or not at all; an older one is replaced. Raises
    ModelError for a core whose input is not made of whole bytes, ConfigError when a file
    of the core is missing, OutputError when the folder cannot be written.
    """
    check_core(core)
    shell = shell_of(core, folder, clock_hz)
    with whole_folder(folder) as scratch:
        shutil.copytree(core.folder, scratch, dirs_exist_ok=True)
        for path in sorted(LIBRARY.glob("*.sv")):
            shutil.copy(path, scratch / path.name)
        for name in (*PARTS, "bnn_assert.svh"):
            shutil.copy(CORE_LIBRARY / name, scratch / name)
        (scratch / f"{ACCELERATOR}.sv").write_text(accelerator_module(core, shell))
        (scratch / "files.f").write_text("".join(f"{name}\n" for name in (*shell.sources, f"{PROCESSOR}.sv")))
        (scratch / "REGISTERS.md").write_text(render.documentation())
        (scratch / RECORD).write_text(to_json(shell))
    return shell


def check_core(core: Core) -> None:
    """ModelError unless the core reads 8-bit pixels without gaps."""
    faults = FaultList()
    stream, layer = core.input, core.stages[0].layer if core.stages else "the first layer"
    place = f"{core.input_name}, which {layer} reads"
    if stream.dtype.bits != 8 or stream.dtype.is_signed:
        faults.add(
            place,
            f"the input is {stream.dtype}; the shell sends UINT8 pixels",
            "use a network with 8-bit input",
        )
    elif stream.width % stream.pixels:
        faults.add(
            place,
            f"rows of {stream.width} pixels do not fill beats of {stream.pixels} pixels",
            f"fold {layer} so that the pixels of a beat divide a row of {stream.width}",
        )
    elif stream.beats_per_frame * stream.width_bits != 8 * stream.height * stream.width * stream.channels:
        size = stream.height * stream.width * stream.channels
        beats = f"{stream.beats_per_frame} beats of {stream.width_bits // 8} bytes"
        faults.add(
            place,
            f"{beats} do not make a picture's {size} bytes",
            f"fold {layer} so that its beats are whole pixels that fill a row",
        )
    faults.raise_if_any(ModelError)


def shell_of(core: Core, folder: Path, clock_hz: int) -> Shell:
    """Return the record of what :func:`emit_shell` writes; reads the core's files for the digest."""
    beat_bytes = core.input.width_bits // 8
    word_bytes = max(PORT_BYTES, 1 << (beat_bytes - 1).bit_length())
    frame_bytes = beat_bytes * core.input.beats_per_frame
    library = [path.name for path in sorted(LIBRARY.glob("*.sv"))]
    own = [name for name in library if name not in (PACKAGE_SOURCE, f"{PROCESSOR}.sv")]
    parts = [name for name in PARTS if name not in core.sources]
    return Shell(
        folder=folder,
        top=PROCESSOR,
        accelerator=ACCELERATOR,
        digest=build_digest(core, clock_hz),
        clock_hz=clock_hz,
        base_address=registers.BASE_ADDRESS,
        frame_bytes=frame_bytes,
        frame_stride=-(-frame_bytes // word_bytes) * word_bytes,
        result_words=core.words_per_frame,
        result_stride=-(-4 * core.words_per_frame // PORT_BYTES) * PORT_BYTES,
        config=core.config is not None,
        sources=(PACKAGE_SOURCE, *core.sources, *parts, *own, f"{ACCELERATOR}.sv"),
        simulation_sources=core.simulation_sources,
    )


def _text(core: Core, name: str) -> str:
    try:
        return (core.folder / name).read_text()
    except OSError as err:
        raise ConfigError.at(
            core.folder / name, "is missing from the core", "make it again with bnn-hw generate"
        ) from err


def build_digest(core: Core, clock_hz: int) -> str:
    """Return 32 hexadecimal digits that stand for the core's files, the shell's and the clock."""
    sha = hashlib.sha256(f"{FORMAT} {clock_hz}\n".encode())
    memories = [path for stage in core.stages for path in stage.memories]
    for name in (*core.sources, *memories):
        sha.update(name.encode() + b"\0" + _text(core, name).encode() + b"\0")
    for path in (*sorted(LIBRARY.glob("*.sv")), *(CORE_LIBRARY / name for name in PARTS)):
        sha.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()[:32]


_GP = (
    ("input", 1, "awvalid"),
    ("output", 1, "awready"),
    ("input", 12, "awaddr"),
    ("input", 12, "awid"),
    ("input", 2, "awsize"),
    ("input", 2, "awburst"),
    ("input", 1, "wvalid"),
    ("output", 1, "wready"),
    ("input", 32, "wdata"),
    ("input", 4, "wstrb"),
    ("input", 1, "wlast"),
    ("output", 1, "bvalid"),
    ("input", 1, "bready"),
    ("output", 12, "bid"),
    ("output", 2, "bresp"),
    ("input", 1, "arvalid"),
    ("output", 1, "arready"),
    ("input", 12, "araddr"),
    ("input", 12, "arid"),
    ("input", 4, "arlen"),
    ("input", 2, "arsize"),
    ("input", 2, "arburst"),
    ("output", 1, "rvalid"),
    ("input", 1, "rready"),
    ("output", 12, "rid"),
    ("output", 32, "rdata"),
    ("output", 2, "rresp"),
    ("output", 1, "rlast"),
)
_HP = (
    ("output", 1, "arvalid"),
    ("input", 1, "arready"),
    ("output", 32, "araddr"),
    ("output", 4, "arlen"),
    ("input", 1, "rvalid"),
    ("output", 1, "rready"),
    ("input", 64, "rdata"),
    ("input", 2, "rresp"),
    ("input", 1, "rlast"),
    ("output", 1, "awvalid"),
    ("input", 1, "awready"),
    ("output", 32, "awaddr"),
    ("output", 4, "awlen"),
    ("output", 1, "wvalid"),
    ("input", 1, "wready"),
    ("output", 64, "wdata"),
    ("output", 1, "wlast"),
    ("input", 1, "bvalid"),
    ("output", 1, "bready"),
    ("input", 2, "bresp"),
)
PORTS = (
    ("input", 1, "clk"),
    ("input", 1, "clk_root"),
    ("input", 1, "rst_n"),
    ("output", 1, "irq"),
    *((direction, width, f"gp_{name}") for direction, width, name in _GP),
    *((direction, width, f"hp_{name}") for direction, width, name in _HP),
)
"""Ports of bnn_accelerator: direction, bits, name. gp_ is an AXI3 slave, hp_ an AXI3 master."""

_CORE = (
    ("s_valid", 1),
    ("s_ready", 1),
    ("m_valid", 1),
    ("m_ready", 1),
    ("m_data", 32),
    ("m_last", 1),
    ("config_valid", 1),
    ("config_ready", 1),
    ("config_write", 1),
    ("config_address", 24),
    ("config_write_data", 32),
    ("config_read_valid", 1),
    ("config_read_data", 32),
)
_CONFIG_ANSWERS = ("config_ready", "config_read_valid", "config_read_data")


def _range(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""


def accelerator_module(core: Core, shell: Shell) -> str:
    """Return bnn_accelerator.sv: the shell and the core, wired together."""
    ports = ",\n".join(f"    {d:<6} wire {_range(width)}{name}" for d, width, name in PORTS)
    wires = "".join(f"  wire {_range(width)}core_{name};\n" for name, width in _CORE)
    stream = [name for name, _ in _CORE if not name.startswith("config")]
    config = [name for name, _ in _CORE if name.startswith("config")]
    used = [*stream, "s_data", *(config if shell.config else [])]
    shell_ports = [f".{name}({name})" for _, _, name in PORTS]
    shell_ports += [f".core_{name}(core_{name})" for name in ("clk", "rst_n", *stream, "s_data", *config)]
    core_ports = [".clk(core_clk)", ".rst_n(core_rst_n)", *(f".{name}(core_{name})" for name in used)]
    ties = "" if shell.config else "".join(f"  assign core_{name} = '0;\n" for name in _CONFIG_ANSWERS)
    parameters = [
        f".BEAT_BYTES({core.input.width_bits // 8})",
        f".BEATS({core.input.beats_per_frame})",
        f".RESULT_WORDS({shell.result_words})",
        f".DIGEST(128'h{shell.digest})",
        f".CLOCK_HZ({shell.clock_hz})",
        ".CLOCK_GATE(CLOCK_GATE)",
        f".CONFIG(1'b{int(shell.config)})",
    ]
    return f"""\
// {ACCELERATOR}: {core.network} with its shell. Made by bnn-hw; changes are lost.
//
// A job is a number of frames: pictures of {shell.frame_bytes:,} bytes (uint8, height, width, channels),
// one every {shell.frame_stride:,} bytes; results of {shell.result_words} words, one every
// {shell.result_stride:,} bytes.
// CLOCK_GATE  STYLE of bnn_clock_gate, which tells what clk_root is.

`default_nettype none

module {ACCELERATOR} #(
    parameter CLOCK_GATE = "behavioural"
) (
{ports}
);
  wire core_clk;
  wire core_rst_n;
{wires}  wire {_range(core.input.width_bits)}core_s_data;

  bnn_shell #(
      {_lines(parameters)}
  ) u_shell (
      {_lines(shell_ports)}
  );

{ties}  {core.top} u_core (
      {_lines(core_ports)}
  );
endmodule

`default_nettype wire
"""


def _lines(items: list[str]) -> str:
    return ",\n      ".join(items)
