"""Entry point inside FINN's own environment: ``python worker.py version | check | fetch | JOB.json``.

Only this file is named on the command line. It makes the package importable
without putting the folder it lies in on the path: installed, that folder holds
the main environment's packages, whose versions exclude FINN's.
"""

import importlib.util
import json
import sys
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def adopt_package() -> None:
    """Make ``bnn_hw`` importable from where this file lies."""
    place = PACKAGE / "__init__.py"
    spec = importlib.util.spec_from_file_location("bnn_hw", place, submodule_search_locations=[str(PACKAGE)])
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["bnn_hw"] = module
    spec.loader.exec_module(module)


def versions() -> dict[str, str]:
    """Versions of what matters here; "" for what is not installed."""
    found = {"python": sys.version.split()[0]}
    for name in ("finn-plus", "qonnx", "onnx", "numpy"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = ""
    return found


def main(argument: str) -> int:
    """Do what the argument says; the process's status."""
    sys.path.pop(0)  # the folder of this file, whose names are nobody's packages
    if argument == "version":
        print(json.dumps(versions()))
        return 0
    adopt_package()
    if argument in ("check", "fetch"):
        from bnn_hw.finn.inside import boot

        if argument == "fetch":
            return boot.fetch(Path(sys.prefix) / "finn-deps")
        boot.check()
        print(json.dumps(versions()))
        return 0
    from bnn_hw.finn.inside import run

    return run.run(Path(argument))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
