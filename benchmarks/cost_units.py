"""Synthesise single units and store what they take: the data behind the planner's cost law.

    python benchmarks/cost_units.py --out build/cost_units [--only mvtu] [--store]

Each unit is an instance of its library module with ports of its own, random
weights and thresholds, all in one Yosys run, structural arithmetic and logic ROMs.
--store writes the measured figures to benchmarks/cost_units.json, against which
tests/plan/test_cost.py holds the law. With each stands the digest of its library modules, and
one whose modules have changed since counts no more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bnn_hw.ir.types import BIPOLAR, DataType, sint, uint
from bnn_hw.pipeline.arithmetic import DSP
from bnn_hw.pipeline.latency import NOMINAL_CLOCK_HZ
from bnn_hw.pipeline.record import Resources
from bnn_hw.pipeline.stages import Converter, Fifo, Mvtu, Pool, Scores, Stage, Stream, Window
from bnn_hw.plan.build import with_cuts
from bnn_hw.plan.cost import stage_resources
from bnn_hw.rtl.emit import LIBRARY, structural_texts
from bnn_hw.rtl.memory import Image
from bnn_hw.rtl.modules import module_of, threshold_file, weight_file
from bnn_hw.synth.utilisation import Reference
from bnn_hw.synth.yosys import synthesise

DATA = Path(__file__).with_name("cost_units.json")
PIXEL = uint(8)


def window(
    height: int,
    width: int,
    channels: int,
    kernel: int,
    simd: int,
    replay: int,
    depth: int,
    memory: str,
    bits: int = 1,
) -> Window:
    """A sliding window without padding; depth 0: the full one."""
    dtype = BIPOLAR if bits == 1 else uint(bits)
    out = (height - kernel + 1, width - kernel + 1, kernel * kernel * channels)
    source = Stream(dtype, height, width, channels, simd if depth else channels)
    return Window(
        "", "", None, source, Stream(dtype, *out, simd), kernel=(kernel, kernel), stride=(1, 1),
        padding=(0, 0, 0, 0), pad_value=0, simd=simd, replay=replay, full=not depth, depth_words=depth,
        memory=memory,
    )  # fmt: skip


def mvtu(mw: int, mh: int, pe: int, simd: int, memory: str, bits: int = 1, threshold: bool = True) -> Mvtu:
    dtype = BIPOLAR if bits == 1 else uint(bits)
    accumulator = uint((mw + 1).bit_length()) if bits == 1 else sint(bits + 1 + mw.bit_length())
    result: DataType = BIPOLAR if threshold else sint((mw + 1).bit_length() + 1)
    unit = Mvtu(
        "", "", None, Stream(dtype, 1, 1, mw, simd), Stream(result, 1, 1, mh, pe), mac="m",
        threshold="t" if threshold else None, mw=mw, mh=mh, pe=pe, simd=simd, accumulator=accumulator,
        weight_memory=memory,
    )  # fmt: skip
    return with_cuts(unit, NOMINAL_CLOCK_HZ)


def converter(channels: int, lanes_in: int, lanes_out: int) -> Converter:
    source = Stream(BIPOLAR, 1, 1, channels, lanes_in)
    return Converter("", "", None, source, replace(source, lanes=lanes_out))


def fifo(bits: int, depth: int, memory: str) -> Fifo:
    stream = Stream(BIPOLAR, 8, 8, bits, bits)
    return Fifo("", "", None, stream, stream, depth, memory)


def pool(size: int, channels: int, lanes: int) -> Pool:
    source = Stream(BIPOLAR, size, size, channels, lanes)
    return Pool("", "", None, source, replace(source, height=size // 2, width=size // 2), (2, 2))


def scores(classes: int, lanes: int, bits: int) -> Scores:
    source = Stream(sint(bits), 1, 1, classes, lanes)
    return Scores("", "", None, source, Stream(sint(32), 1, 1, classes + 1, 1), classes)


# fmt: off
RINGS = (
    (32, 32, 3, 3, 3, 1, 134),
    (30, 30, 16, 3, 16, 1, 126),
    (30, 30, 64, 3, 32, 2, 252),
    (14, 14, 64, 3, 32, 8, 124),
    (1, 1, 256, 1, 4, 512, 128),
    (1, 1, 128, 1, 1, 4, 256),
    (1, 1, 512, 1, 1, 4, 1024),
)
UNITS: list[Stage] = [
    *(window(*ring, memory, 8 if ring is RINGS[0] else 1) for memory in ("logic", "block") for ring in RINGS),
    window(30, 30, 16, 3, 16, 1, 128, "logic"),
    window(14, 14, 16, 3, 16, 2, 64, "logic"),
    window(14, 14, 16, 3, 16, 2, 62, "logic"),
    window(5, 5, 32, 3, 32, 16, 26, "logic"),
    window(3, 3, 64, 3, 32, 64, 36, "logic"),
    window(32, 32, 3, 3, 27, 1, 0, "auto", 8),
    window(30, 30, 16, 3, 144, 2, 0, "auto"),
    window(14, 14, 32, 3, 288, 4, 0, "auto"),
    window(30, 30, 64, 3, 576, 2, 0, "auto"),
    window(5, 5, 32, 3, 288, 16, 0, "auto"),
    *(
        converter(*lanes)
        for lanes in (
            (64, 16, 32), (64, 4, 32), (256, 1, 4), (128, 1, 8), (64, 32, 8), (64, 16, 64), (32, 11, 32),
            (64, 13, 16), (128, 128, 1), (576, 64, 576),
        )
    ),
    *(fifo(bits, depth, "logic") for bits in (16, 64) for depth in (2, 30, 60)),
    fifo(16, 256, "logic"),
    fifo(16, 256, "block"),
    *(pool(*size) for size in ((28, 16, 16), (28, 64, 32), (28, 16, 4), (10, 32, 11), (10, 128, 16))),
    *(scores(*size) for size in ((4, 1, 9), (4, 4, 9), (10, 1, 8), (10, 3, 8))),
    *(
        mvtu(27, mh, pe, simd, "logic", 8)
        for mh, pe, simd in ((16, 16, 3), (16, 4, 3), (16, 16, 27), (16, 4, 27), (16, 4, 1), (64, 16, 3))
    ),
    *(
        mvtu(*size)
        for size in (
            (144, 16, 16, 16, "logic"), (144, 32, 16, 16, "logic"), (288, 32, 16, 32, "logic"),
            (288, 64, 4, 32, "block"), (576, 64, 1, 32, "block"), (64, 128, 1, 4, "block"),
            (128, 128, 1, 8, "block"), (576, 64, 32, 32, "logic"), (576, 128, 16, 32, "block"),
            (256, 512, 1, 4, "block"), (144, 16, 4, 144, "logic"), (144, 16, 16, 144, "logic"),
            (288, 32, 8, 288, "logic"), (576, 64, 4, 64, "block"), (128, 128, 16, 128, "logic"),
            (64, 64, 64, 64, "logic"), (144, 16, 16, 8, "logic"), (144, 16, 8, 4, "logic"),
            (144, 16, 8, 2, "logic"), (144, 16, 8, 1, "logic"), (576, 64, 8, 576, "logic"),
            (144, 64, 2, 16, "block"), (1152, 256, 4, 32, "block"), (2304, 256, 1, 32, "block"),
            (576, 128, 1, 16, "block"), (144, 32, 11, 144, "logic"), (288, 64, 4, 288, "logic"),
            (288, 64, 2, 288, "logic"), (576, 64, 3, 576, "logic"), (1152, 128, 2, 1152, "logic"),
            (576, 128, 10, 64, "logic"), (144, 16, 8, 144, "logic"),
        )
    ),
    mvtu(128, 4, 1, 1, "logic", threshold=False),
    mvtu(512, 4, 4, 1, "logic", threshold=False),
]
# fmt: on


def key_of(stage: Stage) -> str:
    """Module and parameters, without names of files: what makes a unit."""
    module, parameters = module_of(stage)
    values = [f"{name}={value}" for name, value in parameters.items() if not name.endswith("_FILE")]
    # Nothing in the parameters tells it: the structural form is another.
    sums = " LAST_SUMS=dsp" if isinstance(stage, Mvtu) and stage.is_fixed and stage.accumulate == DSP else ""
    return f"{module} {' '.join(values)}{sums}"


def _modules(name: str) -> set[str]:
    """A library module and all below it."""
    found: set[str] = set()
    queue = [name]
    while queue:
        path = LIBRARY / f"{queue.pop()}.sv"
        if path.is_file() and path.stem not in found:
            found.add(path.stem)
            code = re.sub(r"//.*", "", path.read_text())
            queue += re.findall(r"\bbnn_\w+", code)
    return found


@cache
def rtl_digest(key: str) -> str:
    """Digest of the library modules that a unit, by its key, is made of."""
    texts = ((LIBRARY / f"{name}.sv").read_bytes() for name in sorted(_modules(key.split()[0])))
    return hashlib.sha256(b"".join(texts)).hexdigest()[:12]


def measured() -> dict[str, dict[str, float]]:
    """Stored figures of units whose library modules are still the same, by the unit's key."""
    figures = json.loads(DATA.read_text()) if DATA.exists() else {}
    return {
        key: {name: value for name, value in item.items() if name != "rtl"}
        for key, item in figures.items()
        if item["rtl"] == rtl_digest(key)
    }


def _image(width: int, depth: int) -> Image:
    return Image(tuple(random.getrandbits(width) for _ in range(depth)), width)


def _images(stage: Stage) -> dict[str, Image]:
    """Random contents of a unit's memories by file name."""
    if not isinstance(stage, Mvtu):
        return {}
    depth = stage.neuron_fold * stage.synapse_fold
    images = {weight_file(stage): _image(stage.pe * stage.simd, depth)}
    if stage.threshold:
        images[threshold_file(stage)] = _thresholds(stage)
    return images


def _thresholds(stage: Mvtu) -> Image:
    """Random thresholds in the middle half of what sums reach: none fires always or never."""
    middle, spread = (stage.mw // 2, stage.mw // 4) if stage.input.dtype.is_bipolar else (0, 16 * stage.mw)
    bits, sign = stage.threshold_bits, -1 if stage.accumulates_in_dsp else 1
    words = []
    for _ in range(stage.neuron_fold):
        values = (sign * random.randint(middle - spread, middle + spread) for _ in range(stage.pe))
        fields = (value % (1 << bits) for value in values)
        words.append(sum(field << p * bits for p, field in enumerate(fields)))
    return Image(tuple(words), stage.pe * bits)


def _instance(stage: Stage) -> tuple[list[str], str]:
    """Ports and text of one instance."""
    module, parameters = module_of(stage)
    name = stage.name
    texts = [f'.{key}("{v}")' if isinstance(v, str) else f".{key}({v})" for key, v in parameters.items()]
    bits_out = 32 if isinstance(stage, Scores) else stage.output.width_bits
    ports = [
        f"input logic {name}_iv, output logic {name}_ir",
        f"input logic [{stage.input.width_bits - 1}:0] {name}_id",
        f"output logic {name}_ov, input logic {name}_or",
        f"output logic [{bits_out - 1}:0] {name}_od",
    ]
    last = ""
    if isinstance(stage, Scores):
        ports.append(f"output logic {name}_ol")
        last = f", .out_last({name}_ol)"
    text = (
        f"{module} #({', '.join(texts)}) u_{name} (.clk, .rst_n, .in_valid({name}_iv), .in_ready({name}_ir), "
        f".in_data({name}_id), .out_valid({name}_ov), .out_ready({name}_or), .out_data({name}_od){last});"
    )
    return ports, text


def measure(units: list[Stage], out: Path) -> dict[str, Resources]:
    """Synthesise the units and return what each takes, by its key."""
    random.seed(1)
    folder = out / "rtl"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in (*LIBRARY.glob("*.sv"), *LIBRARY.glob("*.svh")):
        shutil.copy(path, folder)
    ports, texts = ["input logic clk, input logic rst_n"], []
    named = [replace(stage, name=f"s{index}") for index, stage in enumerate(units)]
    images = {stage.name: _images(stage) for stage in named}
    (folder / "mem").mkdir()
    for stage in named:
        for path, image in images[stage.name].items():
            (folder / path).write_text(image.hex_text)
        instance_ports, text = _instance(stage)
        ports += instance_ports
        texts.append(text)
    own = structural_texts(named, images, dual_cells=False)
    for file, text in own.items():
        (folder / file).write_text(text)
    header = ",\n  ".join(ports)
    (folder / "units.sv").write_text(f"module units(\n  {header}\n);\n" + "\n".join(texts) + "\nendmodule\n")
    (folder / "files.f").write_text("".join(f"{path.name}\n" for path in sorted(folder.glob("*.sv"))))
    names = {f"u_s{index}": key_of(stage) for index, stage in enumerate(units)}
    report = synthesise(
        folder, "units", out / "synth", Reference("none", Resources(1, 1, 1, 1)), stage_names=names
    )
    return {name: item.resources for name, item in report.stages.items() if name in names.values()}


def store(found: dict[str, Resources]) -> None:
    """Add figures to cost_units.json."""
    old = json.loads(DATA.read_text()) if DATA.exists() else {}
    new = {
        key: {
            **{name: getattr(item, name) for name in ("lut", "ff", "carry4", "bram36", "dsp")},
            "rtl": rtl_digest(key),
        }
        for key, item in found.items()
    }
    DATA.write_text(json.dumps(old | new, indent=1) + "\n")


def show(units: list[Stage], found: dict[str, Resources]) -> Table:
    table = Table(title="cost law against synthesis")
    for name in ("unit", "LUT", "predicted", "error", "FF", "predicted", "BRAM36", "predicted"):
        table.add_column(name, justify="left" if name == "unit" else "right")
    for stage in units:
        have, said = found[key_of(stage)], stage_resources(stage)
        error = f"{(said.lut - have.lut) / max(have.lut, 1):+.0%}"
        figures = (have.lut, said.lut, error, have.ff, said.ff, have.bram36, said.bram36)
        table.add_row(key_of(stage), *(item if isinstance(item, str) else f"{item:g}" for item in figures))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/cost_units"))
    parser.add_argument("--only", help="kind of unit: window, mvtu, converter, fifo, pool, scores")
    parser.add_argument("--store", action="store_true", help=f"add the figures to {DATA.name}")
    options = parser.parse_args()
    units = [stage for stage in UNITS if options.only in (None, stage.kind)]
    found = measure(units, options.out)
    if options.store:
        store(found)
    Console(width=180).print(show(units, found))


if __name__ == "__main__":
    main()
