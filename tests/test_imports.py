"""The direction of imports, and what may run without which package."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bnn_hw

ROOT = Path(bnn_hw.__file__).parent

# What each part of the package may import of the others.
BASE = {"errors", "bits"}
GRAPH = BASE | {"ir"}
HARDWARE = GRAPH | {"pipeline", "folders", "tools"}
ALLOWED = {
    "errors": set(),
    "bits": set(),
    "folders": {"errors"},
    "paths": {"errors"},
    "progress": set(),
    "settings": {"errors"},
    "tools": {"errors", "folders"},
    "ir": BASE,
    "pipeline": GRAPH,
    "frontend": GRAPH,
    "plan": HARDWARE | {"board", "design"},
    "rtl": HARDWARE,
    "sim": HARDWARE,
    "synth": HARDWARE | {"settings"},
    "report": HARDWARE | {"data", "board", "design"},
    "data": BASE,
    "train": BASE | {"data", "", "folders"},
}
WITHOUT = {"torch", "brevitas"}


def imported(path):
    """Names of all modules a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            if node.module == "bnn_hw":
                yield from (f"bnn_hw.{alias.name}" for alias in node.names if alias.name != "__version__")


def files_of(part):
    folder = ROOT / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [ROOT / f"{part}.py"]


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_imports_only_what_lies_below(part):
    wrong = []
    for path in files_of(part):
        for name in imported(path):
            first, *rest = name.split(".")
            used = rest[0] if rest else ""
            if first == "bnn_hw" and used not in ALLOWED[part] | {part, ""}:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_torch_and_brevitas_only_in_train():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted(ROOT.rglob("*.py"))
        for name in imported(path)
        if name.split(".")[0] in WITHOUT and path.parent.name != "train"
    ]
    assert wrong == []


def test_back_end_needs_no_training_package_and_no_executor():
    """The whole flow imports where torch, Brevitas, qonnx, onnxruntime and FINN are not installed."""
    code = (
        "import sys\n"
        "absent = ('torch', 'brevitas', 'qonnx', 'onnxruntime', 'finn', 'pynq')\n"
        "sys.modules.update(dict.fromkeys(absent))\n"
        "import bnn_hw.cli, bnn_hw.flow, bnn_hw.run, bnn_hw.show, bnn_hw.doctor\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize("name", ["bits.py"])
def test_what_the_board_runs_is_python_3_8_with_numpy_only(name):
    source = (ROOT / name).read_text()
    ast.parse(source, feature_version=(3, 8))
    assert {module.split(".")[0] for module in imported(ROOT / name)} <= {"numpy", "typing"}
