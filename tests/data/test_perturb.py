import numpy as np
import pytest

from bnn_hw.data.perturb import (
    DISTURBANCES,
    Disturbance,
    blur,
    brightness,
    crop,
    noise,
    rotation,
    shift_down,
    shift_right,
)


def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)


@pytest.mark.parametrize("way", DISTURBANCES, ids=lambda way: way.name)
def test_nothing_is_nothing_and_every_amount_does_something(way: Disturbance) -> None:
    assert np.array_equal(way.apply(pictures(), way.nothing), pictures())
    assert way.nothing in way.amounts
    for amount in set(way.amounts) - {way.nothing}:
        disturbed = way.apply(pictures(), amount)
        assert disturbed.shape == pictures().shape
        assert disturbed.dtype == np.uint8
        assert not np.array_equal(disturbed, pictures())
        assert np.array_equal(disturbed, way.apply(pictures(), amount))


def test_brightness_saturates() -> None:
    assert brightness(np.array([[[[250, 3, 100]]]], np.uint8), 20).tolist() == [[[[255, 23, 120]]]]
    assert brightness(np.array([[[[250, 3, 100]]]], np.uint8), -20).tolist() == [[[[230, 0, 80]]]]


def test_noise_has_its_standard_deviation() -> None:
    grey = np.full((4, 32, 32, 3), 128, np.uint8)
    assert noise(grey, 10).std() == pytest.approx(10, rel=0.05)


def test_moves_go_where_they_say() -> None:
    spot = np.zeros((1, 32, 32, 3), np.uint8)
    spot[0, 10, 20] = 255
    assert np.argwhere(shift_right(spot, 0.125)[0, ..., 0]).tolist() == [[10, 24]]
    assert np.argwhere(shift_down(spot, 0.125)[0, ..., 0]).tolist() == [[14, 20]]
    assert np.argwhere(rotation(spot, 90.0)[0, ..., 0] > 200).tolist() == [[11, 10]]
    # From the centre (15.5, 15.5) the spot is 4.5 right and 5.5 up; half the part shows it twice as far.
    tight = np.argwhere(crop(spot, 0.5)[0, ..., 0] > 60).mean(axis=0)
    assert tight == pytest.approx([15.5 - 11, 15.5 + 9], abs=0.01)
    loose = crop(np.full((1, 32, 32, 3), 77, np.uint8), 1.5)
    assert (loose == 77).all()


def test_blur_keeps_the_mean_and_loses_contrast() -> None:
    blurred = blur(pictures(), 2.0)
    assert blurred.std() < 0.3 * pictures().std()
    assert blurred.mean() == pytest.approx(pictures().mean(), rel=0.02)
