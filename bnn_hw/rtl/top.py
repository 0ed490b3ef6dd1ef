"""Text of the top module: one instance a stage, one stream (valid, ready, data) between two of them."""

from __future__ import annotations

import textwrap

from bnn_hw.pipeline.config import ADDRESS_BITS, FORMAT_WORD, WORD_BITS, ConfigMap
from bnn_hw.pipeline.core import SCORE_BITS, Core, CoreStage
from bnn_hw.pipeline.record import Plan
from bnn_hw.pipeline.stages import (
    Align,
    Converter,
    Fifo,
    Mvtu,
    Pool,
    Scores,
    Split,
    Stage,
    Stream,
    ThresholdUnit,
    Window,
)
from bnn_hw.rtl.modules import module_of

TOP = "bnn_core"
CONFIG = "bnn_config"
"""Module of the configuration port."""


def top_module(plan: Plan, core: Core) -> str:
    """Return bnn_core.sv."""
    parts = [_header(plan, core)]
    if core.config:
        parts.append(_config(core.config))
    layer = None
    source = ("s_valid", "s_ready", "s_data")
    for stage, record in zip(plan.stages, core.stages, strict=True):
        if stage.layer != layer:
            layer = stage.layer
            parts.append(_layer_banner(plan, layer))
        parts.append(_stage(stage, record, source, core.config))
        source = (record.valid, record.ready, record.data)
    parts.append(_footer(source))
    return "\n".join(parts)


def _header(plan: Plan, core: Core) -> str:
    return f"""\
// {TOP}: {plan.network} for {plan.part}, goal {plan.goal}. Made by bnn-hw; changes are lost.
//
// A frame: {_beats(core.input)} in, {core.words_per_frame} words out, namely
// the signed score of each of {core.classes} classes, then the winning class with m_last.
// Plan: a frame every {plan.interval_cycles:,} cycles, latency {plan.latency_cycles:,} cycles.
// Memory images are read relative to this folder.

`default_nettype none

module {TOP} (
    input  wire {_range(1)} clk,
    input  wire {_range(1)} rst_n,    // synchronous, active low
    input  wire {_range(1)} s_valid,
    output wire {_range(1)} s_ready,
    input  wire {_range(core.input.width_bits)} s_data,
    output wire {_range(1)} m_valid,
    input  wire {_range(1)} m_ready,
    output wire {_range(SCORE_BITS)} m_data,
    output wire {_range(1)} m_last{_CONFIG_PORTS if core.config else ""}
);
"""


def _range(width: int) -> str:
    """Packed range of a signal, padded so that names stand in a column."""
    return f"{f'[{width - 1}:0]' if width > 1 else '':<8}"


_CONFIG_PORTS = f""",
    input  wire {_range(1)} config_valid,    // weights and thresholds: see bnn_config.sv and core.json
    output wire {_range(1)} config_ready,
    input  wire {_range(1)} config_write,
    input  wire {_range(ADDRESS_BITS)} config_address,    // of 32-bit words
    input  wire {_range(WORD_BITS)} config_write_data,
    output wire {_range(1)} config_read_valid,
    output wire {_range(WORD_BITS)} config_read_data"""


def _config(config: ConfigMap) -> str:
    """The configuration port and the wires to the units whose weights can be loaded."""
    units = list(dict.fromkeys(item.stage for item in config.memories))
    answers = "\n".join(f"  wire {_range(WORD_BITS)} {unit}_config;" for unit in units)
    ports = ", ".join(f".config_{name}" for name in ("valid", "ready", "write", "address"))
    return f"""\
  wire {_range(2 + ADDRESS_BITS + WORD_BITS)} config_request;
{answers}
  {CONFIG} #(
      .FORMAT(32'h{FORMAT_WORD:08x}),
      .LAYOUT(32'h{config.layout:08x}),
      .TAG(32'h{config.tag:08x})
  ) u_config (
      .clk, .rst_n, {ports},
      .config_write_data, .config_read_valid, .config_read_data,
      .request(config_request),
      .answer({" | ".join(f"{unit}_config" for unit in units)})
  );
"""


def _config_pins(stage: Mvtu, config: ConfigMap | None) -> tuple[dict[str, int | str], list[tuple[str, str]]]:
    """Parameters and pins of a matrix unit at the configuration port."""
    if config is None or not stage.runtime:
        unused = f"unused_{stage.name}_config"
        return {}, [(".config_request", "'0"), (".config_answer", unused)]
    bases = {item.memory: item.base for item in config.memories if item.stage == stage.name}
    parameters: dict[str, int | str] = {"RUNTIME": 1, "WEIGHT_BASE": bases["weights"]}
    if "thresholds" in bases:
        parameters["THRESHOLD_BASE"] = bases["thresholds"]
    return parameters, [(".config_request", "config_request"), (".config_answer", f"{stage.name}_config")]


def _footer(source: tuple[str, str, str]) -> str:
    valid, ready, data = source
    return f"""\
  assign m_valid = {valid};
  assign m_data  = {data};
  assign {ready} = m_ready;

endmodule

`default_nettype wire
"""


def _beats(stream: Stream) -> str:
    pixel = f"{stream.height}x{stream.width} pixels" if stream.height * stream.width > 1 else "one pixel"
    lanes = "" if stream.lanes == stream.channels else f", {stream.lanes} a beat"
    several = f", of {stream.pixels} pixels at once" if stream.pixels > 1 else ""
    return f"{pixel} of {stream.channels} {stream.dtype}{lanes}{several}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _layer_banner(plan: Plan, layer: str) -> str:
    text = f"  // ---- {layer} "
    for item in plan.layers:
        if item.name == layer:
            pixels = f", {item.pixels} pixels" if item.pixels > 1 else ""
            text += f"(PE {item.pe}, SIMD {item.simd}{pixels}, {item.cycles:,} cycles a frame) "
    return f"{text:-<100}\n"


def _purpose(stage: Stage) -> str:
    """What the unit does, in one sentence."""
    match stage:
        case Window():
            times = "once" if stage.replay == 1 else f"{stage.replay} times"
            words = f"{_count(stage.words_per_window, 'word')}, {times}"
            if stage.input.height * stage.input.width == 1:
                return f"the frame's {stage.input.channels} {stage.input.dtype} values in {words}."
            kernel = f"{stage.kernel[0]}x{stage.kernel[1]}"
            return f"each {kernel} window of {_beats(stage.input)}, in {words}."
        case Mvtu():
            return (
                f"{_count(stage.mh, 'neuron')} of {_count(stage.mw, 'synapse')} in "
                f"{_count(stage.neuron_fold, 'fold')} of {_count(stage.synapse_fold, 'cycle')}; "
                f"makes {_beats(stage.output)}."
            )
        case Pool():
            return f"{stage.kernel[0]}x{stage.kernel[1]} maximum; makes {_beats(stage.output)}."
        case Converter():
            return f"from {stage.input.lanes} to {stage.output.lanes} channels a beat."
        case Align():
            return f"rows in beats that carry {stage.output.pixels} windows of {stage.columns} columns each."
        case Split():
            return f"from {stage.input.pixels} pixels a beat to {stage.output.pixels}."
        case Fifo():
            return f"room for {_count(stage.depth, 'beat')}, where the rates of its neighbours differ."
        case ThresholdUnit():
            return f"compares each channel; makes {_beats(stage.output)}."
        case Scores():
            return f"collects {stage.classes} scores, finds the greatest and sends them as words."
    return ""


def _stage(
    stage: Stage, record: CoreStage, source: tuple[str, str, str], config: ConfigMap | None = None
) -> str:
    module, parameters = module_of(stage)
    width = SCORE_BITS if isinstance(stage, Scores) else stage.output.width_bits
    config_pins: list[tuple[str, str]] = []
    if isinstance(stage, Mvtu) and not stage.is_fixed:
        more, config_pins = _config_pins(stage, config)
        parameters |= more
    shown = [f'.{key}("{v}")' if isinstance(v, str) else f".{key}({v})" for key, v in parameters.items()]
    ports = [
        (".clk", "clk"),
        (".rst_n", "rst_n"),
        (".in_valid", source[0]),
        (".in_ready", source[1]),
        (".in_data", source[2]),
        (".out_valid", record.valid),
        (".out_ready", record.ready),
        (".out_data", record.data),
    ]
    if isinstance(stage, Scores):
        ports.append((".out_last", "m_last"))
    ports += config_pins
    lines = [f"  // {line}" for line in textwrap.wrap(f"{stage.name}: {_purpose(stage)}", 94)]
    lines += [f"  wire {_range(1)} {record.valid};", f"  wire {_range(1)} {record.ready};"]
    lines += [f"  wire {_range(width)} {record.data};"]
    unused = (wire for _, wire in config_pins if wire.startswith("unused"))
    lines += [f"  wire {_range(WORD_BITS)} {wire};" for wire in unused]
    lines += [f"  {module} #("]
    lines += [f"      {text}" for text in ",\n".join(shown).split("\n")]
    lines += [f"  ) {record.instance} ("]
    lines += [f"      {text}" for text in ",\n".join(f"{port}({wire})" for port, wire in ports).split("\n")]
    return "\n".join([*lines, "  );", ""])
