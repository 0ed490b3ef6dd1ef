"""What each stage takes on an xc7 part: LUT sites, flip-flops, block RAM, DSP.

A law a kind of unit, in terms of what the unit consists of. The structure comes
from the SystemVerilog library, from the structural arithmetic
(:mod:`bnn_hw.plan.sites`, exact counts) and from the LUT and RAM primitives
(:mod:`bnn_hw.plan.memory`). What is left, control logic mostly, has constants fitted
to units synthesised one by one with Yosys and packed into LUT sites
(:mod:`bnn_hw.plan.laws`).
"""

from __future__ import annotations

from math import ceil

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
from bnn_hw.plan.laws import fitted_lut
from bnn_hw.plan.memory import (
    BLOCK,
    LOGIC,
    block_lut,
    bram36,
    config_ram_bram36,
    config_ram_lut,
    distinct_columns,
    ram_lut,
    ram_style,
    rom_lut,
)
from bnn_hw.plan.sites import (
    count_sites,
    fixed_layer,
    is_sequenced,
    match_dot_bits,
    match_dot_sites,
    sequence_dot,
    triple_sum_sites,
)

# LUT sites that a count of matches takes more than two rows of the same sum, by the generators' netlists.
ONE_NUMBER_LUT = 3.0

# LUT sites that a DSP slice saves which compares 48 inputs with weights: not synthesised here; the
# generators' netlists of 48 lanes count 41 sites against 27.
MATCH_LUT_A_DSP = 13.0


def clog2(value: int) -> int:
    """Bits that count ``value`` states, at least one."""
    return max(1, (value - 1).bit_length())


def skid(bits: int) -> Resources:
    """Skid buffer: two 2:1 multiplexers share a LUT6; two registers a bit."""
    return Resources(lut=bits / 2 + 3, ff=2 * bits + 2)


def ram(bits: int, depth: int, memory: str) -> Resources:
    """Buffer memory with a registered read."""
    if memory == BLOCK or (memory != LOGIC and ram_style(bits, depth) == BLOCK):
        return Resources(bram36=bram36(bits, depth))
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
    control = Resources(
        lut=padded
        + fitted_lut(
            "ring", place_bits=places, difference_bits=differences, wrap_bits=wrap, several_windows=several
        ),
        ff=2 * address + differences + moves + places + 1,
    )
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
    control = Resources(
        lut=fitted_lut("full_window", place_bits=places, replay_bits=clog2(stage.replay)),
        ff=places + clog2(stage.replay) + 1,
    )
    registers = stage.output.width_bits
    window = Resources(lut=delay, ff=registers - (lines if rest > 0 else 0))
    return skid(bits) + control + window


def converter(channels: int, bits: int, lanes_in: int, lanes_out: int) -> Resources:
    """Skid buffer on the narrow side; shift registers that gather and scatter a group."""
    group = latency.converter_group(channels, lanes_in, lanes_out)
    total = skid(min(lanes_in, lanes_out) * bits)
    for lanes, is_output in ((lanes_in, False), (lanes_out, True)):
        beats = ceil(group / lanes)
        if beats > 1:
            # A scattered group is loaded or shifted: a multiplexer a bit, but for the last word.
            # Those of single values share sites by twos.
            multiplexer = (group - lanes) * bits * (1 if lanes > 1 else 0.5) if is_output else 0
            total += Resources(lut=1 + clog2(beats) + multiplexer, ff=beats * lanes * bits + clog2(beats) + 1)
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
    triples = -(-simd // 3)
    groups = ceil(simd / latency.DOT_GROUP_INTEGER)
    row0, row1 = bits + 3 + clog2(triples), clog2(triples + 1)
    return (row0 + row1) * (groups + 1 if groups > 1 else 1)


def fixed_mvtu(stage: Mvtu) -> Resources:
    """A layer that is not folded: sums of constant signs, compared with constants, and a skid buffer."""
    lut, ff = fixed_layer(stage.mh, stage.mw, stage.input.dtype.bits, stage.accumulate == DSP)
    pixels = stage.input.pixels
    layer = Resources(lut=lut * pixels + fitted_lut("fixed"), ff=ff * pixels + 4, dsp=dsp_slices(stage))
    return layer + skid(stage.output.width_bits)


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
    input_registers = stage.input.width_bits * (2 if stage.weight_memory == BLOCK else 1)
    control = fitted_lut("mvtu", counter_bits=places)
    pixels = stage.input.pixels
    total = Resources(lut=product_lut(stage, different) * pixels + control, ff=registers * stage.pe * pixels)
    total += Resources(ff=places + input_registers + 8, dsp=dsp_slices(stage))
    if stage.runtime:
        total += config_ram(stage.pe * stage.simd, depth, stage.weight_memory)
        if thresholded:
            total += config_ram(stage.pe * stage.threshold_bits, stage.neuron_fold, LOGIC)
        return total + skid(stage.output.width_bits)
    total += weight_rom(stage, depth)
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


def product_lut(stage: Mvtu, depth: int) -> float:
    """LUT sites of the product sums and accumulators, weights from ``depth`` words."""
    pe, simd = stage.pe, stage.simd
    if stage.input.dtype.bits > 1:
        return integer_product_lut(stage, depth)
    if depth == 1 and pe > 1:
        # Each PE counts the inputs of weight 1, about half of them, and all share the count of all.
        count_bits = clog2(simd + 1)
        own = count_sites(simd // 2) + count_bits + sum_bits(stage)
        return pe * own + count_sites(simd) + count_bits + fitted_lut("constant", pe_bits=pe * count_bits)
    accumulate = ONE_NUMBER_LUT if stage.accumulate == DSP else sum_bits(stage)
    if DSP not in (stage.accumulate, stage.match) and is_sequenced(depth, simd):
        return pe * (sequence_dot(simd)[0] + accumulate)
    saved = MATCH_LUT_A_DSP * simd / DSP_LANES if stage.match == DSP else 0.0
    return pe * (match_dot_sites(simd, stage.chains) - saved + accumulate)


def dsp_slices(stage: Mvtu) -> int:
    """DSP slices: four accumulators in one, 48 inputs compared in one, last sums of two neurons in two."""
    units = stage.pe * stage.input.pixels
    if stage.is_fixed:
        return 2 * ceil(units / 2) if stage.accumulate == DSP else 0
    slices = ceil(units / 4) if stage.accumulate == DSP else 0
    return slices + (ceil(units * stage.simd / DSP_LANES) if stage.match == DSP else 0)


def integer_product_lut(stage: Mvtu, depth: int) -> float:
    """Sums of three that all PEs share; each PE chooses one of each triple, and adds them up."""
    bits = stage.input.dtype.bits
    term_bits = bits + 2 + (0 if stage.input.dtype.is_signed else 1)
    triples = -(-stage.simd // 3)
    shared = triple_sum_sites(stage.simd, bits, stage.input.dtype.is_signed)
    if triples == 1:
        chosen = term_bits if depth > 1 and stage.simd > 1 else 0
        return shared + stage.pe * (chosen + sum_bits(stage))
    return (
        shared + stage.pe * sum_bits(stage) + fitted_lut("integer", term_bits=stage.pe * triples * term_bits)
    )


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


def weight_rom(stage: Mvtu, depth: int) -> Resources:
    """Weights: constants at depth 1, else a ROM with a registered output."""
    width = stage.pe * stage.simd
    if depth == 1:
        return Resources()
    if stage.weight_memory == BLOCK:
        return Resources(lut=block_lut(width, depth), bram36=bram36(width, depth), ff=width)
    return Resources(lut=rom_lut(width, depth), ff=distinct_columns(width, depth))


def pool(stage: Pool) -> Resources:
    """OR and a RAM with an asynchronous read; place counters; skid buffer."""
    lanes = stage.output.width_bits
    depth = stage.output.groups_per_row * stage.input.beats_per_pixel
    places = clog2(stage.input.groups_per_row + 1) + clog2(stage.input.height + 1) + clog2(depth) + 3
    several = stage.input.beats_per_pixel > 1
    beats = clog2(stage.input.beats_per_pixel) + clog2(depth) - 1 if several else 0
    control = Resources(lut=2 * places + (12 if several else 0), ff=places + clog2(depth) + beats)
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
    total = Resources(lut=1.2 * bits + 6, ff=bits + 2 * clog2(stage.classes + 1)) + skid(bits + 1)
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
    control = 4 * address + fitted_lut("fifo", wraps=wraps)
    return Resources(lut=control, ff=3 * address + 2) + ram(bits, stage.depth, stage.memory)


def stage_resources(stage: Stage) -> Resources:
    """Predicted resources of a stage; LUT sites and flip-flops rounded to whole ones."""
    total = raw_resources(stage)
    return Resources(float(round(total.lut)), float(round(total.ff)), total.bram36, total.dsp)


def raw_resources(stage: Stage) -> Resources:
    """Predicted resources of a stage as the laws give them."""
    if isinstance(stage, Window):
        return full_window(stage) if stage.full else ring_window(stage)
    if isinstance(stage, Mvtu):
        return mvtu(stage)
    if isinstance(stage, Converter):
        source = stage.input
        bits = source.dtype.bits * source.pixels
        return converter(source.channels, bits, source.lanes, stage.output.lanes)
    if isinstance(stage, Split):
        return split(stage)
    if isinstance(stage, Align):
        return align(stage)
    if isinstance(stage, Pool):
        return pool(stage)
    if isinstance(stage, ThresholdUnit):
        return threshold_unit(stage)
    if isinstance(stage, Fifo):
        return fifo(stage)
    assert isinstance(stage, Scores)
    return scores(stage)
