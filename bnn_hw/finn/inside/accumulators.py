"""Accumulators that hold their sums.

FINN sizes the accumulator of an XNOR layer as if it summed weights of -1 and +1
over inputs of 0 and 1. What such a layer accumulates in hardware is the popcount
of matches, 0 to MW: for MW = 288 FINN chooses INT9, which ends at 255, and a
popcount of 256 to 288 wraps to a negative number and does not fire. In the
generated C++ the type of the thresholds is also the accumulator's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.matrixvectoractivation import MVAU
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from bnn_hw.errors import FaultList, ToolError
from bnn_hw.finn.inside.fold import compute_nodes


def widen() -> None:
    """Make FINN size XNOR accumulators by the popcount's range, from now on in this process."""
    narrow: Callable[..., Any] = MVAU.minimize_accumulator_width

    def minimize_accumulator_width(self: Any, model: ModelWrapper, datatype_only: bool = False) -> Any:
        found = narrow(self, model, datatype_only=datatype_only)
        if not self.get_nodeattr("binaryXnorMode"):
            return found
        wide = popcount_type(self.get_nodeattr("MW"))
        self.set_nodeattr("accDataType", wide.name)
        if self.get_nodeattr("noActivation"):
            self.set_nodeattr("outputDataType", wide.name)
        return wide

    MVAU.minimize_accumulator_width = minimize_accumulator_width


def popcount_type(mw: int) -> Any:
    """The least unsigned type that holds 0 to ``mw``."""
    return DataType[f"UINT{mw.bit_length()}"]


def hardware_type(model: ModelWrapper, node: Any) -> Any:
    """Type in which the generated C++ accumulates: the thresholds', or the output's without thresholds."""
    operator = getCustomOp(node)
    if operator.get_nodeattr("noActivation"):
        return operator.get_output_datatype()
    return model.get_tensor_datatype(node.input[2])


def accumulator_range(model: ModelWrapper, node: Any) -> tuple[int, int]:
    """Least and greatest sum that the layer's weights can make."""
    operator = getCustomOp(node)
    if operator.get_nodeattr("binaryXnorMode"):
        return 0, operator.get_nodeattr("MW")
    weights = model.get_initializer(node.input[1])
    source = operator.get_input_datatype(0)
    extremes = [weights * source.min(), weights * source.max()]
    low = np.minimum(*extremes).sum(axis=0).min()
    high = np.maximum(*extremes).sum(axis=0).max()
    return int(low), int(high)


def wrapped(values: np.ndarray, dtype: Any) -> np.ndarray:
    """What remains of integer sums in an accumulator of type ``dtype``: modulo 2**bits, signed or not."""
    bits = dtype.bitwidth()
    rest = np.asarray(values).astype(np.int64) & ((1 << bits) - 1)
    if dtype.signed():
        rest = np.where(rest >> (bits - 1), rest - (1 << bits), rest)
    return rest.astype(np.float32)


def check_accumulators(model: ModelWrapper, layer_of: dict[str, str]) -> list[dict[str, Any]]:
    """Type and range of every layer's accumulator; ToolError where a sum does not fit."""
    faults = FaultList()
    rows = []
    for node in compute_nodes(model):
        dtype = hardware_type(model, node)
        low, high = accumulator_range(model, node)
        rows.append({"node": node.name, "type": dtype.name, "least": low, "greatest": high})
        if not (dtype.min() <= low and high <= dtype.max()):
            faults.add(
                f"layer {layer_of.get(node.name, node.name)} ({node.name})",
                f"sums lie in {low} to {high}, its accumulator is {dtype.name} and wraps",
                "keep accumulators wide (widen)",
            )
    faults.raise_if_any(ToolError)
    return rows
