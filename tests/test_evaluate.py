from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs torch: pip install bnn-hw[train]")

from bnn_hw import evaluate  # noqa: E402
from bnn_hw.data import CLASSES  # noqa: E402
from bnn_hw.data.folder import PictureSet  # noqa: E402
from bnn_hw.errors import InputError, MismatchError  # noqa: E402
from bnn_hw.evaluate import Subject, judge, run_evaluation, text  # noqa: E402
from bnn_hw.evaluate_figures import write_results  # noqa: E402
from bnn_hw.progress import Reporter  # noqa: E402
from bnn_hw.train.checkpoint import save_network  # noqa: E402
from bnn_hw.train.networks import network_of  # noqa: E402

QUIET = Reporter(quiet=True)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, rng = tmp_path_factory.mktemp("faces"), np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (root / name).mkdir()
        for i in range(30):
            pixels = rng.integers(0, 256, (32, 32, 3), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{label}{i:03}.png")
    return root


def network_file(tmp_path: Path, precision: str = "binary", seed: int = 0) -> Path:
    """An untrained network whose signs fire about half the time."""
    torch.manual_seed(seed)
    net = network_of("ucnv", precision).train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randint(0, 256, (32, 3, 32, 32)).float())
    save_network(net, CLASSES, 1, tmp_path / f"{precision}{seed}.pt")
    return tmp_path / f"{precision}{seed}.pt"


def test_all_three_executions_agree_and_everything_is_written(faces: Path, tmp_path: Path) -> None:
    pytest.importorskip("qonnx", reason="the comparison needs qonnx: pip install bnn-hw[dev]")
    twin = network_file(tmp_path, "float")
    result = run_evaluation(
        str(network_file(tmp_path)), data=faces, twin=twin, robustness=True, reporter=QUIET
    )
    assert result.agreeing == ("Brevitas", "QONNX", "integer graph")
    scores = list(result.scores.values())
    assert np.array_equal(scores[0], scores[1])
    assert np.array_equal(scores[0], scores[2])
    assert len(set(scores[0].argmax(axis=1).tolist())) > 1
    assert result.evaluation.pictures == result.evaluation.persons == len(result.pictures) > 10
    assert result.twin is not None
    names = [table.name for table in result.robustness]
    assert names == ["brightness", "noise", "blur", "rotation", "shift right", "shift down", "crop"]
    for table in result.robustness:
        assert len(table.accuracy) == 2
        undisturbed = table.amounts.index(1.0 if table.name == "crop" else 0)
        mine, other = (shares[undisturbed] for shares in table.accuracy.values())
        assert mine == pytest.approx(result.evaluation.accuracy)
        assert other == pytest.approx(result.twin.accuracy)
    files = write_results(result, text(result), tmp_path / "judged")
    assert [path.name for path in files] == [
        "evaluation.json",
        "evaluation.txt",
        "evaluation.png",
        "robustness.png",
    ]
    words = (tmp_path / "judged" / "evaluation.txt").read_text()
    assert f"the same scores on all {len(result.pictures)} pictures" in words
    assert f"on {len(result.pictures)} pictures of {len(result.pictures)} persons" in words
    assert "(McNemar)" in words


def test_masks_are_drawn_on_as_many_faces_as_asked_for(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("bnn_hw.evaluate.disturbed", lambda *_: ())
    monkeypatch.setattr("bnn_hw.evaluate.drawn_masks", lambda *given: asked.append(given[-1]) or ())
    options = {"data": faces, "qonnx": False, "robustness": True, "reporter": QUIET}
    run_evaluation(str(network_file(tmp_path)), faces=7, **options)
    run_evaluation(str(network_file(tmp_path)), **options)
    assert asked == [7, 100]


def pictures(groups: tuple[str, ...] = ()) -> PictureSet:
    images = np.zeros((4, 32, 32, 3), np.uint8)
    return PictureSet("made", ("a", "b"), images, np.array([0, 1, 0, 1]), ("x", "y", "z", "z"), groups=groups)


def fixed(*winners: int) -> evaluate.Predictor:
    return lambda images: np.eye(2)[list(winners)][: len(images)]


def test_a_difference_names_the_picture() -> None:
    subject = Subject("net", ("a", "b"), {"one": fixed(0, 1, 0, 1), "other": fixed(0, 1, 1, 1)})
    with pytest.raises(MismatchError) as caught:
        judge(subject, pictures())
    fault = str(caught.value)
    assert "other against one: scores differ on 1 of 4 pictures, first on number 2 of person z" in fault
    assert "[0.0, 1.0] against [1.0, 0.0]" in fault


def test_groups_are_judged_by_themselves() -> None:
    subject = Subject("net", ("a", "b"), {"one": fixed(0, 1, 1, 1)})
    result = judge(subject, pictures(("real", "real", "drawn", "drawn")))
    assert {name: group.accuracy for name, group in result.groups.items()} == {"drawn": 0.5, "real": 1.0}
    assert (result.groups["drawn"].persons, result.evaluation.persons) == (1, 3)
    assert "  drawn: 50.00%" in text(result)


def test_shipped_designs_are_judged_without_torch_code(faces: Path) -> None:
    result = run_evaluation("ucnv", data=faces, part="all", qonnx=False, reporter=QUIET)
    assert result.agreeing == ("integer graph",)
    assert result.evaluation.pictures == 120


def test_a_twin_of_other_classes_and_a_recipe_of_others_are_refused(faces: Path, tmp_path: Path) -> None:
    save_network(network_of("ucnv", "float", 2), ("mask", "no_mask"), 1, tmp_path / "two.pt")
    with pytest.raises(InputError, match="knows other classes: mask, no_mask"):
        run_evaluation("ucnv", data=faces, twin=tmp_path / "two.pt", qonnx=False, reporter=QUIET)
    (tmp_path / "two.toml").write_text(
        'network = "ucnv"\nclasses = ["mask", "no_mask"]\n[[data]]\nfolder = "x"\n'
    )
    with pytest.raises(InputError, match=r"ucnv: knows the classes correct, .*; the data mask, no_mask"):
        run_evaluation("ucnv", data=faces, recipe=str(tmp_path / "two.toml"), qonnx=False, reporter=QUIET)


def test_an_fp32_network_is_judged_too(faces: Path, tmp_path: Path) -> None:
    result = run_evaluation(str(network_file(tmp_path, "float")), data=faces, reporter=QUIET)
    assert result.agreeing == ("FP32 twin",)
