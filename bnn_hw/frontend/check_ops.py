"""Pass: find every node of an operator that no rule knows, all at once, with what to use instead."""

from __future__ import annotations

from bnn_hw.frontend.fold_constants import FOLDABLE
from bnn_hw.frontend.lower import RULES
from bnn_hw.frontend.net import Net, NetNode
from bnn_hw.frontend.quantiser import QUANTISERS

_ACTIVATIONS = {
    "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Gelu", "HardSwish", "HardSigmoid", "HardTanh",
    "Sigmoid", "Tanh", "Softplus", "Softsign", "Clip", "Erf", "Mish", "ThresholdedRelu", "Swish", "Sign",
}  # fmt: skip
_USE_SIGN = (
    "use a 1-bit activation: brevitas.nn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst) "
    "in its place, and train again"
)
_EXPORT_AGAIN = "export with brevitas.export.export_qonnx"
_REMEDIES = {
    "Softmax": "remove it from the exported network: the greatest score wins with and without it",
    "LogSoftmax": "remove it from the exported network: the greatest score wins with and without it",
    "QuantizeLinear": "export with brevitas.export.export_qonnx, not as QDQ or QOp ONNX",
    "DequantizeLinear": "export with brevitas.export.export_qonnx, not as QDQ or QOp ONNX",
    "QLinearConv": "export with brevitas.export.export_qonnx, not as QDQ or QOp ONNX",
    "ConvTranspose": "use strided Conv layers; transposed convolutions have no hardware",
    "InstanceNormalization": "use BatchNorm: its factors are fixed after training",
    "LayerNormalization": "use BatchNorm: its factors are fixed after training",
    "GroupNormalization": "use BatchNorm: its factors are fixed after training",
    "If": "export without control flow (torch.jit tracing, not scripting)",
    "Loop": "export without control flow (torch.jit tracing, not scripting)",
}


def _known_domain(node: NetNode) -> bool:
    if node.op in QUANTISERS:
        return node.domain == "onnx.brevitas" or node.domain.startswith(("qonnx.", "finn."))
    wrapped = node.channels_last and node.op in ("Conv", "MaxPool", "BatchNormalization")
    return wrapped or node.domain in ("", "ai.onnx")


def check_ops(net: Net) -> None:
    """Report unsupported operators; the nodes stay, so that the later passes report theirs too."""
    for node in net.nodes:
        known = node.op in RULES or node.op in FOLDABLE  # the latter on shapes, which become known later
        if known and not _known_domain(node):
            net.fault(node, f"the operator belongs to the unknown domain {node.domain}", _EXPORT_AGAIN)
        if known:
            continue
        if node.op in _ACTIVATIONS:
            net.fault(node, f"the activation {node.op} is not supported", _USE_SIGN)
        else:
            remedy = _REMEDIES.get(node.op, f"build the layer from these: {', '.join(sorted(RULES))}")
            net.fault(node, f"the operator {node.op} is not supported", remedy)
