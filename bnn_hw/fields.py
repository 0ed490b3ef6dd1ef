"""Reading the fields of a TOML file: each is taken once with its type; every fault is collected.

>>> faults = FaultList()
>>> fields = Fields({"lut": 53200, "bram": 140}, "parts.toml", faults)
>>> fields.integer("lut")
53200
>>> fields.close()
>>> print(faults.faults[0])
parts.toml, bram: is an unknown field
    remedy: known: lut
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from bnn_hw.errors import ConfigError, FaultList, suggest

_REQUIRED: Any = object()


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; ConfigError with line and column if it is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError.at(path, f"cannot be read: {err}", "give the path of a TOML file") from err
    except tomllib.TOMLDecodeError as err:
        raise ConfigError.at(path, f"is no TOML: {err}", "correct the file at that place") from err


@dataclass
class Fields:
    """One table of a TOML file; ``place`` names the file and the table in messages.

    A field that is missing or of the wrong type adds a fault and gives a value
    of the right type, so that reading goes on to the next fault.
    """

    record: dict[str, Any]
    place: str
    faults: FaultList
    known: set[str] = field(default_factory=set)

    def _take(self, name: str, default: Any, kinds: tuple[type, ...], empty: Any, wanted: str) -> Any:
        self.known.add(name)
        if name not in self.record:
            if default is _REQUIRED:
                self.faults.add(f"{self.place}, {name}", "is missing", f"give {wanted}")
                return empty
            return default
        value = self.record[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            self.faults.add(f"{self.place}, {name}", f"is {value!r}", f"give {wanted}")
            return empty
        return value

    def text(self, name: str, default: Any = _REQUIRED) -> Any:
        return self._take(name, default, (str,), "", "a text")

    def boolean(self, name: str, default: Any = _REQUIRED) -> Any:
        return self._take(name, default, (bool,), False, "true or false")

    def integer(self, name: str, default: Any = _REQUIRED, least: int = 1) -> Any:
        wanted = f"a whole number of at least {least}"
        value = self._take(name, default, (int,), least, wanted)
        if isinstance(value, int) and value < least:
            self.faults.add(
                f"{self.place}, {name}", f"is {value}", f"give a whole number of at least {least}"
            )
        return value

    def number(self, name: str, default: Any = _REQUIRED) -> Any:
        value = self._take(name, default, (int, float), 0.0, "a number of at least 0")
        if isinstance(value, (int, float)) and not value >= 0:
            self.faults.add(f"{self.place}, {name}", f"is {value}", "give a number of at least 0")
        return value

    def fraction(self, name: str, default: Any = _REQUIRED) -> Any:
        """A decimal or fraction as text, so that it stays exact: "0.5", "2/255"."""
        wanted = 'an exact number as text, such as "1/255" or "0.5"'
        value = self._take(name, default, (str,), "0", wanted)
        try:
            Fraction(value)
        except (ValueError, ZeroDivisionError, TypeError):
            self.faults.add(f"{self.place}, {name}", f"is {value!r}", f"give {wanted}")
        return value

    def texts(self, name: str, default: Any = _REQUIRED) -> tuple[str, ...]:
        wanted = "a list of texts"
        values = self._take(name, default, (list, tuple), (), wanted)
        if not all(isinstance(value, str) for value in values):
            self.faults.add(f"{self.place}, {name}", f"is {values!r}", f"give {wanted}")
            return ()
        return tuple(values)

    def table(self, name: str, default: Any = _REQUIRED) -> Fields:
        record = self._take(name, default, (dict,), {}, f"a table [{name}]")
        return Fields(record, f"{self.place}, {name}", self.faults)

    def tables(self, name: str) -> list[Fields]:
        """The tables [[name]], none if it is left out."""
        records = self._take(name, [], (list,), [], f"tables [[{name}]]")
        faulty = [record for record in records if not isinstance(record, dict)]
        if faulty:
            self.faults.add(f"{self.place}, {name}", f"has {faulty[0]!r}", f"give tables [[{name}]]")
        tables = [record for record in records if isinstance(record, dict)]
        return [Fields(one, f"{self.place}, {name} {i}", self.faults) for i, one in enumerate(tables, 1)]

    def has(self, name: str) -> bool:
        self.known.add(name)
        return name in self.record

    def close(self) -> None:
        """Add a fault for every field that nobody asked for."""
        for name in self.record.keys() - self.known:
            self.faults.add(f"{self.place}, {name}", "is an unknown field", suggest(name, self.known))
