from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install bnn-hw[train]")
pytest.importorskip("captum", reason="Grad-CAM needs captum: pip install bnn-hw[train]")

from bnn_hw.data import CLASSES  # noqa: E402
from bnn_hw.errors import ConfigError, InputError  # noqa: E402
from bnn_hw.gradcam import write_figure  # noqa: E402
from bnn_hw.progress import Reporter  # noqa: E402
from bnn_hw.train.checkpoint import load_exported, save_network  # noqa: E402
from bnn_hw.train.export import export_onnx  # noqa: E402
from bnn_hw.train.gradcam import REGIONS, centres, focus, grad_cam, over_picture  # noqa: E402
from bnn_hw.train.inference import predict, to_tensor  # noqa: E402
from bnn_hw.train.networks import Network, network_of  # noqa: E402

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
QUIET = Reporter(quiet=True)


class Tiny(torch.nn.Module):
    """Two channels of two by two places, whose gradients can be worked out on paper."""

    def __init__(self) -> None:
        super().__init__()
        self.pool2 = torch.nn.AvgPool2d(16)
        self.head = torch.nn.Linear(12, 2, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(torch.arange(24.0).view(2, 12) - 8)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.head(self.pool2(pixels).flatten(1))


def test_heat_is_what_is_worked_out_by_hand() -> None:
    picture = np.zeros((1, 32, 32, 3), np.uint8)
    picture[0, :16, :16] = (10, 20, 30)
    picture[0, 16:, 16:] = (50, 0, 40)
    heat = grad_cam(Tiny(), picture, np.array([0]))
    # Weights of class 0 are -8..3: channel means -6.5, -2.5, 1.5.
    by_hand = [[-6.5 * 10 - 2.5 * 20 + 1.5 * 30, 0.0], [0.0, -6.5 * 50 + 1.5 * 40]]
    assert heat == pytest.approx(np.maximum([by_hand], 0.0))
    # Those of class 1 are 4..15: 5.5, 9.5, 13.5.
    other = [[5.5 * 10 + 9.5 * 20 + 13.5 * 30, 0.0], [0.0, 5.5 * 50 + 13.5 * 40]]
    assert grad_cam(Tiny(), picture, np.array([1])) == pytest.approx(np.array([other]))


@pytest.mark.parametrize("precision", ["binary", "float"])
def test_heat_of_a_network_follows_from_its_gradients(precision: str) -> None:
    torch.manual_seed(1)
    net = network_of("ncnv", precision).eval()
    heat = grad_cam(net, IMAGES, np.array([2, 0, 1]))
    assert heat.shape == (3, 5, 5)
    kept: list[torch.Tensor] = []
    handle = net.pool2.register_forward_hook(lambda _m, _i, output: kept.append(output))
    scores = net(to_tensor(IMAGES).float())
    handle.remove()
    (gradient,) = torch.autograd.grad(scores[[0, 1, 2], [2, 0, 1]].sum(), kept[0])
    assert gradient.abs().max() > 0
    expected = (gradient.mean(dim=(2, 3), keepdim=True) * kept[0]).sum(dim=1).clamp(min=0)
    assert heat == pytest.approx(expected.detach().numpy(), abs=1e-5)
    assert not net.training


def test_places_are_the_middle_of_what_a_cell_sees() -> None:
    net = network_of("ucnv", "float").eval()
    places = centres(net)
    pixels = torch.zeros(1, 3, 32, 32, requires_grad=True)
    kept: list[torch.Tensor] = []
    net.conv2_2.register_forward_hook(lambda _m, _i, output: kept.append(output))
    with torch.no_grad():
        for layer in (net.conv1_1, net.conv1_2, net.conv2_1, net.conv2_2):
            layer.weight.fill_(1.0)
    net(pixels + 200.0)
    # Max pools pass the gradient of one place only: average over all four of a cell.
    for row in range(5):
        seen = torch.zeros(32)
        for part in kept[0][0, 0, 2 * row : 2 * row + 2, 4]:
            (gradient,) = torch.autograd.grad(part, pixels, retain_graph=True)
            seen += (gradient[0, 0].abs().sum(dim=1) > 0).float()
        middle = (torch.arange(32.0) * seen).sum() / seen.sum()
        assert abs(middle.item() - places[row]) <= 1.0
    assert places.tolist() == [7.5, 11.5, 15.5, 19.5, 23.5]


def test_heat_lies_over_the_picture_where_its_cells_look() -> None:
    heat = np.zeros((2, 5, 5))
    heat[0, 1, 3] = 4.0
    spread = over_picture(heat, centres(network_of("ucnv", "float")))
    assert np.unravel_index(spread[0].argmax(), (32, 32)) in [(11, 19), (11, 20), (12, 19), (12, 20)]
    assert spread[0].max() == 1.0
    assert not spread[1].any()


def test_focus_is_the_density_in_the_region() -> None:
    region = REGIONS["nose_exposed"]
    inside, everywhere = region.mask[None].astype(float), np.ones((1, 32, 32))
    assert focus(everywhere, region) == pytest.approx([1.0])
    assert focus(inside, region) == pytest.approx([1 / region.mask.mean()])
    assert np.isnan(focus(np.zeros((1, 32, 32)), region)).all()


def trained(tmp_path: Path, precision: str, classes: tuple[str, ...] = CLASSES) -> Path:
    net: Network = network_of("ucnv", precision, len(classes))
    save_network(net, classes, 1, tmp_path / f"{precision}.pt")
    return tmp_path / f"{precision}.pt"


def test_exported_networks_come_back(tmp_path: Path) -> None:
    net = network_of("ncnv")
    export_onnx(net, tmp_path / "model.onnx")
    again = load_exported(tmp_path / "model.onnx", CLASSES)
    assert again.spec.name == "ncnv"
    assert np.array_equal(predict(again, IMAGES), predict(net, IMAGES))
    with pytest.raises(InputError, match="is none of cnv, ncnv, ucnv with 5 classes"):
        load_exported(tmp_path / "model.onnx", (*CLASSES, "no_mask"))
    (tmp_path / "text.onnx").write_text("no model at all")
    with pytest.raises(InputError, match="is no ONNX file"):
        load_exported(tmp_path / "text.onnx", CLASSES)


def test_the_figure_shows_both_networks(quadrants: Path, tmp_path: Path) -> None:
    to = tmp_path / "figures" / "cam.png"
    text, record = write_figure(
        str(trained(tmp_path, "binary")), trained(tmp_path, "float"), (), quadrants, to, 1, QUIET
    )
    assert to.read_bytes()[:4] == b"\x89PNG"
    assert [path.name for path in to.parent.iterdir()] == ["cam.png"]
    assert set(record["focus"]) == {"ucnv binary", "ucnv float"}
    assert set(record["focus"]["ucnv float"]) == set(CLASSES)
    assert "(median of" in text


def test_own_pictures_are_explained(quadrants: Path, tmp_path: Path) -> None:
    files = sorted((quadrants / "chin_exposed").iterdir())[:3]
    text, record = write_figure(
        str(trained(tmp_path, "binary")), None, files, None, tmp_path / "a.png", 1, QUIET
    )
    assert record["focus"] == {"ucnv binary": {}}
    assert text == f"figure     {tmp_path / 'a.png'}"


def test_faulty_requests_are_refused(quadrants: Path, tmp_path: Path) -> None:
    binary = str(trained(tmp_path, "binary"))
    with pytest.raises(ConfigError, match="did you mean ncnv"):
        write_figure("ncvn", None, (), quadrants, tmp_path / "a.png", 1, QUIET)
    twin = trained(tmp_path, "float", ("mask", "no_mask"))
    with pytest.raises(InputError, match="knows other classes: mask, no_mask"):
        write_figure(binary, twin, (), quadrants, tmp_path / "a.png", 1, QUIET)
    assert not (tmp_path / "a.png").exists()
