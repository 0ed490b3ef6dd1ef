"""What of a part the accelerator's core may take."""

from __future__ import annotations

from dataclasses import dataclass

from bnn_hw.board import Part
from bnn_hw.pipeline.record import Resources

# Set aside for the shell: DMA, registers, clock crossing. An assumption until the shell is measured.
SHELL = Resources(lut=1500, ff=2500, bram36=2, dsp=0)

# Above this share of a part's LUTs placement and routing at 100 MHz get uncertain.
UTILISATION = 0.85

NAMES = {"lut": "LUT", "ff": "flip-flops", "bram36": "BRAM36", "dsp": "DSP"}


@dataclass(frozen=True)
class Budget:
    """Limits of each resource for the core, and where they come from."""

    limit: Resources
    text: str

    def exceeded(self, need: Resources) -> list[str]:
        """Fields of the resources that ``need`` exceeds, worst first."""
        over = {
            name: getattr(need, name) / max(getattr(self.limit, name), 1e-9)
            for name in NAMES
            if getattr(need, name) > getattr(self.limit, name)
        }
        return sorted(over, key=lambda name: -over[name])


def budget_of(part: Part, utilisation: float = UTILISATION, shell: Resources = SHELL) -> Budget:
    """Budget of a part: ``utilisation`` of each resource, less the shell."""
    limit = Resources(
        lut=max(0.0, part.lut * utilisation - shell.lut),
        ff=max(0.0, part.ff * utilisation - shell.ff),
        bram36=max(0.0, int(2 * (part.bram36 * utilisation - shell.bram36)) / 2),
        dsp=max(0.0, int(part.dsp * utilisation) - shell.dsp),
    )
    return Budget(limit, f"{utilisation:.0%} of {part.name} less the shell")


def format_amount(name: str, value: float) -> str:
    """A figure with its resource's name: "12,300 LUT", "10.5 BRAM36"."""
    text = f"{value:,.1f}" if name == "bram36" else f"{value:,.0f}"
    return f"{text} {NAMES[name]}"
