import numpy as np
import pytest

from bnn_hw.train.metrics import calibration, evaluate, mcnemar, wilson_interval


def test_figures_of_a_hand_counted_case() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    predicted = np.array([0, 0, 0, 1, 1, 2, 2])
    result = evaluate(labels, predicted, ["a", "b", "c", "d"], persons=5)
    assert result.accuracy == pytest.approx(5 / 7)
    assert result.recall == {"a": 0.75, "b": 0.5, "c": 1.0, "d": None}
    assert result.macro_recall == pytest.approx(0.75)
    assert result.confusion == ((3, 1, 0, 0), (0, 1, 1, 0), (0, 0, 1, 0), (0, 0, 0, 0))
    assert "on 7 pictures of 5 persons" in str(result)
    assert "d: no picture" in str(result)
    assert result.to_json()["pictures"] == 7


def test_interval_is_wilsons() -> None:
    # 81 of 263 is the example of R. G. Newcombe, Statistics in Medicine 17, 1998, Table I.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(10, 10)[1] == pytest.approx(1.0)
    assert wilson_interval(0, 10)[0] == pytest.approx(0.0)


def test_nothing_to_evaluate_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 labels"):
        evaluate(np.array([], int), np.array([], int), ["a"], persons=0)


def test_precision_and_f1_of_the_hand_counted_case() -> None:
    labels, predicted = np.array([0, 0, 0, 0, 1, 1, 2]), np.array([0, 0, 0, 1, 1, 2, 2])
    result = evaluate(labels, predicted, ["a", "b", "c", "d"], persons=5)
    assert result.precision == {"a": 1.0, "b": 0.5, "c": 0.5, "d": None}
    assert result.f1 == {"a": pytest.approx(6 / 7), "b": 0.5, "c": pytest.approx(2 / 3), "d": None}
    assert result.macro_f1 == pytest.approx((6 / 7 + 0.5 + 2 / 3) / 3)
    assert result.recall_interval["a"] == wilson_interval(3, 4)
    assert result.recall_interval["d"] is None
    assert result.mask_or_not is None


def test_calibration_of_a_hand_counted_case() -> None:
    # Odds 3:1 and 9:1, so confidences of 0.75 and 0.9; bins of 0.7..0.8 and 0.8..0.9 with ten bins.
    scores = np.log([[3.0, 1.0], [1.0, 3.0], [3.0, 1.0], [1.0, 9.0]])
    found = calibration(np.array([0, 1, 1, 0]), scores, bins=10)
    assert [(b.pictures, round(b.confidence, 6), round(b.accuracy, 6)) for b in found.bins] == [
        (3, 0.75, 0.666667),
        (1, 0.9, 0.0),
    ]
    assert found.error == pytest.approx((3 * (0.75 - 2 / 3) + 0.9) / 4)


def test_mask_against_no_mask() -> None:
    labels = np.array([0, 0, 1, 2, 2, 2, 2])
    predicted = np.array([1, 2, 1, 2, 2, 2, 0])
    both = evaluate(labels, predicted, ["correct", "nose_exposed", "no_mask"], 7).mask_or_not
    assert both is not None
    assert (both.mask_recall, both.bare_recall) == (pytest.approx(2 / 3), 0.75)
    assert both.balanced_accuracy == pytest.approx((2 / 3 + 0.75) / 2)
    assert (both.mask_pictures, both.bare_pictures) == (3, 4)
    # One of the three is taken for no mask, one for the other class.
    assert both.mask_accuracy == pytest.approx(1 / 3)
    assert both.mask_accuracy_interval == pytest.approx(wilson_interval(1, 3))


def test_mcnemar_counts_what_only_one_has_right() -> None:
    labels = np.zeros(20, int)
    a, b = labels.copy(), labels.copy()
    b[:5] = 1
    a[5] = 1
    # One against five: 2 (C(6,0) + C(6,1)) / 2^6.
    assert mcnemar(labels, a, b) == pytest.approx(2 * 7 / 64)
    assert mcnemar(labels, a, a) == 1.0


def test_figures_equal_those_of_torchmetrics() -> None:
    torch = pytest.importorskip("torch", reason="the comparison needs torch: pip install bnn-hw[train]")
    from torchmetrics.classification import (
        MulticlassCalibrationError,
        MulticlassF1Score,
        MulticlassPrecision,
        MulticlassRecall,
    )

    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(500, 4)) * 2, rng.integers(0, 4, 500)
    result = evaluate(labels, scores.argmax(axis=1), list("abcd"), 500, scores)
    given = torch.from_numpy(scores).softmax(1), torch.from_numpy(labels)
    for own, other in (
        (result.recall, MulticlassRecall),
        (result.precision, MulticlassPrecision),
        (result.f1, MulticlassF1Score),
    ):
        assert list(own.values()) == pytest.approx(other(4, average="none")(*given).tolist())
    assert result.calibration is not None
    expected = MulticlassCalibrationError(4, n_bins=15)(*given).item()
    assert result.calibration.error == pytest.approx(expected, abs=1e-6)
