"""Which library module a stage becomes, with its parameters in the order they are printed."""

from __future__ import annotations

from bnn_hw.pipeline.arithmetic import LUT
from bnn_hw.pipeline.stages import (
    Align,
    Converter,
    Fifo,
    Mvtu,
    Pool,
    Scores,
    Split,
    Stage,
    ThresholdUnit,
    Window,
)

Parameters = dict[str, int | str]


def weight_file(stage: Stage) -> str:
    """Path of the weight image inside the RTL folder."""
    return f"mem/{stage.name.removesuffix('_mvtu')}_weights.hex"


def threshold_file(stage: Stage) -> str:
    """Path of the threshold image inside the RTL folder."""
    return f"mem/{stage.name.removesuffix('_mvtu').removesuffix('_threshold')}_thresholds.hex"


def _fifo(stage: Fifo) -> tuple[str, Parameters]:
    return "bnn_fifo", {"WIDTH": stage.output.width_bits, "DEPTH": stage.depth, **_ram_style(stage.memory)}


def _ram_style(memory: str) -> Parameters:
    """The library's name for a kind of memory; nothing where the tool is to decide."""
    styles = {"logic": "distributed", "block": "block"}
    return {"RAM_STYLE": styles[memory]} if memory in styles else {}


def _converter(stage: Converter) -> tuple[str, Parameters]:
    return "bnn_converter", {
        "BITS": stage.input.dtype.bits,
        "CHANNELS": stage.input.channels,
        "LANES_IN": stage.input.lanes,
        "LANES_OUT": stage.output.lanes,
        **_several(PIXELS=stage.input.pixels),
    }


def _several(**parameters: int) -> Parameters:
    """Parameters of streams with several pixels a beat; nothing for one pixel, the modules' default."""
    return dict(parameters) if parameters["PIXELS"] > 1 else {}


def _split(stage: Split) -> tuple[str, Parameters]:
    return "bnn_split", {
        "BITS": stage.input.channels * stage.input.dtype.bits,
        "WIDTH": stage.input.width,
        "SKIP": stage.input.skip,
        "PIXELS_IN": stage.input.pixels,
        "PIXELS_OUT": stage.output.pixels,
    }


def _pad_field(stage: Window) -> int:
    """The padding value as it lies on the wires."""
    if stage.input.dtype.is_bipolar:
        return int(stage.pad_value > 0)
    return stage.pad_value & ((1 << stage.input.dtype.bits) - 1)


def _align(stage: Align) -> tuple[str, Parameters]:
    return "bnn_align", {
        "BITS": stage.input.channels * stage.input.dtype.bits,
        "WIDTH": stage.input.width,
        "PIXELS": stage.output.pixels,
        "LEAD": stage.columns - 1,
    }


def _window_pixels(stage: Window) -> tuple[str, Parameters]:
    if stage.input.shared:
        # Windows side by side in overlapping beats: lines of whole beats, one below the other.
        return "bnn_window_pixels", {
            "BITS": stage.input.dtype.bits,
            "HEIGHT": stage.input.height,
            "WIDTH": stage.input.groups_per_row,
            "CHANNELS": stage.input.values_per_beat,
            "PIXELS": 1,
            "SKIP": 0,
            "KERNEL_H": stage.kernel[0],
            "KERNEL_W": 1,
            "REPLAY": stage.replay,
        }
    return "bnn_window_pixels", {
        "BITS": stage.input.dtype.bits,
        "HEIGHT": stage.input.height,
        "WIDTH": stage.input.width,
        "CHANNELS": stage.input.channels,
        "PIXELS": stage.input.pixels,
        "SKIP": stage.input.skip,
        "KERNEL_H": stage.kernel[0],
        "KERNEL_W": stage.kernel[1],
        "REPLAY": stage.replay,
    }


def _window(stage: Window) -> tuple[str, Parameters]:
    if stage.input.pixels > 1:
        return _window_pixels(stage)
    top, left, bottom, right = stage.padding
    parameters: Parameters = {
        "BITS": stage.input.dtype.bits,
        "HEIGHT": stage.input.height,
        "WIDTH": stage.input.width,
        "CHANNELS": stage.input.channels,
        "KERNEL_H": stage.kernel[0],
        "KERNEL_W": stage.kernel[1],
        "STRIDE_H": stage.stride[0],
        "STRIDE_W": stage.stride[1],
        "PAD_TOP": top,
        "PAD_LEFT": left,
        "PAD_BOTTOM": bottom,
        "PAD_RIGHT": right,
        "PAD_VALUE": _pad_field(stage),
        "REPLAY": stage.replay,
    }
    if stage.full:
        return "bnn_window_full", parameters
    return "bnn_window", {
        **parameters,
        "SIMD": stage.simd,
        "DEPTH": stage.depth_words,
        **_ram_style(stage.memory),
    }


def _constant_mvtu(stage: Mvtu) -> tuple[str, Parameters]:
    return "bnn_constant_mvtu", {
        "IN_BITS": stage.input.dtype.bits,
        "IN_SIGNED": int(stage.input.dtype.is_signed),
        "BIPOLAR": int(stage.input.dtype.is_bipolar),
        "MW": stage.mw,
        "MH": stage.mh,
        "ACC_BITS": stage.accumulator.bits,
        "WEIGHT_FILE": weight_file(stage),
        "THRESHOLD_FILE": threshold_file(stage),
        **_several(PIXELS=stage.input.pixels, ROWS=stage.rows, STEP=stage.step),
    }


def _mvtu(stage: Mvtu) -> tuple[str, Parameters]:
    if stage.is_fixed:
        return _constant_mvtu(stage)
    thresholded = stage.threshold is not None
    return "bnn_mvtu", {
        "IN_BITS": stage.input.dtype.bits,
        "IN_SIGNED": int(stage.input.dtype.is_signed),
        "BIPOLAR": int(stage.input.dtype.is_bipolar),
        "MW": stage.mw,
        "MH": stage.mh,
        "PE": stage.pe,
        "SIMD": stage.simd,
        "ACC_BITS": stage.accumulator.bits,
        "THRESHOLD": int(thresholded),
        "OUT_BITS": stage.output.dtype.bits,
        "WEIGHT_FILE": weight_file(stage),
        **({"THRESHOLD_FILE": threshold_file(stage)} if thresholded else {}),
        "WEIGHT_STYLE": stage.weight_memory,
        **({"DOT_CUTS": stage.cuts[0], "JOIN_CUTS": stage.cuts[1]} if any(stage.cuts) else {}),
        **({} if stage.chains else {"CHAINS": 0}),
        **({"MATCH": stage.match} if stage.match != LUT else {}),
        **({"ACCUMULATE": stage.accumulate} if stage.accumulate != LUT else {}),
        **_several(PIXELS=stage.input.pixels, ROWS=stage.rows, STEP=stage.step),
    }


def _threshold(stage: ThresholdUnit) -> tuple[str, Parameters]:
    return "bnn_threshold", {
        "IN_BITS": stage.input.dtype.bits,
        "IN_SIGNED": int(stage.input.dtype.is_signed),
        "CHANNELS": stage.input.channels,
        "LANES": stage.input.lanes,
        "THRESHOLD_FILE": threshold_file(stage),
        **_several(PIXELS=stage.input.pixels),
    }


def _pool(stage: Pool) -> tuple[str, Parameters]:
    return "bnn_pool", {
        "HEIGHT": stage.input.height,
        "WIDTH": stage.input.width,
        "CHANNELS": stage.input.channels,
        "LANES": stage.input.lanes,
        "KERNEL_H": stage.kernel[0],
        "KERNEL_W": stage.kernel[1],
        **_several(PIXELS=stage.input.pixels, SKIP=stage.input.skip),
    }


def _scores(stage: Scores) -> tuple[str, Parameters]:
    return "bnn_scores", {
        "CLASSES": stage.classes,
        "LANES": stage.input.lanes,
        "IN_BITS": stage.input.dtype.bits,
    }


_RULES = {
    Fifo: _fifo,
    Converter: _converter,
    Split: _split,
    Align: _align,
    Window: _window,
    Mvtu: _mvtu,
    ThresholdUnit: _threshold,
    Pool: _pool,
    Scores: _scores,
}


def module_of(stage: Stage) -> tuple[str, Parameters]:
    """Return the module's name and its parameters; KeyError for a stage without a module."""
    return _RULES[type(stage)](stage)  # type: ignore[operator]
