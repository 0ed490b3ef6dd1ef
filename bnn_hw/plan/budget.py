"""What of a part the accelerator's core may take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bnn_hw.board import Part
from bnn_hw.errors import ConfigError, FaultList, suggest
from bnn_hw.pipeline.record import Resources

# Set aside for the shell. Synthesised with Yosys for 3 bytes a beat and 5 words a result it takes 1,455
# LUT sites, 1,843 FF and 1 BRAM36 (benchmarks/bench_shell.py); a tenth of LUT and FF on top, for
# wider beats.
SHELL = Resources(lut=1600, ff=2030, bram36=1, dsp=0)

# Above this share of a part's LUTs placement and routing at 100 MHz get uncertain.
UTILISATION = 0.85

NAMES = {"lut": "LUT", "ff": "flip-flops", "bram36": "BRAM36", "dsp": "DSP"}


# Resources that a core can do without: a limit of zero forbids them.
_OPTIONAL = ("bram36", "dsp")


@dataclass(frozen=True)
class Budget:
    """Limits of each resource for the core, and where they come from.

    port_cycles: cycles in which memory can be read and written for a frame, 0 without that limit.
    """

    limit: Resources
    text: str
    port_cycles: int = 0

    def exceeded(self, need: Resources) -> list[str]:
        """Fields of the resources that ``need`` exceeds, worst first."""
        over = {
            name: getattr(need, name) / max(getattr(self.limit, name), 1e-9)
            for name in NAMES
            if getattr(need, name) > getattr(self.limit, name)
        }
        return sorted(over, key=lambda name: -over[name])

    def less(self, taken: Resources) -> Budget:
        """What is left for the rest of the core when a part of it takes ``taken``."""
        left = {name: max(0.0, getattr(self.limit, name) - getattr(taken, name)) for name in NAMES}
        return replace(self, limit=replace(self.limit, **left))


PORT = "port"
OFF = "off"


def lifts_port(text: str | None) -> bool:
    """Tell whether limits say ``port=off``: the core counts alone, whatever memory can feed."""
    entries = (entry.replace(" ", "") for entry in (text or "").split(","))
    return f"{PORT}={OFF}" in entries


def parse_limits(text: str | None, part: Part) -> dict[str, float]:
    """Read limits such as ``lut=26060,bram36=124,dsp=220``; empty for None.

    ``port=off`` among them is for :func:`lifts_port`.

    Raises ConfigError that lists every unknown resource, every value that is no
    number, is negative or zero (block RAM and DSP may be zero), or exceeds the part.
    """
    limits: dict[str, float] = {}
    faults = FaultList()
    for entry in text.split(",") if text is not None else ():
        name, _, value = (word.strip() for word in entry.partition("="))
        place = f"limit {entry.strip()}" if entry.strip() else "limit"
        if name == PORT:
            if value != OFF:
                faults.add(
                    place, f"{value!r} is no limit of the memory port", "write port=off, or leave it out"
                )
            continue
        if name not in NAMES:
            faults.add(place, f"{name!r} is no resource", suggest(name, (*NAMES, PORT)))
            continue
        if name in limits:
            faults.add(place, "is the second one for this resource", "keep one of the two")
        have = getattr(part, name)
        least = 0 if name in _OPTIONAL else 1
        remedy = f"give a number from {least} to {have:,} ({part.name})"
        try:
            limits[name] = float(value)
        except ValueError:
            faults.add(place, f"{value!r} is no number", remedy)
            continue
        if not math.isfinite(limits[name]) or limits[name] < least:
            faults.add(place, f"leaves {value} {NAMES[name]}, with which nothing can be built", remedy)
        elif limits[name] > have:
            faults.add(place, f"exceeds the {have:,} {NAMES[name]} of {part.name}", remedy)
    faults.raise_if_any(ConfigError)
    return limits


def check_utilisation(share: float) -> float:
    """Return a share of a part from above 0 to 1; ConfigError for any other."""
    if not 0 < share <= 1:
        raise ConfigError.at(
            f"utilisation {share:g}",
            "is no share of a part",
            "give a number above 0 and up to 1, such as 0.85",
        )
    return share


def budget_of(
    part: Part,
    utilisation: float = UTILISATION,
    shell: Resources = SHELL,
    limits: Mapping[str, float] | None = None,
) -> Budget:
    """Budget of a part: ``utilisation`` of each resource, less the shell; of those in ``limits``, these.

    limits: what the core itself may take, by names of NAMES.
    """
    limits = limits or {}
    check_utilisation(utilisation)
    limit = Resources(
        lut=max(0.0, part.lut * utilisation - shell.lut),
        ff=max(0.0, part.ff * utilisation - shell.ff),
        bram36=max(0.0, int(2 * (part.bram36 * utilisation - shell.bram36)) / 2),
        dsp=max(0.0, int(part.dsp * utilisation) - shell.dsp),
    )
    share = f"{utilisation:.0%} of {part.name} less the shell"
    if not limits:
        return Budget(limit, share)
    given = ", ".join(format_amount(name, value) for name, value in limits.items())
    rest = "" if limits.keys() >= NAMES.keys() else f", else {share}"
    return Budget(replace(limit, **limits), f"limits {given}{rest}")


def format_amount(name: str, value: float) -> str:
    """A figure with its resource's name: "12,300 LUT", "10.5 BRAM36"."""
    text = f"{value:,.1f}" if name == "bram36" else f"{value:,.0f}"
    return f"{text} {NAMES[name]}"
