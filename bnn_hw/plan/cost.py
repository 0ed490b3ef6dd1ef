"""What each stage takes on an xc7 part: LUT sites, flip-flops, CARRY4, block RAM, DSP.

A law a kind of unit, in terms of what the unit consists of. The structure comes
from the SystemVerilog library, from the structural arithmetic
(:mod:`bnn_hw.plan.sites`, exact counts) and from the LUT and RAM primitives
(:mod:`bnn_hw.plan.memory`). What is left, control logic mostly, has constants fitted
to what Yosys makes of units and of the stages of cores (:mod:`bnn_hw.plan.laws`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

from bnn_hw.pipeline import latency
from bnn_hw.pipeline.arithmetic import DSP, DSP_LANES
from bnn_hw.pipeline.record import Resources
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
from bnn_hw.plan.laws import fitted
from bnn_hw.plan.memory import (
    BLOCK,
    LOGIC,
    block_lut,
    bram36,
    config_ram_bram36,
    config_ram_lut,
    distinct_columns,
    ram_bram36,
    ram_lut,
    ram_style,
    rom_lut,
)
from bnn_hw.plan.sites import (
    count_carry4,
    count_sites,
    fixed_layer,
    is_sequenced,
    match_dot_bits,
    match_dot_carry4,
    match_dot_sites,
    sequence_dot,
    triple_sum_carry4,
    triple_sum_sites,
)

# The port through which weights are loaded, one a core: synthesised 60 to 70 LUT sites.
CONFIG_PORT = Resources(lut=66, ff=160)


def clog2(value: int) -> int:
    """Bits that count ``value`` states, at least one."""
    return max(1, (value - 1).bit_length())


def chain4(bits: int) -> int:
    """CARRY4 of a chain of ``bits``."""
    return -(-bits // 4)


def skid(bits: int) -> Resources:
    """Skid buffer: two 2:1 multiplexers share a LUT6; two registers a bit."""
    return Resources(lut=bits / 2 + 3, ff=2 * bits + 2)


def ram(bits: int, depth: int, memory: str) -> Resources:
    """Buffer memory with a registered read."""
    if memory == BLOCK or (memory != LOGIC and ram_style(bits, depth) == BLOCK):
        return Resources(bram36=ram_bram36(bits, depth))
    return Resources(lut=ram_lut(bits, depth), ff=bits)


def ring_window(stage: Window) -> Resources:
    """Ring buffer, address mover of up to six steps, two difference counters, five place counters.

    Registers hold the present move; bits that no move of the window differs in are none.
    """
    depth = stage.depth_words
    address = clog2(depth)
    words = stage.kernel[1] * stage.input.beats_per_pixel
    counts = (words, stage.kernel[0], stage.replay, stage.output.width, stage.output.height)
    places = sum(clog2(count) for count in counts if count > 1)
    differences = 2 * (address + 2)
    wrap = 0 if depth == 1 << address else address
    padded = 20 if any(stage.padding) else 0
    several = stage.output.height * stage.output.width > 1
    moves = address + 2 + (3 if wrap else 0) if several else 3 + (address + 3 if wrap else 0)
    own = fitted(
        "ring", place_bits=places, difference_bits=differences, wrap_bits=wrap, several_windows=several
    )
    control = own + Resources(lut=padded, ff=2 * address + differences + moves + places + 1)
    return control + ram(stage.input.width_bits, depth, stage.memory)


def full_window(stage: Window) -> Resources:
    """Window registers and line delays in shift-register LUTs (one a bit for every 32 pixels)."""
    bits = stage.input.width_bits
    rows, columns = stage.kernel
    rest = stage.input.groups_per_row + stage.padding[1] + stage.padding[3] - columns
    if stage.input.pixels > 1:
        rest = stage.input.groups_per_row - 1
    lines = bits * (rows - 1)
    delay = lines * (ceil(rest / 32) if rest > 16 else 0.5 if rest > 0 else 0)
    places = clog2(stage.input.width + 1) + clog2(stage.input.height + 1) + 4
    control = fitted("full_window", place_bits=places, replay_bits=clog2(stage.replay))
    control += Resources(ff=places + clog2(stage.replay) + 1)
    registers = stage.output.width_bits
    window = Resources(lut=delay, ff=registers - (lines if rest > 0 else 0))
    return skid(bits) + control + window


def scatter_sites(width_bits: int, beats: int) -> float:
    """LUT sites a bit of a group that is loaded or shifted: a 2:1 multiplexer, of which two can share one.

    By synthesis: but for single bits and bytes most make their choice signal anew in a site of their own.
    """
    if width_bits == 1 or (width_bits == 8 and beats > 4):
        return 0.5
    return 0.75 if width_bits > 8 and beats in (3, 4) else 1.0


def converter(channels: int, bits: int, lanes_in: int, lanes_out: int) -> Resources:
    """Skid buffer on the narrow side; shift registers that gather and scatter a group."""
    group = latency.converter_group(channels, lanes_in, lanes_out)
    total = skid(min(lanes_in, lanes_out) * bits)
    for lanes, is_output in ((lanes_in, False), (lanes_out, True)):
        beats = ceil(group / lanes)
        if beats > 1:
            multiplexer = (group - lanes) * bits * scatter_sites(lanes * bits, beats) if is_output else 0
            total += Resources(lut=multiplexer, ff=beats * lanes * bits + clog2(beats) + 1)
            total += fitted("scatter" if is_output else "gather", counter_bits=clog2(beats))
    return total


def align(stage: Align) -> Resources:
    """Choice of a place among the beats of a row, registers of what may be chosen, skid buffer."""
    bits, beats = stage.output.width_bits, stage.input.groups_per_row
    lead = (stage.columns - 1) * stage.input.channels * stage.input.dtype.bits
    places = 2 * clog2(beats)
    return skid(bits) + Resources(lut=bits * ceil((beats - 1) / 3) + places, ff=bits + beats * lead + places)


def split(stage: Split) -> Resources:
    """Group of pixels that is loaded, loaded without its first places, or shifted; skid buffer.

    Where rows are cut anew, registers for two of them, one of which is loaded or shifted.
    """
    pixels_in, pixels_out = stage.input.width_bits, stage.output.width_bits
    if stage.by_rows:
        row_in, row_out = (pixels_in * stage.input.groups_per_row, pixels_out * stage.output.groups_per_row)
        return skid(pixels_out) + Resources(lut=row_out - pixels_out + 10, ff=row_in + row_out + 8)
    places = clog2(stage.input.groups_per_row) + clog2(stage.input.pixels // stage.output.pixels)
    return skid(pixels_out) + Resources(lut=pixels_in - pixels_out + 2 * places, ff=pixels_in + places + 1)


def dot_registers(stage: Mvtu, depth: int) -> float:
    """Flip-flops of a PE's product sum: what its rows hold, in each of its cycles."""
    simd, bits = stage.simd, stage.input.dtype.bits
    if bits == 1:
        if depth == 1 and stage.pe > 1:
            # Rows, and the counts before they are joined; some of their bits are constant.
            count_bits = clog2(simd + 1)
            return (count_bits + 2.7) * (2 if simd > latency.DOT_GROUP_BIPOLAR else 1)
        return sequence_dot(simd)[1] if is_sequenced(depth, simd) else match_dot_bits(simd, stage.chains)
    if simd == 1:
        return 3  # the input is common to all PEs, each has its sign
    triples = -(-simd // 3)
    groups = ceil(simd / latency.DOT_GROUP_INTEGER)
    row0, row1 = bits + 3 + clog2(triples), clog2(triples + 1)
    return (row0 + row1) * (groups + 1 if groups > 1 else 1)


def operand_bits(stage: Mvtu) -> int:
    """Flip-flops before the product sums: the input, or of integers the four sums of each three."""
    bits = stage.input.dtype.bits
    if bits == 1 or stage.simd == 1:
        return stage.input.width_bits
    return sum(-(-n // 3) for n in summed(stage)) * 4 * (bits + 2)


def summed(stage: Mvtu) -> list[int]:
    """Values of each vector, of which sums of three are made; of all at once where windows share these."""
    pixels, row = stage.input.pixels, stage.simd // stage.rows
    if pixels > 1 and stage.step % 3 == 0 and row % 3 == 0:
        return [stage.input.values_per_beat]
    return [stage.simd] * pixels


def fixed_mvtu(stage: Mvtu) -> Resources:
    """A layer that is not folded: sums of constant signs, compared with constants, and a skid buffer."""
    lut, ff, carry4 = fixed_layer(stage.mh, stage.mw, stage.input.dtype.bits, stage.accumulate == DSP)
    pixels = stage.input.pixels
    layer = Resources(lut=lut * pixels, ff=ff * pixels + 4, carry4=carry4 * pixels, dsp=dsp_slices(stage))
    return layer + fitted("fixed") + skid(stage.output.width_bits)


def mvtu(stage: Mvtu) -> Resources:
    """PEs (product sum, accumulator that starts at minus the threshold), ROMs, fold counters, skid buffer."""
    if stage.is_fixed and not stage.runtime:
        return fixed_mvtu(stage)
    depth = stage.neuron_fold * stage.synapse_fold
    # Weights that can be loaded are nowhere constant or in common.
    different = 1 << 30 if stage.runtime else depth
    thresholded = stage.threshold is not None
    places = sum(clog2(n) for n in (stage.synapse_fold, stage.neuron_fold, depth) if n > 1)
    registers = dot_registers(stage, different) + (sum_bits(stage) if stage.synapse_fold > 1 else 0)
    if stage.accumulate == DSP:
        # The slice holds sum and start; the count is one number instead of two rows.
        registers -= (sum_bits(stage) if stage.synapse_fold > 1 else 0) + clog2(stage.simd + 1)
    input_registers = operand_bits(stage) + (stage.input.width_bits if stage.weight_memory == BLOCK else 0)
    units = stage.pe * stage.input.pixels
    total = product(stage, different) + Resources(ff=registers * units, dsp=dsp_slices(stage))
    total += Resources(ff=places + input_registers + 8) + fitted("mvtu", counter_bits=places)
    total += weight_memory(stage, stage.weight_memory)
    if stage.runtime:
        total += fitted("runtime", memories=1 + thresholded)
        if thresholded:
            total += config_ram(stage.pe * stage.threshold_bits, stage.neuron_fold, LOGIC)
        return total + skid(stage.output.width_bits)
    if thresholded and stage.neuron_fold > 1:
        width = stage.pe * stage.threshold_bits
        # Read, then held back until a neuron's first beat; a DSP slice does that itself.
        copies = 1 if stage.accumulate == DSP else 2
        own = copies * distinct_columns(width, stage.neuron_fold) + clog2(stage.neuron_fold)
        total += Resources(lut=rom_lut(width, stage.neuron_fold), ff=own)
    return total + skid(stage.output.width_bits)


def sum_bits(stage: Mvtu) -> int:
    """Bits of an MVTU's accumulator, each a site of its ternary adder."""
    if stage.threshold is not None:
        return stage.accumulator.bits + 1
    return stage.output.dtype.bits - (1 if stage.input.dtype.is_bipolar else 0)


def product(stage: Mvtu, depth: int) -> Resources:
    """LUT sites and CARRY4 of product sums and accumulators of all pixels, weights from ``depth`` words."""
    pe, simd, pixels = stage.pe, stage.simd, stage.input.pixels
    if stage.input.dtype.bits > 1:
        return integer_product(stage, depth)
    count_bits = clog2(simd + 1)
    if depth == 1 and pe > 1:
        # Each PE counts the inputs of weight 1, about half of them, and all share the count of all.
        own = count_sites(simd // 2) + count_bits + sum_bits(stage)
        lut = pe * own + count_sites(simd) + count_bits
        chains = pe * (count_carry4(simd // 2) + chain4(count_bits) + chain4(sum_bits(stage)))
        chains += count_carry4(simd) + chain4(count_bits)
        total = Resources(lut=lut, carry4=chains) + fitted("constant", pe_bits=pe * count_bits)
        return Resources(lut=total.lut * pixels, carry4=total.carry4 * pixels)
    if DSP not in (stage.accumulate, stage.match) and is_sequenced(depth, simd):
        lut, _, carry4 = sequence_dot(simd)
    else:
        lut, carry4 = match_dot_sites(simd, stage.chains), match_dot_carry4(simd, stage.chains)
    units = pe * pixels
    total = Resources(lut=lut * units, carry4=carry4 * units)
    if stage.match == DSP:
        total += fitted("match_dsp", lanes=units * simd)
    if stage.accumulate == DSP:
        # The slice adds one number, so the two rows are added up before it.
        quantities = {"units": units, "count_bits": units * count_bits}
        return total + fitted("accumulate_dsp", **quantities, thresholded=stage.threshold is not None)
    return total + Resources(lut=sum_bits(stage) * units, carry4=chain4(sum_bits(stage)) * units)


def dsp_slices(stage: Mvtu) -> int:
    """DSP slices: four accumulators in one, 48 inputs compared in one, last sums of two neurons in two."""
    units = stage.pe * stage.input.pixels
    if stage.is_fixed:
        return 2 * ceil(units / 2) if stage.accumulate == DSP else 0
    slices = ceil(units / 4) if stage.accumulate == DSP else 0
    return slices + (ceil(units * stage.simd / DSP_LANES) if stage.match == DSP else 0)


def integer_product(stage: Mvtu, depth: int) -> Resources:
    """Sums of three that all PEs share; each PE chooses one of each triple, and adds them up."""
    bits, signed = stage.input.dtype.bits, stage.input.dtype.is_signed
    term_bits = bits + 2 + (0 if signed else 1)
    triples = -(-stage.simd // 3)
    units = stage.pe * stage.input.pixels
    total = Resources(lut=units * sum_bits(stage), carry4=units * chain4(sum_bits(stage)))
    for values in summed(stage):
        lut, carry4 = triple_sum_sites(values, bits, signed), triple_sum_carry4(values, bits, signed)
        total += Resources(lut=lut, carry4=carry4)
    if triples == 1:
        chosen = term_bits if depth > 1 and stage.simd > 1 else 0
        return total + Resources(lut=units * chosen)
    return total + fitted("integer", term_bits=units * triples * term_bits)


def config_ram(width: int, depth: int, memory: str) -> Resources:
    """Memory that can be loaded and read back: RAM, a multiplexer of words, address choice and decoding."""
    words = ceil(width / 32)
    address = clog2(depth) if depth > 1 else 0
    multiplexer = 0 if words == 1 else min(width, 32) * ceil(words / 4)
    control = Resources(
        lut=multiplexer + words + 12 + address * (1.0 if memory == BLOCK else 0.5),
        ff=words + 33 + (address + 1 if memory == BLOCK and depth > 1 else 0),
    )
    if depth > 1 and memory == BLOCK:
        return control + Resources(bram36=config_ram_bram36(width, depth), ff=width)
    return control + Resources(lut=config_ram_lut(width, depth), ff=width)


def weight_memory(stage: Mvtu, memory: str) -> Resources:
    """Weights: RAM where they can be loaded, else constants at depth 1 or a ROM with a registered output."""
    width, depth = stage.pe * stage.simd, stage.neuron_fold * stage.synapse_fold
    if stage.runtime:
        return config_ram(width, depth, memory)
    if depth == 1:
        return Resources()
    if memory == BLOCK:
        return Resources(lut=block_lut(width, depth), bram36=bram36(width, depth), ff=width)
    return Resources(lut=rom_lut(width, depth), ff=distinct_columns(width, depth))


def pool(stage: Pool) -> Resources:
    """OR and a RAM with an asynchronous read; place counters; skid buffer."""
    lanes = stage.output.width_bits
    depth = stage.output.groups_per_row * stage.input.beats_per_pixel
    places = clog2(stage.input.groups_per_row + 1) + clog2(stage.input.height + 1) + clog2(depth) + 3
    several = stage.input.beats_per_pixel > 1
    beats = clog2(stage.input.beats_per_pixel) + clog2(depth) - 1 if several else 0
    control = Resources(ff=places + clog2(depth) + beats)
    control += fitted("pool", place_bits=places, several=several)
    return control + Resources(lut=ram_lut(lanes, depth) + lanes / 2) + skid(lanes)


def threshold_unit(stage: ThresholdUnit) -> Resources:
    """A comparator a lane (a LUT for two bits), thresholds in a ROM, skid buffer."""
    bits, lanes = stage.input.dtype.bits, stage.input.lanes
    field = (bits + 2) * lanes
    rom = Resources(lut=rom_lut(field, stage.input.beats_per_pixel), ff=field)
    lanes *= stage.input.pixels
    return rom + Resources(lut=lanes * (bits / 2 + 2) + 4, ff=lanes * bits + 4) + skid(lanes)


def scores(stage: Scores) -> Resources:
    """Comparator of a score with the best so far, output choice, skid buffer."""
    bits = stage.input.dtype.bits
    total = Resources(ff=bits + 2 * clog2(stage.classes + 1)) + skid(bits + 1)
    total += fitted("scores", score_bits=bits)
    if stage.input.lanes > 1:
        total += converter(stage.classes, bits, stage.input.lanes, 1)
    return total


def fifo(stage: Fifo) -> Resources:
    """RAM, two addresses and a counter; a skid buffer up to two beats."""
    bits = stage.input.width_bits
    if stage.depth <= 2:
        return skid(bits)
    address = clog2(stage.depth)
    wraps = stage.depth != 1 << address
    control = fitted("fifo", address_bits=address, wraps=wraps)
    return control + Resources(ff=3 * address + 2) + ram(bits, stage.depth, stage.memory)


def core_resources(stages: Sequence[Stage]) -> Resources:
    """Predicted resources of a core: its stages, and the configuration port where weights can be loaded."""
    port = CONFIG_PORT if any(isinstance(s, Mvtu) and s.runtime for s in stages) else Resources()
    return sum(map(stage_resources, stages), port)


def stage_resources(stage: Stage) -> Resources:
    """Predicted resources of a stage; what is fitted is rounded to whole ones, and none is below 0."""
    total = raw_resources(stage)
    lut, ff, carry4 = (float(max(0, round(value))) for value in (total.lut, total.ff, total.carry4))
    return Resources(lut, ff, total.bram36, total.dsp, carry4)


def raw_resources(stage: Stage) -> Resources:
    """Predicted resources of a stage as the laws give them."""
    if isinstance(stage, Window):
        return full_window(stage) if stage.full else ring_window(stage)
    if isinstance(stage, Converter):
        source = stage.input
        bits = source.dtype.bits * source.pixels
        return converter(source.channels, bits, source.lanes, stage.output.lanes)
    return _LAWS[type(stage)](stage)


_LAWS: dict[type[Stage], Callable[[Any], Resources]] = {
    Mvtu: mvtu,
    Split: split,
    Align: align,
    Pool: pool,
    ThresholdUnit: threshold_unit,
    Fifo: fifo,
    Scores: scores,
}
