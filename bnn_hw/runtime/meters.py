"""Power meters: each gives watts on demand and says what it is (Python 3.8).

A meter is named by a text: ``hwmon`` or ``hwmon:NAME`` (sensors of the board in
sysfs, INA2xx among them), ``rails`` or ``rails:NAME`` (PMBus through PYNQ),
``scpi:RESOURCE`` (an instrument through VISA), ``csv:FILE`` (a file that a meter's
program appends to), ``none``.
"""

import csv
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from bnn_hw.runtime.errors import MeterError

HWMON = Path("/sys/class/hwmon")
STALE_SECONDS = 5.0
KINDS = "hwmon, rails, scpi:RESOURCE, csv:FILE or none"


class Meter(ABC):
    """source: what was read, for the record of results."""

    source: str

    @abstractmethod
    def watts(self) -> float:
        """Return the power at this moment; MeterError where there is no reading."""

    def close(self) -> None:  # noqa: B027
        """Let the meter go; a second call does nothing."""


def open_meter(text: str, scpi_query: str = "MEAS:POW?") -> Optional[Meter]:
    """Open the meter that a text names, None for ``none``; MeterError where it is not there."""
    kind, _, argument = text.partition(":")
    if kind == "none":
        return None
    if kind == "hwmon":
        return HwmonMeter(argument)
    if kind == "rails":
        return RailsMeter(argument)
    if kind == "scpi" and argument:
        return ScpiMeter(argument, scpi_query)
    if kind == "csv" and argument:
        return CsvMeter(Path(argument))
    raise MeterError("power meter", "{!r} is unknown".format(text), "give " + KINDS)


class HwmonMeter(Meter):
    """All power sensors of one chip in sysfs, or of every chip: microwatts, or millivolts by milliamperes."""

    def __init__(self, chip: str = "", root: Path = HWMON) -> None:
        self._sensors: List[Tuple[Path, Optional[Path]]] = []
        names = []
        for folder in sorted(root.glob("hwmon*")):
            name = _text(folder / "name")
            if chip in ("", name):
                sensors = _sensors(folder)
                self._sensors += sensors
                names += [name] if sensors else []
        if not self._sensors:
            found = ", ".join(sorted({_text(item / "name") for item in root.glob("hwmon*")})) or "no chip"
            cause = "{} has no power sensor{}; it lists {}".format(root, " of " + chip if chip else "", found)
            remedy = "this board has none (no PYNQ-Z1 or Z2 has): use an external meter, scpi: or csv:"
            raise MeterError("power meter hwmon", cause, remedy)
        self.source = "sysfs hwmon: {} ({} sensors)".format(", ".join(names), len(self._sensors))

    def watts(self) -> float:
        total = 0.0
        for first, second in self._sensors:
            total += _number(first) * 1e-6 * (_number(second) if second else 1.0)
        return total


def _sensors(folder: Path) -> List[Tuple[Path, Optional[Path]]]:
    """Power inputs where there are any, else pairs of voltage and current of the same number."""
    powers: List[Tuple[Path, Optional[Path]]] = [(path, None) for path in sorted(folder.glob("power*_input"))]
    if powers:
        return powers
    pairs: List[Tuple[Path, Optional[Path]]] = []
    for current in sorted(folder.glob("curr*_input")):
        number = current.name[len("curr") : -len("_input")]
        voltages = [folder / "in{}_input".format(number), folder / "in1_input"]
        voltage = next((path for path in voltages if path.exists()), None)
        if voltage is not None:
            pairs.append((voltage, current))
    return pairs


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _number(path: Path) -> float:
    try:
        return float(path.read_text())
    except (OSError, ValueError) as error:
        raise MeterError(
            str(path), "cannot be read: {}".format(error), "check the sensor's driver"
        ) from error


class RailsMeter(Meter):
    """Rails that PYNQ knows (PMBus); all of them, or one by its name."""

    def __init__(self, rail: str = "", rails: Optional[Dict[str, Any]] = None) -> None:
        found = _pynq_rails() if rails is None else rails
        chosen = {name: item for name, item in found.items() if rail in ("", name)}
        self._sensors = [item.power for item in chosen.values() if getattr(item, "power", None) is not None]
        if not self._sensors:
            cause = "PYNQ lists {}".format(", ".join(sorted(found)) or "no rails")
            raise MeterError("power meter rails", cause, "use an external meter, scpi: or csv:")
        self.source = "PMBus through PYNQ: {}".format(", ".join(sorted(chosen)))

    def watts(self) -> float:
        try:
            return float(sum(sensor.value for sensor in self._sensors))
        except (OSError, ValueError, TypeError) as error:
            cause = "cannot be read: {}".format(error)
            raise MeterError("power meter rails", cause, "check the board's PMBus") from error


def _pynq_rails() -> Dict[str, Any]:
    try:
        import pynq

        return dict(pynq.get_rails())
    except Exception as error:
        cause = "PYNQ does not give its rails: {!r}".format(error)
        raise MeterError("power meter rails", cause, "use an external meter, scpi: or csv:") from error


class ScpiMeter(Meter):
    """An instrument with SCPI commands through VISA. queries: one for watts, or two for volts and amperes."""

    def __init__(self, resource: str, query: str, manager: Any = None) -> None:
        self._resource, self._queries = resource, query.split(",")
        try:
            self._instrument = (manager or _visa()).open_resource(resource)
            name = str(self._instrument.query("*IDN?")).strip()
        except MeterError:
            raise
        except Exception as error:  # every VISA library has errors of its own
            raise self._fault(error) from error
        self.source = "{} at {} ({})".format(name, resource, query)

    def _fault(self, error: Exception) -> MeterError:
        cause = "does not answer: {}".format(error)
        return MeterError("power meter {}".format(self._resource), cause, "check cable, address and query")

    def watts(self) -> float:
        product = 1.0
        try:
            for query in self._queries:
                product *= float(self._instrument.query(query.strip()))
        except Exception as error:
            raise self._fault(error) from error
        return product

    def close(self) -> None:
        self._instrument.close()


def _visa() -> Any:
    try:
        import pyvisa

        return pyvisa.ResourceManager("@py")
    except Exception as error:
        cause = "VISA cannot be used: {}".format(error)
        raise MeterError("power meter scpi", cause, "pip install pyvisa pyvisa-py") from error


class CsvMeter(Meter):
    """The last line of a file that a meter's program appends to.

    Its first line names the columns: ``watts`` (or ``power``), or ``volts`` and
    ``amps``; others are ignored. A file that has not grown for 5 s counts as silent.
    """

    def __init__(self, path: Path, stale_s: float = STALE_SECONDS) -> None:
        self.path, self._stale_s = path, stale_s
        self.source = "file {} written by a meter".format(path)
        self._size, self._grown = -1, time.monotonic()
        self.watts()

    def _fault(self, cause: str) -> MeterError:
        remedy = "start the meter's recording; columns watts, or volts and amps"
        return MeterError(str(self.path), cause, remedy)

    def watts(self) -> float:
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
            size = self.path.stat().st_size
        except (OSError, UnicodeDecodeError) as error:
            raise self._fault("cannot be read: {}".format(error)) from error
        now = time.monotonic()
        if size != self._size:
            self._size, self._grown = size, now
        elif now - self._grown > self._stale_s:
            raise self._fault("has not grown for {:g} s".format(now - self._grown))
        whole = [line for line in lines if line.endswith("\n")]  # the meter may be writing the last one
        if len(whole) < 2:
            raise self._fault("holds no reading")
        row = next(csv.DictReader([whole[0].lower(), whole[-1]]))
        return self._power({(key or "").strip(): value for key, value in row.items()})

    def _power(self, row: Dict[str, Any]) -> float:
        try:
            for name in ("watts", "power"):
                if name in row:
                    return float(row[name])
            return float(row["volts"]) * float(row["amps"])
        except (KeyError, ValueError, TypeError) as error:
            raise self._fault("has no power in its last line: {!r}".format(error)) from error
