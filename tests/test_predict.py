import json

import numpy as np

from bnn_hw.data.inputs import Pictures
from bnn_hw.ir.graph import Graph, GraphInput, Node
from bnn_hw.ir.ops import ArgMax, Dense, Scale
from bnn_hw.ir.types import ValueType, uint
from bnn_hw.pictures import PictureGroup
from bnn_hw.predict import class_names, write_predictions

# Class 0 sees how bright the left pixel is against the right one, class 1 the opposite.
WEIGHTS = np.array([[1, -1], [-1, 1]], np.int8)
HALF = Scale((("mul", np.array([0.5], np.float32)),))
GRAPH = Graph(
    "two",
    GraphInput("image", ValueType(uint(8), (1, 2, 1))),
    [
        Node("fc.acc", Dense(WEIGHTS), ("image",)),
        Node("scores", HALF, ("fc.acc",)),
        Node("class", ArgMax(), ("fc.acc",)),
    ],
    ["scores", "class"],
)


def test_predictions_are_judged_where_labels_are_known(tmp_path):
    images = np.array([[9, 1], [1, 9], [3, 9], [7, 2]], np.uint8).reshape(4, 1, 2, 1)
    pictures = Pictures(images, np.array([0, 1, 0, -1]), ("a", "b", "c", "d"))
    write_predictions(GRAPH, [PictureGroup("test", pictures, persons=3)], ["left", "right"], tmp_path)
    (record,) = json.loads((tmp_path / "predictions.json").read_text())
    assert record["evaluation"]["confusion"] == [[1, 1], [0, 1]]
    assert record["evaluation"]["pictures"] == 3
    first = record["samples"][0]
    assert (first["name"], first["predicted"], first["label"], first["correct"]) == (
        "c",
        "right",
        "left",
        False,
    )
    assert first["scores"] == [-3.0, 3.0]
    unknown = next(sample for sample in record["samples"] if sample["name"] == "d")
    assert (unknown["predicted"], unknown["label"], unknown["correct"]) == ("left", None, None)


def test_class_names_fall_back_to_numbers():
    assert class_names(["left", "right"], GRAPH) == ["left", "right"]
    assert class_names(["a", "b", "c"], GRAPH) == ["0", "1"]
