"""Time of QONNX to integer graph, process start included, and of qonnx's cleanup of the same file beside it.

    python benchmarks/bench_import.py [model.onnx] [--scale 1] [--repeat 5]

Both run in fresh processes on the same machine, one after the other; the median is given.
The cleanup is only the first part of what a FINN flow does to a network before it has
integers and thresholds (streamlining follows), so it is a lower bound of that flow.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OURS = """
import sys
from bnn_hw.frontend import InputSpec, import_onnx
graph = import_onnx(sys.argv[1], InputSpec.parse(sys.argv[2]))
print(len(graph.nodes), "nodes of the integer graph, thresholds proven on every sum")
"""
QONNX = """
import sys
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.cleanup import cleanup_model
model = cleanup_model(ModelWrapper(sys.argv[1]))
print(len(model.graph.node), "ONNX nodes, still floating point")
"""
START = "import onnx, numpy"


def seconds(code: str, arguments: list[str], repeat: int) -> tuple[str, str]:
    """Return median wall and processor time of fresh processes as text, and what the last one printed."""
    times = []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(repeat):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        times.append(time.perf_counter() - start)
        if done.returncode:
            sys.exit(done.stderr.strip().splitlines()[-1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / repeat
    return f"{statistics.median(times):6.2f} s ({cpu:.2f} s of processor)", done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path, default=ROOT / "designs/cnv/model.onnx")
    parser.add_argument("--scale", default="1", help="what a pixel step means, as --input-scale")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    model = options.model.resolve()
    if not model.is_file():
        sys.exit(f"{options.model} does not exist: give the path of a QONNX file")
    start, _ = seconds(START, [], options.repeat)
    ours, text = seconds(OURS, [str(model), options.scale], options.repeat)
    print(f"{model.name} of {model.stat().st_size / 1e6:.1f} MB, median of {options.repeat} processes")
    print(f"  bnn_hw import   {ours}   {text}")
    print(f"    of it python, onnx and numpy start: {start}")
    if importlib.util.find_spec("qonnx") is None:
        print("  qonnx cleanup   not measured: pip install 'bnn-hw[dev]'")
        return
    theirs, text = seconds(QONNX, [str(model)], options.repeat)
    print(f"  qonnx cleanup   {theirs}   {text}")


if __name__ == "__main__":
    main()
