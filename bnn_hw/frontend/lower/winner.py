"""Rules for ArgMax and TopK: the network's own choice of the winning class."""

from __future__ import annotations

from bnn_hw.frontend.lower.builder import Builder, Winner
from bnn_hw.frontend.net import NetNode, UnsupportedError


def winner(builder: Builder, node: NetNode) -> None:
    """ArgMax, or TopK with k = 1, over the classes; the lowest index wins a tie, as ONNX says."""
    signal = builder.signal(node)
    axis = int(node.attributes.get("axis", -1 if node.op == "TopK" else 0))
    if signal.index.shape[axis] != signal.index.size:
        raise UnsupportedError(
            f"works along axis {axis} of a tensor of shape {signal.index.shape}", "choose among the classes"
        )
    if node.op == "TopK":
        count = builder.constant(node, 1)
        wanted = int(count.item()) if count is not None and count.size == 1 else node.attributes.get("k", 0)
        if wanted != 1 or not node.attributes.get("largest", 1):
            raise UnsupportedError(f"asks for the {wanted} best classes", "use k=1, largest=True")
    elif node.attributes.get("select_last_index", 0):
        raise UnsupportedError("chooses the last of equal scores", "use select_last_index=0")
    builder.values[node.outputs[-1]] = Winner(signal)
