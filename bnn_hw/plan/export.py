"""A plan's folding as a file, in this package's form or FINN's."""

from __future__ import annotations

from pathlib import Path

from bnn_hw.errors import OutputError
from bnn_hw.ir.graph import Graph
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.pipeline.record import Plan
from bnn_hw.pipeline.stages import Mvtu
from bnn_hw.plan.finn import finn_text
from bnn_hw.plan.folding import Folding, LayerFolding, folding_text


def folding_of(plan: Plan) -> Folding:
    """The folding a plan follows."""
    units = {stage.layer: stage for stage in plan.stages if isinstance(stage, Mvtu)}
    return {
        layer.name: LayerFolding(
            layer.pe,
            layer.simd,
            layer.weight_memory,
            layer.runtime,
            layer.pixels,
            units[layer.name].accumulate,
            units[layer.name].match,
            units[layer.name].chains,
        )
        for layer in plan.layers
    }


def export_folding(plan: Plan, graph: Graph, path: Path, finn: bool = False) -> None:
    """Write the folding of a plan.

    Raises FoldingError for layers that FINN cannot build so, OutputError where the
    file cannot be written.
    """
    folding = folding_of(plan)
    text = finn_text(as_chain(graph), folding) if finn else folding_text(folding)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as err:
        raise OutputError.at(path, f"cannot be written: {err.strerror}", "choose another place") from err
