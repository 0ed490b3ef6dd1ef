"""FINN's own Python execution of its hardware layers, picture by picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import qonnx.custom_op.general.xnorpopcount as xnor
from finn.core.onnx_exec import execute_onnx
from finn.custom_op.fpgadataflow.matrixvectoractivation import MVAU
from finn.util.verification import despecialize_model
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from bnn_hw.finn.inside.accumulators import hardware_type, wrapped
from bnn_hw.finn.inside.fold import compute_nodes


def execute(
    model: ModelWrapper, pictures: np.ndarray, out: Path, progress: Callable[[int], None], wrap: bool = False
) -> None:
    """Write ``accumulators`` (n, classes) of the last layer and ``labels`` (n,) to ``out``, an .npz file.

    pictures: (n, height, width, channels) integers. Accumulators are sums of
    products of -1 and +1: a popcount p of MW matches counts as 2 p - MW. wrap:
    hold sums in the type that the generated C++ gives them, instead of exactly.
    """
    plain = despecialize_model(model)
    if wrap:
        _wrap_sums(model, plain)
    source, label = plain.get_first_global_in(), plain.get_first_global_out()
    last = compute_nodes(model)[-1]
    operator = getCustomOp(last)
    mw = operator.get_nodeattr("MW") if operator.get_nodeattr("binaryXnorMode") else None
    accumulators, labels = [], []
    for done, picture in enumerate(pictures):
        progress(done)
        shaped = picture.reshape(plain.get_tensor_shape(source)).astype(np.float32)
        values = execute_onnx(plain, {source: shaped}, True)
        sums = values[last.output[0]].ravel()
        accumulators.append(sums if mw is None else 2 * sums - mw)
        labels.append(int(values[label].ravel()[0]))
    np.savez_compressed(
        out, accumulators=np.array(accumulators).astype(np.int64), labels=np.array(labels, dtype=np.int64)
    )


def _wrap_sums(model: ModelWrapper, plain: ModelWrapper) -> None:
    """Give XNOR layers the accumulators of the generated C++ for the rest of this process."""
    types = {node.name: hardware_type(model, node) for node in compute_nodes(model)}
    exact = xnor.xnorpopcountmatmul
    own = MVAU.execute_node

    def execute_node(self: Any, context: dict[str, np.ndarray], graph: Any) -> None:
        dtype = types[self.onnx_node.name]
        xnor.xnorpopcountmatmul = lambda left, right: wrapped(exact(left, right), dtype)
        try:
            own(self, context, graph)
        finally:
            xnor.xnorpopcountmatmul = exact

    MVAU.execute_node = execute_node
