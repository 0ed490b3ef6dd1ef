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
    "manifest": set(),
    "runtime": {"bits", "manifest"},
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
    "soc": HARDWARE | {"board"},
    "package": HARDWARE | {"board", "design", "manifest", "runtime", "soc"},
    "report": HARDWARE | {"data", "board", "design"},
    "finn": HARDWARE | {"settings", "manifest"},
    "data": BASE,
    "train": BASE | {"data", "", "fields", "folders", "progress"},
}
WITHOUT = {"torch", "brevitas", "torchmetrics", "captum", "tensorboard"}


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


def test_training_packages_only_in_train():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted(ROOT.rglob("*.py"))
        for name in imported(path)
        if name.split(".")[0] in WITHOUT and path.parent.name != "train"
    ]
    assert wrong == []


def test_finn_only_in_its_own_environment():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted(ROOT.rglob("*.py"))
        for name in imported(path)
        if name.split(".")[0] in ("finn", "qonnx")
        and path.parent != ROOT / "finn" / "inside"
        and path != ROOT / "train" / "qonnx_run.py"
    ]
    inside = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted(ROOT.rglob("*.py"))
        for name in imported(path)
        if name.startswith("bnn_hw.finn.inside") and (path.parent.name, path.name) != ("finn", "worker.py")
        if path.parent.name != "inside"
    ]
    assert wrong + inside == []


def test_back_end_needs_no_training_package_and_no_executor():
    """The whole flow imports where torch, Brevitas, qonnx, onnxruntime and FINN are not installed."""
    code = (
        "import sys\n"
        "absent = ('torch', 'brevitas', 'torchmetrics', 'captum', 'tensorboard')\n"
        "absent += ('qonnx', 'onnxruntime', 'finn', 'pynq')\n"
        "sys.modules.update(dict.fromkeys(absent))\n"
        "import bnn_hw.cli, bnn_hw.flow, bnn_hw.run, bnn_hw.show, bnn_hw.doctor\n"
        "import bnn_hw.evaluate, bnn_hw.evaluate_figures, bnn_hw.gradcam, bnn_hw.train.card\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


# What the board runs: the driver and what it imports of the package.
ON_THE_BOARD = [
    "__init__.py",
    "bits.py",
    "manifest.py",
    *(str(path.relative_to(ROOT)) for path in files_of("runtime")),
]


@pytest.mark.parametrize("name", ON_THE_BOARD)
def test_what_the_board_runs_is_python_3_8_with_numpy_only(name):
    ast.parse((ROOT / name).read_text(), feature_version=(3, 8))
    allowed = sys.stdlib_module_names | {"numpy", "bnn_hw", *BOARD_ONLY.get(name, ())}
    assert {module.split(".")[0] for module in imported(ROOT / name)} <= allowed


# Imported late, where there is a board, a meter or a picture file; never needed to import the driver.
BOARD_ONLY = {
    "runtime/pynq_device.py": {"pynq"},
    "runtime/meters.py": {"pynq", "pyvisa"},
    "runtime/bench_pictures.py": {"PIL"},
}


def test_the_driver_imports_with_nothing_but_numpy():
    code = (
        "import sys\n"
        "absent = ('pynq', 'pyvisa', 'PIL', 'torch', 'onnx', 'click', 'rich', 'bnn_hw.errors')\n"
        "sys.modules.update(dict.fromkeys(absent))\n"
        "import pkgutil, importlib, bnn_hw.runtime\n"
        "for item in pkgutil.iter_modules(bnn_hw.runtime.__path__):\n"
        "    importlib.import_module('bnn_hw.runtime.' + item.name)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
