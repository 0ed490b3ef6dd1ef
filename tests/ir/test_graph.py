"""Legality of graphs, their execution and their files."""

import json

import numpy as np
import pytest

from bnn_hw.errors import InputError, ModelError
from bnn_hw.ir import Graph, GraphInput, Node, ValueType, sint, uint
from bnn_hw.ir.execute import execute
from bnn_hw.ir.ops import Add, ArgMax, Conv, Dense, MaxPool, Scale, Threshold
from bnn_hw.ir.store import digest, load, save

IMAGE = GraphInput("image", ValueType(uint(8), (4, 4, 2)), "1/255", "-1/2")


def nodes(seed=0):
    """A forked graph: two thresholds of one convolution are added, pooled and classified."""
    rng = np.random.default_rng(seed)
    sign = rng.choice(np.array([-1, 1], np.int8), (3, 2, 2, 2))
    levels = np.sort(rng.integers(-500, 500, (3, 3)), axis=1)
    return [
        Node("conv.acc", Conv(sign, padding=(1, 0, 0, 1), pad_value=7), ("image",)),
        Node("left", Threshold(levels[:, :1], np.array([1, -1, 1])), ("conv.acc",)),
        Node("right", Threshold(levels, np.ones(3, int), sint(4), -3, 2), ("conv.acc",)),
        Node("sum", Add(), ("left", "right")),
        Node("pool", MaxPool((2, 2), (2, 2)), ("sum",)),
        Node("fc.acc", Dense(rng.choice(np.array([-1, 1], np.int8), (5, 12))), ("pool",)),
        Node(
            "scores",
            Scale((("mul", np.float32([0.5])), ("add", np.arange(5, dtype=np.float32)))),
            ("fc.acc",),
        ),
        Node("class", ArgMax(), ("scores",)),
    ]


def graph(seed=0):
    return Graph("net", IMAGE, nodes(seed), ["scores", "class"])


def images(count=5):
    return np.random.default_rng(1).integers(0, 256, (count, 4, 4, 2)).astype(np.uint8)


def by_hand(image):
    """The same network for one picture in plain loops."""
    conv, left, right, _, _, dense, _, _ = (node.op for node in nodes())
    wide = np.full((5, 5, 2), 7)
    wide[1:, :4] = image
    summed = np.zeros((4, 4, 3), int)
    for row, column, channel in np.ndindex(4, 4, 3):
        acc = int((wide[row : row + 2, column : column + 2].astype(int) * conv.weights[channel]).sum())
        first = 1 if int(left.sign[channel]) * acc >= left.thresholds[channel, 0] else -1
        summed[row, column, channel] = first - 3 + 2 * sum(acc >= t for t in right.thresholds[channel])
    pooled = [summed[r : r + 2, c : c + 2, k].max() for r in (0, 2) for c in (0, 2) for k in range(3)]
    scores = [
        sum(int(w) * int(p) for w, p in zip(row, pooled, strict=True)) / 2 + i
        for i, row in enumerate(dense.weights)
    ]
    return scores, scores.index(max(scores))


def test_execution_against_plain_loops():
    out = execute(graph(), images())
    for number, image in enumerate(images()):
        scores, winner = by_hand(image)
        assert out["scores"][number].reshape(-1).tolist() == scores
        assert out["class"][number].item() == winner


def test_values_kept_batches_and_progress():
    net, seen = graph(), []
    every = execute(net, images(), keep=set(), batch=2, progress=seen.append)
    assert seen == [2, 4, 5]
    assert set(every) == {"image", *(node.name for node in net)}
    for name, value in every.items():
        assert value.shape == (5, *net.types[name].shape)
        np.testing.assert_array_equal(value, execute(net, images(), keep={name})[name])
    assert set(execute(net, images())) == {"scores", "class"}
    assert execute(net, images(1)[0])["scores"].shape == (1, 1, 1, 5)
    assert execute(net, images(1)[:0])["class"].shape == (0, 1, 1, 1)


@pytest.mark.parametrize(
    ("pictures", "cause"),
    [
        (np.zeros((2, 4, 4, 3), np.uint8), "have the shape (2, 4, 4, 3)"),
        (np.zeros((4, 2, 4), np.uint8), "have the shape (4, 2, 4)"),
        (np.zeros((1, 4, 4, 2), np.float32), "are float32; the network reads UINT8 pixels"),
        (np.full((1, 4, 4, 2), 256), "have values 256..256, outside UINT8"),
        (np.full((1, 4, 4, 2), -1), "have values -1..-1, outside UINT8"),
    ],
)
def test_pictures_that_do_not_fit(pictures, cause):
    with pytest.raises(InputError) as caught:
        execute(graph(), pictures)
    (fault,) = caught.value.faults
    assert (fault.place, fault.cause) == ("images", cause)
    assert caught.value.exit_status == 2


def test_types_and_look_up():
    net = graph()
    assert str(net.types["sum"]) == "INT5[4x4x3]"
    assert net.node("pool").inputs == ("sum",)
    assert [node.name for node in net.consumers("conv.acc")] == ["left", "right"]
    with pytest.raises(KeyError):
        net.node("nothing")


def test_all_faults_of_a_graph_at_once():
    made = nodes()
    made[0] = Node("conv.acc", Conv(np.ones((3, 9, 2, 2), np.int8)), ("image",))
    made[3] = Node("sum", Add(), ("left",))
    made.append(Node("more", ArgMax(), ("later",)))
    made.append(Node("image", ArgMax(), ("scores",)))
    with pytest.raises(ModelError) as caught:
        Graph("net", IMAGE, made, ["class", "best"])
    found = [(fault.place, fault.cause) for fault in caught.value.faults]
    assert found == [
        ("conv.acc", "kernel 9x2 exceeds the input of 4x4"),
        ("more", "reads later, which no earlier node makes"),
        ("image", "two nodes make this value"),
        ("best", "is an output, but no node makes it"),
    ]


def test_wrong_number_of_inputs():
    with pytest.raises(ModelError, match="Add takes 2 inputs, not 1"):
        Graph("net", IMAGE, [Node("sum", Add(), ("image",))], ["sum"])


def test_files_hold_the_whole_graph(tmp_path):
    net = graph()
    save(net, tmp_path)
    again = load(tmp_path)
    assert again.input == net.input
    assert again.types == net.types
    assert digest(again) == digest(net)
    for name, value in execute(net, images(), keep=set()).items():
        np.testing.assert_array_equal(execute(again, images(), keep={name})[name], value)


def test_digest_tells_graphs_apart():
    first = digest(graph())
    assert digest(graph()) == first
    assert digest(graph(1)) != first
    renamed = Graph("net", GraphInput("image", IMAGE.type, "1/256", "-1/2"), nodes(), ["scores", "class"])
    assert digest(renamed) != first


def test_file_is_readable_by_a_person(tmp_path):
    save(graph(), tmp_path)
    record = json.loads((tmp_path / "graph.json").read_text())
    assert record["input"] == {
        "name": "image",
        "dtype": "UINT8",
        "shape": [4, 4, 2],
        "scale": "1/255",
        "offset": "-1/2",
    }
    assert record["nodes"][0]["op"]["padding"] == [1, 0, 0, 1]
    assert record["nodes"][0]["output"] == "INT12[4x4x3]"


def test_damaged_files(tmp_path):
    def cause():
        with pytest.raises(ModelError) as caught:
            load(tmp_path)
        (fault,) = caught.value.faults
        assert fault.place == str(tmp_path / "graph.json")
        assert fault.remedy == "delete the folder and import the network again"
        return fault.cause

    assert "No such file" in cause()
    save(graph(), tmp_path)
    arrays = (tmp_path / "graph.npz").read_bytes()
    (tmp_path / "graph.npz").write_bytes(arrays[: len(arrays) // 2])
    assert "cannot be read" in cause()
    (tmp_path / "graph.npz").write_bytes(b"")
    assert "cannot be read" in cause()
    (tmp_path / "graph.npz").write_bytes(arrays)
    text = (tmp_path / "graph.json").read_text()
    (tmp_path / "graph.json").write_text(text[:100])
    assert "cannot be read" in cause()
    (tmp_path / "graph.json").write_text(text.replace("bnn_hw.graph/1", "bnn_hw.graph/9"))
    assert "format is 'bnn_hw.graph/9', not 'bnn_hw.graph/1'" in cause()
    (tmp_path / "graph.json").write_text("[]")
    assert "cannot be read" in cause()
