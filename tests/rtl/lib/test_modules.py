"""Every module of the library: lint, Yosys, memory inference, and refusal of illegal parameters."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rtl.lib import test_buffers, test_elementwise, test_mvtu, test_pixels, test_window
from tests.rtl.lib.bench import LIBRARY, run_verilator

# These instantiate primitives.
PRIMITIVE = ("bnn_lut_columns", "bnn_wide_mux")
MODULES = sorted(path.stem for path in LIBRARY.glob("*.sv"))


def lint(module: str, **parameters: int | str) -> subprocess.CompletedProcess[str]:
    values = [f'-G{k}="{v}"' if isinstance(v, str) else f"-G{k}={v}" for k, v in parameters.items()]
    arguments = ["--lint-only", "-Wall", "-I.", "--top-module", module, *values, f"{module}.sv"]
    return run_verilator(arguments, LIBRARY)


def yosys(*commands: str) -> subprocess.CompletedProcess[str]:
    """Run Yosys commands on the whole library, in a process of its own: an error would end this one."""
    pytest.importorskip("pyosys", reason="Yosys is missing: pip install pyosys")
    reading = [f"read_verilog -sv -defer -I. {module}.sv" for module in MODULES]
    program = (
        "import sys\nfrom pyosys import libyosys\ndesign = libyosys.Design()\n"
        "for command in sys.argv[1:]:\n    libyosys.run_pass(command, design)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *reading, *commands], cwd=LIBRARY, capture_output=True, text=True
    )


@pytest.mark.parametrize("module", MODULES)
def test_lint_has_no_warning(module):
    done = lint(module)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "%Warning" not in done.stdout + done.stderr


def test_yosys_takes_every_module():
    # The primitives that some modules instantiate.
    commands = ["read_verilog -lib -specify +/xilinx/cells_sim.v", "design -save library"]
    for module in MODULES:
        steps = (f"hierarchy -check -top {module}", "proc", "opt_clean", "check -assert")
        commands += [*steps, "design -load library"]
    done = yosys(*commands)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_every_module_synthesises_alone():
    """Each with its default parameters: memories, arithmetic and flip-flops, without problems left."""
    commands = ["design -save library"]
    for module in MODULES:
        steps = (f"synth -top {module} -run begin:fine", "check -assert", "stat -top " + module)
        commands += [*(["read_verilog -lib +/xilinx/cells_sim.v"] if module in PRIMITIVE else []), *steps]
        commands.append("design -load library")
    done = yosys(*commands)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert done.stdout.count("Printing statistics.") == len(MODULES)


def instantiated(module: str) -> set[str]:
    """The modules of the library that stand in a module's text."""
    text = re.sub(r"//.*", "", (LIBRARY / f"{module}.sv").read_text())
    return {name for name in re.findall(r"\bbnn_\w+", text) if name in MODULES and name != module}


def test_every_module_is_driven_as_a_stream_or_proven_against_one():
    """Units with idle input, blocked output, frames without a gap and resets; parts within such units."""
    benches = (*test_buffers.DUTS, *test_elementwise.DUTS, *(dut for dut, _ in test_mvtu.CASES))
    benches += (*test_pixels.DUTS, *(dut for dut, _ in test_window.CASES))
    driven = {f"bnn_{dut.kind}" for dut in benches}
    streams = {m for m in MODULES if re.search(r"\bin_ready\b[\s\S]*\bout_ready\b", ports(m))}
    # Halves of the converter, whose outer handshakes it cuts.
    assert streams - {"bnn_gather", "bnn_scatter"} <= driven
    reached: set[str] = set()
    waiting = driven
    while waiting:
        reached |= waiting
        waiting = {part for module in waiting for part in instantiated(module)} - reached
    elsewhere = {
        "bnn_config",  # tests/sim/test_reload.py
        "bnn_lut_columns", "bnn_wide_mux",  # in generated tables: tests/rtl/structural/test_tables.py
        "bnn_sum_two",  # in generated layers: tests/rtl/structural/test_dsp.py
    }  # fmt: skip
    assert set(MODULES) - reached == elsewhere


def ports(module: str) -> str:
    text = (LIBRARY / f"{module}.sv").read_text()
    return text[: text.index("\n);")]


def mapped_cells(module: str, **parameters: int | str) -> str:
    settings = " ".join(
        f'-set {k} "{v}"' if isinstance(v, str) else f"-set {k} {v}" for k, v in parameters.items()
    )
    done = yosys(
        *([f"chparam {settings} {module}"] if settings else []),
        f"synth_xilinx -flatten -noiopad -noclkbuf -top {module} -run begin:map_cells",
        "stat",
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return done.stdout.rpartition("Printing statistics")[2]


def test_memories_become_the_ram_asked_for():
    size = {"HEIGHT": 30, "WIDTH": 30, "CHANNELS": 16, "SIMD": 16, "DEPTH": 126}
    block = mapped_cells("bnn_window", RAM_STYLE="block", **size)
    assert "RAMB18E1" in block
    assert "RAM64M" not in block
    distributed = mapped_cells("bnn_window", RAM_STYLE="distributed", **size)
    assert "RAM64M" in distributed
    assert "RAMB" not in distributed


def test_weights_become_the_rom_asked_for(tmp_path: Path):
    image = tmp_path / "weights.hex"
    image.write_text("".join(f"{i * 2654435761 % (1 << 64):016x}\n" for i in range(144)))
    matrix = {"MW": 144, "MH": 64, "PE": 4, "SIMD": 16, "WEIGHT_FILE": str(image)}
    assert "RAMB" in mapped_cells("bnn_mvtu", WEIGHT_STYLE="block", **matrix)
    assert "RAMB" not in mapped_cells("bnn_mvtu", WEIGHT_STYLE="logic", **matrix)


ILLEGAL = [
    ("bnn_fifo", {"DEPTH": 0}, "DEPTH must be at least 1"),
    ("bnn_fifo", {"RAM_STYLE": "bram"}, "RAM_STYLE must be auto, distributed or block"),
    ("bnn_converter", {"CHANNELS": 0}, "CHANNELS must be at least 1"),
    ("bnn_window", {"SIMD": 5}, "SIMD must divide CHANNELS"),
    ("bnn_window", {"DEPTH": 31}, "DEPTH must hold the span of a window and one pixel"),
    ("bnn_window", {"KERNEL_W": 7}, "the kernel must not exceed the padded map"),
    ("bnn_window", {"PAD_TOP": 2, "PAD_BOTTOM": 1}, "the padding of two opposite sides"),
    ("bnn_window_full", {"REPLAY": 0}, "KERNEL, STRIDE and REPLAY must be at least 1"),
    ("bnn_mvtu", {"SIMD": 10}, "SIMD must divide MW"),
    ("bnn_mvtu", {"PE": 17}, "PE must be 1 to MH"),
    ("bnn_mvtu", {"ACC_BITS": 7}, "ACC_BITS must hold MW + 1"),
    ("bnn_mvtu", {"OUT_BITS": 2}, "OUT_BITS must be 1 behind a threshold"),
    ("bnn_mvtu", {"IN_BITS": 8}, "a bipolar input has one unsigned bit"),
    ("bnn_mvtu", {"CHAINS": 0, "ACCUMULATE": "dsp"}, "CHAINS 0 needs BIPOLAR without DSP slices"),
    ("bnn_mvtu_inputs", {"PIXELS": 2, "ROWS": 3}, "ROWS must divide SIMD"),
    ("bnn_accumulate", {"ROW0_BITS": 10}, "SUM_BITS must hold the rows"),
    ("bnn_accumulate", {"INVERT": 1}, "INVERT needs SIGNED and ROW1_BITS 1"),
    ("bnn_compress_rows", {"SUM_BITS": 6}, "SUM_BITS must be at least BITS"),
    ("bnn_signed_dot", {"GROUP": 8}, "GROUP must be a multiple of 3"),
    ("bnn_threshold", {"LANES": 4}, "LANES must be 1 to CHANNELS"),
    ("bnn_pool", {"KERNEL_H": 9}, "the kernel must be at least 1 and not exceed the map"),
    ("bnn_scores", {"IN_BITS": 33}, "a score must fit in 32 bits"),
    ("bnn_rom", {"STYLE": "bram"}, "STYLE must be logic or block"),
]


@pytest.mark.parametrize(
    ("module", "parameters", "message"), ILLEGAL, ids=[f"{m}-{'-'.join(p)}" for m, p, _ in ILLEGAL]
)
def test_illegal_parameters_are_refused(module, parameters, message):
    done = lint(module, **parameters)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr


def test_yosys_refuses_them_too():
    done = yosys("chparam -set SIMD 10 bnn_mvtu", "hierarchy -top bnn_mvtu")
    assert done.returncode != 0
    assert "SIMD must divide MW" in done.stdout + done.stderr
