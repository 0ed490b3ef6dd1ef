"""Shift registers of different enables become flip-flops that hold and give the same."""

import random

from bnn_hw.synth.shift_registers import split_enables

CLOCK, ENABLES = 2, (3, 4)


def shift_register(kind: str, length: int, enable: int | str, d: int, q: int, init: str = "") -> dict:
    bits = [str(length - 1 >> k & 1) for k in range(4 if kind == "SRL16E" else 5)]
    address = {"A": bits} if kind == "SRLC32E" else {f"A{k}": [bit] for k, bit in enumerate(bits)}
    links = {"CLK": [CLOCK], "CE": [enable], "D": [d], "Q": [q], **address}
    directions = {port: "output" if port == "Q" else "input" for port in links}
    return {
        "type": kind,
        "parameters": {"INIT": init},
        "connections": links,
        "port_directions": directions,
    }


def ran(cells: dict, net: int, enabled: list[list[int]], data: list[int], source: int) -> list[int]:
    """What a net has in each cycle; cells are shift registers and flip-flops fed by ``source``."""
    held = {}
    for name, cell in cells.items():
        places = 1 if cell["type"] == "FDRE" else 1 + _address(cell)
        held[name] = [int(b) for b in cell["parameters"]["INIT"][::-1].ljust(places, "0")[:places]]
    seen = []
    for enables, bit in zip(enabled, data, strict=True):
        nets = {cell["connections"]["Q"][0]: held[name][-1] for name, cell in cells.items()} | {source: bit}
        nets |= {"0": 0, "1": 1} | dict(zip(ENABLES, enables, strict=True))
        seen.append(nets[net])
        for name, cell in cells.items():
            if nets[cell["connections"]["CE"][0]]:
                held[name] = [nets[cell["connections"]["D"][0]], *held[name][:-1]]
    return seen


def _address(cell: dict) -> int:
    links = cell["connections"]
    bits = links.get("A") or [links[f"A{k}"][0] for k in range(4)]
    return sum(int(bit) << k for k, bit in enumerate(bits))


def test_those_of_the_enable_that_saves_least_become_flip_flops() -> None:
    def cells() -> dict:
        return {
            "long": shift_register("SRLC32E", 28, ENABLES[0], 10, 11, "1" * 5),
            "short": shift_register("SRL16E", 3, ENABLES[1], 10, 12, "001"),
            "always": shift_register("SRL16E", 16, "1", 10, 13),
        }

    old, new = cells(), cells()
    assert split_enables(new, 13) == 2
    assert [cell["type"] for cell in new.values()] == ["SRLC32E", *["FDRE"] * 19]
    driven = [cell["connections"]["Q"][0] for cell in new.values()]
    assert len(set(driven)) == len(driven)
    rng = random.Random(1)
    enabled = [[rng.randint(0, 1), rng.randint(0, 1)] for _ in range(200)]
    data = [rng.randint(0, 1) for _ in enabled]
    for net in (11, 12, 13):
        assert ran(new, net, enabled, data, 10) == ran(old, net, enabled, data, 10)


def test_one_enable_changes_nothing() -> None:
    cells = {str(k): shift_register("SRL16E", 9, ENABLES[0], 10, 11 + k) for k in range(3)}
    assert split_enables(cells, 20) == 0
    assert len(cells) == 3


def test_lengths_that_change_and_last_places_that_are_read_stay() -> None:
    cells = {
        "a": shift_register("SRL16E", 9, ENABLES[0], 10, 11),
        "b": shift_register("SRL16E", 2, ENABLES[1], 10, 12),
        "c": shift_register("SRLC32E", 5, ENABLES[1], 10, 13),
        "reader": shift_register("SRL16E", 4, ENABLES[0], 30, 14),
    }
    cells["b"]["connections"]["A0"] = [22]
    cells["c"]["connections"]["Q31"] = [30]
    assert split_enables(cells, 40) == 0
