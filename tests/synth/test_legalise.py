"""LUTs rewritten for nextpnr-xilinx keep their function and lose what its packer miscounts."""

from __future__ import annotations

import itertools
import random

import pytest

from bnn_hw.synth.legalise import Rewritten, legalise


def lut(inputs, init: str, output: int):
    links = {f"I{i}": [net] for i, net in enumerate(inputs)} | {"O": [output]}
    return {"type": f"LUT{len(inputs)}", "parameters": {"INIT": init}, "connections": links, "attributes": {}}


def value(cell, nets: dict[int, int]) -> int:
    """What a LUT cell gives for the values of nets, from its INIT alone."""
    count = int(cell["type"][3:])
    bits = [cell["connections"][f"I{i}"][0] for i in range(count)]
    level = {"0": 0, "1": 1, "x": 0}
    address = sum((level[b] if isinstance(b, str) else nets[b]) << i for i, b in enumerate(bits))
    return int(cell["parameters"]["INIT"][::-1][address])


@pytest.mark.parametrize(
    ("inputs", "left"),
    [
        ([2, 3, 2], [2, 3]),
        ([2, 2, 2, 2, 2], [2]),
        ([2, "1", 3, 4, "0", 5], [2, 3, 4, 5]),
        (["x", 2], [2]),
        ([2, 3, 4, 5, 6, 7], [2, 3, 4, 5, 6, 7]),
    ],
)
def test_lut_loses_equal_and_constant_inputs_and_keeps_its_function(inputs, left):
    rng = random.Random(str(inputs))
    init = "".join(rng.choice("01") for _ in range(1 << len(inputs)))
    module = {"cells": {"a": lut(inputs, init, 9)}}
    assert legalise(module) == Rewritten(int(len(left) < len(inputs)), 0)
    cell = module["cells"]["a"]
    assert [cell["connections"][f"I{i}"][0] for i in range(len(left))] == left
    assert cell["type"] == f"LUT{len(left)}"
    assert len(cell["parameters"]["INIT"]) == 1 << len(left)
    for bits in itertools.product((0, 1), repeat=len(left)):
        nets = dict(zip(left, bits, strict=True))
        assert value(cell, nets) == value(lut(inputs, init, 9), nets)


def test_lut_of_constants_keeps_one_input_and_its_value():
    module = {"cells": {"a": lut(["0", "1"], "0100", 9)}}
    legalise(module)
    cell = module["cells"]["a"]
    assert (cell["type"], cell["parameters"]["INIT"], cell["connections"]["I0"]) == ("LUT1", "11", ["0"])


def carry(s, di):
    links = {"S": s, "DI": di, "CI": ["0"], "CYINIT": ["0"], "O": [20, 21, 22, 23], "CO": [24, 25, 26, 27]}
    return {"type": "CARRY4", "parameters": {}, "connections": links, "attributes": {}}


def test_lut6_reaches_a_carry_bit_through_a_lut_of_its_own():
    wide, narrow = lut([2, 3, 4, 5, 6, 7], "01" * 32, 10), lut([2, 3], "0110", 11)
    module = {
        "cells": {"wide": wide, "narrow": narrow, "c": carry([10, 11, "0", "x"], [11, 10, "0", 3])},
        "netnames": {"far": {"bits": [90, "x"]}},
    }
    assert legalise(module) == Rewritten(0, 2)
    cells = module["cells"]
    assert cells["c"]["connections"]["S"] == [91, 11, "0", "x"]
    assert cells["c"]["connections"]["DI"] == [11, 92, "0", 3]
    for name, net in (("c$s0$lut1", 91), ("c$di1$lut1", 92)):
        assert cells[name]["connections"] == {"I0": [10], "O": [net]}
        assert [value(cells[name], {10: bit}) for bit in (0, 1)] == [0, 1]
        assert cells[name]["port_directions"] == {"I0": "input", "O": "output"}


def test_lut6_that_loses_an_input_needs_no_lut_of_its_own():
    module = {"cells": {"wide": lut([2, 3, 4, 5, 6, 6], "01" * 32, 10), "c": carry([10] * 4, ["0"] * 4)}}
    assert legalise(module) == Rewritten(1, 0)


def test_constant_cascade_inputs_of_dsp_slices_are_left_unconnected():
    """What a slice below gives stays, and so do constants on all other inputs."""
    links = {
        "A": ["0"] * 30,
        "ACIN": ["0"] * 30,
        "PCIN": [5, *["0"] * 47],
        "CARRYCASCIN": ["0"],
        "MULTSIGNIN": ["x"],
    }
    slice_ = {"type": "DSP48E1", "connections": links, "port_directions": dict.fromkeys(links, "input")}
    module = {"cells": {"slice": slice_, "other": {**slice_, "connections": {"A": [5]}}}}
    assert legalise(module) == Rewritten(0, 0, freed=1)
    assert set(slice_["connections"]) == {"A", "PCIN"} == set(slice_["port_directions"])
