"""Measures an accelerator: speed, latency, clock, stalls, accuracy, power (Python 3.8).

python3 bench.py --help, or ``bnn-hw bench FOLDER`` on a computer without a board.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Union

from bnn_hw.manifest import Manifest
from bnn_hw.runtime import bench_report as report
from bnn_hw.runtime.accelerator import Accelerator
from bnn_hw.runtime.bench_pictures import read_golden
from bnn_hw.runtime.device import Device
from bnn_hw.runtime.errors import AcceleratorError, MeterError
from bnn_hw.runtime.measure import Bench, Settings
from bnn_hw.runtime.meters import KINDS, open_meter
from bnn_hw.runtime.opening import read_manifest

Opener = Callable[[Path, Manifest], Device]
MISMATCH_STATUS, INTERRUPTED_STATUS = 8, 130
NOT_HARDWARE = "device {}: these are not figures of hardware"


def _arguments(argv: Optional[List[str]], devices: List[str], prog: Optional[str]) -> argparse.Namespace:
    default = Settings()
    parser = argparse.ArgumentParser(prog=prog, description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, help="folder that bnn-hw package wrote")
    add("--device", default=devices[0], choices=devices)
    add("--frames", type=int, default=default.frames, help="pictures of one call (%(default)s)")
    add("--repeats", type=int, default=default.repeats, help="such calls (%(default)s)")
    add("--warm-up", type=int, default=default.warm_up, help="calls before them (%(default)s)")
    add("--single", type=int, default=default.gates, help="frames one at a time (%(default)s)")
    add("--batch", type=int, default=64, help="pictures of one job (%(default)s)")
    add("--pictures", type=Path, help="labelled pictures: .npz, .npy, .raw or a folder with class folders")
    add("--power", default="none", metavar="METER", help=KINDS + " (%(default)s)")
    add("--scpi-query", default="MEAS:POW?", help="watts, or volts and amperes with a comma (%(default)s)")
    add("--power-seconds", type=float, default=default.power_s, help="at rest and at work each (%(default)s)")
    add("--compare", metavar="paper|FILE", help="the published figures, or an earlier run's JSON file")
    add("--json", metavar="FILE", help="write the results; - prints them instead of the table")
    options = parser.parse_args(argv)
    if min(options.frames, options.repeats, options.batch) < 1 or min(options.warm_up, options.single) < 0:
        parser.error("--frames, --repeats and --batch take 1 or more, --warm-up and --single 0 or more")
    return options


def main(
    argv: Optional[List[str]] = None, openers: Optional[Dict[str, Opener]] = None, prog: Optional[str] = None
) -> int:
    """Run the bench from the command line and return the exit status.

    openers: further devices by name. 0 where all golden vectors were right and
    everything asked for was measured.
    """
    further = openers or {}
    options = _arguments(argv, ["pynq", "software", *further], prog)
    try:
        return _run(options, further)
    except AcceleratorError as error:
        print("error: {}".format(error), file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("interrupted: the accelerator was stopped and everything given back", file=sys.stderr)
        return INTERRUPTED_STATUS


def _run(options: argparse.Namespace, openers: Dict[str, Opener]) -> int:
    manifest = read_manifest(options.folder)
    golden = read_golden(options.folder)
    other = _other(options.compare, manifest)
    if options.power != "none" and options.device != "pynq":
        cause = "asked for with --device {}".format(options.device)
        raise MeterError("power meter", cause, "measure power where the board is: --device pynq")
    meter = open_meter(options.power, options.scpi_query)
    try:
        device: Union[str, Device] = options.device
        if options.device in openers:
            device = openers[options.device](options.folder, manifest)
        settings = Settings(
            options.frames, options.repeats, options.warm_up, options.single, options.power_seconds
        )
        with Accelerator.load(options.folder, device=device, batch=options.batch) as accelerator:
            bench = Bench(accelerator, golden, settings)
            bench.run(meter, options.pictures)
            identity = accelerator.describe()
            if accelerator.device.kind != "board":
                bench.notes.insert(0, NOT_HARDWARE.format(accelerator.device.name))
    finally:
        if meter is not None:
            meter.close()
    faults = [str(fault) for fault in bench.faults]
    _print(report.record(identity, bench.figures, bench.notes, faults), options, other)
    if any(bench.figures[name]["value"] for name in ("golden_mismatches", "timed_mismatches")):
        return MISMATCH_STATUS
    return bench.faults[0].exit_status if bench.faults else 0


def _other(compare: Optional[str], manifest: Manifest) -> Optional[Dict[str, float]]:
    if compare is None:
        return None
    return report.paper(manifest) if compare == "paper" else report.earlier(Path(compare))


def _print(result: Dict[str, Any], options: argparse.Namespace, other: Optional[Dict[str, float]]) -> None:
    rows = report.compare(result["figures"], other) if other is not None else []
    if other is not None:
        result["compared_with"] = options.compare
        result["compared"] = {row.name: {"other": row.other, "ratio": row.ratio} for row in rows}
    text = json.dumps(result, indent=1)
    if options.json == "-":
        print(text)
        return
    print(report.table(result))
    if other is not None:
        caution = None
        if options.compare == "paper":
            caution = (
                "published power was measured on the board: compare only what is measured at the same place"
            )
        print(report.comparison_table(rows, options.compare, caution))
    if options.json:
        path = Path(options.json)
        partial = path.with_name("." + path.name + ".partial")
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)
