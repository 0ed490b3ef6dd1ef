"""The driver on FINN's shell: two DMAs by their registers, classes alone, no reset and no queue."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from bnn_hw.ir.execute import execute
from bnn_hw.manifest import BackendRecord
from bnn_hw.manifest import load as load_manifest
from bnn_hw.runtime import Accelerator, bench, finn_shell
from bnn_hw.runtime.errors import JobError, PackageError, StallError, WrongHardwareError
from bnn_hw.runtime.finn_shell import CONTROL, FRAMES, INPUT, OUTPUT, START, WINDOW_BYTES, FinnShell
from bnn_hw.runtime.finn_software import FinnSoftwareDevice
from bnn_hw.runtime.network import load_network
from tests.packages import CLASSES, pictures, small_graph
from tests.runtime.finn_package import SETTINGS, make_finn_package


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return make_finn_package(tmp_path_factory.mktemp("finn-package"))


class Strict(FinnSoftwareDevice):
    """The emulated shell, with what a test asks of it: starts, and jobs that hang or answer nonsense."""

    def __init__(self, folder: Path) -> None:
        super().__init__(load_manifest(folder), load_network(folder / "network"))
        self.timeout_s = 0.3
        self.starts: list[tuple[int, int]] = []
        self.hang = False
        self.nonsense: int | None = None

    def write_register(self, offset, value):
        if offset % WINDOW_BYTES == CONTROL and value & START:
            assert not self._dma(offset).busy, "started while it runs"
            self.starts.append((offset, self.read_register(offset + FRAMES)))
        super().write_register(offset, value)

    def move(self, frames):
        while self.hang and not self._closed:
            super().wait(0.001)
        super().move(frames)
        if self.nonsense is not None:
            self._memory(self.output.address, frames, "WRITE_DECERR")[:] = self.nonsense


def winners(images):
    return execute(small_graph(), images, {"class"})["class"].reshape(-1)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100])
def test_classes_are_the_integer_graph_s_for_every_size_of_batch(package, count):
    images = pictures(count, seed=count)
    with Accelerator.load(package, device="software", batch=8) as accelerator:
        for _ in range(2):
            answers = accelerator.classify(images)
            np.testing.assert_array_equal(answers.classes, winners(images))
        assert (answers.raw.shape, answers.scores.shape) == ((count, 0), (count, 0))
        assert answers.winners() == [CLASSES[index] for index in answers.classes]


def test_single_pictures_streams_and_no_pictures(package):
    images = pictures(5)
    with Accelerator.load(package, device="software", batch=2) as accelerator:
        assert accelerator.classify(pictures(0)).raw.shape == (0, 0)
        assert accelerator.gate(images[0]).number == winners(images)[0]
        assert [answer.number for answer in accelerator.stream(images)] == winners(images).tolist()
        assert accelerator.counters() is None
        assert "input DMA idle" in accelerator.status()


def test_each_job_starts_the_answers_before_the_pictures_and_only_at_rest(package):
    device = Strict(package)
    with Accelerator.load(package, device=device, batch=4) as accelerator:
        accelerator.classify(pictures(10))
    assert device.starts == [(base, frames) for frames in (4, 4, 2) for base in (OUTPUT, INPUT)]


def test_done_that_somebody_else_read_is_no_loss(package):
    """Reading CONTROL clears done; the driver goes by idle."""
    device = Strict(package)
    engine = FinnShell(device, load_manifest(package))
    engine.prepare(1.0)
    source, target = device.allocate(192), device.allocate(1)
    engine.encode(pictures(1), source.array)
    ticket = engine.submit(source, target, 1)
    while device.read_register(OUTPUT + CONTROL) != finn_shell.IDLE:
        pass
    engine.wait(ticket, 0.0)
    target.invalidate(1)
    assert engine.decode(target.array, 1)[1].tolist() == winners(pictures(1)).tolist()


def test_a_stall_names_the_only_remedy_and_the_memory_is_kept(package):
    device = Strict(package)
    accelerator = Accelerator.load(package, device=device, batch=4)
    device.hang = True
    with pytest.raises(StallError, match=r"no answer came within 0\.3 s\n    remedy: load the package again"):
        accelerator.classify(pictures(3))
    with pytest.raises(StallError, match="does not come to rest"):  # still stuck: nothing is started
        accelerator.classify(pictures(3))
    assert len(device.starts) == 2
    device.hang = False
    while device.output.busy:
        pass
    np.testing.assert_array_equal(accelerator.classify(pictures(3)).classes, winners(pictures(3)))
    accelerator.close()


def test_closing_a_stuck_accelerator_says_so(package):
    device = Strict(package)
    accelerator = Accelerator.load(package, device=device)
    device.hang = True
    with pytest.raises(StallError):
        accelerator.classify(pictures(1))
    with pytest.raises(StallError, match="does not come to rest"):
        accelerator.close()


@pytest.mark.parametrize(
    ("value", "cause"), [(0xFF, "was never written, though the job is done"), (3, "has the class 3, of 3")]
)
def test_answers_that_cannot_be_are_refused_and_the_next_call_works(package, value, cause):
    device = Strict(package)
    with Accelerator.load(package, device=device) as accelerator:
        device.nonsense = value
        with pytest.raises(JobError, match=cause):
            accelerator.classify(pictures(2))
        device.nonsense = None
        np.testing.assert_array_equal(accelerator.classify(pictures(2)).classes, winners(pictures(2)))


@pytest.mark.parametrize("word", [0x0, 0x1, 0xFFFF_FFFF, 0xB00B_1E04])
def test_what_is_no_dma_at_rest_is_refused(package, word):
    class Other(Strict):
        def read_register(self, offset):
            return word if offset == OUTPUT else super().read_register(offset)

    with pytest.raises(WrongHardwareError, match="output DMA reads 0x"):
        Accelerator.load(package, device=Other(package))


def test_a_class_of_two_bytes_is_little_endian(package):
    manifest = load_manifest(package)
    many = dataclasses.replace(
        manifest,
        output=dataclasses.replace(manifest.output, classes=tuple(map(str, range(300)))),
        backend=BackendRecord(finn_shell.KIND, {**SETTINGS, "result_bytes": 2, "result_bits": 9}),
    )
    engine = FinnShell(Strict(package), many)
    assert engine.decode(np.array([0x2B, 0x01, 0x04, 0x00], np.uint8), 2)[1].tolist() == [299, 4]


def test_settings_that_lack_a_field_are_a_fault_of_the_package(package):
    manifest = dataclasses.replace(load_manifest(package), backend=BackendRecord(finn_shell.KIND, {}))
    with pytest.raises(PackageError, match="lack a field: 'frame_bytes'"):
        FinnShell(Strict(package), manifest)


def test_the_blocks_are_bound_by_their_names():
    class Mmio:
        def __init__(self, address, size):
            self.address, self.size, self.written = address, size, {}

        def read(self, offset):
            return self.address + offset

        def write(self, offset, value):
            self.written[offset] = value

    record = {"odma0": {"phys_addr": 0x4001_0000, "addr_range": 0x1_0000}, "other": {}}
    with pytest.raises(WrongHardwareError, match=r"has no idma0; it has odma0, other"):
        finn_shell.bind(Mmio, record, SETTINGS["windows"])
    record["idma0"] = {"phys_addr": 0x4000_0000, "addr_range": 0x1_0000}
    words = finn_shell.bind(Mmio, record, SETTINGS["windows"])
    assert words.read(OUTPUT + FRAMES) == 0x4001_001C
    assert words.read(INPUT + FRAMES) == 0x4000_001C


def test_the_bench_compares_classes_and_says_so(package, tmp_path):
    arguments = [str(package), "--device", "software", "--frames", "40", "--repeats", "2", "--single", "2"]
    assert bench.main([*arguments, "--json", str(tmp_path / "result.json")]) == 0
    figures = json.loads((tmp_path / "result.json").read_text())["figures"]
    assert figures["golden_mismatches"]["value"] == figures["timed_mismatches"]["value"] == 0
    assert figures["golden_mismatches"]["source"] == "golden vectors, every class (it tells no scores)"
    golden = np.load(package / "golden.npz")
    changed = {**golden, "classes": (golden["classes"] + (np.arange(len(golden["classes"])) == 2)) % 3}
    other = tmp_path / "other"
    other.mkdir()
    for path in package.iterdir():
        (other / path.name).symlink_to(path)
    (other / "golden.npz").unlink()
    np.savez(other / "golden.npz", **changed)
    assert bench.main([str(other), *arguments[1:]]) == bench.MISMATCH_STATUS
