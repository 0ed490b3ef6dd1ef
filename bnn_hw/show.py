"""What a command prints of a finished step: text for a person, a record for a program."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

from rich.console import Console

from bnn_hw import finn_flow, implement_flow, manifest
from bnn_hw.finn import show as finn_show
from bnn_hw.flow import Flow
from bnn_hw.package.write import archive_path
from bnn_hw.pipeline.core import load as load_core
from bnn_hw.pipeline.shell import Shell, to_json
from bnn_hw.pipeline.shell import load as load_shell
from bnn_hw.plan.explain import explain, explanation_tables
from bnn_hw.plan.show import plan_tables
from bnn_hw.synth.utilisation import comparison_table, load, stage_table


def render(*items: Any) -> str:
    """Print rich items to plain text, 110 characters wide."""
    console = Console(file=io.StringIO(), width=110, color_system=None, highlight=False)
    for item in items:
        console.print(item)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip()


def _verify(record: dict[str, Any]) -> str:
    def against(measured: int, planned: int) -> str:
        return f"{measured:,} cycles, " + ("as planned" if measured == planned else f"planned {planned:,}")

    runs = "; ".join(f"{run['name']}: {run['frames']} frames" for run in record["runs"])
    values = f"{record['values_compared']:,} values of {len(record['layers'])} layers"
    return "\n".join(
        [
            f"proof      bit-exact: {values} ({runs})",
            f"interval   {against(record['interval_cycles'], record['planned_interval_cycles'])} (simulated)",
            f"latency    {against(record['latency_cycles'], record['planned_latency_cycles'])} (simulated)",
        ]
    )


def _netlist(record: dict[str, Any]) -> str:
    cells = ", ".join(f"{count:,} {name}" for name, count in record["cells"].items())
    runs = "; ".join(
        f"{run['name']}: {run['frames']} frames, {run['cycles']:,} cycles" for run in record["runs"]
    )
    values = sum(run["values_compared"] for run in record["runs"])
    return (
        f"netlist    equal to the RTL in every output word and its cycle, and in {len(record['streams'])} "
        f"streams between stages: {values:,} values ({runs})\ncells      {cells}"
    )


def _shell(shell: Shell) -> str:
    return "\n".join(
        [
            f"shell      {shell.top} in {shell.folder}, registers at 0x{shell.base_address:08X}",
            f"pictures   {shell.frame_bytes:,} bytes each, one every {shell.frame_stride:,} bytes",
            f"results    {shell.result_words} words each, one every {shell.result_stride:,} bytes",
            f"digest     {shell.digest}",
        ]
    )


def _predict(groups: list[dict[str, Any]]) -> str:
    lines = []
    for group in groups:
        judged = group.get("evaluation")
        if not judged:
            lines.append(f"pictures   {group['title']}: {group['pictures']} classified")
        else:
            low, high = judged["interval"]
            lines.append(
                f"pictures   {group['title']}: {judged['accuracy']:.2%} of {judged['pictures']} right "
                f"(95 % confidence: {low:.1%} to {high:.1%})"
            )
        if group["pictures"] == len(group["samples"]):
            lines += [f"  {_answer(item)}" for item in group["samples"]]
        elif judged:
            rows = zip(judged["classes"], judged["confusion"], strict=True)
            lines += [f"  {name}: {_recall(judged, name)}, taken for {row}" for name, row in rows]
    return "\n".join(lines) or "pictures   none: give some with --pictures"


def _answer(item: dict[str, Any]) -> str:
    wrong = f"  (wrong: {item['label']})" if item["correct"] is False else ""
    return f"{item['name']}: {item['predicted']}{wrong}"


def _recall(judged: dict[str, Any], name: str) -> str:
    share = judged["recall"][name]
    return "no picture" if share is None else f"{share:.1%} right"


def _summary(flow: Flow) -> str:
    """The whole build in a few lines: speed, proof, utilisation, accuracy, and where the report lies."""
    plan = flow.plan
    report = load(flow.folder("synth") / "utilisation.json")
    total = report.total.resources
    shares = ", ".join(f"{name} {share:.1%}" for name, share in report.used().items())
    groups = flow.record("predict", "predictions.json")
    lines = [
        f"design     {flow.design.name} on {flow.board.name} ({plan.part}), goal {plan.goal}",
        f"speed      {plan.fps:,.0f} frames a second at {plan.clock_hz / 1e6:g} MHz",
        _verify(flow.record("verify", "verify.json")),
        f"uses       {total.lut:,g} LUT sites, {total.ff:,g} FF, {total.bram36:g} BRAM36, {total.dsp:g} DSP",
        f"           of {plan.part}: {shares} (synthesised, core alone)",
    ]
    for group in groups:
        judged = group.get("evaluation")
        right = f"{judged['accuracy']:.2%} of {judged['pictures']} right" if judged else "no labels"
        lines.append(f"pictures   {group['title']}: {right}")
    return "\n".join([*lines, f"report     {(flow.folder('report') / 'report.html').resolve()}"])


def explanation(flow: Flow) -> tuple[str, dict[str, Any]]:
    """Why the plan is as it is, for a person and for a program."""
    found = explain(flow.graph, flow.plan)
    return render(*explanation_tables(flow.plan, found)), dataclasses.asdict(found)


def _package(flow: Flow, step: str = "package") -> str:
    folder = flow.package_folder(step)
    made = manifest.load(folder)
    bit = made.named(".bit")
    state = (
        f"bit file   {bit.path}"
        if bit
        else "bit file   none: runs on the software device only (--with-bitstream)"
    )
    return "\n".join(
        [
            f"package    {folder.resolve()}",
            f"archive    {archive_path(folder).resolve()}",
            f"{state}\nbuild      {made.digest}, {len(made.files)} files",
            f"next: bnn-hw bench {folder} --device software; or copy the archive to the board, "
            "unpack it and run bench.py",
        ]
    )


def text(flow: Flow, step: str) -> str:
    """What ``step`` found, for a person, and which command goes on from here."""
    options = flow.options
    call = f"{options.network} --board {options.board} --goal {options.goal}"
    call += f" --limit {options.limit}" if options.limit else ""
    call += f" --utilisation {options.utilisation:g}" if options.utilisation is not None else ""
    call += f" --input-scale {options.input_scale}" if options.input_scale else ""
    call += f" --input-offset {options.input_offset}" if options.input_offset else ""
    if step == "plan":
        return f"{render(*plan_tables(flow.plan, flow.board))}\nnext: bnn-hw verify {call}"
    if step == "rtl":
        core = load_core(flow.folder("rtl") / "core")
        made = f"{len(core.sources)} modules and their memory images in {core.folder}"
        return f"{made}\nnext: bnn-hw verify {call}"
    if step == implement_flow.BITSTREAM:
        return implement_flow.text(flow, call)
    if step == "soc":
        return f"{_shell(load_shell(flow.folder('soc') / 'soc'))}\nnext: bnn-hw report {call}"
    if step == "verify":
        return f"{_verify(flow.record('verify', 'verify.json'))}\nnext: bnn-hw synth {call}"
    if step == "synth":
        report = load(flow.folder("synth") / "utilisation.json")
        scope = "Synthesised: the core alone, without shell, before place and route."
        if report.published:
            scope += " Published: the whole system with shell, implemented with Vivado."
        tables = render(stage_table(report), comparison_table(report))
        return f"{tables}\n{scope}\nnext: bnn-hw report {call}"
    if step == "netlist":
        return f"{_netlist(flow.record('netlist', 'verify_netlist.json'))}\nnext: bnn-hw report {call}"
    if step == "package":
        return _package(flow)
    if step == finn_flow.PACKAGE:
        return f"{text(flow, finn_flow.OURS)}\n{_package(flow, step)}"
    if step == finn_flow.OURS:
        return finn_show.text(finn_flow.load(flow, step), flow.folder(step))
    if step == "predict":
        return _predict(flow.record("predict", "predictions.json"))
    return _summary(flow)


def record(flow: Flow, step: str) -> dict[str, Any]:
    """What ``step`` found, for a program; ``build`` and ``report`` give everything."""
    files = {
        "plan": ("plan", "plan.json"),
        "verify": ("verify", "verify.json"),
        "synth": ("synth", "utilisation.json"),
        "predict": ("predict", "predictions.json"),
    }
    result: dict[str, Any] = {
        "network": flow.design.name,
        "board": flow.board.name,
        "goal": flow.options.goal,
    }
    if step in ("package", finn_flow.PACKAGE):
        folder = flow.package_folder(step).resolve()
        result |= {"package": str(folder), "archive": str(archive_path(folder))}
        return result if step == "package" else {**result, **record(flow, finn_flow.OURS)}
    if step == implement_flow.BITSTREAM:
        return {**result, **implement_flow.record(flow)}
    if step == "netlist":
        result[step] = flow.record(step, "verify_netlist.json")
        return result
    if step == finn_flow.OURS:
        result[step] = finn_flow.load(flow, step)
        return result
    for name in [step] if step in files else [] if step in ("rtl", "soc") else list(files):
        result[name] = flow.record(*files[name])
    if step == "rtl":
        result["core"] = str((flow.folder("rtl") / "core").resolve())
    if step == "soc":
        shell = load_shell(flow.folder("soc") / "soc")
        result["shell"] = {**json.loads(to_json(shell)), "folder": str(shell.folder.resolve())}
    if step == "report":
        result["report"] = str((flow.folder("report") / "report.html").resolve())
    return result
