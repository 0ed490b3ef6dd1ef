"""The FINN back end's steps of the flow: import, our folding, and FINN's own folding to compare with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnn_hw import __version__
from bnn_hw.finn import backend, environment, handover, vivado
from bnn_hw.finn.folding import finn_folding
from bnn_hw.finn.job import BITFILE, BUILT, CODE, FIFOS
from bnn_hw.package.write import Contents, Foreign, write_package
from bnn_hw.pictures import proof_pictures
from bnn_hw.pipeline.legal import as_chain
from bnn_hw.plan.goal import FOLDING, parse_goal
from bnn_hw.steps import Step

if TYPE_CHECKING:
    from bnn_hw.flow import Flow

MODEL, OURS, AUTO, PACKAGE = "finn-model", "finn", "finn-auto", "finn-package"
TITLES = {
    MODEL: "import the network into FINN",
    OURS: "build with FINN at our folding",
    AUTO: "estimate FINN's own folding",
    PACKAGE: "write the folder for the board with FINN's bit file",
}


@dataclass(frozen=True)
class FinnOptions:
    """How far FINN goes and at what it aims.

    product: one of bnn_hw.finn.job.PRODUCTS or BUILT, None for a bit file where
    Vivado is and FINN has a shell for the board, else generated code; fifos: one of
    bnn_hw.finn.job.FIFOS; target_fps: what SetFolding aims at, None for what our
    plan reaches.
    """

    product: str | None = None
    fifos: str = FIFOS[0]
    target_fps: int | None = None

    @classmethod
    def take(cls, values: dict[str, Any]) -> FinnOptions:
        """Take what begins with ``finn_`` out of a command's options."""
        names = [name for name in values if name.startswith("finn_")]
        return cls(**{name.removeprefix("finn_"): values.pop(name) for name in names})


class FinnSteps:
    """Binds FINN's steps to one flow."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.options = flow.options.finn

    def steps(self) -> list[Step]:
        own = ("finn", "finn_flow.py")
        exact = (*own, "ir", "bits.py", "pipeline")
        return [
            Step(MODEL, self._model_inputs, own, ("graph",), self._import),
            Step(OURS, self._inputs, exact, ("plan", MODEL), self._build),
            Step(AUTO, self._auto_inputs, own, ("plan", MODEL), self._build_auto),
            Step(
                PACKAGE,
                self._package_inputs,
                ("package", "runtime", "manifest.py", *exact),
                ("plan", OURS),
                self._package,
            ),
        ]

    @property
    def product(self) -> str:
        """What is to be made; an earlier result counts only where the options ask for BUILT."""
        if self.options.product == BUILT:
            return str(self._built.get("product", CODE))
        if self.options.product:
            return self.options.product
        possible = vivado.is_installed() and self.flow.board.name in vivado.BOARDS
        return BITFILE if possible else CODE

    @property
    def fifos(self) -> str:
        if self.options.product == BUILT:
            return str(self._built.get("fifos", self.options.fifos))
        return self.options.fifos

    @property
    def _built(self) -> dict[str, Any]:
        """The earlier result, empty where there is none."""
        try:
            return load(self.flow, OURS)
        except (OSError, ValueError):
            return {}

    @property
    def target_fps(self) -> int:
        return self.options.target_fps or ceil(self.flow.plan.fps)

    def _model_inputs(self) -> dict[str, Any]:
        return {"finn": dict(environment.WANTED), "device": self.flow.board.device}

    def _inputs(self) -> dict[str, Any]:
        flow, product = self.flow, self.product
        tools = asdict(vivado.find_xilinx()) if product != CODE else None
        proof = {**flow._picture_inputs(), "frames": flow.options.frames, "seed": flow.options.seed}
        return {**proof, "product": product, "fifos": self.fifos, "tools": tools}

    def _auto_inputs(self) -> dict[str, Any]:
        return {"target_fps": self.options.target_fps}

    def _place(self, step: str, out: Path) -> backend.Place:
        root = self.flow.pipeline.root
        return backend.Place(out, root / f"{step}-work", root / f"{step}.log")

    def _import(self, folder: Path) -> None:
        design, flow = self.flow.design, self.flow
        # The graph's meaning of a pixel, not the design's: a network's own input quantiser may say it.
        source = flow.graph.input
        meaning = (source.scale, source.offset, str(source.type.dtype))
        with flow.reporter.bar("FINN starts", total=1) as advance:
            place = self._place(MODEL, folder)
            key = flow.pipeline.digests[MODEL]
            backend.import_network(design.model, meaning, flow.board.device, key, place, advance)

    def _request(self, **settings: Any) -> backend.Request:
        flow = self.flow
        return backend.Request(
            network=flow.design.name,
            board=flow.board.name,
            device=flow.board.device,
            clock_hz=flow.plan.clock_hz,
            chain=as_chain(flow.graph),
            interval_cycles=flow.plan.interval_cycles,
            key=flow.pipeline.digests[MODEL],
            **settings,
        )

    def _build(self, folder: Path) -> None:
        flow = self.flow
        manual = parse_goal(flow.options.goal).kind == FOLDING
        layers, changes = finn_folding(flow.plan, as_chain(flow.graph), strict=manual)
        for change in changes:
            flow.reporter.say(f"  {change}")
        request = self._request(layers=layers, changes=tuple(changes), product=self.product, fifos=self.fifos)
        pictures = proof_pictures(flow.graph.input.type, flow.groups, flow.options.frames, flow.options.seed)
        self._run(OURS, request, folder, pictures)

    def _build_auto(self, folder: Path) -> None:
        self._run(AUTO, self._request(layers=None, target_fps=self.target_fps), folder, None)

    def _package_inputs(self) -> dict[str, Any]:
        return {"design": str(self.flow.design), "version": __version__}

    def _package(self, folder: Path) -> None:
        flow, built, made = self.flow, load(self.flow, OURS), self.flow.folder(OURS)
        handover.require_bitfile(built)
        foreign = Foreign(
            handover.backend_record(built, flow.graph),
            handover.plan_record(built, flow.plan.goal),
            made / handover.HWH,
        )
        contents = Contents(
            flow.design,
            flow.graph,
            flow.plan,
            flow.board,
            digest=handover.digest(made),
            classes=tuple(flow.classes),
            bit=made / handover.BIT,
            bit_state=handover.bit_state(built),
            versions=dict(built["versions"]),
            foreign=foreign,
        )
        write_package(contents, folder / contents.name)

    def _run(self, step: str, request: backend.Request, folder: Path, pictures: Any) -> None:
        with self.flow.reporter.bar("FINN starts", total=1) as advance:
            imported, place = self.flow.folder(MODEL), self._place(step, folder)
            backend.build(request, imported, self.flow.graph, pictures, place, advance)


def check_tools(flow: Flow) -> None:
    """Find everything that FINN's steps will need, before any work starts.

    Raises ToolError (FINN's environment, Vivado, Vitis HLS or finn-hlslib) and
    ConfigError (FINN has no shell for the board).
    """
    product = FinnSteps(flow).product
    folder = environment.find_environment().folder
    if product == BITFILE:
        vivado.finn_board(flow.board.name)
    if product != CODE:
        vivado.find_xilinx()
        vivado.find_dependencies(folder)


def last_step(flow: Flow) -> str:
    """How far ``build --backend finn`` goes: to the package where there is to be a bit file."""
    return PACKAGE if FinnSteps(flow).product == BITFILE else OURS


def load(flow: Flow, step: str) -> dict[str, Any]:
    """finn.json of a finished step."""
    record: dict[str, Any] = json.loads((flow.folder(step) / backend.RECORD).read_text())
    return record
