"""Each operation against onnxruntime or plain loops, its type rule and what it refuses."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from bnn_hw.ir import BIPOLAR, ValueType, sint, uint
from bnn_hw.ir.ops import (
    Add,
    ArgMax,
    AvgPool,
    Concat,
    Conv,
    Dense,
    MaxPool,
    Scale,
    Threshold,
    accumulator_bounds,
    exact_matmul,
)


def onnx_run(op, *inputs, **attributes):
    """Run one ONNX node by onnxruntime on float64 or float32 arrays."""
    runtime = pytest.importorskip("onnxruntime", reason="compares with it: pip install 'bnn-hw[dev]'")
    names = [f"x{i}" for i in range(len(inputs))]
    node = helper.make_node(op, names, ["y"], **attributes)
    kinds = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, x.shape)
        for n, x in zip(names, inputs, strict=True)
    ]
    graph = helper.make_graph(
        [node], "g", kinds, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = {name: x.astype(np.float32) for name, x in zip(names, inputs, strict=True)}
    return session.run(None, feed)[0]


def nchw(x):
    return x.transpose(0, 3, 1, 2)


def values(rng, dtype, *shape):
    if dtype.is_bipolar:
        return rng.choice(np.array([-1, 1], np.int8), shape)
    return rng.integers(dtype.min, dtype.max + 1, shape)


@pytest.mark.parametrize("dtype", [BIPOLAR, uint(8), sint(4)], ids=str)
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "groups"),
    [
        ((3, 3), (1, 1), (0, 0, 0, 0), 1),
        ((1, 1), (1, 1), (0, 0, 0, 0), 1),
        ((2, 3), (2, 1), (0, 0, 0, 0), 2),
        ((3, 2), (1, 2), (1, 0, 2, 1), 1),
        ((3, 3), (2, 2), (1, 1, 1, 1), 4),
        ((6, 7), (1, 1), (0, 0, 0, 0), 1),
    ],
)
def test_conv(dtype, kernel, stride, padding, groups):
    rng = np.random.default_rng(1)
    x = values(rng, dtype, 2, 6, 7, 4)
    weights = values(rng, BIPOLAR, 8, *kernel, 4 // groups)
    fill = dtype.max
    op = Conv(weights, stride, padding, fill, groups)
    top, left, bottom, right = padding
    wide = np.full((2, 6 + top + bottom, 7 + left + right, 4), fill)
    wide[:, top : top + 6, left : left + 7] = x
    expected = onnx_run("Conv", nchw(wide), nchw(weights), strides=stride, group=groups)
    found = op.execute(x)
    np.testing.assert_array_equal(nchw(found), expected)
    kind = op.infer(ValueType(dtype, (6, 7, 4)))
    assert kind.shape == found.shape[1:]
    assert kind.dtype.contains(found)


def test_dense_is_flattened_row_column_channel():
    rng = np.random.default_rng(2)
    x, weights = values(rng, BIPOLAR, 3, 2, 3, 4), values(rng, BIPOLAR, 5, 24)
    expected = np.zeros((3, 5), int)
    for frame, row, column, channel in np.ndindex(3, 2, 3, 4):
        expected[frame] += x[frame, row, column, channel] * weights[:, (row * 3 + column) * 4 + channel]
    op = Dense(weights)
    np.testing.assert_array_equal(op.execute(x), expected.reshape(3, 1, 1, 5))
    assert str(op.infer(ValueType(BIPOLAR, (2, 3, 4)))) == "INT6[1x1x5]"


def test_least_int8_values_are_summed_exactly():
    """abs(-128) wraps around in int8, and float32 holds odd sums only up to 2**24."""
    x = np.full((1, 1, 1, 1 << 18), -128, np.int8)
    weights = np.full((1, 1 << 18), -127, np.int64)
    weights[0, 0] = -126
    expected = 128 * 127 * (1 << 18) - 128
    x[0, 0, 0, 1] = -127
    assert Dense(weights).execute(x)[0, 0, 0, 0] == expected - 127


@pytest.mark.parametrize("bound", [100, 1 << 30, 1 << 60])
def test_exact_matmul_of_every_kernel(bound):
    left = np.array([[(1 << 20) + 1, 3]]) if bound > 1 << 24 else np.array([[7, 3]])
    right = np.array([[5], [-9]])
    assert exact_matmul(left, right, bound)[0, 0] == left[0, 0] * 5 - 27


@pytest.mark.parametrize("dtype", [BIPOLAR, uint(2), sint(3)], ids=str)
def test_accumulator_bounds_are_reached(dtype):
    rng = np.random.default_rng(3)
    weights = rng.integers(-2, 3, (6, 5))
    low, high = accumulator_bounds(weights, dtype)
    grid = np.array(np.meshgrid(*[[dtype.min, dtype.max]] * 5)).reshape(5, -1)
    sums = weights @ grid
    np.testing.assert_array_equal(low, sums.min(axis=1))
    np.testing.assert_array_equal(high, sums.max(axis=1))


def test_threshold():
    x = np.arange(-3, 4).reshape(1, 7, 1, 1).repeat(4, axis=3)
    op = Threshold(np.array([[0], [0], [-9], [4]]), np.array([1, -1, 1, 1]))
    found = op.execute(x)[0, :, 0].T.tolist()
    assert found == [[-1, -1, -1, 1, 1, 1, 1], [1, 1, 1, 1, -1, -1, -1], [1] * 7, [-1] * 7]


def test_threshold_of_several_levels():
    x = np.arange(-4, 5).reshape(1, 9, 1, 1).repeat(2, axis=3)
    op = Threshold(np.array([[-2, 0, 0], [1, 2, 3]]), np.array([1, -1]), sint(4), base=-3, step=2)
    found = op.execute(x)[0, :, 0].T
    expected = [
        [-3 + 2 * sum(s * v >= t for t in row) for v in range(-4, 5)]
        for s, row in ((1, (-2, 0, 0)), (-1, (1, 2, 3)))
    ]
    assert found.tolist() == expected
    assert op.levels == 3
    assert str(op.infer(ValueType(sint(8), (9, 1, 2)))) == "INT4[9x1x2]"


@pytest.mark.parametrize(("kernel", "stride"), [((2, 2), (2, 2)), ((3, 2), (2, 2)), ((3, 3), (1, 2))])
def test_pools(kernel, stride):
    x = np.random.default_rng(4).integers(0, 256, (2, 7, 6, 3)).astype(np.uint8)
    form = {"kernel_shape": kernel, "strides": stride}
    greatest, total = MaxPool(kernel, stride), AvgPool(kernel, stride)
    np.testing.assert_array_equal(nchw(greatest.execute(x)), onnx_run("MaxPool", nchw(x), **form))
    mean = onnx_run("AveragePool", nchw(x), **form)
    np.testing.assert_allclose(nchw(total.execute(x)) / np.prod(kernel), mean, rtol=1e-6)
    kind = total.infer(ValueType(uint(8), (7, 6, 3)))
    assert kind.shape == greatest.infer(ValueType(uint(8), (7, 6, 3))).shape == total.execute(x).shape[1:]
    assert kind.dtype == uint((255 * int(np.prod(kernel))).bit_length())


def test_max_pool_of_bipolar_values_is_an_or():
    x = values(np.random.default_rng(5), BIPOLAR, 2, 4, 4, 3)
    bits = (x > 0).reshape(2, 2, 2, 2, 2, 3)
    np.testing.assert_array_equal(MaxPool().execute(x) > 0, bits.any(axis=(2, 4)))


def test_average_of_bipolar_values_is_signed():
    assert AvgPool().infer(ValueType(BIPOLAR, (2, 2, 1))).dtype == sint(4)


def test_add_and_concat():
    rng = np.random.default_rng(6)
    x, y = values(rng, sint(8), 2, 3, 3, 2).astype(np.int8), values(rng, sint(8), 2, 3, 3, 2).astype(np.int8)
    kind = ValueType(sint(8), (3, 3, 2))
    assert Add().execute(x, y).tolist() == (x.astype(int) + y.astype(int)).tolist()
    assert Add().infer(kind, kind).dtype == sint(9)
    both = Concat().execute(x, y)
    assert both[..., :2].tolist() == x.tolist()
    assert both[..., 2:].tolist() == y.tolist()
    assert Concat().infer(kind, kind).shape == (3, 3, 4)


def test_scale_rounds_after_every_step():
    steps = (
        ("mul", np.float32([0.1])),
        ("add", np.float32([1e8, 1])),
        ("sub", np.float32([1e8])),
        ("div", np.float32([3])),
    )
    x = np.array([[[[7, -3]]]])
    expected = []
    for value, shift in zip([7, -3], [1e8, 1], strict=True):
        real = np.float32(np.float32(value) * np.float32(0.1))
        real = np.float32(np.float32(real + np.float32(shift)) - np.float32(1e8))
        expected.append(np.float32(real / np.float32(3)))
    found = Scale(steps).execute(x)
    assert found.dtype == np.float32
    assert found.reshape(-1).tolist() == expected


def test_argmax_takes_the_lowest_of_equals():
    x = np.array([[3, 5, 5], [2, 2, 2], [-9, -8, -7]]).reshape(3, 1, 1, 3)
    assert ArgMax().execute(x).reshape(-1).tolist() == [1, 0, 2]
    assert ArgMax().infer(ValueType(sint(8), (1, 1, 10))).dtype == uint(4)
    assert ArgMax().infer(ValueType(sint(8), (1, 1, 1))).dtype == uint(1)


ONES = np.ones((2, 3, 3, 4), np.int8)
KIND = ValueType(BIPOLAR, (5, 5, 4))


@pytest.mark.parametrize(
    ("op", "inputs", "words"),
    [
        (Conv(ONES), [ValueType(BIPOLAR, (5, 5, 3))], "do not fit 3 input channels"),
        (Conv(ONES[:1], groups=2), [ValueType(BIPOLAR, (5, 5, 8))], "in 2 groups do not fit 8"),
        (Conv(ONES), [ValueType(BIPOLAR, (2, 5, 4))], "kernel 3x3 exceeds the input of 2x5"),
        (Conv(ONES, padding=(1, 1, 1, 1)), [KIND], "padding with 0, which is no value of BIPOLAR"),
        (Dense(np.ones((2, 9))), [KIND], "weights for 9 features do not fit an input of 100"),
        (Threshold(np.zeros((3, 1)), np.ones(3)), [KIND], "thresholds for 3 channels do not fit 4"),
        (Threshold(np.array([[1, 0]] * 4), np.ones(4), sint(3)), [KIND], "thresholds are not ascending"),
        (Threshold(np.zeros((4, 1)), np.zeros(4)), [KIND], "signs are not all -1"),
        (Threshold(np.zeros((4, 2)), np.ones(4)), [KIND], "2 levels from -1 by 2 leave BIPOLAR"),
        (MaxPool((6, 2)), [KIND], "kernel 6x2 exceeds the input of 5x5"),
        (Add(), [KIND, ValueType(BIPOLAR, (5, 5, 3))], "shapes .* differ"),
        (Concat(), [KIND, ValueType(uint(1), (5, 5, 4))], "differ in size or type"),
        (Scale((("pow", np.ones(1)),)), [KIND], "step pow of 1 operands does not fit 4 channels"),
        (Scale((("mul", np.ones(3)),)), [KIND], "step mul of 3 operands"),
        (ArgMax(), [KIND], "input is 5x5, not 1x1"),
    ],
)
def test_refused_inputs(op, inputs, words):
    with pytest.raises(ValueError, match=words):
        op.infer(*inputs)
