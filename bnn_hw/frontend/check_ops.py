"""Pass: find every node of an operator that no rule knows, all at once, with what to use instead."""

from __future__ import annotations

from bnn_hw.frontend.fold_constants import FOLDABLE
from bnn_hw.frontend.lower import RULES
from bnn_hw.frontend.net import Net

_ACTIVATIONS = {
    "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Gelu", "HardSwish", "HardSigmoid", "HardTanh",
    "Sigmoid", "Tanh", "Softplus", "Softsign", "Clip", "Erf", "Mish", "ThresholdedRelu", "Swish", "Sign",
}  # fmt: skip
_USE_SIGN = (
    "use a 1-bit activation: brevitas.nn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst) "
    "in its place, and train again"
)
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


def check_ops(net: Net) -> None:
    """Report unsupported operators; the nodes stay, so that the later passes report theirs too."""
    for node in net.nodes:
        if node.op in RULES or node.op in FOLDABLE:  # the latter on shapes, which become known later
            continue
        if node.op in _ACTIVATIONS:
            net.fault(node, f"the activation {node.op} is not supported", _USE_SIGN)
        else:
            remedy = _REMEDIES.get(node.op, f"build the layer from these: {', '.join(sorted(RULES))}")
            net.fault(node, f"the operator {node.op} is not supported", remedy)
