"""Pass: what the network's input is in pixels, from the declaration, an annotation or its quantiser."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bnn_hw.errors import ModelError
from bnn_hw.frontend.lower.signal import Signal, map_index
from bnn_hw.frontend.net import InputSpec, Net, NetNode
from bnn_hw.frontend.quantiser import quantiser
from bnn_hw.ir import ValueType, uint

IMAGE = "image"
_PIXEL = uint(8)
_FIRST_THRESHOLD = "input_threshold"
_PASSING = {"Identity", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast"}
_ELEMENTWISE = {"Mul", "Div", "Add", "Sub", "Identity", "Cast", "Quant", "IntQuant", "BipolarQuant", "Pad"}


def _place(net: Net) -> str:
    return f"{net.path.name}: input {net.input.name}"


def _quantiser_of_input(net: Net) -> NetNode | None:
    """Return the quantiser that reads the input directly, through layout changes only."""
    value = net.input.name
    while True:
        readers = net.consumers(value)
        if len(readers) != 1:
            return None
        if readers[0].op in ("Quant", "IntQuant"):
            return readers[0]
        if readers[0].op not in _PASSING:
            return None
        value = readers[0].outputs[0]


def _from_quantiser(net: Net, node: NetNode) -> InputSpec:
    """Read a pixel's meaning from an 8-bit quantiser: pixel = q, or q + 128 if it is signed."""
    with net.guard(node):
        found = quantiser(node, net.constants)
    net.faults.raise_if_any(ModelError)
    if found.dtype.bits != 8 or found.levels != 255 or found.scale.size != 1 or found.zero.size != 1:
        raise ModelError.at(
            net.place(node),
            f"the input is quantised to {found.dtype.bits} bits ({found.levels + 1} values), not to 8",
            "use an 8-bit input quantiser with the full range and one scale, or declare what the "
            "input means in pixels (--input-scale 1/255)",
        )
    scale, zero = Fraction(float(found.scale.item())), Fraction(float(found.zero.item()))
    return InputSpec(scale, scale * (found.base - zero))


def _resolve(net: Net, declared: InputSpec | None) -> InputSpec:
    source = net.input
    if source.element not in ("FLOAT", "UINT8"):
        raise ModelError.at(
            _place(net),
            f"is a tensor of {source.element}; pictures have 8-bit pixels (uint8)",
            "export the network with a float32 or uint8 input of pixels 0..255",
        )
    if source.annotation not in (None, "UINT8", "FLOAT32"):
        raise ModelError.at(
            _place(net),
            f"is annotated as {source.annotation}; pictures have 8-bit pixels (UINT8)",
            "use an unsigned 8-bit input",
        )
    if source.element == "UINT8" or source.annotation == "UINT8":
        if declared is not None and declared != InputSpec():
            raise ModelError.at(
                _place(net),
                f"holds pixels (UINT8) by its own account, but {declared.scale} * pixel + "
                f"{declared.offset} is declared",
                "leave out --input-scale and --input-offset",
            )
        return InputSpec()
    if declared is not None:
        if declared.dtype != "UINT8" or declared.scale == 0:
            raise ModelError.at(
                _place(net),
                f"is declared as {declared.dtype} with scale {declared.scale}",
                "declare UINT8 and a scale other than 0",
            )
        return declared
    node = _quantiser_of_input(net)
    if node is None:
        raise ModelError.at(
            _place(net),
            "is float32 and nothing says what it means in pixels 0..255",
            "give --input-scale 1/255 if the network was trained on pixels / 255, or --input-scale 1 "
            "if it takes pixels as they are (in a design: [input] scale)",
        )
    return _from_quantiser(net, node)


def _channels_last(net: Net) -> bool:
    """Tell whether a four-dimensional input is (1, H, W, C): by the first operator that cares."""
    value = net.input.name
    for _ in net.nodes:
        readers = net.consumers(value)
        if not readers:
            return False
        reader = readers[0]
        if reader.op == "Transpose":
            return list(reader.attributes.get("perm", [])) == [0, 3, 1, 2]
        if reader.op not in _ELEMENTWISE:
            return reader.channels_last
        value = reader.outputs[0]
    return False


def _index(net: Net) -> np.ndarray:
    """Return the index array of the input: maps by layout, (N, H, W) as one channel, (N, F) as a row."""
    shape = net.input.shape
    if len(shape) == 4:
        if _channels_last(net):
            return map_index(shape[3], shape[1], shape[2], 3)
        return map_index(shape[1], shape[2], shape[3])
    return np.arange(int(np.prod(shape))).reshape(shape)


def _shape(net: Net) -> tuple[int, int, int]:
    shape = net.input.shape
    if len(shape) == 4:
        return (shape[1], shape[2], shape[3]) if _channels_last(net) else (shape[2], shape[3], shape[1])
    return (shape[1], shape[2], 1) if len(shape) == 3 else (1, shape[1], 1)


def input_meaning(net: Net, declared: InputSpec | None) -> tuple[InputSpec, Signal]:
    """Return what the input means and its tensor: value = scale * pixel + offset, exactly.

    Raises ModelError for an input that is not 8-bit, and for a float input whose
    meaning neither the file nor the caller states.
    """
    spec = _resolve(net, declared)
    kind = ValueType(_PIXEL, _shape(net))
    low = np.zeros(kind.channels, np.int64)
    return spec, Signal(
        IMAGE,
        kind,
        _index(net),
        low,
        low + _PIXEL.max,
        _FIRST_THRESHOLD,
        True,
        (spec.scale,),
        (spec.offset,),
    )
