"""The driver on the software device: answers, batches under way, streams, gate, crowd, and its end."""

import multiprocessing
import threading
import time

import numpy as np
import pytest

from bnn_hw.ir.execute import execute
from bnn_hw.runtime import Accelerator
from bnn_hw.runtime.errors import ClosedError, InUseError, PictureError
from tests.packages import CLASSES, SHAPE, pictures, small_graph
from tests.runtime.faulty import FaultyDevice


def expected(images):
    """Integer scores, real scores and winners by the reference execution of the integer graph."""
    graph = small_graph()
    values = execute(graph, images, {"fc2.acc", "scores", "class"})
    return tuple(values[name].reshape(len(images), -1) for name in ("fc2.acc", "scores", "class"))


def same(answers, images):
    raw, scores, winners = expected(images)
    return (
        np.array_equal(answers.raw, raw)
        and np.array_equal(answers.scores, scores)
        and np.array_equal(answers.classes, winners[:, 0])
    )


@pytest.fixture
def accelerator(package):
    with Accelerator.load(package, device="software", batch=8) as made:
        yield made


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100])
def test_classify_is_the_integer_graph_for_every_size_of_batch(accelerator, count):
    images = pictures(count, seed=count)
    for _ in range(2):  # a second call is as good as the first
        answers = accelerator.classify(images)
        assert same(answers, images)
    assert answers.winners() == [CLASSES[index] for index in answers.classes]
    assert answers.scores.dtype == np.float32


def test_no_pictures_give_no_answers(accelerator):
    assert accelerator.classify(pictures(0)).raw.shape == (0, 3)


def test_a_single_picture_gets_its_frame_axis(accelerator):
    image = pictures(1)[0]
    assert same(accelerator.classify(image), image[None])


def test_other_orders_of_colours_are_brought_into_the_network_s(package):
    images = pictures(5)
    with Accelerator.load(package, device="software", colours="BGR") as accelerator:
        assert same(accelerator.classify(images[..., ::-1]), images)


def test_stream_answers_in_order_and_keeps_several_jobs_open(package):
    device = FaultyDevice(package)
    device.seconds_a_job = 0.01
    images = pictures(50)
    raw, _, winners = expected(images)
    with Accelerator.load(package, device=device, batch=4, slots=3) as accelerator:
        answers = list(accelerator.stream(iter(images)))
    assert np.array_equal([answer.raw for answer in answers], raw)
    assert [answer.name for answer in answers] == [CLASSES[i] for i in winners[:, 0]]
    assert device.most_open == 3


def test_stream_prepares_while_the_accelerator_runs(package):
    """Whenever the next picture is asked for, the job of the one before is under way."""
    device = FaultyDevice(package)
    device.seconds_a_job = 0.05
    running = []

    def camera():
        for image in pictures(6):
            running.append(device.read_register(0x048) & 1)
            yield image

    with Accelerator.load(package, device=device) as accelerator:
        assert len(list(accelerator.stream(camera(), batch=1))) == 6
    assert running == [0, 1, 1, 1, 1, 1]


def test_stream_of_one_gives_each_answer_before_it_asks_for_much_more(accelerator):
    asked = []

    def camera():
        for number, image in enumerate(pictures(20)):
            asked.append(number)
            time.sleep(0.002)
            yield image

    stream = accelerator.stream(camera(), batch=1)
    next(stream)
    assert len(asked) <= 4
    stream.close()
    assert same(accelerator.classify(pictures(3)), pictures(3))


def test_stream_answers_all_pictures_before_one_at_fault(accelerator):
    images = list(pictures(13))
    images[10] = images[10].astype(np.float32)
    answers = []
    with pytest.raises(PictureError) as caught:
        answers.extend(accelerator.stream(images))
    assert len(answers) == 10
    assert caught.value.place == "picture 10"
    assert same(accelerator.classify(pictures(3)), pictures(3))


def test_stream_passes_on_what_the_camera_raises(accelerator):
    def camera():
        yield from pictures(5)
        raise OSError("camera unplugged")

    answers = []
    with pytest.raises(OSError, match="camera unplugged"):
        answers.extend(accelerator.stream(camera()))
    assert len(answers) == 5


def test_gate_classifies_one_picture_and_stops_the_clock_in_between(accelerator):
    images = pictures(4)
    raw, _, _ = expected(images)
    for image, scores in zip(images, raw, strict=True):
        assert np.array_equal(accelerator.gate(image).raw, scores)
        assert accelerator.engine.read("MODE", "GATE") == 1
    accelerator.classify(images)
    assert accelerator.engine.read("MODE", "GATE") == 0
    with pytest.raises(PictureError, match="give one"):
        accelerator.gate(images)


def test_crowd_classifies_every_tile_of_every_scale(accelerator):
    frame = np.random.default_rng(3).integers(0, 256, (20, 33, 3)).astype(np.uint8)
    tiles = accelerator.crowd(frame, sides=[8, 16], overlap=0.5)
    small = [tile for tile in tiles if tile.side == 8]
    # Unscaled tiles are the picture's own pixels.
    cuts = np.stack([frame[t.row : t.row + 8, t.column : t.column + 8] for t in small])
    assert np.array_equal([tile.answer.raw for tile in small], expected(cuts)[0])
    assert {(t.row, t.column) for t in small} == {
        (r, c) for r in (0, 4, 8, 12) for c in (0, 4, 8, 12, 16, 20, 24, 25)
    }
    assert len(tiles) > len(small)


def test_more_pictures_than_contiguous_memory_go_through_in_parts(package):
    device = FaultyDevice(package, memory_bytes=4096)
    with Accelerator.load(package, device=device, batch=4) as accelerator:
        assert same(accelerator.classify(pictures(200)), pictures(200))


def test_closing_gives_everything_back_and_later_calls_are_refused(package):
    device = FaultyDevice(package)
    accelerator = Accelerator.load(package, device=device)
    assert device.buffers
    accelerator.close()
    accelerator.close()
    assert not device.buffers
    with pytest.raises(ClosedError, match="is closed"):
        accelerator.classify(pictures(1))


def test_an_error_in_the_block_frees_the_memory(package):
    device = FaultyDevice(package)
    with pytest.raises(ZeroDivisionError), Accelerator.load(package, device=device):
        _ = 1 / 0
    assert not device.buffers


def test_an_abandoned_stream_leaves_no_job_behind(package):
    device = FaultyDevice(package)
    device.seconds_a_job = 0.02
    with Accelerator.load(package, device=device, batch=2) as accelerator:
        for _ in accelerator.stream(pictures(40)):
            break
        assert accelerator.engine.read("STATUS", "BUSY") == 0
        assert same(accelerator.classify(pictures(9)), pictures(9))


def test_another_thread_and_an_open_stream_are_refused_not_queued(accelerator):
    stream = accelerator.stream(pictures(40))
    next(stream)
    caught = []

    def other():
        try:
            accelerator.classify(pictures(1))
        except InUseError as error:
            caught.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert "another thread or an open stream" in caught[0].cause
    with pytest.raises(InUseError):
        accelerator.classify(pictures(1))
    assert len(list(stream)) == 39
    assert same(accelerator.classify(pictures(SHAPE[0])), pictures(SHAPE[0]))


def _use_in_child(accelerator, queue):
    try:
        accelerator.classify(pictures(1))
    except ClosedError as error:
        queue.put(error.cause)


def test_a_forked_child_is_refused(accelerator):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_use_in_child, args=(accelerator, queue))
    child.start()
    assert "was loaded in process" in queue.get(timeout=20)
    child.join()
