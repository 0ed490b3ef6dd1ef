"""From a trained network's QONNX file to the integer graph."""

from bnn_hw.frontend.importer import import_onnx
from bnn_hw.frontend.net import InputSpec

__all__ = ["InputSpec", "import_onnx"]
