"""Hardware stages of a streaming pipeline, one record a kind, and the streams between them.

A stream carries pixels of ``channels`` values, ``lanes`` values a beat, lane 0 in
the least significant bits: channels fastest, then width, then height. Where the
lanes do not divide the channels, the last beat of a pixel is filled up with
zeros that nobody reads.

A beat may carry several neighbouring pixels of a row, ``lanes`` values of each, the
left pixel in the least significant bits. Pixels keep their places in the beats: a
convolution's output stands where the newest pixel of its window stood, so a row
may begin with ``skip`` places without meaning (fewer than ``pixels``), and end with some.

Stages are data. What they cost is the planner's matter, how they are built the
RTL back end's; each kind is one SystemVerilog module of the same parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from bnn_hw.ir.types import DataType
from bnn_hw.pipeline.arithmetic import DSP, LUT


class Varied:
    """A record without checks of its own, of which many that differ in little are made."""

    def varied(self, **values: Any) -> Self:
        """What ``dataclasses.replace`` makes, in a third of its time; the names are not checked."""
        record = object.__new__(type(self))
        record.__dict__.update(self.__dict__, **values)
        return record


@dataclass(frozen=True)
class Stream(Varied):
    """Type and folding of a stream.

    pixels: neighbouring pixels of a row a beat; skip: places without meaning before a
    row's first pixel; shared: values of a beat that several of its pixels have in
    common and that it carries once (pixels of a window stream are windows that overlap).
    """

    dtype: DataType
    height: int
    width: int
    channels: int
    lanes: int
    pixels: int = 1
    skip: int = 0
    shared: int = 0

    @property
    def beats_per_pixel(self) -> int:
        """Beats of a pixel, or of ``pixels`` neighbouring ones."""
        return -(-self.channels // self.lanes)

    @property
    def groups_per_row(self) -> int:
        """Groups of ``pixels`` places that a row takes."""
        return -(-(self.skip + self.width) // self.pixels)

    @property
    def groups(self) -> int:
        """Groups of ``pixels`` places that a frame takes; its pixels where that is one."""
        return self.height * self.groups_per_row

    @property
    def beats_per_frame(self) -> int:
        return self.groups * self.beats_per_pixel

    @property
    def values_per_beat(self) -> int:
        return self.pixels * self.lanes - self.shared

    @property
    def width_bits(self) -> int:
        """Data bits of one beat."""
        return self.values_per_beat * self.dtype.bits


@dataclass(frozen=True)
class Stage(Varied):
    """One hardware unit of a chain; reads ``input``, makes ``output``.

    name: unique, an identifier of letters, digits and underscores;
    layer: the graph's layer it belongs to (its name in a folding file);
    value: the graph value whose elements ``output`` carries one to one, None
    where the stage only reorders (window) or where no graph value corresponds.
    """

    kind: ClassVar[str]
    name: str
    layer: str
    value: str | None
    input: Stream
    output: Stream


@dataclass(frozen=True)
class Fifo(Stage):
    """First-in first-out buffer of ``depth`` beats; memory: logic, block, or auto (the tool decides)."""

    kind: ClassVar[str] = "fifo"
    depth: int
    memory: str = "auto"


@dataclass(frozen=True)
class Converter(Stage):
    """Width converter: the same pixels, ``input.lanes`` to ``output.lanes`` values a beat."""

    kind: ClassVar[str] = "converter"


@dataclass(frozen=True)
class Split(Stage):
    """The same pixels, ``input.pixels`` to ``output.pixels`` of them a beat, all channels of each.

    Output beats without a pixel of the map are left out. Where the pixels do not divide,
    whole rows are gathered and cut anew.
    """

    kind: ClassVar[str] = "split"

    @property
    def by_rows(self) -> bool:
        return self.input.pixels % self.output.pixels != 0


@dataclass(frozen=True)
class Align(Stage):
    """Rows cut into overlapping beats, which carry as many windows of ``columns`` as they have places.

    A "pixel" of the output is a window's row: ``columns`` pixels of the input.
    """

    kind: ClassVar[str] = "align"
    columns: int


@dataclass(frozen=True)
class Window(Stage):
    """Sliding window over a ring buffer; a dense layer is one window over the whole input.

    For each output position, row by row, it emits the window's words ``replay``
    times: kernel row, kernel column, then channels in words of ``simd`` values.
    ``full`` is the full-rate form with the whole window in one beat
    (simd = kernel_h * kernel_w * channels). Its output stream's "pixel" is one
    window replayed once: channels = kernel_h * kernel_w * input channels.
    Full-rate windows of several pixels a beat have stride 1 and no padding; a beat of
    the output carries each pixel that its windows cover once.
    padding: (top, left, bottom, right), filled with ``pad_value``.
    depth_words: beats the ring buffer holds; memory: logic, block, or auto (the tool
    decides).
    """

    kind: ClassVar[str] = "window"
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    pad_value: int
    simd: int
    replay: int
    full: bool
    depth_words: int
    memory: str = "auto"

    @property
    def words_per_window(self) -> int:
        """Synapse fold SF: beats of one pass over a window."""
        return self.output.channels // self.simd


@dataclass(frozen=True)
class Mvtu(Stage):
    """Matrix-vector-threshold unit: ``pe`` neurons at a time, ``simd`` inputs a cycle.

    Neuron n is done by PE n % pe in fold n // pe; folds are neuron folds
    NF = ceil(mh / pe), each of SF = mw / simd beats. ``mac`` and ``threshold``
    name the graph's nodes; without a threshold it puts out signed accumulators.
    accumulator: type of the accumulator, wide enough for every sum and for a
    threshold one above the greatest. A bipolar layer accumulates the popcount p
    of matches (sum = 2 p - mw).
    weight_memory: logic (LUTs) or block (BRAM). runtime: weights and thresholds lie in
    RAM and can be loaded through the core's configuration port. accumulate: lut, or dsp
    for four accumulators of a binary layer in a DSP slice, or for the last sums of an
    integer layer that is not folded, two neurons in two slices. match: lut, or dsp for the
    comparison of 48 inputs with weights in a DSP slice. chains: whether carry chains count
    the matches of a binary layer whose weights are of many words. cuts: registers within the counting
    of matches, and within the joining of groups of lanes, as the clock asks for.
    With several pixels a beat (simd = mw) every pixel has its own PEs on common weights.
    rows, step: a vector has ``rows`` parts (kernel rows), and the parts of the next pixel's
    vector start ``step`` values (a pixel's channels) later.
    """

    kind: ClassVar[str] = "mvtu"
    mac: str
    threshold: str | None
    mw: int
    mh: int
    pe: int
    simd: int
    accumulator: DataType
    weight_memory: str
    runtime: bool = False
    accumulate: str = LUT
    cuts: tuple[int, int] = (0, 0)
    match: str = LUT
    rows: int = 1
    step: int = 1
    chains: bool = True

    @property
    def threshold_bits(self) -> int:
        """Bits of a threshold in its memory; an accumulator in a DSP slice is given minus the threshold."""
        return self.accumulator.bits + (1 if self.accumulates_in_dsp else 0)

    @property
    def accumulates_in_dsp(self) -> bool:
        """Whether accumulators are in DSP slices, rather than the last sums of a layer that is not folded."""
        return self.accumulate == DSP and not self.is_fixed

    @property
    def neuron_fold(self) -> int:
        return -(-self.mh // self.pe)

    @property
    def synapse_fold(self) -> int:
        return self.mw // self.simd

    @property
    def is_fixed(self) -> bool:
        """Whether a thresholded layer is not folded, so that its weights never change: bnn_constant_mvtu."""
        unfolded = self.neuron_fold * self.synapse_fold == 1
        built = self._known or (not self.runtime and not self.input.dtype.is_bipolar)
        return unfolded and self.threshold is not None and self.weight_memory == "logic" and built

    @property
    def _known(self) -> bool:
        """Whether LUTs may be built for the weights: they stay, and no DSP slice takes part."""
        return not self.runtime and DSP not in (self.accumulate, self.match)

    @property
    def is_sequenced(self) -> bool:
        """Whether a binary layer has so few words of weights that lanes have weight signals in common."""
        words = self.neuron_fold * self.synapse_fold
        few = 2 <= words <= 16 and 1 << (words - 1) <= self.simd
        return self.input.dtype.is_bipolar and few and self._known

    @property
    def is_constant(self) -> bool:
        """Whether the weights of a binary layer are one word, so that PEs share counts."""
        words = self.neuron_fold * self.synapse_fold
        return self.input.dtype.is_bipolar and words == 1 and self.pe >= 2 and self._known


@dataclass(frozen=True)
class ThresholdUnit(Stage):
    """Threshold without a matrix before it, for instance on the pixels of the input."""

    kind: ClassVar[str] = "threshold"
    threshold: str


@dataclass(frozen=True)
class Pool(Stage):
    """Max-pool of bipolar values (boolean OR); kernel = stride, left-over rows and columns are dropped.

    Of several pixels a beat (a multiple of the kernel's width, as is ``input.skip``), the
    output has that many fewer.
    """

    kind: ClassVar[str] = "pool"
    kernel: tuple[int, int]


@dataclass(frozen=True)
class Scores(Stage):
    """The frame's result: one 32-bit signed word a class, then one word with the winning class (last)."""

    kind: ClassVar[str] = "scores"
    classes: int


STAGES: dict[str, type[Stage]] = {
    stage.kind: stage for stage in (Fifo, Converter, Split, Align, Window, Mvtu, ThresholdUnit, Pool, Scores)
}
