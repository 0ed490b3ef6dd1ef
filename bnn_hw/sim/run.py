"""Run a compiled simulation on pictures and read back words, cycles and every stage's stream."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bnn_hw import bits, tools
from bnn_hw.errors import MismatchError, ToolError
from bnn_hw.folders import writing
from bnn_hw.pipeline.core import Core
from bnn_hw.pipeline.stages import Stream
from bnn_hw.sim.build import Simulator

_WORD = np.dtype([("cycle", "<u8"), ("data", "<u4"), ("last", "<u4")])


@dataclass(frozen=True)
class ChannelState:
    """A stage's output stream at the end of a run.

    beats: transfers; blocked: cycles with valid and without ready (the consumer
    held it up); starved: cycles without valid (the stage had nothing).
    """

    name: str
    valid: bool
    ready: bool
    beats: int
    blocked: int
    starved: int


@dataclass(frozen=True)
class SimulationRun:
    """What one run put out.

    words: (n,) int64, signed output words; last: (n,) whether m_last stood with
    it; cycles: (n,) cycle of each; first_beats: (frames,) cycle in which each
    frame's first beat was taken; streams: recorded stages, (beats, values a beat)
    (-1 and +1 where bipolar); finished: False when the watchdog stopped it;
    answers: what reading requests to the configuration port gave, in order;
    active_cycles: over which changes of nets were counted.
    """

    finished: bool
    total_cycles: int
    words: np.ndarray
    last: np.ndarray
    cycles: np.ndarray
    first_beats: np.ndarray
    streams: dict[str, np.ndarray]
    channels: tuple[ChannelState, ...]
    ends: dict[str, bool]
    answers: tuple[int, ...] = ()
    active_cycles: int = 0


@dataclass(frozen=True)
class Request:
    """A request to the configuration port, made between two frames: when ``after_frames`` are out.

    address: of a 32-bit word; word: what to write, None to read.
    """

    after_frames: int
    address: int
    word: int | None = None


def request_bytes(requests: Sequence[Request]) -> bytes:
    """Pack requests for the harness."""
    rows = [(r.after_frames, r.word is not None, r.address, r.word or 0) for r in requests]
    return np.array(rows, "<u4").tobytes()


def input_bytes(stream: Stream, images: np.ndarray) -> bytes:
    """Pack pictures (frames, height, width, channels) into the core's input beats."""
    maps = images.reshape(-1, stream.height, stream.width, stream.channels)
    values = bits.bipolar_to_bits(maps) if stream.dtype.is_bipolar else maps
    beats = bits.to_beats(values.astype(np.int64), stream.lanes, stream.pixels)
    return bits.words_to_bytes(bits.pack_words(beats, stream.dtype.bits), stream.width_bits)


def map_values(stream: Stream, beats: np.ndarray) -> np.ndarray:
    """The pixels of the map, (pixels, channels), that whole beats (beats, pixels * lanes) carry."""
    return bits.from_beats(beats, stream.width, stream.channels, stream.lanes, stream.pixels, stream.skip)


def stream_values(stream: Stream, data: bytes) -> np.ndarray:
    """Unpack recorded beats to (beats, values a beat)."""
    size = (stream.width_bits + 7) // 8
    words = [int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size)]
    values = bits.unpack_words(words, stream.values_per_beat, stream.dtype.bits, stream.dtype.is_signed)
    return bits.bits_to_bipolar(values) if stream.dtype.is_bipolar else values


def simulate(
    simulator: Simulator,
    images: np.ndarray,
    *,
    record: Sequence[str] = (),
    seed: int | None = None,
    longest_stall: int = 0,
    reset_at: int = 0,
    watchdog_cycles: int = 1_000_000,
    timeout_s: float = 3600,
    progress: Callable[[int], None] | None = None,
    requests: Sequence[Request] = (),
    saif: Path | None = None,
) -> SimulationRun:
    """Send the pictures back to back and return what came out.

    images: (frames, height, width, channels) integers. record: stages whose
    streams are kept. With a seed both ends pause at random, up to
    ``longest_stall`` cycles at a time, and registers start with random contents.
    reset_at: cycle of a reset after which the frames start anew, 0 for none.
    The run stops when neither end moved for ``watchdog_cycles``.
    progress: called with the number of frames that are out. requests: to the
    configuration port, in the order of their frames; the frames behind them wait.
    saif: file for the changes of all nets, of a simulation built to count them.

    Raises MismatchError when an assertion in the hardware fails, ToolError when
    the program dies or exceeds ``timeout_s``.
    """
    core = simulator.core
    with tempfile.TemporaryDirectory(prefix="bnn_hw_sim_") as name:
        folder = Path(name)
        with writing(folder):
            (folder / "input.bin").write_bytes(input_bytes(core.input, images))
            (folder / "requests.bin").write_bytes(request_bytes(requests))
        options = {
            "folder": folder,
            "input": folder / "input.bin",
            "requests": folder / "requests.bin",
            "input_bytes": (core.input.width_bits + 7) // 8,
            "frames": len(images),
            "beats": core.input.beats_per_frame,
            "watchdog": watchdog_cycles,
            "longest_stall": longest_stall if seed is not None else 0,
            "reset_at": reset_at,
            "seed": seed or 0,
            "record": ",".join(record),
        }
        command = [str(simulator.program), *(f"{key}={value}" for key, value in options.items())]
        if seed is not None:
            command += ["+verilator+rand+reset+2", f"+verilator+seed+{seed + 1}"]
        _execute(command, core, timeout_s, progress)
        if saif:
            shutil.move(folder / "core.saif", saif)
        return _read(core, folder, record)


def _execute(
    command: list[str], core: Core, timeout_s: float, progress: Callable[[int], None] | None
) -> None:
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command,
            cwd=core.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        timer = threading.Timer(timeout_s, process.kill)
        timer.start()
        other: list[str] = []
        try:
            assert process.stdout
            for line in process.stdout:
                if line.startswith("frame "):
                    if progress:
                        progress(int(line.split()[1]))
                else:
                    other.append(line)
            status = process.wait()
            late = not timer.is_alive()
        finally:
            timer.cancel()
            tools.stop_group(process)
        if status == 0:
            return
        errors.seek(0)
        _explain("".join(other) + errors.read(), status, timeout_s if late else None)


def _explain(text: str, status: int, timeout_s: float | None) -> None:
    """Raise the error that fits a simulation that did not end by itself."""
    if timeout_s is not None:
        raise ToolError.at(
            "simulation", f"did not end within {timeout_s:.0f} s", "simulate fewer frames or allow more time"
        )
    quoted = tools.first_error(text, r"Assertion failed|%Error|%Fatal|harness:")
    if "ssertion" in text or "%Error" in text or "%Fatal" in text:
        raise MismatchError.at(
            "simulation",
            f"the hardware reports: {quoted}",
            "this is a fault of the generated core; report it",
        )
    reason = f"signal {-status}" if status < 0 else f"status {status}"
    raise ToolError.at("simulation", f"ended with {reason}: {quoted}", "check free memory and disk space")


def _read(core: Core, folder: Path, record: Sequence[str]) -> SimulationRun:
    result = json.loads((folder / "result.json").read_text())
    output = np.fromfile(folder / "output.bin", dtype=_WORD)
    streams = {
        name: stream_values(core.stage(name).output, (folder / f"{name}.bin").read_bytes()) for name in record
    }
    return SimulationRun(
        finished=result["status"] == "done",
        total_cycles=result["cycles"],
        words=output["data"].astype(np.uint32).view(np.int32).astype(np.int64),
        last=output["last"].astype(bool),
        cycles=output["cycle"].astype(np.int64),
        first_beats=np.fromfile(folder / "first_beats.bin", dtype="<u8").astype(np.int64),
        streams=streams,
        channels=tuple(
            ChannelState(**{**c, "valid": bool(c["valid"]), "ready": bool(c["ready"])})
            for c in result["channels"]
        ),
        answers=tuple(np.fromfile(folder / "answers.bin", dtype="<u4").tolist()),
        active_cycles=result["active_cycles"],
        ends={key: bool(result[key]) for key in ("s_valid", "s_ready", "m_valid", "m_ready")},
    )


def blocked_channels(run: SimulationRun) -> str:
    """Tell in words which channels of a stuck run wait for whom, from input to output."""

    def state(valid: bool, ready: bool) -> str:
        if valid:
            return "moves" if ready else "is blocked (valid, not ready)"
        return "is empty (not valid)"

    parts = [f"input {state(run.ends['s_valid'], run.ends['s_ready'])}"]
    parts += [f"{c.name} {state(c.valid, c.ready)} after {c.beats} beats" for c in run.channels]
    return "; ".join(parts)
