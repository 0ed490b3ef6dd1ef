"""A network as the user names it: a shipped design, a design's folder or a QONNX file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bnn_hw.design import Design, load_design
from bnn_hw.errors import ConfigError
from bnn_hw.frontend import InputSpec, import_onnx
from bnn_hw.ir import Graph


class Source:
    """The design behind a name or path, and what its pixels mean.

    Raises ConfigError for an unknown design; :meth:`graph` raises ModelError.
    """

    def __init__(self, network: str, input_scale: str | None = None, input_offset: str | None = None) -> None:
        self.network, self.input_scale, self.input_offset = network, input_scale, input_offset
        self.design: Design = load_design(network, input_scale or "1", input_offset or "0")
        # What a pixel means to a bare file is never guessed: the importer asks for it where it matters.
        declared = input_scale is not None or self.design.model.name != Path(network).name
        design = self.design
        spec = replace(
            InputSpec.parse(design.input_scale, design.input_offset), dtype=str(design.input_dtype)
        )
        self.spec: InputSpec | None = spec if declared else None
        if not design.model.is_file():
            raise ConfigError.at(
                design.model,
                "there is no such file",
                f"train the network into it: bnn-hw train {design.name} --out {design.model.parent}",
            )

    def graph(self) -> Graph:
        """Import the network into the integer graph."""
        return import_onnx(self.design.model, self.spec, self.design.name)
