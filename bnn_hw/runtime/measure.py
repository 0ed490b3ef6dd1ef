"""The bench's measurements; each figure carries its unit and its source (Python 3.8)."""

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from bnn_hw.runtime.accelerator import Accelerator, Answers
from bnn_hw.runtime.bench_pictures import Golden, read_pictures
from bnn_hw.runtime.clock_check import measure_clock
from bnn_hw.runtime.engine import Counters
from bnn_hw.runtime.errors import AcceleratorError
from bnn_hw.runtime.meters import Meter
from bnn_hw.runtime.sampling import for_seconds, sample_during

Figures = Dict[str, Dict[str, Any]]
COUNTERS = "cycle counters of the hardware"
SIMULATED = "cycle counters of the simulated hardware"


class Settings(NamedTuple):
    """frames: of a call; repeats, warm_up: such calls; gates: single frames; power_s: at rest and at work."""

    frames: int = 1000
    repeats: int = 5
    warm_up: int = 1
    gates: int = 200
    power_s: float = 10.0
    clock_s: float = 0.5


def figure(value: Optional[float], unit: str, source: str) -> Dict[str, Any]:
    """One figure; None where it could not be measured, then the source says why."""
    return {"value": value, "unit": unit, "source": source}


class Bench:
    """Measures one accelerator. figures: what was found, by name; notes: what a reader must know."""

    def __init__(self, accelerator: Accelerator, golden: Golden, settings: Settings) -> None:
        self.accelerator, self.golden, self.settings = accelerator, golden, settings
        self.device = accelerator.device
        self.figures: Figures = {}
        self.notes: List[str] = []
        self.faults: List[AcceleratorError] = []
        repeats = -(-settings.frames // len(golden.images))
        self.images = np.concatenate([golden.images] * repeats)[: settings.frames]
        self.raw = np.concatenate([golden.raw] * repeats)[: settings.frames]
        self.classes = np.concatenate([golden.classes] * repeats)[: settings.frames]
        scores = accelerator.engine.gives_scores
        self.compared = "every integer score and class" if scores else "every class (it tells no scores)"
        self.time = self.device.time_source
        self.counting = SIMULATED if self.device.kind == "simulation" else COUNTERS

    def run(self, meter: Optional[Meter], pictures: Optional[Path]) -> None:
        """Measure everything; a fault of the meter or of the pictures does not lose the other figures."""
        self.check_golden()
        for _ in range(self.settings.warm_up):
            self.accelerator.classify(self.images)
        self.clock()
        self.alone()
        self.throughput()
        self.latency()
        if pictures is not None:
            self._keep_going(lambda: self.accuracy(pictures))
        if meter is not None:
            self._keep_going(lambda: self.power(meter))
        else:
            self._set("power", None, "W", "no meter was named: --power")

    def _keep_going(self, work: Any) -> None:
        try:
            work()
        except AcceleratorError as error:
            self.faults.append(error)

    def _set(self, name: str, value: Optional[float], unit: str, source: str) -> None:
        self.figures[name] = figure(None if value is None else float(value), unit, source)

    def check_golden(self) -> None:
        """Compare every integer score of the golden vectors."""
        answers = self.accelerator.classify(self.golden.images)
        wrong = np.flatnonzero(self._differ(answers, self.golden.raw, self.golden.classes))
        source = "golden vectors, " + self.compared
        self._set("golden_vectors", len(self.golden.images), "pictures", source)
        self._set("golden_mismatches", len(wrong), "pictures", source)
        for index in wrong[:3]:
            text = "golden vector {}: expected {}, class {}, got {}, class {}"
            expected = self.golden.raw[index].tolist(), self.golden.classes[index]
            self.notes.append(
                text.format(index, *expected, answers.raw[index].tolist(), answers.classes[index])
            )

    def _differ(self, answers: Answers, raw: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Tell of each frame whether the answer is another than expected, (frames,) bool."""
        differ = np.asarray(answers.classes != classes)
        if self.accelerator.engine.gives_scores:
            differ |= (answers.raw != raw).any(axis=1)
        return differ

    def _counters(self) -> Optional[Counters]:
        return self.accelerator.counters()

    def clock(self) -> None:
        """The clock as built for, as set and as counted."""
        manifest = self.accelerator.manifest
        self._set("clock_built_for", manifest.clock_hz / 1e6, "MHz", "manifest")
        asked = self.device.clock_hz
        self._set(
            "clock_set",
            asked / 1e6 if asked else None,
            "MHz",
            "dividers and the board's crystal"
            if asked
            else "the {} device has none".format(self.device.name),
        )
        found = measure_clock(self.device, self.accelerator.engine, self.settings.clock_s)
        if found is None:
            reason = "the {} device has no clock apart from its cycles".format(self.device.name)
            if self.device.kind == "board":
                reason = "this accelerator counts no cycles"
            self._set("clock_measured", None, "MHz", reason)
            return
        source = "cycle counter against the {}, +-{:.2g} MHz".format(self.time, found.uncertainty_hz / 1e6)
        self._set("clock_measured", found.hz / 1e6, "MHz", source)

    def _clock_hz(self) -> Optional[float]:
        found = self.figures["clock_measured"]["value"]
        if found is not None:
            return float(found) * 1e6
        return float(self.accelerator.manifest.clock_hz) if self.device.kind == "simulation" else None

    def alone(self) -> None:
        """The accelerator without processor: interval from a job of one frame and one of many."""
        count = min(len(self.images), self.accelerator.batch)
        spans = [self._span(1), self._span(count)] if count > 1 else [None, None]
        if spans[0] is None or spans[1] is None:
            reason = "the {} device counts no cycles".format(self.device.name)
            self._set("interval", None, "cycles", reason)
            self._set("fps_accelerator", None, "frames/s", reason)
            return
        interval = (spans[1] - spans[0]) / (count - 1)
        source = "{}: (job of {} frames - job of 1) / {}".format(self.counting, count, count - 1)
        self._set("interval", interval, "cycles", source)
        self._set("latency_accelerator", spans[0], "cycles", self.counting + ": job of 1 frame")
        clock = self._clock_hz()
        self._set(
            "fps_accelerator", clock / interval if clock else None, "frames/s", source + ", by the clock"
        )

    def _span(self, frames: int) -> Optional[int]:
        """Cycles from the first beat in to the last word out of one job."""
        self.accelerator.clear_counters()
        self.accelerator.classify(self.images[:frames])
        counters = self._counters()
        return counters.first_to_last if counters else None

    def throughput(self) -> None:
        """Frames a second end to end, from arrays to answers, and what held the accelerator up meanwhile."""
        settings, rates, cycles, wrong = self.settings, [], [], 0
        self.accelerator.clear_counters()
        before = self._counters()
        for _ in range(settings.repeats):
            start = self.device.seconds()
            answers = self.accelerator.classify(self.images)
            rates.append(len(self.images) / (self.device.seconds() - start))
            wrong += int(self._differ(answers, self.raw, self.classes).sum())
            after = self._counters()
            if before and after:
                cycles.append((after.cycles - before.cycles) / len(self.images))
            before = after
        source = "{}, {} calls of {} frames".format(self.time, settings.repeats, len(self.images))
        for name, value in (("", np.median(rates)), ("_least", min(rates)), ("_greatest", max(rates))):
            self._set("fps_end_to_end" + name, value, "frames/s", source + (", median" if not name else ""))
        self._set("timed_mismatches", wrong, "pictures", self.compared + " of the timed frames")
        if cycles:
            self._set("cycles_end_to_end", np.median(cycles), "cycles/frame", self.counting + ", median")
        if before and before.busy_cycles:
            for name, count in (("input", before.stalled_in), ("output", before.stalled_out)):
                share = 100 * count / before.busy_cycles
                self._set("stalled_" + name, share, "% of busy cycles", self.counting)
        lost = getattr(self.accelerator.engine, "lost_interrupts", 0)
        self._set("interrupts_lost", lost, "jobs", "the driver")

    def latency(self) -> None:
        """One frame at a time in gate mode: from the call to the answer, and in the accelerator alone."""
        times, cycles = [], []
        for index in range(self.settings.gates):
            image = self.images[index % len(self.images)]
            self.accelerator.clear_counters()
            start = self.device.seconds()
            self.accelerator.gate(image)
            times.append(self.device.seconds() - start)
            counters = self._counters()
            if counters:
                cycles.append(counters.first_to_last)
        if not times:
            return
        source = "{}, {} single frames in gate mode".format(self.time, len(times))
        for name, share in (("p50", 50), ("p99", 99), ("max", 100)):
            self._set("latency_" + name, 1e3 * float(np.percentile(times, share)), "ms", source)
        if cycles:
            self._set("latency_gate_least", min(cycles), "cycles", self.counting)
            self._set("latency_gate_greatest", max(cycles), "cycles", self.counting)

    def accuracy(self, path: Path) -> None:
        """Share of labelled pictures whose class is right."""
        pictures = read_pictures(path, self.accelerator.manifest)
        answers = self.accelerator.classify(pictures.images)
        known = pictures.labels >= 0
        right = int((answers.classes[known] == pictures.labels[known]).sum())
        source = "{} labelled of {} pictures in {}".format(int(known.sum()), len(known), path)
        self._set("accuracy", 100 * right / known.sum() if known.any() else None, "%", source)

    def power(self, meter: Meter) -> None:
        """Power at rest and at work, and the energy of a frame with and without what rest takes."""
        seconds, done = self.settings.power_s, [0]

        def step() -> None:
            self.accelerator.classify(self.images)
            done[0] += len(self.images)

        self.accelerator.gate(self.images[0])  # leaves the accelerator's clock standing
        idle = sample_during(meter, for_seconds(seconds))
        start = self.device.seconds()
        busy = sample_during(meter, for_seconds(seconds, step))
        rate = done[0] / (self.device.seconds() - start)
        source = "{}, {} samples in {:g} s".format(meter.source, busy.samples, seconds)
        rest = "{}, {} samples, loaded and at rest".format(meter.source, idle.samples)
        self._set("power", busy.mean_w, "W", source)
        self._set("power_idle", idle.mean_w, "W", rest)
        self._set("energy_frame", 1e3 * busy.mean_w / rate, "mJ", source + ", by the frames of that time")
        net = 1e3 * (busy.mean_w - idle.mean_w) / rate
        self._set("energy_frame_net", net, "mJ", "as energy_frame, idle power subtracted")
