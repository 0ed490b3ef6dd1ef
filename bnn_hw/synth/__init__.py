"""Logic synthesis: one file a tool, one common utilisation record."""

from bnn_hw.synth.utilisation import Reference, Utilisation, UtilisationReport
from bnn_hw.synth.yosys import Options, synthesise

__all__ = ["Options", "Reference", "Utilisation", "UtilisationReport", "synthesise"]
