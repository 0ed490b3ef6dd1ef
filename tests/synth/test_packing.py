"""LUT-site packing against hand-made netlists of known optimum and exact maximum matching."""

import random

import networkx as nx
import pytest

from bnn_hw.synth.netlist import Cell
from bnn_hw.synth.packing import match, memory_sites, pack, pairable, site_bound


def lut(name, inputs, output):
    ports = {f"I{i}": (bit,) for i, bit in enumerate(inputs)}
    return Cell(name, f"LUT{len(inputs)}", {**ports, "O": (output,)})


def carry(s, di):
    return Cell("carry", "CARRY4", {"S": tuple(s), "DI": tuple(di), "O": (900, 901, 902, 903)})


def logic(*cells):
    return pack(cells).logic_sites


def test_two_functions_of_five_inputs_share_and_of_six_do_not():
    assert logic(lut("a", [1, 2, 3, 4, 5], 10), lut("b", [1, 2, 3, 4, 5], 11)) == 1
    assert logic(lut("a", [1, 2, 3], 10), lut("b", [3, 4, 5], 11)) == 1
    assert logic(lut("a", [1, 2, 3], 10), lut("b", [1, 4, 5, 6], 11)) == 2
    assert logic(lut("a", [1, 2, 3, 4, 5, 6], 10), lut("b", [1, 2], 11)) == 2


def test_unrelated_functions_are_not_paired():
    assert logic(lut("a", [1, 2], 10), lut("b", [3, 4], 11)) == 2


def test_constant_inputs_are_free():
    a = Cell("a", "LUT6", {**{f"I{i}": (i + 1,) for i in range(5)}, "I5": (None,), "O": (10,)})
    assert logic(a, lut("b", [1, 2, 3, 4], 11)) == 1


def test_three_functions_take_two_sites():
    assert logic(*(lut(str(i), [1, 2, 3], 10 + i) for i in range(3))) == 2


def test_greedy_trap_is_avoided():
    # b could take a or c; c can only take b, a only b or d: the optimum is a-d, b-c.
    cells = [
        lut("b", [1, 2, 3, 4], 10),
        lut("a", [1, 2, 3, 5], 11),
        lut("c", [1, 2, 4, 6], 12),
        lut("d", [1, 2, 3, 5, 7], 13),
    ]
    assert logic(*cells) == 2


def test_inverter_is_a_function_and_lut6_2_a_site():
    inverter = Cell("n", "INV", {"I": (1,), "O": (11,)})
    assert logic(inverter, lut("a", [1, 2], 12)) == 1
    dual = Cell("d", "LUT6_2", {**{f"I{i}": (i + 1,) for i in range(6)}, "O5": (20,), "O6": (21,)})
    assert logic(dual) == 1


def test_carry_site_holds_its_own_di_function_only():
    s, di, other = lut("s", [1, 2, 3], 10), lut("di", [1, 2], 11), lut("o", [1, 3], 12)
    assert logic(s, di, carry([10, None, None, None], [11, None, None, None])) == 1
    # The sum is read by a LUT, so it takes the slice's multiplexed output and O5 cannot leave.
    reader = lut("reader", [900, 40, 41, 42, 43], 13)
    assert logic(s, other, carry([10, None, None, None], [99, None, None, None]), reader) == 3


def test_carry_input_from_elsewhere_is_a_route_through():
    packing = pack([carry([50, 51, None, None], [60, 61, None, None])])
    assert (packing.logic_sites, packing.route_throughs) == (2, 2)
    # One LUT on two S inputs: the second needs a site of its own.
    shared = pack([lut("s", [1, 2], 10), carry([10, 10, None, None], [60, 61, None, None])])
    assert (shared.logic_sites, shared.route_throughs) == (2, 1)


def test_lut6_2_feeds_its_carry_without_a_further_site():
    dual = Cell("d", "LUT6_2", {**{f"I{i}": (i + 1,) for i in range(6)}, "O5": (20,), "O6": (21,)})
    assert logic(dual, carry([21, None, None, None], [20, None, None, None])) == 1


def test_wide_multiplexer_inputs_are_whole_sites():
    mux = Cell("m", "MUXF7", {"I0": (10,), "I1": (11,), "S": (5,), "O": (12,)})
    a, b = lut("a", [1, 2], 10), lut("b", [1, 3], 11)
    assert logic(a, b) == 1
    assert logic(a, b, mux) == 2
    assert pack([mux]).route_throughs == 2


def test_memory_cells_are_counted_by_their_sites():
    def shift(name, clock, address):
        ports = {f"A{i}": (bit,) for i, bit in enumerate(address)}
        return Cell(name, "SRL16E", {**ports, "CLK": (clock,), "CE": (9,), "D": (1,), "Q": (2,)})

    same = [shift(str(i), 5, [1, 2, 3, 4]) for i in range(3)]
    assert memory_sites(same) == 2
    assert memory_sites([*same, shift("x", 6, [1, 2, 3, 4])]) == 3
    assert memory_sites([Cell("r", "RAM32M", {}), Cell("d", "RAM64X1D", {}), Cell("s", "SRLC32E", {})]) == 7
    assert logic(*same) == 0


def functions(seed, count, nets, sizes=(1, 2, 3, 4, 5)):
    rng = random.Random(seed)
    return [frozenset(rng.sample(range(nets), rng.choice(sizes))) for _ in range(count)]


def maximum_pairs(inputs):
    graph = nx.Graph()
    graph.add_edges_from(
        (i, k) for i in range(len(inputs)) for k in range(i) if pairable(inputs[i], inputs[k])
    )
    return len(nx.max_weight_matching(graph, maxcardinality=True))


@pytest.mark.parametrize("nets", [8, 30, 60, 150])
@pytest.mark.parametrize("sizes", [(1, 2, 3, 4, 5), (3, 4, 5), (4, 5)])
def test_close_to_maximum_matching(nets, sizes):
    best = found = 0  # sites
    for seed in range(6):
        inputs = functions(seed, 120, nets, sizes)
        pairs = match(inputs)
        used = [index for pair in pairs for index in pair]
        assert len(used) == len(set(used))
        assert all(pairable(inputs[i], inputs[k]) for i, k in pairs)
        optimum = maximum_pairs(inputs)
        assert site_bound(inputs) <= len(inputs) - optimum <= len(inputs) - len(pairs)
        best, found = best + len(inputs) - optimum, found + len(inputs) - len(pairs)
    assert found <= 1.01 * best


def test_multiplexers_with_one_select_share_sites():
    # Two 2:1 multiplexers have five inputs together, however many others read the select.
    inputs = [frozenset((0, 2 * i + 1, 2 * i + 2)) for i in range(1000)]
    assert len(match(inputs)) == 500


def test_bound_is_reached_by_a_known_optimum():
    # Ten groups of seven equal functions without a net in common: four sites a group.
    inputs = [frozenset(range(10 * group, 10 * group + 3)) for group in range(10) for _ in range(7)]
    assert len(inputs) - len(match(inputs)) == site_bound(inputs) == 40


def test_same_netlist_same_figures():
    inputs = functions(1, 6_000, 4_000)
    cells = [lut(f"c{i}", sorted(item), 1_000_000 + i) for i, item in enumerate(inputs)]
    first = pack(cells)
    assert pack(cells) == first
    assert first.lower_bound <= first.logic_sites <= first.functions == 6_000


def test_carry_site_of_a_ternary_adder_also_holds_the_majority_that_goes_up():
    """Sum to flip-flops, DI from outside: O5 may leave the slice. Else the multiplexed output is taken."""
    parity = lut("parity", [1, 2, 3, 4, 5], 10)
    majority = lut("majority", [1, 2, 3, 4], 11)
    adder = carry([10, None, None, None], [7, None, None, None])
    register = Cell("register", "FDRE", {"D": (900,), "Q": (20,), "C": (30,), "CE": (31,), "R": (32,)})
    assert logic(parity, majority, adder, register) == 1
    assert logic(parity, majority, adder) == 1
    assert logic(parity, majority, adder, register, lut("reader", [900, 40], 41)) == 3
    assert logic(parity, lut("other", [1, 2, 3, 6], 11), adder, register) == 2
    wide = lut("parity", [1, 2, 3, 4, 5, 6], 10)
    assert logic(wide, majority, adder, register) == 2


def test_open_carry_sites_never_beat_the_bound():
    rng = random.Random(11)
    for _ in range(100):
        cells = [lut(str(i), rng.sample(range(1, 9), rng.randint(1, 5)), 100 + i) for i in range(10)]
        cells.append(carry([100, 101, 102, 103], [50, 51, 104, None]))
        packed = pack(cells)
        assert packed.lower_bound <= packed.logic_sites <= packed.functions
