"""Each fault of board, memory, user and meter on the simulated board.

It ends in a typed error that names it, within the time-out, with nothing lost: every
buffer and slot is still there or given back, no transaction is open, and the next
call is right.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest

from bnn_hw import manifest as manifests
from bnn_hw.errors import ConfigError
from bnn_hw.package.write import write_package
from bnn_hw.runtime import Accelerator
from bnn_hw.runtime import registers as regs
from bnn_hw.runtime.bench_pictures import read_golden
from bnn_hw.runtime.errors import (
    BusError,
    ClockError,
    InUseError,
    JobError,
    LostInterruptWarning,
    MemoryShortError,
    MeterError,
    PackageError,
    PictureError,
    StallError,
    WrongHardwareError,
)
from bnn_hw.runtime.measure import Bench, Settings
from bnn_hw.runtime.meters import CsvMeter
from bnn_hw.runtime.pynq_device import PynqDevice
from bnn_hw.sim.board import DECERR, MemoryModel, SimulatedBoard
from bnn_hw.simulated import SimulatedDevice, open_simulated
from tests.packages import bit_bytes, contents, pictures
from tests.runtime.fake_pynq import Z7010, FakePynq
from tests.runtime.test_accelerator import same

TIMEOUT_S = 0.002  # of simulated time
SLOTS = 3


@pytest.fixture
def accelerator(built, device):
    with Accelerator.load(built[0], device=device, batch=4, slots=SLOTS, timeout_s=TIMEOUT_S) as made:
        yield made


def works(accelerator):
    accelerator.device.board.heal()
    return same(accelerator.classify(pictures(10)), pictures(10))


@contextmanager
def fault(accelerator, kind, text):
    """Expect an error in time, and that nothing is lost; yields what pytest.raises does."""
    device, start = accelerator.device, accelerator.device.seconds()
    with pytest.raises(kind, match=text) as caught:
        yield caught
    # The shell notices after half the time-out, and a reset may take a whole one.
    assert device.seconds() - start < 3 * TIMEOUT_S
    assert len(device.buffers) == 2 * SLOTS
    assert len(accelerator._batches._free) == SLOTS
    assert works(accelerator)
    assert device.board.drained
    assert accelerator.engine.read("STATUS", "BUSY") == 0


def in_mid_frame(accelerator, what):
    """Do ``what`` as soon as the driver waits and the first frame is half done."""
    wait, board = accelerator.device.wait, accelerator.device.board

    def first(seconds):
        accelerator.device.wait = wait
        board.run(accelerator.manifest.plan.latency_cycles // 2)
        assert accelerator.engine.read("STATUS", "FRAMES_INSIDE") >= 1
        what()
        return wait(seconds)

    accelerator.device.wait = first


# Memory and port


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda board, slot: board.fail_reads(slot.source.address, 64), "READ_SLVERR"),
        (lambda board, slot: board.fail_reads(slot.source.address, 64, DECERR), "READ_DECERR"),
        (lambda board, slot: board.fail_writes(slot.target.address, 8), "WRITE_SLVERR"),
        (lambda board, slot: board.fail_writes(slot.target.address, 8, DECERR), "WRITE_DECERR"),
    ],
)
def test_bus_error_from_the_memory(accelerator, make, name):
    make(accelerator.device.board, accelerator._batches._free[-1])
    meaning = next(code.meaning for code in regs.ERROR_CODES.values() if code.name == name)
    with fault(accelerator, BusError, "at address 0x00") as caught:
        accelerator.classify(pictures(9))
    assert meaning in caught.value.cause
    assert f"error {name}" in caught.value.status


@pytest.mark.parametrize(
    ("stall", "name"), [("stall_reads", "READ_TIMEOUT"), ("stall_writes", "WRITE_TIMEOUT")]
)
def test_memory_that_never_answers(accelerator, stall, name):
    """The port must take the open transactions back before a reset can end, so that is waited for."""
    getattr(accelerator.device.board, stall)()
    with fault(accelerator, StallError, "does not come to rest within 0.002 s of a soft reset") as caught:
        accelerator.classify(pictures(9))
    assert name in caught.value.status


@pytest.mark.parametrize(
    ("stall", "name"), [("stall_reads", "READ_TIMEOUT"), ("stall_writes", "WRITE_TIMEOUT")]
)
def test_input_stalled_and_output_blocked_in_mid_frame(accelerator, stall, name):
    in_mid_frame(accelerator, getattr(accelerator.device.board, stall))
    with fault(accelerator, StallError, "does not come to rest|within TIMEOUT") as caught:
        accelerator.classify(pictures(40))
    assert name in caught.value.status


def test_reset_in_mid_frame(accelerator):
    in_mid_frame(accelerator, lambda: accelerator.engine.write("CONTROL", 1))
    with fault(accelerator, JobError, "knows 0 jobs where [1-9] were queued: something else reset it"):
        accelerator.classify(pictures(4))


def test_interrupt_lost(accelerator):
    accelerator.device.board.hide_interrupt()
    start = accelerator.device.seconds()
    with pytest.warns(LostInterruptWarning, match="a job was done but no interrupt came"):
        assert same(accelerator.classify(pictures(10)), pictures(10))
    assert accelerator.device.seconds() - start < 3 * TIMEOUT_S
    assert works(accelerator)


def test_jobs_the_shell_refuses(accelerator):
    slot = accelerator._batches._free[-1]
    odd = accelerator.device.allocate(64)
    odd.address += 4
    with pytest.raises(JobError, match="not a multiple of 8"):
        accelerator.engine.submit(odd, slot.target, 1)
    with pytest.raises(JobError, match="no frames or more than"):
        accelerator.engine.submit(slot.source, slot.target, 0)
    assert works(accelerator)


def test_batch_larger_than_the_contiguous_memory(built):
    board = SimulatedBoard(built[1], MemoryModel(memory_bytes=8192))
    device = SimulatedDevice(board)
    with pytest.raises(MemoryShortError, match="load with a smaller batch"):
        Accelerator.load(built[0], device=device, batch=64)
    assert not device.buffers
    board = SimulatedBoard(built[1], MemoryModel(memory_bytes=8192))
    with Accelerator.load(built[0], device=SimulatedDevice(board), batch=4) as accelerator:
        assert same(accelerator.classify(pictures(50)), pictures(50))


# The user


@pytest.mark.parametrize(
    ("images", "text"),
    [
        (np.zeros((2, 8, 9, 3), np.uint8), r"have the shape \(2, 8, 9, 3\)"),
        (np.zeros((2, 8, 8, 3), bool), "are bool"),
        (np.full((2, 8, 8, 3), 256, np.int32), "have values 256 to 256, outside UINT8"),
        (np.zeros((2, 8, 8, 3), np.float32), "are float32"),
        (np.full((2, 8, 8, 3), np.nan), "384 of them NaN"),
    ],
)
def test_pictures_of_wrong_shape_or_type(accelerator, images, text):
    with fault(accelerator, PictureError, text):
        accelerator.classify(images)
    with fault(accelerator, PictureError, "picture 5") as caught:
        answers = []
        for answer in accelerator.stream([*pictures(5), images[0], *pictures(5)]):
            answers.append(answer.number)
    assert len(answers) == 5  # those before it are answered
    assert caught.value.place == "picture 5"


def test_two_processes_at_once(built, device, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    device.lock_name = "simulated"
    code = (
        "import sys; from pathlib import Path; from bnn_hw.runtime.lock import ProcessLock\n"
        f"lock = ProcessLock('simulated', Path({str(tmp_path)!r}))\n"
        "lock.acquire(); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as other:
        assert other.stdout.readline() == "held\n"
        started = time.monotonic()
        with pytest.raises(InUseError, match=f"process {other.pid} uses it"):
            Accelerator.load(built[0], device=device)
        assert time.monotonic() - started < 5.0  # refused, not queued
        other.kill()
    with Accelerator.load(built[0], device=device) as accelerator:
        assert works(accelerator)


@pytest.mark.parametrize("call", ["classify", "stream"])
def test_ctrl_c_during_a_batch(accelerator, call):
    in_mid_frame(accelerator, lambda: os.kill(os.getpid(), signal.SIGINT))
    with fault(accelerator, KeyboardInterrupt, ""):
        list(getattr(accelerator, call)(pictures(40)))


def test_power_meter_unplugged_in_mid_run(built, device, tmp_path, monkeypatch):
    """Its file disappears while the bench reads it: the other figures stay, and so does the accelerator."""
    log = tmp_path / "meter.csv"
    log.write_text("time,watts\n0,2.0\n")
    meter, reads = CsvMeter(log), []
    watts = meter.watts

    def unplugged():
        reads.append(1)
        if len(reads) == 2:
            log.unlink()
        return watts()

    monkeypatch.setattr(meter, "watts", unplugged)
    with Accelerator.load(built[0], device=device, batch=4) as accelerator:
        bench = Bench(accelerator, read_golden(built[0]), Settings(8, 1, 0, 2, 0.2, 0.01))
        started = time.monotonic()
        bench.run(meter, None)
        assert time.monotonic() - started < 60.0
        assert [type(item) for item in bench.faults] == [MeterError]
        assert str(log) in str(bench.faults[0])
        assert bench.figures["golden_mismatches"]["value"] == 0
        assert bench.figures["fps_end_to_end"]["value"] > 0
        assert "power" not in bench.figures
        assert works(accelerator)


# Another build, board, clock or file


def test_hardware_of_another_build(built, device, tmp_path):
    other = tmp_path / "package" / "other"
    write_package(contents(digest="f" * 32), other)
    with pytest.raises(WrongHardwareError, match="holds the build"):
        Accelerator.load(other, device=device)
    record = manifests.load(other)
    with pytest.raises(ConfigError, match="is not there"):
        open_simulated(other, record)
    shutil.copytree(built[0].parent.parent / "soc", tmp_path / "soc")
    with pytest.raises(ConfigError, match=f"the package is of {'f' * 32}"):
        open_simulated(other, record)


def test_hardware_for_another_clock(built, device, tmp_path):
    folder = shutil.copytree(built[0], tmp_path / "copy")
    change_manifest(folder, clock_hz=66_666_667)
    with pytest.raises(ClockError, match=r"is built for 100 MHz, the manifest for 66\.6667"):
        Accelerator.load(folder, device=device)


@pytest.fixture
def on_board(built, device, tmp_path, monkeypatch):
    """A package with a bit file, and a function that loads it on a board with the given quirks."""
    monkeypatch.setattr("bnn_hw.runtime.pynq_device.platform.machine", lambda: "armv7l")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # of the lock
    digest = built[1].shell.digest
    (tmp_path / "x.bit").write_bytes(bit_bytes(design=f"small;Digest={digest}"))
    folder = tmp_path / "package" / "small-pynq-z1"
    write_package(contents(tmp_path / "x.bit", digest=digest), folder)

    def load(folder=folder, **quirks):
        board = FakePynq(device, **quirks)
        opened = PynqDevice(folder, manifests.load(folder), board)
        opened.board = device.board
        return Accelerator.load(folder, device=opened, batch=4), board

    return folder, load


def change_manifest(folder, **values):
    record = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**record, **values}))


def put_bit(folder, data):
    """Replace a package's bit file, and its record in the manifest, as whoever mixes packages up does."""
    bit = next(folder.glob("*.bit"))
    bit.write_bytes(data)
    files = json.loads((folder / "manifest.json").read_text())["files"]
    new = vars(manifests.file_record(folder, bit.name))
    change_manifest(folder, files=[new if item["path"] == bit.name else item for item in files])


def test_a_board_loads_its_bit_file_and_works(on_board):
    accelerator, board = on_board[1]()
    with accelerator:
        assert board.loaded == ["small-pynq-z1.bit"]
        assert board.clock_hz() == pytest.approx(100e6)
        assert works(accelerator)


@contextmanager
def refused(on_board, kind, text, **quirks):
    """Yield a package to spoil. Loading it is refused; then a board and a package without fault work."""
    folder, load = on_board
    good = shutil.copytree(folder, folder.parent / "good")
    yield folder
    with pytest.raises(kind, match=text):
        load(**quirks)
    accelerator, _ = load(good)
    with accelerator:
        assert works(accelerator)


@pytest.mark.parametrize("note", ["Digest=" + "f" * 32, "UserID=0XFFFF0000;Version=2022.1"])
def test_bit_file_of_another_design(on_board, note):
    with refused(on_board, WrongHardwareError, r"\.bit: is of the build ffff") as folder:
        put_bit(folder, bit_bytes(design="small;" + note))


def test_truncated_bit_file(on_board):
    with refused(on_board, PackageError, "holds 63 bytes of configuration, its header says 64") as folder:
        put_bit(folder, bit_bytes()[:-1])


def test_bit_file_that_is_not_the_manifest_s(on_board):
    with refused(on_board, PackageError, r"small-pynq-z1\.bit: has \d+ bytes instead of") as folder:
        next(folder.glob("*.bit")).write_bytes(bit_bytes()[:-1])


def test_wrong_board(on_board):
    text = r"has a xc7z010, the package is made for .* \(xc7z020clg400-1\)"
    with refused(on_board, WrongHardwareError, text, idcode=Z7010):
        pass


def test_wrong_crystal(on_board):
    """By a crystal of 50 MHz the dividers give 100 MHz; the board's own makes two thirds of it."""
    text = r"runs at \d\d\.?\d* MHz by the cycle counter, not at 100 MHz"
    with refused(on_board, ClockError, text, crystal_hz=100e6 / 3):
        pass


def test_memory_port_that_was_left_at_32_bits(on_board):
    accelerator, board = on_board[1](port=0xF)
    with accelerator:
        assert [board.words[0xF800_8000 + offset] for offset in (0, 0x14)] == [0xE, 0xE]
        assert works(accelerator)
    text = "register 0xF8008000 keeps 0x0000000F: a channel of 32 bits, the accelerator has 64"
    with refused(on_board, WrongHardwareError, text, port=0xF, stuck=True):
        pass
