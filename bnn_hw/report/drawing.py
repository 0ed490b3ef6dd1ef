"""Pictures of the report as inline SVG. Colours come from the page's style sheet, by class."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from bnn_hw.pipeline.record import LayerPlan, Plan
from bnn_hw.pipeline.stages import Stage, Stream
from bnn_hw.report.figures import number

ROW = 24
WIDTH = 1040
NODE_X = 128
NAME_X = 152
BAR_X, BAR_WIDTH = 330, 380
STREAM_X = 800
HEAD = 34

KINDS = {
    "mvtu": "matrix-vector-threshold unit",
    "window": "sliding window",
    "pool": "max-pool",
    "fifo": "FIFO",
    "converter": "width converter",
    "split": "split to fewer pixels",
    "align": "overlapping beats",
    "threshold": "threshold",
    "scores": "scores and class",
    "input": "pixels of the frame",
}

# Outlines in a square of 14 units around the node; each kind is told by its form, not its colour alone.
_GLYPHS = {
    "mvtu": "M-7,-7H7V7H-7Z",
    "window": "M-7,-7H7V7H-7ZM-7,-2.3H7M-7,2.3H7M-2.3,-7V7M2.3,-7V7",
    "pool": "M-7,-6H7L0,7Z",
    "fifo": "M-7,-5H7V5H-7ZM-2.5,-5V5M2.5,-5V5",
    "converter": "M-7,-7H7L3.5,7H-3.5Z",
    "split": "M-7,-7H7L0,0L7,7H-7L0,0Z",
    "align": "M-7,-6H3V6H-7ZM-3,-6H7V6H-3Z",
    "threshold": "M-7,5H0V-5H7",
    "scores": "M0,-7A7,7 0 1 1 -0.01,-7Z",
    "input": "M-5,-5H5V5H-5Z",
}


def _text(parent: Element, x: float, y: float, words: str, css: str = "", anchor: str = "start") -> Element:
    node = SubElement(parent, "text", {"x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor})
    if css:
        node.set("class", css)
    node.text = words
    return node


def _line(parent: Element, x1: float, y1: float, x2: float, y2: float, css: str) -> None:
    ends = {"x1": f"{x1:g}", "y1": f"{y1:g}", "x2": f"{x2:g}", "y2": f"{y2:g}"}
    SubElement(parent, "line", {**ends, "class": css})


def _rect(parent: Element, x: float, y: float, width: float, height: float, css: str) -> Element:
    size = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{width:.2f}", "height": f"{height:g}"}
    return SubElement(parent, "rect", {**size, "class": css})


def _picture(width: float, height: float, title: str) -> Element:
    svg = Element("svg", {"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "class": "picture"})
    SubElement(svg, "title").text = title
    return svg


@dataclass(frozen=True)
class _Row:
    kind: str
    name: str
    layer: str
    cycles: int
    stream: Stream


def stream_text(stream: Stream) -> str:
    """Size of a stream's frame and of its beat."""
    size = f"{stream.height}×{stream.width}×{stream.channels} {stream.dtype}"
    pixels = f"{stream.pixels} × " if stream.pixels > 1 else ""
    return f"{size}, {pixels}{stream.lanes} a beat"


def _rows(plan: Plan) -> list[_Row]:
    first: Stage = plan.stages[0]
    cycles = plan.stage_cycles.get("input", first.input.beats_per_frame)
    rows = [_Row("input", "input", "", cycles, first.input)]
    for stage in plan.stages:
        count = plan.stage_cycles[stage.name]
        rows.append(_Row(stage.kind, stage.name, stage.layer, count, stage.output))
    return rows


def _folding_text(layer: LayerPlan) -> str:
    pixels = f", {layer.pixels} pixels" if layer.pixels > 1 else ""
    return f"PE {layer.pe}, SIMD {layer.simd}{pixels}"


def pipeline(plan: Plan) -> str:
    """The chain of stages from top to bottom, each with its cycles a frame against the bottleneck's."""
    rows = _rows(plan)
    height = HEAD + ROW * len(rows) + 40
    bound = plan.interval_cycles
    svg = _picture(WIDTH, height, f"Pipeline of {plan.network}: cycles a frame by stage, bound {bound:,}")
    bottom = HEAD + ROW * len(rows)
    for start, words in ((0, "layer"), (NAME_X, "stage"), (STREAM_X, "output stream")):
        _text(svg, start, 12, words, "head")
    _text(svg, BAR_X, 12, "cycles a frame", "head")
    _text(svg, BAR_X + BAR_WIDTH, 12, f"{number(bound)} = interval", "head bound-text", "end")
    _line(svg, BAR_X + BAR_WIDTH, 18, BAR_X + BAR_WIDTH, bottom, "bound")
    for quarter in range(4):
        x = BAR_X + quarter / 4 * BAR_WIDTH
        _line(svg, x, HEAD - 8, x, bottom, "grid")
    _line(svg, NODE_X, HEAD + ROW / 2, NODE_X, bottom - ROW / 2, "pipe")
    folding = {layer.name: _folding_text(layer) for layer in plan.layers}
    previous = ""
    for index, row in enumerate(rows):
        top = HEAD + ROW * index
        if index and row.layer != previous:
            _line(svg, 0, top, WIDTH, top, "divider")
            _text(svg, 0, top + 16, row.layer, "layer")
            _text(svg, 0, top + ROW + 14, folding.get(row.layer, ""), "detail")
        previous = row.layer
        _stage(svg, row, top, bound, row.name == plan.bottleneck)
    _legend(svg, [kind for kind in KINDS if any(row.kind == kind for row in rows)], bottom + 28)
    return tostring(svg, encoding="unicode")


def _legend(svg: Element, kinds: list[str], y: float) -> None:
    x = 8.0
    for kind in kinds:
        group = SubElement(svg, "g", {"class": kind})
        shape = {"d": _GLYPHS[kind], "class": "glyph", "transform": f"translate({x:g},{y - 4:g})"}
        SubElement(group, "path", shape)
        _text(group, x + 13, y, KINDS[kind], "detail")
        x += 44 + 6.1 * len(KINDS[kind])


def _stage(svg: Element, row: _Row, top: float, bound: int, is_bottleneck: bool) -> None:
    load = row.cycles / bound
    group = SubElement(svg, "g", {"class": f"stage {row.kind}{' full' if load >= 1 else ''}"})
    tip = f"{row.name}: {KINDS[row.kind]}, {row.cycles:,} cycles a frame, {load:.1%} of the interval"
    SubElement(group, "title").text = tip
    where = f"translate({NODE_X},{top + ROW / 2:g})"
    SubElement(group, "path", {"d": _GLYPHS[row.kind], "class": "glyph", "transform": where})
    _text(group, NAME_X, top + 16, row.name, "name")
    _rect(group, BAR_X, top + 5, max(1.0, min(load, 1) * BAR_WIDTH), ROW - 10, "bar")
    words = number(row.cycles)
    inside = load > 0.5
    x = BAR_X + load * BAR_WIDTH + (-6 if inside else 6)
    _text(group, x, top + 16, words, "inside" if inside else "count", "end" if inside else "start")
    note = "bottleneck" if is_bottleneck else f"{load:.0%}" if load >= 0.005 else "<1%"
    _text(group, BAR_X + BAR_WIDTH + 8, top + 16, note, "load")
    _text(group, STREAM_X, top + 16, stream_text(row.stream), "stream")


def utilisation(rows: list[tuple[str, float, float | None, float]]) -> str:
    """Bars of (label, predicted, synthesised or None, available): bar = synthesised, mark = predicted."""
    width, step = 720, 44
    svg = _picture(width, step * len(rows) + 24, "Share of the part that is used")
    svg.set("class", "picture bars")
    for quarter in range(5):
        x = quarter / 4 * width
        anchor = {0: "start", 4: "end"}.get(quarter, "middle")
        _text(svg, x, 11, f"{quarter / 4:.0%}", "head", anchor)
    for index, (label, predicted, synthesised, whole) in enumerate(rows):
        top = 18 + step * index
        shown = predicted if synthesised is None else synthesised
        part = shown / whole if whole else 0
        _text(svg, 0, top + 18, label, "layer")
        _text(svg, 92, top + 18, f"{number(shown)} of {number(whole)}, {part:.1%}", "count")
        _rect(svg, 0, top + 24, width, 14, "track")
        for quarter in range(5):
            x = quarter / 4 * width
            _line(svg, x, top + 22, x, top + 40, "bound" if quarter == 4 else "grid")
        css = "bar over" if part > 1 else "bar" if synthesised is not None else "bar predicted"
        _rect(svg, 0, top + 24, min(part, 1) * width, 14, css)
        if synthesised is not None and whole:
            x = min(predicted / whole, 1) * width
            _line(svg, x, top + 20, x, top + 42, "mark")
    return tostring(svg, encoding="unicode")
