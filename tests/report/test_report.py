"""The page is one well-formed file that needs nothing else, and it shows the figures it was given."""

import dataclasses
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from bnn_hw.errors import OutputError
from bnn_hw.ir.types import sint, uint
from bnn_hw.pipeline.record import LayerPlan, Plan, Resources
from bnn_hw.pipeline.stages import Mvtu, Scores, Stream, Window
from bnn_hw.report import Published, ReportData, figures, render, write_report

PIXEL = "data:image/png;base64,iVBORw0KGgo="
CLASSES = ["correct", "nose_exposed"]


def plan(name="toynet"):
    image = Stream(uint(8), 6, 6, 3, 3)
    rows = Stream(uint(8), 4, 4, 27, 3)
    sums = Stream(sint(13), 4, 4, 8, 4)
    words = Stream(sint(32), 1, 1, 9, 1)
    window = Window(
        "conv_window", "conv", None, image, rows, (3, 3), (1, 1), (0, 0, 0, 0), 0, 3, 2, False, 64
    )
    unit = Mvtu("conv_mvtu", "conv", "conv.acc", rows, sums, "conv.acc", None, 27, 8, 4, 3, sint(13), "logic")
    scores = Scores("scores", "conv", None, sums, words, 8)
    stages = (window, unit, scores)
    each = {stage.name: Resources(100, 50, 0.5, 0) for stage in stages}
    return Plan(
        network=name,
        graph_digest="feed" * 16,
        board="pynq-z1",
        part="xc7z020clg400-1",
        goal="high-throughput",
        clock_hz=100_000_000,
        layers=(LayerPlan("conv", 4, 3, 8, 27, "logic", 2880, Resources(200, 100, 1, 0)),),
        stages=stages,
        stage_cycles={"input": 36, "conv_window": 2880, "conv_mvtu": 2880, "scores": 41},
        interval_cycles=2880,
        latency_cycles=3456,
        bottleneck="conv_mvtu",
        resources=Resources(300, 150, 1.5, 0),
        stage_resources=each,
    )


def utilisation():
    stage = {"lut_sites": 411, "ff": 77, "bram36": 0.5, "dsp": 0, "lut_cells": 500, "logic_sites": 400,
             "memory_sites": 11}  # fmt: skip
    return {
        "tool": "Yosys",
        "tool_version": "0.70",
        "options": "synth_xilinx -family xc7",
        "seconds": {"total": 74.6, "processor": 50.1},
        "total": {**stage, "lut_sites": 1233, "ff": 231, "bram36": 1.5},
        "stages": {"conv_window": stage, "conv_mvtu": stage, "scores": stage},
    }


def verification():
    fast = {"name": "full speed", "seed": None, "frames": 20, "cycles": 61234, "values_compared": 2720}
    slow = {"name": "random pauses", "seed": 1, "frames": 20, "cycles": 99999, "values_compared": 2720}
    return {
        "bit_exact": True, "frames": 20, "layers": ["conv.acc"], "interval_cycles": 2881,
        "planned_interval_cycles": 2880, "latency_cycles": 3456, "planned_latency_cycles": 3456,
        "runs": [{**fast, "seconds": 0.8}, {**slow, "seconds": 1.8}],
        "simulator": "Verilator 5.48.0", "values_compared": 5440,
    }  # fmt: skip


def samples():
    right = {"name": "a.png", "image": PIXEL, "label": "correct", "predicted": "correct", "correct": True}
    wrong = {
        "name": "b.png",
        "image": PIXEL,
        "label": "nose_exposed",
        "predicted": "correct",
        "correct": False,
    }
    free = {"name": "c.png", "image": None, "label": None, "predicted": "nose_exposed", "correct": None}
    return [
        {**wrong, "scores": [7.0, -3.0]},
        {**right, "scores": [9.0, 1.0]},
        {**free, "scores": [0.5, 4.25]},
    ]


def group(confusion, **fields):
    total = sum(map(sum, confusion))
    hits = sum(row[i] for i, row in enumerate(confusion))
    evaluation = {"pictures": total, "persons": total, "accuracy": hits / total, "interval": (0.8, 0.99),
                  "confusion": confusion, "recall": {}}  # fmt: skip
    return {"title": "some people", "pictures": total, "classes": CLASSES, "evaluation": evaluation,
            "samples": samples(), **fields}  # fmt: skip


def full(**changes):
    paper = Published("A paper", "whole system", lut=26060, bram36=124, dsp=24, fps=3049, latency_s=1.58e-3)
    data = ReportData(
        design="toynet",
        board="pynq-z1",
        plan=plan(),
        available=Resources(53200, 106400, 140, 220),
        utilisation=utilisation(),
        verification=verification(),
        predictions=[group([[40, 2], [3, 55]])],
        published=[paper],
        versions={"bnn-hw": "9.8.7"},
        digests={"RTL": "beef" * 16},
    )
    return dataclasses.replace(data, **changes)


def bare():
    return ReportData("toynet", "pynq-z1", plan(), Resources(53200, 106400, 140, 220))


VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """Checks that elements nest, and collects text and addresses."""

    def __init__(self, text):
        super().__init__()
        self.open, self.addresses, self.ids, self.links, self.words = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        fields = dict(attrs)
        assert len(fields) == len(attrs), f"attribute twice in {tag}"
        self.addresses += [
            value for key, value in attrs if key in ("src", "href", "srcset", "data", "action")
        ]
        self.ids += [fields["id"]] if "id" in fields else []
        assert tag not in ("script", "link", "iframe", "object")
        if tag == "img":
            assert fields["alt"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass  # a shape of an SVG

    def handle_endtag(self, tag):
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, words):
        if not self.open or self.open[-1] != "style":
            self.words.append(words)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.mark.parametrize("data", [full(), bare(), full(utilisation=None), full(verification=None)])
def test_well_formed_and_self_contained(data):
    text = render(data)
    page = Page(text)
    for address in page.addresses:
        assert address.startswith(("#", "data:image/")), address
    assert "@import" not in text
    assert not re.search(r"url\(|https?://(?!www\.w3\.org/)", text)
    anchors = [address[1:] for address in page.addresses if address.startswith("#")]
    assert anchors
    assert set(anchors) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(pictures) == 2
    for picture in pictures:
        ElementTree.fromstring(picture)


def test_measured_figures_come_first_and_are_compared():
    text = Page(render(full())).text
    assert f"{100_000_000 / 2881:,.0f} frames/s" in text
    for shown in (
        "2,880",
        "2,881",
        "3,456",
        "1,233",
        "300",
        "+311.0%",
        "26,060",
        "× 0.05",
        "3,049",
        "1.58 ms",
    ):
        assert shown in text, shown
    assert "interval 2,881 cycles, but planned 2,880" in text
    assert "equal to the integer graph in all 5,440 values" in text
    assert "feed" * 16 in text
    assert "beef" * 16 in text
    assert "9.8.7" in text


def test_every_source_is_named():
    text = render(full())
    for source in ("predicted", "simulated", "synthesised", "executed", "published"):
        assert f'class="source {source}"' in text


def test_missing_parts_say_which_command_makes_them():
    text = Page(render(bare())).text
    for command in (
        "bnn-hw verify toynet --board pynq-z1 --goal high-throughput",
        "bnn-hw synth toynet --board pynq-z1 --goal high-throughput",
        "bnn-hw run toynet PICTURE...",
    ):
        assert command in text
    assert "not proven yet" in text
    assert "fits xc7z020clg400-1 (predicted)" in text
    assert "Against published" not in text


def test_a_difference_and_a_part_that_is_too_small_are_bad():
    failed = {**verification(), "bit_exact": False}
    page = Page(render(full(verification=failed, available=Resources(1000, 106400, 140, 0))))
    assert "NOT equal to the integer graph" in page.text
    assert "differs from the integer graph" in page.text
    assert "does not fit xc7z020clg400-1: LUT (synthesised)" in page.text


def test_pictures_with_verdict_and_scores():
    text = Page(render(full())).text
    assert "95.00% of 100 labelled pictures of 100 persons are right" in text
    assert "80.0% to 99.0%" in text
    assert "✗ correct label: nose exposed b.png" in text
    assert "✓ correct a.png" in text
    assert "no picture nose exposed c.png" in text
    assert "−3" in text
    assert "9.00" in text  # as many digits as the others of its group
    assert "4.25" in text
    assert "95.2%" in text  # recall of the first class: 40 of 42


def test_few_pictures_give_no_confidence():
    text = Page(render(full(predictions=[group([[2, 1], [0, 1]])]))).text
    assert "3 of 4 labelled pictures are right" in text
    assert "recall" not in text


def test_many_pictures_of_one_person_give_no_confidence():
    record = group([[20, 1], [0, 30]])
    record["evaluation"]["persons"] = 1
    text = Page(render(full(predictions=[record]))).text
    assert "50 of 51 labelled pictures are right" in text
    assert "recall" not in text


def test_scope_of_both_sides_is_said():
    text = Page(render(full())).text
    assert "Published: whole system. This design: the core alone" in text


def test_names_are_escaped():
    evil = '<script>alert("1")</script>&'
    sample = {**samples()[0], "name": evil, "predicted": evil, "image": 'x" onerror="alert(1)'}
    predictions = [group([[1, 0], [0, 1]], title=evil, classes=[evil, "b"], samples=[sample])]
    renamed = dataclasses.replace(plan(evil), bottleneck=evil, goal=evil)
    text = render(full(plan=renamed, design=evil, predictions=predictions, verification=None))
    page = Page(text)  # would fail on a script
    assert page.text.count('<script>alert("1")</script>&') >= 4
    assert "onerror" not in text
    assert "bnn-hw verify '<script>" in page.text  # quoted for a shell


def test_pipeline_shows_cycles_against_the_bottleneck():
    text = render(full())
    svg = ElementTree.fromstring(re.search(r"<svg.*?</svg>", text, re.DOTALL)[0])
    bars = {}
    for item in svg.iter("g"):
        title = item.find("title")
        if title is not None:
            bars[title.text.split(":")[0]] = float(item.find("rect").get("width"))
    assert bars["conv_mvtu"] == bars["conv_window"] == max(bars.values())
    assert bars["scores"] == pytest.approx(41 / 2880 * bars["conv_mvtu"], abs=0.01)
    assert bars["input"] == pytest.approx(36 / 2880 * bars["conv_mvtu"], abs=0.01)
    words = [node.text for node in svg.iter("text")]
    assert "bottleneck" in words
    assert "PE 4, SIMD 3" in words


def test_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "report.html"
    write_report(full(), path)
    assert path.read_text(encoding="utf-8") == render(full())
    assert [item.name for item in path.parent.iterdir()] == ["report.html"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(full(), tmp_path / "file" / "report.html")


def test_same_data_same_page():
    assert render(full()) == render(full())


def test_size_without_pictures_is_small():
    assert len(render(full(predictions=())).encode()) < 60_000


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0"), (10.5, "10.5"), (26060, "26,060"), (1234.5678, "1,235"), (-3, "−3")],
)
def test_number(value, text):
    assert figures.number(value) == text


@pytest.mark.parametrize(
    ("predicted", "measured", "text"),
    [(100, 100, "exact"), (100, 90, "−10.0%"), (0, 3, "+3"), (0, 0, "exact"), (1, None, "–"), (None, 1, "–")],
)
def test_difference(predicted, measured, text):
    assert figures.difference(predicted, measured) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.58e-3, "1.58 ms"), (163.3e-6, "163.3 µs"), (2, "2 s"), (5e-8, "50 ns")]
)
def test_duration(seconds, text):
    assert figures.duration(seconds) == text
