"""Whole networks of every layout: the integer graph and the qonnx package agree bit by bit."""

from fractions import Fraction

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnn_hw.frontend import InputSpec
from bnn_hw.ir.execute import execute
from tests.frontend.nets import CHANNELS_LAST, Maker, pictures, qonnx_run

PIXELS = InputSpec()


def agree(maker, tmp_path, images, to_input=None, spec=PIXELS, **options):
    """Compare scores or classes of all images, NHWC, with qonnx; return the graph."""
    graph = maker.graph(tmp_path, spec, **options)
    model = maker.model(**options)
    out = execute(graph, images)
    to_input = to_input or (lambda image: image.transpose(2, 0, 1)[None])
    for number, image in enumerate(images):
        expected = qonnx_run(model, to_input(image))[model.graph.output[0].name].reshape(-1)
        if expected.dtype == np.int64:
            assert out["class"][number].reshape(-1) == expected
        else:
            np.testing.assert_array_equal(out["scores"][number].reshape(-1), expected)
    return graph


def features(maker):
    """Two convolutions with pool, 4 channels of 1x1 left of a 6x5 map of 2 channels."""
    maker.conv(maker.weights(3, 2, 3, 3), name="/conv1/Conv").batch_norm(3).sign()
    return maker.pool(2, name="/pool1/MaxPool").conv(maker.weights(4, 3, 2, 1), name="/conv2/Conv")


def test_chain_of_convolutions_and_dense(tmp_path):
    maker = features(Maker().normalise()).batch_norm(4).sign()
    maker.node("Flatten", axis=1).dense(4, 5, name="/fc1/MatMul").batch_norm(5).sign()
    maker.dense(5, 3, name="/fc2/MatMul").node("Mul", maker.constant(0.25))
    graph = agree(maker, tmp_path, pictures((6, 5, 2)))
    names = [
        "conv1.acc",
        "conv1",
        "pool1",
        "conv2.acc",
        "conv2",
        "fc1.acc",
        "fc1",
        "fc2.acc",
        "scores",
        "class",
    ]
    assert [node.name for node in graph] == names
    assert graph.outputs == ["scores", "class"]
    assert graph.node("class").inputs == ("fc2.acc",)


def test_every_layer_agrees(tmp_path):
    maker = features(Maker(seed=3).normalise()).batch_norm(4).sign()
    maker.node("Flatten", axis=1).dense(4, 5, name="/fc1/MatMul")
    graph, model = maker.graph(tmp_path), maker.model()
    images = pictures((6, 5, 2), 5)
    out = execute(graph, images, keep=set())
    layers = {"conv1": "conv1", "pool1": "pool1", "conv2": "conv2", "fc1": "fc1.acc"}
    for number, image in enumerate(images):
        tensors = qonnx_run(model, image.transpose(2, 0, 1)[None])
        signs = [
            node.output[0]
            for node in model.graph.node
            if node.op_type == "BipolarQuant" and node.input[0][0] == "t"
        ]
        pool = next(node.output[0] for node in model.graph.node if node.op_type == "MaxPool")
        expected = dict(zip(layers, [signs[0], pool, signs[1], model.graph.output[0].name], strict=True))
        for layer, value in layers.items():
            theirs = tensors[expected[layer]]
            theirs = theirs.transpose(0, 2, 3, 1) if theirs.ndim == 4 else theirs.reshape(1, 1, 1, -1)
            np.testing.assert_array_equal(out[value][number], theirs[0], layer)


@pytest.mark.parametrize("how", ["Flatten", "Reshape", "ReshapeZero", "Shape", "SqueezeUnsqueeze", "NHWC"])
def test_ways_to_flatten_a_map(tmp_path, how):
    """Features in the order channel, row, column (or row, column, channel) reach the right weights."""
    maker = Maker(seed=5).normalise()
    maker.conv(maker.weights(3, 2, 4, 2)).batch_norm(3).sign()  # 3 channels of 3x4
    if how == "Flatten":
        maker.node("Flatten", axis=1)
    elif how == "Reshape":
        maker.node("Reshape", maker.constant([1, -1], np.int64))
    elif how == "ReshapeZero":
        maker.node("Reshape", maker.constant([0, 36], np.int64))
    elif how == "Shape":
        data = maker.at
        maker.node("Shape").node("Gather", maker.constant(0, np.int64), axis=0)
        maker.node("Unsqueeze", maker.constant([0], np.int64))
        maker.node("Concat", maker.constant([-1], np.int64), axis=0)
        shape, maker.at = maker.at, data
        maker.node("Reshape", shape)
    elif how == "SqueezeUnsqueeze":
        maker.node("Reshape", maker.constant([1, 36, 1, 1], np.int64))
        maker.node("Squeeze", maker.constant([2, 3], np.int64))
    else:
        maker.node("Transpose", perm=[0, 2, 3, 1]).node("Flatten", axis=1)
    maker.dense(36, 4)
    agree(maker, tmp_path, pictures((6, 5, 2)))


@pytest.mark.parametrize("way", ["transB", "plain", "bias", "alpha"])
def test_gemm(tmp_path, way):
    maker = Maker((1, 12), seed=2)
    maker.node("Sub", maker.constant(127.5)).sign()
    shape, attributes, more = (5, 12), {"transB": 1}, []
    if way == "plain":
        shape, attributes = (12, 5), {}
    elif way == "bias":
        more = [maker.constant([0.5, -1, 2, 0, 3])]
    elif way == "alpha":
        attributes = {"transB": 1, "alpha": 0.5}
    maker.node("Gemm", maker.weights(*shape), *more, **attributes)
    agree(maker, tmp_path, pictures((1, 12, 1), 6), lambda image: image.reshape(1, 12))


def test_picture_in_channels_last_order(tmp_path):
    maker = Maker((1, 6, 5, 2), seed=7).normalise().node("Transpose", perm=[0, 3, 1, 2])
    features(maker).batch_norm(4).sign()
    maker.node("Transpose", perm=[0, 2, 3, 1]).node("Reshape", maker.constant([1, 4], np.int64)).dense(4, 3)
    graph = agree(maker, tmp_path, pictures((6, 5, 2)), lambda image: image[None])
    assert graph.input.type.shape == (6, 5, 2)


def test_channels_last_operators(tmp_path):
    """The wrapped operators of QONNX, (1, H, W, C) tensors and (out, H, W, in) weights, equal plain ones."""
    weights = np.random.default_rng(8).choice([-1.0, 1.0], (4, 2, 3, 3))
    last, first = Maker((1, 6, 5, 2), seed=8).normalise(), Maker((1, 2, 6, 5), seed=8).normalise()
    common = {"domain": CHANNELS_LAST, "kernel_shape": [3, 3], "dilations": [1, 1], "group": 1}
    last.conv(last.constant(weights.transpose(0, 2, 3, 1)), **common)
    last.batch_norm(4, domain=CHANNELS_LAST).sign()
    last.node("MaxPool", domain=CHANNELS_LAST, kernel_shape=[2, 3], strides=[2, 3], pads=[0] * 4)
    last.node("Reshape", last.constant([1, 8], np.int64)).dense(8, 3)
    first.conv(first.constant(weights)).batch_norm(4).sign()
    first.node("MaxPool", kernel_shape=[2, 3], strides=[2, 3]).node("Transpose", perm=[0, 2, 3, 1])
    first.node("Reshape", first.constant([1, 8], np.int64)).dense(8, 3)
    images = pictures((6, 5, 2))
    scores = execute(last.graph(tmp_path), images)["scores"]
    for image, ours in zip(images, scores, strict=True):
        model = first.model()
        theirs = qonnx_run(model, image.transpose(2, 0, 1)[None])[model.graph.output[0].name]
        np.testing.assert_array_equal(ours.reshape(1, 3), theirs)


def test_matmul_on_a_map_is_a_1x1_convolution(tmp_path):
    maker = Maker((1, 2, 2, 3), seed=9).normalise().node("Transpose", perm=[0, 3, 1, 2])
    maker.node("Transpose", perm=[0, 2, 3, 1]).node("MatMul", maker.weights(3, 4), name="/mix/MatMul")
    maker.node("Transpose", perm=[0, 3, 1, 2]).batch_norm(4).sign().node("Flatten").dense(16, 3)
    graph = agree(maker, tmp_path, pictures((2, 2, 3)), lambda image: image[None])
    assert graph.types["mix"].shape == (2, 2, 4)


@pytest.mark.parametrize(
    ("stride", "group", "pads"), [(2, 1, [0, 0, 0, 0]), (1, 2, [0, 0, 0, 0]), (1, 1, [1, 2, 0, 1])]
)
def test_stride_groups_and_padding(tmp_path, stride, group, pads):
    """Zero padding of x = pixel / 128 - 1 is the pixel 128."""
    maker = Maker(seed=10).normalise()
    maker.conv(maker.weights(4, 2 // group, 3, 3), stride, name="/c/Conv", group=group, pads=pads)
    maker.batch_norm(4).sign().node("Flatten")
    height, width = (
        (size + a + b - 3) // stride + 1 for size, a, b in ((6, pads[0], pads[2]), (5, pads[1], pads[3]))
    )
    maker.dense(4 * height * width, 3)
    graph = agree(maker, tmp_path, pictures((6, 5, 2)))
    assert graph.node("c.acc").op.pad_value == (128 if any(pads) else 0)


def test_same_padding(tmp_path):
    maker = Maker(seed=11).normalise()
    maker.node("Conv", maker.weights(3, 2, 4, 3), auto_pad="SAME_UPPER", strides=[2, 1], kernel_shape=[4, 3])
    maker.batch_norm(3).sign().node("Flatten").dense(45, 2)
    graph = agree(maker, tmp_path, pictures((6, 5, 2)))
    assert graph.node("conv0.acc").op.padding == (1, 1, 1, 1)


def test_padding_of_a_bipolar_map_with_minus_one(tmp_path):
    maker = Maker(seed=12).normalise()
    maker.conv(maker.weights(3, 2, 3, 3)).batch_norm(3).sign()
    maker.node("Pad", maker.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), maker.constant(-1.0))
    maker.conv(maker.weights(2, 3, 3, 3), name="/c/Conv").sign().node("Flatten").dense(24, 3)
    graph = agree(maker, tmp_path, pictures((6, 5, 2)))
    assert graph.node("c.acc").op.padding == (1, 1, 1, 1)
    assert graph.node("c.acc").op.pad_value == -1


@pytest.mark.parametrize("order", ["bn pool sign", "pool bn sign", "pool sign"])
def test_pool_before_the_activation(tmp_path, order):
    """sign(max x) = max(sign x) for positive factors; for negative ones the inverted bit is pooled."""
    maker = Maker(seed=13).normalise()
    maker.conv(maker.weights(6, 2, 3, 3), name="/conv1/Conv")
    gamma = np.array([1.0, 0.5, 2.0, 0.0, 1.0, -3.0 if order == "pool bn sign" else 3.0])
    for step in order.split():
        if step == "bn":
            maker.batch_norm(6, gamma=gamma)
        elif step == "pool":
            maker.pool(2, name="/pool1/MaxPool")
        else:
            maker.sign()
    maker.node("Flatten").dense(12, 3)
    graph = agree(maker, tmp_path, pictures((6, 5, 2), 6))
    assert [node.name for node in graph][1:3] == ["conv1", "pool1"]
    assert (graph.node("conv1").op.sign == 1).all()


def test_sums_are_pooled_where_bits_cannot_be_inverted(tmp_path):
    """A padded convolution reads the pool, and its -1 padding is no inverted bit."""
    maker = Maker(seed=13).normalise()
    maker.conv(maker.weights(3, 2, 3, 3), name="/conv1/Conv").pool(2, name="/pool1/MaxPool")
    maker.batch_norm(3, gamma=np.array([1.0, -2.0, -0.5])).sign()
    maker.node("Pad", maker.constant([0, 0, 1, 0, 0, 0, 0, 1], np.int64), maker.constant(-1.0))
    maker.conv(maker.weights(4, 3, 3, 2)).node("Flatten")
    graph = agree(maker, tmp_path, pictures((6, 5, 2), 6))
    assert [node.name for node in graph][1:3] == ["pool1", "conv1"]
    assert graph.node("conv1").op.sign.tolist() == [1, -1, -1]


def test_negative_batch_norm_before_a_pool_is_exact(tmp_path):
    """Threshold first: the channel's weights are negated, and OR works on the right bit."""
    maker = Maker(seed=14).normalise()
    maker.conv(maker.weights(4, 2, 3, 3)).batch_norm(4, gamma=np.array([-1.0, -2, 1, -0.5]))
    maker.pool(2).sign().node("Flatten").dense(8, 3)
    graph = agree(maker, tmp_path, pictures((6, 5, 2), 6))
    assert (graph.node("conv0").op.sign == 1).all()


def test_pool_of_the_picture(tmp_path):
    maker = Maker(seed=15).pool(2).normalise()
    maker.conv(maker.weights(4, 2, 2, 2)).sign().node("Flatten").dense(8, 3)
    graph = agree(maker, tmp_path, pictures((6, 5, 2), 6))
    assert graph.nodes[0].op.kind == "MaxPool"


def test_global_average_pool_of_sums(tmp_path):
    maker = Maker((1, 2, 5, 5), seed=16)
    maker.normalise().conv(maker.weights(4, 2, 2, 2)).batch_norm(4).sign()
    maker.conv(maker.weights(3, 4, 3, 3)).node("GlobalAveragePool").node("Flatten")
    graph = agree(maker, tmp_path, pictures((5, 5, 2), 6))
    assert graph.types["pool1"].shape == (1, 1, 3)


def test_mean_over_nine_pixels_rounds_once(tmp_path):
    """1/9 is no float32 number: sums are divided by 9, not multiplied by a rounded 1/9."""
    maker = Maker((1, 2, 4, 4), seed=16).normalise()
    maker.conv(maker.weights(4, 2, 2, 2)).batch_norm(4).sign().node("GlobalAveragePool").node("Flatten")
    graph, images = maker.graph(tmp_path), pictures((4, 4, 2), 6)
    out = execute(graph, images, keep={"pool1", "scores"})
    exact = [float(np.float32(Fraction(int(value), 9))) for value in out["pool1"].reshape(-1)]
    assert out["scores"].reshape(-1).tolist() == exact
    assert [name for name, _ in graph.node("scores").op.steps] == ["div"]


def test_residual_addition(tmp_path):
    maker = Maker((1, 2, 4, 4), seed=17).normalise()
    maker.conv(maker.weights(3, 2, 1, 1)).batch_norm(3).sign()
    short = maker.at
    maker.conv(maker.weights(3, 3, 1, 1)).batch_norm(3).sign().node("Add", short).batch_norm(
        3, span=1.0
    ).sign()
    maker.node("Flatten").dense(48, 3)
    graph = agree(maker, tmp_path, pictures((4, 4, 2), 6))
    assert graph.node("add").op.kind == "Add"


@pytest.mark.parametrize("op", ["TopK", "ArgMax"])
def test_networks_that_end_with_the_class(tmp_path, op):
    maker = Maker((1, 8), seed=18)
    maker.node("Sub", maker.constant(100.0)).sign().dense(8, 5).node("Add", maker.constant(-1.5))
    if op == "TopK":
        maker.node("TopK", maker.constant([1], np.int64), outputs=2, axis=1)
    else:
        maker.node("ArgMax", axis=1, keepdims=0)
    options = {"output_type": onnx.TensorProto.INT64}
    graph = agree(maker, tmp_path, pictures((1, 8, 1), 12), lambda image: image.reshape(1, 8), **options)
    assert graph.node("class").inputs == ("fc0.acc",)


def test_class_of_scores_with_a_bias_a_class_is_taken_on_the_scores(tmp_path):
    maker = Maker((1, 8), seed=19)
    maker.node("Sub", maker.constant(100.0)).sign().dense(8, 3).node("Add", maker.constant([0.0, 9.0, -2.0]))
    graph = agree(maker, tmp_path, pictures((1, 8, 1), 12), lambda image: image.reshape(1, 8))
    assert graph.node("class").inputs == ("scores",)


def test_class_is_taken_on_the_scores_when_rounding_makes_ties(tmp_path):
    """A huge offset swallows differences between sums: float32 sees ties that integers do not."""
    maker = Maker((1, 8), seed=20)
    maker.node("Sub", maker.constant(100.0)).sign().dense(8, 3).node("Add", maker.constant(float(1 << 25)))
    graph = agree(maker, tmp_path, pictures((1, 8, 1), 12), lambda image: image.reshape(1, 8))
    assert graph.node("class").inputs == ("scores",)


def test_activations_of_several_bits(tmp_path):
    maker = Maker(seed=21).normalise()
    maker.conv(maker.weights(3, 2, 3, 3)).batch_norm(3).quant(2, 0.5, narrow=1)
    maker.conv(maker.weights(4, 3, 2, 2), pads=1).batch_norm(4, span=4.0).quant(3, 0.25, signed=0)
    maker.node("Flatten").dense(80, 3)
    graph = agree(maker, tmp_path, pictures((6, 5, 2), 6))
    assert str(graph.types["conv0"].dtype) == "INT2"
    assert graph.node("conv1").op.levels == 7


def test_scales_of_weights_and_activations(tmp_path):
    maker = Maker(seed=22).normalise()
    scale = np.array([0.5, 2.0, 0.25]).reshape(3, 1, 1, 1)
    maker.conv(maker.weights(3, 2, 3, 3, scale=scale)).batch_norm(3).sign(0.5)
    maker.conv(maker.weights(4, 3, 2, 2, scale=0.125)).batch_norm(4, span=1.0).sign(2.0)
    maker.node("Flatten").dense(24, 3)
    agree(maker, tmp_path, pictures((6, 5, 2), 6))


@pytest.mark.parametrize("value", [0, 255])
def test_all_inputs_match_all_weights(tmp_path, value):
    """The greatest and the least sum a layer can have: pictures made from its own weights."""
    maker = Maker((1, 16), seed=23)
    maker.node("Sub", maker.constant(127.5)).sign().dense(16, 4).node("Mul", maker.constant(0.5))
    graph = maker.graph(tmp_path)
    rows = graph.node("fc0.acc").op.weights
    images = np.where(rows > 0, 255 - value, value).astype(np.uint8).reshape(4, 1, 16, 1)
    sums = execute(graph, images, keep={"fc0.acc"})["fc0.acc"].reshape(4, 4)
    assert (np.diag(sums) == (16 if value == 0 else -16)).all()
    agree(maker, tmp_path, images, lambda image: image.reshape(1, 16))


def test_declared_scale_reaches_the_layers(tmp_path):
    """A network trained on pixel / 256 gets that from the declaration; sums stay exact."""
    maker = Maker(seed=24)
    maker.conv(maker.weights(3, 2, 3, 3)).batch_norm(3, span=3.0).sign().node("Flatten").dense(36, 3)
    spec = InputSpec(Fraction(1, 256), Fraction(-1, 2))
    graph = maker.graph(tmp_path, spec)
    assert (graph.input.scale, graph.input.offset) == ("1/256", "-1/2")
    agree(
        maker,
        tmp_path,
        pictures((6, 5, 2), 6),
        lambda image: image.transpose(2, 0, 1)[None] / 256 - 0.5,
        spec,
    )


@st.composite
def random_network(draw):
    """A chain of up to three convolutions and two dense layers of random form."""
    maker = Maker(
        (1, draw(st.integers(1, 3)), draw(st.integers(5, 8)), draw(st.integers(5, 8))),
        draw(st.integers(0, 999)),
    )
    channels, height, width = (dim.dim_value for dim in maker.input.type.tensor_type.shape.dim[1:])
    shape = (height, width, channels)
    maker.normalise(
        draw(st.sampled_from([1 / 128, 1 / 256, -1 / 64])), draw(st.sampled_from([0.0, 1.0, 0.5]))
    )
    for _ in range(draw(st.integers(0, 3))):
        kernel = draw(st.integers(1, min(3, height, width)))
        outputs, stride = draw(st.integers(1, 5)), draw(st.integers(1, 2))
        scale = draw(st.sampled_from([1.0, 0.25, 2.0]))
        maker.conv(maker.weights(outputs, channels, kernel, kernel, scale=scale), stride)
        height, width = ((size - kernel) // stride + 1 for size in (height, width))
        channels = outputs
        pooled = min(height, width) > 1 and draw(st.booleans())
        for step in draw(st.sampled_from(["bn sign pool", "pool bn sign", "sign pool"])).split():
            if step == "bn":
                maker.batch_norm(channels)
            elif step == "sign":
                maker.sign(draw(st.sampled_from([1.0, 0.5])))
            elif pooled:
                maker.pool(2)
                height, width = height // 2, width // 2
    maker.node("Flatten")
    size = height * width * channels
    for _ in range(draw(st.integers(0, 1))):
        maker.dense(size, 6).batch_norm(6).sign()
        size = 6
    maker.dense(size, draw(st.integers(1, 4)))
    if draw(st.booleans()):
        maker.node("Mul", maker.constant(0.125))
    return maker, shape


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(random_network())
def test_random_networks(tmp_path_factory, drawn):
    maker, shape = drawn
    agree(maker, tmp_path_factory.mktemp("net"), pictures(shape, 3))
