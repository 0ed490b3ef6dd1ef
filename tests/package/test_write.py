"""The package: complete, reproducible, and at work where nothing but numpy is installed."""

import ast
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from bnn_hw import manifest
from bnn_hw.errors import ConfigError, MismatchError
from bnn_hw.package import texts
from bnn_hw.package.write import Contents, archive_path, describe, write_package
from tests.packages import CLASSES, bit_bytes, contents, make_package

PYTHONS = [item for item in os.environ.get("BNN_HW_BOARD_PYTHON", "").split(":") if item]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_package(tmp_path_factory.mktemp("made"))


def test_the_manifest_lists_every_file(made):
    record = manifest.load(made)
    manifest.check_files(made, record)
    on_disk = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    assert {item.path for item in record.files} == on_disk - {"manifest.json"}
    assert {"small-pynq-z1.hwh", "golden.npz", "bench.py", "README.md", "classify.ipynb"} <= on_disk
    assert not [path for path in on_disk if "pycache" in path]


def test_the_same_build_gives_the_same_bytes(tmp_path):
    first, second = (make_package(tmp_path / name) for name in ("a", "b"))
    assert archive_path(first).read_bytes() == archive_path(second).read_bytes()
    with tarfile.open(archive_path(first)) as tar:
        assert all(item.name.split("/")[0] == "small-pynq-z1" for item in tar)
        assert {(item.uid, item.mtime) for item in tar} == {(0, 0)}


@pytest.mark.parametrize("python", PYTHONS or [sys.executable])
def test_runs_its_golden_vectors_where_nothing_but_numpy_is_installed(made, tmp_path, python):
    """Python without its site packages, numpy and a pynq that has no board; further Pythons by
    BNN_HW_BOARD_PYTHON, for instance a 3.8 with numpy 1.20."""
    with tarfile.open(archive_path(made)) as tar:
        tar.extractall(tmp_path, filter="data")
    alone = tmp_path / "alone"
    (alone / "pynq").mkdir(parents=True)
    (alone / "pynq" / "__init__.py").write_text("def Overlay(*args):\n    raise RuntimeError('no board')\n")
    where = "import numpy, os; print(os.path.dirname(os.path.dirname(numpy.__file__)))"
    site = Path(
        subprocess.run([python, "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    )
    for item in [*site.glob("numpy"), *site.glob("numpy.libs")]:
        (alone / item.name).symlink_to(item)
    code = f"""
import sys
sys.path[:0] = [{str(alone)!r}, {str(tmp_path / made.name)!r}]
import numpy as np
from bnn_hw.runtime import Accelerator, AcceleratorError
golden = np.load({str(tmp_path / made.name / "golden.npz")!r})
with Accelerator.load({str(tmp_path / made.name)!r}, device="software") as accelerator:
    answers = accelerator.classify(golden["images"])
    assert np.array_equal(answers.raw, golden["raw"]) and np.array_equal(answers.classes, golden["classes"])
    assert len(list(accelerator.stream(golden["images"]))) == len(golden["images"])
try:
    Accelerator.load({str(tmp_path / made.name)!r})
except AcceleratorError as error:
    assert "holds no bit file" in error.cause, error
from bnn_hw.runtime import bench
status = bench.main([{str(tmp_path / made.name)!r}, "--device", "software", "--frames", "8", "--single", "2"])
loaded = sorted({{name.split(".")[0] for name in sys.modules}} & {{"click", "torch", "PIL", "onnx", "rich"}})
print("DONE", status, loaded)
"""
    run = subprocess.run(
        [python, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert run.stdout.splitlines()[-1:] == ["DONE 0 []"], run.stdout + run.stderr


def test_bench_py_runs_by_itself(made):
    command = [
        sys.executable,
        str(made / "bench.py"),
        "--device",
        "software",
        "--frames",
        "8",
        "--single",
        "1",
    ]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, cwd="/")
    assert run.returncode == 0, run.stderr
    assert "of them wrong                                   0 pictures" in run.stdout


# Runs a notebook's cells one by one in one namespace, showing each cell's last value, as Jupyter does.
CELLS = """
import ast, json, sys
cells = json.loads(sys.argv[1])
space = {"__name__": "__main__"}
for number, source in enumerate(cells):
    tree = ast.parse(source, "cell %d" % number)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell %d" % number, "exec"), space)
    value = None
    if last is not None:
        value = eval(compile(ast.Expression(last.value), "cell %d" % number, "eval"), space)
    print("CELL", number, repr(value)[:200].replace("\\n", " "))
"""


def test_the_notebook_is_of_format_4_2():
    """The fields that the format's JSON schema requires, and its own checker where it is installed."""
    notebook = json.loads(texts.notebook(describe(contents(), ())))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 2)
    assert {"name", "display_name"} <= set(notebook["metadata"]["kernelspec"])
    for cell in notebook["cells"]:
        code = {"execution_count": None, "outputs": []} if cell["cell_type"] == "code" else {}
        assert cell == {"cell_type": cell["cell_type"], "metadata": {}, "source": cell["source"], **code}
        assert all(isinstance(line, str) for line in cell["source"])
        assert all(line.endswith("\n") for line in cell["source"][:-1])
    try:
        import nbformat
    except ImportError:
        return
    nbformat.validate(notebook)


@pytest.mark.parametrize("python", PYTHONS or [sys.executable])
def test_the_notebook_runs_cell_by_cell(made, python):
    notebook = json.loads((made / "classify.ipynb").read_text())
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for old, new in (('"pynq"', '"software"'), ('"--compare", "paper"', '"--frames", "8", "--single", "1"')):
        assert sum(old in cell for cell in code) == 1
        code = [cell.replace(old, new) for cell in code]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    run = subprocess.run(
        [python, "-c", CELLS, json.dumps(code)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=made,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    values = dict(line.split(" ", 2)[1:] for line in run.stdout.splitlines() if line.startswith("CELL "))
    assert sorted(values, key=int) == [str(number) for number in range(len(code))]
    assert "'device': 'software'" in values["1"]
    assert all(name in CLASSES for name in ast.literal_eval(values["2"]))
    assert values["3"].startswith("Answer(number=")
    assert "Tile(row=0, column=0" in values["4"]
    assert values["5"] == "0"  # the bench's exit status
    assert "of them wrong                                   0 pictures" in run.stdout


def test_a_bit_file_gets_the_handoff_s_name(tmp_path):
    (tmp_path / "built.bit").write_bytes(bit_bytes())
    made = make_package(tmp_path, tmp_path / "built.bit")
    assert (made / "small-pynq-z1.bit").read_bytes() == bit_bytes()
    assert (made / "small-pynq-z1.hwh").is_file()
    assert "never been run on a board" in (made / "README.md").read_text()


@pytest.mark.parametrize(
    ("data", "cause"),
    [(bit_bytes("7z010clg400"), "is for xc7z010clg400, the board pynq-z1 has xc7z020clg400-1"),
     (bit_bytes()[:-1], "holds 63 bytes of configuration, its header says 64"),
     (bit_bytes(design="small;Digest=abcd"), "is of the build abcd, this package is of 0123456789abcdef")],
)  # fmt: skip
def test_a_bit_file_of_another_part_or_build_or_cut_short_writes_nothing(tmp_path, data, cause):
    (tmp_path / "built.bit").write_bytes(data)
    with pytest.raises(ConfigError, match=cause):
        make_package(tmp_path, tmp_path / "built.bit")
    assert [path.name for path in tmp_path.iterdir()] == ["built.bit"]


def test_golden_vectors_that_are_not_the_network_s_are_refused(tmp_path):
    made = contents()
    images = np.zeros((2, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "golden.npz", images=images, labels=np.array([0, 1]), classes=np.array([7, 7]))
    design = type(made.design)(**{**vars(made.design), "golden": tmp_path / "golden.npz"})
    with pytest.raises(MismatchError, match="are not what the imported network computes"):
        write_package(Contents(**{**vars(made), "design": design}), tmp_path / "out")
    assert not (tmp_path / "out").exists()
