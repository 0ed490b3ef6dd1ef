"""Rows of the report: figures with their unit, their source and what they are compared with.

Sources: predicted (the plan), simulated (Verilator), synthesised (Yosys),
executed (the integer graph), published (a paper).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from bnn_hw.pipeline.record import Resources
from bnn_hw.pipeline.stages import Mvtu
from bnn_hw.report.data import ReportData

RESOURCES = (("lut", "LUT"), ("ff", "FF"), ("bram36", "BRAM36"), ("dsp", "DSP48"))


def number(value: float | None, digits: int = 0) -> str:
    """Format with thousands separators; halves of a BRAM keep their .5, None is a dash."""
    if value is None:
        return "–"
    if digits == 0 and abs(value - round(value)) > 1e-9 and abs(value) < 1000:
        digits = 1
    return signed(f"{value:,.{digits}f}")


def signed(text: str) -> str:
    """Write a leading hyphen as the minus sign, which is as wide as the plus."""
    return text.replace("-", "\u2212") if text.startswith("-") else text


def share(value: float | None, whole: float | None) -> str:
    """Format as a percentage; a dash without a whole."""
    return "–" if value is None or not whole else f"{value / whole:.1%}"


def difference(predicted: float | None, measured: float | None) -> str:
    """How far ``measured`` lies from ``predicted``: 'exact', a percentage, or a count where that was zero."""
    if predicted is None or measured is None:
        return "–"
    if abs(measured - predicted) < 1e-9:
        return "exact"
    if predicted == 0:
        return signed(f"{measured:+,g}")
    return signed(f"{measured / predicted - 1:+.1%}")


def duration(seconds: float) -> str:
    """Format a time in the unit that suits it."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.4g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def frequency(hertz: float) -> str:
    return f"{hertz / 1e6:g} MHz"


def plain(name: str) -> str:
    """A class or file name as words."""
    return name.replace("_", " ")


@dataclass(frozen=True)
class Figure:
    """A key figure: value with unit, where it comes from, and a remark."""

    label: str
    value: str
    unit: str
    source: str
    remark: str


@dataclass(frozen=True)
class Comparison:
    """Plan against measurement; measured is None where that step has not run."""

    label: str
    predicted: float
    measured: float | None
    source: str

    @property
    def difference(self) -> str:
        return difference(self.predicted, self.measured)


def measured_resources(data: ReportData) -> Resources | None:
    """Synthesised totals, None without synthesis."""
    return _resources(data.utilisation["total"]) if data.utilisation else None


def _resources(item: dict[str, Any]) -> Resources:
    return Resources(lut=item["lut_sites"], ff=item["ff"], bram36=item["bram36"], dsp=item["dsp"])


def key_figures(data: ReportData) -> list[Figure]:
    """What a reader wants to know first."""
    plan, proof = data.plan, data.verification
    interval = proof["interval_cycles"] if proof else plan.interval_cycles
    latency = proof["latency_cycles"] if proof else plan.latency_cycles
    source = "simulated" if proof else "predicted"
    clock = frequency(plan.clock_hz)
    figures = [
        Figure("Throughput", number(plan.clock_hz / interval), "frames/s", source, f"at {clock}, if met"),
        Figure("Interval", number(interval), "cycles", source, f"bound by {plan.bottleneck}"),
        Figure(
            "Latency", number(latency), "cycles", source, f"{duration(latency / plan.clock_hz)} at {clock}"
        ),
    ]
    measured = measured_resources(data)
    used = dataclasses.asdict(measured or plan.resources)
    source = "synthesised" if measured else "predicted"
    for key, label in RESOURCES:
        whole = getattr(data.available, key)
        if key != "ff":
            unit = "sites" if key == "lut" else ""
            remark = f"{share(used[key], whole)} of {number(whole)}"
            figures.append(Figure(label, number(used[key]), unit, source, remark))
    return figures


def comparisons(data: ReportData) -> list[Comparison]:
    """Cycles and resources, plan against simulation and synthesis."""
    plan, proof, measured = data.plan, data.verification, measured_resources(data)
    rows = [
        Comparison(
            "Interval, cycles", plan.interval_cycles, proof["interval_cycles"] if proof else None, "simulated"
        ),
        Comparison(
            "Latency, cycles", plan.latency_cycles, proof["latency_cycles"] if proof else None, "simulated"
        ),
    ]
    for key, label in RESOURCES:
        found = getattr(measured, key) if measured else None
        text = "LUT sites" if key == "lut" else label
        rows.append(Comparison(text, getattr(plan.resources, key), found, "synthesised"))
    return rows


@dataclass(frozen=True)
class LayerRow:
    """A line of the folding table."""

    name: str
    neurons: int
    synapses: int
    pe: int
    simd: int
    neuron_fold: int
    synapse_fold: int
    memory: str
    cycles: int
    share: float


def layer_rows(data: ReportData) -> list[LayerRow]:
    plan = data.plan
    units = {stage.layer: stage for stage in plan.stages if isinstance(stage, Mvtu)}
    rows = []
    for layer in plan.layers:
        unit = units.get(layer.name)
        neuron_fold = unit.neuron_fold if unit else -(-layer.neurons // layer.pe)
        synapse_fold = unit.synapse_fold if unit else -(-layer.synapses // layer.simd)
        load = layer.cycles / plan.interval_cycles
        rows.append(
            LayerRow(
                layer.name,
                layer.neurons,
                layer.synapses,
                layer.pe,
                layer.simd,
                neuron_fold,
                synapse_fold,
                ("LUT RAM" if layer.runtime else "LUT ROM") if layer.weight_memory == "logic" else "BRAM",
                layer.cycles,
                load,
            )
        )
    return rows


@dataclass(frozen=True)
class StageRow:
    """Resources of one stage; measured is None where it was not synthesised."""

    name: str
    kind: str
    predicted: Resources | None
    measured: Resources | None

    @property
    def difference(self) -> str:
        if self.predicted is None or self.measured is None:
            return "–"
        return difference(self.predicted.lut, self.measured.lut)


def stage_rows(data: ReportData) -> list[StageRow]:
    """One row a stage in the order of the pipeline, then what the synthesis found outside them."""
    found = dict(data.utilisation["stages"]) if data.utilisation else {}
    rows = []
    for stage in data.plan.stages:
        item = found.pop(stage.name, None)
        predicted = data.plan.stage_resources.get(stage.name)
        rows.append(StageRow(stage.name, stage.kind, predicted, _resources(item) if item else None))
    rest = [(name, _resources(item)) for name, item in found.items()]
    rows += [StageRow(name, "", None, item) for name, item in rest if item != Resources()]
    return rows


@dataclass(frozen=True)
class PublishedRow:
    """Ours against a published figure; ratio is ours / theirs or, for throughput, theirs exceeded by."""

    label: str
    ours: str
    source: str
    theirs: str
    ratio: str


def published_rows(data: ReportData, index: int) -> list[PublishedRow]:
    """Compare with ``data.published[index]``: only figures both sides have."""
    other, plan, proof = data.published[index], data.plan, data.verification
    measured = measured_resources(data)
    resources = measured or plan.resources
    made = "synthesised" if measured else "predicted"
    timed = "simulated" if proof else "predicted"
    interval = proof["interval_cycles"] if proof else plan.interval_cycles
    latency = (proof["latency_cycles"] if proof else plan.latency_cycles) / plan.clock_hz
    rows = []
    for key, label in RESOURCES:
        theirs = getattr(other, key, None)
        if theirs is not None:
            ours = getattr(resources, key)
            ratio = f"× {ours / theirs:.2f}" if theirs else "–"
            rows.append(PublishedRow(label, number(ours), made, number(theirs), ratio))
    if other.fps is not None:
        ours = plan.clock_hz / interval
        rows.append(
            PublishedRow("Frames/s", number(ours), timed, number(other.fps), f"× {ours / other.fps:.2f}")
        )
    if other.latency_s is not None:
        ratio = f"× {latency / other.latency_s:.2f}"
        rows.append(PublishedRow("Latency", duration(latency), timed, duration(other.latency_s), ratio))
    if other.power_w is not None:
        rows.append(PublishedRow("Power", "–", "", f"{other.power_w:g} W", "–"))
    return rows
