import json
from dataclasses import replace

import pytest

from bnn_hw.errors import FoldingError, OutputError
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.plan.folding import (
    LayerFolding,
    check_folding,
    folding_text,
    legal_simd,
    parse_folding,
    read_folding,
    useful_pe,
    write_folding,
)
from tests.networks import ConvSpec, DenseSpec, random_graph

SPECS = (ConvSpec("conv1", 6), ConvSpec("conv2", 10), DenseSpec("fc", 4))


@pytest.fixture(scope="module")
def chain():
    return as_chain(random_graph(SPECS, (8, 8, 3)))


GOOD = {"conv1": LayerFolding(6, 3), "conv2": LayerFolding(3, 54, "block"), "fc": LayerFolding(1, 32)}


def test_legal_values(chain):
    conv1, conv2, fc = chain.layers
    assert legal_simd(conv1) == (1, 3, 27)
    assert legal_simd(conv2) == (1, 2, 3, 6, 54)
    assert legal_simd(fc) == (1, 2, 4, 5, 8, 10, 16, 20, 32, 40, 80, 160)
    # 10 neurons: 10 folds of 1, 5 of 2, 4 of 3, 3 of 4, 2 of 5, 1 of 10
    assert useful_pe(conv2) == (1, 2, 3, 4, 5, 10)


def test_useful_pe_is_the_least_for_each_number_of_folds(chain):
    for layer in chain.layers:
        for pe in range(1, layer.mh + 1):
            folds = -(-layer.mh // pe)
            assert min(p for p in range(1, layer.mh + 1) if -(-layer.mh // p) == folds) in useful_pe(layer)


def test_round_trip(tmp_path, chain):
    path = tmp_path / "f.json"
    write_folding(path, GOOD)
    assert read_folding(path, chain) == GOOD
    record = json.loads(path.read_text())
    assert record["format"] == "bnn_hw.folding/1"
    assert record["layers"]["conv2"] == {"PE": 3, "SIMD": 54, "memory": "block"}


def test_every_fault_layer_by_layer(chain):
    bad = {
        "conv1": LayerFolding(7, 2),
        "conv_2": LayerFolding(1, 1),
        "fc": LayerFolding(0, 6, "uram"),
    }
    with pytest.raises(FoldingError) as caught:
        check_folding(chain, bad, "f.json")
    assert caught.value.exit_status == 4
    assert [str(fault) for fault in caught.value.faults] == [
        "f.json, layer conv_2: the network has no such layer\n"
        "    remedy: did you mean conv2? known: conv1, conv2, fc",
        "f.json, layer conv1: PE is 7, but the layer has 6 neurons\n    remedy: use a PE from 1 to 6",
        "f.json, layer conv1: SIMD is 2, which does not divide the 3 channels "
        "nor is it the whole window of 27\n"
        "    remedy: nearest legal: 1, 3, 27",
        "f.json, layer conv2: is missing\n"
        "    remedy: add an entry with PE (1 to 10) and SIMD (1, 2, 3, 6, 54)",
        "f.json, layer fc: PE is 0, but the layer has 4 neurons\n    remedy: use a PE from 1 to 4",
        "f.json, layer fc: SIMD is 6, which does not divide the 160 features\n"
        "    remedy: nearest legal: 4, 5, 8, 10",
        "f.json, layer fc: memory is 'uram'\n    remedy: use logic or block, or leave it out",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"layers": {\n  "a": }}', "f.json, line 2, column 8: is no JSON: Expecting value"),
        ("[]", "f.json: has no table of layers"),
        ('{"layers": {"a": {"PE": 1, "SIMD": 1}, "a": {"PE": 2, "SIMD": 1}}}', "f.json: a appears twice"),
        ('{"format": "other/2", "layers": {}}', "f.json, format: is 'other/2'"),
        ('{"layers": {}, "layer": 1}', "f.json, layer: is an unknown field"),
        ('{"layers": {"a": [1, 2]}}', "f.json, layer a: is [1, 2], not a table"),
        ('{"layers": {"a": {"PE": 1.5, "SIMD": true}}}', "f.json, layer a: PE is 1.5, not a whole number"),
        ('{"layers": {"a": {"PE": 1.5, "SIMD": true}}}', "f.json, layer a: SIMD is True, not a whole number"),
        ('{"layers": {"a": {"PE": 1}}}', "f.json, layer a: SIMD is missing"),
        (
            '{"layers": {"a": {"PE": 1, "SIMD": 1, "accumulate": "bram"}}}',
            "f.json, layer a: accumulate is 'bram'\n    remedy: use lut or dsp, or leave it out",
        ),
        (
            '{"layers": {"a": {"PE": 1, "SIMD": 1, "weights": "loaded"}}}',
            "f.json, layer a: weights is 'loaded'\n    remedy: use fixed or runtime, or leave it out",
        ),
        ('{"layers": {"a": {"PE": 1, "SIMD": 1, "pe": 1}}}', "f.json, layer a: pe is an unknown field"),
    ],
)
def test_wrong_files(text, message):
    with pytest.raises(FoldingError) as caught:
        parse_folding(text, "f.json")
    assert message in str(caught.value)


def test_missing_and_unwritable_file(tmp_path, chain):
    with pytest.raises(FoldingError, match=r"none.json: cannot be read"):
        read_folding(tmp_path / "none.json", chain)
    with pytest.raises(OutputError, match=r"f.json: cannot be written: No such file or directory"):
        write_folding(tmp_path / "none" / "f.json", GOOD)


def test_text_without_memory():
    text = folding_text({"a": LayerFolding(2, 3)})
    assert json.loads(text)["layers"] == {"a": {"PE": 2, "SIMD": 3}}


def test_runtime_weights_come_back():
    folding = {"conv1": LayerFolding(2, 3, runtime=True), "fc": LayerFolding(1, 1)}
    text = folding_text(folding)
    assert json.loads(text)["layers"]["conv1"] == {"PE": 2, "SIMD": 3, "weights": "runtime"}
    assert parse_folding(text, "f.json") == folding


def test_accumulators_in_dsp_come_back_and_are_checked():
    folding = {
        "conv1": LayerFolding(2, 3, accumulate="dsp"),
        "conv2": LayerFolding(10, 54, accumulate="dsp"),
        "fc": LayerFolding(1, 1, accumulate="dsp", match="dsp"),
    }
    text = folding_text(folding)
    assert json.loads(text)["layers"]["conv1"] == {"PE": 2, "SIMD": 3, "accumulate": "dsp"}
    assert json.loads(text)["layers"]["fc"] == {"PE": 1, "SIMD": 1, "accumulate": "dsp", "match": "dsp"}
    assert parse_folding(text, "f.json") == folding
    chain = as_chain(random_graph((*SPECS[:2], DenseSpec("fc", 4)), (20, 20, 3)))
    with pytest.raises(FoldingError) as caught:
        check_folding(chain, folding)
    assert [str(fault).split("\n")[0] for fault in caught.value.faults] == [
        "folding, layer conv1: accumulate is dsp for inputs of UINT8, but the layer does not do all "
        "in a beat",
        "folding, layer conv2: accumulate is dsp, but the layer has a single beat and constant weights",
        "folding, layer fc: accumulate is dsp, but the layer has 2560 synapses, not at most 2047",
    ]


def test_last_sums_of_a_first_layer_in_dsp_are_checked():
    chain = as_chain(random_graph((*SPECS[:2], DenseSpec("fc", 4)), (20, 20, 3)))
    first, *others = chain.layers
    rest = {layer.name: LayerFolding(1, 1) for layer in others}
    whole = LayerFolding(first.mh, first.mw, accumulate="dsp")
    check_folding(chain, {first.name: whole, **rest})
    for wrong in (
        replace(whole, pe=first.mh - 1),
        replace(whole, simd=3),
        replace(whole, runtime=True),
        replace(whole, weight_memory="block"),
    ):
        with pytest.raises(FoldingError, match=f"give it PE {first.mh} and SIMD {first.mw}, weights fixed"):
            check_folding(chain, {first.name: wrong, **rest})
    with pytest.raises(FoldingError, match="match is dsp, but the layer's input is UINT8"):
        check_folding(chain, {first.name: replace(whole, match="dsp"), **rest})
    small = as_chain(random_graph((ConvSpec("conv1", 4, kernel=(1, 1)), DenseSpec("fc", 4)), (20, 20, 3)))
    with pytest.raises(FoldingError, match="but the layer has 3 synapses, not 10 to 27"):
        check_folding(small, {"conv1": LayerFolding(4, 3, accumulate="dsp"), "fc": LayerFolding(1, 1)})


def test_counting_without_carry_chains_comes_back_and_is_checked(chain):
    folding = {**GOOD, "fc": LayerFolding(1, 32, chains=False)}
    text = folding_text(folding)
    assert json.loads(text)["layers"]["fc"] == {"PE": 1, "SIMD": 32, "chains": False}
    assert parse_folding(text, "f.json") == folding
    with pytest.raises(FoldingError, match=r"chains is 'no'\n.*use true or false"):
        parse_folding(text.replace("false", '"no"'), "f.json")
    check_folding(chain, {**folding, "fc": LayerFolding(1, 8, chains=False)})
    wrong = {
        "conv1": LayerFolding(6, 3, chains=False),
        "conv2": LayerFolding(3, 54, chains=False),
        "fc": LayerFolding(1, 8, accumulate="dsp", chains=False),
    }
    with pytest.raises(FoldingError) as caught:
        check_folding(chain, wrong)
    assert [fault.cause for fault in caught.value.faults] == [
        "chains is false, but the input is UINT8",
        "chains is false, but the weights are of 4 words, which has a form of its own",
        "chains is false, but the input is compared or summed in DSP slices",
    ]
