"""Thresholds against onnxruntime: every sum a channel can take, through the very nodes of the network."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from bnn_hw.errors import ModelError
from bnn_hw.frontend import import_onnx
from bnn_hw.frontend.evaluate import round_quotient
from bnn_hw.ir.ops import Threshold
from tests.frontend.nets import PIXELS, Maker, qonnx_run

INPUTS = 24
CHANNELS = 9


def both(tail, tmp_path):
    """Return the graph, and what it and onnxruntime make of all sums -24..24 after ``tail``'s nodes."""
    maker = Maker((1, INPUTS))
    maker.node("Sub", maker.constant(127.5)).sign().dense(INPUTS, CHANNELS, name="/fc/MatMul")
    tail(maker)
    graph = maker.dense(CHANNELS, 2).graph(tmp_path)
    threshold = graph.node("fc").op
    assert isinstance(threshold, Threshold)
    latent = next(numpy_helper.to_array(c) for c in maker.constants if list(c.dims) == [CHANNELS, INPUTS])
    trained = np.where(latent >= 0, 1, -1)
    found = graph.node("fc.acc").op.weights
    turned = np.where((found == trained).all(axis=1), 1, -1)
    np.testing.assert_array_equal(found * turned[:, None], trained)
    sums = np.repeat(np.arange(-INPUTS, INPUTS + 1)[:, None], CHANNELS, axis=1)
    ours = threshold.execute((sums * turned).reshape(-1, 1, 1, CHANNELS)).reshape(-1, CHANNELS)

    alone = Maker(sums.shape)
    tail(alone)
    model = alone.model()
    return graph, ours, qonnx_run(model, sums)[model.graph.output[0].name]


def batch_norm(**values):
    """Return a tail: batch norm of these factors, then the sign."""
    given_values = {"gamma": np.ones(CHANNELS), "beta": np.zeros(CHANNELS), "mean": np.zeros(CHANNELS)}
    given_values |= {"var": np.ones(CHANNELS), **values}
    return lambda maker: maker.batch_norm(CHANNELS, **given_values).sign()


@pytest.mark.parametrize("seed", range(8))
def test_random_batch_norm(tmp_path, seed):
    rng = np.random.default_rng(seed)
    values = {
        "gamma": rng.normal(0, 1, CHANNELS) * rng.choice([0, 1, 1e-30, 1e6], CHANNELS),
        "beta": rng.normal(0, 1, CHANNELS) * rng.choice([0, 1], CHANNELS),
        "mean": np.round(rng.normal(0, 8, CHANNELS), int(seed % 2)),
        "var": rng.uniform(1e-6, 100, CHANNELS),
    }
    graph, ours, theirs = both(batch_norm(**values), tmp_path)
    np.testing.assert_array_equal(ours, theirs)
    assert (graph.node("fc").op.sign == 1).all()


def test_a_sum_equal_to_the_mean_gives_plus_one(tmp_path):
    """y = 0 exactly is +1; with a negative factor too."""
    values = {"mean": np.arange(-4, 5), "gamma": np.array([1, -1, 2, -2, 0.1, -0.1, 3, -3, 7.0])}
    _, ours, theirs = both(batch_norm(**values), tmp_path)
    np.testing.assert_array_equal(ours, theirs)
    assert (ours[INPUTS + np.arange(-4, 5), np.arange(CHANNELS)] == 1).all()


def test_factor_zero_makes_a_constant(tmp_path):
    beta = np.array([1, -1, 0, 1e-30, -1e-30, 5, -5, 0, -0.0])
    graph, ours, theirs = both(batch_norm(gamma=np.zeros(CHANNELS), beta=beta), tmp_path)
    np.testing.assert_array_equal(ours, theirs)
    assert (ours == np.where(beta >= 0, 1, -1)).all()
    never = graph.node("fc").op.thresholds[:, 0] > INPUTS
    assert never.tolist() == (beta < 0).tolist()


def test_thresholds_out_of_reach(tmp_path):
    mean = np.array([1e6, -1e6, 24, 24.5, 25, -24, -24.5, -25, 0])
    graph, ours, theirs = both(batch_norm(mean=mean), tmp_path)
    np.testing.assert_array_equal(ours, theirs)
    expected = [25, -24, 24, 25, 25, -24, -24, -24, 0]
    assert graph.node("fc").op.thresholds[:, 0].tolist() == expected


@pytest.mark.parametrize("rounding", ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"])
@pytest.mark.parametrize(
    ("bits", "signed", "narrow"), [(2, 1, 1), (2, 1, 0), (4, 0, 0), (3, 0, 1), (1, 1, 0)]
)
def test_quantisers_of_every_form(tmp_path, rounding, bits, signed, narrow):
    def tail(maker):
        maker.node("Mul", maker.constant(np.linspace(-1.5, 1.5, CHANNELS)))
        maker.node("Add", maker.constant(0.5))
        maker.quant(bits, 0.75, 0.0, signed=signed, narrow=narrow, rounding=rounding)

    _, ours, theirs = both(tail, tmp_path)
    np.testing.assert_array_equal(ours, np.round(theirs / 0.75))


def test_scale_and_zero_point_a_channel(tmp_path):
    scale = 2.0 ** np.arange(-4, 5)

    def tail(maker):
        maker.quant(4, scale.reshape(1, -1), 3.0, signed=0).node("Mul", maker.constant(1 / scale))

    _, ours, theirs = both(tail, tmp_path)
    np.testing.assert_array_equal(ours - 3, np.round(theirs))


def test_multithreshold(tmp_path):
    levels = np.sort(np.random.default_rng(1).normal(0, 8, (CHANNELS, 3)), axis=1)
    levels[0] = 5

    def tail(maker):
        attributes = {"out_dtype": "INT3", "out_scale": 1.0, "out_bias": -2.0}
        maker.node("MultiThreshold", maker.constant(levels), domain="qonnx.custom_op.general", **attributes)

    graph, ours, theirs = both(tail, tmp_path)
    np.testing.assert_array_equal(ours, theirs)
    assert str(graph.types["fc"].dtype) == "INT2"


def test_long_chain_of_steps(tmp_path):
    """Each step rounds in float32 on its own; a formula in exact numbers would differ."""
    values = np.float32([0.1, -0.3, 1e-8, 3e7, 0.7, -11, 1 / 3, 5, -1e-3])

    def tail(maker):
        maker.node("Mul", maker.constant(values)).node("Add", maker.constant(1e4 * values))
        maker.node("Div", maker.constant(values[::-1].copy())).node("Sub", maker.constant(1e5 * values[0]))
        norm = {"mean": np.arange(CHANNELS) * 1e4, "gamma": values, "beta": values, "var": values**2}
        maker.node("Neg").batch_norm(CHANNELS, **norm).sign()

    _, ours, theirs = both(tail, tmp_path)
    np.testing.assert_array_equal(ours, theirs)


def test_values_that_become_nan_are_refused(tmp_path):
    maker = Maker((1, INPUTS))
    maker.node("Sub", maker.constant(127.5)).sign().dense(INPUTS, CHANNELS, name="/fc/MatMul")
    big = np.full(CHANNELS, 3e38, np.float32)
    maker.node("Mul", maker.constant(big)).node("Mul", maker.constant(big)).node("Mul", maker.constant(0.0))
    path = maker.sign(name="/act/BipolarQuant").dense(CHANNELS, 2).save(tmp_path)
    with pytest.raises(ModelError) as caught:
        import_onnx(path, PIXELS)
    assert caught.value.faults[0].place == "net.onnx: layer act, BipolarQuant node /act/BipolarQuant"
    assert "channel 0 becomes NaN" in caught.value.faults[0].cause


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(-(1 << 61), 1 << 61), st.integers(1, 1 << 90), st.integers(0, 60))
def test_quotients_round_once(number, denominator, shift):
    """Against exact rationals: no float32 lies nearer to the quotient, and ties go to the even one."""
    number >>= shift
    found = round_quotient(np.array([number]), denominator)[0]
    exact = Fraction(number, denominator)
    distance = abs(Fraction(float(found)) - exact)
    for other in (np.nextafter(found, np.float32(-np.inf)), np.nextafter(found, np.float32(np.inf))):
        gap = abs(Fraction(float(other)) - exact)
        assert gap > distance or (gap == distance and int(found.view(np.int32)) % 2 == 0)


@pytest.mark.parametrize(("nudge", "expected"), [(-1, 1 << 24), (0, 1 << 24), (1, (1 << 24) + 2)])
def test_quotients_beside_the_middle_of_two_floats(nudge, expected):
    """2**24 + 1 lies between two float32; float64 loses a nudge of 3**-20 and would round wrongly."""
    denominator = 3**20
    number = ((1 << 24) + 1) * denominator + nudge
    assert np.float64(number) / denominator == (1 << 24) + 1
    assert round_quotient(np.array([number]), denominator)[0] == expected
