"""Starts FINN without its command line: settings, and stand-ins for what a build does not need.

FINN's own ``finn`` command downloads its dependencies first and ends with
status 0 whatever happened; its Python steps are called instead.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import tempfile
import types
from pathlib import Path

VERSION_ONLY = "/not-installed/2022.2"
"""XILINX_VIVADO without Vivado: FINN reads a version from the path and nothing else."""


def prepare(build_dir: Path, dependencies: Path | None = None, vivado: Path | None = None) -> None:
    """Set FINN up; call it before anything of FINN is imported.

    build_dir: where FINN puts generated code; dependencies: the folder with
    finn-hlslib and board files, for Vivado only; vivado: its installation.
    """
    build_dir.mkdir(parents=True, exist_ok=True)
    spec = importlib.util.find_spec("finn")
    assert spec
    home = next(iter(spec.submodule_search_locations or ()))
    os.environ.update(
        FINN_BUILD_DIR=str(build_dir),
        FINN_DEPS=str(dependencies or build_dir / "no-dependencies"),
        FINN_SETTINGS=str(build_dir / "settings.yaml"),
        XILINX_VIVADO=str(vivado or VERSION_ONLY),
        NUM_DEFAULT_WORKERS=str(min(4, os.cpu_count() or 1)),
        MPLBACKEND="Agg",
        FINN_RTLLIB=f"{home}/finn-rtllib",
        FINN_CUSTOM_HLS=f"{home}/custom_hls",
    )
    logging.basicConfig(
        level=logging.INFO, format="%(levelname)s: %(message)s", stream=sys.stdout, force=True
    )


def load(simulator: bool = False) -> None:
    """Import FINN, with its binding to Vivado's simulator or with stand-ins for it.

    Only Vivado can build the binding, and only FIFO depths by simulation need it.
    FINN imports PyTorch for layer normalisation alone. Where it is not installed, an
    empty module serves for the import and is taken away again: other packages
    would take it for the real one.
    """
    import finn.xsi

    if simulator:
        finn.xsi.ensure_available()
    else:
        for name in finn.xsi._LAZY_NAMES:
            setattr(finn.xsi, name, type(name, (), {}))
    absent = importlib.util.find_spec("torch") is None
    names = ("torch", "torch.nn", "torch.nn.functional") if absent else ()
    modules = {name: types.ModuleType(name) for name in names}
    for name, module in modules.items():
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(modules[parent], child, module)
    sys.modules.update(modules)
    try:
        import finn.custom_op.fpgadataflow
    finally:
        for name in names:
            del sys.modules[name]
    import finn.builder.build_dataflow_steps


def check() -> None:
    """Import all that a build uses; raises ImportError where the environment is incomplete."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        load()


def fetch(folder: Path) -> int:
    """Fetch what a Vivado build needs beside FINN, at the versions that FINN names; the number missing.

    FINN's own command fetches more, and ends with status 0 when a download fails.
    """
    import finn.interface
    from finn.interface.manage_deps import DependencyUpdater

    definitions = Path(finn.interface.__path__[0]) / "external_dependencies.yaml"
    updater = DependencyUpdater(folder, definitions, git_timeout_s=600, non_interactive=True)
    missing = 0
    for name in ("finn-hlslib", "attention-hlslib", "nlohmann-json", "pynq-z1", "pynq-z2"):
        try:
            there = updater.install_dependency(name)
        except Exception as error:
            print(f"finn-deps: {name}: {error}", file=sys.stderr)
            there = False
        print(f"finn-deps: {name} {'is in' if there else 'could not be fetched into'} {folder}", flush=True)
        missing += not there
    return missing
