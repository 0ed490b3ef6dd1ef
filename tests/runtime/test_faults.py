"""Each fault ends in an error that names it, within the time-out, and the next call works."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from bnn_hw.runtime import Accelerator
from bnn_hw.runtime import registers as regs
from bnn_hw.runtime.errors import (
    BusError,
    ClockError,
    DeviceError,
    InUseError,
    JobError,
    LostInterruptWarning,
    MemoryShortError,
    PackageError,
    PictureError,
    StallError,
    WrongHardwareError,
)
from bnn_hw.runtime.lock import ProcessLock
from tests.packages import pictures
from tests.runtime.faulty import FaultyDevice
from tests.runtime.test_accelerator import same


@pytest.fixture
def device(package):
    return FaultyDevice(package)


@pytest.fixture
def accelerator(package, device):
    with Accelerator.load(package, device=device, batch=4) as made:
        yield made


def works(accelerator):
    return same(accelerator.classify(pictures(10)), pictures(10))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("READ_SLVERR", BusError),
        ("READ_DECERR", BusError),
        ("WRITE_SLVERR", BusError),
        ("WRITE_DECERR", BusError),
        ("READ_TIMEOUT", StallError),
        ("WRITE_TIMEOUT", StallError),
        ("CORE_TIMEOUT", StallError),
        ("FRAMING", JobError),
        ("MEMORY_END", JobError),
    ],
)
def test_faults_of_the_shell(accelerator, device, name, kind):
    device.faults = ["", name]
    with pytest.raises(kind) as caught:
        accelerator.classify(pictures(40))
    code = next(code for code in regs.ERROR_CODES.values() if code.name == name)
    assert code.meaning in caught.value.cause
    assert f"error {name}" in caught.value.status
    assert "FAULT" in caught.value.status
    if kind is BusError:
        assert "at address 0x1" in caught.value.cause
    assert works(accelerator)


def test_a_job_that_never_ends_is_noticed_within_the_time_out(accelerator, device):
    device.hang = True
    start = time.monotonic()
    with pytest.raises(StallError, match=r"no frame came out for 0\.3 s") as caught:
        accelerator.classify(pictures(40))
    assert time.monotonic() - start < 5.0
    assert "JOBS_OPEN 3" in caught.value.status
    device.hang = False
    assert works(accelerator)


def test_a_slow_device_that_moves_is_no_fault(accelerator, device):
    device.seconds_a_job = 0.15
    assert same(accelerator.classify(pictures(16)), pictures(16))


def test_a_lost_interrupt_loses_nothing_and_is_told(accelerator, device):
    device.deaf = True
    with pytest.warns(LostInterruptWarning, match="no interrupt came"):
        assert works(accelerator)
    assert accelerator.engine.lost_interrupts >= 1
    assert works(accelerator)
    assert accelerator.engine._pause(0.0, 1e-3) < 0.01  # from now on it looks by itself


def test_a_refused_job_is_told_with_its_reason(accelerator, device):
    source = device.allocate(64)
    source.address += 4
    with pytest.raises(JobError, match="not a multiple of 8"):
        accelerator.engine.submit(source, device.allocate(64), 1)
    assert works(accelerator)


def test_a_full_queue_refuses(accelerator, device):
    device.hang = True
    memory = [device.allocate(4096), device.allocate(4096)]
    for _ in range(regs.QUEUE_JOBS):
        accelerator.engine.submit(*memory, 1)
    with pytest.raises(JobError, match="the queue was full"):
        accelerator.engine.submit(*memory, 1)
    device.hang = False
    accelerator.engine.reset()
    assert works(accelerator)


def test_results_that_were_never_written_are_not_taken_for_answers(accelerator, device, monkeypatch):
    monkeypatch.setattr(device, "run_job", lambda *args, **kwargs: None)
    with pytest.raises(JobError, match="was never written, though the job is done"):
        accelerator.classify(pictures(5))
    monkeypatch.undo()
    assert works(accelerator)


def test_a_reset_from_outside_is_noticed(accelerator, device):
    device.seconds_a_job = 0.05
    engine = accelerator.engine
    timer = threading.Timer(0.02, lambda: engine.write("CONTROL", 1))
    timer.start()
    with pytest.raises(JobError, match="something else reset it"):
        accelerator.classify(pictures(8))
    timer.join()
    device.seconds_a_job = 0.0
    assert works(accelerator)


def test_a_device_that_does_not_come_to_rest_keeps_its_memory(package, device):
    accelerator = Accelerator.load(package, device=device)
    device.stuck = True
    with pytest.raises(StallError, match="does not come to rest"):
        accelerator.close()


@pytest.mark.parametrize(
    ("images", "cause"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), "are float32"),
        (np.full((2, 8, 8, 3), np.nan), "384 of them NaN"),
        (np.zeros((2, 8, 9, 3), np.uint8), r"have the shape \(2, 8, 9, 3\)"),
        (np.zeros((8, 8), np.uint8), r"have the shape \(8, 8\)"),
        (np.full((1, 8, 8, 3), 256, np.int32), "have values 256 to 256, outside UINT8"),
        (np.full((1, 8, 8, 3), -1, np.int8), "have values -1 to -1"),
        (np.zeros((2, 8, 8, 3), bool), "are bool"),
        (np.array([["a"]]), "are <U1"),
    ],
)
def test_pictures_the_network_does_not_take(accelerator, images, cause):
    with pytest.raises(PictureError, match=cause):
        accelerator.classify(images)
    assert works(accelerator)


def test_integers_of_another_type_within_range_are_taken(accelerator):
    assert same(accelerator.classify(pictures(4).astype(np.int64)), pictures(4))


def test_unknown_colours_are_refused(package):
    with (
        Accelerator.load(package, device="software", colours="HSV") as accelerator,
        pytest.raises(PictureError, match="the network reads 'RGB'"),
    ):
        accelerator.classify(pictures(1))


def test_a_batch_that_does_not_fit_in_memory_leaves_nothing_behind(package):
    device = FaultyDevice(package, memory_bytes=10_000)
    with pytest.raises(MemoryShortError, match="load with a smaller batch"):
        Accelerator.load(package, device=device, batch=64)
    assert not device.buffers
    with Accelerator.load(package, device=FaultyDevice(package, memory_bytes=10_000), batch=8) as accelerator:
        assert works(accelerator)


def _identity(name, value, kind, text):
    return pytest.param(name, value, kind, text, id=name)


@pytest.mark.parametrize(
    ("name", "value", "kind", "text"),
    [
        _identity("MAGIC", 0, WrongHardwareError, "reads 0x00000000"),
        _identity(
            "VERSION", 2 << 16, WrongHardwareError, "register map of version 2, the driver one of version 1"
        ),
        _identity(
            "BUILD_DIGEST_3", 1, WrongHardwareError, "holds the build 0123456789abcdef0011223300000001"
        ),
        _identity("CLOCK_HZ", 66_666_667, ClockError, "is built for 66.6667 MHz, the manifest for 100"),
        _identity("FRAME_BYTES", 3072, WrongHardwareError, "takes 3072 bytes and gives 4 words"),
    ],
)
def test_hardware_of_another_build_is_refused(package, device, name, value, kind, text):
    device._values[name] = value
    with pytest.raises(kind, match=text):
        Accelerator.load(package, device=device)


def _copy(package, tmp_path):
    return shutil.copytree(package, tmp_path / "copy")


def test_damaged_packages_are_refused(package, tmp_path):
    folder = _copy(package, tmp_path)
    (folder / "network" / "graph.npz").write_bytes(b"PK")
    with pytest.raises(PackageError, match="has 2 bytes instead of"):
        Accelerator.load(folder, device="software")
    (folder / "manifest.json").write_text("{")
    with pytest.raises(PackageError, match="is not JSON"):
        Accelerator.load(folder, device="software")
    with pytest.raises(PackageError, match="cannot be read"):
        Accelerator.load(tmp_path / "nowhere", device="software")


def test_a_manifest_of_another_kind_of_accelerator_is_refused(package, tmp_path):
    folder = _copy(package, tmp_path)
    record = json.loads((folder / "manifest.json").read_text())
    record["backend"]["kind"] = "abacus"
    (folder / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(PackageError, match="is 'abacus'; this driver knows bnn_hw"):
        Accelerator.load(folder, device="software")


def test_no_board_and_unknown_devices_say_what_to_do(package):
    with pytest.raises(DeviceError, match="give pynq or software"):
        Accelerator.load(package, device="fpga")
    if "pynq" not in sys.modules:
        with pytest.raises(DeviceError, match='device="software"'):
            Accelerator.load(package)


def test_two_processes_at_once_are_refused(package, device, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    device.lock_name = "test"
    code = (
        "import sys, time; from pathlib import Path; from bnn_hw.runtime.lock import ProcessLock\n"
        f"lock = ProcessLock('test', Path({str(tmp_path)!r})); lock.acquire(); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InUseError, match=f"process {other.pid} uses it"):
            Accelerator.load(package, device=device)
        other.kill()  # however it ends, the lock is lifted
    with Accelerator.load(package, device=device) as accelerator:
        assert works(accelerator)
        with pytest.raises(InUseError, match=f"process {os.getpid()} uses it"):
            ProcessLock("test", tmp_path).acquire()
    second = ProcessLock("test", tmp_path)
    second.acquire()
    second.release()


@pytest.mark.parametrize("call", ["classify", "stream"])
def test_ctrl_c_during_a_batch(accelerator, device, call):
    device.hang = True
    timer = threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        list(getattr(accelerator, call)(pictures(40)))
    timer.join()
    device.hang = False
    assert accelerator.engine.read("STATUS", "BUSY") == 0
    assert works(accelerator)
