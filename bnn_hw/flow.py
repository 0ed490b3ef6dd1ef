"""The flow: the visible list of steps from a QONNX file to a verified accelerator and its report.

Every command is one call here. Results live in
``<out>/<network>/<board>/<goal>/<step>/`` and are used again while their
inputs are unchanged.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bnn_hw import __version__
from bnn_hw.board import Board, load_board
from bnn_hw.data.folder import find_data_set
from bnn_hw.errors import DataError
from bnn_hw.finn_flow import TITLES as FINN_TITLES
from bnn_hw.finn_flow import FinnOptions, FinnSteps
from bnn_hw.implement import Implementation
from bnn_hw.implement_flow import TITLES as IMPLEMENT_TITLES
from bnn_hw.implement_flow import ImplementSteps, bit_state, bit_versions, package_bit
from bnn_hw.ir import Graph, store
from bnn_hw.ir.twin import permuted
from bnn_hw.package.write import Contents, write_package
from bnn_hw.pictures import PictureGroup, picture_groups, proof_pictures
from bnn_hw.pipeline import record
from bnn_hw.pipeline.arithmetic import FIXED, RUNTIME, STRUCTURAL
from bnn_hw.pipeline.core import load as load_core
from bnn_hw.pipeline.record import Plan, Resources
from bnn_hw.pipeline.shell import load as load_shell
from bnn_hw.pipeline.stages import Mvtu
from bnn_hw.plan import make_plan
from bnn_hw.plan.budget import check_utilisation, parse_limits
from bnn_hw.plan.goal import parse_goal
from bnn_hw.power import TITLES as POWER_TITLES
from bnn_hw.power import ActivityStep
from bnn_hw.predict import class_names, write_predictions
from bnn_hw.progress import Reporter
from bnn_hw.report import Published, ReportData, write_report
from bnn_hw.rtl.emit import emit
from bnn_hw.rtl.load import load_image
from bnn_hw.sim import netlist
from bnn_hw.sim.reload import Reload
from bnn_hw.sim.verify import to_json as proof_json
from bnn_hw.sim.verify import verify
from bnn_hw.soc.emit import emit_shell
from bnn_hw.source import Source
from bnn_hw.steps import Pipeline, Step, StepResult, digest_file, digest_tree
from bnn_hw.synth.utilisation import Reference
from bnn_hw.synth.yosys import Options as Mapping
from bnn_hw.synth.yosys import synthesise

TITLES = {
    "graph": "import the network into the integer graph",
    "plan": "fold the layers onto the part",
    "rtl": "generate SystemVerilog",
    "verify": "prove it against the integer graph",
    "synth": "synthesise for utilisation",
    "netlist": "prove the netlist equal to the RTL",
    "predict": "classify pictures",
    "report": "write the report",
    "soc": "put the shell around the core",
    "package": "write the folder for the board",
    **POWER_TITLES,
    **FINN_TITLES,
    **IMPLEMENT_TITLES,
}


@dataclass(frozen=True)
class Options:
    """What to build. ``network`` is a design's name or a QONNX file, ``board`` a name or a TOML file.

    clock_hz: None takes the board's; input_scale, input_offset: what a pixel
    means to a QONNX file that belongs to no design (network input = scale *
    pixel + offset); frames: pictures in the proof; pictures: files to classify
    instead of the design's own; data: the data set's folder; arithmetic: one of
    bnn_hw.pipeline.arithmetic.ARITHMETIC; weights: fixed, or runtime for weights and
    thresholds of all layers that can be loaded (a folding file says it by layer);
    limit, utilisation: what of the part the core may take, as in bnn_hw.plan.make_plan;
    bit: bit file for the package, None for that of the step bitstream, where that has
    run; bitstream: True runs it, False leaves it out; finn: for the FINN back end.
    """

    network: str
    board: str
    goal: str
    out: Path = Path("build")
    clock_hz: int | None = None
    input_scale: str | None = None
    input_offset: str | None = None
    frames: int = 20
    seed: int = 1
    pictures: tuple[Path, ...] = ()
    data: Path | None = None
    arithmetic: str = STRUCTURAL
    limit: str | None = None
    utilisation: float | None = None
    weights: str = FIXED
    bit: Path | None = None
    bitstream: bool | None = None
    finn: FinnOptions = field(default_factory=FinnOptions)
    implementation: Implementation = field(default_factory=Implementation)


class Flow:
    """One design on one board for one goal, step by step."""

    def __init__(self, options: Options, reporter: Reporter | None = None) -> None:
        self.options = options
        self.reporter = reporter or Reporter(quiet=True)
        self.source = Source(options.network, options.input_scale, options.input_offset)
        self.design = self.source.design
        self.board: Board = load_board(options.board)
        parse_goal(options.goal)
        parse_limits(options.limit, self.board.part)
        if options.utilisation is not None:
            check_utilisation(options.utilisation)
        self.pipeline = Pipeline(self._root(), self._steps())

    def _root(self) -> Path:
        options = self.options
        words = [options.goal, options.limit or ""]
        words += [f"{options.utilisation:g}"] if options.utilisation is not None else []
        goal = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(words)).strip("-")
        clock = f"-{options.clock_hz / 1e6:g}MHz" if options.clock_hz else ""
        arithmetic = f"-{options.arithmetic}" if options.arithmetic != STRUCTURAL else ""
        weights = f"-{options.weights}" if options.weights != FIXED else ""
        return options.out / self.design.name / self.board.name / f"{goal}{clock}{arithmetic}{weights}"

    def _steps(self) -> list[Step]:
        """The flow itself, in order: code whose change makes a result stale, and steps needed before."""
        ir = ("ir", "bits.py")
        hardware = (*ir, "pipeline")
        return [
            Step("graph", self._graph_inputs, ("frontend", *ir), (), self._import),
            Step("plan", self._plan_inputs, ("plan", *hardware), ("graph",), self._plan),
            Step("rtl", dict, ("rtl", *hardware), ("plan",), self._generate),
            Step("verify", self._proof_inputs, ("sim", *hardware), ("rtl",), self._verify),
            Step("synth", self._synth_inputs, ("synth", "pipeline"), ("rtl",), self._synthesise),
            Step(
                "netlist", self._proof_inputs, ("sim", *hardware), ("verify", "synth"), self._verify_netlist
            ),
            Step("predict", self._picture_inputs, ("predict.py", "data", *ir), ("graph",), self._predict),
            Step("report", dict, ("report",), ("plan", "verify", "synth", "predict"), self._report),
            Step("soc", self._clock_inputs, ("soc", "rtl/lib", "pipeline"), ("rtl",), self._shell),
            Step(
                "package",
                self._package_inputs,
                ("package", "runtime", "manifest.py", "soc", *ir),
                ("plan", "soc"),
                self._package,
            ),
            *ActivityStep(self).steps(),
            *FinnSteps(self).steps(),
            *ImplementSteps(self).steps(),
        ]

    def until(self, step: str) -> list[StepResult]:
        """Run ``step`` and what it needs; finished steps are used again."""
        return self.pipeline.run(step, self._announce)

    def folder(self, step: str) -> Path:
        return self.pipeline.folder(step)

    def _announce(self, step: str, stored: bool) -> None:
        self.reporter.say(f"{step:8} {'unchanged' if stored else TITLES[step]}")

    # What earlier steps left, read once.

    @cached_property
    def graph(self) -> Graph:
        return store.load(self.folder("graph"))

    @cached_property
    def plan(self) -> Plan:
        return record.load(self.folder("plan") / "plan.json")

    @cached_property
    def classes(self) -> list[str]:
        return class_names(self.design.classes, self.graph)

    @cached_property
    def groups(self) -> list[PictureGroup]:
        kind = self.graph.input.type
        return picture_groups(kind, self.classes, self.options.pictures, self.options.data, self.reporter)

    def record(self, step: str, name: str) -> Any:
        """Return a JSON file of a finished step."""
        return json.loads((self.folder(step) / name).read_text())

    # The steps: what each depends on, and what it does.

    def _graph_inputs(self) -> dict[str, Any]:
        spec = str(self.source.spec)
        return {"model": digest_file(self.design.model), "input": spec, "name": self.design.name}

    def _import(self, folder: Path) -> None:
        store.save(self.source.graph(), folder)

    def _plan_inputs(self) -> dict[str, Any]:
        goal = self.options.goal
        named = self.design.foldings.get(goal.removeprefix("folding="))
        path = named.path if named else Path(goal.removeprefix("folding="))
        folding = digest_file(path) if goal.startswith("folding=") and path.is_file() else None
        return {
            "board": asdict(self.board),
            "goal": goal,
            "folding": folding,
            "clock": self.options.clock_hz,
            "arithmetic": self.options.arithmetic,
            "limit": self.options.limit,
            "utilisation": self.options.utilisation,
            "weights": self.options.weights,
        }

    def _plan(self, folder: Path) -> None:
        with self.reporter.bar("planning"):
            plan = make_plan(
                self.graph,
                self.board,
                self.options.goal,
                design=self.design,
                clock_hz=self.options.clock_hz,
                arithmetic=self.options.arithmetic,
                limit=self.options.limit,
                utilisation=self.options.utilisation,
                runtime_weights=self.options.weights == RUNTIME,
            )
        (folder / "plan.json").write_text(record.to_json(plan))

    def _generate(self, folder: Path) -> None:
        emit(self.plan, self.graph, folder / "core")

    def _picture_inputs(self) -> dict[str, Any]:
        try:
            data = str(find_data_set(self.options.data))
        except DataError:
            data = ""
        pictures = [digest_tree(path) for path in self.options.pictures]
        return {"pictures": pictures, "data": data, "classes": self.design.classes}

    def _proof_inputs(self) -> dict[str, Any]:
        return {**self._picture_inputs(), "frames": self.options.frames, "seed": self.options.seed}

    def _verify(self, folder: Path) -> None:
        options, kind = self.options, self.graph.input.type
        images = proof_pictures(kind, self.groups, options.frames, options.seed)
        with self.reporter.bar("compiling the simulation", total=1) as advance:
            report = verify(
                self.folder("rtl") / "core",
                self.plan,
                self.graph,
                images,
                seeds=(options.seed,),
                cache=options.out / "cache",
                progress=lambda run, done, total: advance(done / max(total, 1), f"proof: {run}"),
                reload=self._reload(),
            )
        (folder / "verify.json").write_text(proof_json(report))

    def _reload(self) -> Reload | None:
        """Other weights for the layers whose weights can be loaded, None if there are none."""
        layers = {stage.mac for stage in self.plan.stages if isinstance(stage, Mvtu) and stage.runtime}
        if not layers:
            return None
        other = permuted(self.graph, self.options.seed, layers)
        return Reload(load_image(self.plan, self.graph, other), other)

    def _references(self) -> tuple[Reference, Reference | None]:
        part, published = self.board.part, self.design.published
        ours = Reference(part.name, Resources(part.lut, part.ff, part.bram36, part.dsp))
        if published is None:
            return ours, None
        return ours, Reference(published.source, Resources(published.lut, 0, published.bram36, published.dsp))

    def _synth_inputs(self) -> dict[str, Any]:
        references = [asdict(item) if item else None for item in self._references()]
        return {"references": references, "clock_hz": self.plan.clock_hz}

    def _synthesise(self, folder: Path) -> None:
        part, published = self._references()
        with self.reporter.bar("synthesis", total=1) as advance:
            synthesise(
                self.folder("rtl") / "core",
                "bnn_core",
                folder,
                part,
                progress=lambda step, share: advance(share, f"synthesis: {step}"),
                published=published,
                options=Mapping(clock_hz=self.plan.clock_hz),
                log=self.pipeline.root / "yosys.log",  # outlives the step's folder if it fails
            )

    def _clock_inputs(self) -> dict[str, Any]:
        return {"clock_hz": self.plan.clock_hz}

    def _shell(self, folder: Path) -> None:
        emit_shell(load_core(self.folder("rtl") / "core"), folder / "soc", self.plan.clock_hz)

    def _verify_netlist(self, folder: Path) -> None:
        options, kind = self.options, self.graph.input.type
        images = proof_pictures(kind, self.groups, options.frames, options.seed)[: netlist.FRAMES]
        with self.reporter.bar("compiling the netlist's simulation", total=1) as advance:
            report = netlist.verify_netlist(
                self.folder("rtl") / "core",
                self.folder("synth") / "netlist.v",
                self.plan,
                images,
                seeds=(options.seed,),
                cache=options.out / "cache",
                out=folder / "core",
                progress=lambda run, done, total: advance(done / max(total, 1), f"netlist: {run}"),
            )
        (folder / "verify_netlist.json").write_text(netlist.to_json(report))

    def _predict(self, folder: Path) -> None:
        with self.reporter.bar("classifying pictures"):
            write_predictions(self.graph, self.groups, self.classes, folder)

    def _package_inputs(self) -> dict[str, Any]:
        bit = package_bit(self)
        return {"bit": digest_file(bit) if bit else None, "design": str(self.design), "version": __version__}

    def _package(self, folder: Path) -> None:
        bit = package_bit(self)
        own = bit is not None and bit != self.options.bit
        contents = Contents(
            self.design,
            self.graph,
            self.plan,
            self.board,
            digest=load_shell(self.folder("soc") / "soc").digest,
            classes=tuple(self.classes),
            bit=bit,
            bit_state=bit_state(self) if own else "",
            versions=bit_versions(self) if own else {},
        )
        write_package(contents, folder / contents.name)

    def package_folder(self, step: str = "package") -> Path:
        """Where a step puts the folder for the board."""
        return self.folder(step) / f"{self.design.name}-{self.board.name}"

    def _report(self, folder: Path) -> None:
        write_report(self.report_data(), folder / "report.html")

    def report_data(self) -> ReportData:
        """Collect what the finished steps found."""
        part = self.board.part
        verification = self.record("verify", "verify.json")
        utilisation = self.record("synth", "utilisation.json")
        versions = {
            "bnn_hw": __version__,
            "simulation": verification["simulator"],
            "synthesis": f"{utilisation['tool']} {utilisation['tool_version']}",
        }
        return ReportData(
            design=self.design.name,
            board=self.board.name,
            plan=self.plan,
            available=Resources(part.lut, part.ff, part.bram36, part.dsp),
            utilisation=utilisation,
            verification=verification,
            predictions=self.record("predict", "predictions.json"),
            published=[self._published()] if self.design.published else [],
            versions=versions,
            digests={"graph": self.plan.graph_digest, "model": digest_file(self.design.model)},
        )

    def _published(self) -> Published:
        figures = self.design.published
        assert figures is not None
        scope = "whole system with shell, implemented with Vivado, power measured on the board"
        return Published(
            figures.source,
            scope,
            figures.lut,
            figures.bram36,
            figures.dsp,
            figures.fps,
            figures.latency_s,
            figures.clock_hz,
            figures.power_w,
        )
